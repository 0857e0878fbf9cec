"""Motion -> where the lips go: ARKit channels, then absolute lips.

At speech = 1 the inner lips show exactly the commanded gap and width, whatever the
photo's own mouth does; at 0 they are the photo's, moved by the ARKit channels alone.

All of this is numpy on the CPU, also where pixels are looked up elsewhere: a few
hundred numbers a frame, which torch takes longer to start on than to compute.
"""

from dataclasses import dataclass

import numpy as np

from models.blendshapes import ARKIT_NAMES
from models.controls import JAW_FULL, JAW_GAIN, LIP_POINTS
from models.media import (
    CHANNEL_INDEX,
    MOTION_CHANNELS,
    FloatArray,
)

MAX_APERTURE, MIN_WIDTH, MAX_WIDTH = 0.42, 0.20, 0.85  # IOD
WIDE_OPEN = 0.30  # IOD, of the lips in loud speech
MAX_TURN_DEG = 14.0  # of any axis, from the photo
ALMOND, OVAL = 0.60, 0.50  # exponents of an opening's outline: narrow; wide, rounded
UPPER_SHARE = 0.27  # of an opening that the upper lip makes
STRAIGHTENED = 0.85  # of the line in which lips meet, as they round
ROLLED_IN = 0.62  # of a lip's thickness that is turned in over the teeth
CLOSING_JAW = 0.45  # of the photo's own gap that the chin rises by when lips close

_ALONG = np.linspace(0, 1, LIP_POINTS, dtype=np.float32)
_APERTURE, _WIDTH = CHANNEL_INDEX["aperture"], CHANNEL_INDEX["width"]
_TURNS = slice(CHANNEL_INDEX["head_yaw"], CHANNEL_INDEX["head_roll"] + 1)
_ROLLS = slice(CHANNEL_INDEX["mouthRollLower"], CHANNEL_INDEX["mouthRollUpper"] + 1)
_ARKIT = slice(CHANNEL_INDEX[ARKIT_NAMES[0]], CHANNEL_INDEX[ARKIT_NAMES[-1]] + 1)


def bounded(motion: FloatArray) -> FloatArray:
    """Each channel of [B, channels] within what a face can do; ValueError for NaN."""
    if motion.ndim != 2 or motion.shape[1] != len(MOTION_CHANNELS):
        raise ValueError(
            f"motion must be [B, {len(MOTION_CHANNELS)}], not {motion.shape}"
        )
    if not np.isfinite(motion).all():
        raise ValueError("motion holds NaN or infinity")
    within: FloatArray = np.minimum(np.maximum(motion, _LOWEST), _HIGHEST)
    return within


def _bounds() -> tuple[FloatArray, FloatArray]:
    """Of each channel: lowest and highest."""
    low = np.zeros(len(MOTION_CHANNELS), np.float32)
    high = np.ones(len(MOTION_CHANNELS), np.float32)
    high[_APERTURE] = MAX_APERTURE
    low[_WIDTH], high[_WIDTH] = MIN_WIDTH, MAX_WIDTH
    low[_TURNS], high[_TURNS] = -MAX_TURN_DEG, MAX_TURN_DEG
    low[CHANNEL_INDEX["breath"]] = -1.0
    return low, high


_LOWEST, _HIGHEST = _bounds()


def column(motion: FloatArray, name: str) -> FloatArray:
    """One channel of [B, channels], as [B, 1]."""
    index = CHANNEL_INDEX[name]
    return motion[:, index : index + 1]


def jaw_travel(motion: FloatArray) -> FloatArray:
    """How far jawOpen lowers the chin: [B, 1], IOD."""
    travel: FloatArray = JAW_FULL * np.tanh(
        column(motion, "jawOpen") * (JAW_GAIN / JAW_FULL)
    )
    return travel


@dataclass(frozen=True, eq=False)
class LipRig:
    """The part of a FaceRig that decides where the lips go: float32, of each of B
    identities, or of one for all rows."""

    rest: FloatArray  # [B, 44, 3]
    table: FloatArray  # [B, 52 channels, 44 * 3]
    jaw: FloatArray  # [B, 44, 3]
    rest_gap: FloatArray  # [B, 1]


def drop(rig: LipRig, motion: FloatArray) -> FloatArray:
    """How far the chin comes down, IOD: [B, 1]."""
    raised = CLOSING_JAW * rig.rest_gap * column(motion, "speech")
    return jaw_travel(motion) - raised


def displace(rig: LipRig, motion: FloatArray) -> FloatArray:
    """Displacements of the lips in the head's frame: [B, 44, 3].

    motion: [B, channels], bounded.
    """
    speech = column(motion, "speech")
    jaw = drop(rig, motion)[:, :, None] * rig.jaw
    # No product of a vector with @: OpenBLAS would wake threads that spin after it.
    moved: FloatArray = np.einsum("bk,bkc->bc", motion[:, _ARKIT], rig.table)
    moved = moved.reshape(jaw.shape) + jaw
    placed = (rig.rest + moved).reshape(-1, 4, LIP_POINTS, 3)
    _to_width(placed, motion, speech)
    _to_gap(placed, motion, speech)
    _thicken(placed, rig.rest.reshape(-1, 4, LIP_POINTS, 3), motion)
    return placed.reshape(moved.shape) - rig.rest


