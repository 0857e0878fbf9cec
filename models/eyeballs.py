"""The eyeballs: continued where lids cover them, and parted into white and iris, so
that gaze moves an iris over a white that stays where it is.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch

from models.controls import smoothstep
from models.eyes import (
    LASHES_LOWER,
    LASHES_UPPER,
    LEFT_IRIS,
    LEFT_LOWER,
    RIGHT_IRIS,
    RIGHT_LOWER,
    EyeRig,
    UintArray,
    build_eyes,
    eye_coordinates,
    lid_height,
)
from models.media import FloatArray

REACH = 1.9  # half eye widths from an eye's middle that an eyeball is continued
IRIS_RADII = 0.92, 1.7  # of the landmarks' radius: a drawn iris may be far larger
IRIS_STEP = 7.0  # levels of 255 by which the white begins, or it is not seen
WHITE_SHARE = 0.72  # of the eye's lightest, that is white and not a light iris
LEAST_EDGES = 6  # of 44 rays that see where an iris ends
HELD, FURTHEST = 0.03, 0.4  # how an iris' middle is held to the landmark; iris radii
RIM = 0.04, 0.12  # half eye widths within the lashes, where lids throw shadows
WHITE_FROM = 1.18  # iris radii; nearer, an iris still darkens the white
AROUND = 1.35, 1.6  # iris radii; darker spots so near belong to the iris
DRAWN = 1.2  # of the iris that landmarks tell: no living eye's is larger
# How much lower a drawn lid's line is looked for, half eye widths.
LOWER = np.arange(0, 0.3, 0.02, dtype=np.float32)
UNDER_LID = 0.94  # of the brightness, of a white in the shadow of its lid

BoolArray = npt.NDArray[np.bool_]


def eyeballs(picture: UintArray, landmarks: FloatArray) -> UintArray:
    """The picture with both eyeballs continued under the lids: uint8 [H, W, 3]."""
    result = picture.copy()
    for ball in _balls(picture, landmarks):
        if ball.sure.sum() < 12:
            continue
        filled = UNDER_LID * _spread(ball, ball.white)
        share = smoothstep(ball.away, 1.15 * ball.radius, 0.95 * ball.radius)
        filled = filled + (_round_iris(ball) - filled) * share[..., None]
        keep = (ball.open_px + 1.5).clip(0, 1)[..., None]
        result[ball.here] = np.round(ball.colours * keep + filled * (1 - keep))
    return result


def on_drawn_lids(picture: UintArray, landmarks: FloatArray) -> FloatArray:
    """The landmarks with the lower lids of a drawn eye where they are drawn.

    Cartoons have irises, and eyes, larger than landmarks know; people have not.
    """
    moved = landmarks.copy()
    rig = build_eyes(landmarks)
    sides = ((RIGHT_IRIS, RIGHT_LOWER), (LEFT_IRIS, LEFT_LOWER))
    for eye, (iris, lower) in enumerate(sides):
        rim = landmarks[list(iris[1:]), :2] - landmarks[iris[0], :2]
        ball = _ball(picture, rig, eye, landmarks[list(iris), :2])
        if not ball or ball.radius < DRAWN * np.linalg.norm(rim, axis=1).mean():
            continue
        frame, lid = rig.frame[eye].numpy(), rig.lids[eye, 1]
        s = np.linspace(-0.6, 0.6, 25, dtype=np.float32)
        t = lid_height(lid, torch.from_numpy(s)).numpy() + LOWER[:, None]
        spots = frame[:2] + s[:, None] * frame[2:4] + t[..., None] * frame[4:]
        least = picture.min(2).astype(np.float32)
        found = cv2.remap(least, spots[..., 0], spots[..., 1], cv2.INTER_LINEAR)
        lower_by = LOWER[np.median(found, 1).argmin()]
        inner = moved[list(lower[1:-1]), :2]
        along = ((inner - frame[:2]) @ frame[2:4]) / (frame[2:4] @ frame[2:4])
        bow = (1 - along**2).clip(0, 1)[:, None]
        moved[list(lower[1:-1]), :2] = inner + lower_by * bow * frame[4:]
    return moved


@dataclass(frozen=True, eq=False)
class Parted:
    """Eyeballs in layers: rims + whites (1 - share) + irises are the eyeballs again.

    whites: float32 RGB [H, W, 3], without irises.
    rims: float32 [H, W, 4], what is left at the rims of the lids, lashes' shadows and
        wet edges, RGB that may be below 0; and what share of it an iris takes
        away when it goes.
    irises: float32 [H, W, 4], RGB that is already weighted by its share, and that
        share, 0 to 1.
    """

    whites: FloatArray
    rims: FloatArray
    irises: FloatArray


def parted(eyeballs: FloatArray, landmarks: FloatArray) -> Parted:
    """eyeballs: float32 RGB [H, W, 3]."""
    whites = eyeballs.copy()
    rims, irises = np.zeros((2, *eyeballs.shape[:2], 4), np.float32)
    for ball in _balls(eyeballs, landmarks):
        if ball.sure.sum() < 12:
            continue
        radius, soft = ball.radius, 1.0 + 0.12 * ball.radius
        rim = smoothstep(ball.open_px / ball.half, RIM[1], RIM[0])[..., None]
        spread = _spread(ball, ball.white)
        own = _not_white(ball, spread)[..., None]
        white = ball.colours + (spread - ball.colours) * np.maximum(own, rim)
        iris = ball.colours + (_round_iris(ball) - ball.colours) * rim
        share = smoothstep(ball.away, radius + soft, radius)[..., None]
        shown = (ball.open_px / 1.5 + 2).clip(0, 1)[..., None]
        left = shown * (ball.colours - white - (iris - white) * share)
        # What an iris leaves round itself goes with it.
        carried = own * (1 - rim)
        whites[ball.here] = white
        rims[ball.here] = np.concatenate([left * (1 - carried), own], -1)
        irises[ball.here] = np.concatenate([iris * share + left * carried, share], -1)
    return Parted(whites, rims, irises)


def _not_white(ball: "_Ball", white: FloatArray) -> FloatArray:
    """Where an iris and its shadow are, 0 to 1: its disc, and the dark near it."""
    disc = smoothstep(
        ball.away, 1.05 * WHITE_FROM * ball.radius + 1, 1.08 * ball.radius
    )
    darker = 1 - ball.colours.min(2) / np.maximum(white.min(2), 1)
    near = smoothstep(ball.away / ball.radius, AROUND[1], AROUND[0])
    return np.maximum(disc, near * smoothstep(darker, 0.08, 0.25))


@dataclass(frozen=True, eq=False)
class _Ball:
    """What is round one eye of a picture, float32 [h, w] but for the colours."""

    here: tuple[slice, slice]
    half: float  # of the eye's width, pixels
    colours: FloatArray  # [h, w, 3]
    open_px: FloatArray  # how far within the lashes; below 0 under a lid
    away: FloatArray  # from the middle of the iris, pixels
    radius: float  # of the iris, pixels

    @property
    def sure(self) -> BoolArray:
        """Neither lid nor lashes."""
        return np.asarray(self.open_px > 1.0)

    @property
    def white(self) -> BoolArray:
        """What is surely not the iris; what is seen, where there is too little."""
        white = self.sure & (self.away > WHITE_FROM * self.radius)
        if white.sum() <= 8:
            return self.sure
        least = self.colours.min(2)
        light = least > WHITE_SHARE * np.percentile(least[white], 90)
        light = white & (light | (self.away > AROUND[0] * self.radius))
        return light if light.sum() > 8 else white


def _balls(picture: npt.NDArray[np.generic], landmarks: FloatArray) -> list[_Ball]:
    rig = build_eyes(landmarks)
    found = []
    for eye, iris in enumerate((RIGHT_IRIS, LEFT_IRIS)):
        ball = _ball(picture, rig, eye, landmarks[list(iris), :2])
        if ball:
            found.append(ball)
    return found


def _ball(
    picture: npt.NDArray[np.generic], rig: EyeRig, eye: int, iris: FloatArray
) -> _Ball | None:
    frame = rig.frame[eye].numpy()
    half = float(np.linalg.norm(frame[2:4]))
    limits = np.array(picture.shape[1::-1])
    left, top = np.clip(np.floor(frame[:2] - REACH * half), 0, limits).astype(int)
    right, bottom = np.clip(np.ceil(frame[:2] + REACH * half), 0, limits).astype(int)
    here = (slice(top, bottom), slice(left, right))
    colours = picture[here].astype(np.float32)
    if colours.size == 0:
        return None
    s, t = eye_coordinates(frame, here)
    upper, lower = (lid_height(rig.lids[eye, lid], s) for lid in (0, 1))
    open_px = half * np.minimum(
        (t - upper - LASHES_UPPER).numpy(), (lower - LASHES_LOWER - t).numpy()
    )
    open_px = np.asarray(open_px, np.float32)
    middle, radius = _seen_iris(
        colours.min(2), open_px, iris - np.array([left, top], np.float32)
    )
    rows, columns = np.mgrid[: bottom - top, : right - left].astype(np.float32)
    away = np.asarray(np.hypot(columns - middle[0], rows - middle[1]), np.float32)
    return _Ball(here, half, colours, open_px, away, radius)


def _seen_iris(
    least: FloatArray, open_px: FloatArray, told: FloatArray
) -> tuple[FloatArray, float]:
    """Middle [2] and radius of an iris, by where it gives way to the white, pixels; as
    the landmarks, told [5, 2], say where no such edge is seen.

    A circle near the landmarks' one, through most of the edges that rays from its
    middle come to. least: of each pixel's red, green and blue, of which coloured irises
    have little, also light ones.
    """
    radius = float(np.linalg.norm(told[1:] - told[0], axis=1).mean())
    angles = np.radians(np.r_[-55:55:5, 125:235:5])  # above and below are the lids
    rays = np.stack([np.cos(angles), np.sin(angles)], 1)
    steps = np.arange(IRIS_RADII[0] * radius - 1.5, IRIS_RADII[1] * radius + 2, 0.5)
    spots = (told[0] + steps[:, None, None] * rays).astype(np.float32)
    shown, open_there = (
        np.asarray(cv2.remap(each, spots[..., 0], spots[..., 1], cv2.INTER_LINEAR))
        for each in (least, open_px)
    )
    rise = shown[5:] - shown[:-5]  # over two and a half pixels
    hidden = (open_there[5:] < 0.5) | (open_there[:-5] < 0.5)
    sure = least[open_px > 1.0]
    white = WHITE_SHARE * np.percentile(sure, 90) if sure.size else 255
    rise[hidden | (shown[5:] < white)] = -1
    # The outermost of the edges that are nearly the clearest: pupils have one too.
    clear = rise > np.maximum(0.8 * rise.max(0), IRIS_STEP)
    found = clear.any(0)
    if found.sum() < LEAST_EDGES:
        return told[0], radius
    last = len(rise) - 1 - clear[::-1].argmax(0)
    edges = told[0] + (steps[last + 2, None] * rays)[found]
    return _circle(edges, told[0], radius)


def _circle(
    edges: FloatArray, middle: FloatArray, radius: float
) -> tuple[FloatArray, float]:
    """Through most of the points [n, 2], and its middle not far from that told."""
    told, found = middle.astype(np.float64), np.array([*middle, radius], np.float64)
    hold = np.diag([HELD, HELD, 0.0]) * len(edges)
    for _ in range(12):
        way = edges - found[:2]
        away = np.maximum(np.linalg.norm(way, axis=1), 1e-3)
        error = away - found[2]
        spread = max(1.5 * float(np.median(np.abs(error))), 0.5)
        weight = 1 / (1 + (error / spread) ** 2)
        slope = np.column_stack([-way / away[:, None], -np.ones(len(edges))])
        pull = slope.T @ (weight * error) + hold @ (found - [*told, 0])
        found -= np.linalg.solve((slope.T * weight) @ slope + hold, pull)
    low, high = (share * radius for share in IRIS_RADII)
    shift = found[:2] - told
    shift *= min(1.0, FURTHEST * radius / max(float(np.linalg.norm(shift)), 1e-6))
    return np.asarray(told + shift, np.float32), float(np.clip(found[2], low, high))


def _spread(ball: _Ball, known: BoolArray) -> FloatArray:
    """The known pixels' colours over all of what is round the eye, [h, w, 3]."""
    weight = known.astype(np.float32)
    colour = ball.colours * weight[..., None]
    total, share = np.zeros_like(colour), np.zeros_like(weight)
    for sigma, trust in ((1.5, 1.0), (4.0, 1e-2), (14.0, 1e-4), (60.0, 1e-7)):
        total += trust * cv2.GaussianBlur(colour, (0, 0), sigma)
        share += trust * cv2.GaussianBlur(weight, (0, 0), sigma)
    return np.asarray(total / np.maximum(share, 1e-12)[..., None], np.float32)


def _round_iris(ball: _Ball) -> FloatArray:
    """The iris as a full disc: its usual colour at each distance from the centre."""
    seen = (ball.open_px > RIM[1] * ball.half) & (ball.away < 1.1 * ball.radius)
    if seen.sum() < 8:
        seen = ball.sure & (ball.away < 1.1 * ball.radius)
    if not seen.any():
        return ball.colours
    bins = np.clip((ball.away / max(ball.radius, 1e-3) * 6).astype(int), 0, 6)
    profile = np.zeros((7, 3), np.float32)
    last = ball.colours[seen].mean(0)
    for ring in range(6, -1, -1):
        inside = seen & (bins == ring)
        if inside.sum() >= 3:
            last = np.median(ball.colours[inside], 0)
        profile[ring] = last
    return np.asarray(cv2.GaussianBlur(profile[bins], (0, 0), 0.7), np.float32)
