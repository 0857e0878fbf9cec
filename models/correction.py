"""What a portrait's motion is corrected by, so that its face shows what motion says.

A face whose depth is misjudged turns too far, and to one side further than to the
other; lips in a painting's light or beside a beard look less open or less wide than
they were drawn. Enrolment measures that once (models.calibration); each frame's motion
is corrected by what was found. Lips by a table: how much more open and how much wider
they are to be drawn, at a few openings and widths, and in a straight line between
those.
"""

import numpy as np
import numpy.typing as npt

from models.lips import MAX_APERTURE, MAX_TURN_DEG, MAX_WIDTH, MIN_WIDTH
from models.media import CHANNEL_INDEX, FloatArray

# Of the table: openings and widths, IOD. Speech seldom goes beyond.
APERTURES = np.array([0.0, 0.08, 0.16, 0.28], np.float32)
WIDTHS = np.array([0.30, 0.39, 0.48, 0.56], np.float32)
LEAST_DRAWN = 0.25  # IOD; no narrower but where motion says so
_GAINS = 4  # of yaw, pitch, roll, and brows
_TABLE = len(APERTURES), len(WIDTHS), 2
_LEANS = slice(_GAINS + len(APERTURES) * len(WIDTHS) * 2, None)  # of yaw and pitch
EVEN_DEG = 3.0  # less of a turn, and both ways are alike
# Before there were tables: gains of yaw, pitch, roll and aperture; of the width about a
# middle one, while closed and while wide open; how much narrower for each IOD of
# opening; and the gain of the brows.
_STRAIGHT, _MIDDLE, _WIDE_OPEN = 8, 0.43, 0.30

_LIPS = slice(CHANNEL_INDEX["aperture"], CHANNEL_INDEX["width"] + 1)
_LOWEST = np.array([0, MIN_WIDTH], np.float32)
_LEAST = np.array([0, LEAST_DRAWN], np.float32)
_HIGHEST = np.array([MAX_APERTURE, MAX_WIDTH], np.float32)
# Where openings and widths leave each row of the table for the next one, and how far
# away that is: all are past the start of the first and before the end.
_KNOTS = APERTURES, WIDTHS
_STARTS = np.array([[-2, *knots[:-1], 2] for knots in _KNOTS], np.float32)
_LENGTHS = np.array([[1, *np.diff(knots), 1] for knots in _KNOTS], np.float32)
_TURNS = slice(CHANNEL_INDEX["head_yaw"], CHANNEL_INDEX["head_roll"] + 1)
_BROWS = slice(CHANNEL_INDEX["browDownLeft"], CHANNEL_INDEX["browOuterUpRight"] + 1)


def calibration_of(
    turns: npt.ArrayLike = (1, 1, 1),
    brows: float = 1,
    lips: FloatArray | None = None,
    leans: npt.ArrayLike = (0, 0),
) -> FloatArray:
    """A calibration, float32 [38]: gains of yaw, pitch, roll and brows; the table,
    [apertures, widths, 2] of IOD; how much more of a gain yaw and pitch have one way,
    and less the other. Without any of these it corrects nothing."""
    table = np.zeros(_TABLE) if lips is None else lips
    parts = np.ravel(turns), [brows], table.ravel(), np.ravel(leans)
    return np.concatenate([np.asarray(part, np.float32) for part in parts])


def uncalibrated() -> FloatArray:
    """Corrects nothing."""
    return calibration_of()


def leaning(turns: FloatArray) -> FloatArray:
    """What a lean of 1 adds to turns, degrees: their own size, whichever way they go,
    with no jerk where they change sides."""
    return np.asarray(turns * turns / np.hypot(turns, EVEN_DEG), np.float32)


def calibrated(motion: FloatArray, by: FloatArray) -> FloatArray:
    """Motion [B, channels] such that the face shows what it says, as measured.

    by: [B or 1, 38], see calibration_of.
    """
    corrected = motion.copy()
    turns, lips = corrected[:, _TURNS], corrected[:, _LIPS]
    if turns.any():
        leans = by[:, _LEANS] * leaning(turns[:, :2])
        turns *= by[:, :3]
        turns[:, :2] += leans
        np.maximum(np.minimum(turns, MAX_TURN_DEG), -MAX_TURN_DEG, out=turns)
    corrected[:, _BROWS] *= by[:, 3:_GAINS]
    least = np.maximum(np.minimum(lips, _LEAST), _LOWEST)
    rows, columns = _near(lips).swapaxes(0, 1)
    table = by[:, _GAINS : _LEANS.start].reshape(-1, *_TABLE)
    lips += np.einsum("bi,bj,bijc->bc", rows, columns, table)
    np.minimum(np.maximum(lips, least), _HIGHEST, out=lips)
    return corrected


def _near(lips: FloatArray) -> FloatArray:
    """How near openings and widths, [B, 2], are to each row and each column of the
    table: [B, 2, 4]."""
    passed = (lips[..., None] - _STARTS) / _LENGTHS
    passed = np.minimum(np.maximum(passed, 0), 1)
    return passed[..., :-1] - passed[..., 1:]


def from_any_version(stored: FloatArray) -> FloatArray:
    """A calibration as files keep it, also of before there were leans, or a table."""
    if stored.shape == (_LEANS.start,):
        return np.concatenate([stored, np.zeros(2, np.float32)])
    if stored.shape != (_STRAIGHT,):
        return stored
    aperture, closed, opened, narrower = stored[3:7]
    gains = closed + (opened - closed) * np.minimum(APERTURES / _WIDE_OPEN, 1)
    wide = (WIDTHS - _MIDDLE) * (gains[:, None] - 1) - APERTURES[:, None] * narrower
    open_ = np.broadcast_to(APERTURES[:, None] * (aperture - 1), wide.shape)
    table = np.stack([open_, wide], -1)
    return calibration_of(stored[:3], float(stored[7]), table)
