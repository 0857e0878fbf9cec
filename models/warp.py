"""The warp renderer: identities and motions in, frames out, one batched torch module.

Every map is backwards: for a pixel of the frame it says where in the photo to look, so
there are no holes. A pixel goes back through the head's turn, then through the face's
displacement (two layers, torn apart at the lips), and at the eyes through the lids.
"""

import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from models.controls import LIP_POINTS
from models.eye_patch import render_eyes
from models.head import HEAD_GRID, head_displacement
from models.identity import Identity
from models.lips import bounded, displace
from models.media import CHANNEL_INDEX
from models.mouth_patch import render_mouth
from models.prepared import Prepared, prepare, stack
from models.rig import GRID_HEIGHT, GRID_WIDTH
from models.sampling import Maps, picture_nodes, round_into, sample, to_grid

FIXED_POINT_STEPS = 4
NEWTON_STEPS = 4  # leaves under 0.1 px on motions of speech, 1 px on the widest
STEP = 0.04  # of the grid's span, the longest step of the inversion
LEAST_AREA = 0.10  # that a part of the skin may shrink to
FLATTEST = 0.25  # the least shrinking that the inversion takes at its word
NODE_PX = 4  # spacing of the grid on which maps are composed
STILL_PX = 0.04  # less is no motion; twice as much is whole
CPU_BAND_PX = 64  # a multiple of NODE_PX
STACKS_KEPT = 2

_HEAD = slice(CHANNEL_INDEX["head_yaw"], CHANNEL_INDEX["breath"] + 1)


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
            identities: one per row, all of one picture size.
            motion: float32 [B, len(MOTION_CHANNELS)]; values out of range are
                bounded to what a face can do.

        Returns:
            uint8 RGB [B, H, W, 3], on the renderer's device.

        Raises:
            ValueError: NaN or infinity, wrong shape, or pictures of different sizes.
        """
        motion = bounded(motion.to(self.device, torch.float32))
        _check_rows(identities, motion)
        turns = motion[:, _HEAD].ne(0).any(1).tolist()
        if all(turns):
            return _render_turned(self._batch(identities), motion)
        frames = motion.new_empty(
            (len(motion), *identities[0].size, 3), dtype=torch.uint8
        )
        moving = [row for row, turned in enumerate(turns) if turned]
        if moving:
            batch = self._batch([identities[row] for row in moving])
            frames[moving] = _render_turned(batch, motion[moving])
        for identity, rows in _groups(identities, turns).items():
            batch = self.prepared(identity).expand(len(rows))
            frames[rows] = _render_still(batch, motion[rows])
        return frames

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


def _check_rows(identities: Sequence[Identity], motion: Tensor) -> None:
    if len(identities) != len(motion) or not len(motion):
        raise ValueError(
            f"{len(identities)} identities for {len(motion)} rows of motion; "
            "there must be one each, and at least one"
        )
    sizes = {identity.size for identity in identities}
    if len(sizes) > 1:
        raise ValueError(f"identities of different sizes in one call: {sorted(sizes)}")


def _groups(
    identities: Sequence[Identity], turns: list[bool]
) -> dict[Identity, list[int]]:
    """Rows whose head is still, by identity."""
    groups: dict[Identity, list[int]] = {}
    for row, turned in enumerate(turns):
        if not turned:
            groups.setdefault(identities[row], []).append(row)
    return groups


@dataclass(frozen=True, eq=False)
class _Face:
    back: Tensor  # [B, 4, GRID_HEIGHT, GRID_WIDTH] px: x, y of upper and lower layer
    mixed: Tensor  # [B, 2, GRID_HEIGHT, GRID_WIDTH] px: each pixel by its own layer
    gap: Tensor  # [B, 1] IOD between the lips in the middle
    inner: Tensor  # [B, 22, 2] px, the inner lips


def _face(batch: Prepared, motion: Tensor) -> _Face:
    moved = displace(batch.lip_rig, motion)  # [B, C, 3] IOD
    pixels = moved @ batch.projection  # [B, C, 2]
    rows = len(motion)
    flat = pixels.transpose(1, 2)  # [B, 2, C]
    if batch.spread.stride(0) == 0:  # one identity: one product for all rows
        field = (flat.flatten(0, 1) @ batch.spread[0]).reshape(rows, 2, -1)
    else:
        field = flat @ batch.spread
    field = field.reshape(rows, 2, 2, GRID_HEIGHT, GRID_WIDTH).transpose(1, 2)
    field = field.flatten(0, 1)  # [B layers, 2, h, w]
    size = (batch.box[:, 2:] - batch.box[:, :2]).repeat_interleave(2, 0)
    back = _calmed(_inverted_sheared(field, size))
    back = back.reshape(rows, 4, GRID_HEIGHT, GRID_WIDTH)
    nodes = _box_nodes(batch.box)
    in_upper = sample(batch.seam[:, :1], nodes + back[:, :2])
    mixed = torch.lerp(back[:, 2:], back[:, :2], in_upper)
    middle = LIP_POINTS // 2
    lips = batch.lips_rest + moved[:, : 4 * LIP_POINTS]
    gap = lips[:, LIP_POINTS + middle, 1] - lips[:, middle, 1]
    inner = lips[:, : 2 * LIP_POINTS] @ batch.projection + batch.plane_origin[:, None]
    return _Face(back, mixed, gap[:, None], inner)


def _calmed(back: Tensor) -> Tensor:
    """Without the traces that a spline leaves far from what moves: nobody sees them,
    but they would keep still parts of the picture from being the photo to the bit."""
    largest = back.abs().amax(1, keepdim=True)
    return back * ((largest - STILL_PX) / STILL_PX).clamp(0, 1)


def _box_nodes(box: Tensor) -> Tensor:
    """Pixels of the face grid's nodes: [B, 2, h, w]."""
    x = torch.linspace(0, 1, GRID_WIDTH, device=box.device)
    y = torch.linspace(0, 1, GRID_HEIGHT, device=box.device)
    left, top, right, bottom = (side[:, None] for side in box.unbind(1))
    columns = (left + (right - left) * x)[:, None].expand(-1, GRID_HEIGHT, -1)
    rows = (top + (bottom - top) * y)[:, :, None].expand(-1, -1, GRID_WIDTH)
    return torch.stack([columns, rows], 1)


