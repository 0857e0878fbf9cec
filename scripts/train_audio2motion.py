"""Train the audio-to-motion network on the shards of scripts.synth_speech.

    python -m scripts.train_audio2motion DATA --run FOLDER [--steps 20000]

Goes on from FOLDER/checkpoint.pt where there is one, and begins with the weights of
--start where it is given. FOLDER/log.jsonl has the loss and
the figures on the held-out voices; at the end, and at each --export-every, the averaged
weights are written to FOLDER/audio2motion.safetensors with a model card beside them,
unless an earlier export had better figures.
With --install they replace the embedded ones in models/assets.
"""

import argparse
import copy
import json
import math
import shutil
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from models.audio2motion import EMBEDDED_WEIGHTS, AudioToMotion
from models.errors import WeightsError
from models.media import FloatArray
from models.mel import LOWEST_LEVEL, follow_level, normalise
from models.mouth_motion import LOOK_AHEADS
from models.mouth_net import STEPS_PER_FRAME
from models.visemes import BILABIAL, VISEME_CLASSES, Shape
from scripts.mel_augmentation import augment
from scripts.model_card import model_card
from scripts.motion_corpus import Stream, is_held_out, load_stream
from scripts.training_crops import LOOK_AHEAD_STEPS, TrainingOptions, crops

WARM_UP_STEPS = 10  # of a crop: the network has heard too little to be asked
EMA_DECAY = 0.999
DROPPED_CHANNELS = 0.1  # of each block, for a whole crop, while voices are varied
DECAY_SHARE = 0.3  # of the steps, at the end

# What an error in each shape counts; the lips before all else.
SHAPE_WEIGHTS = {
    Shape.APERTURE: 3.0,
    Shape.WIDTH: 1.5,
    Shape.JAW: 1.5,
    Shape.FUNNEL: 1.0,
    Shape.PUCKER: 1.0,
    Shape.UPPER_UP: 0.5,
    Shape.LOWER_DOWN: 0.5,
    Shape.ROLL: 0.7,
    Shape.TONGUE: 0.5,
}
CLOSURE_WEIGHT = 4.0  # a lip closure counts so many times more than an open mouth
VELOCITY_WEIGHT, CLOSE_WEIGHT, SPEECH_WEIGHT, CLASS_WEIGHT = 4.0, 2.0, 0.1, 0.1
LOOK_AHEAD_WEIGHTS = (0.2, 0.3, 1.0)  # of mouth_motion.LOOK_AHEADS


@dataclass(frozen=True)
class Figures:
    """On the held-out voices. r: Pearson correlation with the target tracks.

    closed: share of p b m with the close channel over 0.5 within 40 ms of it.
    false_closed: share of wide open steps with it over 0.5. class_accuracy: of visemes.
    """

    aperture_r: float
    width_r: float
    closed: float
    false_closed: float
    speech_accuracy: float
    class_accuracy: float

    @property
    def score(self) -> float:
        """The higher the better: what the best weights so far are chosen by."""
        return self.aperture_r + self.width_r + self.closed - 2 * self.false_closed


def read_streams(data: Path, held_out: bool, copies: int) -> list[Stream]:
    """Raises FileNotFoundError where the folder has no such shards."""
    network = AudioToMotion()
    shards = [p for p in sorted(data.glob("*.npz")) if is_held_out(p) == held_out]
    if not shards:
        raise FileNotFoundError(
            f"{data} holds no {'held-out' if held_out else 'training'} shards: make "
            f"them with python -m scripts.synth_speech --out {data}"
        )
    return [
        load_stream(shard, copy_number, network.log_mel)
        for shard in tqdm(shards, desc="held out" if held_out else "speech")
        for copy_number in range(copies)
    ]


def run_network(network: AudioToMotion, mel: Tensor) -> tuple[Tensor, Tensor]:
    """Shapes [look-aheads, B, T, len(Shape)] and class logits [B, T, classes] for
    log-mel [B, 4 n, 80], from a fresh start."""
    level = mel.new_full((len(mel),), LOWEST_LEVEL)
    _, levels, _ = follow_level(mel, level)
    features = normalise(mel, levels)
    narrow = torch.is_autocast_enabled(mel.device.type)
    like = features.bfloat16() if narrow else features
    hidden, _ = network.net(features, network.net.initial_state(len(mel), like))
    shapes = torch.stack([head(hidden) for head in network.net.heads])
    return shapes, network.net.class_head(hidden)


def loss_of(shapes: Tensor, logits: Tensor, track: Tensor, classes: Tensor) -> Tensor:
    """The training loss, a scalar; track and classes as in training_crops.crops."""
    steps = logits.shape[1]
    keep = slice(WARM_UP_STEPS, None)
    total = functional.cross_entropy(
        logits[:, keep].float().flatten(0, 1), classes[:, :steps][:, keep].flatten()
    )
    total = CLASS_WEIGHT * total
    for frames, weight, said in zip(
        LOOK_AHEADS, LOOK_AHEAD_WEIGHTS, shapes, strict=True
    ):
        later = (max(LOOK_AHEADS) - frames) * STEPS_PER_FRAME
        wanted = track[:, later : later + steps]
        total = total + weight * shape_loss(said[:, keep].float(), wanted[:, keep])
    return total


