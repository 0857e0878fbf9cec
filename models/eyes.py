"""Lids that travel over the eye, and irises that move inside the opening.

A single field would squash the iris when the lids meet, so an eye has two parts: the
skin, remapped along lines across the lids, and the eyeball behind it, which only gaze
moves. The opening between the lids decides which one shows.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from models.media import CHANNEL_INDEX, FloatArray

# (outer corner .. inner corner for the subject's right eye, and mirrored), upper, lower
RIGHT_UPPER = (33, 246, 161, 160, 159, 158, 157, 173, 133)
RIGHT_LOWER = (33, 7, 163, 144, 145, 153, 154, 155, 133)
LEFT_UPPER = (362, 398, 384, 385, 386, 387, 388, 466, 263)
LEFT_LOWER = (362, 382, 381, 380, 374, 373, 390, 249, 263)
RIGHT_BROW, LEFT_BROW = (52, 65, 53), (282, 295, 283)  # lower edges
# Three pairs of upper and lower lid, both corners; the subject's right eye, then left.
LID_PAIRS = (
    ((160, 144), (159, 145), (158, 153)),
    ((385, 380), (386, 374), (387, 373)),
)
CORNERS = ((33, 133), (362, 263))
RIGHT_IRIS, LEFT_IRIS = (468, 469, 470, 471, 472), (473, 474, 475, 476, 477)

GAZE_SIDE, GAZE_UP = 0.50, 0.30  # iris travel at 1.0, in half eye widths
# Lashes and the lids' rims, half eye widths within the lids' landmarks: they go with
# the lids.
LASHES_UPPER, LASHES_LOWER = 0.06, 0.03
FLAT = 0.10  # of the skin next to a lid moves with it unstretched: lashes stay thin
OUTER_MIDDLE = 0.5  # of what the outer corner goes down, an eye's middle does
BELOW = 0.75  # how far below the lower lid the skin moves, in half eye widths

SIDES = np.array([-1, 1], np.float32)  # the right eye's out is left

UintArray = npt.NDArray[np.uint8]
Patch = tuple[slice, slice]  # rows and columns of a picture


@dataclass(frozen=True, eq=False)
class EyeRig:
    """Both eyes, the subject's right one first. Lengths in half eye widths unless px.

    frame: [2, 6] centre x, y (px), along x, y (px per unit), across x, y (px per unit).
    lids: [2, 2, 3] upper and lower lid: t = (1 - s^2)(a + b s + c s^2).
    skin: [2] height of the skin between lid and brow.
    """

    frame: Tensor
    lids: Tensor
    skin: Tensor


def build_eyes(landmarks: FloatArray) -> EyeRig:
    right = _one_eye(landmarks, RIGHT_UPPER, RIGHT_LOWER, RIGHT_BROW)
    left = _one_eye(landmarks, LEFT_UPPER, LEFT_LOWER, LEFT_BROW)
    both = [torch.from_numpy(np.stack(pair)) for pair in zip(right, left, strict=True)]
    return EyeRig(*both)


def _one_eye(
    landmarks: FloatArray,
    upper: tuple[int, ...],
    lower: tuple[int, ...],
    brow: tuple[int, ...],
) -> tuple[FloatArray, FloatArray, FloatArray]:
    points = landmarks[:, :2].astype(np.float64)
    first, last = points[upper[0]], points[upper[-1]]
    centre, along = (first + last) / 2, (last - first) / 2
    across = np.array([-along[1], along[0]])
    to_local = np.linalg.inv(np.stack([along, across]))
    top = _lid((points[list(upper)] - centre) @ to_local)
    bottom = _lid((points[list(lower)] - centre) @ to_local)
    brow_height = -((points[list(brow)] - centre) @ to_local)[:, 1].mean()
    skin = np.clip(brow_height + top[0], 0.45, 1.3)
    return (
        np.concatenate([centre, along, across]).astype(np.float32),
        np.stack([top, bottom]).astype(np.float32),
        np.float32(skin).reshape(()),
    )


def _lid(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    s, t = np.clip(points[1:-1, 0], -0.98, 0.98), points[1:-1, 1]
    bow = 1 - s**2
    basis = np.stack([bow, bow * s, bow * s**2], 1)
    fitted, *_ = np.linalg.lstsq(basis, t, rcond=None)
    return np.asarray(fitted)


@dataclass(frozen=True)
class Meeting:
    """Where the upper lid's edge comes to lie in a blink: lashes hang over it.

    below: under the open eye's lower lid, in the eye's middle, half eye widths.
    outer_drop: how much lower than in the open eye the outer corner is then.
    uneven: how much of a lower lid's difference from an even bow that line has.
    """

    below: float
    outer_drop: float
    uneven: float

    def bow(self, lower: FloatArray) -> FloatArray:
        """The line, as EyeRig.lids, but for its outer corner's drop; lower: of a lower
        lid, [..., 3]."""
        shape = lower * np.array([1, self.uneven, self.uneven], np.float32)
        hang = self.below - self.outer_drop * OUTER_MIDDLE
        return shape + np.array([hang, 0, 0], np.float32)


SEEN = Meeting(0.06, 0.20, 0.3)
# Lids hang lower there: from so near, frames and reflections look like open lids.
BEHIND_GLASSES = Meeting(0.16, 0.27, 1.0)


def meeting(*, glasses: bool) -> Meeting:
    return BEHIND_GLASSES if glasses else SEEN


def lid_height(lid: Tensor, s: Tensor) -> Tensor:
    """Across-position of a lid [..., 3] at s; the corners hold beyond -1 and 1."""
    s = s.clamp(-1, 1)
    a, b, c = lid.unbind(-1)
    return (1 - s * s) * torch.addcmul(a, s, torch.addcmul(b, s, c))


def carried(beyond: Tensor) -> Tensor:
    """How far skin goes with a lid: 1 next to it, 0 from where beyond is 1 on."""
    x = beyond.sub(1).mul_(1 / (FLAT - 1)).clamp_(0, 1)
    return torch.mul(x, -2).add_(3).mul_(x).mul_(x)


def outer_share(outwards: Tensor) -> Tensor:
    """How far what is at a place along an eye, -1 at the nose to 1, goes down with the
    outer corner: 0 at the inner one, 1 at the outer one, 0 far beyond it."""
    beyond = outwards.sub(1.1).div_(0.55)
    return (
        torch.add(OUTER_MIDDLE, outwards, alpha=0.5).clamp_min_(0).mul_(carried(beyond))
    )


def around_eye(frame: FloatArray, reach_px: float, height: int, width: int) -> Patch:
    """What of a picture is within reach of an eye's middle; it may be empty."""
    size = [width, height]
    left, top = np.clip(frame[:2] - reach_px, 0, size).astype(int).tolist()
    right, bottom = np.clip(frame[:2] + reach_px, 0, size).astype(int).tolist()
    return slice(top, bottom), slice(left, right)


