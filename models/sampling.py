"""Looking up pictures and fields.

Places are [B, 2, h, w], x then y, on grid_sample's own scale: -1 is the middle of a
picture's first pixel or of a field's first node, 1 that of its last.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from models.media import FloatArray

Corners = npt.NDArray[np.int64]  # pixels

# As torch's own sampler numbers them. It is called by itself: nn.functional's checks
# of words take twice as long as sampling a small field.
_BILINEAR, _ZEROS, _BORDER = 0, 0, 1


def in_ram(tensor: Tensor) -> bool:
    """Whether a tensor is the CPU's: then its numbers can be asked for without a wait,
    and each step costs what it computes, so that small steps are worth it."""
    return tensor.device.type == "cpu"


@lru_cache(maxsize=8)
def half_px(height: int, width: int) -> FloatArray:
    """Pixels of a picture that a way of 1 is, of x and y: [2, 1]."""
    return np.array([[width - 1], [height - 1]], np.float32) / 2


@lru_cache(maxsize=16)
def nodes_of(rows: int, columns: int, device: torch.device) -> Tensor:
    """Places of a grid's nodes: [1, 2, rows, columns]."""
    x = torch.linspace(-1, 1, columns, device=device)
    y = torch.linspace(-1, 1, rows, device=device)
    return torch.stack(torch.meshgrid(x, y, indexing="xy"))[None]


def edged(pictures: Tensor, rows: int, columns: int) -> Tensor:
    """Pictures [..., h, w] whose last row and column go on: [..., rows, columns]."""
    high, wide = pictures.shape[-2:]
    if (high, wide) == (rows, columns):
        return pictures
    flat = pictures.reshape(1, -1, high, wide)
    larger = torch.nn.functional.pad(
        flat, (0, columns - wide, 0, rows - high), mode="replicate"
    )
    return larger.reshape(*pictures.shape[:-2], rows, columns)


def scaled(places: Tensor, by: Tensor) -> Tensor:
    """Places [B, 2, h, w] by a scale of x and y and an offset, [B, 4]."""
    by = by[:, :, None, None]
    return (places * by[:, :2]).add_(by[:, 2:])  # twice as fast as in one step


def sample(texture: Tensor, places: Tensor) -> Tensor:
    """texture [B, C, H, W] at places [B, 2, h, w] -> [B, C, h, w]; edges continue."""
    return sample_grid(texture, places.permute(0, 2, 3, 1))


def sample_grid(texture: Tensor, grid: Tensor) -> Tensor:
    """The same at places [B, h, w, 2]."""
    return torch.grid_sampler(texture, grid, _BILINEAR, _BORDER, True)


def cut_off_into(frames: Tensor, colours: Tensor) -> None:
    """colours [B, C, h, w], 0 to less than 256 -> uint8 frames [B, h, w, C]. Tables of
    colours are kept half a level up, so that this rounds."""
    if in_ram(frames):  # four times as fast as torch's own conversion
        _interleave(frames.numpy(), colours.numpy().astype(np.uint8))
    else:
        interleave_into(frames, colours.to(torch.uint8))


def copy_into(frames: Tensor, pictures: Tensor) -> None:
    """The same bytes: uint8 [B, H, W, C]."""
    if in_ram(frames):  # numpy moves them as a block, a fifth faster than torch
        np.copyto(frames.numpy(), pictures.numpy())
    else:
        frames.copy_(pictures)


def interleave_into(frames: Tensor, planes: Tensor) -> None:
    """uint8 [B, C, h, w] -> frames [B, h, w, C]."""
    if in_ram(frames):
        _interleave(frames.numpy(), planes.numpy())
    else:
        frames.copy_(planes.permute(0, 2, 3, 1))


def _interleave(frames: npt.NDArray[np.uint8], planes: npt.NDArray[np.uint8]) -> None:
    for frame, row in zip(frames, planes, strict=True):
        _interleave_row(frame, row)


