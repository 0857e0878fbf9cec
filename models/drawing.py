"""The pixels of a region of frames: a person, looked up by a map, over what is behind.

Maps are composed on nodes NODE_PX apart and made finer in between, first along rows,
then in each band of rows.
"""

from functools import lru_cache

import torch
from torch import Tensor

from models.bands import NODE_PX, Columns, Rectangle, Ways, bands_of
from models.prepared import Prepared
from models.sampling import (
    Maps,
    cut_off_into,
    in_ram,
    interleaved,
    laid_over,
    sample,
    with_matte,
)


def draw(
    frames: Tensor, batch: Prepared, maps: Maps, mixed: Tensor, region: Rectangle
) -> None:
    """Draws a region of frames, uint8 [B, H, W, 3 or 4], which hold the background.

    mixed: [B, 2, h, w] the face's way back, each node by its own layer.
    """
    left, top = (side // NODE_PX * NODE_PX for side in region[:2])
    region = (left, top, *region[2:])
    nodes = _nodes_of(region, maps.height, maps.width, frames.device)
    still = maps.still(nodes.expand(len(frames), -1, -1, -1))
    places = still + maps.in_box(mixed, still)
    wide = _finer_columns(places)
    bands = [(region, [(left, region[2])])]
    if in_ram(frames):
        ways = places - nodes
        moving = _columns_of(ways, region) if maps.head is None else None
        bands = bands_of(batch.rig, len(frames), region, _ways(ways), moving)
    for (first, upper, past, lower), with_background in bands:
        near = slice((upper - top) // NODE_PX, -(-(lower - top) // NODE_PX) + 1)
        fine = _finer_rows(wide[:, :, near, first - left : past - left])
        band = (first, upper, past, lower)
        _draw_band(frames, batch, fine[:, :, : lower - upper], band, with_background)


def _draw_band(
    frames: Tensor,
    batch: Prepared,
    places: Tensor,
    band: Rectangle,
    with_background: list[Columns],
) -> None:
    """places: [B, 2, h, w] of the band."""
    first, upper, past, lower = band
    opaque = frames.shape[3] == 3
    alone = opaque and not with_background
    person = sample(batch.person[:, :3] if alone else batch.person, places)
    for start, end in with_background:
        behind = batch.backdrop[:, :3, upper:lower, start:end]
        laid_over(person[..., start - first : end - first], behind)
    colours = person[:, :3] if opaque else with_matte(person)
    cut_off_into(frames[:, upper:lower, first:past], colours)


def _columns_of(ways: Tensor, region: Rectangle) -> list[Columns]:
    """The pixels of a still head that move, from the first to the last, above or below
    each row of nodes: those between a node that moves and its neighbours."""
    left, _, right, _ = region
    moves = ways.abs().amax((0, 1)).numpy() > 0
    there = moves.any(1).tolist()
    firsts = moves.argmax(1).tolist()
    lasts = (moves.shape[1] - 1 - moves[:, ::-1].argmax(1)).tolist()
    return [
        (
            max(left + (first - 1) * NODE_PX, left),
            min(left + (last + 1) * NODE_PX, right),
        )
        if moving
        else (right, left)
        for moving, first, last in zip(there, firsts, lasts, strict=True)
    ]


def _ways(ways: Tensor) -> Ways:
    """The least and the largest way in each row of nodes, of all frames: x, y each."""
    (least_x, least_y), (most_x, most_y) = (
        ways.amin((0, 3)).tolist(),
        ways.amax((0, 3)).tolist(),
    )
    return least_x, least_y, most_x, most_y


def _nodes_of(
    region: Rectangle, height: int, width: int, device: torch.device
) -> Tensor:
    """Places of the nodes of a region that begins at a node: [1, 2, h, w]."""
    left, top, right, bottom = (-(-side // NODE_PX) for side in region)
    nodes = _all_nodes(height, width, device)
    return nodes[:, :, top : bottom + 1, left : right + 1]


@lru_cache(maxsize=8)
def _all_nodes(height: int, width: int, device: torch.device) -> Tensor:
    x = torch.arange(0, width + NODE_PX, NODE_PX, device=device) * (2 / (width - 1)) - 1
    y = (
        torch.arange(0, height + NODE_PX, NODE_PX, device=device) * (2 / (height - 1))
        - 1
    )
    return torch.stack(torch.meshgrid(x, y, indexing="xy"))[None]


def _finer_columns(nodes: Tensor) -> Tensor:
    """Columns of nodes [B, 2, h, w + 1] -> columns of pixels [B, 2, h, NODE_PX w]."""
    left, right = nodes[..., :-1], nodes[..., 1:]
    steps = _steps(nodes.device)[..., None, None, None]
    return interleaved(torch.lerp(left, right, steps))


def _finer_rows(nodes: Tensor) -> Tensor:
    """Rows of nodes [B, 2, h + 1, W] -> rows of pixels [B, 2, NODE_PX h, W]."""
    above, below = nodes[:, :, :-1, None], nodes[:, :, 1:, None]
    return torch.lerp(above, below, _steps(nodes.device)).flatten(2, 3)


@lru_cache(maxsize=8)
def _steps(device: torch.device) -> Tensor:
    return torch.arange(NODE_PX, device=device)[:, None] / NODE_PX
