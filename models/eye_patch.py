"""The eyes of a frame: lids over eyeballs.

Both eyes are drawn as one patch, one above the other. Values per pixel are
[B, 2 eyes, pixels], or [B, 2 eyes, 2 lids, pixels].
"""

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from models.eyes import BELOW, MEETING, EyeMotion, eye_motion, lid_height
from models.prepared import Prepared
from models.sampling import Maps, cut, cut_off, laid_over, paste, patch_places, sample

UNDER_LOWER = 0.18  # of the opening: rim of the eyeball a closed lid must cover
CLOSING = 0.45  # of a blink, from where the lid begins to look as it does closed
FLAT = 0.10  # of the skin next to a lid moves with it unstretched: lashes stay thin
GAZE_REACH = 1.75  # iris radii beyond the iris over which the white gives way


def render_eyes(frames: Tensor, batch: Prepared, maps: Maps, motion: Tensor) -> None:
    """Draws both eyes into frames, uint8 [B, H, W, 3]."""
    rows, columns = batch.patches.amax(0).tolist()
    first = _corners(batch, maps, rows, columns)
    places = maps.still(patch_places(first, rows, columns, maps))
    photo = places + maps.in_box(maps.face[:, :2], places)
    behind = None
    if not bool(batch.within[:, 0].all()):
        behind = cut(batch.background, first, rows, columns, maps)
    both = cut_off(_drawn(batch, photo, behind, eye_motion(motion)))
    past = first + first.new_tensor([columns, rows])
    within = torch.cat([first, past], 2)
    for eye in (0, 1):
        patch = both[:, eye * rows : (eye + 1) * rows]
        paste(frames, first[:, eye], patch, within[:, eye])


def _corners(batch: Prepared, maps: Maps, rows: int, columns: int) -> Tensor:
    """Top left pixels of both eyes' patches, which follow the head: [B, 2 eyes, 2]."""
    seen = maps.seen(batch.eye_place.transpose(1, 2)[..., None])  # [B, 2, 2 eyes, 1]
    first = maps.pixels(seen[..., 0].transpose(1, 2)) + batch.eye_corner
    limit = first.new_tensor([maps.width - columns, maps.height - rows])
    return torch.minimum(first.round().clamp_min(0), limit).to(torch.int64)


def _drawn(
    batch: Prepared, photo: Tensor, behind: Tensor | None, moves: EyeMotion
) -> Tensor:
    """photo: [B, 2, 2 rows, columns] places. Returns [B, 3, 2 rows, columns]."""
    shape = photo.shape
    by_eye = photo.reshape(shape[0], 2, 2, -1)  # x and y, eyes, pixels
    s, t = _along_and_across(batch, by_eye)
    lids = _lids(batch, moves, s, t)

    def shifted(axis: Tensor, travel: Tensor) -> Tensor:
        """Places without their travel [B, 2, pixels] along an axis [B, 2 eyes, 2]."""
        way = axis.transpose(1, 2)[..., None]
        return torch.addcmul(by_eye, way, travel[:, None], value=-1).reshape(shape)

    skin = sample(batch.person, shifted(batch.eye_axes[:, :, 1], lids.travel))
    outside = laid_over(skin, behind)
    share = _ease(((moves.upper - CLOSING) / (1 - CLOSING)).clamp(0, 1))
    if photo.device.type != "cpu" or bool(share.any()):
        closed = sample(batch.closed_eyes, photo)
        share = share.repeat_interleave(shape[2] // 2, 1)[:, None, :, None]
        outside = torch.lerp(outside, closed[:, :3], closed[:, 3:] * share)
    gaze = torch.stack([moves.side, moves.down], -1)  # [B, 2 eyes, 2]
    way = (gaze[:, :, None] @ batch.eye_axes)[:, :, 0]
    ball = sample(batch.eyeballs, shifted(way, _gazed(batch, gaze, s, t)))
    opening = lids.opening.reshape(shape[0], 1, *shape[2:])
    return torch.lerp(outside, ball, opening)


def _along_and_across(batch: Prepared, places: Tensor) -> list[Tensor]:
    """Places [B, 2, 2 eyes, pixels] from each eye's middle, in half its width."""
    x, y = places.unbind(1)
    by_x, by_y, shift = batch.to_eye[..., None].unbind(3)  # [B, 2 eyes, 2, 1]
    return [
        torch.addcmul(
            torch.addcmul(shift[:, :, axis], x, by_x[:, :, axis]), y, by_y[:, :, axis]
        )
        for axis in (0, 1)
    ]


@dataclass(frozen=True, eq=False)
class _Lids:
    """Per pixel [B, 2 eyes, pixels]: how far the skin of its lid has come down (up is
    negative), how open the eye is."""

    travel: Tensor
    opening: Tensor


def _lids(batch: Prepared, moves: EyeMotion, s: Tensor, t: Tensor) -> _Lids:
    rest = lid_height(batch.eye_lids[..., None, :], s[:, :, None])
    open_by = (rest[:, :, 1] - rest[:, :, 0])[:, :, None]
    # Of the opening: the lids' edges, and the skin, which comes from a little beyond
    # the lower lid's edge, as landmarks lie inside it.
    down, up = (1 - MEETING) * moves.upper, -MEETING * moves.lower
    hidden = UNDER_LOWER * moves.lower.clamp_min(0)
    edges = torch.addcmul(rest, open_by, _pair(down, up))
    travel = open_by * _pair(down, up - hidden)
    away = (edges - t[:, :, None]) * _outwards(t.device)  # from each lid's edge
    upper, lower = away.unbind(2)
    pixel = batch.eye_pixel[:, :, None]
    seen = (0.5 - away / pixel[:, :, None]).clamp(0, 1)
    # Lids that nearly touch show nothing between them, only the line of lashes.
    touching = ((upper + lower) / (-1.2 * pixel) - 0.25).clamp(0, 1)
    in_upper = upper > lower
    room = batch.eye_skin[:, :, None] + travel[:, :, 0].clamp_min(0)
    room = torch.where(in_upper, room, BELOW)
    beyond = torch.maximum(upper, lower) / room
    share = _fade((beyond - FLAT) / (1 - FLAT))
    return _Lids(
        travel=torch.where(in_upper, travel[:, :, 0], travel[:, :, 1]) * share,
        opening=seen[:, :, 0] * seen[:, :, 1] * touching,
    )


def _pair(upper: Tensor, lower: Tensor) -> Tensor:
    return torch.stack([upper, lower], 2)[..., None]


@lru_cache(maxsize=8)
def _outwards(device: torch.device) -> Tensor:
    return torch.tensor([1.0, -1.0], device=device)[:, None]


def _ease(x: Tensor) -> Tensor:
    return x * x * (3 - 2 * x)


def _fade(away: Tensor) -> Tensor:
    """1 at the lid, 0 from where the skin holds still, smooth between."""
    return _ease(1 - away.clamp(0, 1))


def _gazed(batch: Prepared, gaze: Tensor, s: Tensor, t: Tensor) -> Tensor:
    """What share of the gaze each pixel of the eyeball goes; the corners stay."""
    # Measured from where the iris is going, so that it keeps its shape.
    centre = (batch.eye_iris[..., :2] + gaze)[..., None]
    radius = batch.eye_iris[..., 2:].clamp_min(1e-3)
    away = torch.hypot(s - centre[:, :, 0], t - centre[:, :, 1]) / radius
    return _fade((away - 1.05) / GAZE_REACH)
