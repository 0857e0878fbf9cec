"""The mouth of a frame: both lips along their seam, and what lies between them."""

import numpy as np
import torch
from torch import Tensor

from models.lips import column, jaw_travel
from models.media import FloatArray
from models.mouth import LAYER_MIDDLE, LAYER_SCALE, floor_tilt
from models.pose import Pose
from models.prepared import Prepared
from models.sampling import (
    Corners,
    Maps,
    cut,
    laid_over,
    on,
    paste,
    patch_places,
    sample,
)

LOWER_TEETH_FOLLOW = 0.90  # of the jaw's travel
FLOOR_OF_GAP = 0.72, 0.85  # the least and the most that they go down, of the gap
TONGUE_FOLLOW, TONGUE_HIDDEN = 0.20, 0.16  # of the jaw's travel; IOD down at rest
TONGUE_UP = 0.5  # of tongueOut, at which the tip has come up to the upper teeth
BEFORE_TEETH = 0.62  # of tongueOut: beyond it the tip comes before the teeth
MARGIN = 0.035  # of the face's box round the inner lips: two nodes of its grid
STRAYED = 0.022  # IOD that a lip must move for what is inside to be uncovered anew
# How much less red, green and blue light a small gap lets in; IOD of a lit one.
DIM, LIT_GAP = (0.55, 0.66, 0.69), 0.15
# How light the mouth's floor is at gaps, IOD: what lies deep needs a wide one.
FLOOR_GAPS = (0.06, 0.12, 0.24, 0.32, 0.42)
FLOOR_LIGHT = (0.35, 0.45, 0.90, 1.05, 2.1)
# The same as DIM, of rounded lips, which stand out before the inside.
ROUND_SHADE = 0.56, 0.68, 0.72
GLOSS = 0.30  # how much lighter the middle of a rounded lower lip is
RIM_PX = 0.8  # by which the mask of the lower lip is too high for open lips
BARED = 0.022  # IOD that lips must part for all of that to show
UNDER_LIP = 0.48  # how much darker the inside is right under the upper lip


def render_mouth(frames: Tensor, batch: Prepared, maps: Maps, pose: Pose) -> None:
    """Draws the mouths into frames, uint8 [B, H, W, 3]."""
    within = _around(batch, maps, pose.inner)
    columns, rows = (within[:, 2:] - within[:, :2]).max(0).tolist()
    first = np.minimum(within[:, :2], [maps.width - columns, maps.height - rows])
    colours = _drawn(batch, maps, pose, first, (rows, columns))
    paste(frames, first[:, None], colours, within[:, None])


def _around(batch: Prepared, maps: Maps, inner: FloatArray) -> Corners:
    """Rectangles [B, 4] of whole pixels, inside the picture, round the inner lips and
    a margin: left, top, right, bottom, one past the end."""
    margin = MARGIN * (batch.rig.box[:, 2:3] - batch.rig.box[:, :1])
    limit = np.array([maps.width, maps.height])
    # A point that leaves the picture still has one pixel.
    low = np.minimum(np.maximum(np.floor(inner.min(1) - margin), 0), limit - 1)
    high = np.maximum(np.minimum(np.ceil(inner.max(1) + margin) + 1, limit), low + 1)
    return np.asarray(np.concatenate([low, high], 1), np.int64)


def _drawn(
    batch: Prepared,
    maps: Maps,
    pose: Pose,
    first: Corners,
    size: tuple[int, int],
) -> Tensor:
    """Patches [B, 3, *size] with their top left pixels at first [B, 2]."""
    still = maps.still(patch_places(first[:, None], *size, maps))
    back = maps.in_box(maps.face, still).reshape(-1, 2, 2, *size).transpose(1, 2)
    both = still.new_empty(back.shape)  # by each layer, one below the other
    both = torch.add(still[:, :, None], back, out=both).flatten(2, 3)
    alone = bool(batch.rig.within[:, 1].all())
    person = batch.person[:, :3] if alone else batch.person
    above, below = _halves(sample(person, both))
    up, down = _halves(batch.seam_of(both))
    in_upper, shade = sample(batch.seam[:, :2], up)[:, :, None].unbind(1)
    down[:, 1:].sub_(_per_patch(down.device, _bared(pose, batch)))
    in_lower, gloss = sample(batch.seam[:, 2:4], down)[:, :, None].unbind(1)
    below = _lit(below, gloss, pose.motion)
    device = still.device
    lit: FloatArray = (pose.gap / LIT_GAP).clip(0, 1)
    light: FloatArray = 1 - (1 - lit) ** 2 * np.array(DIM, np.float32)  # [B, 3]
    light = light * (1 - np.array(ROUND_SHADE, np.float32) * _rounding(pose.motion))
    within = _inside(batch, pose, still).mul_(_per_patch(device, light))
    within.addcmul_(within, shade, value=-UNDER_LIP)
    strayed: FloatArray = np.minimum(pose.strayed / STRAYED, 1)
    # The photo's own pixels show as long as lips and tongue are as they were.
    own_share: FloatArray = 1 - column(pose.motion, "tongueOut") / TONGUE_UP
    own_share = (1 - strayed) * own_share.clip(0)
    if own_share.any():
        # The mask fades slowly into the lower lip; at rest all of it counts.
        sharp = _per_patch(device, np.float32(20) - 19 * strayed)
        own = sample(batch.seam[:, 4:], batch.seam_of(still)) * sharp
        here = sample(batch.person[:, :3], still)
        share = own.clamp(max=1) * _per_patch(device, own_share)
        within = torch.lerp(within, here, share)
    if not alone:  # all of what is inside is the person's
        within = torch.cat([within, torch.zeros_like(shade)], 1)
    drawn = torch.lerp(torch.lerp(within, below, in_lower), above, in_upper)
    if alone:
        return drawn
    return laid_over(drawn, cut(batch.backdrop, first[:, None], *size))