def eye_coordinates(frame: FloatArray, patch: Patch) -> tuple[Tensor, Tensor]:
    """s and t of a patch's pixels, in half eye widths."""
    rows, columns = np.mgrid[patch].astype(np.float32)
    x, y = columns - frame[0], rows - frame[1]
    unit = float(frame[2] ** 2 + frame[3] ** 2)
    s = torch.from_numpy((x * frame[2] + y * frame[3]) / unit)
    t = torch.from_numpy((x * frame[4] + y * frame[5]) / unit)
    return s, t


@dataclass(frozen=True, eq=False)
class EyeMotion:
    """Per eye, float32 [B, 2]: lid travels (of the opening) and gaze (half eye widths),
    the subject's right one first."""

    upper: FloatArray  # 0 rest, 1 at the open eye's lower lid, below 0 wider
    lower: FloatArray  # up; below 0 wider
    blink: FloatArray  # 0 to 1, of the way from the lower lid to where both meet
    side: FloatArray
    down: FloatArray


# Of an eye, in the order of the channels, each left and right.
_PER_EYE = ("cheekSquint", "eyeBlink", "eyeLookDown", "eyeLookIn", "eyeLookOut",
            "eyeLookUp", "eyeSquint", "eyeWide")  # fmt: skip
_EYES = slice(CHANNEL_INDEX["cheekSquintLeft"], CHANNEL_INDEX["eyeWideRight"] + 1)


class Extent(IntEnum):
    """What of an eye moves, and so is drawn."""

    EYEBALL = 0
    LIDS = 1  # and the skin above and below between the corners
    CLOSING = 2  # and beyond the corners, where lashes of a closed eye lie


def moving_eyes(motion: FloatArray) -> npt.NDArray[np.int64]:
    """The rows of motion [B, channels] whose eyes are not at rest."""
    return np.flatnonzero(motion[:, _EYES].any(1))


def eye_motion(motion: FloatArray) -> EyeMotion:
    """motion: [B, channels], bounded."""
    right_first = motion[:, _EYES].reshape(-1, len(_PER_EYE), 2)[..., ::-1]
    cheek, blink, *looks, squint, wide = right_first.swapaxes(0, 1)
    look_down, look_in, look_out, look_up = looks
    squint = np.minimum(squint + 0.5 * cheek, 1)
    down = look_down - look_up
    lowered, raised = np.maximum(down, 0), np.minimum(down, 0)
    resting = 0.16 * squint - 0.22 * wide + 0.38 * lowered + 0.14 * raised
    lower = 0.30 * squint - 0.06 * wide - 0.10 * lowered
    return EyeMotion(
        upper=resting + (1 - resting) * blink,
        lower=lower * (1 - blink),
        blink=blink,
        side=GAZE_SIDE * (look_out - look_in) * SIDES,
        down=GAZE_UP * down,
    )


def eye_openings(landmarks: FloatArray) -> FloatArray:
    """Height over width of both eyes: [2].

    The height is taken across the eye, since landmarks of the two lids also slide along
    it past each other, and over three pairs, as the eye aspect ratio of Soukupova and
    Cech (2016) does over two.
    """
    shapes = []
    for pairs, (first, last) in zip(LID_PAIRS, CORNERS, strict=True):
        x, y = landmarks[last, :2] - landmarks[first, :2]
        upper, lower = landmarks[np.array(pairs).T, :2].mean(1)
        across = (lower - upper) @ np.array([-y, x]) / (x * x + y * y)
        shapes.append(max(float(across), 0.0))
    return np.array(shapes, np.float32)
