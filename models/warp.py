"""The warp renderer: identities and motions in, frames out, one batched torch module.

Every map is backwards: for a pixel of the frame it says where in the photo to look, so
there are no holes. A pixel goes back through the head's turn, then through the face's
displacement (two layers, torn apart at the lips), and at the eyes through the lids.
"""

import math
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from models.bands import NODE_PX, Rectangle, bands_of
from models.eye_patch import render_eyes
from models.head import HEAD_GRID
from models.identity_file import Identity
from models.inverse import inverse, inverse_sheared
from models.lips import bounded
from models.media import FloatArray
from models.mouth_patch import render_mouth
from models.pose import Pose, PoseRig, pose_of, turns
from models.prepared import Prepared, prepare, stack
from models.rig import GRID_HEIGHT, GRID_WIDTH
from models.sampling import (
    Maps,
    cut_off_into,
    in_ram,
    laid_over,
    nodes_of,
    on,
    sample,
    with_matte,
)

STILL_PX = 0.04  # less is no motion; twice as much is whole
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
        values = bounded(motion.to(torch.float32).cpu().numpy())
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
        if len(groups) == 1:
            return self._render(identities, values)
        channels = 4 if identities[0].transparent else 3
        shape = (len(values), *identities[0].size, channels)
        frames = torch.empty(shape, dtype=torch.uint8, device=self.device)
        for rows in groups:
            frames[rows] = self._render([identities[r] for r in rows], values[rows])
        return frames

    def _render(self, identities: Sequence[Identity], motion: FloatArray) -> Tensor:
        batch = self._batch(identities)
        pose = pose_of(batch.rig, motion)
        render = _render_still if pose.turn is None else _render_turned
        return render(batch, pose)

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


@dataclass(frozen=True, eq=False)
class _Face:
    back: Tensor  # [B, 4, GRID_HEIGHT, GRID_WIDTH] x, y of upper and lower layer's way
    mixed: Tensor  # [B, 2, GRID_HEIGHT, GRID_WIDTH] each node by its own layer


def _face(batch: Prepared, pose: Pose) -> _Face:
    rows = len(pose.flat)
    field = _field(batch, pose).reshape(rows, 2, 2, GRID_HEIGHT, GRID_WIDTH)
    field = field.transpose(1, 2)
    back = inverse_sheared(field.flatten(0, 1))  # [B layers, 2, h, w]
    back = _calmed(back.reshape(rows, 4, GRID_HEIGHT, GRID_WIDTH), batch)
    nodes = nodes_of(GRID_HEIGHT, GRID_WIDTH, back.device)
    in_upper = sample(batch.seam[:, :1], batch.seam_places(nodes + back[:, :2]))
    back = back * batch.box_share
    return _Face(back, torch.lerp(back[:, 2:], back[:, :2], in_upper))


def _field(batch: Prepared, pose: Pose) -> Tensor:
    """The way of each node, [B, 2 * 2 nodes]: x of both layers, then y."""
    device = batch.spread.device
    flat = on(device, pose.flat)
    pulling = np.flatnonzero(pose.pulls.any(0))
    pulls, rows = on(device, pose.pulls[:, pulling]), on(device, pulling)
    if len(flat) > 1 and batch.spread.stride(0):
        of_lips = (flat @ batch.spread).flatten(1)[:, None]
        pull = batch.pull.index_select(1, rows)
        return torch.baddbmm(of_lips, pulls[:, None], pull)[:, 0]
    # One identity: one product for all rows.
    of_lips = (flat.flatten(0, 1) @ batch.spread[0]).reshape(len(flat), -1)
    return torch.addmm(of_lips, pulls, batch.pull[0].index_select(0, rows))


def _calmed(back: Tensor, batch: Prepared) -> Tensor:
    """Without the traces that a spline leaves far from what moves: nobody sees them,
    but they would keep still parts of the picture from being the photo to the bit."""
    sides = batch.rig.box[:, 2] - batch.rig.box[:, 0]
    whole = on(back.device, sides[:, None, None, None] / (2 * STILL_PX))
    largest = back.abs().amax(1, keepdim=True)
    return back * largest.mul_(whole).sub_(1).clamp_(0, 1)


def _render_turned(batch: Prepared, pose: Pose) -> Tensor:
    """Frames of heads that turn or breathe: every pixel is looked up."""
    assert pose.turn is not None
    face = _face(batch, pose)
    height, width = batch.picture.shape[1:3]
    half = np.array([[width - 1], [height - 1]], np.float32) / 2
    forward = on(batch.head.device, pose.turn / half) @ batch.head
    forward = forward.reshape(-1, 2, HEAD_GRID, HEAD_GRID)
    maps = Maps(inverse(forward), face.back, batch.to_box, height, width)
    frames = batch.backdrop.clone(memory_format=torch.contiguous_format)
    _draw(frames, batch, maps, face.mixed, (0, 0, width, height))
    return _with_patches(frames, batch, maps, pose)


