"""Motion -> where the controls go: ARKit channels, then absolute lips.

At speech = 1 the inner lips show exactly the commanded gap and width, whatever the
photo's own mouth does; at 0 they are the photo's, moved by the ARKit channels alone.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from models.blendshapes import ARKIT_NAMES
from models.controls import JAW_FULL, JAW_GAIN, LIP_POINTS, LIPS
from models.media import (
    CHANNEL_INDEX,
    HEAD_CHANNELS,
    MOTION_CHANNELS,
    FloatArray,
)

MAX_APERTURE, MIN_WIDTH, MAX_WIDTH = 0.42, 0.20, 0.85  # IOD
LEAST_STRETCHED = 0.25  # IOD; no narrower but where motion says so
WIDE_OPEN = 0.30  # IOD, of the lips in loud speech
MID_WIDTH = 0.43  # IOD; what a calibrated width is stretched about
# The most that calibration corrects: beyond it the landmarks are wrong, not the face.
TURN_GAINS, APERTURE_GAINS, WIDTH_GAINS = (0.7, 1.4), (0.8, 1.15), (0.75, 1.4)
WIDTH_PER_APERTURE = -0.20, 0.45
MAX_TURN_DEG = 14.0  # of any axis, from the photo
UPPER_SHARE = 0.27  # of an opening that the upper lip makes
CLOSING_JAW = 0.45  # of the photo's own gap that the chin rises by when lips close

_APERTURE, _WIDTH = CHANNEL_INDEX["aperture"], CHANNEL_INDEX["width"]
_TURNS = slice(CHANNEL_INDEX["head_yaw"], CHANNEL_INDEX["head_roll"] + 1)
_BROWS = slice(CHANNEL_INDEX["browDownLeft"], CHANNEL_INDEX["browOuterUpRight"] + 1)
_ARKIT = slice(CHANNEL_INDEX[ARKIT_NAMES[0]], CHANNEL_INDEX[ARKIT_NAMES[-1]] + 1)


def bounded(motion: Tensor) -> Tensor:
    """Each channel of [B, channels] within what a face can do; ValueError for NaN."""
    if motion.ndim != 2 or motion.shape[1] != len(MOTION_CHANNELS):
        raise ValueError(
            f"motion must be [B, {len(MOTION_CHANNELS)}], not {tuple(motion.shape)}"
        )
    if not bool(torch.isfinite(motion).all()):
        raise ValueError("motion holds NaN or infinity")
    low, high = _bounds(motion.device)
    return torch.minimum(torch.maximum(motion, low), high)


@lru_cache(maxsize=8)
def _bounds(device: torch.device) -> tuple[Tensor, Tensor]:
    """Of each channel: lowest and highest."""
    low = torch.zeros(len(MOTION_CHANNELS))
    high = torch.ones(len(MOTION_CHANNELS))
    high[CHANNEL_INDEX["aperture"]] = MAX_APERTURE
    low[CHANNEL_INDEX["width"]] = MIN_WIDTH
    high[CHANNEL_INDEX["width"]] = MAX_WIDTH
    for name in HEAD_CHANNELS:
        low[CHANNEL_INDEX[name]] = -MAX_TURN_DEG
        high[CHANNEL_INDEX[name]] = MAX_TURN_DEG
    low[CHANNEL_INDEX["breath"]] = -1.0
    return low.to(device), high.to(device)


def column(motion: Tensor, name: str) -> Tensor:
    """One channel of [B, channels], as [B, 1]."""
    index = CHANNEL_INDEX[name]
    return motion[:, index : index + 1]


def jaw_travel(motion: Tensor) -> Tensor:
    """How far jawOpen lowers the chin: [B, 1], IOD."""
    return JAW_FULL * torch.tanh(column(motion, "jawOpen") * (JAW_GAIN / JAW_FULL))


def uncalibrated() -> FloatArray:
    """Corrects nothing: float32 [8], see calibrated."""
    return np.array([1, 1, 1, 1, 1, 1, 0, 1], np.float32)


def calibrated(motion: Tensor, by: Tensor) -> Tensor:
    """Motion [B, channels] such that the face shows what it says, as measured.

    by: [B, 8] gains of yaw, pitch, roll and aperture; of the width about MID_WIDTH
    while the lips are closed and while they are WIDE_OPEN; how much narrower the mouth
    must be for each IOD that it opens; and the gain of the brows.
    """
    corrected = motion.clone()
    turns = motion[:, _TURNS] * by[:, :3]
    corrected[:, _TURNS] = turns.clamp(-MAX_TURN_DEG, MAX_TURN_DEG)
    aperture, width = motion[:, _APERTURE], motion[:, _WIDTH]
    corrected[:, _APERTURE] = (aperture * by[:, 3]).clamp(max=MAX_APERTURE)
    opened = (aperture / WIDE_OPEN).clamp(max=1)
    gain = torch.lerp(by[:, 4], by[:, 5], opened)
    stretched = MID_WIDTH + (width - MID_WIDTH) * gain - aperture * by[:, 6]
    least = width.clamp(MIN_WIDTH, LEAST_STRETCHED)
    corrected[:, _WIDTH] = torch.maximum(stretched, least).clamp(max=MAX_WIDTH)
    corrected[:, _BROWS] = motion[:, _BROWS] * by[:, 7:]
    return corrected


@dataclass(frozen=True, eq=False)
class LipRig:
    """The part of a FaceRig that decides where controls go, batched over B."""

    rest: Tensor  # [B, 44, 3]
    table: Tensor  # [B, channels, C, 3]
    jaw: Tensor  # [B, C, 3]
    follow: Tensor  # [B, N, 22]
    rest_gap: Tensor  # [B, 1]


def displace(rig: LipRig, motion: Tensor) -> Tensor:
    """Displacements of all controls in the head's frame: [B, C, 3].

    motion: [B, channels], bounded.
    """
    speech = column(motion, "speech")
    drop = jaw_travel(motion) - CLOSING_JAW * rig.rest_gap * speech
    jaw = drop[:, :, None] * rig.jaw
    moved = motion[:, None, _ARKIT] @ rig.table.flatten(2)
    moved = moved.reshape(len(motion), -1, 3)
    lips = len(LIPS)
    placed = (rig.rest + moved[:, :lips] + jaw[:, :lips]).reshape(-1, 4, LIP_POINTS, 3)
    placed = _to_width(placed, motion, speech)
    placed = _to_gap(placed, motion, speech)
    placed = _with_thickness(placed, rig.rest.reshape(-1, 4, LIP_POINTS, 3), motion)
    by_lips = placed.flatten(1, 2) - rig.rest
    beyond_jaw = (by_lips - jaw[:, :lips])[:, 2 * LIP_POINTS :]
    skin = moved[:, lips:] + jaw[:, lips:] + rig.follow @ beyond_jaw
    return torch.cat([by_lips, skin], 1)


def _to_width(placed: Tensor, motion: Tensor, speech: Tensor) -> Tensor:
    """Scales lips sideways until the inner corners stand as far apart as commanded."""
    corners = placed[:, 0, :: LIP_POINTS - 1, 0]  # [B, 2]
    width = (corners[:, 1:] - corners[:, :1]).clamp_min(0.05)
    target = torch.lerp(width, column(motion, "width"), speech)
    target = target.clamp(MIN_WIDTH * 0.8, MAX_WIDTH)
    middle = (corners[:, :1] + corners[:, 1:])[..., None] / 2
    scaled = placed.clone()
    scaled[..., 0] = torch.lerp(middle, placed[..., 0], (target / width)[..., None])
    return scaled


def _to_gap(placed: Tensor, motion: Tensor, speech: Tensor) -> Tensor:
    """Moves lips until the inner ones stand as far apart as commanded."""
    arch = _arch(placed[:, 0, :, 0])
    gap = placed[:, 1, :, 1] - placed[:, 0, :, 1]  # [B, 11]
    own = gap.clamp_min(0) * (1 - column(motion, "mouthClose") * (1 - speech))
    target = torch.lerp(own, column(motion, "aperture") * arch, speech)
    change = target - gap
    result = placed.clone()
    result[:, 0::2, :, 1] -= (UPPER_SHARE * change)[:, None]
    result[:, 1::2, :, 1] += ((1 - UPPER_SHARE) * change)[:, None]
    return result


def _arch(x: Tensor) -> Tensor:
    """The outline of an open mouth over lip vertices at x [B, 11]: 0 to 1."""
    half = (x[:, -1:] - x[:, :1]).clamp_min(0.05) / 2
    t = (x - (x[:, -1:] + x[:, :1]) / 2) / half
    arch = (1 - t.square()).clamp(0, 1).pow(0.62)
    return arch / arch[:, LIP_POINTS // 2, None].clamp_min(0.5)


def _with_thickness(placed: Tensor, rest: Tensor, motion: Tensor) -> Tensor:
    """Lips keep their volume: narrower is thicker, open is thinner."""
    inner, outer = placed[:, :2], placed[:, 2:]
    width = placed[:, 0, -1, 0] - placed[:, 0, 0, 0]
    own = rest[:, 0, -1, 0] - rest[:, 0, 0, 0]
    volume = (own / width.clamp_min(0.05)).pow(0.3).clamp(0.8, 1.25)[:, None]
    gap = (placed[:, 1, LIP_POINTS // 2, 1] - placed[:, 0, LIP_POINTS // 2, 1])[:, None]
    rounding = 0.16 * column(motion, "mouthPucker") + 0.14 * column(
        motion, "mouthFunnel"
    )
    at_rest = rest[:, 1, LIP_POINTS // 2, 1] - rest[:, 0, LIP_POINTS // 2, 1]
    opened = (gap - at_rest[:, None]).clamp(-0.2, 0.5)
    scale = volume * (1 + rounding) * (1 - 0.35 * opened)
    # Only the part of the thickness that the width's scaling left as it was.
    thick = (outer - inner)[..., 1:2] * (scale[:, :, None, None] - 1)
    grown = placed.clone()
    grown[:, 2:, :, 1:2] = outer[..., 1:2] + thick
    return grown
