"""Calibration: does a face show what it is told? What it does not, is made up for.

A head whose depth is misjudged turns too far, and lips under a moustache or in a
painting's light are seen wider or narrower than they were drawn. So a portrait that was
just enrolled is drawn in a few poses, its landmarks are found again, and a straight
line from what was told to what is seen is turned round. Brows behind glasses are held.
"""

from dataclasses import replace

import numpy as np

from models.errors import LikenessError
from models.glasses import wears_glasses
from models.identity_file import Identity
from models.lips import (
    APERTURE_GAINS,
    MID_WIDTH,
    TURN_GAINS,
    WIDE_OPEN,
    WIDTH_GAINS,
    WIDTH_PER_APERTURE,
    uncalibrated,
)
from models.media import FloatArray
from models.probe import Probe, turn_between
from models.rig import rest_lips
from models.warp import WarpRenderer

TURN_DEG = 8.0
BEHIND_GLASSES = 0.3  # of the travel of brows
# Aperture and width of the lips tried, IOD; they open as far as speech does.
LIPS = (
    *((0.0, 0.36), (0.0, 0.52), (0.08, 0.34), (0.10, 0.50)),
    *((0.18, 0.34), (0.20, 0.52), (0.28, 0.36), (0.28, 0.52)),
)


def calibrate(identity: Identity, renderer: WarpRenderer | None = None) -> Identity:
    """The same identity, whose face shows what motion says as nearly as it can.

    What cannot be measured, as no face is found in a frame, stays as it is. Takes
    about a second.
    """
    plain = replace(identity, calibration=uncalibrated())
    probe = Probe(plain, renderer or WarpRenderer())
    found = uncalibrated()
    try:
        found[:2] = _head_gains(probe)
        found[3:7] = _lip_gains(probe)
    except LikenessError:
        pass
    glasses = wears_glasses(identity.picture, identity.landmarks)
    found[7] = 1 - (1 - BEHIND_GLASSES) * glasses  # brows would bend the frames
    return replace(identity, calibration=found)


def _head_gains(probe: Probe) -> FloatArray:
    """Of yaw and pitch; roll turns the picture itself and needs none."""
    rest = probe.landmarks()
    gains = []
    for axis, channel in enumerate(("head_yaw", "head_pitch")):
        one, other = (
            turn_between(rest, probe.landmarks(**{channel: degrees}))[axis]
            for degrees in (TURN_DEG, -TURN_DEG)
        )
        gains.append(2 * TURN_DEG / max(one - other, 1.0))
    return np.clip(np.array(gains, np.float32), *TURN_GAINS)


def _lip_gains(probe: Probe) -> FloatArray:
    """Of aperture; of width when closed and open; how much narrower per aperture."""
    told = np.array(LIPS, np.float32)
    seen = [rest_lips(_speaking(probe, *pose)) for pose in LIPS]
    shown = np.array(seen, np.float32)
    aperture, width = told.T
    opening = np.polyfit(aperture, shown[:, 0], 1)[0]
    terms = np.stack([aperture, width, aperture * width, np.ones_like(width)], 1)
    by = np.linalg.lstsq(terms, shown[:, 1], rcond=None)[0]
    closed, opened = np.maximum(by[1] + by[2] * np.array([0.0, WIDE_OPEN]), 0.1)
    # What is seen follows the width as well as it does halfway, hardly better: where
    # little is seen of a mouth's corners, twice the width would not look right.
    slope = min(1.0, 1.15 * float(closed + opened) / 2)
    gains = np.clip(slope / np.array([closed, opened]), *WIDTH_GAINS)
    wider = (by[0] + by[2] * MID_WIDTH) / ((closed + opened) / 2)
    return np.array(
        [
            np.clip(1 / max(opening, 0.1), *APERTURE_GAINS),
            *gains,
            np.clip(wider, *WIDTH_PER_APERTURE),
        ],
        np.float32,
    )


def _speaking(probe: Probe, aperture: float, width: float) -> FloatArray:
    jaw = 0.95 * aperture
    return probe.landmarks(aperture=aperture, width=width, jawOpen=jaw, speech=1.0)