def _inverted(forward: Tensor, size: Tensor) -> Tensor:
    """Backward displacement d with d(y) = -u(y + d(y)), by fixed-point steps: enough
    for a head, which turns gently.

    forward: [N, 2, h, w] pixels on a grid that spans size [N, 2] pixels.
    """
    base, scale = _unit_grid(forward), (2 / size)[:, None, None]
    back = -forward
    for _ in range(FIXED_POINT_STEPS):
        grid = torch.addcmul(base, back.permute(0, 2, 3, 1), scale)
        back = -F.grid_sample(forward, grid, padding_mode="border", align_corners=True)
    return back


def _unit_grid(field: Tensor) -> Tensor:
    """The nodes of a field [N, 2, h, w] on grid_sample's own scale: [h, w, 2]."""
    height, width = field.shape[-2:]
    # That scale goes from edge to edge of a 2 x 2 picture.
    return picture_nodes(height, width, 3, 3, field.device).permute(1, 2, 0) - 1


def _inverted_sheared(forward: Tensor, size: Tensor) -> Tensor:
    """The same for the two fields of each frame, upper and lower layer in turn, by
    Newton's method, and of fields that do not fold.

    A mouth that opens wide shears the skin at its corners too much for fixed-point
    steps, which diverge there. A step is bounded, so that a poor start cannot leave
    the neighbourhood.
    """
    base, scale = _unit_grid(forward), (2 / size)[:, None, None]
    adjugate = _adjugate(forward, size)
    weaker = _weakening(adjugate)
    forward = forward * weaker
    adjugate = torch.lerp(_identity(forward.device), adjugate, weaker)
    field = torch.cat([forward, adjugate], 1)
    reach = STEP * size[:, :, None, None].amax(1, keepdim=True)
    back = -forward
    for _ in range(NEWTON_STEPS):
        grid = torch.addcmul(base, back.permute(0, 2, 3, 1), scale)
        there = F.grid_sample(field, grid, padding_mode="border", align_corners=True)
        error = back + there[:, :2]
        step = torch.addcmul(error[:, :1] * there[:, 2:4], error[:, 1:], there[:, 4:])
        step = step / _area(there[:, 2:]).clamp_min(FLATTEST)
        back = back - torch.minimum(torch.maximum(step, -reach), reach)
    return back


