"""The mouth of a frame: both lips along their seam, and what lies between them."""

import numpy as np
import torch
from torch import Tensor

from models.lips import column, jaw_travel
from models.media import FloatArray
from models.mouth import LAYER_MIDDLE, LAYER_SCALE, floor_tilt
from models.pose import Pose, PoseRig
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
# The light that is left in a small gap, all off the lips; IOD of a lit one.
DIM, LIT_GAP = 0.37, 0.15
# How light the mouth's floor is at gaps, IOD: what lies deep needs a wide one.
FLOOR_GAPS = (0.04, 0.10, 0.16, 0.26, 0.42)
FLOOR_LIGHT = (0.45, 0.68, 0.90, 1.20, 1.8)
ROUND_SHADE = 0.34  # the same as DIM, of rounded lips, which stand out
GLOSS = 0.30  # how much lighter the middle of a rounded lower lip is
RIM_PX = 0.8  # by which the mask of the lower lip is too high for open lips
BARED = 0.022  # IOD that lips must part for all of that to show
PARTED = 0.10  # IOD, of lips that are no longer pressed together
# The light that is left right under the upper lip, in a small gap off the lips. (Teeth
# that are red in wide ones look like lips, to landmarks too.)
UNDER_LIP = 0.52


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
    margin = MARGIN * batch.rig.widths[:, None]
    sides = [inner.min(1) - margin, inner.max(1) + (margin + 2)]
    # A point that leaves the picture still has one pixel.
    most = np.array([maps.width - 1, maps.height - 1, maps.width, maps.height])
    within = np.minimum(np.maximum(np.concatenate(sides, 1), (0, 0, 1, 1)), most)
    return within.astype(np.int64)


def _drawn(
    batch: Prepared,
    maps: Maps,
    pose: Pose,
    first: Corners,
    size: tuple[int, int],
) -> Tensor:
    """Patches [B, 3, *size] with their top left pixels at first [B, 2]."""
    still = maps.still(patch_places(first[:, None], *size, maps))
    back = maps.in_box(maps.face, still).reshape(-1, 2, 2, *size)
    both = back.add_(still[:, :, None]).flatten(2, 3)  # one layer below the other
    alone = batch.rig.mouth_alone
    person = batch.person[:, :3] if alone else batch.person
    above, below = _halves(sample(person, both))
    up, down = _halves(batch.seam_of(both))
    in_upper, shade = sample(batch.seam[:, :2], up)[:, :, None].unbind(1)
    down[:, 1:].sub_(_per_patch(down.device, _bared(pose, batch)))
    in_lower, gloss = sample(batch.seam[:, 2:4], down)[:, :, None].unbind(1)
    rounding = _rounding(pose.motion)
    if rounding.any():
        below = _lit(below, gloss, rounding)
    strayed = _share(pose.strayed, STRAYED)
    if batch.rig.any_hidden_lip:
        hidden = batch.rig.hidden_lip[:, 3:] * strayed
        hidden = hidden * (1 - _share(pose.gap, PARTED))
        above = _let_through(above, shade, batch.rig.hidden_lip, hidden)
    device = still.device
    unlit = 1 - _share(pose.gap, LIT_GAP)
    thrown = batch.rig.thrown_back
    light = 1 - unlit * unlit * (1 - DIM * thrown)  # [B, 3]
    light *= 1 - rounding * (1 - ROUND_SHADE * thrown)
    within = _inside(batch, pose, still).mul_(_per_patch(device, light))
    under = UNDER_LIP * (1 + unlit * (thrown - 1)) - 1
    within.addcmul_(within, shade * _per_patch(device, under))
    # The photo's own pixels show as long as lips and tongue are as they were.
    out = column(pose.motion, "tongueOut")
    own_share = (1 - strayed) * (1 - _share(out, TONGUE_UP))
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
    rim = 2 * RIM_PX / (batch.seam.shape[-2] - 1)
    return rim * _share(np.minimum(pose.gap, pose.strayed), BARED)


def _share(values: FloatArray, whole: float) -> FloatArray:
    """Of a whole, 0 to 1."""
    share: FloatArray = np.minimum(np.maximum(values / np.float32(whole), 0), 1)
    return share


def _halves(patch: Tensor) -> tuple[Tensor, Tensor]:
    """The upper and the lower half of [B, C, 2 h, w]."""
    rows = patch.shape[2] // 2
    return patch[:, :, :rows], patch[:, :, rows:]


def _per_patch(device: torch.device, values: FloatArray) -> Tensor:
    """[B, C] for all pixels of a patch."""
    return on(device, values[..., None, None])


