"""Which parts of frames are to be looked up, and where only the person can come to."""

import math

import numpy as np
import numpy.typing as npt

from models.media import FloatArray
from models.pose import ROWS_TOLD, PoseRig

NODE_PX = 4  # spacing of the grid on which maps are composed
# Rows of a band, multiples of NODE_PX: of so many frames together as a cache holds, but
# neither so few that starting on them costs more, nor so many that bands are too wide.
CACHED_PX, LEAST_PX, MOST_PX = 256, 32, 128

Rectangle = tuple[int, int, int, int]  # left, top, right, bottom, one past the end
Columns = tuple[int, int]  # the first and one past the last
Way = tuple[float, float]  # x and y, pixels
# Of each row of nodes the least ways of x and y, then the largest; places.
Ways = tuple[list[float], list[float], list[float], list[float]]
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
    rig: PoseRig,
    frames: int,
    region: Rectangle,
    ways: Ways,
    moving: list[Columns] | None,
) -> list[tuple[Rectangle, list[Columns]]]:
    """A CPU draws a band of rows at a time, so that what is in the making stays in its
    cache, and only the columns that the person can come to. With the columns of each
    that the background can come to as well.

    moving: pixels that move near each row of nodes, if not all do.
    """
    left, top, right, bottom = region
    least_x, least_y, most_x, most_y = ways
    half_x, half_y = (rig.width - 1) / 2, (rig.height - 1) / 2
    step = min(max(CACHED_PX // frames, LEAST_PX), MOST_PX) // NODE_PX * NODE_PX
    bands = []
    for upper in range(top, bottom, step):
        lower = min(upper + step, bottom)
        near = slice((upper - top) // NODE_PX, -(-(lower - top) // NODE_PX) + 1)
        least = min(least_x[near]) * half_x, min(least_y[near]) * half_y
        most = max(most_x[near]) * half_x, max(most_y[near]) * half_y
        band = (left, upper, right, lower)
        if moving:
            start, end = (
                min(c[0] for c in moving[near]),
                max(c[1] for c in moving[near]),
            )
            band = (start, upper, end, lower)
        (start, end), (within, beyond) = _columns(rig, band, least, most)
        if start >= end:
            continue
        mixed = [(start, within), (beyond, end)] if within < beyond else [(start, end)]
        mixed = [columns for columns in mixed if columns[0] < columns[1]]
        bands.append(((start, upper, end, lower), mixed))
    return bands


def _columns(
    rig: PoseRig, band: Rectangle, least: Way, most: Way
) -> tuple[Columns, Columns]:
    """Of a band, the columns that the person can come to, and those to which the
    background cannot come."""
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
