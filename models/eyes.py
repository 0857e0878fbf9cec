"""Lids that travel over the eye, and irises that move inside the opening.

A single field would squash the iris when the lids meet, so an eye has two parts: the
skin, remapped along lines across the lids, and the eyeball behind it, which only gaze
moves. The opening between the lids decides which one shows.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from models.controls import smoothstep
from models.media import CHANNEL_INDEX, FloatArray

# (outer corner .. inner corner for the subject's right eye, and mirrored), upper, lower
RIGHT_UPPER = (33, 246, 161, 160, 159, 158, 157, 173, 133)
RIGHT_LOWER = (33, 7, 163, 144, 145, 153, 154, 155, 133)
LEFT_UPPER = (362, 398, 384, 385, 386, 387, 388, 466, 263)
LEFT_LOWER = (362, 382, 381, 380, 374, 373, 390, 249, 263)
RIGHT_BROW, LEFT_BROW = (52, 65, 53), (282, 295, 283)  # lower edges
RIGHT_IRIS, LEFT_IRIS = (468, 469, 470, 471, 472), (473, 474, 475, 476, 477)

MEETING = 0.0  # of the opening: how far above the lower lid the lids meet
BEYOND = 0.30  # of the opening, that a closed upper lid comes down past the lower one
GAZE_SIDE, GAZE_UP = 0.50, 0.30  # iris travel at 1.0, in half eye widths
BELOW = 0.75  # how far below the lower lid the skin moves, in half eye widths

UintArray = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class EyeRig:
    """Both eyes, the subject's right one first. Lengths in half eye widths unless px.

    frame: [2, 6] centre x, y (px), along x, y (px per unit), across x, y (px per unit).
    lids: [2, 2, 3] upper and lower lid: t = (1 - s^2)(a + b s + c s^2).
    skin: [2] height of the skin between lid and brow.
    iris: [2, 3] centre s, t and radius.
    """

    frame: Tensor
    lids: Tensor
    skin: Tensor
    iris: Tensor


def build_eyes(landmarks: FloatArray) -> EyeRig:
    right = _one_eye(landmarks, RIGHT_UPPER, RIGHT_LOWER, RIGHT_BROW, RIGHT_IRIS)
    left = _one_eye(landmarks, LEFT_UPPER, LEFT_LOWER, LEFT_BROW, LEFT_IRIS)
    both = [torch.from_numpy(np.stack(pair)) for pair in zip(right, left, strict=True)]
    return EyeRig(*both)


def _one_eye(
    landmarks: FloatArray,
    upper: tuple[int, ...],
    lower: tuple[int, ...],
    brow: tuple[int, ...],
    iris: tuple[int, ...],
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    points = landmarks[:, :2].astype(np.float64)
    first, last = points[upper[0]], points[upper[-1]]
    centre, along = (first + last) / 2, (last - first) / 2
    across = np.array([-along[1], along[0]])
    to_local = np.linalg.inv(np.stack([along, across]))
    top = _lid((points[list(upper)] - centre) @ to_local)
    bottom = _lid((points[list(lower)] - centre) @ to_local)
    brow_height = -((points[list(brow)] - centre) @ to_local)[:, 1].mean()
    skin = np.clip(brow_height + top[0], 0.45, 1.3)
    eye = (points[list(iris)] - centre) @ to_local
    radius = np.linalg.norm(eye[1:] - eye[0], axis=1).mean()
    return (
        np.concatenate([centre, along, across]).astype(np.float32),
        np.stack([top, bottom]).astype(np.float32),
        np.float32(skin).reshape(()),
        np.array([*eye[0], radius], np.float32),
    )


def _lid(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    s, t = np.clip(points[1:-1, 0], -0.98, 0.98), points[1:-1, 1]
    bow = 1 - s**2
    basis = np.stack([bow, bow * s, bow * s**2], 1)
    fitted, *_ = np.linalg.lstsq(basis, t, rcond=None)
    return np.asarray(fitted)


def lid_height(lid: Tensor, s: Tensor) -> Tensor:
    """Across-position of a lid [..., 3] at s; the corners hold beyond -1 and 1."""
    s = s.clamp(-1, 1)
    a, b, c = lid.unbind(-1)
    return (1 - s * s) * torch.addcmul(a, s, torch.addcmul(b, s, c))


def eye_coordinates(
    frame: FloatArray, left: int, top: int, height: int, width: int
) -> tuple[Tensor, Tensor]:
    """s and t of a patch's pixels, in half eye widths."""
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = columns + left - frame[0], rows + top - frame[1]
    unit = float(frame[2] ** 2 + frame[3] ** 2)
    s = torch.from_numpy((x * frame[2] + y * frame[3]) / unit)
    t = torch.from_numpy((x * frame[4] + y * frame[5]) / unit)
    return s, t


@dataclass(frozen=True, eq=False)
class EyeMotion:
    """Per eye, float32 [B, 2]: lid travels (of the opening) and gaze (half eye widths),
    the subject's right one first."""

    upper: FloatArray  # 0 rest, 1 at the meeting line, beyond it shut, below 0 wider
    lower: FloatArray
    side: FloatArray
    down: FloatArray

    def any(self) -> npt.NDArray[np.bool_]:
        """Of each frame, whether its eyes are not at rest: [B]."""
        parts = (self.upper, self.lower, self.side, self.down)
        moves: npt.NDArray[np.bool_] = (np.concatenate(parts, 1) != 0).any(1)
        return moves


