"""Batches of crops for scripts.train_audio2motion, determined by seed and number."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from models.media import FloatArray
from models.mouth_motion import LOOK_AHEADS
from models.mouth_net import STEPS_PER_FRAME
from models.visemes import SILENCE, Phones, mouth_track
from scripts.mel_augmentation import noise_grain
from scripts.motion_corpus import Stream

# A row is the mean of two steps and the mouth at the start of its frame, as a camera
# saw it; hence a step more than the frames.
LOOK_AHEAD_STEPS = max(LOOK_AHEADS) * STEPS_PER_FRAME + 1
# Steps by which the mouths of a batch are more than its sound, see `crops`.
SPARE_STEPS = (max(LOOK_AHEADS) - min(LOOK_AHEADS)) * STEPS_PER_FRAME
NOISE_SHARE = 0.08  # of the crops, from TrainingOptions.noise_from on


@dataclass(frozen=True)
class TrainingOptions:
    """What a training run is determined by, with its data."""

    steps: int = 20_000
    batch: int = 16
    crop: int = 256  # network steps of 20 ms
    copies: int = 4  # of each shard, each heard differently
    recorded_share: float = 0.5  # of the crops, from voices cut from recordings
    learning_rate: float = 1e-3
    noise_from: int = 0  # the step from which some crops are noise before speech
    true_noise_from: int = 0  # and from which noise has the grain of sound
    varied_from: int = 1_000  # and from which voices are put farther apart
    precision: str = "float32"  # of the products; bfloat16 pays on CUDA and AMX
    seed: int = 0


def crops(
    streams: list[Stream], options: TrainingOptions, start: int
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Endless batches of mel [B, 2 T, 80], track [B, T + SPARE_STEPS, shapes] and
    classes [B, T + SPARE_STEPS].

    Row k of a track is the mouth of LOOK_AHEAD_STEPS before step k of the sound: what
    the network must say there with the longest look-ahead. Batch n depends on the seed
    and n alone.
    """
    chances = _chances(streams, options.recorded_share)
    span, late = options.crop, LOOK_AHEAD_STEPS
    for number in range(start, sys.maxsize):
        rng = np.random.default_rng([options.seed, number])
        chosen = rng.choice(len(streams), options.batch, p=chances)
        mels, tracks, classes = [], [], []
        for index in chosen:
            stream = streams[index]
            at = int(rng.integers(late, len(stream.classes) - span))
            mel = stream.mel[2 * at : 2 * (at + span)]
            track = stream.track[at - late : at - late + span + SPARE_STEPS]
            heard = stream.classes[at - late : at - late + span + SPARE_STEPS]
            if number >= options.noise_from and rng.random() < NOISE_SHARE:
                mel, track, heard = noise_first(
                    mel, track, heard, rng, number >= options.true_noise_from
                )
            mels.append(mel)
            tracks.append(track)
            classes.append(heard)
        yield (
            torch.from_numpy(np.stack(mels)).float(),
            torch.from_numpy(np.stack(tracks)).float(),
            torch.from_numpy(np.stack(classes)).long(),
        )


def _chances(streams: list[Stream], recorded_share: float) -> FloatArray:
    """Of each stream to be chosen: by length, and by its kind of voice."""
    lengths = np.array([len(stream.classes) for stream in streams], float)
    recorded = np.array([stream.recorded for stream in streams])
    if recorded.any() and not recorded.all():
        lengths[recorded] *= recorded_share / lengths[recorded].sum()
        lengths[~recorded] *= (1 - recorded_share) / lengths[~recorded].sum()
    return np.asarray(lengths / lengths.sum())


def noise_first(
    mel: npt.NDArray[np.float16],
    track: npt.NDArray[np.float16],
    classes: npt.NDArray[np.uint8],
    rng: np.random.Generator,
    true_noise: bool,
) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.float16], npt.NDArray[np.uint8]]:
    """A crop whose speech begins late, or never, in a noise that is there all along."""
    steps = len(mel) // 2
    begin = steps if rng.random() < 0.5 else int(rng.integers(steps // 4, steps // 2))
    bands = np.linspace(0, 1, mel.shape[1])
    power = mel.astype(np.float32)
    loud = float(np.quantile(power.mean(1), 0.9))
    level = rng.uniform(-11, 0) if begin == steps else loud - rng.uniform(3.5, 8)
    tilt = rng.uniform(-4, 4 if true_noise else 1) * bands
    tilt = tilt + rng.uniform(0, 1) * np.cos(9 * bands)
    if true_noise:
        bank = noise_grain().numpy()
        at = int(rng.integers(len(bank) - len(mel)))
        grain = bank[at : at + len(mel)]
    else:
        grain = 0.6 * rng.standard_normal(mel.shape)
    noise = level + tilt + grain
    # A step says what was LOOK_AHEAD_STEPS before: the rest of the mouth comes later.
    power[: 2 * begin] = -16
    mel = np.logaddexp(power, noise).astype(np.float16)
    quiet = begin + LOOK_AHEAD_STEPS if begin < steps else len(classes)
    track, classes = track.copy(), classes.copy()
    times_s = np.zeros(1)
    still = Phones(
        np.array([-1.0]), np.array([1.0]), np.array([SILENCE]), np.zeros(1, np.float32)
    )
    track[:quiet] = mouth_track(still, times_s)
    classes[:quiet] = SILENCE
    return mel, track, classes
