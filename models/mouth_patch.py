"""The mouth of a frame: both lips along their seam, and what lies between them."""

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from models.lips import column, jaw_travel
from models.mouth import BOTTOM, LEFT, RIGHT, TOP
from models.prepared import MOUTH_BOTTOM, Prepared
from models.sampling import (
    Maps,
    paste,
    patch_spots,
    rounded,
    sample,
    times,
    to_grid,
)

LOWER_TEETH_FOLLOW = 0.90  # of the jaw's travel
LOWER_TEETH_OF_GAP = 0.72
TONGUE_FOLLOW, TONGUE_HIDDEN = 0.30, 0.20  # of the jaw's travel; IOD down at rest
UNDER_LIP = 0.40  # how much darker the inside is right under the upper lip


def render_mouth(
    frames: Tensor, batch: Prepared, maps: Maps, motion: Tensor, gap: Tensor
) -> None:
    """Draws the mouths into frames, uint8 [B, H, W, 3]; gap [B, 1] as shown, IOD."""
    rows, columns = batch.patches[:, :2].amax(0).tolist()
    first = maps.patch(batch.plane_origin, batch.mouth_corner, rows, columns)
    heights = _rows_needed(rows, batch, gap)
    spots = patch_spots(first, max(heights), columns)
    still = maps.still_spots(spots)
    back = maps.in_box(maps.face, still)
    up, down = still + back[:, :2], still + back[:, 2:]
    above, below = sample(batch.person, up), sample(batch.person, down)
    edge = sample(batch.seam, up)  # in_upper, in_lower, inside, shade
    in_upper, shade = edge[:, :1], edge[:, 3:]
    in_lower = sample(batch.seam[:, 1:2], down)
    within = _inside(batch, motion, still, gap) * (1 - UNDER_LIP * shade)
    own_share = _own_share(batch, gap)
    if bool(own_share.any()):
        # The mask fades slowly into the lower lip; at rest all of it counts.
        sharp = 1 + 19 * (1 - _opened(batch, gap))[..., None, None]
        own = (sample(batch.seam[:, 2:3], still) * sharp).clamp(max=1)
        own = own * own_share[..., None, None]
        here = sample(batch.person, still)
        within = torch.lerp(within, here[:, :3], own)
    within = torch.cat([within, torch.ones_like(in_upper)], 1)
    person = torch.lerp(torch.lerp(within, below, in_lower), above, in_upper)
    behind = sample(batch.background, spots)
    colours = torch.addcmul(person[:, :3], 1 - person[:, 3:], behind)
    paste(frames, first, rounded(colours), heights)


def _rows_needed(rows: int, batch: Prepared, gap: Tensor) -> list[int]:
    """Rows of each patch that matter: mouths are seldom wide open, so a CPU leaves
    out what lies far below the lower lip."""
    if gap.device.type != "cpu":
        return [rows] * len(gap)
    spare = MOUTH_BOTTOM - 0.20 - gap.clamp_min(0) - batch.rest_gap
    down = (spare[:, 0] * batch.projection[:, 1, 1]).clamp_min(0)
    return [max(rows - int(less), 1) for less in down.tolist()]


def _own_share(batch: Prepared, gap: Tensor) -> Tensor:
    """The photo's own inside shows always where there is something to see, and
    elsewhere only as long as the lips are as they were: [B, 1]."""
    return torch.maximum(batch.own_teeth, 1 - _opened(batch, gap))


def _opened(batch: Prepared, gap: Tensor) -> Tensor:
    """0 where the lips are as in the photo, 1 where they are clearly not: [B, 1]."""
    return ((gap - batch.rest_gap).abs() / 0.03).clamp(0, 1)


def _inside(batch: Prepared, motion: Tensor, still: Tensor, gap: Tensor) -> Tensor:
    """Painted cavity, tongue and teeth: RGB [B, 3, h, w]."""
    flat = still - batch.plane_origin[:, :, None, None]
    plane = times(flat, batch.to_plane)
    travel = jaw_travel(motion)
    aside = 0.08 * (column(motion, "jawLeft") - column(motion, "jawRight"))
    # Lips that open wider than the jaw still bare only the tips of the lower teeth.
    down = torch.maximum(LOWER_TEETH_FOLLOW * travel, LOWER_TEETH_OF_GAP * gap)
    with_jaw = torch.cat([aside, down], 1)
    out = column(motion, "tongueOut")
    # The tip rises towards the upper teeth, never above the lower lip's reach.
    tip_down = TONGUE_FOLLOW * travel + TONGUE_HIDDEN * (1 - out) - 0.045 * out
    with_tip = torch.cat([0.5 * aside, tip_down], 1)
    colour = _at(batch.cavity, plane)
    lower = _at(batch.lower, plane - with_jaw[:, :, None, None])
    colour = lower[:, :3] + (1 - lower[:, 3:]) * colour
    if bool(out.any()):
        tip = _at(batch.tongue, plane - with_tip[:, :, None, None])
        tip = tip * (out * 3).clamp(max=1)[..., None, None]
        colour = torch.addcmul(tip[:, :3], 1 - tip[:, 3:], colour)
    upper = _at(batch.upper, plane)
    return upper[:, :3] + (1 - upper[:, 3:]) * colour


@lru_cache(maxsize=8)
def _origin(device: torch.device) -> Tensor:
    """Where the middle of the mouth lies on grid_sample's scale: [2]."""
    low = torch.tensor([LEFT, TOP], device=device)
    return -low * to_grid(RIGHT - LEFT, BOTTOM - TOP, device) - 1


def _at(layer: Tensor, plane: Tensor) -> Tensor:
    """A painted layer at places on the mouth's plane [B, 2, h, w], IOD."""
    scale = to_grid(RIGHT - LEFT, BOTTOM - TOP, plane.device)
    # In one step: (plane - low) scale - 1.
    grid = torch.addcmul(_origin(plane.device), plane.permute(0, 2, 3, 1), scale)
    return F.grid_sample(layer, grid, padding_mode="border", align_corners=True)
