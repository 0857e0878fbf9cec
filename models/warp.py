"""The warp renderer: identities and motions in, frames out, one batched torch module.

Every map is backwards: for a pixel of the frame it says where in the photo to look, so
there are no holes. A pixel goes back through the head's turn, then through the face's
displacement (two layers, torn apart at the lips), and at the eyes through the lids.
"""

import math
import weakref
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from models.bands import NODE_PX, Rectangle
from models.drawing import draw
from models.eye_patch import render_eyes
from models.face_map import face_map
from models.head import HEAD_GRID
from models.identity_file import Identity
from models.inverse import inverse
from models.lips import bounded
from models.media import FloatArray
from models.mouth_patch import render_mouth
from models.pose import Pose, PoseRig, pose_of, turns
from models.prepared import Prepared, prepare, stack
from models.rig import GRID_HEIGHT
from models.sampling import Maps, copy_into, empty_frames, half_px, on

STACKS_KEPT = 2
CPU_ROWS = 8  # drawn together: more no longer fit into its cache


class WarpRenderer(torch.nn.Module):
    """Renders any mix of identities of one size; keeps their tensors on its device as
    long as the identities live."""

    def __init__(self, device: torch.device | str = "cpu") -> None:
        super().__init__()
        self.device = torch.device(device)
        self._prepared: weakref.WeakKeyDictionary[Identity, Prepared] = (
            weakref.WeakKeyDictionary()
        )
        self._stacks: dict[tuple[weakref.ref[Identity], ...], Prepared] = {}

    def forward(self, identities: Sequence[Identity], motion: Tensor) -> Tensor:
        """One frame per row.

        Args:
            identities: one per row, all of one picture size, and all or none of them
                transparent.
            motion: float32 [B, len(MOTION_CHANNELS)]; values out of range are
                bounded to what a face can do.

        Returns:
            uint8 RGB [B, H, W, 3], on the renderer's device; transparent ones with
                their matte, [B, H, W, 4], their colours not weighted by it.

        Raises:
            ValueError: NaN or infinity, wrong shape, or pictures of different sizes.
        """
        values = bounded(motion.cpu().numpy().astype(np.float32, copy=False))
        _check_rows(identities, values)
        turning = turns(values)
        groups = list(_still_groups(identities, turning).values())
        turned = [row for row, turned in enumerate(turning) if turned]
        if turned:
            groups.append(turned)
        # (Of many identities there would be a stack for each such part.)
        if self.device.type == "cpu" and len(set(identities)) == 1:
            groups = [
                rows[first : first + CPU_ROWS]
                for rows in groups
                for first in range(0, len(rows), CPU_ROWS)
            ]
        channels = 4 if identities[0].transparent else 3
        shape = (len(values), *identities[0].size, channels)
        frames = empty_frames(shape, self.device)
        for rows in groups:
            first, past = rows[0], rows[-1] + 1
            if past - first == len(rows):
                part = frames[first:past]
                self._render(part, [identities[r] for r in rows], values[rows])
                continue
            part = torch.empty_like(frames[: len(rows)])
            self._render(part, [identities[r] for r in rows], values[rows])
            for row, frame in zip(rows, part, strict=True):
                frames[row] = frame
        return frames

    def _render(
        self, frames: Tensor, identities: Sequence[Identity], motion: FloatArray
    ) -> None:
        """Into frames, uint8 [B, H, W, 3 or 4]."""
        batch = self._batch(identities)
        pose = pose_of(batch.rig, motion)
        render = _render_still if pose.turn is None else _render_turned
        render(frames, batch, pose)

    def prepared(self, identity: Identity) -> Prepared:
        """The identity's tensors on this device, made on first use."""
        if identity not in self._prepared:
            self._prepared[identity] = prepare(identity, self.device)
        return self._prepared[identity]

    def _batch(self, identities: Sequence[Identity]) -> Prepared:
        if all(identity is identities[0] for identity in identities):
            return self.prepared(identities[0]).expand(len(identities))
        # Sessions stay the same from tick to tick, so their stack is worth keeping.
        self._stacks = {
            key: value
            for key, value in self._stacks.items()
            if all(ref() is not None for ref in key)
        }
        key = tuple(weakref.ref(identity) for identity in identities)
        if key not in self._stacks:
            while len(self._stacks) >= STACKS_KEPT:
                del self._stacks[next(iter(self._stacks))]
            self._stacks[key] = stack([self.prepared(i) for i in identities])
        return self._stacks[key]


