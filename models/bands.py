"""Which parts of frames are to be looked up, and where only the person can come to."""

import math

import numpy as np
import numpy.typing as npt

from models.media import FloatArray
from models.pose import PoseRig

NODE_PX = 4  # spacing of the grid on which maps are composed
BAND_PX = 64  # a multiple of NODE_PX

Rectangle = tuple[int, int, int, int]  # left, top, right, bottom, one past the end
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
    rig: PoseRig, region: Rectangle, ways: FloatArray
) -> list[tuple[Rectangle, list[tuple[int, int]]]]:
    """A CPU draws a band of rows at a time, so that what is in the making stays in its
    cache, and only the columns that the person can come to. With the columns of each,
    first and one past the last, that the background can come to as well.

    ways: the least and the largest of each row of nodes, [2, 2 of x and y, rows], px.
    """
    left, top, right, bottom = region
    first, past, clear, unclear = rig.columns
    height, width = rig.size[0].tolist()
    (least_x, least_y), (most_x, most_y) = ways.tolist()
    step = max(BAND_PX // len(rig.spans) // NODE_PX, 4) * NODE_PX
    bands = []
    for upper in range(top, bottom, step):
        lower = min(upper + step, bottom)
        nodes = slice((upper - top) // NODE_PX, -(-(lower - top) // NODE_PX) + 1)
        least, most = min(least_x[nodes]), max(most_x[nodes])
        # Rows and columns that are looked at, with the neighbours on either side.
        above = math.floor(upper + min(least_y[nodes])) - 1
        above = min(max(above, 0), height - 1)
        below = max(math.ceil(lower + max(most_y[nodes])) + 2, above + 1)
        start, end = min(first[above:below]), max(past[above:below])
        # What reaches the picture's edge goes on beyond it.
        start = max(math.floor(start - most) - 2, left) if start else left
        end = min(math.ceil(end - least) + 1, right) if end < width else right
        if start >= end:
            continue
        within = max(math.ceil(max(clear[above:below]) - least) + 1, start)
        beyond = min(math.floor(min(unclear[above:below]) - most) - 2, end)
        mixed = [(start, within), (beyond, end)] if within < beyond else [(start, end)]
        mixed = [columns for columns in mixed if columns[0] < columns[1]]
        bands.append(((start, upper, end, lower), mixed))
    return bands
