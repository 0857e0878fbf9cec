"""Opening pictures: common formats in, upright RGB out, clear errors for the rest."""

import io
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from models.errors import PhotoError

MAX_PIXELS = 40_000_000
MAX_BYTES = 64 * 1024 * 1024  # a 40-megapixel photo as PNG stays below
MATTE_GREY = (128, 128, 128)  # behind transparent pixels: neither white nor black halo
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")

UintArray = npt.NDArray[np.uint8]


def embedded_photo() -> Path:
    """The portrait that needs no download: Grace Hopper, US Navy, public domain."""
    from matplotlib.cbook import get_sample_data

    return Path(get_sample_data("grace_hopper.jpg", asfileobj=False))


def open_photo(photo: bytes | Path) -> UintArray:
    """Decodes a still picture: uint8 RGB [H, W, 3], upright by its EXIF orientation.

    Raises:
        PhotoError: not_found, empty_photo, not_an_image, photo_too_large, animated,
            truncated. Pictures over 40 megapixels are refused before they are decoded.
    """
    data = _read(photo)
    try:
        with warnings.catch_warnings():
            # Pillow warns of large pictures; the limit below is stricter.
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(data), formats=FORMATS)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise PhotoError(
            "not_an_image",
            "The file is not a picture that can be read. "
            "Use a JPEG, PNG, WebP, BMP or TIFF file.",
        ) from error
    except Image.DecompressionBombError as error:
        raise _too_large("far too many pixels") from error
    with image:
        _check_header(image)
        return _decode(image)


def _read(photo: bytes | Path) -> bytes:
    if isinstance(photo, bytes):
        data = photo
    else:
        try:
            if photo.stat().st_size > MAX_BYTES:
                raise _too_large(f"over {MAX_BYTES // 2**20} MB")
            data = photo.read_bytes()
        except OSError as error:
            raise PhotoError(
                "not_found",
                f"The photo {photo} cannot be read ({error.strerror}). Check the path.",
            ) from error
    if not data:
        raise PhotoError("empty_photo", "The photo file is empty. Send the file again.")
    if len(data) > MAX_BYTES:
        raise _too_large(f"over {MAX_BYTES // 2**20} MB")
    return data


def _too_large(what: str) -> PhotoError:
    return PhotoError(
        "photo_too_large",
        f"The photo is too large ({what}; the limit is "
        f"{MAX_PIXELS // 1_000_000} megapixels). Scale it down and try again.",
    )


def _check_header(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise _too_large(f"{width} x {height} pixels")
    if getattr(image, "n_frames", 1) > 1 and image.format in ("GIF", "WEBP", "PNG"):
        raise PhotoError(
            "animated",
            f"The photo is an animation ({image.format}). "
            "Save one frame of it as JPEG or PNG and use that.",
        )


def _decode(image: Image.Image) -> UintArray:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # e.g. damaged EXIF blocks: not our business
            image.load()
            upright = ImageOps.exif_transpose(image)
            return np.asarray(_rgb(upright))
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError) as error:
        raise PhotoError(
            "truncated",
            "The photo file is damaged or cut short: its picture cannot be decoded. "
            "Save or download it again.",
        ) from error
    except (Image.DecompressionBombError, MemoryError) as error:
        raise _too_large("it decodes to far too many pixels") from error


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _from_deep_grey(image)
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        backdrop = Image.new("RGBA", rgba.size, (*MATTE_GREY, 255))
        return Image.alpha_composite(backdrop, rgba).convert("RGB")
    return image.convert("RGB")


def _from_deep_grey(image: Image.Image) -> Image.Image:
    """16-bit and 32-bit greyscale -> RGB; floats up to 1 are taken as 0 to 1."""
    values = np.asarray(image, np.float64)
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    if image.mode == "F" and values.max(initial=0.0) <= 1.0:
        scale = 255.0
    else:
        scale = 255.0 / (65535.0 if values.max(initial=0.0) > 255 else 255.0)
    grey = np.clip(np.round(values * scale), 0, 255).astype(np.uint8)
    return Image.fromarray(grey).convert("RGB")
