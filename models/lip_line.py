"""Where closed lips really meet.

Landmarks put the line between closed lips a few pixels beside the dark one that the
photo shows. The layers would then part beside it: a strip of one lip with the dark line
on it would go with the other. So the inner lips are laid on the darkest line near by.
"""

import cv2
import numpy as np
import numpy.typing as npt

from models.controls import INNER_LOWER, INNER_UPPER
from models.media import FloatArray
from models.rig import HeadFrame, rest_lips

CLOSED_GAP = 0.03  # of the mouth's width: lips further apart have no line
REACH = 0.055  # IOD, how far up or down the line is looked for
COLUMNS, STEPS = 61, 45  # places along the mouth, and up and down at each
STIFF, NEAR = 3.0, 0.15  # what a bend and a way from the landmarks cost
SHADE = 0.7  # of the shade that counts as no line
TAPER = 6.0  # how fast the way found gives way to none at the corners
FLAT = 0.10  # of the mouth's light: less contrast than this is no line

UintArray = npt.NDArray[np.uint8]


def on_lip_line(picture: UintArray, landmarks: FloatArray) -> FloatArray:
    """Landmarks [478, 3] whose inner lips, if they are closed, lie on the dark line
    between the lips of the picture, uint8 [H, W, 3]."""
    gap, width = rest_lips(landmarks)
    if gap > CLOSED_GAP * width:
        return landmarks
    frame = HeadFrame.of(landmarks)
    upper = frame.flat(landmarks[list(INNER_UPPER), :2])
    lower = frame.flat(landmarks[list(INNER_LOWER), :2])
    seam = (upper + lower) / 2
    x = np.linspace(seam[0, 0], seam[-1, 0], COLUMNS, dtype=np.float32)
    y = np.interp(x, seam[:, 0], seam[:, 1]).astype(np.float32)
    offsets = np.linspace(-REACH, REACH, STEPS, dtype=np.float32)
    light = _profile(picture, frame, x, y, offsets)
    found = offsets[_darkest_path(light)]
    t = np.linspace(-1, 1, COLUMNS)
    # The corners stay: lips end there in a dimple that is darker than the line.
    found = cv2.GaussianBlur(found[None], (0, 0), 2.0)[0] * (1 - np.abs(t) ** TAPER)
    moved = landmarks.copy()
    for points, curve in ((INNER_UPPER, upper), (INNER_LOWER, lower)):
        shift = np.zeros_like(curve)
        shift[:, 1] = np.interp(curve[:, 0], x, found)
        shift[:, 1] += np.interp(curve[:, 0], x, y) - curve[:, 1]
        moved[list(points), :2] = frame.unflat(curve + shift)
    return moved


def _profile(
    picture: UintArray,
    frame: HeadFrame,
    x: FloatArray,
    y: FloatArray,
    offsets: FloatArray,
) -> FloatArray:
    """The light across the line, of the mouth's own: float32 [STEPS, COLUMNS]."""
    step, beyond = float(offsets[1] - offsets[0]), len(offsets) // 2
    around = offsets[0] + step * np.arange(-beyond, len(offsets) + beyond)
    grid = np.stack(np.broadcast_arrays(x, y + around[:, None]), -1)
    spots = frame.unflat(grid.reshape(-1, 2)).reshape(*grid.shape)
    places = np.ascontiguousarray(spots.transpose(2, 0, 1), np.float32)
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    light = cv2.remap(
        grey, places[0], places[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    line = cv2.GaussianBlur(light, (0, 0), sigmaX=2.5, sigmaY=2.5)
    # What is dark over more than a line's breadth is shade, beside it or on it.
    shade = cv2.GaussianBlur(light, (0, 0), sigmaX=2.5, sigmaY=14.0)
    line = (line - SHADE * (shade - shade.mean()))[beyond:-beyond]
    return np.asarray(line / max(float(line.mean()), 1.0), np.float32)


def _darkest_path(light: FloatArray) -> npt.NDArray[np.intp]:
    """The row of each column, by dynamic programming: dark, smooth and near the middle;
    the middle itself where nothing is dark."""
    steps, columns = light.shape
    rows = np.arange(steps)
    middle = steps // 2
    if float(np.ptp(light, axis=0).mean()) < FLAT:
        return np.full(columns, middle)
    off = (rows - middle) / middle
    cost = light + NEAR * off[:, None] ** 2
    bend = STIFF * ((rows[:, None] - rows[None]) / middle) ** 2
    total, came = cost[:, 0], np.zeros((columns, steps), np.intp)
    for column in range(1, columns):
        ways = total[None] + bend
        came[column] = ways.argmin(1)
        total = ways.min(1) + cost[:, column]
    path = np.empty(columns, np.intp)
    path[-1] = total.argmin()
    for column in range(columns - 1, 0, -1):
        path[column - 1] = came[column, path[column]]
    return path
