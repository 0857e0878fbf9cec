"""The eyes of a frame: lids over eyeballs."""

from dataclasses import dataclass

import torch
from torch import Tensor

from models.eyes import BELOW, MEETING, EyeMotion, eye_motion, lid_height
from models.prepared import Prepared
from models.sampling import Maps, cut, paste, patch_spots, rounded, sample

UNDER_LOWER = 0.18  # of the opening: rim of the eyeball a closed lid must cover
CLOSING = 0.25  # of a blink, from where the lid begins to look as it does closed
FLAT = 0.10  # of the skin next to a lid moves with it unstretched: lashes stay thin
GAZE_REACH = 1.75  # iris radii beyond the iris over which the white gives way


@dataclass(frozen=True, eq=False)
class _Eyes:
    """Both eyes, one above the other: constants per row of pixels, [B, .., 2h, 1]."""

    centre: Tensor  # [B, 2, 2h, 1] px
    along: Tensor  # [B, 2, 2h, 1] px per half eye width
    across: Tensor
    lids: tuple[Tensor, Tensor]  # [B, 2h, 1, 3]
    skin: Tensor  # [B, 2h, 1]
    iris: Tensor  # [B, 3, 2h, 1]
    upper: Tensor  # [B, 2h, 1]
    lower: Tensor
    gaze: Tensor  # [B, 2, 2h, 1]


def render_eyes(frames: Tensor, batch: Prepared, maps: Maps, motion: Tensor) -> None:
    """Draws both eyes into frames, uint8 [B, H, W, 3]."""
    rows, columns = batch.patches.amax(0).tolist()
    firsts = [
        maps.patch(batch.eye_frame[:, eye, :2], batch.eye_corner[:, eye], rows, columns)
        for eye in (0, 1)
    ]
    spots = torch.cat([patch_spots(first, rows, columns) for first in firsts], 2)
    eyes = _rows_of(batch, eye_motion(motion), rows)
    behind = torch.cat(
        [cut(batch.background, first, rows, columns) for first in firsts], 2
    )
    both = rounded(_drawn(batch, maps, spots, behind, eyes))
    for eye, first in enumerate(firsts):
        patch = both[:, eye * rows : (eye + 1) * rows]
        past = first + first.new_tensor([columns, rows])
        paste(frames, first, patch, torch.cat([first, past], 1))


def _rows_of(batch: Prepared, moves: EyeMotion, rows: int) -> _Eyes:
    def per_row(values: Tensor) -> Tensor:  # [B, 2 eyes, n] -> [B, n, 2h, 1]
        return values.repeat_interleave(rows, 1).transpose(1, 2)[..., None]

    frame = per_row(batch.eye_frame)
    lids = batch.eye_lids.repeat_interleave(rows, 1)[:, :, :, None]  # [B, 2h, 2, 1, 3]
    travel = per_row(torch.stack([moves.upper, moves.lower], -1))
    return _Eyes(
        centre=frame[:, :2],
        along=frame[:, 2:4],
        across=frame[:, 4:],
        lids=(lids[:, :, 0], lids[:, :, 1]),
        skin=per_row(batch.eye_skin[..., None])[:, 0],
        iris=per_row(batch.eye_iris),
        upper=travel[:, 0],
        lower=travel[:, 1],
        gaze=per_row(torch.stack([moves.side, moves.down], -1)),
    )


def _drawn(
    batch: Prepared, maps: Maps, spots: Tensor, behind: Tensor, eyes: _Eyes
) -> Tensor:
    still = maps.still_spots(spots)
    photo = still + maps.in_box(maps.face[:, :2], still)
    away = photo - eyes.centre
    unit = eyes.along.square().sum(1).reciprocal()  # both axes are as long
    s = (away * eyes.along).sum(1) * unit
    t = (away * eyes.across).sum(1) * unit
    lids = _lids(eyes, s, t, unit.sqrt())
    skin = sample(batch.person, photo - lids.travel[:, None] * eyes.across)
    outside = torch.addcmul(skin[:, :3], 1 - skin[:, 3:], behind)
    closed = sample(batch.closed_eyes, photo)
    share = _ease(((eyes.upper - CLOSING) / (1 - CLOSING)).clamp(0, 1))
    share = closed[:, 3:] * share[:, None]
    outside = torch.lerp(outside, closed[:, :3], share)
    ball = sample(batch.eyeballs, photo - _gazed(eyes, s, t))
    return torch.lerp(outside, ball, lids.opening[:, None])


@dataclass(frozen=True, eq=False)
class _Lids:
    """Per pixel [B, 2h, w]: how far the skin of its lid has come down (up is
    negative), how open the eye is."""

    travel: Tensor
    opening: Tensor


def _lids(eyes: _Eyes, s: Tensor, t: Tensor, pixel: Tensor) -> _Lids:
    top, bottom = lid_height(eyes.lids[0], s), lid_height(eyes.lids[1], s)
    open_by = bottom - top
    meeting = bottom - MEETING * open_by
    down = (meeting - top) * eyes.upper
    up = (meeting - bottom) * eyes.lower
    upper, lower = top + down, bottom + up
    # Skin comes from a little beyond the lid's edge, as landmarks lie inside it.
    hidden = UNDER_LOWER * open_by * eyes.lower.clamp_min(0)
    room = eyes.skin + down.clamp_min(0)
    fade_up = _fade(((upper - t) / room - FLAT) / (1 - FLAT))
    fade_down = _fade(((t - lower) / BELOW - FLAT) / (1 - FLAT))
    opening = ((t - upper) / pixel + 0.5).clamp(0, 1)
    opening = opening * ((lower - t) / pixel + 0.5).clamp(0, 1)
    # Lids that nearly touch show nothing between them, only the line of lashes.
    touching = (((lower - upper) / pixel - 0.3) / 1.2).clamp(0, 1)
    in_upper = t < (upper + lower) / 2
    return _Lids(
        travel=torch.where(in_upper, down * fade_up, (up - hidden) * fade_down),
        opening=opening * touching,
    )


def _ease(x: Tensor) -> Tensor:
    return x * x * (3 - 2 * x)


def _fade(away: Tensor) -> Tensor:
    """1 at the lid, 0 from where the skin holds still, smooth between."""
    x = 1 - away.clamp(0, 1)
    return x * x * (3 - 2 * x)


def _gazed(eyes: _Eyes, s: Tensor, t: Tensor) -> Tensor:
    """How far each pixel of the eyeball has come, px; the corners do not move."""
    # Measured from where the iris is going, so that it keeps its shape.
    centre = eyes.iris[:, :2] + eyes.gaze
    radius = eyes.iris[:, 2].clamp_min(1e-3)
    away = torch.hypot(s - centre[:, 0], t - centre[:, 1]) / radius
    share = _fade((away - 1.05) / GAZE_REACH)
    travel = eyes.gaze[:, :1] * eyes.along + eyes.gaze[:, 1:] * eyes.across
    return travel * share[:, None]
