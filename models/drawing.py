"""The pixels of a region of frames: a person, looked up by a map, over what is behind.

Maps are composed on nodes NODE_PX apart and made finer in between, first along rows,
then in each band of rows.
"""

from functools import lru_cache

import torch
from torch import Tensor

from models.bands import NODE_PX, Columns, Rectangle, bands_of
from models.prepared import Prepared
from models.sampling import (
    Maps,
    cut_off_into,
    in_ram,
    interleave_into,
    interleaved,
    laid_over,
    sample,
    with_matte,
)


def draw(
    frames: Tensor, batch: Prepared, maps: Maps, mixed: Tensor, region: Rectangle
) -> None:
    """Draws a region of frames, uint8 [B, H, W, 3 or 4]. Those of still heads hold the
    picture.

    mixed: [B, 2, h, w] the face's way back, each node by its own layer.
    """
    left, top = (side // NODE_PX * NODE_PX for side in region[:2])
    region = (left, top, *region[2:])
    nodes = _nodes_of(region, maps.height, maps.width, frames.device)
    still = maps.still(nodes.expand(frames.shape[0], -1, -1, -1))
    places = still + maps.in_box(mixed, still)
    wide = _finer_columns(places)
    bands = [(region, [(left, region[2])])]
    if in_ram(frames):
        ways = (places - nodes).numpy()
        bands = bands_of(batch.rig, region, ways, still=maps.head is None)
    for band, with_background in bands:
        first, upper, past, lower = band
        if maps.head is not None:
            _draw_beside(frames, batch.backdrop, band)
        if first == past:
            continue
        near = slice((upper - top) // NODE_PX, -(-(lower - top) // NODE_PX) + 1)
        fine = _finer_rows(wide[:, :, near, first - left : past - left])
        _draw_band(frames, batch, fine[:, :, : lower - upper], band, with_background)


def _draw_beside(frames: Tensor, backdrop: Tensor, band: Rectangle) -> None:
    """The background to the left and the right of a band."""
    first, upper, past, lower = band
    for start, end in ((0, first), (past, frames.shape[2])):
        if start < end:
            beside = backdrop[:, :, upper:lower, start:end]
            interleave_into(frames[:, upper:lower, start:end], beside)


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
