"""Frames with an alpha channel, for laying the portrait over something else.

Each frame is drawn over black and over white: where both agree the person is opaque,
where they differ by 255 there is nobody. Exact for whatever the renderer does.
Source: Smith, Blinn, Blue Screen Matting, SIGGRAPH 1996 (triangulation).
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from models.backdrop import Backdrop, with_backdrop
from models.identity_file import Identity
from models.media import Motion
from models.offline import render_frames
from models.warp import WarpRenderer

UintArray = npt.NDArray[np.uint8]


def render_cutouts(
    renderer: WarpRenderer, identity: Identity, motion: Motion
) -> Iterator[UintArray]:
    """Yields batches of frames in order, uint8 RGBA [up to 8, H, W, 4], the colours
    not weighted by alpha."""
    over_black = with_backdrop(identity, Backdrop("colour", (0, 0, 0)))
    over_white = with_backdrop(identity, Backdrop("colour", (255, 255, 255)))
    yield from map(
        cut_out,
        render_frames(renderer, over_black, motion),
        render_frames(renderer, over_white, motion),
    )


def cut_out(over_black: UintArray, over_white: UintArray) -> UintArray:
    """The same frames over black and over white, uint8 [..., 3] -> RGBA [..., 4]."""
    apart = over_white.astype(np.int16) - over_black
    alpha = 255 - apart.clip(0, 255).mean(-1, keepdims=True).astype(np.float32)
    alpha[alpha < 1.5] = 0  # rounding, not a person
    colours = over_black * (255 / np.maximum(alpha, 1))
    colours = np.where(alpha > 0, colours.clip(0, 255), 0)
    return np.asarray(np.round(np.concatenate([colours, alpha], -1)), np.uint8)
