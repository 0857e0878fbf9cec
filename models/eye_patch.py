"""The eyes of a frame: lids over eyeballs.

Both eyes are drawn as one patch, one above the other. Values per pixel are
[B, 2 eyes, ..., pixels]; what the pixels of an eye have in common is numpy.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from models.controls import smoothstep
from models.eyes import (
    BELOW,
    SIDES,
    Extent,
    EyeMotion,
    carried,
    eye_motion,
    moving_eyes,
    outer_share,
)
from models.lid_sums import BASIS, SUMS
from models.pose import Pose, PoseRig
from models.prepared import Prepared
from models.sampling import (
    Corners,
    Maps,
    cut,
    in_ram,
    laid_over,
    on,
    paste,
    patch_places,
    person_at,
    sample_grid,
)

# Of the opening, that a lid has come down when skin and lashes begin to look as they do
# in a closed eye, and when they do; and when skin under the eye does.
SKIN_CLOSES, LASHES_CLOSE, RIM_CLOSES = (0.15, 0.75), (0.05, 0.42), (0.5, 0.9)
GAZE_FREES = 0.02, 0.16  # half eye widths that an iris moves out of its lids' shadows
BARED = 0.02  # half eye widths that skin must move by to be without frames of glasses


def render_eyes(frames: Tensor, batch: Prepared, maps: Maps, pose: Pose) -> None:
    """Draws both eyes into frames, uint8 [B, H, W, 3], which hold them at rest."""
    moving = moving_eyes(pose.motion)
    if not len(moving):
        return
    moves = eye_motion(pose.motion)
    extents = _extents(moves)
    largest = extents.max()
    # Eyes are drawn no further than alone, whatever others in the batch do.
    within = around = _around(batch.rig, pose, extents)
    if (extents != largest).any():
        around = _around(batch.rig, pose, np.full_like(extents, largest))
    columns, rows = (around[..., 2:] - around[..., :2]).max((0, 1)).tolist()
    first = np.minimum(around[..., :2], [maps.width - columns, maps.height - rows])
    places = maps.still(patch_places(first, rows, columns, maps))
    photo = places + maps.in_box(maps.face[:, ::2], places)
    behind = None
    if not batch.rig.eyes_alone:
        behind = _by_eye(cut(batch.backdrop, first, rows, columns))
    by_eye = _by_eye(photo).transpose(1, 2)
    closing = bool(largest == Extent.CLOSING)
    colours = _drawn(batch, by_eye, behind, moves, closing=closing)
    both = colours.reshape(len(first), 3, 2 * rows, columns)
    paste(frames, first, both, within, moving)


def _extents(moves: EyeMotion) -> npt.NDArray[np.int64]:
    """The Extent of each row, [B]."""
    lids = (moves.upper != 0) | (moves.lower != 0)
    closing = (moves.upper > LASHES_CLOSE[0]) | (moves.blink > 0)
    extents: npt.NDArray[np.int64] = np.maximum(
        int(Extent.LIDS) * lids.any(1), int(Extent.CLOSING) * closing.any(1)
    )
    return extents


def _around(rig: PoseRig, pose: Pose, extents: npt.NDArray[np.int64]) -> Corners:
    """Rectangles [B, 2, 4] inside the picture, round both eyes: left, top, right,
    bottom, one past the end."""
    rows = np.arange(len(rig.eye_size))
    size = rig.eye_size[rows, extents][:, None, ::-1]
    middles = np.floor(pose.eyes + np.float32(0.5)).astype(np.int64)
    corners = middles + rig.eye_begins[rows, extents]
    limit = rig.size[:, None, ::-1] - size
    first = np.minimum(np.maximum(corners, 0), limit)
    return np.concatenate([first, first + size], 2)


def _by_eye(patch: Tensor) -> Tensor:
    """[B, C, 2 rows, columns] -> [B, C, 2 eyes, pixels]."""
    return patch.reshape(*patch.shape[:2], 2, -1)


def _drawn(
    batch: Prepared,
    photo: Tensor,
    behind: Tensor | None,
    moves: EyeMotion,
    *,
    closing: bool,
) -> Tensor:
    """photo: [B, 2 eyes, 2, pixels] places. Returns [B, 3, 2 eyes, pixels]."""
    rig = batch.rig
    local, crop = _local(batch.eye_places, photo, closing=closing)
    lids = _lids(rig, moves, local, closing=closing)
    way = on(photo.device, rig.eye_axes[:, :, 1, :, None])  # down across the eye
    skin_places = torch.addcmul(photo, way, lids.travel, value=-1)
    outside = person_at(batch.person, skin_places.transpose(1, 2), behind)
    if rig.any_glasses:
        outside = _without_frames(batch, outside, crop, lids.travel)
    seen = _seen(lids.opening)
    opening = lids.opening[..., seen]
    if opening.numel():
        ball = _ball(batch, crop[..., seen], moves, lids.travel[..., seen])
        outside[..., seen].lerp_(ball, opening)
    if closing:
        outside = _closing(batch, outside, crop, moves, lids)
    if not rig.any_glasses:
        return outside
    as_worn = person_at(batch.person, photo.transpose(1, 2), behind)
    return torch.lerp(outside, as_worn, _sample_eyes(batch.bare_eyes[:, :, 3:], crop))


def _seen(opening: Tensor) -> slice:
    """Of the pixels of [B, 1, 2 eyes, pixels], from the first to the last of which
    anything is open: in RAM, nothing else is drawn of eyeballs."""
    if not in_ram(opening):
        return slice(None)
    pixels = np.flatnonzero(opening.amax((0, 1, 2)).numpy())
    return slice(int(pixels[0]), int(pixels[-1]) + 1) if len(pixels) else slice(0)


def _ball(batch: Prepared, crop: Tensor, moves: EyeMotion, travel: Tensor) -> Tensor:
    """Eyeballs as gaze turns them, in the shadow of their lids: [B, 3, 2 eyes, pixels]
    at places in the eyes' own pictures."""
    gaze = np.stack([moves.side, moves.down], -1)[:, :, None]  # [B, 2 eyes, 1, 2]
    way = on(crop.device, (gaze @ batch.rig.eye_gaze).swapaxes(2, 3))
    iris = _sample_eyes(batch.irises, crop - way)
    white = _sample_eyes(batch.whites, crop)
    rims = _sample_eyes(batch.lid_rims, _with_lids(batch.rig, crop, travel))
    looks = smoothstep(np.hypot(moves.side, moves.down), *GAZE_FREES)
    left = 1 - rims[:, 3:] * on(crop.device, looks[:, None, :, None])
    return laid_over(iris, white).addcmul_(rims[:, :3], left).clamp_(0, 255.5)


