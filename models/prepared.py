"""An identity as the renderer wants it: tensors on a device, stacked for a batch."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from models.closed_eyes import closed_eyes
from models.controls import INNER_LOWER, INNER_UPPER
from models.eyes import (
    BELOW,
    LEFT_UPPER,
    RIGHT_UPPER,
    EyeRig,
    build_eyes,
    lid_height,
)
from models.head import build_head
from models.identity_file import Identity
from models.lips import LipRig
from models.media import FloatArray
from models.rig import GRID_HEIGHT, GRID_WIDTH, HeadFrame, build_rig, seam_masks
from models.sampling import nodes_of

# As far as a closed eye and its lashes reach, half eye widths, and room for the turn
# of the head.
EYE_OUTWARDS, EYE_INWARDS, EYE_RIM = 1.54, 1.22, 0.15
NEAR_IOD = 0.30  # further than the patches of eyes and mouth look


@dataclass(frozen=True, eq=False)
class Prepared:
    """Tensors with a leading batch dimension, float32 unless another type is named.

    Colours are 0 to 255, and half a level up where they are opaque, so that cutting
    off the fraction rounds. Places are as in models.sampling, -1 to 1.
    """

    picture: Tensor  # uint8 [B, H, W, 3]
    backdrop: Tensor  # uint8 [B, H, W, 3], the background
    person: Tensor  # [B, 4, H, W] RGB weighted by the matte, the background's share
    background: Tensor  # [B, 3, H, W]
    eyeballs: Tensor  # [B, 3, H, W]
    closed_eyes: Tensor  # [B, 4, H, W], see models.closed_eyes
    seam: Tensor  # [B, 5, H, W] in_upper, shade, in_lower, gloss, inside: seam_masks
    fixed: Tensor  # [B, 7, h, w] what the head holds: cavity RGB, then teeth as lower
    lower: Tensor  # [B, 4, h, w] RGB weighted by alpha, alpha 0 to 1
    tongue: Tensor
    own_teeth: Tensor  # [B, 1] 0 or 1
    calibration: Tensor  # [B, 8], see models.lips.calibrated
    lips_rest: Tensor  # see LipRig
    lips_table: Tensor
    lips_jaw: Tensor
    lips_follow: Tensor
    rest_gap: Tensor
    projection: Tensor  # [B, 3, 2] IOD in the head's frame @ this -> way in the box
    spread: Tensor  # [B, C, 2 nodes] upper layer, lower layer
    box: Tensor  # [B, 4] px
    box_nodes: Tensor  # [B, 2, GRID_HEIGHT, GRID_WIDTH] places
    box_share: Tensor  # [B, 4, 1, 1] of the picture's width and height, twice
    to_box: Tensor  # [B, 4] scale of x and y, then offset: place -> place in the box
    plane: Tensor  # [B, 2, 3] this @ IOD in the head's frame -> way in the picture
    plane_origin: Tensor  # [B, 2] place of the mouth's middle
    to_plane: Tensor  # [B, 2, 3] this @ (place, 1) -> IOD on the mouth's plane
    head: Tensor  # see HeadRig
    eye_place: Tensor  # [B, 2 eyes, 2] of the eyes' middles
    eye_axes: Tensor  # [B, 2 eyes, 2, 2] half an eye's width along x and y, across
    to_eye: Tensor  # [B, 2 eyes, 2, 3] this @ (place, 1) -> half eye widths
    eye_pixel: Tensor  # [B, 2 eyes] in half eye widths
    eye_lids: Tensor  # see EyeRig
    eye_skin: Tensor
    eye_iris: Tensor
    eye_corner: Tensor  # [B, 2, 2] left, top of each eye's patch from its middle, px
    patches: Tensor  # int64 [B, 2] on the CPU: height, width of the eyes' patches
    spans: (
        Tensor  # int64 [B, 2, H] on the CPU: first column of the person, one past last
    )
    within: Tensor  # bool [B, 2] on the CPU: no background near the eyes, the mouth

    @property
    def lip_rig(self) -> LipRig:
        return LipRig(
            self.lips_rest,
            self.lips_table,
            self.lips_jaw,
            self.lips_follow,
            self.rest_gap,
        )

    def expand(self, batch: int) -> "Prepared":
        """The same identity for every row, without a copy."""
        if batch == len(self.picture):
            return self
        return Prepared(
            *(
                getattr(self, f.name).expand(batch, *getattr(self, f.name).shape[1:])
                for f in fields(self)
            )
        )


def stack(parts: Sequence[Prepared]) -> Prepared:
    """One row per identity."""
    return Prepared(
        *(torch.cat([getattr(p, f.name) for p in parts]) for f in fields(Prepared))
    )


def prepare(identity: Identity, device: torch.device) -> Prepared:
    """Builds the rig and moves everything to the device."""
    height, width = identity.size
    head = build_head(identity.landmarks, height, width)
    eyes = build_eyes(identity.landmarks)
    seam = seam_masks(identity.landmarks, height, width)[[0, 3, 1, 4, 2]]
    layers = [_weighted(layer) for layer in identity.mouth]
    person, spans = _person(identity)
    closed = closed_eyes(identity.picture, eyes)
    closed[..., :3] += 0.5
    eye_corner, eye_size = _eye_patches(eyes)
    sizes = np.minimum(np.array(eye_size), [height, width])
    tensors = [
        torch.from_numpy(identity.picture),
        torch.from_numpy(identity.background),
        person,
        _planes(identity.background + np.float32(0.5)),
        _planes(identity.eyeballs + np.float32(0.5)),
        _planes(closed),
        torch.from_numpy(seam),
        torch.cat([layers[0][:3], layers[3]]),
        layers[1],
        layers[2],
        torch.tensor([float(identity.own_teeth)]),
        torch.from_numpy(identity.calibration),
        *_face_tensors(identity),
        head.basis,
        *_eye_tensors(eyes, height, width),
        torch.from_numpy(eye_corner),
    ]
    on_device = [tensor[None].to(device) for tensor in tensors]
    on_device.append(torch.from_numpy(sizes.astype(np.int64))[None])
    on_device.append(spans[None])
    on_device.append(_within(identity.landmarks, person[3].numpy())[None])
    return Prepared(*on_device)


def _person(identity: Identity) -> tuple[Tensor, Tensor]:
    """What is left of the picture when the background's share is taken away: at rest
    person and background add up to the picture exactly, whatever the matte. And where
    there is any."""
    picture = identity.picture.astype(np.float32)
    background = identity.background.astype(np.float32)
    share = _background_share(picture, background, identity.matte)
    person = picture - share * background
    spans = _spans(np.abs(person).max(-1) + (1 - share[..., 0]))
    person += 0.5 * (1 - share)
    return _planes(np.concatenate([person, share], -1)), spans


def _background_share(
    picture: FloatArray, background: FloatArray, matte: npt.NDArray[np.uint8]
) -> FloatArray:
    """Of each pixel, [H, W, 1]: what the matte leaves, but never more than the picture
    has room for, so that the person has colours from black to white."""
    share = 1 - matte.astype(np.float32) / 255
    near = 0.49  # of a level, by which rounding may have moved the picture
    dark = (picture + near) / np.maximum(background, near)
    light = (255 + near - picture) / np.maximum(255 - background, near)
    room = np.minimum(dark, light).min(-1)
    return np.asarray(np.minimum(share, room)[..., None], np.float32)


def _within(landmarks: FloatArray, share: FloatArray) -> Tensor:
    """Whether the background, of which share [H, W] shows, is nowhere near the eyes
    and nowhere near the mouth: then neither needs to be laid over it."""
    room = NEAR_IOD * HeadFrame.of(landmarks).iod
    found = []
    for points in (RIGHT_UPPER + LEFT_UPPER, INNER_UPPER + INNER_LOWER):
        near = landmarks[list(points), :2]
        low = np.maximum(near.min(0) - room, 0).astype(int)
        high = np.maximum(near.max(0) + room, 0).astype(int) + 1
        found.append(not share[low[1] : high[1], low[0] : high[0]].any())
    return torch.tensor(found)


def _face_tensors(identity: Identity) -> list[Tensor]:
    """From lips_rest to to_plane."""
    rig = build_rig(identity.landmarks)
    frame = HeadFrame.of(identity.landmarks)
    half = (torch.tensor(identity.size[::-1]) - 1) / 2  # of the picture, px
    half_box = (rig.box[2:] - rig.box[:2]) / 2
    share = half_box / half
    middle = (rig.box[2:] + rig.box[:2]) / 2 / half - 1
    nodes = nodes_of(GRID_HEIGHT, GRID_WIDTH, half.device)[0]
    origin = torch.from_numpy(frame.origin[:2].copy()) / half - 1
    plane = rig.projection.T / half[:, None]
    return [
        rig.rest,
        rig.table,
        rig.jaw,
        rig.follow,
        rig.rest_gap,
        rig.projection / half_box,
        torch.cat([rig.spread_upper, rig.spread_lower]).T.contiguous(),
        rig.box,
        nodes * share[:, None, None] + middle[:, None, None],
        share.repeat(2)[:, None, None],
        torch.cat([1 / share, -middle / share]),
        plane,
        origin,
        _affine(torch.linalg.inv(plane[:, :2]), origin),
    ]


def _eye_tensors(eyes: EyeRig, height: int, width: int) -> list[Tensor]:
    """From eye_place to eye_iris."""
    half = torch.tensor([width - 1, height - 1]) / 2
    place = eyes.frame[:, :2] / half - 1
    axes = eyes.frame[:, 2:].reshape(2, 2, 2) / half
    to_eye = [
        _affine(torch.linalg.inv(axis.T), middle)
        for axis, middle in zip(axes, place, strict=True)
    ]
    pixel = 1 / eyes.frame[:, 2:4].norm(dim=1)
    return [place, axes, torch.stack(to_eye), pixel, eyes.lids, eyes.skin, eyes.iris]


def _affine(matrix: Tensor, origin: Tensor) -> Tensor:
    """matrix @ (place - origin) as [2, 3] @ (place, 1)."""
    return torch.cat([matrix, -(matrix @ origin)[:, None]], 1)


def _spans(weight: FloatArray) -> Tensor:
    """Where each row of a picture [H, W] is not zero: see Prepared.spans. An empty row
    begins at its end and ends at its beginning."""
    there = weight > 0
    width = there.shape[1]
    first = np.where(there.any(1), there.argmax(1), width)
    past = np.where(there.any(1), width - there[:, ::-1].argmax(1), 0)
    return torch.from_numpy(np.stack([first, past]).astype(np.int64))


def _planes(picture: FloatArray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))


def _weighted(layer: npt.NDArray[np.uint8]) -> Tensor:
    values = layer.astype(np.float32)
    alpha = values[..., 3:] / 255
    return _planes(np.concatenate([values[..., :3] * alpha, alpha], -1))


def _eye_patches(eyes: EyeRig) -> tuple[FloatArray, tuple[int, int]]:
    """Corner offset of each eye's patch [2, 2], and the height and width of both."""
    along = torch.linspace(-1, 1, 33)
    both = []
    for frame, lids, skin, outside in zip(
        eyes.frame, eyes.lids, eyes.skin, (-1, 1), strict=True
    ):
        top, bottom = lid_height(lids[:, None], along)
        sides = sorted([outside * EYE_OUTWARDS, -outside * EYE_INWARDS])
        heights = [float(top.min() - skin), float(bottom.max()) + BELOW]
        corners = np.array([(s, t) for s in sides for t in heights], np.float32)
        both.append(_patch(corners, frame[2:].reshape(2, 2).numpy()))
    size = (max(b[1][0] for b in both), max(b[1][1] for b in both))
    return np.stack([b[0] for b in both]), size


def _patch(corners: FloatArray, axes: FloatArray) -> tuple[FloatArray, tuple[int, int]]:
    """Corner offset [2] and height, width of the upright rectangle round corners."""
    pixels = corners @ axes
    rim = EYE_RIM * np.linalg.norm(axes[0]) + 1
    low = np.floor(pixels.min(0) - rim)
    size = np.ceil(pixels.max(0) + rim) - low + 1
    return low.astype(np.float32), (int(size[1]), int(size[0]))
