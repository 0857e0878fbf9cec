"""Calibration: does a face show what it is told? What it does not, is made up for.

A head whose depth is misjudged turns too far, and lips under a moustache or in a
painting's light are seen wider or narrower than they were drawn. So a portrait that was
just enrolled is drawn in a few poses, its landmarks are found again, and a straight
line from what was told to what is seen is turned round.
"""

from dataclasses import replace

import numpy as np

from models.errors import LikenessError
from models.identity_file import Identity
from models.lips import GAINS, WIDTH_PER_APERTURE, uncalibrated
from models.media import FloatArray
from models.probe import Probe, turn_between
from models.rig import rest_lips
from models.warp import WarpRenderer

TURN_DEG = 8.0
# Aperture and width of the lips tried, IOD; they open as far as speech does.
LIPS = ((0.0, 0.40), (0.0, 0.52), (0.10, 0.32), (0.14, 0.54), (0.26, 0.34), (0.28, 0.5))


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
        found[3:] = _lip_gains(probe)
    except LikenessError:
        pass
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
    return np.clip(np.array(gains, np.float32), *GAINS)


def _lip_gains(probe: Probe) -> FloatArray:
    """Of aperture and width, and how much narrower per aperture."""
    told = np.array(LIPS, np.float32)
    shown = np.array(
        [
            rest_lips(
                probe.landmarks(aperture=a, width=w, jawOpen=0.95 * a, speech=1.0)
            )
            for a, w in LIPS
        ],
        np.float32,
    )
    ones = np.ones((len(told), 1), np.float32)
    terms = np.hstack([told, ones])
    _, by_width, _ = line = np.linalg.lstsq(terms, shown[:, 1], rcond=None)[0]
    opening = np.polyfit(told[:, 0], shown[:, 0], 1)[0]
    gains = np.clip(1 / np.maximum([opening, by_width], 0.1), *GAINS)
    per_aperture = np.clip(line[0] / max(by_width, 0.1), *WIDTH_PER_APERTURE)
    return np.array([*gains, per_aperture], np.float32)
