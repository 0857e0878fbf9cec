"""The mouth of a frame: both lips along their seam, and what lies between them."""

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from models.lips import column, jaw_travel
from models.mouth import BOTTOM, LEFT, RIGHT, TOP
from models.prepared import Prepared
from models.sampling import (
    Maps,
    cut,
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
BEFORE_TEETH = 0.8  # of tongueOut: beyond it the tip comes before the teeth
MARGIN = 0.045  # of the face's box round the inner lips: some nodes of its grid
UNDER_LIP = 0.30  # how much darker the inside is right under the upper lip


def render_mouth(
    frames: Tensor,
    batch: Prepared,
    maps: Maps,
    motion: Tensor,
    gap: Tensor,
    inner: Tensor,
) -> None:
    """Draws the mouths into frames, uint8 [B, H, W, 3].

    gap: [B, 1] as shown, IOD. inner: [B, 22, 2] where the inner lips are, px.
    """
    margin = MARGIN * (batch.box[:, 2:3] - batch.box[:, :1])
    within = maps.around(inner.transpose(1, 2)[..., None], margin)
    columns, rows = (within[:, 2:] - within[:, :2]).amax(0).tolist()
    limit = within.new_tensor([maps.width - columns, maps.height - rows])
    first = torch.minimum(within[:, :2], limit)
    colours = _drawn(batch, maps, motion, gap, first, (rows, columns))
    paste(frames, first, rounded(colours), within)


def _drawn(
    batch: Prepared,
    maps: Maps,
    motion: Tensor,
    gap: Tensor,
    first: Tensor,
    size: tuple[int, int],
) -> Tensor:
    """Patches [B, 3, *size] with their top left pixels at first [B, 2]."""
    spots = patch_spots(first, *size)
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
    behind = cut(batch.background, first, *size)
    return torch.addcmul(person[:, :3], 1 - person[:, 3:], behind)


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
    tip_down = TONGUE_FOLLOW * travel + TONGUE_HIDDEN * (1 - out) - 0.022 * out
    with_tip = torch.cat([0.5 * aside, tip_down], 1)
    held = _at(batch.fixed, plane)
    colour, upper = held[:, :3], held[:, 3:]
    lower = _at(batch.lower, plane - with_jaw[:, :, None, None])
    colour = lower[:, :3] + (1 - lower[:, 3:]) * colour
    if not bool(out.any()):
        return torch.addcmul(upper[:, :3], 1 - upper[:, 3:], colour)
    tip = _at(batch.tongue, plane - with_tip[:, :, None, None])
    tip = tip * (out * 3).clamp(max=1)[..., None, None]
    # All the way out it lies on the edge of the upper teeth, else behind them.
    before = (
        tip * ((out - BEFORE_TEETH) / (1 - BEFORE_TEETH)).clamp(0, 1)[..., None, None]
    )
    colour = torch.addcmul(tip[:, :3], 1 - tip[:, 3:], colour)
    colour = torch.addcmul(upper[:, :3], 1 - upper[:, 3:], colour)
    return torch.addcmul(before[:, :3], 1 - before[:, 3:], colour)


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
