"""An identity as the renderer wants it: tensors on a device, stacked for a batch."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from models.bands import clear_spans, spans_of
from models.blendshapes import ARKIT_NAMES
from models.controls import INNER_LOWER, INNER_UPPER, LIP_POINTS, LIPS, SKIN_CHANNELS
from models.eye_tables import (
    affine_of,
    eye_crop_size,
    eye_patches,
    eye_tensors,
    glasses_worn,
    planes,
)
from models.eyes import LEFT_UPPER, RIGHT_UPPER, build_eyes, meeting
from models.glasses import under_glasses
from models.head import build_head, build_held
from models.hidden_lip import hidden_lip
from models.identity_file import Identity
from models.lid_sums import lid_sums
from models.media import FloatArray
from models.mouth import LAYER_MIDDLE, LAYER_SCALE
from models.mouth_tone import thrown_back
from models.pose import LAYER_LIPS, PoseRig, at_nodes, stack_rigs
from models.rig import (
    GRID_HEIGHT,
    GRID_WIDTH,
    FaceRig,
    HeadFrame,
    build_rig,
    seam_masks,
)
from models.sampling import edged, nodes_of, scaled

SEAM_IOD = 0.70  # above and below the mouth that its masks need be told of
NEAR_IOD = 0.30, 0.22  # further than the patches of eyes, of the mouth look


@dataclass(frozen=True, eq=False)
class Prepared:
    """The rig that poses a face, and tensors with a leading batch dimension, float32
    unless another type is named.

    Colours are 0 to 255, and half a level up where they are the person's or opaque, so
    that cutting off the fraction rounds. Places are as in models.sampling, -1 to 1.
    """

    rig: PoseRig
    picture: Tensor  # uint8 [B, H, W, 3], [B, H, W, 4] with a matte if transparent
    backdrop: Tensor  # uint8 [B, 3 or 4, H, W] the same of the background
    person: Tensor  # [B, 4, H, W] RGB weighted by the matte, the background's share
    whites: Tensor  # [B, 2 eyes, 3, h, w] each eye's surroundings, see models.eyeballs
    lid_rims: Tensor  # [B, 2 eyes, 4, h, w]
    irises: Tensor  # [B, 2 eyes, 4, h, w] RGB weighted by their share, the whites'
    closed_eyes: Tensor  # [B, 2 eyes, 5, h, w], see models.closed_eyes
    bare_eyes: Tensor  # [B, 2 eyes, 4, h, w], see models.glasses
    lashes: Tensor  # [B, 2 eyes, 3] RGB of a closed eye's
    eye_places: Tensor  # [B, 2 eyes, 8, 3] this @ (place, 1) -> place in those, then
    # half eye widths across and along the eye, then 1, room for two numbers, and 1
    seam: Tensor  # [B, 5, h, w] of the box: in_upper, shade, in_lower, gloss, inside
    to_seam: Tensor  # [B, 4] scale of x and y, then offset: place in the box -> there
    fixed: Tensor  # [B, 7, h, w] what the head holds: cavity RGB, then teeth as lower
    lower: Tensor  # [B, 4, h, w] RGB weighted by alpha, the share of what is behind
    tongue: Tensor
    spread: Tensor  # [B, 2 layers, 35, nodes] of a layer's lips and the chin, see
    # Pose.flat
    pull: Tensor  # [B, SKIN_CHANNELS, 2 layers * 2 * nodes] the skin's way, x and y
    box_nodes: Tensor  # [B, 2, GRID_HEIGHT, GRID_WIDTH] places
    box_share: Tensor  # [B, 2, 1, 1, 1] of the picture's width and height
    to_box: Tensor  # [B, 4] scale of x and y, then offset: place -> place in the box
    head: Tensor  # [B, 4, nodes], see models.head
    held: Tensor  # [B, 4, HEAD_GRID, HEAD_GRID], see models.head.build_held

    def expand(self, batch: int) -> "Prepared":
        """The same identity for every row, without a copy."""
        if batch == self.picture.shape[0]:
            return self
        tensors = (getattr(self, name) for name in _TENSORS)
        rows = [each.expand(batch, *each.shape[1:]) for each in tensors]
        return Prepared(self.rig, *rows)

    def seam_places(self, places: Tensor) -> Tensor:
        """Places in the face's box [B, 2, h, w] -> in the pictures of its seam."""
        return scaled(places, self.to_seam)

    def seam_of(self, places: Tensor) -> Tensor:
        """The same of places in the picture."""
        return scaled(places, self._picture_to_seam)

    @cached_property
    def _picture_to_seam(self) -> Tensor:
        scale = self.to_box[:, :2] * self.to_seam[:, :2]
        offset = scaled(self.to_box[:, 2:, None, None], self.to_seam)
        return torch.cat([scale, offset[..., 0, 0]], 1)


