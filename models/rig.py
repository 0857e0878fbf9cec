"""Landmarks -> the rig of one face: controls, their spread over skin, the seam."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from models.controls import (
    INNER_LOWER,
    INNER_UPPER,
    LIP_POINTS,
    LIPS,
    OUTER_LOWER,
    SKIN,
    channel_table,
    jaw_weights,
    lip_jaw_weights,
    smoothstep,
)
from models.landmarks import CHIN, LEFT_EYE_OUTER, RIGHT_EYE_OUTER, head_axes
from models.media import FloatArray

GRID_WIDTH, GRID_HEIGHT = 60, 68  # nodes of the face's displacement grid
# The box that the face moves in, in IOD about the middle of the mouth.
BOX_LEFT, BOX_TOP, BOX_RIGHT, BOX_BOTTOM = -1.15, -1.45, 1.15, 1.15
# Landmarks of the nose's base and wings, and how far above the mouth and beside the
# middle they are in most faces, IOD.
NOSE_BASE, NOSE_WINGS = 2, (64, 294)
USUAL_HEIGHT, USUAL_WING = 0.24, 0.225
NARROW_LIP = 0.02  # IOD, of an upper lip under a moustache, in the middle
SMOOTHING = 2e-3  # of the thin plates: landmarks are not exact


@dataclass(frozen=True, eq=False)
class HeadFrame:
    """The head in its picture: picture = origin + iod * (point @ axes)."""

    origin: FloatArray  # [3], pixels; the middle of the inner mouth corners
    axes: FloatArray  # [3, 3], rows right, down, away
    iod: float  # pixels

    @classmethod
    def of(cls, landmarks: FloatArray) -> "HeadFrame":
        between = landmarks[LEFT_EYE_OUTER] - landmarks[RIGHT_EYE_OUTER]
        middle = (landmarks[INNER_UPPER[0]] + landmarks[INNER_UPPER[-1]]) / 2
        iod = float(np.linalg.norm(between))
        return cls(middle.astype(np.float32), head_axes(landmarks), iod)

    def local(self, points: FloatArray) -> FloatArray:
        """Pixels [N, 3] -> head frame [N, 3]."""
        return np.asarray((points - self.origin) @ self.axes.T / self.iod, np.float32)

    @property
    def projection(self) -> FloatArray:
        """Head frame displacement [3] @ this [3, 2] -> pixels."""
        return np.asarray(self.axes[:, :2] * self.iod, np.float32)

    def flat(self, pixels: FloatArray) -> FloatArray:
        """Pixels [N, 2] on the mouth's plane -> its x and y in IOD, [N, 2]."""
        inverse = np.linalg.inv(self.projection[:2].astype(np.float64))
        return np.asarray((pixels - self.origin[:2]) @ inverse, np.float32)

    def unflat(self, points: FloatArray) -> FloatArray:
        """The inverse of flat."""
        return np.asarray(points @ self.projection[:2] + self.origin[:2], np.float32)


@dataclass(frozen=True, eq=False)
class FaceRig:
    """How one face moves. Tensors are float32; C = 44 lip and N skin controls."""

    rest: Tensor  # [44, 3] lips in the head's frame
    table: Tensor  # [channels, C, 3]
    jaw: Tensor  # [C, 3]
    follow: Tensor  # [N, 22] skin follows the outer lips
    projection: Tensor  # [3, 2]
    spread_upper: Tensor  # [GRID_HEIGHT * GRID_WIDTH, C] pixels per pixel
    spread_lower: Tensor
    box: Tensor  # [4] left, top, right, bottom in pixels, of the grid's outer nodes
    rest_gap: Tensor  # [1] at the middle, IOD

    @property
    def controls(self) -> int:
        return int(self.table.shape[1])