def _lit(lip: Tensor, gloss: Tensor, rounding: FloatArray) -> Tensor:
    """The lower lip [B, 4, h, w] as rounding pushes it forward, into the light; or
    [B, 3, h, w], without a background's share."""
    light = _per_patch(lip.device, GLOSS * rounding) * gloss
    colour, share = lip[:, :3], lip[:, 3:]
    # Halfway to white at the most, which never leaves the photo's range.
    white = 255 * (1 - share) if share.shape[1] else 255
    lit = colour + light * torch.minimum(colour, (white - colour).clamp_min(0) * 0.5)
    return torch.cat([lit, share], 1)


def _let_through(
    lip: Tensor, edge: Tensor, hidden: FloatArray, share: FloatArray
) -> Tensor:
    """The upper lip [B, 3 or 4, h, w] with a share [B, 1] of the colour that the photo
    hides along its edge, [B, 1, h, w]."""
    colour = _per_patch(lip.device, hidden[:, :3])
    shown = torch.lerp(lip[:, :3], colour, edge * _per_patch(lip.device, share))
    return torch.cat([shown, lip[:, 3:]], 1)


def _rounding(motion: FloatArray) -> FloatArray:
    """How far the lips are pushed forward: [B, 1], 0 to 1."""
    rounding = column(motion, "mouthPucker") + 0.6 * column(motion, "mouthFunnel")
    return np.minimum(rounding, 1)


def _inside(batch: Prepared, pose: Pose, still: Tensor) -> Tensor:
    """Painted cavity, tongue and teeth: RGB [B, 3, h, w]."""
    held, with_jaw = _in_layers(batch.rig, pose, still)
    fixed = sample(batch.fixed, held)
    cavity, upper = fixed[:, :3], fixed[:, 3:]
    lower = sample(batch.lower, with_jaw)
    floor_light = np.interp(pose.gap, FLOOR_GAPS, FLOOR_LIGHT).astype(np.float32)
    lower[:, :3].mul_(_per_patch(still.device, floor_light))
    colour = laid_over(lower, cavity)
    out = column(pose.motion, "tongueOut")
    if not out.any():
        return laid_over(upper, colour)
    # The tip rises towards the upper teeth, never above the lower lip's reach.
    low = 1 - _share(out, TONGUE_UP)
    tip_down = TONGUE_FOLLOW * jaw_travel(pose.motion) + TONGUE_HIDDEN * low
    moved = np.concatenate([0.5 * _aside(pose.motion), tip_down - 0.022 * out], 1)
    tip = sample(batch.tongue, held - _per_patch(still.device, LAYER_SCALE * moved))
    # All the way out it lies on the edge of the upper teeth, else behind them.
    shown = np.minimum(out * 3, 1)
    before = shown * _share(out - BEFORE_TEETH, 1 - BEFORE_TEETH)
    colour = laid_over(upper, _with_tip(colour, tip, shown))
    return _with_tip(colour, tip, before)


def _with_tip(colour: Tensor, tip: Tensor, shown: FloatArray) -> Tensor:
    """Colours with the tongue's tip [B, 4, h, w] over them, as far as it is shown."""
    covered = torch.addcmul(tip[:, :3], tip[:, 3:], colour)
    return torch.lerp(colour, covered, _per_patch(tip.device, shown))


def _in_layers(rig: PoseRig, pose: Pose, still: Tensor) -> tuple[Tensor, Tensor]:
    """Places of the picture [B, 2, h, w] in the layers of what the head holds, and of
    what goes with the jaw."""
    # Lips that open wider than the jaw still bare only the tips of the lower teeth, and
    # the tongue rises where they open less wide.
    low, high = (share * pose.gap for share in FLOOR_OF_GAP)
    travel = LOWER_TEETH_FOLLOW * jaw_travel(pose.motion)
    below = np.minimum(np.maximum(travel, low), high)
    moved = LAYER_SCALE * np.concatenate([_aside(pose.motion), below], 1)
    affine = np.empty((len(moved), 4, 3), np.float32)
    affine[:, :2] = affine[:, 2:] = rig.to_layer
    affine[:, 2:, 2] -= LAYER_MIDDLE + moved
    affine[:, 3] *= floor_tilt(pose.gap)
    affine[:, 2:, 2] += LAYER_MIDDLE
    matrix = on(still.device, np.ascontiguousarray(affine[..., :2]))
    found = torch.bmm(matrix, still.flatten(2)).add_(on(still.device, affine[..., 2:]))
    held, with_jaw = found.reshape(-1, 2, *still.shape[1:]).unbind(1)
    return held, with_jaw


def _aside(motion: FloatArray) -> FloatArray:
    """How far the jaw goes aside, IOD: [B, 1]."""
    return 0.08 * (column(motion, "jawLeft") - column(motion, "jawRight"))