_TENSORS = [field.name for field in fields(Prepared) if field.name != "rig"]


def stack(parts: Sequence[Prepared]) -> Prepared:
    """One row per identity."""
    eye = max(part.whites.shape[-1] for part in parts)
    rows, columns = (max(part.seam.shape[axis] for part in parts) for axis in (-2, -1))
    parts = [_widened(part, eye, rows, columns) for part in parts]
    tensors = [torch.cat([getattr(p, name) for p in parts]) for name in _TENSORS]
    return Prepared(stack_rigs([part.rig for part in parts]), *tensors)


_EYES = ("whites", "lid_rims", "irises", "closed_eyes", "bare_eyes")


def _widened(part: Prepared, eye: int, rows: int, columns: int) -> Prepared:
    """The same with the eyes' pictures eye x eye and the seam's rows x columns, which
    end where they did: what is beyond is their edge again, as beyond any picture."""
    wide, high = part.seam.shape[-1], part.seam.shape[-2]
    to_seam = part.to_seam
    kept = to_seam.new_tensor([(wide - 1) / (columns - 1), (high - 1) / (rows - 1)])
    share = (part.whites.shape[-1] - 1) / (eye - 1)
    places = part.eye_places.clone()
    places[:, :, :2] *= share
    places[:, :, :2, 2] += share - 1
    larger = {name: edged(getattr(part, name), eye, eye) for name in _EYES}
    return replace(
        part,
        rig=replace(part.rig, eye_gaze=part.rig.eye_gaze * np.float32(share)),
        eye_places=places,
        seam=edged(part.seam, rows, columns),
        to_seam=torch.cat([to_seam[:, :2] * kept, (to_seam[:, 2:] + 1) * kept - 1], 1),
        **larger,
    )


def prepare(identity: Identity, device: torch.device) -> Prepared:
    """Builds the rig and moves everything to the device."""
    height, width = identity.size
    glasses = glasses_worn(identity)
    head = build_head(identity.landmarks, identity.matte, glasses=glasses)
    face = build_rig(identity.landmarks)
    if glasses:
        face = under_glasses(face, identity.picture, identity.matte, identity.landmarks)
    seam, to_seam = _seam(identity.landmarks, face.box.numpy())
    layers = [_weighted(layer) for layer in identity.mouth]
    person, spans = _person(identity)
    share = person[3].numpy()
    tensors = [
        _shown(identity, identity.picture, 255 * (1 - person[3])),
        _planar(_shown(identity, identity.background, torch.zeros(identity.size))),
        person,
        *eye_tensors(identity, glasses=glasses),
        torch.from_numpy(seam),
        torch.from_numpy(to_seam),
        torch.cat([layers[0][:3], layers[3]]),
        layers[1],
        layers[2],
        *_face_tensors(identity, face),
        torch.from_numpy(head.reshape(4, -1)),
        torch.from_numpy(build_held(identity.landmarks, identity.matte)),
    ]
    on_device = [tensor[None].to(device) for tensor in _together(tensors)]
    where = spans, clear_spans(share), _within(identity.landmarks, share)
    return Prepared(_pose_rig(identity, face, head, where, glasses), *on_device)