def rest_lips(landmarks: FloatArray) -> tuple[float, float]:
    """The photo's own aperture (13 to 14) and width (78 to 308), in IOD."""
    lips = HeadFrame.of(landmarks).local(landmarks[list(LIPS)])
    middle = LIP_POINTS // 2
    gap = float(lips[LIP_POINTS + middle, 1] - lips[middle, 1])
    return max(gap, 0.0), float(np.linalg.norm(lips[LIP_POINTS - 1] - lips[0]))


def build_rig(landmarks: FloatArray) -> FaceRig:
    """landmarks: float32 [478, 3], pixels of the picture."""
    frame = HeadFrame.of(landmarks)
    lips = _untangled(frame.local(landmarks[list(LIPS)]))
    skin = frame.local(landmarks[list(SKIN)])
    box = _box(frame)
    nodes = _nodes(box)
    upper, lower = _spread(frame, landmarks, nodes)
    return FaceRig(
        rest=torch.from_numpy(lips),
        table=torch.from_numpy(
            channel_table(skin, float(lips[LIP_POINTS - 1, 0] - lips[0, 0]))
        ),
        jaw=torch.from_numpy(
            np.concatenate([lip_jaw_weights(), jaw_weights(_under_usual_nose(skin))])
        ),
        follow=torch.from_numpy(_follow(skin, lips[2 * LIP_POINTS :])),
        projection=torch.from_numpy(frame.projection),
        spread_upper=torch.from_numpy(upper),
        spread_lower=torch.from_numpy(lower),
        box=torch.from_numpy(box),
        rest_gap=torch.tensor([rest_lips(landmarks)[0]]),
    )


def _untangled(lips: FloatArray) -> FloatArray:
    """Inner lips that cross by a hair, as landmarks of a closed mouth do, meet."""
    lips = lips.copy()
    upper, lower = lips[:LIP_POINTS], lips[LIP_POINTS : 2 * LIP_POINTS]
    middle = (upper[:, 1] + lower[:, 1]) / 2
    crossed = lower[:, 1] < upper[:, 1]
    upper[crossed, 1] = lower[crossed, 1] = middle[crossed]
    return lips


def _box(frame: HeadFrame) -> FloatArray:
    x, y = frame.origin[:2]
    sides = np.array([BOX_LEFT, BOX_TOP, BOX_RIGHT, BOX_BOTTOM]) * frame.iod
    return np.asarray(np.round(np.array([x, y, x, y]) + sides), np.float32)


def _nodes(box: FloatArray) -> FloatArray:
    columns = np.linspace(box[0], box[2], GRID_WIDTH)
    rows = np.linspace(box[1], box[3], GRID_HEIGHT)
    nodes = np.stack(np.meshgrid(columns, rows), -1).reshape(-1, 2)
    return np.asarray(nodes, np.float32)


def _under_usual_nose(skin: FloatArray) -> FloatArray:
    """Controls [N, 3] as if the nose were as far above the mouth as most are: one that
    is nearer, as of a child or a head tipped back, holds still all the same."""
    height = -float(skin[SKIN.index(NOSE_BASE), 1])
    nearer = max(USUAL_HEIGHT / max(height, 0.05), 1.0)
    placed = skin.copy()
    placed[:, 1] *= np.where(skin[:, 1] < 0, nearer, 1)
    return placed


def _follow(skin: FloatArray, outer: FloatArray) -> FloatArray:
    """Skin near the lips goes with them: float32 [N, 22]; the nose holds still."""
    apart = np.linalg.norm(skin[:, None, :2] - outer[None, :, :2], axis=-1)
    near = np.exp(-((apart / 0.09) ** 2)) + 1e-9
    share = near / near.sum(1, keepdims=True)
    falloff = np.exp(-((apart.min(1) / 0.19) ** 2))
    height = _under_usual_nose(skin)[:, 1]
    wings = np.abs(skin[[SKIN.index(wing) for wing in NOSE_WINGS], 0]).mean()
    broad = max(float(wings) / USUAL_WING, 1.0)
    nose = smoothstep(height, -0.10, -0.22)
    nose = nose * smoothstep(np.abs(skin[:, 0]) / broad, 0.26, 0.15)
    return np.asarray(share * (falloff * (1 - 0.85 * nose))[:, None], np.float32)


