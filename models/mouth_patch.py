"""The mouth of a frame: both lips along their seam, and what lies between them."""

from functools import lru_cache

import torch
from torch import Tensor

from models.lips import column, jaw_travel
from models.mouth import BOTTOM, LEFT, RIGHT, TOP
from models.prepared import Prepared
from models.sampling import Maps, cut, cut_off, laid_over, paste, patch_places, sample

LOWER_TEETH_FOLLOW = 0.90  # of the jaw's travel
LOWER_TEETH_OF_GAP = 0.72
TONGUE_FOLLOW, TONGUE_HIDDEN = 0.30, 0.20  # of the jaw's travel; IOD down at rest
BEFORE_TEETH = 0.8  # of tongueOut: beyond it the tip comes before the teeth
MARGIN = 0.035  # of the face's box round the inner lips: two nodes of its grid
OPENED = 0.03  # IOD that the lips must move to be open or closed anew
# How much less red, green and blue light a small gap lets in; IOD of a lit one.
DIM, LIT_GAP = (0.18, 0.28, 0.30), 0.15
GLOSS = 0.30  # how much lighter the middle of a rounded lower lip is
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

    gap: [B, 1] as shown, IOD. inner: [B, 2, 22] places of the inner lips.
    """
    within = _around(batch, maps, inner)
    columns, rows = (within[:, 2:] - within[:, :2]).amax(0).tolist()
    limit = within.new_tensor([maps.width - columns, maps.height - rows])
    first = torch.minimum(within[:, :2], limit)
    colours = _drawn(batch, maps, motion, gap, first, (rows, columns))
    paste(frames, first, cut_off(colours), within)


def _around(batch: Prepared, maps: Maps, inner: Tensor) -> Tensor:
    """Rectangles [B, 4] of whole pixels, inside the picture, round the inner lips and
    a margin: left, top, right, bottom, one past the end."""
    points = maps.pixels(maps.seen(inner[..., None])[..., 0].transpose(1, 2))
    margin = MARGIN * (batch.box[:, 2:3] - batch.box[:, :1])
    low = (points.amin(1) - margin).floor()
    high = (points.amax(1) + margin).ceil() + 1
    limit = low.new_tensor([maps.width, maps.height])
    # A point that leaves the picture still has one pixel.
    low = torch.minimum(low.clamp_min(0), limit - 1)
    high = torch.maximum(torch.minimum(high, limit), low + 1)
    return torch.cat([low, high], 1).to(torch.int64)


def _drawn(
    batch: Prepared,
    maps: Maps,
    motion: Tensor,
    gap: Tensor,
    first: Tensor,
    size: tuple[int, int],
) -> Tensor:
    """Patches [B, 3, *size] with their top left pixels at first [B, 2]."""
    still = maps.still(patch_places(first[:, None], *size, maps))
    back = maps.in_box(maps.face, still)
    up, down = still + back[:, :2], still + back[:, 2:]
    both = sample(batch.person, torch.cat([up, down], 2))
    above, below = both[:, :, : size[0]], both[:, :, size[0] :]
    in_upper, shade = sample(batch.seam[:, :2], up)[:, :, None].unbind(1)
    in_lower, gloss = sample(batch.seam[:, 2:4], down)[:, :, None].unbind(1)
    below = _lit(below, gloss, motion)
    dark = (1 - (gap / LIT_GAP).clamp(0, 1))[..., None, None] * _dim(gap.device)
    within = _inside(batch, motion, still, gap) * (1 - UNDER_LIP * shade) * (1 - dark)
    opened = ((gap - batch.rest_gap).abs() / OPENED).clamp(0, 1)
    # The photo's own inside shows always where there is something to see, and elsewhere
    # only as long as the lips are as they were.
    own_share = torch.maximum(batch.own_teeth, 1 - opened)
    if bool(own_share.any()):
        # The mask fades slowly into the lower lip; at rest all of it counts.
        sharp = (1 + 19 * (1 - opened))[..., None, None]
        own = (sample(batch.seam[:, 4:], still) * sharp).clamp(max=1)
        here = sample(batch.person[:, :3], still)
        within = torch.lerp(within, here, own * own_share[..., None, None])
    within = torch.cat([within, torch.zeros_like(shade)], 1)  # all of it the person's
    person = torch.lerp(torch.lerp(within, below, in_lower), above, in_upper)
    behind = None
    if not bool(batch.within[:, 1].all()):
        behind = cut(batch.background, first[:, None], *size, maps)
    return laid_over(person, behind)


def _lit(lip: Tensor, gloss: Tensor, motion: Tensor) -> Tensor:
    """The lower lip [B, 4, h, w] as rounding pushes it forward, into the light."""
    rounding = column(motion, "mouthPucker") + 0.6 * column(motion, "mouthFunnel")
    light = GLOSS * rounding.clamp(max=1)[..., None, None] * gloss
    colour, share = lip[:, :3], lip[:, 3:]
    # Halfway to white at the most, which never leaves the photo's range.
    white = 255 * (1 - share)
    lit = colour + light * torch.minimum(colour, 0.5 * (white - colour).clamp_min(0))
    return torch.cat([lit, share], 1)


def _inside(batch: Prepared, motion: Tensor, still: Tensor, gap: Tensor) -> Tensor:
    """Painted cavity, tongue and teeth: RGB [B, 3, h, w]."""
    to_plane = batch.to_plane[..., None, None]
    plane = torch.addcmul(to_plane[:, :, 2], still[:, :1], to_plane[:, :, 0])
    plane = torch.addcmul(plane, still[:, 1:], to_plane[:, :, 1])
    travel = jaw_travel(motion)
    aside = 0.08 * (column(motion, "jawLeft") - column(motion, "jawRight"))
    # Lips that open wider than the jaw still bare only the tips of the lower teeth.
    down = torch.maximum(LOWER_TEETH_FOLLOW * travel, LOWER_TEETH_OF_GAP * gap)
    with_jaw = torch.cat([aside, down], 1)
    held = _at(batch.fixed, plane)
    colour, upper = held[:, :3], held[:, 3:]
    lower = _at(batch.lower, plane - with_jaw[:, :, None, None])
    colour = torch.addcmul(lower[:, :3], 1 - lower[:, 3:], colour)
    out = column(motion, "tongueOut")
    if not bool(out.any()):
        return torch.addcmul(upper[:, :3], 1 - upper[:, 3:], colour)
    # The tip rises towards the upper teeth, never above the lower lip's reach.
    tip_down = TONGUE_FOLLOW * travel + TONGUE_HIDDEN * (1 - out) - 0.022 * out
    with_tip = torch.cat([0.5 * aside, tip_down], 1)
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
def _dim(device: torch.device) -> Tensor:
    return torch.tensor(DIM, device=device)[:, None, None]


@lru_cache(maxsize=8)
def _to_layer(device: torch.device) -> tuple[Tensor, Tensor]:
    """Scale from the mouth's plane, IOD, to a layer's own places, and where the
    plane's middle lies there: [2, 1, 1] each."""
    low, high = torch.tensor([[LEFT, TOP], [RIGHT, BOTTOM]], device=device)[
        ..., None, None
    ]
    scale = 2 / (high - low)
    return scale, -low * scale - 1


def _at(layer: Tensor, plane: Tensor) -> Tensor:
    """A painted layer at points of the mouth's plane [B, 2, h, w], IOD."""
    scale, middle = _to_layer(plane.device)
    return sample(layer, torch.addcmul(middle, plane, scale))
