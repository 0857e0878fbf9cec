"""What stands behind the portrait: the photo's own background, that blurred, a colour,
a picture, a green screen, or nothing.

The person is cut out once, with the colour that each pixel of the hair's edge would
have without the old background, and laid over the new one: Identity -> Identity. Where
nothing is to be behind, frames have a matte; under it the person's own colours go on
beyond the edge, so that what a codec smears there leaves no halo.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from models.background import face_mask
from models.controls import smoothstep
from models.errors import BackdropError, PhotoError
from models.identity_file import Identity
from models.media import FloatArray
from models.photo import open_photo

__all__ = [
    "ALPHA",
    "BLUR",
    "GREEN",
    "KEEP",
    "Backdrop",
    "read_backdrop",
    "with_backdrop",
]

GREEN_SCREEN = (0, 255, 155)  # far from skin and hair, also in YCbCr
_BLUR_SHARE = 0.030  # of the picture's diagonal: a portrait lens
_WIDE_SHARE, _NEAR_SHARE = 0.18, 0.012  # of the width; see _foreground
_SURE = 0.96  # of the matte; beyond, a pixel is all person

UintArray = npt.NDArray[np.uint8]
_HEX = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")


@dataclass(frozen=True, eq=False)
class Backdrop:
    """kind: what it is; "alpha" is nothing at all. colour: RGB, 0 to 255, of a
    "colour". picture: uint8 RGB [h, w, 3] of a "picture", any size; it covers the
    frame, cropped at its middle."""

    kind: Literal["keep", "blur", "colour", "picture", "alpha"]
    colour: tuple[int, int, int] = (0, 0, 0)
    picture: UintArray | None = None


KEEP, BLUR, ALPHA = Backdrop("keep"), Backdrop("blur"), Backdrop("alpha")
GREEN = Backdrop("colour", GREEN_SCREEN)


def named_backdrop(text: str) -> Backdrop | None:
    """keep, blur, green, alpha, #rgb or #rrggbb; None for anything else.

    Raises:
        BackdropError: bad_colour.
    """
    known = {"keep": KEEP, "blur": BLUR, "green": GREEN, "alpha": ALPHA}
    if text.lower() in known:
        return known[text.lower()]
    if not text.startswith("#"):
        return None
    if not _HEX.fullmatch(text):
        raise BackdropError(
            "bad_colour",
            f"The background colour {text[:20]!r} is not a colour: "
            "write it as #rrggbb, such as #1e90ff.",
        )
    digits = text[1:] if len(text) == 7 else "".join(2 * digit for digit in text[1:])
    red, green, blue = bytes.fromhex(digits)
    return Backdrop("colour", (red, green, blue))


def picture_backdrop(picture: bytes | Path) -> Backdrop:
    """A picture, as bytes or in a file.

    Raises:
        BackdropError: with the codes of photo.open_photo.
    """
    try:
        return Backdrop("picture", picture=open_photo(picture))
    except PhotoError as error:
        where = f" {picture}" if isinstance(picture, Path) else ""
        raise BackdropError(
            error.code, f"The background picture{where}: {error.message}"
        ) from error


def read_backdrop(text: str) -> Backdrop:
    """What a user writes: keep, blur, green, #rrggbb, or a picture's path.

    Raises:
        BackdropError: bad_colour, unknown_background, and those of picture_backdrop.
    """
    named = named_backdrop(text)
    if named:
        return named
    path = Path(text)
    if not text or not path.suffix:
        raise BackdropError(
            "unknown_background",
            f"There is no background {text[:80]!r}: choose keep, blur, green, a colour "
            "such as #1e90ff, or the path of a picture.",
        )
    return picture_backdrop(path)


def with_backdrop(identity: Identity, backdrop: Backdrop) -> Identity:
    """The same portrait before another background; itself for "keep"."""
    if backdrop.kind == "keep":
        return identity
    height, width = identity.size
    matte = np.maximum(identity.matte, face_mask(identity.landmarks, height, width))
    share = matte[..., None].astype(np.float32) / 255
    own = _foreground(identity.picture.astype(np.float32), share)
    if backdrop.kind == "blur":
        behind = _blurred(identity.background)
    elif backdrop.kind == "alpha":
        behind = _continued(own, share)
    elif backdrop.picture is not None:
        behind = _covering(backdrop.picture, height, width)
    else:
        behind = np.full((height, width, 3), backdrop.colour, np.uint8)
    lids = own + identity.eyeballs.astype(np.float32) - identity.picture
    return replace(
        identity,
        picture=_over(own, share, behind),
        eyeballs=_over(lids, share, behind),
        background=behind,
        matte=matte,
        transparent=backdrop.kind == "alpha",
    )


def _over(person: FloatArray, share: FloatArray, behind: UintArray) -> UintArray:
    mixed = share * np.clip(person, 0, 255) + (1 - share) * behind
    return np.asarray(np.round(mixed), np.uint8)


def _foreground(picture: FloatArray, share: FloatArray) -> FloatArray:
    """The person's own colours, where background shines through: [H, W, 3], 0 to 255.

    Source: Forte, Approximate Fast Foreground Colour Estimation, ICIP 2021: first from
    a wide neighbourhood, then from a near one.
    """
    width = picture.shape[1]
    person, behind = picture, picture
    for radius in (_WIDE_SHARE, _NEAR_SHARE):
        person, behind = _blur_fusion(
            picture, share, person, behind, 2 * max(round(radius * width / 2), 1) + 1
        )
    return np.clip(person, 0, 255)


def _blur_fusion(
    picture: FloatArray,
    share: FloatArray,
    person: FloatArray,
    behind: FloatArray,
    side: int,
) -> tuple[FloatArray, FloatArray]:
    def mean(values: FloatArray) -> FloatArray:
        blurred = np.asarray(cv2.blur(values, (side, side)), np.float32)
        return blurred.reshape(*share.shape[:2], -1)

    near_person = mean(person * share) / (mean(share) + 1e-5)
    near_behind = mean(behind * (1 - share)) / (mean(1 - share) + 1e-5)
    left = picture - share * near_person - (1 - share) * near_behind
    return near_person + share * left, near_behind


def _continued(person: FloatArray, share: FloatArray) -> UintArray:
    """The person's colours carried outwards, ever smoother with the distance: uint8
    [H, W, 3].

    Source: Gortler et al., The Lumigraph, SIGGRAPH 1996 (pull-push).
    """
    levels = []
    weight = smoothstep(share[..., 0], 0.5, _SURE)[..., None]
    total = person * weight
    while min(weight.shape[:2]) > 1:
        levels.append((total, weight))
        half = (weight.shape[1] + 1) // 2, (weight.shape[0] + 1) // 2
        total = np.asarray(cv2.resize(total, half, interpolation=cv2.INTER_AREA))
        weight = np.asarray(cv2.resize(weight, half, interpolation=cv2.INTER_AREA))
        weight = weight.reshape(*total.shape[:2], 1)
    filled = np.asarray(total / np.maximum(weight, 1e-6), np.float32)
    for total, weight in reversed(levels):
        wide = cv2.resize(filled, weight.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        filled = total + (1 - weight) * np.asarray(wide, np.float32)
    return np.asarray(np.round(filled.clip(0, 255)), np.uint8)


def _blurred(background: UintArray) -> UintArray:
    """As a lens blurs: in linear light, so that lamps stay bright."""
    height, width = background.shape[:2]
    sigma = _BLUR_SHARE * float(np.hypot(height, width))
    linear = (background.astype(np.float32) / 255) ** 2.2
    soft = cv2.GaussianBlur(linear, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    return np.asarray(np.round(255 * np.clip(soft, 0, 1) ** (1 / 2.2)), np.uint8)


def _covering(picture: UintArray, height: int, width: int) -> UintArray:
    """The middle of a picture, as large as fills height x width."""
    high, wide = picture.shape[:2]
    scale = max(height / high, width / wide)
    size = max(round(wide * scale), width), max(round(high * scale), height)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    large = np.asarray(cv2.resize(picture, size, interpolation=method), np.uint8)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    return np.ascontiguousarray(large[top : top + height, left : left + width])
