"""The performer without a clock: a whole sound -> its motion -> its frames."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch

from models.identity_file import Identity
from models.media import PLAYOUT_SAMPLES_PER_FRAME, FloatArray, Motion
from models.performer import Performer
from models.warp import WarpRenderer

BATCH_FRAMES = 8  # frames a render call; more gains nothing on a CPU


def whole_frames(samples: FloatArray) -> FloatArray:
    """float32 [n] at 48 kHz -> [1920 T]: padded with silence to whole frames."""
    missing = -len(samples) % PLAYOUT_SAMPLES_PER_FRAME
    return np.pad(samples, (0, missing))


def perform(performer: Performer, samples: FloatArray) -> Motion:
    """Motion of a whole sound: float32 [1920 T] at 48 kHz -> T rows, none late."""
    delay = performer.delay_frames
    flush = np.zeros(delay * PLAYOUT_SAMPLES_PER_FRAME, np.float32)
    return performer.push_audio(np.concatenate([samples, flush]))[delay:]


def render_frames(
    renderer: WarpRenderer, identity: Identity, motion: Motion
) -> Iterator[npt.NDArray[np.uint8]]:
    """Yields batches of frames in order, uint8 RGB [up to 8, H, W, 3]."""
    for first in range(0, len(motion), BATCH_FRAMES):
        rows = torch.from_numpy(motion[first : first + BATCH_FRAMES].values)
        with torch.inference_mode():
            yield renderer([identity] * len(rows), rows).cpu().numpy()