_PER_EYE = ("eyeBlink", "eyeSquint", "eyeWide", "cheekSquint", "eyeLookDown",
            "eyeLookUp", "eyeLookOut", "eyeLookIn")  # fmt: skip
_CHANNELS = [
    CHANNEL_INDEX[name + side] for name in _PER_EYE for side in ("Right", "Left")
]
_SIDES = np.array([-1, 1], np.float32)  # the right eye's out is left


def eye_motion(motion: FloatArray) -> EyeMotion:
    """motion: [B, channels], bounded."""
    picked = motion[:, _CHANNELS].reshape(-1, len(_PER_EYE), 2)
    blink, squint, wide, cheek, *looks = picked.transpose(1, 0, 2)
    look_down, look_up, look_out, look_in = looks
    squint = np.minimum(squint + 0.5 * cheek, 1)
    down = look_down - look_up
    lowered, raised = np.maximum(down, 0), np.minimum(down, 0)
    resting = 0.16 * squint - 0.22 * wide + 0.38 * lowered + 0.14 * raised
    lower = 0.38 * squint - 0.06 * wide - 0.10 * lowered
    return EyeMotion(
        upper=resting + (1 + BEYOND - resting) * blink,
        lower=lower + (1 - lower) * blink,
        side=GAZE_SIDE * (look_out - look_in) * _SIDES,
        down=GAZE_UP * down,
    )


def eyeballs(picture: UintArray, landmarks: FloatArray) -> UintArray:
    """The picture with both eyeballs continued under the lids: uint8 [H, W, 3]."""
    result = picture.copy()
    for upper, lower, iris in (
        (RIGHT_UPPER, RIGHT_LOWER, RIGHT_IRIS),
        (LEFT_UPPER, LEFT_LOWER, LEFT_IRIS),
    ):
        _continue_eyeball(result, picture, landmarks[:, :2], upper, lower, iris)
    return result


def _continue_eyeball(
    result: UintArray,
    picture: UintArray,
    points: FloatArray,
    upper: tuple[int, ...],
    lower: tuple[int, ...],
    iris: tuple[int, ...],
) -> None:
    ring = points[list(upper) + list(lower[::-1])]
    reach = float(np.linalg.norm(points[upper[-1]] - points[upper[0]]))
    left, top = np.maximum(np.floor(ring.min(0) - 0.45 * reach), 0).astype(int)
    right, bottom = np.ceil(ring.max(0) + 0.45 * reach).astype(int)
    patch = picture[top:bottom, left:right]
    if patch.size == 0:
        return
    corner = np.array([left, top])
    opening = np.zeros(patch.shape[:2], np.uint8)
    cv2.fillPoly(
        opening, [np.round((ring - corner) * 16).astype(np.int32)], (255,), shift=4
    )
    seen = cv2.erode(opening, np.ones((3, 3), np.uint8)) > 0
    if seen.sum() < 12:
        return
    centre = points[iris[0]] - corner
    radius = float(
        np.linalg.norm(points[list(iris[1:])] - points[iris[0]], axis=1).mean()
    )
    rows, columns = np.mgrid[0 : patch.shape[0], 0 : patch.shape[1]]
    away = np.hypot(columns - centre[0], rows - centre[1])
    white = seen & (away > 1.15 * radius)
    filled = _fill_white(patch, white if white.sum() > 8 else seen)
    iris_seen = seen & (away < 1.1 * radius)
    if iris_seen.sum() > 8:
        disc = _round_iris(patch, away, iris_seen, radius)
        share = smoothstep(away.astype(np.float32), 1.15 * radius, 0.95 * radius)
        filled = filled + (disc - filled) * share[..., None]
    # The lids' fitted curves may leave the landmarks by a pixel: keep the photo there.
    wide = cv2.dilate(opening, np.ones((5, 5), np.uint8)) > 0
    soft = cv2.GaussianBlur(wide.astype(np.float32), (0, 0), 0.8)
    keep = np.where(wide, 1.0, np.clip(soft * 2, 0, 1))[..., None]
    result[top:bottom, left:right] = np.round(patch * keep + filled * (1 - keep))


def _fill_white(patch: UintArray, known: npt.NDArray[np.bool_]) -> FloatArray:
    """Spreads the known pixels over the whole patch, a little darker further out."""
    weight = known.astype(np.float32)
    colour = patch.astype(np.float32) * weight[..., None]
    total, share = np.zeros_like(colour), np.zeros_like(weight)
    for sigma, trust in ((1.5, 1.0), (4.0, 1e-2), (14.0, 1e-4), (60.0, 1e-7)):
        total += trust * cv2.GaussianBlur(colour, (0, 0), sigma)
        share += trust * cv2.GaussianBlur(weight, (0, 0), sigma)
    return np.asarray(0.94 * total / np.maximum(share, 1e-12)[..., None], np.float32)


def _round_iris(
    patch: UintArray,
    away: npt.NDArray[np.float64],
    seen: npt.NDArray[np.bool_],
    radius: float,
) -> FloatArray:
    """The iris as a full disc: its mean colour at each distance from the centre."""
    bins = np.clip((away / max(radius, 1e-3) * 6).astype(int), 0, 6)
    profile = np.zeros((7, 3), np.float32)
    last = patch[seen].mean(0)
    for ring in range(6, -1, -1):
        inside = seen & (bins == ring)
        if inside.sum() >= 3:
            last = np.median(patch[inside], 0)
        profile[ring] = last
    return np.asarray(cv2.GaussianBlur(profile[bins], (0, 0), 0.7), np.float32)
