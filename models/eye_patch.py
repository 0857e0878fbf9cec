"""The eyes of a frame: lids over eyeballs."""

import torch
from torch import Tensor

from models.eyes import BELOW, MEETING, EyeMotion, eye_motion, lid_height
from models.prepared import Prepared
from models.sampling import Maps, paste, patch_spots, rounded, sample, times

FLAT = 0.10  # of the skin next to a lid moves with it unstretched: lashes stay thin
GAZE_REACH = 1.75  # iris radii beyond the iris over which the white gives way


def render_eyes(frames: Tensor, batch: Prepared, maps: Maps, motion: Tensor) -> None:
    """Draws both eyes into frames, uint8 [B, H, W, 3]."""
    rows, columns = batch.patches[:, 2:].amax(0).tolist()
    moves = eye_motion(motion)
    for eye in (0, 1):
        frame = batch.eye_frame[:, eye]
        first = maps.patch(frame[:, :2], batch.eye_corner[:, eye], rows, columns)
        spots = patch_spots(first, rows, columns)
        colours = _one_eye(batch, maps, spots, moves, eye)
        paste(frames, first, rounded(colours))


def _one_eye(
    batch: Prepared, maps: Maps, spots: Tensor, moves: EyeMotion, eye: int
) -> Tensor:
    frame = batch.eye_frame[:, eye]
    centre = frame[:, :2, None, None]
    axes = frame[:, 2:].unflatten(1, (2, 2))  # rows along, across
    still = maps.still_spots(spots)
    photo = still + maps.in_box(maps.face[:, :2], still)
    local = times(photo - centre, _inverse(axes))
    s, t = local[:, 0], local[:, 1]
    shift, opening = _lids(batch, moves, eye, s, t)
    skin_spots = photo - shift[:, None] * axes[:, 1, :, None, None]
    skin = sample(batch.person, skin_spots)
    behind = sample(batch.background, spots)
    outside = skin[:, :3] + (1 - skin[:, 3:]) * behind
    ball = sample(batch.eyeballs, _gazed(batch, moves, eye, photo, s, t, axes))
    return torch.lerp(outside, ball, opening[:, None])


def _lids(
    batch: Prepared, moves: EyeMotion, eye: int, s: Tensor, t: Tensor
) -> tuple[Tensor, Tensor]:
    """How far down the skin at (s, t) has come, and how open the eye is there."""
    lids = batch.eye_lids[:, eye, :, None, None]  # [B, 2, 1, 1, 3]
    top, bottom = lid_height(lids[:, 0], s), lid_height(lids[:, 1], s)
    meeting = bottom - MEETING * (bottom - top)
    down = (meeting - top) * moves.upper[:, eye, None, None]
    up = (meeting - bottom) * moves.lower[:, eye, None, None]
    upper, lower = top + down, bottom + up
    room = batch.eye_skin[:, eye, None, None] + down.clamp_min(0)
    from_upper = ((upper - t) / room - FLAT) / (1 - FLAT)
    from_lower = ((t - lower) / BELOW - FLAT) / (1 - FLAT)
    shift = torch.where(
        t < (upper + lower) / 2, down * _fade(from_upper), up * _fade(from_lower)
    )
    pixel = batch.eye_frame[:, eye, 2:4].norm(dim=1).reciprocal()[:, None, None]
    gap = lower - upper
    opening = ((t - upper) / pixel + 0.5).clamp(0, 1) * (
        (lower - t) / pixel + 0.5
    ).clamp(0, 1)
    # Lids that nearly touch show nothing between them, only the line of lashes.
    return shift, opening * ((gap / pixel - 0.3) / 1.2).clamp(0, 1)


def _inverse(axes: Tensor) -> Tensor:
    """Of [B, 2, 2] whose rows are at right angles and as long as each other."""
    return axes.transpose(1, 2) / axes[:, :1].square().sum(-1, keepdim=True)


def _fade(away: Tensor) -> Tensor:
    """1 at the lid, 0 from where the skin holds still, smooth between."""
    x = 1 - away.clamp(0, 1)
    return x * x * (3 - 2 * x)


def _gazed(
    batch: Prepared,
    moves: EyeMotion,
    eye: int,
    photo: Tensor,
    s: Tensor,
    t: Tensor,
    axes: Tensor,
) -> Tensor:
    """Where the eyeball is looked up: the iris moves, the corners do not."""
    iris = batch.eye_iris[:, eye, :, None, None]
    gaze = torch.stack([moves.side[:, eye], moves.down[:, eye]], 1)[..., None, None]
    # Measured from where the iris is going, so that it keeps its shape.
    centre_s, centre_t = iris[:, 0] + gaze[:, 0], iris[:, 1] + gaze[:, 1]
    radius = iris[:, 2].clamp_min(1e-3)
    away = torch.hypot(s - centre_s, t - centre_t) / radius
    share = _fade((away - 1.05) / GAZE_REACH)
    return photo - times(gaze, axes) * share[:, None]
