"""python -m scripts.bench_matte: how well a person is cut out.

Portraits whose matte is known (see scripts.sitters) are cut out and laid over green.
Near the edge: the mean error of the matte, in percent, and of the colours over green
and over black, in levels of 255; by hair and by what is behind. And the seconds it
took.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from models.backdrop import GREEN_SCREEN, Backdrop, with_backdrop
from models.background import refine_matte
from models.behind import fill_background
from models.identity import Identity, embedded_photo, enrol
from scripts.sitters import HAIR, WALLS, Hair, Sitter, Wall, sitter

EDGE_PX = 8  # about the hairs; what is further cannot go wrong by much


@dataclass(frozen=True)
class CutOut:
    """Mean errors near the edge: of the matte, 0 to 100, over green and over black, 0
    to 255; and seconds."""

    matte: float
    green: float
    black: float
    spent_s: float


def cut_out(portrait: Identity, of: Sitter) -> CutOut:
    """portrait: any identity of the sitter's size, which lends the rest of itself."""
    began_s = time.perf_counter()
    matte = refine_matte(of.picture, of.landmarks)
    spent_s = time.perf_counter() - began_s
    whole = _in_picture(portrait, of, matte)
    edge = _edge(of)
    shown = []
    for colour in (GREEN_SCREEN, (0, 0, 0)):
        drawn = with_backdrop(whole, Backdrop("colour", colour)).picture
        share = of.matte[..., None]
        true = share * of.person + (1 - share) * np.array(colour, np.float32)
        shown.append(float(np.abs(drawn - true)[edge].mean()))
    laid = with_backdrop(whole, Backdrop("alpha")).matte.astype(np.float32) / 255
    wrong = 100 * float(np.abs(laid - of.matte)[edge].mean())
    return CutOut(wrong, shown[0], shown[1], spent_s)


def _in_picture(
    portrait: Identity, of: Sitter, matte: npt.NDArray[np.uint8]
) -> Identity:
    return replace(
        portrait,
        picture=of.picture,
        eyeballs=of.picture,
        background=fill_background(of.picture, matte),
        matte=matte,
        landmarks=of.landmarks,
    )


def _edge(of: Sitter) -> npt.NDArray[np.bool_]:
    hairs = ((of.matte > 0.02) & (of.matte < 0.98)).astype(np.uint8)
    side = 2 * EDGE_PX + 1
    return np.asarray(cv2.dilate(hairs, np.ones((side, side), np.uint8)) > 0)


def main(say: Callable[[str], None] = print) -> int:
    portrait = enrol(embedded_photo(), size=512)
    found: dict[tuple[Hair, Wall], CutOut] = {}
    for hair in HAIR:
        for wall in WALLS:
            found[hair, wall] = cut_out(portrait, sitter(hair, wall))
            say(f"{hair:6} {wall:8} {_told([found[hair, wall]])}")
    for name in (*HAIR, *WALLS):
        say(f"{name:15} {_told([made for key, made in found.items() if name in key])}")
    say(f"{'all':15} {_told(list(found.values()))}")
    return 0


def _told(made: list[CutOut]) -> str:
    matte = statistics.fmean(one.matte for one in made)
    green = statistics.fmean(one.green for one in made)
    black = statistics.fmean(one.black for one in made)
    spent_s = statistics.median(one.spent_s for one in made)
    return (
        f"matte {matte:5.1f} %  green {green:5.1f}  black {black:5.1f}  {spent_s:.2f} s"
    )


if __name__ == "__main__":
    raise SystemExit(main())
