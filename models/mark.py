"""The visible mark: a small plate that says "AI-generated", drawn after the portrait.

It is put on finished frames, so that it neither moves nor warps, and touches only the
pixels under it.
"""

import functools
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

UintArray = npt.NDArray[np.uint8]

TEXTS = {
    "en": "AI-generated",
    "de": "KI-generiert",
    "fr": "Généré par IA",
    "es": "Generado por IA",
    "it": "Generato dall’IA",
    "pt": "Gerado por IA",
    "nl": "AI-gegenereerd",
    "pl": "Wygenerowane przez AI",
    "cs": "Vytvořeno AI",
    "ru": "Создано ИИ",
    "uk": "Створено ШІ",
    "tr": "Yapay zekâ ile üretildi",
    "sv": "AI-genererad",
    "da": "AI-genereret",
    "nb": "AI-generert",
    "fi": "Tekoälyn tuottama",
    "el": "Δημιουργήθηκε με ΤΝ",
    "zh": "AI 生成",
    "cmn": "AI 生成",
    "yue": "AI 生成",
    "ja": "AI生成",
    "ko": "AI 생성",
}
_EAST_ASIAN = {"zh", "cmn", "yue", "ja", "ko"}
# Fonts that have these scripts, as systems name them; the first that is there.
_EAST_ASIAN_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Source Han Sans",
    "PingFang SC",
    "Hiragino Sans",
    "Microsoft YaHei",
    "WenQuanYi Micro Hei",
    "Noto Serif CJK SC",
)
TEXT_SHARE = 0.036  # of the shorter side: 18 pixels of 512
MIN_TEXT_PX = 11  # smaller nobody reads
_MARGIN_SHARE = 0.022
_PLATE, _INK = 20, 245  # grey levels
_PLATE_ALPHA = 0.62


@dataclass(frozen=True, eq=False)
class Mark:
    """grey, alpha: uint8 [h, w], h and w even. top, left: its place, even too."""

    grey: UintArray
    alpha: UintArray
    top: int
    left: int

    def draw(self, frames: UintArray) -> None:
        """On RGB or RGBA frames, uint8 [..., H, W, 3 or 4], in place."""
        high, wide = self.alpha.shape
        under = frames[..., self.top : self.top + high, self.left : self.left + wide, :]
        share = self.alpha[:, :, None].astype(np.uint16)
        shown = self.grey[:, :, None] * share + under[..., :3] * (255 - share)
        under[..., :3] = (shown + 127) // 255
        if under.shape[-1] == 4:
            under[..., 3] = np.maximum(under[..., 3], self.alpha)

    def draw_i420(self, planes: UintArray) -> None:
        """On a frame of uint8 [H * 3 / 2, W], limited range, in place."""
        height, width = planes.shape[0] * 2 // 3, planes.shape[1]
        self._luma.draw(planes[:height], self.top, self.left)
        for plane in planes[height:].reshape(2, height // 2, width // 2):
            self._chroma.draw(plane, self.top // 2, self.left // 2)

    def draw_matte(self, matte: UintArray) -> None:
        """On the matte of such a frame, uint8 [H, W], in place: the plate is there."""
        high, wide = self.alpha.shape
        under = matte[self.top : self.top + high, self.left : self.left + wide]
        np.maximum(under, self.alpha, out=under)

    @functools.cached_property
    def _luma(self) -> "_Layer":
        return _Layer.of(16 + self.grey.astype(np.float32) * 219 / 255, self.alpha)

    @functools.cached_property
    def _chroma(self) -> "_Layer":
        quarter = self.alpha[::2, ::2]
        return _Layer.of(np.full(quarter.shape, 128, np.float32), quarter)


@dataclass(frozen=True, eq=False)
class _Layer:
    """over: uint16 [h, w], already times its share of 256; kept: what is left below."""

    over: npt.NDArray[np.uint16]
    kept: npt.NDArray[np.uint16]

    @classmethod
    def of(cls, values: npt.NDArray[np.float32], alpha: UintArray) -> "_Layer":
        share = (alpha.astype(np.float32) * 256 / 255).round()
        over = (values * share + 127).astype(np.uint16)
        return cls(over, (256 - share).astype(np.uint16))

    def draw(self, plane: UintArray, top: int, left: int) -> None:
        high, wide = self.over.shape
        under = plane[top : top + high, left : left + wide]
        mixed = np.multiply(under, self.kept, dtype=np.uint16)
        mixed += self.over
        mixed >>= 8
        under[:] = mixed


def text_for(language: str) -> str:
    """In that language if there is one; else in English.

    language: BCP 47.
    """
    base = language.partition("-")[0].casefold()
    if base in _EAST_ASIAN and _east_asian_font() is None:
        return TEXTS["en"]
    return TEXTS.get(base, TEXTS["en"])


@functools.lru_cache(maxsize=32)
def make_mark(text: str, height: int, width: int) -> Mark:
    """The mark of pictures of a size, at the bottom right."""
    size = max(MIN_TEXT_PX, round(min(height, width) * TEXT_SHARE))
    font = ImageFont.truetype(str(_font_for(text)), size)
    left, top, right, bottom = font.getbbox(text)
    if right - left > 0.9 * width:
        size = int(size * 0.9 * width / (right - left))
        font = ImageFont.truetype(str(_font_for(text)), size)
        left, top, right, bottom = font.getbbox(text)
    margin = max(4, round(min(height, width) * _MARGIN_SHARE))
    pad = max(3, round(size * 0.4))
    wide = _even(min(int(right - left) + 2 * pad, width))
    high = _even(min(int(bottom - top) + 2 * pad, height))
    ink = Image.new("L", (wide, high))
    ImageDraw.Draw(ink).text((pad - left, pad - top), text, font=font, fill=255)
    plate = Image.new("L", (4 * wide, 4 * high))
    corners = (0, 0, 4 * wide - 1, 4 * high - 1)
    shade = round(255 * _PLATE_ALPHA)
    ImageDraw.Draw(plate).rounded_rectangle(corners, radius=4 * pad, fill=shade)
    smooth = plate.resize((wide, high), Image.Resampling.BOX)
    letters = np.asarray(ink, np.float32) / 255
    base = np.asarray(smooth, np.float32) / 255
    alpha = letters + base * (1 - letters)
    grey = np.divide(
        _INK * letters + _PLATE * base * (1 - letters),
        alpha,
        out=np.zeros_like(alpha),
        where=alpha > 0,
    )
    return Mark(
        grey.round().astype(np.uint8),
        (alpha * 255).round().astype(np.uint8),
        max(0, (height - margin - high) // 2 * 2),
        max(0, (width - margin - wide) // 2 * 2),
    )


def _even(pixels: int) -> int:
    return max(2, pixels // 2 * 2)


def _font_for(text: str) -> Path:
    if any(ord(char) > 0x2E7F for char in text) and (found := _east_asian_font()):
        return found
    # matplotlib comes with mediapipe, and brings this font.
    return Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans-Bold.ttf"


@functools.cache
def _east_asian_font() -> Path | None:
    known = {font.name: font.fname for font in font_manager.fontManager.ttflist}
    for name in _EAST_ASIAN_FONTS:
        if name in known:
            return Path(known[name])
    return None
