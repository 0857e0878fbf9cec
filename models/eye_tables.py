"""The tables of a portrait's eyes: their own pictures, and where they lie in frames."""

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from models.closed_eyes import closed_eyes
from models.eyeballs import parted
from models.eyes import BELOW, Extent, EyeRig, build_eyes, lid_height, meeting
from models.glasses import bare_eyes, wears_glasses
from models.identity_file import Identity
from models.media import FloatArray

# As far as a closed eye and its lashes reach, half eye widths, and room for the turn
# of the head.
EYE_OUTWARDS, EYE_INWARDS, EYE_RIM = 1.54, 1.22, 0.15
EYE_REACH = 2.2  # half eye widths from an eye's middle that its own pictures reach


def eye_tensors(identity: Identity, *, glasses: bool) -> list[Tensor]:
    """Of models.prepared.Prepared, from whites to eye_places. glasses: worn."""
    eyes = build_eyes(identity.landmarks)
    balls = identity.eyeballs + np.float32(0.5)
    layers = parted(balls, identity.landmarks)
    bare = np.zeros((*identity.picture.shape[:2], 4), np.float32)
    bare[..., :3] = identity.picture
    if glasses:
        bare = bare_eyes(identity.picture, identity.matte, eyes)
    # Lids are painted of skin alone: frames are drawn over them, where they are.
    skin = np.round(bare[..., :3]).astype(np.uint8)
    shut = closed_eyes(identity.picture, eyes, meeting(glasses=glasses), skin)
    closed = shut.picture
    closed[..., :3] += 0.5
    bare[..., :3] += 0.5
    size = eye_crop_size(eyes)
    middles = eyes.frame[:, :2]
    corners = (middles - torch.from_numpy(size - 1) / 2).round()
    half = (torch.tensor(identity.size[::-1]) - 1) / 2
    affine = torch.zeros(2, 8, 3)
    for eye, corner in enumerate(corners):
        # In a crop, -1 and 1 are the middles of its outer pixels too.
        scale = half / (torch.from_numpy(size - 1) / 2)
        affine[eye, :2, :2] = scale.diag()
        affine[eye, :2, 2] = scale - 1 - corner / (torch.from_numpy(size - 1) / 2)
        axes = eyes.frame[eye, 2:].reshape(2, 2) / half
        to_eye = affine_of(torch.linalg.inv(axes.T), middles[eye] / half - 1)
        affine[eye, 2:4] = to_eye.flip(0)
        affine[eye, [4, 7], 2] = 1
    irises = layers.irises.copy()
    irises[..., 3] = 1 - irises[..., 3]
    around = [
        torch.stack([_crop(picture, corner.numpy(), size) for corner in corners])
        for picture in (layers.whites, layers.rims, irises, closed, bare)
    ]
    return [*around, torch.from_numpy(shut.lashes), affine]


def glasses_worn(identity: Identity) -> bool:
    return wears_glasses(identity.picture, identity.landmarks) > 0.5


def eye_crop_size(eyes: EyeRig) -> npt.NDArray[np.int64]:
    """Width and height of the pictures of each eye, pixels."""
    half = float(eyes.frame[:, 2:4].norm(dim=1).max())
    side = 2 * math.ceil(EYE_REACH * half) + 1
    return np.array([side, side])


def _crop(
    picture: FloatArray, corner: FloatArray, size: npt.NDArray[np.int64]
) -> Tensor:
    """A part of a picture [H, W, C], edges continued: [C, h, w]."""
    left, top = corner.astype(int)
    rows = np.arange(top, top + size[1]).clip(0, picture.shape[0] - 1)
    columns = np.arange(left, left + size[0]).clip(0, picture.shape[1] - 1)
    return planes(picture[rows[:, None], columns])


def eye_patches(eyes: EyeRig) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Where patches of each Extent begin, left and top from the whole pixel of an eye's
    middle [EXTENTS, 2 eyes, 2], and the height and width of both eyes' [EXTENTS, 2]."""
    along = torch.linspace(-1, 1, 33)
    begins = np.zeros((len(Extent), 2, 2), np.int64)
    sizes = np.zeros((len(Extent), 2, 2), np.int64)
    for eye, outside in enumerate((-1, 1)):
        top, bottom = lid_height(eyes.lids[eye][:, None], along)
        lids = float(top.min()), float(bottom.max())
        skin = lids[0] - float(eyes.skin[eye]), lids[1] + BELOW
        aside = outside * EYE_OUTWARDS, -outside * EYE_INWARDS
        axes = eyes.frame[eye, 2:].reshape(2, 2).numpy()
        around = {
            Extent.EYEBALL: ((-1.0, 1.0), lids),
            Extent.LIDS: ((-1.0, 1.0), skin),
            Extent.CLOSING: (aside, skin),
        }
        for extent, (sides, heights) in around.items():
            corners = np.array([(s, t) for s in sides for t in heights], np.float32)
            begins[extent, eye], sizes[extent, eye] = _patch(corners, axes)
    return begins, sizes.max(1)


def _patch(corners: FloatArray, axes: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Left and top, then height and width of the upright rectangle round corners."""
    pixels = corners @ axes
    rim = EYE_RIM * np.linalg.norm(axes[0]) + 1
    low = np.floor(pixels.min(0) - rim)
    size = np.ceil(pixels.max(0) + rim) - low + 1
    return low, size[::-1]


def affine_of(matrix: Tensor, origin: Tensor) -> Tensor:
    """matrix @ (place - origin) as [2, 3] @ (place, 1)."""
    return torch.cat([matrix, -(matrix @ origin)[:, None]], 1)


def planes(picture: FloatArray) -> Tensor:
    """[H, W, C] -> [C, H, W]."""
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))