@lru_cache(maxsize=8)
def _identity(device: torch.device) -> Tensor:
    return torch.tensor([1.0, 0.0, 0.0, 1.0], device=device)[:, None, None]


def _area(adjugate: Tensor) -> Tensor:
    """How large a map leaves a small square, 0 or less where it folds: [N, 1, h, w]."""
    return adjugate[:, :1] * adjugate[:, 3:] - adjugate[:, 1:2] * adjugate[:, 2:3]


def _weakening(adjugate: Tensor) -> Tensor:
    """How much weaker a frame's two fields must be so that they do not fold skin over
    itself: [N, 1, 1, 1]. No motion of a face asks for that, but numbers may."""
    least = _area(adjugate).reshape(len(adjugate) // 2, -1).amin(1)
    # Along the axis that collapses, the area falls linearly with the field.
    share = ((1 - LEAST_AREA) / (1 - least)).clamp(0, 1)
    return share.repeat_interleave(2)[:, None, None, None]


def _adjugate(forward: Tensor, size: Tensor) -> Tensor:
    """Columns of the adjugate of the Jacobian of y + u(y): [N, 4, h, w]."""
    height, width = forward.shape[-2:]
    wide = F.pad(forward, (1, 1, 1, 1), mode="replicate")
    per_x = (0.5 * (width - 1) / size[:, 0])[:, None, None]
    per_y = (0.5 * (height - 1) / size[:, 1])[:, None, None]
    x_by_x, y_by_x = (wide[:, :, 1:-1, 2:] - wide[:, :, 1:-1, :-2]).unbind(1)
    x_by_y, y_by_y = (wide[:, :, 2:, 1:-1] - wide[:, :, :-2, 1:-1]).unbind(1)
    return torch.stack(
        [1 + y_by_y * per_y, -y_by_x * per_x, -x_by_y * per_y, 1 + x_by_x * per_x], 1
    )


def _render_turned(batch: Prepared, motion: Tensor) -> Tensor:
    """Frames of heads that turn or breathe: every pixel is looked up."""
    face = _face(batch, motion)
    height, width = batch.picture.shape[1:3]
    nodes = picture_nodes(HEAD_GRID, HEAD_GRID, height, width, motion.device)
    forward = head_displacement(
        batch.head_depth, batch.head_pivot, batch.head_breath, nodes, motion
    )
    size = motion.new_tensor([width - 1, height - 1]).expand(len(motion), 2)
    maps = Maps(_inverted(forward, size), forward, face.back, batch.box, height, width)
    frames = batch.backdrop.clone(memory_format=torch.contiguous_format)
    _draw(frames, batch, maps, face.mixed, (0, 0, width, height))
    return _with_patches(frames, batch, maps, face, motion)


def _render_still(batch: Prepared, motion: Tensor) -> Tensor:
    """Frames of still heads, all of one identity: only the face's box is looked up."""
    face = _face(batch, motion)
    height, width = batch.picture.shape[1:3]
    frames = batch.picture.clone(memory_format=torch.contiguous_format)
    left, top, right, bottom = (int(side) for side in batch.box[0].tolist())
    region = (max(left, 0), max(top, 0), min(right + 1, width), min(bottom + 1, height))
    maps = Maps(None, None, face.back, batch.box, height, width)
    _draw(frames, batch, maps, face.mixed, region)
    return _with_patches(frames, batch, maps, face, motion)


def _draw(
    frames: Tensor,
    batch: Prepared,
    maps: Maps,
    mixed: Tensor,
    region: tuple[int, int, int, int],
) -> None:
    """Looks up the pixels of a region (left, top, right, bottom) of frames, which hold
    the background.

    Maps are composed on nodes NODE_PX apart and made finer in between. A CPU draws a
    band of rows at a time, so that what is in the making stays in its cache, and only
    the columns that the person can reach.
    """
    left, top, right, bottom = region
    left, top = left // NODE_PX * NODE_PX, top // NODE_PX * NODE_PX
    x = torch.arange(left, right + NODE_PX, NODE_PX, device=frames.device)
    y = torch.arange(top, bottom + NODE_PX, NODE_PX, device=frames.device)
    nodes = torch.stack(torch.meshgrid(x, y, indexing="xy")).to(torch.float32)
    still = maps.still_spots(nodes.expand(len(frames), -1, -1, -1))
    spots = still + maps.in_box(mixed, still)
    reach = int((spots - nodes).abs().amax()) + 2
    scale = to_grid(maps.width - 1, maps.height - 1, spots.device)
    spots = spots * scale[:, None, None] - 1
    wide = F.interpolate(
        spots, (len(y), (len(x) - 1) * NODE_PX + 1), mode="bilinear", align_corners=True
    )
    on_cpu = frames.device.type == "cpu"
    step = CPU_BAND_PX if on_cpu else bottom - top
    for first in range(top, bottom, step):
        rows = first, min(first + step, bottom)
        columns = left, right
        if on_cpu:
            columns = _reached(batch.spans, rows, columns, reach)
        if columns[1] > columns[0]:
            near = slice((first - top) // NODE_PX, -(-(rows[1] - top) // NODE_PX) + 1)
            part = wide[:, :, near, columns[0] - left : columns[1] - left]
            fine = _finer_rows(part)[:, :, : rows[1] - first]
            _draw_part(frames, batch, fine, rows, columns)


def _reached(
    spans: Tensor, rows: tuple[int, int], columns: tuple[int, int], reach: int
) -> tuple[int, int]:
    """The columns of a band of rows that the person can come to from reach pixels."""
    near = spans[:, :, max(rows[0] - reach, 0) : rows[1] + reach]
    first, past = int(near[:, 0].amin()), int(near[:, 1].amax())
    return max(first - reach, columns[0]), min(past + reach, columns[1])


def _draw_part(
    frames: Tensor,
    batch: Prepared,
    spots: Tensor,
    rows: tuple[int, int],
    columns: tuple[int, int],
) -> None:
    """Looks up a rectangle of frames at spots [B, 2, h, w], -1 to 1."""
    person = F.grid_sample(
        batch.person,
        spots.permute(0, 2, 3, 1),
        padding_mode="border",
        align_corners=True,
    )
    place = (slice(*rows), slice(*columns))
    behind = batch.background[:, :, *place]
    colours = torch.addcmul(person[:, :3], 1 - person[:, 3:], behind)
    round_into(frames[:, *place], colours)


def _finer_rows(nodes: Tensor) -> Tensor:
    """Rows of nodes [B, 2, h + 1, W] -> rows of pixels [B, 2, NODE_PX h, W]."""
    steps = torch.arange(NODE_PX, device=nodes.device)[:, None] / NODE_PX
    above = nodes[:, :, :-1, None]
    return torch.addcmul(above, nodes[:, :, 1:, None] - above, steps).flatten(2, 3)


def _with_patches(
    frames: Tensor, batch: Prepared, maps: Maps, face: _Face, motion: Tensor
) -> Tensor:
    render_eyes(frames, batch, maps, motion)
    render_mouth(frames, batch, maps, motion, face.gap, face.inner)
    return frames
