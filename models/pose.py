"""What a motion makes of a face before any pixel is looked up: where the controls go,
how the head turns, and where in the picture eyes and mouth come to lie.

In numpy on the CPU, as models.lips; only the results go where pixels are looked up.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
import numpy.typing as npt

from models.controls import INNER_LOWER, INNER_UPPER, LIP_POINTS, LIPS, SKIN_CHANNELS
from models.correction import calibrated
from models.head import HEAD_GRID, turn
from models.lips import LipRig, displace, drop
from models.media import CHANNEL_INDEX, FloatArray

ROWS_TOLD = 4  # of a picture, of which is told at once where the person is

# What moves the upper layer, and the lower one: its own inner lip, and the outer ones.
LAYER_LIPS = np.stack(
    [
        np.delete(np.arange(len(LIPS)), LIP_POINTS * other + np.arange(LIP_POINTS))
        for other in (1, 0)
    ]
)
_AROUND = np.array([0, 1, HEAD_GRID, HEAD_GRID + 1])  # nodes round a place
_PULLING = np.array([CHANNEL_INDEX[name] for name in SKIN_CHANNELS])
_HEAD = slice(CHANNEL_INDEX["head_yaw"], CHANNEL_INDEX["breath"] + 1)


@dataclass(frozen=True, eq=False)
class PoseRig:
    """Arrays of each of B identities, or of one for all rows; float32 unless another
    type is named. Pixels are of the picture."""

    calibration: FloatArray  # [B, 38], see models.correction
    lips_rest: FloatArray  # see LipRig
    lips_table: FloatArray
    lips_jaw: FloatArray
    rest_gap: FloatArray
    projection: FloatArray  # [B, 3, 2] IOD in the head's frame @ this -> way in the box
    plane: FloatArray  # [B, 3, 2] IOD in the head's frame @ this -> pixels
    plane_origin: FloatArray  # [B, 2] pixel of the mouth's middle
    to_layer: FloatArray  # [B, 2, 3] this @ (place, 1) -> place in the mouth's layers
    hidden_lip: FloatArray  # [B, 4] colour and share, see models.hidden_lip
    thrown_back: FloatArray  # [B, 3] see models.mouth_tone
    box: FloatArray  # [B, 4] left, top, right, bottom of the face's box, pixels
    head: FloatArray  # [B, nodes, 4], see models.head
    eye_middle: FloatArray  # [B, 2 eyes, 2] pixels, at rest
    # Left and top of the eyes' patches from there, pixels, [B, EXTENTS, 2 eyes, 2].
    eye_begins: npt.NDArray[np.int64]
    eye_head: FloatArray  # [B, 2 eyes, 4] the head's basis in the eyes' middles
    eye_sums: FloatArray  # [B, 2 eyes, MOVES, SUMS * BASIS], see models.lid_sums
    eye_skin: FloatArray  # see EyeRig
    eye_axes: FloatArray  # [B, 2 eyes, 2, 2] half an eye's width along, across, places
    eye_gaze: FloatArray  # [B, 2 eyes, 2, 2] the same in the eyes' own pictures
    eye_size: npt.NDArray[np.int64]  # [B, EXTENTS, 2] patches' height and width
    size: npt.NDArray[np.int64]  # [B, 2] height, width of the picture
    spans: npt.NDArray[np.int64]  # [B, 2, H] first column of the person, one past last
    clear: npt.NDArray[np.int64]  # [B, 2, H] the same of no background among them
    glasses: npt.NDArray[np.bool_]  # [B] worn
    within: npt.NDArray[np.bool_]  # [B, 2] no background near the eyes, the mouth

    @cached_property
    def lips(self) -> LipRig:
        return LipRig(
            self.lips_rest,
            self.lips_table,
            self.lips_jaw,
            self.rest_gap,
        )

    @cached_property
    def any_glasses(self) -> bool:
        return bool(self.glasses.any())

    @cached_property
    def eyes_alone(self) -> bool:
        """Whether no background is near any frame's eyes."""
        return bool(self.within[:, 0].all())

    @cached_property
    def mouth_alone(self) -> bool:
        return bool(self.within[:, 1].all())

    @cached_property
    def any_hidden_lip(self) -> bool:
        return bool(self.hidden_lip[:, 3].any())

    @cached_property
    def height(self) -> int:
        """Of the picture, pixels."""
        return int(self.size[0, 0])

    @cached_property
    def width(self) -> int:
        return int(self.size[0, 1])

    @cached_property
    def widths(self) -> FloatArray:
        """Of the faces' boxes, pixels: [B]."""
        return self.box[:, 2] - self.box[:, 0]

    @cached_property
    def widest(self) -> float:
        return float(self.widths.max())

    @cached_property
    def columns(self) -> tuple[list[int], list[int], list[int], list[int]]:
        """Of each ROWS_TOLD rows of the picture: where the person of any frame begins
        and ends, and where that of every frame is alone."""
        starts = np.arange(0, self.spans.shape[2], ROWS_TOLD)
        least = [
            np.minimum.reduceat(each.min(0), starts)
            for each in (self.spans[:, 0], self.clear[:, 1])
        ]
        most = [
            np.maximum.reduceat(each.max(0), starts)
            for each in (self.spans[:, 1], self.clear[:, 0])
        ]
        return least[0].tolist(), most[0].tolist(), most[1].tolist(), least[1].tolist()