def _render_still(batch: Prepared, pose: Pose) -> Tensor:
    """Frames of still heads, all of one identity: only what moves is looked up."""
    face = _face(batch, pose)
    height, width = batch.picture.shape[1:3]
    frames = batch.picture.clone(memory_format=torch.contiguous_format)
    maps = Maps(None, face.back, batch.to_box, height, width)
    region = _moving(face.mixed, batch.rig, height, width)
    if region:
        _draw(frames, batch, maps, face.mixed, region)
    return _with_patches(frames, batch, maps, pose)


def _moving(mixed: Tensor, rig: PoseRig, height: int, width: int) -> Rectangle | None:
    """The part of the picture that a face's map moves, of any frame."""
    moves = (mixed.cpu().numpy() != 0).any((0, 1))  # [h, w] nodes
    columns, rows = (np.flatnonzero(moves.any(axis)) for axis in (0, 1))
    if not len(rows):
        return None
    left, top, right, bottom = rig.box[0].tolist()
    across = (right - left) / (GRID_WIDTH - 1)
    down = (bottom - top) / (GRID_HEIGHT - 1)
    # A node is felt as far as its neighbours.
    return (
        max(math.floor(left + across * (columns[0] - 1)), 0),
        max(math.floor(top + down * (rows[0] - 1)), 0),
        min(math.ceil(left + across * (columns[-1] + 1)) + 1, width),
        min(math.ceil(top + down * (rows[-1] + 1)) + 1, height),
    )


def _draw(
    frames: Tensor,
    batch: Prepared,
    maps: Maps,
    mixed: Tensor,
    region: Rectangle,
) -> None:
    """Looks up the pixels of a region of frames, which hold the background.

    Maps are composed on nodes NODE_PX apart and made finer in between, first along
    rows, then in each band of rows.
    """
    left, top = (side // NODE_PX * NODE_PX for side in region[:2])
    region = (left, top, *region[2:])
    nodes = _nodes_of(region, maps.height, maps.width, frames.device)
    still = maps.still(nodes.expand(len(frames), -1, -1, -1))
    places = still + maps.in_box(mixed, still)
    columns = (nodes.shape[3] - 1) * NODE_PX + 1
    wide = F.interpolate(
        places.flatten(1, 2), columns, mode="linear", align_corners=True
    )
    wide = wide.reshape(len(frames), 2, -1, columns)
    bands = [(region, [(left, region[2])])]
    if in_ram(frames):
        ways = _ways(places - nodes, maps)
        bands = bands_of(batch.rig, region, ways)
    for (first, upper, past, lower), mixed_columns in bands:
        near = slice((upper - top) // NODE_PX, -(-(lower - top) // NODE_PX) + 1)
        fine = _finer_rows(wide[:, :, near, first - left : past - left])
        person = sample(batch.person, fine[:, :, : lower - upper])
        colours = person[:, :3]
        for start, end in mixed_columns:
            behind = batch.backdrop[:, upper:lower, start:end, :3].permute(0, 3, 1, 2)
            laid_over(person[..., start - first : end - first], behind)
        if frames.shape[3] == 4:
            colours = with_matte(colours, person)
        cut_off_into(frames[:, upper:lower, first:past], colours)


def _ways(ways: Tensor, maps: Maps) -> FloatArray:
    """The least and the largest way in each row of nodes, of all frames, from their
    ways as places: [2, 2 of x and y, rows], pixels."""
    least, most = ways.amin((0, 3)), ways.amax((0, 3))
    half = np.array([[maps.width - 1], [maps.height - 1]], np.float32) / 2
    pixels: FloatArray = torch.stack([least, most]).numpy() * half
    return pixels


def _nodes_of(
    region: Rectangle, height: int, width: int, device: torch.device
) -> Tensor:
    """Places of the nodes of a region that begins at a node: [1, 2, h, w]."""
    left, top, right, bottom = (-(-side // NODE_PX) for side in region)
    nodes = _all_nodes(height, width, device)
    return nodes[:, :, top : bottom + 1, left : right + 1]


@lru_cache(maxsize=8)
def _all_nodes(height: int, width: int, device: torch.device) -> Tensor:
    x = torch.arange(0, width + NODE_PX, NODE_PX, device=device) * (2 / (width - 1)) - 1
    y = (
        torch.arange(0, height + NODE_PX, NODE_PX, device=device) * (2 / (height - 1))
        - 1
    )
    return torch.stack(torch.meshgrid(x, y, indexing="xy"))[None]


def _finer_rows(nodes: Tensor) -> Tensor:
    """Rows of nodes [B, 2, h + 1, W] -> rows of pixels [B, 2, NODE_PX h, W]."""
    above, below = nodes[:, :, :-1, None], nodes[:, :, 1:, None]
    return torch.lerp(above, below, _steps(nodes.device)).flatten(2, 3)


@lru_cache(maxsize=8)
def _steps(device: torch.device) -> Tensor:
    return torch.arange(NODE_PX, device=device)[:, None] / NODE_PX


def _with_patches(frames: Tensor, batch: Prepared, maps: Maps, pose: Pose) -> Tensor:
    colours = frames[..., :3]  # eyes and lips are within the person: the matte stays
    render_eyes(colours, batch, maps, pose)
    render_mouth(colours, batch, maps, pose)
    return frames
