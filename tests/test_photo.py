"""Pictures of every kind come in upright and RGB; the rest is refused plainly."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.errors import PhotoError
from models.photo import MATTE_GREY, embedded_photo, open_photo


def picture(width: int = 40, height: int = 30) -> Image.Image:
    ramp = np.zeros((height, width, 3), np.uint8)
    ramp[..., 0] = np.linspace(0, 255, width)
    ramp[..., 1] = np.linspace(0, 255, height)[:, None]
    return Image.fromarray(ramp)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def test_a_png_comes_in_as_it_is() -> None:
    assert np.array_equal(open_photo(encoded(picture(), "PNG")), np.asarray(picture()))


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "RGBA", "LA", "1", "YCbCr"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    source = picture().convert("L").convert(mode) if mode == "LA" else picture()
    data = encoded(source.convert(mode), "TIFF" if mode in ("CMYK", "YCbCr") else "PNG")
    opened = open_photo(data)
    assert opened.shape == (30, 40, 3) and opened.dtype == np.uint8
    wanted = np.asarray(picture().convert(mode).convert("RGB"), float)
    assert np.abs(opened - wanted).mean() < 3


def test_sixteen_bits_keep_their_brightness() -> None:
    deep = np.linspace(0, 65535, 40 * 30).reshape(30, 40).astype(np.uint16)
    opened = open_photo(encoded(Image.fromarray(deep), "PNG"))
    assert np.abs(opened[..., 0] - deep / 257).max() <= 1


def test_transparent_pixels_show_a_neutral_backdrop() -> None:
    clear = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    assert (open_photo(encoded(clear, "PNG")) == MATTE_GREY).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_honoured(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    opened = open_photo(encoded(picture(), "PNG", exif=exif))
    assert opened.shape[:2] == ((30, 40) if orientation < 5 else (40, 30))


def code_of(data: bytes | Path) -> str:
    with pytest.raises(PhotoError) as caught:
        open_photo(data)
    assert len(caught.value.message) > 20
    return caught.value.code


def test_what_is_not_a_picture_is_refused() -> None:
    assert code_of(b"") == "empty_photo"
    assert code_of(b"hello, this is text" * 40) == "not_an_image"
    assert code_of(b"%PDF-1.4 ...") == "not_an_image"
    assert code_of(Path("no/such/photo.jpg")) == "not_found"
    assert code_of(Path(__file__).parent) in ("not_found", "not_an_image")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF"])
def test_truncated_files_are_refused(kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (80, 80, 3), np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    assert code_of(data[: len(data) // 2]) in ("truncated", "not_an_image")


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_animations_are_refused(kind: str) -> None:
    frames = [picture(), picture().rotate(180)]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    assert code_of(data) == "animated"


def test_a_bomb_is_refused_before_it_is_decoded() -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + check

    for side in (8_000, 60_000):
        head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
        bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head)
        bomb += chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
        assert code_of(bomb) == "photo_too_large"


def test_the_embedded_portrait_opens() -> None:
    assert open_photo(embedded_photo()).shape == (600, 512, 3)