def shape_loss(said: Tensor, track: Tensor) -> Tensor:
    """Of one look-ahead: said and track [B, T, len(Shape)]."""
    columns = list(SHAPE_WEIGHTS)
    weights = said.new_tensor(list(SHAPE_WEIGHTS.values()))
    weighted = weights.expand(*track.shape[:2], -1).clone()
    weighted[..., 0] *= 1 + CLOSURE_WEIGHT * track[..., Shape.CLOSE]
    off = said[..., columns] - track[..., columns]
    position = (weighted * off.square()).mean()
    velocity = (weights * off.diff(dim=1).square()).mean()
    speech = functional.binary_cross_entropy_with_logits(
        said[..., Shape.SPEECH], track[..., Shape.SPEECH]
    )
    return (
        position
        + VELOCITY_WEIGHT * velocity
        + CLOSE_WEIGHT * close_loss(said[..., Shape.CLOSE], track[..., Shape.CLOSE])
        + SPEECH_WEIGHT * speech
    )


def close_loss(logit: Tensor, wanted: Tensor) -> Tensor:
    """Cross-entropy that looks most at what is told wrong (Lin et al., "Focal Loss for
    Dense Object Detection", 2017, with gamma 1): [n] against [m] above all."""
    wrong = (torch.sigmoid(logit.detach()) - wanted).abs()
    entropy = functional.binary_cross_entropy_with_logits(
        logit, wanted, reduction="none"
    )
    return (2 * wrong * entropy).mean()


@torch.inference_mode()
def evaluate(network: AudioToMotion, streams: list[Stream]) -> Figures:
    """The figures on whole streams, in the sound as it was synthesised."""
    rows = []
    for stream in streams:
        count = len(stream.classes) // STEPS_PER_FRAME * STEPS_PER_FRAME
        mel = torch.from_numpy(stream.mel[: 2 * count]).float()[None]
        shapes, logits = run_network(network, mel)
        late = LOOK_AHEAD_STEPS
        said = shapes[-1, 0, late:].numpy()
        rows.append(
            _figures(
                said,
                logits[0, late:].argmax(-1).numpy(),
                stream.track[: len(said)].astype(np.float32),
                stream.classes[: len(said)],
            )
        )
    means = np.mean(rows, axis=0)
    return Figures(*(round(float(mean), 4) for mean in means))


def _figures(
    said: FloatArray,
    heard: npt.NDArray[np.int64],
    track: FloatArray,
    classes: npt.NDArray[np.uint8],
) -> tuple[float, ...]:
    speaking = track[:, Shape.SPEECH] > 0.5
    r = [
        float(np.corrcoef(said[speaking, column], track[speaking, column])[0, 1])
        for column in (Shape.APERTURE, Shape.WIDTH)
    ]
    closed = said[:, Shape.CLOSE] > 0
    near = np.convolve(closed, np.ones(5), "same") > 0
    begins = np.flatnonzero((classes[1:] == BILABIAL) & (classes[:-1] != BILABIAL)) + 2
    begins = begins[begins < len(near)]
    is_open = speaking & (track[:, Shape.APERTURE] > 0.35)
    heard_speech = (said[:, Shape.SPEECH] > 0) == speaking
    return (
        *r,
        float(near[begins].mean()),
        float(closed[is_open].mean()),
        float(heard_speech.mean()),
        float((heard == classes)[speaking].mean()),
    )