def _check_rows(identities: Sequence[Identity], motion: FloatArray) -> None:
    if len(identities) != len(motion) or not len(motion):
        raise ValueError(
            f"{len(identities)} identities for {len(motion)} rows of motion; "
            "there must be one each, and at least one"
        )
    sizes = {identity.size for identity in identities}
    if len(sizes) > 1:
        raise ValueError(f"identities of different sizes in one call: {sorted(sizes)}")
    if len({identity.transparent for identity in identities}) > 1:
        raise ValueError("transparent identities and others in one call")


def _still_groups(
    identities: Sequence[Identity], turning: list[bool]
) -> dict[Identity, list[int]]:
    """Rows whose head is still, by identity."""
    groups: dict[Identity, list[int]] = {}
    for row, turned in enumerate(turning):
        if not turned:
            groups.setdefault(identities[row], []).append(row)
    return groups


def _render_turned(frames: Tensor, batch: Prepared, pose: Pose) -> None:
    """Frames of heads that turn or breathe: every pixel is looked up."""
    assert pose.turn is not None
    face = face_map(batch, pose)
    height, width = batch.picture.shape[1:3]
    forward = _turn(batch, pose.turn / half_px(height, width))
    maps = Maps(inverse(forward), face.back.flatten(1, 2), batch.to_box, height, width)
    draw(frames, batch, maps, face.mixed, (0, 0, width, height))
    _draw_patches(frames, batch, maps, pose)


def _turn(batch: Prepared, turn: FloatArray) -> Tensor:
    """Where the head's nodes go, [B, 2, HEAD_GRID, HEAD_GRID], by a turn of places."""
    turns, head = on(batch.head.device, turn), batch.head
    if len(turn) > 1 and head.stride(0):
        moved = turns @ head
    else:  # One identity: one product for all rows.
        moved = turns.flatten(0, 1) @ head[0]
    return _held(moved.reshape(-1, 2, HEAD_GRID, HEAD_GRID), batch.held)


def _held(moved: Tensor, held: Tensor) -> Tensor:
    """Less of it where it would draw something in from beyond the picture's border."""
    inwards = moved * held[:, 0::2]  # from the left and the upper border
    moved = torch.minimum(moved, inwards)
    return torch.maximum(moved, moved * held[:, 1::2])


def _render_still(frames: Tensor, batch: Prepared, pose: Pose) -> None:
    """Frames of still heads, all of one identity: only what moves is looked up."""
    face = face_map(batch, pose)
    height, width = batch.picture.shape[1:3]
    copy_into(frames, batch.picture)
    maps = Maps(None, face.back.flatten(1, 2), batch.to_box, height, width)
    if face.rows:
        region = _moving(face.rows, batch.rig, height, width)
        draw(frames, batch, maps, face.mixed, region)
    _draw_patches(frames, batch, maps, pose)


def _moving(rows: range, rig: PoseRig, height: int, width: int) -> Rectangle:
    """The part of the picture that rows of nodes of a face's box move."""
    left, top, right, bottom = rig.box[0].tolist()
    down = (bottom - top) / (GRID_HEIGHT - 1)
    # A node is felt as far as its neighbours, on the grid of what is drawn too; the
    # outer ones of a row hold still.
    return (
        max(math.floor(left), 0),
        max(math.floor(top + down * (rows.start - 1)), 0),
        min(math.ceil(right / NODE_PX) * NODE_PX, width),
        min(math.ceil((top + down * rows.stop) / NODE_PX) * NODE_PX, height),
    )


def _draw_patches(frames: Tensor, batch: Prepared, maps: Maps, pose: Pose) -> None:
    colours = frames[..., :3]  # eyes and lips are within the person: the matte stays
    render_eyes(colours, batch, maps, pose)
    render_mouth(colours, batch, maps, pose)