def _bared(pose: Pose, batch: Prepared) -> FloatArray:
    """How much lower the edge of the lower lip lies than its mask has it, [B, 1] of the
    seam's places: lips that part do not need the rim that the mask takes from the other
    one, and it has that one's colour."""
    parted = np.minimum(pose.gap, pose.strayed)
    rim = np.float32(2 * RIM_PX / (batch.seam.shape[-2] - 1))
    bared: FloatArray = (parted / BARED).clip(0, 1) * rim
    return bared


def _halves(patch: Tensor) -> tuple[Tensor, Tensor]:
    """The upper and the lower half of [B, C, 2 h, w]."""
    rows = patch.shape[2] // 2
    return patch[:, :, :rows], patch[:, :, rows:]


def _per_patch(device: torch.device, values: FloatArray) -> Tensor:
    """[B, C] for all pixels of a patch."""
    return on(device, values[..., None, None])


def _lit(lip: Tensor, gloss: Tensor, motion: FloatArray) -> Tensor:
    """The lower lip [B, 4, h, w] as rounding pushes it forward, into the light; or
    [B, 3, h, w], without a background's share."""
    rounding = _rounding(motion)
    if not rounding.any():
        return lip
    light = _per_patch(lip.device, GLOSS * rounding) * gloss
    colour, share = lip[:, :3], lip[:, 3:]
    # Halfway to white at the most, which never leaves the photo's range.
    white = 255 * (1 - share) if share.shape[1] else 255
    lit = colour + light * torch.minimum(colour, (white - colour).clamp_min(0) * 0.5)
    return torch.cat([lit, share], 1)


def _rounding(motion: FloatArray) -> FloatArray:
    """How far the lips are pushed forward: [B, 1], 0 to 1."""
    rounding = column(motion, "mouthPucker") + 0.6 * column(motion, "mouthFunnel")
    return np.minimum(rounding, 1)


def _inside(batch: Prepared, pose: Pose, still: Tensor) -> Tensor:
    """Painted cavity, tongue and teeth: RGB [B, 3, h, w]."""
    across, down, origin = batch.to_layer[..., None, None].unbind(2)
    places = torch.addcmul(origin, still[:, :1], across)
    places = torch.addcmul(places, still[:, 1:], down)
    travel = jaw_travel(pose.motion)
    aside = 0.08 * (column(pose.motion, "jawLeft") - column(pose.motion, "jawRight"))
    # Lips that open wider than the jaw still bare only the tips of the lower teeth, and
    # the tongue rises where they open less wide.
    low, high = (share * pose.gap for share in FLOOR_OF_GAP)
    below = (LOWER_TEETH_FOLLOW * travel).clip(low, high)
    held = sample(batch.fixed, places)
    colour, upper = held[:, :3], held[:, 3:]
    tilt = floor_tilt(pose.gap)
    tilted = np.concatenate([np.ones_like(tilt), tilt], 1)
    moved = LAYER_MIDDLE + LAYER_SCALE * np.concatenate([aside, below], 1)
    origin = _per_patch(still.device, LAYER_MIDDLE - moved * tilted)
    with_jaw = torch.addcmul(origin, places, _per_patch(still.device, tilted))
    lower = sample(batch.lower, with_jaw)
    floor_light = np.interp(pose.gap, FLOOR_GAPS, FLOOR_LIGHT).astype(np.float32)
    lit = lower[:, :3] * _per_patch(still.device, floor_light)
    colour = torch.addcmul(lit, 1 - lower[:, 3:], colour)
    out = column(pose.motion, "tongueOut")
    if not out.any():
        return torch.addcmul(upper[:, :3], 1 - upper[:, 3:], colour)
    # The tip rises towards the upper teeth, never above the lower lip's reach.
    low = np.maximum(1 - out / TONGUE_UP, 0)
    tip_down = TONGUE_FOLLOW * travel + TONGUE_HIDDEN * low - 0.022 * out
    moved = LAYER_SCALE * np.concatenate([0.5 * aside, tip_down], 1)
    tip = sample(batch.tongue, places - _per_patch(still.device, moved))
    tip = tip * _per_patch(still.device, np.minimum(out * 3, 1))
    # All the way out it lies on the edge of the upper teeth, else behind them.
    is_before = ((out - BEFORE_TEETH) / (1 - BEFORE_TEETH)).clip(0, 1)
    before = tip * _per_patch(still.device, is_before)
    colour = torch.addcmul(tip[:, :3], 1 - tip[:, 3:], colour)
    colour = torch.addcmul(upper[:, :3], 1 - upper[:, 3:], colour)
    return torch.addcmul(before[:, :3], 1 - before[:, 3:], colour)