def _together(tensors: Sequence[Tensor]) -> list[Tensor]:
    """In one block, which is so large that numpy asks for huge pages: a frame looks
    here and there in all of them, and would miss a small page's address each time."""
    block = torch.from_numpy(
        np.empty(sum(_aligned(t.nbytes) for t in tensors), np.uint8)
    )
    placed, start = [], 0
    for tensor in tensors:
        part = block[start : start + tensor.nbytes].view(tensor.dtype)
        placed.append(part.view(tensor.shape).copy_(tensor))
        start += _aligned(tensor.nbytes)
    return placed


def _aligned(size: int) -> int:
    """Bytes, to whole cache lines."""
    return -(-size // 64) * 64


def _pose_rig(
    identity: Identity,
    face: FaceRig,
    head: FloatArray,
    where: tuple[npt.NDArray[Any], ...],
    glasses: bool,
) -> PoseRig:
    """where: spans, clear, and within of the rig."""
    spans, clear, within = where
    height, width = identity.size
    frame = HeadFrame.of(identity.landmarks)
    eyes = build_eyes(identity.landmarks)
    eye_begins, eye_size = eye_patches(eyes)
    middles, axes = eyes.frame[:, :2].numpy(), eyes.frame[:, 2:].reshape(2, 2, 2)
    pixel = 1 / eyes.frame[:, 2:4].norm(dim=1)
    half = np.array([width - 1, height - 1], np.float32) / 2
    crop = (eye_crop_size(eyes) - 1) / 2
    half_box = (face.box[2:] - face.box[:2]) / 2
    nodes = np.ascontiguousarray(head.reshape(4, -1).T)
    lips = len(LIPS)
    parts = (
        identity.calibration,
        face.rest.numpy(),
        face.table[:, :lips].flatten(1).numpy(),
        face.jaw[:lips].numpy(),
        face.rest_gap.numpy(),
        (face.projection / half_box).numpy(),
        frame.projection,
        frame.origin[:2],
        _to_layer(frame, identity.size),
        hidden_lip(identity.picture, identity.landmarks),
        thrown_back(identity.picture, identity.landmarks),
        face.box.numpy(),
        nodes,
        middles,
        eye_begins,
        at_nodes(nodes[None], middles[None], height, width)[0],
        lid_sums(eyes.lids.numpy(), pixel.numpy(), meeting(glasses=glasses)),
        eyes.skin.numpy(),
        axes.numpy() / half,
        axes.numpy() / crop.astype(np.float32),
        np.minimum(eye_size, [height, width]),
        np.array(identity.size),
        spans,
        clear,
        np.array(glasses),
        within,
    )
    return PoseRig(*(np.asarray(part)[None] for part in parts))


def _shown(identity: Identity, picture: npt.NDArray[np.uint8], matte: Tensor) -> Tensor:
    """A whole frame, uint8 [H, W, 3], with its matte [H, W, 4] where one is drawn."""
    whole = torch.from_numpy(picture)
    if not identity.transparent:
        return whole
    return torch.cat([whole, matte.round().to(torch.uint8)[..., None]], 2)


def _planar(picture: Tensor) -> Tensor:
    return picture.permute(2, 0, 1).contiguous()


def _person(identity: Identity) -> tuple[Tensor, npt.NDArray[np.int64]]:
    """What is left of the picture when the background's share is taken away: at rest
    person and background add up to the picture exactly, whatever the matte. And where
    there is any."""
    picture = identity.picture.astype(np.float32)
    background = identity.background.astype(np.float32)
    share = _background_share(picture, background, identity.matte)
    person = picture - share * background
    spans = spans_of(np.abs(person).max(-1) + (1 - share[..., 0]) > 0)
    person += 0.5
    return planes(np.concatenate([person, share], -1)), spans


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


def _within(landmarks: FloatArray, share: FloatArray) -> npt.NDArray[np.bool_]:
    """Whether the background, of which share [H, W] shows, is nowhere near the eyes
    and nowhere near the mouth: then neither needs to be laid over it."""
    iod, found = HeadFrame.of(landmarks).iod, []
    around = RIGHT_UPPER + LEFT_UPPER, INNER_UPPER + INNER_LOWER
    for points, near_iod in zip(around, NEAR_IOD, strict=True):
        room = near_iod * iod
        near = landmarks[list(points), :2]
        low = np.maximum(near.min(0) - room, 0).astype(int)
        high = np.maximum(near.max(0) + room, 0).astype(int) + 1
        found.append(not share[low[1] : high[1], low[0] : high[0]].any())
    return np.array(found)


def _face_tensors(identity: Identity, rig: FaceRig) -> list[Tensor]:
    """From spread to to_box."""
    half = (torch.tensor(identity.size[::-1]) - 1) / 2  # of the picture, px
    half_box = (rig.box[2:] - rig.box[:2]) / 2
    share = half_box / half
    middle = (rig.box[2:] + rig.box[:2]) / 2 / half - 1
    nodes = nodes_of(GRID_HEIGHT, GRID_WIDTH, half.device)[0]
    return [
        *_spreads(rig, half_box),
        nodes * share[:, None, None] + middle[:, None, None],
        share[:, None, None, None],
        torch.cat([1 / share, -middle / share]),
    ]


def _to_layer(frame: HeadFrame, size: tuple[int, int]) -> FloatArray:
    half = (torch.tensor(size[::-1]) - 1) / 2  # of the picture, px
    origin = torch.from_numpy(frame.origin[:2].copy()) / half - 1
    plane = torch.from_numpy(frame.projection).T / half[:, None]
    scale = torch.from_numpy(LAYER_SCALE)[:, None]
    affine = scale * affine_of(torch.linalg.inv(plane[:, :2]), origin)
    affine[:, 2] += torch.from_numpy(LAYER_MIDDLE)
    to_layer: FloatArray = affine.numpy()
    return to_layer


def _seam(landmarks: FloatArray, box: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The masks of the rows about the mouth, and to_seam: above and below, all that a
    mask says is what its first and its last row say."""
    frame = HeadFrame.of(landmarks)
    reach = SEAM_IOD * frame.iod
    rows = (frame.origin[1] + np.array([-reach, reach])).round().clip(*box[[1, 3]])
    masks = seam_masks(landmarks, np.array([box[0], rows[0], box[2], rows[1]]))
    scale = (box[3] - box[1]) / (rows[1] - rows[0])
    offset = (2 * (box[1] - rows[0])) / (rows[1] - rows[0]) + scale - 1
    to_seam = np.array([1, scale, 0, offset], np.float32)
    return masks[[0, 3, 1, 4, 2]], to_seam


def _spreads(rig: FaceRig, half_box: Tensor) -> tuple[Tensor, Tensor]:
    """spread and pull.

    Skin goes as a sum of what the jaw and the channels make of it, and of what it
    takes from the outer lips, but for their jaw: far fewer numbers than its controls.
    """
    lips = len(LIPS)
    outer = slice(2 * LIP_POINTS, lips)
    spread = torch.stack([rig.spread_upper.T, rig.spread_lower.T])
    skin = spread[:, lips:]
    follow = rig.follow.T @ skin
    projection = rig.projection / half_box
    jaw = (rig.jaw[lips:] @ projection).T @ skin
    jaw -= (rig.jaw[outer] @ projection).T @ follow
    pulling = [ARKIT_NAMES.index(name) for name in SKIN_CHANNELS]
    table = (rig.table[pulling, lips:] @ projection).transpose(1, 2)[:, None] @ skin
    spread[:, outer] += follow
    own = [layer[rows] for layer, rows in zip(spread, LAYER_LIPS, strict=True)]
    return torch.cat([torch.stack(own), jaw], 1), table.flatten(1)


def _weighted(layer: npt.NDArray[np.uint8]) -> Tensor:
    values = layer.astype(np.float32)
    alpha = values[..., 3:] / 255
    return planes(np.concatenate([values[..., :3] * alpha, 1 - alpha], -1))