def stack_rigs(parts: Sequence[PoseRig]) -> PoseRig:
    """One row per identity."""
    return PoseRig(
        *(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(PoseRig))
    )


@dataclass(frozen=True, eq=False)
class Pose:
    """Of B frames. Arrays are float32; pixels are x, y."""

    motion: FloatArray  # [B, channels] bounded and calibrated
    # Ways in the box, x and y, of LAYER_LIPS; then the chin's way down, IOD, in x's
    # next place and in y's after that.
    flat: FloatArray  # [B, 2 layers, 2, 35]
    pulls: FloatArray  # [B, SKIN_CHANNELS] what moves skin by itself
    gap: FloatArray  # [B, 1] IOD between the lips in the middle
    strayed: FloatArray  # [B, 1] IOD, the furthest that an inner lip has gone
    inner: FloatArray  # [B, 22, 2] pixels of the inner lips
    eyes: FloatArray  # [B, 2, 2] pixels of the eyes' middles; one row if all have one
    turn: FloatArray | None  # [B, 2, 4], see models.head.turn; None of still heads


def turns(motion: FloatArray) -> list[bool]:
    """Of each row, whether the head turns or breathes."""
    moves: list[bool] = motion[:, _HEAD].any(1).tolist()
    return moves


def pose_of(rig: PoseRig, motion: FloatArray) -> Pose:
    """motion: [B, channels], bounded; either all heads turn, or none does."""
    turning = turns(motion)[0]
    motion = calibrated(motion, rig.calibration)
    moved = displace(rig.lips, motion)
    lips = rig.lips_rest + moved
    middle = LIP_POINTS // 2
    gap = lips[:, LIP_POINTS + middle, 1:2] - lips[:, middle, 1:2]
    within = slice(len(INNER_UPPER + INNER_LOWER))
    strayed = np.hypot(moved[:, within, 0], moved[:, within, 1]).max(1, keepdims=True)
    inner = lips[:, within] @ rig.plane
    inner += rig.plane_origin[:, None]
    turned = turn(motion) if turning else None
    if turned is None:
        eyes = rig.eye_middle
    else:
        from_pivot = turned.transpose(0, 2, 1)
        eyes = rig.eye_middle + rig.eye_head @ from_pivot
        nodes = at_nodes(rig.head, inner, rig.height, rig.width)
        inner = inner + nodes @ from_pivot
    own = LAYER_LIPS.shape[1]
    flat = np.zeros((len(motion), 2, 2, own + 2), np.float32)
    flat[..., :own] = (moved @ rig.projection)[:, LAYER_LIPS].swapaxes(2, 3)
    flat[:, :, 0, own] = flat[:, :, 1, own + 1] = drop(rig.lips, motion)
    pulls = motion[:, _PULLING]
    return Pose(motion, flat, pulls, gap, strayed, inner, eyes, turned)


def at_nodes(
    head: FloatArray, pixels: FloatArray, height: int, width: int
) -> FloatArray:
    """A head's basis [B, HEAD_GRID ** 2, 4], that spans a picture, between its nodes:
    [B, n, 4] at pixels [B, n, 2]."""
    step = np.array([width - 1, height - 1], np.float32) / (HEAD_GRID - 1)
    places = np.minimum(np.maximum(pixels / step, 0), HEAD_GRID - 1)
    first = np.minimum(places.astype(np.int64), HEAD_GRID - 2)
    share = places - first
    right, down = share[..., :1], share[..., 1:]
    left, up = 1 - right, 1 - down
    weights = np.concatenate([left * up, right * up, left * down, right * down], -1)
    around = (first[..., 1] * HEAD_GRID + first[..., 0])[..., None] + _AROUND
    nodes = head[np.arange(len(head))[:, None, None], around]  # [B, n, 4 nodes, 4]
    between: FloatArray = np.einsum("bnk,bnkc->bnc", weights, nodes)
    return between
