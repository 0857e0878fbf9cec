"""Looking up pictures and fields at pixel positions.

Positions are pixels, x then y, pixel centres at whole numbers; [B, 2, h, w].
"""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import torch
import torch.nn.functional as F
from torch import Tensor


@lru_cache(maxsize=16)
def picture_nodes(
    rows: int, columns: int, height: int, width: int, device: torch.device
) -> Tensor:
    """Pixels of a grid of nodes that spans the picture from edge to edge: [2, h, w]."""
    x = torch.linspace(0, width - 1, columns, device=device)
    y = torch.linspace(0, height - 1, rows, device=device)
    return torch.stack(torch.meshgrid(x, y, indexing="xy"))


def sample(texture: Tensor, spots: Tensor) -> Tensor:
    """texture [B, C, H, W] at spots [B, 2, h, w] -> [B, C, h, w]; edges continue."""
    height, width = texture.shape[-2:]
    grid = spots.permute(0, 2, 3, 1) * to_grid(width - 1, height - 1, spots.device) - 1
    return F.grid_sample(texture, grid, padding_mode="border", align_corners=True)


@lru_cache(maxsize=64)
def to_grid(width: float, height: float, device: torch.device) -> Tensor:
    """[2]: what scales 0 to width, 0 to height to grid_sample's 0 to 2. Kept, since
    making a small tensor takes as long as sampling a small patch."""
    return torch.tensor([2 / width, 2 / height], device=device)


def round_into(frames: Tensor, colours: Tensor) -> None:
    """colours [B, 3, h, w], 0 to 255, overwritten -> uint8 frames [B, h, w, 3]."""
    whole = colours.add_(0.5).clamp_(0, 255).to(torch.uint8)
    if frames.device.type != "cpu":
        frames.copy_(whole.permute(0, 2, 3, 1))
        return
    for planes, frame in zip(whole.numpy(), frames.numpy(), strict=True):
        cv2.merge(list(planes), frame)  # four times as fast as a permuted copy


def rounded(colours: Tensor) -> Tensor:
    """The same into a new tensor."""
    frames = colours.new_empty((len(colours), *colours.shape[2:], 3), dtype=torch.uint8)
    round_into(frames, colours)
    return frames


@dataclass(frozen=True, eq=False)
class Maps:
    """Where a pixel of the frame comes from.

    head: [B, 2, g, g] pixels back to the still head, over the whole picture, or None.
    turned: [B, 2, g, g] the same forwards, or None.
    face: [B, 4, h, w] pixels back to the photo, over box, upper and lower layer.
    """

    head: Tensor | None
    turned: Tensor | None
    face: Tensor
    box: Tensor
    height: int
    width: int

    def in_box(self, field: Tensor, spots: Tensor) -> Tensor:
        """A field over the face's box [B, C, h, w] at spots; zero outside."""
        low, high = self.box[:, :2], self.box[:, 2:]
        scale = (2 / (high - low))[:, :, None, None]
        grid = (spots - low[:, :, None, None]) * scale - 1
        return F.grid_sample(field, grid.permute(0, 2, 3, 1), align_corners=True)

    def in_picture(self, field: Tensor, spots: Tensor) -> Tensor:
        """A coarse field over the whole picture [B, C, g, g] at spots."""
        scale = to_grid(self.width - 1, self.height - 1, spots.device)
        grid = spots.permute(0, 2, 3, 1) * scale - 1
        return F.grid_sample(field, grid, padding_mode="border", align_corners=True)

    def still_spots(self, spots: Tensor) -> Tensor:
        """Undoes the head's turn."""
        if self.head is None:
            return spots
        return spots + self.in_picture(self.head, spots)

    def around(self, spots: Tensor, margin: Tensor) -> Tensor:
        """Rectangles [B, 4] of whole pixels, inside the picture, round points of the
        photo [B, 2, h, w], which follow the head, and margin [B, 1] pixels more:
        left, top, right, bottom, one past the end."""
        if self.turned is not None:
            spots = spots + self.in_picture(self.turned, spots)
        low = (spots.amin((2, 3)) - margin).floor()
        high = (spots.amax((2, 3)) + margin).ceil() + 1
        limit = low.new_tensor([self.width, self.height])
        # A point that leaves the picture still has one pixel.
        low = torch.minimum(low.clamp_min(0), limit - 1)
        high = torch.maximum(torch.minimum(high, limit), low + 1)
        return torch.cat([low, high], 1).to(torch.int64)

    def patch(self, centre: Tensor, corner: Tensor, rows: int, columns: int) -> Tensor:
        """Top left whole pixels [B, 2] of a patch that follows the head.

        centre: [B, 2] pixels in the photo; corner: [B, 2] from there.
        """
        if self.turned is not None:
            moved = self.in_picture(self.turned, centre[:, :, None, None])
            centre = centre + moved[:, :, 0, 0]
        first = torch.round(centre + corner)
        limit = first.new_tensor([self.width - columns, self.height - rows])
        return torch.minimum(first.clamp_min(0), limit).to(torch.int64)


def times(vectors: Tensor, matrix: Tensor) -> Tensor:
    """vectors [B, 2, h, w] @ matrix [B, 2, 2], row vectors; faster than einsum."""
    m = matrix[..., None, None]
    x, y = vectors[:, :1], vectors[:, 1:]
    return x * m[:, 0] + y * m[:, 1]


def patch_spots(first: Tensor, rows: int, columns: int) -> Tensor:
    """Pixels of patches [B, 2, rows, columns] from their top left pixels [B, 2]."""
    x = torch.arange(columns, device=first.device)
    y = torch.arange(rows, device=first.device)
    left, top = first[:, 0, None], first[:, 1, None]
    return torch.stack(
        [
            (left + x)[:, None, :].expand(-1, rows, -1),
            (top + y)[:, :, None].expand(-1, -1, columns),
        ],
        1,
    ).to(torch.float32)


def cut(texture: Tensor, first: Tensor, rows: int, columns: int) -> Tensor:
    """Patches of texture [B, C, H, W] at top left pixels [B, 2]: [B, C, h, w]."""
    if texture.device.type != "cpu":
        return sample(texture, patch_spots(first, rows, columns))
    parts = [
        plane[:, top : top + rows, left : left + columns]
        for plane, (left, top) in zip(texture, first.tolist(), strict=True)
    ]
    return parts[0][None] if len(parts) == 1 else torch.stack(parts)


def paste(frames: Tensor, first: Tensor, patch: Tensor, within: Tensor) -> None:
    """Writes uint8 patches [B, rows, columns, 3] into frames at first [B, 2], as far as
    they lie within rectangles [B, 4]: left, top, right, bottom, one past the end."""
    rows, columns = patch.shape[1:3]
    if frames.device.type == "cpu":  # slices are faster than indices there
        inner = (within - first.repeat(1, 2)).tolist()
        for row, (left, top, right, bottom) in enumerate(within.tolist()):
            x, y, x_end, y_end = inner[row]
            frames[row, top:bottom, left:right] = patch[row, y:y_end, x:x_end]
        return
    item = torch.arange(len(frames), device=frames.device)[:, None, None]
    y = (first[:, 1, None] + torch.arange(rows, device=frames.device))[:, :, None]
    x = (first[:, 0, None] + torch.arange(columns, device=frames.device))[:, None, :]
    left, top, right, bottom = within[:, :, None, None].unbind(1)
    mine = (x >= left) & (x < right) & (y >= top) & (y < bottom)
    frames[item, y, x] = torch.where(mine[..., None], patch, frames[item, y, x])
