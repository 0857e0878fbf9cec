"""An identity as the renderer wants it: tensors on a device, stacked for a batch."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from models.closed_eyes import closed_eyes
from models.eyes import build_eyes
from models.head import build_head
from models.identity import Identity
from models.lips import LipRig
from models.media import FloatArray
from models.rig import HeadFrame, build_rig, seam_masks

# The part of an eye's plane that lids may cover, half eye widths.
EYE_SIDE, EYE_UP, EYE_DOWN = 1.45, 1.6, 1.1
RIM_PX = 8  # room for the head's turn


@dataclass(frozen=True, eq=False)
class Prepared:
    """Tensors with a leading batch dimension, float32 unless another type is named."""

    picture: Tensor  # uint8 [B, H, W, 3]
    backdrop: Tensor  # uint8 [B, H, W, 3], the background
    person: Tensor  # [B, 4, H, W] RGB weighted by the matte (0 to 255), matte (0 to 1)
    background: Tensor  # [B, 3, H, W]
    eyeballs: Tensor  # [B, 3, H, W]
    closed_eyes: Tensor  # [B, 4, H, W], see models.closed_eyes
    seam: Tensor  # [B, 4, H, W], see seam_masks
    fixed: Tensor  # [B, 7, h, w] what the head holds: cavity RGB, then teeth as lower
    lower: Tensor  # [B, 4, h, w] RGB weighted by alpha, alpha 0 to 1
    tongue: Tensor
    own_teeth: Tensor  # [B, 1] 0 or 1
    lips_rest: Tensor  # see LipRig
    lips_table: Tensor
    lips_jaw: Tensor
    lips_follow: Tensor
    rest_gap: Tensor
    projection: Tensor  # [B, 3, 2]
    spread: Tensor  # [B, C, 2 nodes] upper layer, lower layer
    box: Tensor  # [B, 4]
    plane_origin: Tensor  # [B, 2]
    to_plane: Tensor  # [B, 2, 2] pixels @ this -> IOD on the mouth's plane
    head_depth: Tensor  # see HeadRig
    head_pivot: Tensor
    head_breath: Tensor
    eye_frame: Tensor  # see EyeRig
    eye_lids: Tensor
    eye_skin: Tensor
    eye_iris: Tensor
    eye_corner: Tensor  # [B, 2, 2] left, top of each eye's patch from its centre
    patches: Tensor  # int64 [B, 2] on the CPU: height, width of the eyes' patches
    spans: (
        Tensor  # int64 [B, 2, H] on the CPU: first column of the person, one past last
    )

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
    rig = build_rig(identity.landmarks)
    head = build_head(identity.landmarks, height, width)
    eyes = build_eyes(identity.landmarks)
    frame = HeadFrame.of(identity.landmarks)
    matte = identity.matte.astype(np.float32)[..., None] / 255
    background = identity.background.astype(np.float32)
    # What is left of the picture when the background's share is taken away: at rest
    # person and background add up to the picture exactly, whatever the matte.
    person = identity.picture.astype(np.float32) - (1 - matte) * background
    seam = seam_masks(identity.landmarks, height, width)
    eye_corner, eye_size = _eye_patches(eyes.frame.numpy())
    layers = [_weighted(layer) for layer in identity.mouth]
    sizes = np.minimum(np.array(eye_size), [height, width])
    tensors = [
        torch.from_numpy(identity.picture),
        torch.from_numpy(identity.background),
        _planes(np.concatenate([person, matte], -1)),
        _planes(background),
        _planes(identity.eyeballs.astype(np.float32)),
        _planes(closed_eyes(identity.picture, eyes)),
        torch.from_numpy(np.stack(seam)),
        torch.cat([layers[0][:3], layers[3]]),
        layers[1],
        layers[2],
        torch.tensor([float(identity.own_teeth)]),
        rig.rest,
        rig.table,
        rig.jaw,
        rig.follow,
        rig.rest_gap,
        rig.projection,
        torch.cat([rig.spread_upper, rig.spread_lower]).T.contiguous(),
        rig.box,
        torch.from_numpy(frame.origin[:2].copy()),
        torch.from_numpy(
            np.linalg.inv(frame.projection[:2].astype(np.float64)).astype(np.float32)
        ),
        head.depth,
        head.pivot,
        head.breath,
        eyes.frame,
        eyes.lids,
        eyes.skin,
        eyes.iris,
        torch.from_numpy(eye_corner),
    ]
    on_device = [tensor[None].to(device) for tensor in tensors]
    on_device.append(torch.from_numpy(sizes.astype(np.int64))[None])
    on_device.append(_spans(np.abs(person).max(-1) + matte[..., 0])[None])
    return Prepared(*on_device)


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


def _eye_patches(frames: FloatArray) -> tuple[FloatArray, tuple[int, int]]:
    corners = np.array(
        [(s, t) for s in (-EYE_SIDE, EYE_SIDE) for t in (-EYE_UP, EYE_DOWN)], np.float32
    )
    both = [_patch(corners @ frame[2:].reshape(2, 2)) for frame in frames]
    size = (max(b[1][0] for b in both), max(b[1][1] for b in both))
    return np.stack([b[0] for b in both]), size


def _patch(corners: FloatArray) -> tuple[FloatArray, tuple[int, int]]:
    """Corner offset [2] and height, width of the upright rectangle round corners."""
    low = np.floor(corners.min(0)) - RIM_PX
    size = np.ceil(corners.max(0)) + RIM_PX - low + 1
    return low.astype(np.float32), (int(size[1]), int(size[0]))
