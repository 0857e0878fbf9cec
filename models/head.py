"""Head and breath: a displacement of the whole person from landmark depth.

The head is a height field (depth from landmarks, falling back to the neck's axis at
the silhouette), turned about a pivot in the neck; a weight holds the shoulders still.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.interpolate import LinearNDInterpolator
from scipy.ndimage import distance_transform_edt, gaussian_filter
from torch import Tensor

from models.controls import smoothstep
from models.landmarks import CHIN
from models.lips import column
from models.media import FloatArray
from models.rig import HeadFrame

HEAD_GRID = 64  # nodes along each side of the picture
NECK_DEPTH = 0.75  # IOD behind the mouth's corners: the axis the head turns about
PIVOT_BELOW_MOUTH = 0.25  # IOD: near the jaw joint, natural on every portrait tried
# A height field that is held at the silhouette turns less than it is told to, as
# measured by landmarks on rendered frames: these make up for it.
YAW_GAIN, PITCH_GAIN = 1.40, 1.60
BREATH_IOD = 0.014  # shoulders' travel at breath 1


@dataclass(frozen=True, eq=False)
class HeadRig:
    """depth: [3, HEAD_GRID, HEAD_GRID]: depth in pixels from the pivot, weight of the
    head, weight of breath. pivot: [2] pixels. breath: [1] pixels."""

    depth: Tensor
    pivot: Tensor
    breath: Tensor


def build_head(landmarks: FloatArray, height: int, width: int) -> HeadRig:
    frame = HeadFrame.of(landmarks)
    columns = np.linspace(0, width - 1, HEAD_GRID)
    rows = np.linspace(0, height - 1, HEAD_GRID)
    nodes = np.stack(np.meshgrid(columns, rows), -1).astype(np.float32)
    pivot = frame.unflat(np.array([[0.0, PIVOT_BELOW_MOUTH]], np.float32))[0]
    neck = float(frame.origin[2]) + NECK_DEPTH * frame.iod
    depth = _depth(landmarks, nodes, frame.iod, neck) - neck
    weight, breath = _weights(frame, landmarks, nodes)
    return HeadRig(
        depth=torch.from_numpy(np.stack([depth, weight, breath]).astype(np.float32)),
        pivot=torch.from_numpy(pivot),
        breath=torch.tensor([BREATH_IOD * frame.iod]),
    )


def _depth(
    landmarks: FloatArray, nodes: FloatArray, iod: float, neck: float
) -> FloatArray:
    """Depth at nodes [G, G, 2]: pixels, away from the viewer positive."""
    face = landmarks[:468]
    inside = LinearNDInterpolator(face[:, :2], face[:, 2])(nodes)
    missing = np.isnan(inside)
    apart, nearest = distance_transform_edt(
        missing,
        sampling=(nodes[1, 0, 1] - nodes[0, 0, 1], nodes[0, 1, 0] - nodes[0, 0, 0]),
        return_indices=True,
    )
    edge = inside[tuple(nearest)]
    back = smoothstep(apart / iod, 0.0, 0.55)
    depth = edge + (neck - edge) * back
    step = nodes[0, 1, 0] - nodes[0, 0, 0]
    return np.asarray(gaussian_filter(depth, 0.09 * iod / step), np.float32)


def _weights(
    frame: HeadFrame, landmarks: FloatArray, nodes: FloatArray
) -> tuple[FloatArray, FloatArray]:
    spot = frame.flat(nodes.reshape(-1, 2))
    chin = float(frame.local(landmarks[[CHIN]])[0, 1])
    x, y = spot[:, 0], spot[:, 1]
    # The fall-off follows the jaw: it starts lower at the chin than beside it.
    along = y - 0.10 * smoothstep(np.abs(x), 0.7, 0.0)
    head = smoothstep(along, chin + 0.85, chin - 0.02)
    head = head * smoothstep(np.abs(x), 2.6, 1.5)
    breath = 0.35 + 0.65 * smoothstep(y, chin - 0.1, chin + 0.6)
    breath = breath * smoothstep(np.abs(x), 3.2, 2.2)
    shape = nodes.shape[:2]
    return head.reshape(shape), breath.reshape(shape)


def head_displacement(depth: Tensor, pivot: Tensor, breath: Tensor, nodes: Tensor,
                      motion: Tensor) -> Tensor:  # fmt: skip
    """Where each node of the picture goes: [B, 2, G, G] pixels.

    depth [B, 3, G, G], pivot [B, 2], breath [B, 1], nodes [2, G, G] pixels,
    motion [B, channels] bounded.
    """
    turn = _rotation(motion)
    flat = nodes[None] - pivot[:, :, None, None]
    body = torch.cat([flat, depth[:, :1]], 1)
    turned = torch.einsum("bij,bjhw->bihw", turn[:, :2], body)
    moved = (turned - flat) * depth[:, 1:2]
    lift = column(motion, "breath") * breath
    moved[:, 1] -= depth[:, 2] * lift[:, :, None]
    return moved


def _rotation(motion: Tensor) -> Tensor:
    """[B, 3, 3] in picture axes (right, down, away): yaw, then pitch, then roll."""
    yaw, pitch, roll = (
        torch.deg2rad(gain * column(motion, f"head_{name}")[:, 0])
        for name, gain in (("yaw", YAW_GAIN), ("pitch", PITCH_GAIN), ("roll", 1.0))
    )
    zero, one = torch.zeros_like(yaw), torch.ones_like(yaw)
    c, s = torch.cos(yaw), torch.sin(yaw)
    # The nose is near (z negative): positive yaw must move it to the right.
    about_down = torch.stack([c, zero, -s, zero, one, zero, s, zero, c], 1)
    c, s = torch.cos(pitch), torch.sin(pitch)
    about_right = torch.stack([one, zero, zero, zero, c, s, zero, -s, c], 1)
    c, s = torch.cos(roll), torch.sin(roll)
    about_away = torch.stack([c, -s, zero, s, c, zero, zero, zero, one], 1)
    turns = (t.reshape(-1, 3, 3) for t in (about_down, about_right, about_away))
    first, second, third = turns
    return torch.matmul(third, torch.matmul(second, first))
