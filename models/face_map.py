"""The way back of a face's skin and lips: from where nodes of the face's box come."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.inverse import inverse_sheared
from models.pose import Pose, PoseRig
from models.prepared import Prepared
from models.rig import GRID_HEIGHT, GRID_WIDTH
from models.sampling import in_ram, nodes_of, on, sample

STILL_PX = 0.04  # less is no motion; twice as much is whole


@dataclass(frozen=True, eq=False)
class FaceMap:
    """Ways back, differences of places in the picture, on nodes of a face's box."""

    back: Tensor  # [B, 2, 2 layers, GRID_HEIGHT, GRID_WIDTH] x, y of upper, lower layer
    mixed: Tensor  # [B, 2, GRID_HEIGHT, GRID_WIDTH] each node by its own layer
    rows: range  # of nodes that are not still in any frame


def face_map(batch: Prepared, pose: Pose) -> FaceMap:
    field = _field(batch, pose)
    rows = _moving_rows(field, batch.rig)
    frames = field.shape[0]
    ways = field.new_zeros((frames, 6, GRID_HEIGHT, GRID_WIDTH))
    both = ways[:, :4].view(frames, 2, 2, GRID_HEIGHT, GRID_WIDTH)
    mixed = ways[:, 4:]
    if rows:
        # A node is felt as far as its neighbours.
        near = slice(max(rows.start - 1, 0), min(rows.stop + 1, GRID_HEIGHT))
        back = inverse_sheared(field[..., near, :].flatten(0, 1), GRID_HEIGHT)
        back = _calmed(back.reshape(frames, 2, 2, -1, GRID_WIDTH), batch)
        nodes = nodes_of(GRID_HEIGHT, GRID_WIDTH, back.device)[:, :, near]
        in_upper = sample(batch.seam[:, :1], batch.seam_places(nodes + back[:, 0]))
        torch.mul(back.transpose(1, 2), batch.box_share, out=both[..., near, :])
        upper, lower = both[..., near, :].unbind(2)
        torch.lerp(lower, upper, in_upper, out=mixed[:, :, near])
    return FaceMap(both, mixed, rows)


def _moving_rows(field: Tensor, rig: PoseRig) -> range:
    """A CPU leaves out the others: speech moves the lower half of a face."""
    if not in_ram(field):
        return range(GRID_HEIGHT)
    furthest = np.abs(field.numpy()).max((0, 1, 2)).max(1)
    moving = np.flatnonzero(furthest > 2 * STILL_PX / rig.widest).tolist()
    return range(moving[0], moving[-1] + 1) if moving else range(0)


def _field(batch: Prepared, pose: Pose) -> Tensor:
    """The way of each node, [B, 2 layers, 2 of x and y, GRID_HEIGHT, GRID_WIDTH]."""
    device = batch.spread.device
    flat = on(device, pose.flat)
    frames = flat.shape[0]
    one_identity = frames == 1 or batch.spread.stride(0) == 0
    if one_identity:  # one product for all rows
        field = flat.transpose(0, 1).flatten(1, 2) @ batch.spread[0]
        field = field.reshape(2, frames, -1).transpose(0, 1).flatten(1)
    else:
        field = (flat @ batch.spread).flatten(1)
    pulling = np.flatnonzero(pose.pulls.any(0))
    if len(pulling):
        pulls, rows = on(device, pose.pulls[:, pulling]), on(device, pulling)
        if one_identity:
            field = torch.addmm(field, pulls, batch.pull[0].index_select(0, rows))
        else:
            pull = batch.pull.index_select(1, rows)
            field = torch.baddbmm(field[:, None], pulls[:, None], pull)
    return field.reshape(frames, 2, 2, GRID_HEIGHT, GRID_WIDTH)


def _calmed(back: Tensor, batch: Prepared) -> Tensor:
    """Without the traces that a spline leaves far from what moves: nobody sees them,
    but they would keep still parts of the picture from being the photo to the bit."""
    widths = batch.rig.widths[:, None, None, None, None]
    whole = on(back.device, widths / (2 * STILL_PX))
    largest = back.abs().amax((1, 2), keepdim=True)
    return back.mul_(largest.mul_(whole).sub_(1).clamp_(0, 1))
