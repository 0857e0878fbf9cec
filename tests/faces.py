"""The embedded portrait, enrolled once for all tests that look at faces."""

from functools import cache

import numpy as np
import numpy.typing as npt
import torch

from models.identity import Identity, embedded_photo, enrol
from models.media import CHANNEL_INDEX, MOTION_CHANNELS
from models.warp import WarpRenderer


@cache
def grace() -> Identity:
    return enrol(embedded_photo(), size=384, name="Grace")


@cache
def renderer() -> WarpRenderer:
    return WarpRenderer()


def motion(**channels: float) -> torch.Tensor:
    """One row: float32 [1, channels]."""
    row = torch.zeros(1, len(MOTION_CHANNELS))
    for name, value in channels.items():
        row[0, CHANNEL_INDEX[name]] = value
    return row


def frame(**channels: float) -> npt.NDArray[np.uint8]:
    """uint8 [H, W, 3] of the embedded portrait."""
    with torch.inference_mode():
        shown: npt.NDArray[np.uint8] = renderer()([grace()], motion(**channels))[
            0
        ].numpy()
    return shown