def _interleave_row(frame: npt.NDArray[np.uint8], planes: npt.NDArray[Any]) -> None:
    if frame.strides[1] == frame.shape[2]:  # no matte lies between: thrice as fast
        cv2.merge(list(planes), frame)
    else:
        frame[:] = planes.transpose(1, 2, 0)


def interleaved(parts: Tensor) -> Tensor:
    """Parts [n, ..., w] whose pixels take turns: [..., n w]."""
    count, *rest, columns = parts.shape
    if not in_ram(parts):
        return parts.movedim(0, -1).reshape(*rest, -1)
    rows = parts.reshape(count, -1, columns).numpy()
    # OpenCV's planes to pixels, twice as fast as torch's finer rows.
    return torch.from_numpy(cv2.merge(list(rows))).reshape(*rest, -1)


def on(device: torch.device, values: npt.NDArray[Any]) -> Tensor:
    """A few numbers, where pixels are looked up; without a wait for what is being done
    there."""
    here = torch.from_numpy(values)
    return here if device.type == "cpu" else here.to(device, non_blocking=True)


def empty_frames(shape: tuple[int, ...], device: torch.device) -> Tensor:
    """uint8, whatever is in them."""
    if device.type != "cpu":
        return torch.empty(shape, dtype=torch.uint8, device=device)
    # numpy asks for huge pages: large results are memory never touched before.
    return torch.from_numpy(np.empty(shape, np.uint8))


@dataclass(frozen=True, eq=False)
class Maps:
    """Where a place of the frame comes from. Ways are differences of places.

    head: [B, 2, g, g] way back to the still head, over the whole picture, or None.
    face: [B, 4, h, w] way back to the photo, over the face's box: x of the upper and
        the lower layer, then y.
    to_box: [B, 4] scale of x and y, then offset: place in the picture -> in the box.
    height, width: of the picture, pixels.
    """

    head: Tensor | None
    face: Tensor
    to_box: Tensor
    height: int
    width: int

    def box_places(self, places: Tensor) -> Tensor:
        """Places in the picture [B, 2, h, w] -> in the face's box."""
        return scaled(places, self.to_box)

    def in_box(self, field: Tensor, places: Tensor) -> Tensor:
        """A field over the face's box [B, C, h, w] at places; zero outside."""
        grid = self.box_places(places).permute(0, 2, 3, 1)
        return torch.grid_sampler(field, grid, _BILINEAR, _ZEROS, True)

    def still(self, places: Tensor) -> Tensor:
        """Undoes the head's turn."""
        if self.head is None:
            return places
        return places + sample(self.head, places)


@lru_cache(maxsize=64)
def _offsets(
    rows: int, columns: int, height: int, width: int, device: torch.device
) -> Tensor:
    """Places of a patch in the picture's corner: [1, 2, 1, rows, columns]."""
    x = torch.arange(columns, device=device) * (2 / (width - 1)) - 1
    y = torch.arange(rows, device=device) * (2 / (height - 1)) - 1
    return torch.stack(torch.meshgrid(x, y, indexing="xy"))[None, :, None]


def patch_places(first: Corners, rows: int, columns: int, maps: Maps) -> Tensor:
    """Places of patches [B, 2, n rows, columns], one below the other, from their top
    left pixels [B, n, 2]."""
    device = maps.face.device
    moved = first.swapaxes(1, 2).astype(np.float32) / half_px(maps.height, maps.width)
    moved = moved[..., None, None]
    offsets = _offsets(rows, columns, maps.height, maps.width, device)
    return (offsets + on(device, moved)).flatten(2, 3)


@lru_cache(maxsize=64)
def _count(number: int, device: torch.device) -> Tensor:
    return torch.arange(number, device=device)


