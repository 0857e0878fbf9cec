"""Looking up pictures and fields.

Places are [B, 2, h, w], x then y, on grid_sample's own scale: -1 is the middle of a
picture's first pixel or of a field's first node, 1 that of its last.
"""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import torch
import torch.nn.functional as F
from torch import Tensor


@lru_cache(maxsize=16)
def nodes_of(rows: int, columns: int, device: torch.device) -> Tensor:
    """Places of a grid's nodes: [1, 2, rows, columns]."""
    x = torch.linspace(-1, 1, columns, device=device)
    y = torch.linspace(-1, 1, rows, device=device)
    return torch.stack(torch.meshgrid(x, y, indexing="xy"))[None]


def sample(texture: Tensor, places: Tensor) -> Tensor:
    """texture [B, C, H, W] at places [B, 2, h, w] -> [B, C, h, w]; edges continue."""
    grid = places.permute(0, 2, 3, 1)
    return F.grid_sample(texture, grid, padding_mode="border", align_corners=True)


def cut_off_into(frames: Tensor, colours: Tensor) -> None:
    """colours [B, 3, h, w], 0 to less than 256 -> uint8 frames [B, h, w, 3]. Tables of
    colours are kept half a level up, so that this rounds."""
    whole = colours.to(torch.uint8)
    if frames.device.type != "cpu":
        frames.copy_(whole.permute(0, 2, 3, 1))
        return
    for planes, frame in zip(whole.numpy(), frames.numpy(), strict=True):
        cv2.merge(list(planes), frame)  # four times as fast as a permuted copy


def cut_off(colours: Tensor) -> Tensor:
    """The same into a new tensor."""
    frames = colours.new_empty((len(colours), *colours.shape[2:], 3), dtype=torch.uint8)
    cut_off_into(frames, colours)
    return frames


@dataclass(frozen=True, eq=False)
class Maps:
    """Where a place of the frame comes from. Ways are differences of places.

    head: [B, 2, g, g] way back to the still head, over the whole picture, or None.
    turned: [B, 2, g, g] the same forwards, or None.
    face: [B, 4, h, w] way back to the photo, over the face's box, upper and lower
        layer.
    to_box: [B, 4] scale of x and y, then offset: place in the picture -> in the box.
    height, width: of the picture, pixels.
    """

    head: Tensor | None
    turned: Tensor | None
    face: Tensor
    to_box: Tensor
    height: int
    width: int

    def in_box(self, field: Tensor, places: Tensor) -> Tensor:
        """A field over the face's box [B, C, h, w] at places; zero outside."""
        to_box = self.to_box[:, :, None, None]
        grid = torch.addcmul(to_box[:, 2:], places, to_box[:, :2])
        return F.grid_sample(field, grid.permute(0, 2, 3, 1), align_corners=True)

    def still(self, places: Tensor) -> Tensor:
        """Undoes the head's turn."""
        if self.head is None:
            return places
        return places + sample(self.head, places)

    def seen(self, places: Tensor) -> Tensor:
        """Where places of the photo are seen: they follow the head."""
        if self.turned is None:
            return places
        return places + sample(self.turned, places)

    def pixels(self, places: Tensor) -> Tensor:
        """[..., 2] -> pixels."""
        return (places + 1) * to_pixels(self.height, self.width, places.device)


@lru_cache(maxsize=64)
def to_pixels(height: int, width: int, device: torch.device) -> Tensor:
    """[2]: half a picture's width and height, between outer pixels' middles. Kept,
    since making a small tensor takes as long as sampling a small patch."""
    return torch.tensor([(width - 1) / 2, (height - 1) / 2], device=device)


@lru_cache(maxsize=64)
def _offsets(
    rows: int, columns: int, height: int, width: int, device: torch.device
) -> Tensor:
    """Places of a patch in the picture's corner: [1, 2, 1, rows, columns]."""
    x = torch.arange(columns, device=device) * (2 / (width - 1)) - 1
    y = torch.arange(rows, device=device) * (2 / (height - 1)) - 1
    return torch.stack(torch.meshgrid(x, y, indexing="xy"))[None, :, None]


def patch_places(first: Tensor, rows: int, columns: int, maps: Maps) -> Tensor:
    """Places of patches [B, 2, n rows, columns], one below the other, from their top
    left pixels [B, n, 2]."""
    offsets = _offsets(rows, columns, maps.height, maps.width, first.device)
    moved = first / to_pixels(maps.height, maps.width, first.device)
    return (offsets + moved.transpose(1, 2)[..., None, None]).flatten(2, 3)


def cut(texture: Tensor, first: Tensor, rows: int, columns: int, maps: Maps) -> Tensor:
    """Patches of a picture [B, C, H, W] at top left pixels [B, n, 2], one below the
    other: [B, C, n rows, columns]."""
    if texture.device.type != "cpu":
        return sample(texture, patch_places(first, rows, columns, maps))
    parts = [
        torch.cat([plane[:, y : y + rows, x : x + columns] for x, y in corners], 1)
        for plane, corners in zip(texture, first.tolist(), strict=True)
    ]
    return parts[0][None] if len(parts) == 1 else torch.stack(parts)


def laid_over(person: Tensor, behind: Tensor | None) -> Tensor:
    """Colours weighted by their share, and the background's [B, 4, h, w], over what is
    behind [B, 3, h, w]; None where the background has no share."""
    if behind is None:
        return person[:, :3]
    return torch.addcmul(person[:, :3], person[:, 3:], behind)


def paste(frames: Tensor, first: Tensor, patch: Tensor, within: Tensor) -> None:
    """Writes uint8 patches [B, rows, columns, 3] into frames at first [B, 2], as far as
    they lie within rectangles [B, 4]: left, top, right, bottom, one past the end."""
    rows, columns = patch.shape[1:3]
    if frames.device.type == "cpu":  # slices are faster than indices there
        corners = first.tolist()
        for row, (left, top, right, bottom) in enumerate(within.tolist()):
            x, y = corners[row]
            part = patch[row, top - y : bottom - y, left - x : right - x]
            frames[row, top:bottom, left:right] = part
        return
    item = torch.arange(len(frames), device=frames.device)[:, None, None]
    y = (first[:, 1, None] + torch.arange(rows, device=frames.device))[:, :, None]
    x = (first[:, 0, None] + torch.arange(columns, device=frames.device))[:, None, :]
    left, top, right, bottom = within[:, :, None, None].unbind(1)
    mine = (x >= left) & (x < right) & (y >= top) & (y < bottom)
    frames[item, y, x] = torch.where(mine[..., None], patch, frames[item, y, x])
