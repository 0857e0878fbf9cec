"""Where the lids of a portrait's eyes are, as sums of what is known of a pixel.

Of a pixel is known (BASIS): how far down across the eye it is, in half the eye's width
from its middle; how far it goes down with the outer corner; and, of s along the eye
held within -1 to 1, 1 - s^2, that times s, and times s^2.

What is told of it (SUMS) are sums of those, each with its weight: what of the eyeball
the two lids leave seen, and the line of lashes between lids that nearly touch; how far
away each lid's edge is, outwards; how far each lid has travelled, and the upper one
will. As lids move, their weights change in straight lines, so each has one at rest, and
what each of MOVES adds to it.
"""

import numpy as np

from models.eyes import LASHES_LOWER, LASHES_UPPER, Meeting
from models.media import FloatArray

UNDER_LOWER = 0.18  # of the opening: rim of the eyeball a closed lid must cover

BASIS = ("t", "outer", "bow", "bow s", "bow s^2", "1")
SUMS = (
    *("seen above", "seen below", "not touching", "above", "below"),
    *("travel above", "travel below", "left above"),
)
MOVES = ("1", "upper", "lower", "blink")  # as models.eyes.EyeMotion


def lid_sums(lids: FloatArray, pixel: FloatArray, meeting: Meeting) -> FloatArray:
    """Weights, float32 [2 eyes, MOVES, SUMS * BASIS].

    lids: [2, 2, 3], see models.eyes.EyeRig. pixel: [2], in half eye widths. meeting: of
        shut lids.
    """
    rest = _weights(lids, pixel, meeting, np.zeros(3, np.float32))
    moves = np.eye(3, dtype=np.float32)
    added = [_weights(lids, pixel, meeting, move) - rest for move in moves]
    table = np.stack([rest, *added], 1)
    return np.asarray(table.reshape(2, len(MOVES), -1), np.float32)


def _weights(
    lids: FloatArray, pixel: FloatArray, meeting: Meeting, moves: FloatArray
) -> FloatArray:
    """[2 eyes, SUMS, BASIS] of both eyes' upper, lower and blink, [3]."""
    upper, lower, blink = moves
    top, bottom = lids[:, 0], lids[:, 1]
    opening, drop = bottom - top, meeting.outer_drop
    past = np.asarray(meeting.bow(bottom) - bottom, np.float32)
    shut = _outer_and_bow(drop * blink, past * blink)
    down = shut + _outer_and_bow(0, opening * upper)
    up = _outer_and_bow(0, -opening * lower)
    # The skin comes from a little beyond the lower lid's edge, as landmarks lie inside
    # it.
    rim = _outer_and_bow(0, -UNDER_LOWER * opening * blink)
    will = _outer_and_bow(drop, opening + past)
    weights = np.zeros((2, len(SUMS), len(BASIS)), np.float32)
    above, below = weights[:, 3], weights[:, 4]
    above[:, 0], below[:, 0] = -1, 1
    above[:, 1:5] = _outer_and_bow(0, top) + down
    below[:, 1:5] = -_outer_and_bow(0, bottom) - up
    pixel = pixel[:, None]
    weights[:, 0], weights[:, 1] = -above / pixel, -below / pixel
    weights[:, 2] = (above + below) / (-1.2 * pixel)
    weights[:, :3, 5] = 0.5, 0.5, -0.25
    weights[:, :2, 5] -= np.array([LASHES_UPPER, LASHES_LOWER]) / pixel
    weights[:, 5, 1:5] = down
    weights[:, 6, 1:5] = up + rim
    weights[:, 7, 1:5] = will - down
    return weights


def _outer_and_bow(outer: float, bow: FloatArray) -> FloatArray:
    """Weights of BASIS but for the first and the last: [2 eyes or 1, 4]."""
    bow = np.atleast_2d(bow)
    return np.concatenate([np.full((len(bow), 1), outer), bow], 1)
