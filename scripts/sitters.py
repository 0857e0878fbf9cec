"""Portraits whose matte is known: the embedded portrait's face amid hair that is drawn
strand by strand, before backgrounds that are drawn too."""

from dataclasses import dataclass
from functools import cache
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from models.identity import embedded_photo
from models.landmarks import find_face
from models.photo import open_photo

Hair = Literal["afro", "long", "short"]
Wall = Literal["plain", "light", "stripes", "leaves", "street"]
HAIR: tuple[Hair, ...] = ("afro", "long", "short")
WALLS: tuple[Wall, ...] = ("plain", "light", "stripes", "leaves", "street")

FINER = 3  # strands are drawn so many times larger
FACE = 0.40  # of the picture, from forehead to chin
_COLOURS = {"afro": (34, 26, 22), "long": (72, 44, 28), "short": (150, 112, 66)}

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Sitter:
    """picture: uint8 RGB [H, W, 3]. matte: float32 [H, W], 0 to 1. person: float32
    [H, W, 3], the colours without what is behind. landmarks: float32 [478, 3]."""

    picture: npt.NDArray[np.uint8]
    matte: Floats
    person: Floats
    landmarks: Floats


@cache
def _head() -> tuple[npt.NDArray[np.uint8], Floats]:
    photo = open_photo(embedded_photo())
    return photo, find_face(photo)


def sitter(hair: Hair, wall: Wall, side: int = 512, seed: int = 0) -> Sitter:
    """The same for the same words."""
    rng = np.random.default_rng(seed)
    fine = side * FINER
    colours = np.zeros((fine, fine, 3), np.uint8)
    there = np.zeros((fine, fine), np.uint8)
    _shoulders(colours, there, rng)
    _hair(colours, there, hair, rng)
    landmarks = _face(colours, there)
    if hair == "long":
        _strands(colours, there, _fringe(fine), _COLOURS[hair], rng)
    matte = _smaller(there.astype(np.float32) / 255, side)
    person = _smaller(colours * (there[..., None] / np.float32(255)), side)
    person /= np.maximum(matte, 1e-4)[..., None]
    behind = _wall(wall, side, rng)
    share = matte[..., None]
    mixed = person * share + behind * (1 - share)
    mixed += rng.normal(0, 1.5, mixed.shape).astype(np.float32)  # a camera's noise
    picture = np.asarray(np.round(mixed.clip(0, 255)), np.uint8)
    return Sitter(picture, matte, person, landmarks / FINER)


def _smaller(picture: Floats, side: int) -> Floats:
    size = (side, side)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))


def _face(colours: npt.NDArray[np.uint8], there: npt.NDArray[np.uint8]) -> Floats:
    photo, found = _head()
    fine = len(there)
    height = float(np.linalg.norm(found[152, :2] - found[10, :2]))
    scale = FACE * fine / height
    middle = found[:468, :2].mean(0)
    shift = np.array([0.5, 0.47]) * fine - scale * middle
    to_fine = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    large = cv2.warpAffine(photo, to_fine, (fine, fine), flags=cv2.INTER_CUBIC)
    points = found * scale
    points[:, :2] += shift
    hull = cv2.convexHull(points[:468, :2].astype(np.int32))
    face = np.zeros_like(there)
    cv2.fillConvexPoly(face, hull, (255,))
    colours[face > 0] = large[face > 0]
    there[face > 0] = 255
    return np.asarray(points, np.float32)


def _shoulders(
    colours: npt.NDArray[np.uint8],
    there: npt.NDArray[np.uint8],
    rng: np.random.Generator,
) -> None:
    fine = len(there)
    neck = np.array([[0.41, 0.5], [0.59, 0.5], [0.60, 0.82], [0.40, 0.82]]) * fine
    shirt = [[0.02, 1.01], [0.10, 0.86], [0.40, 0.76], [0.60, 0.76], [0.90, 0.86]]
    body = np.array([*shirt, [0.98, 1.01]]) * fine
    colour = tuple(int(v) for v in rng.integers(60, 200, 3))
    for outline, filled in ((body, colour), (neck, (190, 140, 115))):
        cv2.fillPoly(colours, [outline.astype(np.int32)], filled)
        cv2.fillPoly(there, [outline.astype(np.int32)], (255,))