def _closing(
    batch: Prepared, drawn: Tensor, crop: Tensor, moves: EyeMotion, lids: "_Lids"
) -> Tensor:
    """Eyes [B, 3, 2 eyes, pixels] with the skin and lashes of closed ones, as far as
    their lids are down: these come down with the lids."""
    assert lids.left is not None
    skin, lashes, rim = (
        on(drawn.device, smoothstep(moves.upper, *ends)[:, None, :, None])
        for ends in (SKIN_CLOSES, LASHES_CLOSE, RIM_CLOSES)
    )
    way = on(crop.device, batch.rig.eye_gaze[:, :, 1, :, None])
    closed = _sample_eyes(batch.closed_eyes, torch.addcmul(crop, way, lids.left))
    share = torch.lerp(skin, rim, lids.under).mul_(closed[:, 3:4]).clamp_(max=1)
    drawn = torch.lerp(drawn, closed[:, :3], share)
    colours = batch.lashes.transpose(1, 2)[..., None]
    return drawn.lerp_(colours, closed[:, 4:] * lashes)


def _without_frames(
    batch: Prepared, skin: Tensor, crop: Tensor, travel: Tensor
) -> Tensor:
    """Skin that lids carry along, [B, 3, 2 eyes, pixels], not the glasses over it."""
    bare = _sample_eyes(batch.bare_eyes, _with_lids(batch.rig, crop, travel))
    moved = (travel.abs() / BARED).clamp(max=1).transpose(1, 2)
    return torch.lerp(skin, bare[:, :3], bare[:, 3:] * moved)


