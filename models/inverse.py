"""The way back: displacements that say where a node comes from.

Fields are [N, 2, h, w] on a grid's own scale, on which it spans -1 to 1. A field u
moves what is at y to y + u(y); its way back is d with d(y) = -u(y + d(y)).
"""

from functools import lru_cache

import torch
from torch import Tensor

from models.sampling import in_ram, nodes_of, sample

FIXED_POINT_STEPS = 4
NEWTON_STEPS = 6  # at most; speech takes two or three. Leaves under 0.1 px of 512
LONGEST = 0.08  # step of the inversion
SETTLED = 0.004  # a field whose last step was shorter has settled: 0.6 px of 512
LEAST_AREA = 0.10  # that a part of the skin may shrink to
FLATTEST = 0.25  # the least shrinking that the inversion takes at its word


def inverse(forward: Tensor) -> Tensor:
    """By fixed-point steps: enough for a head, which turns gently."""
    nodes = nodes_of(*forward.shape[-2:], forward.device)
    back = against = -forward
    for _ in range(FIXED_POINT_STEPS):
        back = sample(against, nodes + back)
    return back


def inverse_sheared(forward: Tensor, grid_rows: int) -> Tensor:
    """The same for the two fields of each frame, upper and lower layer in turn, by
    Newton's method, and of fields that do not fold.

    grid_rows: of the whole grid, on whose scale ways are, also where forward is some of
    its rows, beyond which nothing moves.

    A mouth that opens wide shears the skin at its corners too much for fixed-point
    steps, which diverge there. A step is bounded, so that a poor start cannot leave
    the neighbourhood. Fields that have settled stay as they are, whatever others in
    the batch still need.
    """
    nodes, scale = _places(*forward.shape[-2:], grid_rows, forward.device)
    field = _with_newton(forward, grid_rows)
    step = _step(field[:, :2], field)
    back = -step
    for _ in range(NEWTON_STEPS):
        longest = step.abs().amax((1, 2, 3), keepdim=True)
        if in_ram(forward) and float(longest.amax()) <= SETTLED:
            break
        there = sample(field, torch.addcmul(nodes, back, scale))
        step = _step(back + there[:, :2], there).mul_(longest > SETTLED)
        back.sub_(step)
    return back


def _step(error: Tensor, there: Tensor) -> Tensor:
    """Newton's step: the error by the inverse of the Jacobian."""
    step = torch.addcmul(error[:, :1] * there[:, 3::2], error[:, 1:], there[:, 2::2])
    return step.clamp_(-LONGEST, LONGEST)


@lru_cache(maxsize=128)
def _places(
    rows: int, columns: int, grid_rows: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Of some rows of a grid: places of their nodes among themselves, and what makes
    ways on the grid's scale ways on theirs, [2, 1, 1]."""
    scale = torch.tensor([1.0, (grid_rows - 1) / (rows - 1)], device=device)
    return nodes_of(rows, columns, device), scale[:, None, None]


def _with_newton(forward: Tensor, grid_rows: int) -> Tensor:
    """A field that does not fold, and the inverse of the Jacobian of y + u(y), its
    second and its first column in turn: [N, 6, h, w]."""
    height, width = forward.shape[-2:]
    field = forward.new_zeros((forward.shape[0], 6, height, width))
    field[:, :2] = forward
    _adjugate_into(field[:, 2:], forward, grid_rows)
    area = _area(field[:, 2:])
    if not in_ram(forward) or float(area.amin()) < LEAST_AREA:
        field = torch.lerp(_nowhere(forward.device), field, _weakening(area))
        area = _area(field[:, 2:])
    field[:, 2:].mul_(area.clamp_min_(FLATTEST).reciprocal_())
    return field


def _adjugate_into(adjugate: Tensor, forward: Tensor, grid_rows: int) -> None:
    """Of the Jacobian of y + u(y), as _with_newton, over zeros: [N, 4, h, w].

    Differences are taken along the whole field, row after row: over the ends of rows
    too, where nothing moves.
    """
    height, width = forward.shape[-2:]
    u, steps = forward.flatten(2), adjugate.flatten(2)
    inner = steps[:, :, width:-width]
    torch.sub(u[..., 2 * width :], u[..., : -2 * width], out=inner[:, :2])
    torch.sub(
        u[..., width + 1 : 1 - width], u[..., width - 1 : -width - 1], out=inner[:, 2:]
    )
    at_rest, per_step = _to_adjugate(grid_rows, width, u.device)
    steps.mul_(per_step).add_(at_rest)  # thrice as fast as in one step


@lru_cache(maxsize=8)
def _to_adjugate(
    height: int, width: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """An adjugate without displacement, and what differences over two nodes of x and y,
    down and then across, add to it: [4, 1] each. The grid's side is 2."""
    down, across = (height - 1) / 4, (width - 1) / 4
    at_rest = torch.tensor([0.0, 1.0, 1.0, 0.0], device=device)
    per_step = torch.tensor([-down, down, across, -across], device=device)
    return at_rest[:, None], per_step[:, None]


@lru_cache(maxsize=8)
def _nowhere(device: torch.device) -> Tensor:
    """The field of no displacement, and its adjugate."""
    return torch.tensor([0.0, 0.0, 0.0, 1.0, 1.0, 0.0], device=device)[:, None, None]


def _area(adjugate: Tensor) -> Tensor:
    """How large a map leaves a small square, 0 or less where it folds: [N, 1, h, w]."""
    area = adjugate[:, 1:2] * adjugate[:, 2:3]
    return torch.addcmul(area, adjugate[:, :1], adjugate[:, 3:], value=-1)


def _weakening(area: Tensor) -> Tensor:
    """How much weaker a frame's two fields must be so that they do not fold skin over
    itself: [N, 1, 1, 1]. No motion of a face asks for that, but numbers may."""
    least = area.reshape(len(area) // 2, -1).amin(1)
    # Along the axis that collapses, the area falls linearly with the field.
    share = ((1 - LEAST_AREA) / (1 - least)).clamp(0, 1)
    return share.repeat_interleave(2)[:, None, None, None]
