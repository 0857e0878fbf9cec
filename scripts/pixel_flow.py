"""How far what is at a face's points has gone from one frame to another, by its pixels.

Lucas and Kanade's optical flow on a pyramid of pictures, there and back again: a point
that does not come back to where it started was not found (Kalal, Mikolajczyk and Matas,
Forward-Backward Error: Automatic Detection of Tracking Failures, 2010).
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from models.media import FloatArray

# Of the distance between the eyes, round a point that is looked for: a wider one sees
# nostrils move with the lip and takes them for the nose's tip.
WINDOW = 0.07
HALVINGS = 2  # of the picture
BACK_PX = 0.25  # from where it started: further, and a point was not found
# Flat skin is looked for too, until it moves by less than a thousandth of a pixel.
LEAST_SLOPE, ENOUGH = 0, (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 50, 1e-3)
SHIFT = 0.01  # of the distance between the eyes
WAYS = (1.0, 0.0), (0.0, 1.0), (-0.7, 0.7)  # right, down, and down to the left

UintArray = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Sight:
    """What is measured of a shift of SHIFT on purpose, of it; points that are lost."""

    least: float
    most: float
    lost: int


def pixel_flow(
    first: UintArray, second: UintArray, points: FloatArray, iod: float
) -> FloatArray:
    """How far what is at points [N, 2] of one frame has gone in another, IOD: [N];
    infinitely far where it is not found again."""
    before, after = (
        np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), np.uint8)
        for frame in (first, second)
    )
    start = np.ascontiguousarray(points[:, None], np.float32)
    found, there = _looked_for(before, after, start, iod)
    back, again = _looked_for(after, before, found, iod)
    same = there & again & (_apart(back, start) <= BACK_PX)
    return np.asarray(np.where(same, _apart(found, start) / iod, np.inf), np.float32)


def sight(picture: UintArray, points: FloatArray, iod: float) -> Sight:
    """Whether this picture's points can be followed: all of it is shifted a little."""
    step, seen = SHIFT * iod, []
    for right, down in WAYS:
        moved = shifted(picture, right * step, down * step)
        flow = pixel_flow(picture, moved, points, iod)
        seen.append(flow / (SHIFT * float(np.hypot(right, down))))
    known = np.isfinite(seen)
    found = np.array(seen)[known]
    if not found.size:
        return Sight(0.0, np.inf, len(points))
    return Sight(float(found.min()), float(found.max()), int((~known).any(0).sum()))


def shifted(picture: UintArray, right_px: float, down_px: float) -> UintArray:
    """All of a picture moved; its border's pixels fill what comes in."""
    height, width = picture.shape[:2]
    moved = cv2.warpAffine(
        picture,
        np.array([[1, 0, right_px], [0, 1, down_px]], np.float32),
        (width, height),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(moved, np.uint8)


def _looked_for(
    before: UintArray, after: UintArray, start: FloatArray, iod: float
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    side = max(int(WINDOW * iod) | 1, 5)
    found, known, _ = cv2.calcOpticalFlowPyrLK(
        before,
        after,
        start,
        start.copy(),
        winSize=(side, side),
        maxLevel=HALVINGS,
        criteria=ENOUGH,
        minEigThreshold=LEAST_SLOPE,
    )
    return np.asarray(found, np.float32), np.asarray(known[:, 0] > 0)


def _apart(one: FloatArray, other: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.norm(one - other, axis=2)[:, 0], np.float32)