def _to_width(placed: FloatArray, motion: FloatArray, speech: FloatArray) -> None:
    """Scales lips [B, 4, 11, 3] sideways until the inner corners stand as far apart as
    commanded."""
    first, last = placed[:, 0, :1, 0], placed[:, 0, -1:, 0]  # [B, 1]
    width = np.maximum(last - first, 0.05)
    target = width + (column(motion, "width") - width) * speech
    target = np.minimum(np.maximum(target, MIN_WIDTH * 0.8), MAX_WIDTH)
    middle = (first + last)[..., None] / 2
    placed[..., 0] = middle + (placed[..., 0] - middle) * (target / width)[..., None]


def _to_gap(placed: FloatArray, motion: FloatArray, speech: FloatArray) -> None:
    """Moves lips until the inner ones stand as far apart as commanded."""
    opened = np.minimum(column(motion, "aperture") / WIDE_OPEN, 1)
    rounding = np.minimum(
        column(motion, "mouthPucker") + column(motion, "mouthFunnel"), 1
    )
    roundness = np.maximum(opened**2 * (3 - 2 * opened), rounding)
    arch = _arch(placed[:, 0, :, 0], ALMOND + (OVAL - ALMOND) * roundness)
    gap = placed[:, 1, :, 1] - placed[:, 0, :, 1]  # [B, 11]
    own = np.maximum(gap, 0) * (1 - column(motion, "mouthClose") * (1 - speech))
    target = own + (column(motion, "aperture") * arch - own) * speech
    change = (target - gap)[:, None]
    placed[:, 0::2, :, 1] -= UPPER_SHARE * change
    placed[:, 1::2, :, 1] += (1 - UPPER_SHARE) * change
    if rounding.any():
        placed[..., 1] += (rounding * _to_round(placed, arch))[:, None]


def _to_round(placed: FloatArray, arch: FloatArray) -> FloatArray:
    """How far down lips [B, 4, 11, 3] go as they round, [B, 11]: the line in which they
    meet becomes straight, and corners come down to half of the opening's height, so
    that it is as round below as above."""
    upper, lower = placed[:, 0, :, 1], placed[:, 1, :, 1]
    opening = (lower - upper)[:, LIP_POINTS // 2, None]
    meeting = upper + UPPER_SHARE * (lower - upper)
    straight = meeting[:, :1] + (meeting[:, -1:] - meeting[:, :1]) * _ALONG
    down: FloatArray = STRAIGHTENED * (straight - meeting)
    down += (0.5 - UPPER_SHARE) * opening * (1 - arch)
    return down


def _arch(x: FloatArray, exponent: FloatArray) -> FloatArray:
    """The outline of an open mouth over lip vertices at x [B, 11]: 0 to 1; 0.5 is an
    ellipse's exponent [B, 1], larger ones are more pointed."""
    first, last = x[:, :1], x[:, -1:]
    half = np.maximum(last - first, 0.05) / 2
    t = (x - (last + first) / 2) / half
    arch = np.maximum(1 - t * t, 0) ** exponent
    outline: FloatArray = arch / np.maximum(arch[:, LIP_POINTS // 2, None], 0.5)
    return outline


def _thicken(placed: FloatArray, rest: FloatArray, motion: FloatArray) -> None:
    """Lips keep their volume: narrower is thicker, open is thinner. Rolled in, less of
    them is seen, but never none, however thin they are."""
    middle = LIP_POINTS // 2
    width = placed[:, 0, -1:, 0] - placed[:, 0, :1, 0]
    own = rest[:, 0, -1:, 0] - rest[:, 0, :1, 0]
    volume = (own / np.maximum(width, 0.05)) ** 0.3  # [B, 1]
    volume = np.minimum(np.maximum(volume, 0.8), 1.25)
    gap = placed[:, 1, middle, 1:2] - placed[:, 0, middle, 1:2]
    at_rest = rest[:, 1, middle, 1:2] - rest[:, 0, middle, 1:2]
    opened = np.minimum(np.maximum(gap - at_rest, -0.2), 0.5)
    pucker, funnel = column(motion, "mouthPucker"), column(motion, "mouthFunnel")
    rounding = 0.16 * pucker + 0.14 * funnel
    rolled = motion[:, _ROLLS][:, ::-1]  # upper, lower lip
    scale = volume * (1 + rounding) * (1 - 0.35 * opened)
    scale = scale * (1 - ROLLED_IN * rolled)  # [B, 2 lips]
    # Only the part of the thickness that the width's scaling left as it was.
    thick = placed[:, 2:, :, 1] - placed[:, :2, :, 1]
    placed[:, 2:, :, 1] += thick * (scale - 1)[..., None]