def _with_lids(rig: PoseRig, crop: Tensor, travel: Tensor) -> Tensor:
    """Places in the eyes' own pictures that what goes with the lids comes from."""
    way = on(crop.device, rig.eye_gaze[:, :, 1, :, None])  # down across the eye
    return torch.addcmul(crop, way, travel, value=-1)


def _local(affine: Tensor, photo: Tensor, *, closing: bool) -> tuple[Tensor, Tensor]:
    """Where places of the photo [B, 2 eyes, 2, pixels] lie in each eye.

    affine: [B, 2 eyes, 8, 3] this @ (place, 1), see Prepared.eye_places. closing:
        whether any lid comes down; if none does, no outer corner goes down either.

    Returns:
        BASIS [2 B, 6, pixels], and places in the eyes' own pictures, as photo.
    """
    matrix = affine.flatten(0, 1)
    found = torch.baddbmm(matrix[..., 2:], matrix[..., :2], photo.flatten(0, 1))
    along, bow, first, second = found[:, 3:7].unbind(1)
    s = along.clamp(-1, 1)
    if closing:
        outwards = along.reshape(-1, 2, along.shape[1])
        drop = outer_share(outwards * on(affine.device, SIDES[:, None]))
        along.copy_(drop.flatten(0, 1))
    torch.addcmul(bow, s, s, value=-1, out=bow)
    torch.mul(bow, s, out=first)
    torch.mul(first, s, out=second)
    return found[:, 2:], found[:, :2].reshape(photo.shape)


@dataclass(frozen=True, eq=False)
class _Lids:
    """Per pixel: how far the skin of its lid has come down (up is negative), and how
    far the upper lid's will until both meet, [B, 2 eyes, 1, pixels], None where none
    comes down; how open the eye is, and whether it is below the upper lid's edge,
    [B, 1, 2 eyes, pixels]."""

    travel: Tensor
    left: Tensor | None
    opening: Tensor
    under: Tensor


def _lids(rig: PoseRig, moves: EyeMotion, basis: Tensor, *, closing: bool) -> _Lids:
    """basis: [2 B, BASIS, pixels]."""
    batch = len(moves.upper)
    moved = np.stack([np.ones_like(moves.upper), moves.upper, moves.lower, moves.blink])
    weights = np.einsum("mbe,bemw->bew", moved, rig.eye_sums)
    weights = weights.reshape(2 * batch, len(SUMS), len(BASIS))
    sums = torch.bmm(on(basis.device, weights), basis)
    sums = sums.reshape(batch, 2, len(SUMS), -1)
    seen = sums[:, :, :3].clamp_(0, 1)
    above, below, down, up, left = sums[:, :, 3:].unbind(2)
    in_upper = above > below
    height = on(basis.device, rig.eye_skin[..., None])  # of skin above the upper lid
    room = torch.where(in_upper, height + down.clamp_min(0), BELOW)
    skin = carried(torch.maximum(above, below).div_(room))
    remaining = None
    if closing:
        remaining = torch.where(in_upper, skin, 1.0).mul_(left)[:, :, None]
    return _Lids(
        travel=torch.where(in_upper, down, up).mul_(skin)[:, :, None],
        left=remaining,
        under=seen[:, :, 0][:, None],
        opening=(seen[:, :, 0] * seen[:, :, 1] * seen[:, :, 2])[:, None],
    )


def _sample_eyes(pictures: Tensor, places: Tensor) -> Tensor:
    """Pictures of both eyes [B, 2 eyes, C, h, w] at places [B, 2 eyes, 2, pixels]:
    [B, C, 2 eyes, pixels]; edges continue."""
    batch = places.shape[0]
    if pictures.stride(0) == 0 or batch == 1:  # of one identity: all frames at once
        grid = places.permute(1, 0, 3, 2)
        return sample_grid(pictures[0], grid).permute(2, 1, 0, 3)
    grid = places.flatten(0, 1).transpose(1, 2)[:, None]
    found = sample_grid(pictures.flatten(0, 1), grid)
    return found.reshape(batch, 2, -1, places.shape[3]).transpose(1, 2)