def _spread(
    frame: HeadFrame, landmarks: FloatArray, nodes: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Thin-plate interpolation from controls to nodes, for both layers."""
    points = frame.flat(landmarks[list(LIPS + SKIN), :2])
    where = frame.flat(nodes)
    chin = float(frame.local(landmarks[[CHIN]])[0, 1])
    layers = [_layer(points, where, chin, layer) for layer in (0, 1)]
    window = _window(nodes)[:, None]
    return layers[0] * window, layers[1] * window


def _layer(
    points: FloatArray, where: FloatArray, chin: float, layer: int
) -> FloatArray:
    """Weights [nodes, C] of the upper (0) or lower (1) layer.

    A layer goes on behind the other lip as its own lip moves, so that it does not fold
    where it is not seen: skin there is left out, and ghosts of the lip stand in.
    """
    first = np.arange(LIP_POINTS)
    inner, outer = layer * LIP_POINTS + first, (2 + layer) * LIP_POINTS + first
    skin = np.arange(4 * LIP_POINTS, len(points))
    skin = skin[~_behind(points[skin], points[: 2 * LIP_POINTS], chin, layer)]
    used = np.concatenate([inner, outer, skin])
    ghosts, of = _ghosts(points[inner], layer)
    centres = np.concatenate([points[used], ghosts, _still_points(chin)])
    weights = _thin_plate(centres, where)
    full = np.zeros((len(where), len(points)), np.float32)
    full[:, used] = weights[:, : len(used)]
    for ghost, lip in enumerate(of):
        full[:, inner[lip]] += weights[:, len(used) + ghost]
    return full


def _behind(
    skin: FloatArray, lips: FloatArray, chin: float, layer: int
) -> npt.NDArray[np.bool_]:
    """Which skin lies across the seam from the layer's lip, in the lip's way."""
    half = 0.55 * float(lips[LIP_POINTS - 1, 0] - lips[0, 0])
    seam = float(lips[:, 1].mean())
    across = (skin[:, 1] - seam) * (1 if layer == 0 else -1)
    reach = chin - seam + 0.15 if layer == 0 else 0.60
    narrow = np.abs(skin[:, 0]) < half * (1.0 + (0.5 if layer == 0 else 0.0))
    return np.asarray((across > 0) & (across < reach) & narrow)


def _ghosts(inner: FloatArray, layer: int) -> tuple[FloatArray, list[int]]:
    """Points across the seam that move with a lip, and which vertex each follows."""
    towards = 1.0 if layer == 0 else -1.0
    found, of = [], []
    for step in (0.07, 0.15, 0.24):
        for lip in range(2, LIP_POINTS - 2):
            arch = np.sin(np.pi * lip / (LIP_POINTS - 1))
            found.append(inner[lip] + np.array([0.0, towards * step * arch]))
            of.append(lip)
    return np.array(found, np.float32), of


def _still_points(chin: float) -> FloatArray:
    """Points that never move: a ring round the box, and the neck."""
    around = np.linspace(-1.1, 1.1, 8)
    rows = np.linspace(-1.35, chin + 0.55, 7)
    ring = [(x, -1.40) for x in around] + [(x, chin + 0.60) for x in around]
    ring += [(side * 1.12, y) for y in rows for side in (-1.0, 1.0)]
    return np.array(ring, np.float32)


def _window(nodes: FloatArray) -> FloatArray:
    """1 inside the box, 0 on its rim, so that nothing jumps there."""
    low, high = nodes.min(0), nodes.max(0)
    to_rim = np.minimum(nodes - low, high - nodes) / (high - low)
    return smoothstep(to_rim[:, 0], 0.0, 0.07) * smoothstep(to_rim[:, 1], 0.0, 0.07)


def _thin_plate(centres: FloatArray, where: FloatArray) -> FloatArray:
    """Weights [len(where), len(centres)] of a smoothing thin-plate spline.

    Source: Wahba, Spline Models for Observational Data, 1990, chapter 2.
    """
    count = len(centres)
    kernel = _plate(centres, centres) + SMOOTHING * np.eye(count)
    flat = np.concatenate([np.ones((count, 1)), centres], 1)
    system = np.block([[kernel, flat], [flat.T, np.zeros((3, 3))]])
    basis = np.concatenate([_plate(where, centres), np.ones((len(where), 1)), where], 1)
    solved = np.linalg.solve(system, basis.T.astype(np.float64))
    return np.asarray(solved[:count].T, np.float32)


def _plate(a: FloatArray, b: FloatArray) -> npt.NDArray[np.float64]:
    squared = ((a[:, None].astype(np.float64) - b[None]) ** 2).sum(-1)
    return np.asarray(0.5 * squared * np.log(squared + 1e-12))


def seam_masks(landmarks: FloatArray, box: FloatArray) -> FloatArray:
    """Where the pixels of a box (left, top, right, bottom, the last ones included)
    belong to the upper layer, lower layer, inside of the mouth, how near they are to
    the upper lip's edge, from below or within a narrow lip, and where the lower lip
    catches light as it comes forward: float32 [5, h, w], 0 to 1."""
    frame = HeadFrame.of(landmarks)
    left, top, right, bottom = box.astype(int)
    rows, columns = np.mgrid[top : bottom + 1, left : right + 1].astype(np.float32)
    spot = frame.flat(np.stack([columns, rows], -1).reshape(-1, 2))
    x, y = spot[:, 0], spot[:, 1]
    upper = frame.flat(landmarks[list(INNER_UPPER), :2])
    lower = frame.flat(landmarks[list(INNER_LOWER), :2])
    above = np.interp(x, upper[:, 0], upper[:, 1])
    below = np.maximum(np.interp(x, lower[:, 0], lower[:, 1]), above)
    pixel = 1 / frame.iod
    beyond = np.maximum(np.maximum(upper[0, 0] - x, x - upper[-1, 0]), 0)
    soft = 0.8 * pixel + 0.2 * beyond
    in_upper = smoothstep((above - y) / soft, -1.0, 1.0)
    # The lower lip reaches two pixels under the upper one: no gap where they touch.
    in_lower = smoothstep((y - below) / soft + 2.2, -1.0, 1.0)
    # Right beyond a corner the layers part as the mouth opens: neither may show cheek.
    in_lower = np.maximum(in_lower, smoothstep(beyond, 0.02, 0.07))
    inside = smoothstep((y - above) / soft, -2.6, -1.1) * smoothstep(
        (below - y) / soft, -3.6, 3.0
    )
    inside = inside * (beyond == 0) * (below > above)
    t = (2 * x - upper[0, 0] - upper[-1, 0]) / (upper[-1, 0] - upper[0, 0])
    narrow = NARROW_LIP * np.sqrt(np.maximum(1 - t * t, 0))
    shade = np.exp(-np.maximum(y - above, 0) / 0.025) * (beyond == 0)
    shade = shade * smoothstep(above - y, 1.3 * narrow + pixel, 0.7 * narrow)
    outer = frame.flat(landmarks[list(OUTER_LOWER), :2])
    middle = LIP_POINTS // 2
    lip = outer[middle, 1] - lower[middle, 1]
    gloss = np.exp(
        -(((x - lower[middle, 0]) / 0.09) ** 2)
        - ((y - lower[middle, 1] - 0.42 * lip) / max(0.32 * float(lip), 0.015)) ** 2
    )
    masks = np.stack([in_upper, in_lower, inside, shade, gloss])
    return np.asarray(masks.reshape(5, *rows.shape), np.float32)