def _pixels(
    first: Corners, rows: int, columns: int, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """Indices of patches' pixels, one below the other, from their top left ones
    [B, n, 2]: row of the batch [B, 1, 1], y [B, n rows, 1] and x [B, n rows, columns].
    """
    x, y = on(device, first)[..., None].unbind(2)  # [B, n, 1]
    y = y + _count(rows, device)
    x = (x + _count(columns, device))[:, :, None].expand(-1, -1, rows, -1)
    return (
        _count(len(first), device)[:, None, None],
        y.flatten(1)[..., None],
        x.flatten(1, 2),
    )


def cut(pictures: Tensor, first: Corners, rows: int, columns: int) -> Tensor:
    """Patches of pictures [B, 3 or more, H, W] at top left pixels [B, n, 2], one below
    the other: [B, 3, n rows, columns]."""
    if not in_ram(pictures):
        row, y, x = _pixels(first, rows, columns, pictures.device)
        return pictures[row, :3, y, x].permute(0, 3, 1, 2)
    parts: list[Tensor] = [
        picture[:3, y : y + rows, x : x + columns]
        for picture, corners in zip(pictures, first.tolist(), strict=True)
        for x, y in corners
    ]
    if len(parts) == 1:
        return parts[0][None]
    patches = torch.stack(parts).reshape(*first.shape[:2], 3, rows, columns)
    return patches.transpose(1, 2).flatten(2, 3)


def laid_over(person: Tensor, behind: Tensor | None) -> Tensor:
    """Colours weighted by their share, and the background's [B, 4, ...], over what is
    behind, uint8 [B, 3, ...]; None where the background has no share. In place."""
    if behind is None:
        return person[:, :3]
    return person[:, :3].addcmul_(person[:, 3:], behind)


def person_at(person: Tensor, places: Tensor, behind: Tensor | None) -> Tensor:
    """The person [B, 4, H, W] at places, over what is behind: [B, 3, h, w]."""
    if behind is None:
        return sample(person[:, :3], places)
    return laid_over(sample(person, places), behind)


def with_matte(person: Tensor) -> Tensor:
    """Colours, and what the background's share leaves to the person, half a level up:
    [B, 4, h, w]."""
    return torch.cat([person[:, :3], 255.5 - 255 * person[:, 3:]], 1)


def paste(
    frames: Tensor,
    first: Corners,
    patches: Tensor,
    within: Corners,
    rows: npt.NDArray[np.int64] | None = None,
) -> None:
    """Cuts off colours [B, 3, n rows, columns], n patches one below the other, into
    frames at first [B, n, 2], as far as they lie within rectangles [B, n, 4]: left,
    top, right, bottom, one past the end.

    rows: of the batch, if not all.
    """
    count = first.shape[1]
    if not in_ram(frames):
        for n, patch in enumerate(patches.chunk(count, 2)):
            _paste_at_once(frames, first[:, n], patch, within[:, n], rows)
        return
    planes, shown = patches.numpy().astype(np.uint8), frames.numpy()
    height = patches.shape[2] // count
    corners, rectangles = first.tolist(), within.tolist()
    for row in range(len(shown)) if rows is None else rows.tolist():
        for n in range(count):
            (x, y), (left, top, right, bottom) = corners[row][n], rectangles[row][n]
            y -= n * height
            part = planes[row, :, top - y : bottom - y, left - x : right - x]
            _interleave_row(shown[row, top:bottom, left:right], part)


def _paste_at_once(
    frames: Tensor,
    first: Corners,
    patch: Tensor,
    within: Corners,
    rows: npt.NDArray[np.int64] | None,
) -> None:
    """The same for all rows in the same few steps."""
    height, width = patch.shape[2:]
    place = _pixels(first[:, None], height, width, frames.device)
    written = np.ones(len(frames), np.bool_)
    if rows is not None:
        written[:] = False
        written[rows] = True
    _, y, x = place
    left, top, right, bottom = on(frames.device, within)[:, :, None, None].unbind(1)
    inside = (x >= left) & (x < right) & (y >= top) & (y < bottom)
    inside &= on(frames.device, written)[:, None, None]
    cut_off = patch.to(torch.uint8).permute(0, 2, 3, 1)
    frames[place] = torch.where(inside[..., None], cut_off, frames[place])