class Run:
    """A training run and its folder."""

    def __init__(
        self,
        folder: Path,
        options: TrainingOptions,
        device: torch.device,
        start: Path | None = None,
    ) -> None:
        """Raises WeightsError for a start that holds no weights of this network."""
        self.folder, self.options, self.device = folder, options, device
        torch.manual_seed(options.seed)
        self.network = AudioToMotion().to(device)
        if start is not None:
            self.network.load_state_dict(AudioToMotion.load(start).state_dict())
        self.average = copy.deepcopy(self.network).requires_grad_(False)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=options.learning_rate, weight_decay=0.01
        )
        self.step = 0
        self.seconds = 0.0
        self.best_score = -math.inf
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint.pt"

    def resume(self) -> None:
        """Go on from the checkpoint, if there is one."""
        if not self.checkpoint.exists():
            return
        saved = torch.load(self.checkpoint, map_location=self.device)
        self.network.load_state_dict(saved["network"])
        self.average.load_state_dict(saved["average"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.step, self.seconds = saved["step"], saved["seconds"]
        self.best_score = saved["best_score"]

    def save(self) -> None:
        partial = self.checkpoint.with_suffix(".part")
        torch.save(
            {
                "network": self.network.state_dict(),
                "average": self.average.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "step": self.step,
                "seconds": self.seconds,
                "best_score": self.best_score,
            },
            partial,
        )
        partial.replace(self.checkpoint)

    def train_step(self, mel: Tensor, track: Tensor, classes: Tensor) -> float:
        """One step of the optimizer; gives the loss."""
        rate = self._learning_rate()
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        generator = torch.Generator().manual_seed(self.options.seed + self.step)
        varied = self.step >= self.options.varied_from
        mel = augment(
            mel,
            generator,
            true_noise=self.step >= self.options.true_noise_from,
            varied=varied,
        ).to(self.device)
        torch.manual_seed(self.options.seed + self.step)
        self.network.net.dropped = DROPPED_CHANNELS if varied else 0.0
        narrow = self.options.precision == "bfloat16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=narrow):
            shapes, logits = run_network(self.network, mel)
        loss = loss_of(shapes, logits, track.to(self.device), classes.to(self.device))
        self.optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        decay = min(EMA_DECAY, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            pairs = zip(
                self.average.parameters(), self.network.parameters(), strict=True
            )
            for mean, value in pairs:
                mean.lerp_(value, 1 - decay)
        self.step += 1
        return float(loss.detach())

    def _learning_rate(self) -> float:
        """A warm-up, a plateau, and for the last steps a straight way down.

        The plateau does not depend on the number of steps, so that a run can be given
        another end while it is on it.
        """
        warm = min(1.0, (self.step + 1) / 300)
        left = 1 - self.step / self.options.steps
        return self.options.learning_rate * warm * min(1.0, max(left, 0) / DECAY_SHARE)

    def export(self, figures: Figures, hours: float, command: str) -> Path:
        """Write the averaged weights and their model card, if none were better."""
        path = self.folder / EMBEDDED_WEIGHTS.name
        if figures.score < self.best_score:
            return path
        self.best_score = figures.score
        tensors = {
            name: value.detach().cpu().contiguous()
            for name, value in self.average.state_dict().items()
        }
        partial = path.with_suffix(".part")
        save_file(tensors, partial)
        partial.replace(path)
        size = sum(value.numel() for value in tensors.values())
        card = model_card(
            size, self.step, hours, self.seconds / 60, asdict(figures), command
        )
        path.with_suffix(".md").write_text(card)
        return path


def train(run: Run, data: Path, export_every: int, command: str) -> Path:
    """Train to the end of the options' steps; gives the exported weights."""
    options = run.options
    run.resume()
    held_out = read_streams(data, held_out=True, copies=1)
    streams = read_streams(data, held_out=False, copies=options.copies)
    hours = sum(len(stream.classes) for stream in streams) / 50 / 3600
    batches = crops(streams, options, run.step)
    progress = tqdm(total=options.steps, initial=run.step, desc="training")
    losses: list[float] = []
    path = run.folder / EMBEDDED_WEIGHTS.name
    while True:
        if run.step >= options.steps or (losses and run.step % export_every == 0):
            figures = evaluate(run.average, held_out)
            path = run.export(figures, hours, command)
            run.save()
            entry = {"step": run.step, "loss": round(float(np.mean(losses or [0])), 5)}
            entry |= {"seconds": round(run.seconds)} | asdict(figures)
            with (run.folder / "log.jsonl").open("a") as log:
                log.write(json.dumps(entry) + "\n")
            progress.set_postfix(loss=entry["loss"], r=figures.aperture_r)
            losses.clear()
        if run.step >= options.steps:
            return path
        began = time.monotonic()
        losses.append(run.train_step(*next(batches)))
        run.seconds += time.monotonic() - began
        progress.update()


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder of scripts.synth_speech")
    parser.add_argument("--run", type=Path, required=True, help="folder of this run")
    defaults = TrainingOptions()
    for name, value in asdict(defaults).items():
        flag = f"--{name.replace('_', '-')}"
        parser.add_argument(flag, type=type(value), default=value)
    parser.add_argument("--start", type=Path, help="weights to begin with")
    parser.add_argument("--export-every", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--install", action="store_true")
    options = parser.parse_args(argv)
    torch.set_num_threads(options.threads)
    settings = {name: getattr(options, name) for name in asdict(defaults)}
    flags = " ".join(f"--{k.replace('_', '-')} {v}" for k, v in settings.items())
    start = " --start START" if options.start else ""
    command = f"python -m scripts.train_audio2motion DATA --run RUN{start} {flags}"
    try:
        run = Run(
            options.run,
            TrainingOptions(**settings),
            torch.device(options.device),
            options.start,
        )
        path = train(run, options.data, options.export_every, command)
    except (FileNotFoundError, WeightsError) as error:
        print(error, file=sys.stderr)
        return 1
    if options.install:
        EMBEDDED_WEIGHTS.parent.mkdir(exist_ok=True)
        for source in (path, path.with_suffix(".md")):
            shutil.copyfile(source, EMBEDDED_WEIGHTS.with_suffix(source.suffix))
    print(f"{path}: {len(VISEME_CLASSES)} classes, {run.step} steps")
    return 0


if __name__ == "__main__":
    sys.exit(main())