def _hair(
    colours: npt.NDArray[np.uint8],
    there: npt.NDArray[np.uint8],
    hair: Hair,
    rng: np.random.Generator,
) -> None:
    fine = len(there)
    middle = (round(0.5 * fine), round(0.42 * fine))
    wide, high, reach = {
        "afro": (0.29, 0.30, 0.09),
        "long": (0.21, 0.25, 0.03),
        "short": (0.19, 0.24, 0.03),
    }[hair]
    axes = (round(wide * fine), round(high * fine))
    cv2.ellipse(colours, middle, axes, 0, 0, 360, _COLOURS[hair], -1)
    cv2.ellipse(there, middle, axes, 0, 0, 360, (255,), -1)
    around = rng.uniform(0, 2 * np.pi, 2600 if hair == "afro" else 900)
    root = np.stack([np.cos(around), np.sin(around)], 1) * axes + middle
    away = np.stack([np.cos(around), np.sin(around)], 1)
    t = np.linspace(-0.6, 1, 12)[None, :, None]
    long = reach * fine * rng.gamma(3, 1 / 3, (len(around), 1, 1)).clip(0, 2)
    side = np.stack([-away[:, 1], away[:, 0]], 1)[:, None]
    curl = rng.normal(0, 0.35, (len(around), 1, 1))
    wave = 0.12 * np.sin(9 * t + rng.uniform(0, 6, (len(around), 1, 1)))
    lines = root[:, None] + long * (t * away[:, None] + (curl * t**2 + wave) * side)
    _strands(colours, there, lines, _COLOURS[hair], rng)


def _fringe(fine: int) -> npt.NDArray[np.float64]:
    """Long hair that falls over the shoulders, with gaps: [strands, points, 2]."""
    rng = np.random.default_rng(5)
    t = np.linspace(0, 1, 24)[None, :, None]
    sides = np.repeat([-1.0, 1.0], 420)
    lock = rng.integers(0, 6, len(sides))
    start = np.stack([0.5 + sides * (0.165 + 0.010 * lock), 0.30 + 0 * sides], 1)
    spread = 0.02 + 0.030 * lock + rng.normal(0, 0.006, len(sides))
    end = start + np.stack([sides * spread, 0.55 + 0.03 * lock], 1)
    path = start[:, None] * (1 - t) + end[:, None] * t
    path[..., 0] += (0.012 * np.sin(5 * t + lock[:, None, None]))[..., 0]
    path[..., 0] += rng.normal(0, 0.004, (len(sides), 1))
    return np.asarray(path * fine)


def _strands(
    colours: npt.NDArray[np.uint8],
    there: npt.NDArray[np.uint8],
    lines: npt.NDArray[np.float64],
    colour: tuple[int, int, int],
    rng: np.random.Generator,
) -> None:
    for line in lines:
        tone = rng.normal(0, 9) + np.array(colour)
        shade = tuple(int(v) for v in tone.clip(0, 255))
        points = [np.round(line).astype(np.int32)]
        thick = int(rng.integers(1, 4))
        cv2.polylines(colours, points, False, shade, thick)
        cv2.polylines(there, points, False, (255,), thick)


def _wall(wall: Wall, side: int, rng: np.random.Generator) -> Floats:
    y, x = np.mgrid[0:side, 0:side].astype(np.float32) / side
    if wall in ("plain", "light"):
        base = (165, 30, 32) if wall == "plain" else (232, 232, 228)
        light = 1 - 0.15 * x - 0.1 * y
        return np.asarray(np.array(base, np.float32) * light[..., None], np.float32)
    if wall == "stripes":
        bars = (np.floor(9 * x) % 2)[..., None]
        two = np.array([[40, 70, 140], [210, 200, 180]], np.float32)
        return np.asarray(two[0] + bars * (two[1] - two[0]), np.float32)
    total = np.zeros((side, side, 3), np.float32)
    steps = (6, 20, 60) if wall == "leaves" else (3, 5, 8)
    for step in steps:
        noise = rng.uniform(0, 1, (step, step, 3)).astype(np.float32)
        total += np.asarray(cv2.resize(noise, (side, side)), np.float32) / len(steps)
    if wall == "leaves":
        return np.asarray(total * np.array([90, 150, 60], np.float32) + 10, np.float32)
    return np.asarray((255 * (0.5 + 1.4 * (total - 0.5))).clip(0, 255), np.float32)
