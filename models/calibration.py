"""Calibration: does a face show what it is told? What it does not, is made up for.

A head whose depth is misjudged turns too far, and lips under a moustache or in a
painting's light are seen wider or narrower, more open or less, than they were drawn. So
a portrait that was just enrolled is drawn in a few poses, its landmarks are found
again, and what was told and is seen is turned round. Brows behind glasses are held.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from models.correction import (
    APERTURES,
    WIDTHS,
    calibration_of,
    leaning,
    uncalibrated,
)
from models.errors import LikenessError
from models.glasses import wears_glasses
from models.identity_file import Identity
from models.media import FloatArray
from models.probe import Probe, turn_between
from models.rig import rest_lips
from models.warp import WarpRenderer

TURNS_DEG = -10.0, -6.0, 6.0, 10.0
BEHIND_GLASSES = 0.3  # of the travel of brows
# The most that is corrected: beyond it the landmarks are wrong, not the face.
TURN_GAINS, MOST_LEAN = (0.7, 1.4), 0.25
MORE_OPEN, MORE_BY = 0.020, 0.08  # IOD, and of the opening
WIDER = 0.04  # IOD
# What is seen follows what is told as steeply as it does in the mean, hardly more:
# where little is seen of a mouth's corners, twice the width would not look right.
STEEPER = 1.15
LEAST_SLOPE = 0.3  # of what is seen, beyond what was tried
FLAT = 1e-4  # what is seen goes up by at least so much, so that it can be inverted


def calibrate(identity: Identity, renderer: WarpRenderer | None = None) -> Identity:
    """The same identity, whose face shows what motion says as nearly as it can.

    What cannot be measured, as no face is found in a frame, stays as it is. Takes
    about a second.
    """
    plain = replace(identity, calibration=uncalibrated())
    probe = Probe(plain, renderer or WarpRenderer())
    turns, leans, lips = np.ones(3, np.float32), np.zeros(2, np.float32), None
    try:
        turns[:2], leans = _head_gains(probe)
        lips = _lip_table(probe)
    except LikenessError:
        pass
    glasses = wears_glasses(identity.picture, identity.landmarks)
    brows = 1 - (1 - BEHIND_GLASSES) * glasses  # they would bend the frames
    return replace(identity, calibration=calibration_of(turns, brows, lips, leans))


def _head_gains(probe: Probe) -> tuple[FloatArray, FloatArray]:
    """Gains and leans of yaw and pitch; roll turns the picture itself, needs none."""
    channels = "head_yaw", "head_pitch"
    turned = [
        probe.frame(**{channel: degrees})
        for channel in channels
        for degrees in TURNS_DEG
    ]
    rest, *found = probe.landmarks_each([probe.frame(), *turned])
    seen = np.array([turn_between(rest, each)[:2] for each in found], np.float32)
    ways = seen.reshape(2, len(TURNS_DEG), 2)
    fits = np.array([turner(ways[axis, :, axis]) for axis in (0, 1)], np.float32)
    return fits[:, 0].clip(*TURN_GAINS), fits[:, 1].clip(-MOST_LEAN, MOST_LEAN)


def turner(seen: FloatArray) -> FloatArray:
    """Gain and lean by which heads that are seen to turn [len(TURNS_DEG)] when told
    TURNS_DEG are to be told what shall be seen: the least squares."""
    basis = np.stack([seen, leaning(seen)], 1)
    return np.asarray(np.linalg.lstsq(basis, np.array(TURNS_DEG), rcond=None)[0])


def _lip_table(probe: Probe) -> FloatArray:
    """How much more open and how much wider lips are to be drawn than they are told:
    [apertures, widths, 2], IOD."""
    frames = [
        _speaking(probe, aperture, width)
        for aperture in APERTURES.tolist()
        for width in WIDTHS.tolist()
    ]
    lips = [rest_lips(each) for each in probe.landmarks_each(frames)]
    seen = np.array(lips, np.float32).reshape(len(APERTURES), len(WIDTHS), 2)
    openings, widths = np.moveaxis(seen, 2, 0)
    return np.stack([opener(openings), wider(widths)], -1)


def opener(seen: FloatArray) -> FloatArray:
    """Such that what is seen [apertures, widths] is a straight line of what is told,
    as one to one as can be."""
    told = np.broadcast_to(APERTURES[:, None], seen.shape)
    slope = float((told * seen).sum() / (told * told).sum())
    wish = min(1.0, STEEPER * slope) * APERTURES
    drawn = [_drawn_for(wish, column, APERTURES) for column in seen.T]
    most = MORE_OPEN + MORE_BY * told
    more = (np.stack(drawn, 1) - told).clip(-most, most)
    more[0] = 0  # closed lips stay closed
    return np.asarray(more, np.float32)


def wider(seen: FloatArray) -> FloatArray:
    """The same of widths, where how far all of them are off does not matter."""
    told = np.broadcast_to(WIDTHS, seen.shape)
    slope = float(np.polyfit(told.ravel(), seen.ravel(), 1)[0])
    wish = seen.mean() + min(1.0, STEEPER * slope) * (WIDTHS - WIDTHS.mean())
    drawn = [_drawn_for(wish, row, WIDTHS) for row in seen]
    more = (np.stack(drawn) - told).clip(-WIDER, WIDER)
    return np.asarray(more, np.float32)


def _drawn_for(wish: FloatArray, seen: FloatArray, told: FloatArray) -> FloatArray:
    """What to draw for a wish [n] to be seen, where told [n] is seen as seen [n]."""
    rising = np.maximum.accumulate(seen) + FLAT * np.arange(len(seen))
    slope = max(float(np.ptp(seen) / np.ptp(told)), LEAST_SLOPE)
    drawn = np.interp(wish, rising, told)
    beyond = np.maximum(wish - rising[-1], 0) + np.minimum(wish - rising[0], 0)
    return np.asarray(drawn + beyond / slope, np.float32)


def _speaking(probe: Probe, aperture: float, width: float) -> npt.NDArray[np.uint8]:
    jaw = 0.95 * aperture
    return probe.frame(aperture=aperture, width=width, jawOpen=jaw, speech=1.0)
