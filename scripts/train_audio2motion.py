"""Train the audio-to-motion network on the shards of scripts.synth_speech.

    python -m scripts.train_audio2motion DATA --run FOLDER [--steps 20000]

Goes on from FOLDER/checkpoint.pt where there is one, and begins with the weights of
--start where it is given. FOLDER/log.jsonl has the loss and the figures on the held-out
voices; at the end, and at each --export-every, the averaged weights are written to
FOLDER/audio2motion.safetensors with a model card beside them, unless an earlier export
had better figures. With --install they replace the embedded ones in models/assets.
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
import torch
from safetensors.torch import save_file
from torch import Tensor
from tqdm import tqdm

from models.audio2motion import EMBEDDED_WEIGHTS, AudioToMotion
from models.errors import WeightsError
from models.visemes import VISEME_CLASSES
from scripts.mel_augmentation import augment
from scripts.model_card import TrainingFacts, model_card
from scripts.motion_corpus import SHARD_S, Stream, is_held_out, load_stream
from scripts.motion_figures import Figures, evaluate
from scripts.motion_loss import loss_of, run_network
from scripts.training_crops import TrainingOptions, crops

EMA_DECAY = 0.999
DROPPED_CHANNELS = 0.1  # of each block, for a whole crop, while voices are varied
DECAY_SHARE = 0.3  # of the steps, at the end


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


@dataclass(frozen=True)
class Source:
    """What a run learns from, and the command that it is."""

    unique_hours: float
    heard_hours: float
    command: str


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
        self.start = start
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

    def export(self, figures: Figures, source: Source) -> Path:
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
        facts = TrainingFacts(
            parameters=sum(value.numel() for value in tensors.values()),
            steps=self.step,
            unique_hours=source.unique_hours,
            heard_hours=source.heard_hours,
            minutes=self.seconds / 60,
            figures=asdict(figures),
            command=source.command,
            start=self.start,
        )
        path.with_suffix(".md").write_text(model_card(facts))
        return path


def train(run: Run, data: Path, export_every: int, command: str) -> Path:
    """Train to the end of the options' steps; gives the exported weights."""
    options = run.options
    run.resume()
    held_out = read_streams(data, held_out=True, copies=1)
    streams = read_streams(data, held_out=False, copies=options.copies)
    heard_hours = sum(len(stream.classes) for stream in streams) / 50 / 3600
    unique_hours = len(list(data.glob("*.npz"))) * SHARD_S / 3600
    source = Source(unique_hours, heard_hours, command)
    batches = crops(streams, options, run.step)
    progress = tqdm(total=options.steps, initial=run.step, desc="training")
    losses: list[float] = []
    path = run.folder / EMBEDDED_WEIGHTS.name
    while True:
        if run.step >= options.steps or (losses and run.step % export_every == 0):
            figures = evaluate(run.average, held_out)
            path = run.export(figures, source)
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
