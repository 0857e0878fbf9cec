"""Which parts of frames are to be looked up, and where only the person can come to."""

import math

import numpy as np
import numpy.typing as npt

from models.media import FloatArray
from models.pose import ROWS_TOLD, PoseRig
from models.sampling import half_px

NODE_PX = 4  # spacing of the grid on which maps are composed
# Rows of a band, multiples of NODE_PX: of so many frames together as a cache holds, but
# neither so few that starting on them costs more, nor so many that bands are too wide.
CACHED_PX, LEAST_PX, MOST_PX = 256, 32, 192

Rectangle = tuple[int, int, int, int]  # left, top, right, bottom, one past the end
Columns = tuple[int, int]  # the first and one past the last
# Of each row of a picture the first column and one past the last, [2, H]; of an empty
# one width and 0.
Spans = npt.NDArray[np.int64]


def spans_of(there: npt.NDArray[np.bool_]) -> Spans:
    """From the first to the last column of each row of [H, W] that is there."""
    width = there.shape[1]
    first = np.where(there.any(1), there.argmax(1), width)
    past = np.where(there.any(1), width - there[:, ::-1].argmax(1), 0)
    return np.stack([first, past])


def clear_spans(share: FloatArray) -> Spans:
    """The longest run of columns in each row without background, of which share [H, W]
    shows."""
    height, width = share.shape
    there = np.zeros((height, width + 2), np.int8)
    there[:, 1:-1] = share == 0
    runs = np.zeros((2, height), np.int64)
    runs[0] = width
    for row, steps in enumerate(np.diff(there, axis=1)):
        firsts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
        if len(firsts):
            longest = int((ends - firsts).argmax())
            runs[:, row] = firsts[longest], ends[longest]
    return runs


def bands_of(
    rig: PoseRig, region: Rectangle, ways: FloatArray, *, still: bool
) -> list[tuple[Rectangle, list[Columns]]]:
    """A CPU draws a band of rows at a time, so that what is in the making stays in its
    cache, and only the columns that the person can come to. With the columns of each
    that the background can come to as well.

    ways: [B, 2, h, w] of the region's nodes. still: whether nothing is to be drawn
        where they are none. A band where nothing is has no columns.
    """
    left, top, right, bottom = region
    half = half_px(rig.height, rig.width)[:, 0]
    moves = (ways != 0).any((0, 1)) if still else None
    bands = []
    for upper, lower in _rows(top, bottom, len(ways)):
        near = slice((upper - top) // NODE_PX, -(-(lower - top) // NODE_PX) + 1)
        least = (ways[:, :, near].min((0, 2, 3)) * half).tolist()
        most = (ways[:, :, near].max((0, 2, 3)) * half).tolist()
        start, end = left, right
        if moves is not None:
            start, end = _felt(moves[near], left, right)
        band = (start, upper, end, lower)
        (start, end), (within, beyond) = _columns(rig, band, least, most)
        mixed = [(start, within), (beyond, end)] if within < beyond else [(start, end)]
        mixed = [columns for columns in mixed if columns[0] < columns[1]]
        bands.append(((start, upper, max(start, end), lower), mixed))
    return bands


def _rows(top: int, bottom: int, frames: int) -> list[tuple[int, int]]:
    """The first row of each band and one past its last."""
    wanted = min(max(CACHED_PX // frames, LEAST_PX), MOST_PX)
    count = max(round((bottom - top) / wanted), 1)
    step = math.ceil((bottom - top) / count / NODE_PX) * NODE_PX
    firsts = range(top, bottom, step)
    return [(first, min(first + step, bottom)) for first in firsts]


def _felt(moves: npt.NDArray[np.bool_], left: int, right: int) -> Columns:
    """The pixels between any node [h, w] that moves and its neighbours, from the first
    to the last."""
    columns = np.flatnonzero(moves.any(0))
    if not len(columns):
        return left, left
    first, last = int(columns[0]), int(columns[-1])
    return (
        max(left + (first - 1) * NODE_PX, left),
        min(left + (last + 1) * NODE_PX, right),
    )


def _columns(
    rig: PoseRig, band: Rectangle, least: list[float], most: list[float]
) -> tuple[Columns, Columns]:
    """Of a band, the columns that the person can come to, and those to which the
    background cannot come, by the least and the most of x and y ways, pixels."""
    left, upper, right, lower = band
    height, width = rig.height, rig.width
    # Rows and columns that are looked at, with the neighbours on either side.
    above = min(max(math.floor(upper + least[1]) - 1, 0), height - 1)
    below = min(max(math.ceil(lower + most[1]) + 2, above + 1), height)
    rows = slice(above // ROWS_TOLD, -(-below // ROWS_TOLD))
    first, past, clear, unclear = (told[rows] for told in rig.columns)
    start, end = min(first), max(past)
    # What reaches the picture's edge goes on beyond it.
    start = max(math.floor(start - most[0]) - 2, left) if start else left
    end = min(math.ceil(end - least[0]) + 1, right) if end < width else right
    within = max(math.ceil(max(clear) - least[0]) + 1, start)
    beyond = min(math.floor(min(unclear) - most[0]) - 2, end)
    return (start, end), (within, beyond)
