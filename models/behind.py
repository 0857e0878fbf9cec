"""What lies behind a person: the photo's background goes on where the person stood."""

import cv2
import numpy as np
import numpy.typing as npt

from models.controls import smoothstep
from models.edge import grown
from models.media import FloatArray

MARGIN = 0.01  # of the width, about the matte: what hair has tinted
SEEN = 8  # of 255; less of a matte is nobody
MIRRORED, SMOOTH = 0.05, 0.12  # of the width, inwards: all mirrored, none of it
EVEN, EVEN_WAY = 0.02, 0.05  # of the width: how even the edge is taken to be
STRAND, STRANDS_REACH = 0.006, 0.08  # of the width: half of one, how far they stand out
STRAND_LEVELS, STRAND_OUTSTANDS = 16, 2.5

UintArray = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


def fill_background(picture: UintArray, matte: UintArray) -> UintArray:
    """The picture with the person painted out: uint8 [H, W, 3].

    Only a rim is ever seen, when the head turns. There the background is mirrored at
    the person's edge, so that it keeps its texture and horizons stay level; everything
    deeper is filled smoothly.
    """
    width = matte.shape[1]
    person = grown(matte > SEEN, max(round(MARGIN * width), 2))
    if person.all():
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), width / 40), np.uint8)
    if not person.any():
        return picture.copy()
    person |= _strands(picture, person)
    smooth = _spread_in(picture, ~person)
    rim, share = _mirrored(np.where(person[..., None], smooth, picture), person)
    filled = smooth + (rim.astype(np.float32) - smooth) * share[..., None]
    return np.where(person[..., None], np.round(filled), picture).astype(np.uint8)


def _strands(picture: UintArray, person: Mask) -> Mask:
    """Single hairs beyond the person's edge, [H, W]: thin, and unlike what is about
    them, where that is calm. Left behind, they would float in the air."""
    width = person.shape[1]
    square = np.ones((2 * max(round(STRAND * width), 2) + 1,) * 2, np.uint8)
    darker = cv2.morphologyEx(picture, cv2.MORPH_BLACKHAT, square).max(2)
    lighter = cv2.morphologyEx(picture, cv2.MORPH_TOPHAT, square).max(2)
    apart = np.maximum(darker, lighter).astype(np.float32)
    outside = (~person).astype(np.float32)
    usual, weight = (
        cv2.GaussianBlur(each, (0, 0), max(0.03 * width, 2))
        for each in (apart * outside, outside)
    )
    stands_out = apart * weight > STRAND_OUTSTANDS * usual
    near = grown(person, round(STRANDS_REACH * width)) & ~person
    found = near & stands_out & (apart > STRAND_LEVELS)
    return grown(found, max(round(0.003 * width), 1)) & near


def _mirrored(picture: UintArray, person: Mask) -> tuple[UintArray, FloatArray]:
    """What lies as far outside the person as each pixel inside: uint8 [H, W, 3]; and
    how much of it may be shown, [H, W], 0 to 1."""
    width = person.shape[1]
    inside, outside = (
        np.asarray(cv2.distanceTransform(side.astype(np.uint8), cv2.DIST_L2, 5))
        for side in (person, ~person)
    )
    depth = np.asarray(cv2.GaussianBlur(inside - outside, (0, 0), EVEN * width))
    even = cv2.GaussianBlur(inside - outside, (0, 0), EVEN_WAY * width)
    down, right = np.gradient(np.asarray(even))
    length = np.hypot(right, down) + 1e-6
    right, down = right / length, down / length
    # Straight to the side where the edge is steep, so that what is level stays so.
    upright = smoothstep(np.abs(down), 0.6, 0.95)
    way = np.stack([np.sign(right) * (1 - upright) + right * upright, down * upright])
    way /= np.hypot(way[0], way[1]) + 1e-6
    across = np.maximum(way[0] * right + way[1] * down, 0.3)
    step = 2 * np.maximum(depth, 0) / across
    y, x = np.indices(person.shape, np.float32)
    x, y = (
        (x - step * way[0]).astype(np.float32),
        (y - step * way[1]).astype(np.float32),
    )
    mirrored, known = (
        cv2.remap(each, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        for each in (picture, (~person).astype(np.float32))
    )
    share = smoothstep(depth / width, SMOOTH, MIRRORED)
    share *= smoothstep(cv2.GaussianBlur(known, (0, 0), 0.006 * width), 0.4, 1.0)
    return np.asarray(mirrored, np.uint8), np.asarray(share, np.float32)


def _spread_in(picture: UintArray, known: npt.NDArray[np.bool_]) -> UintArray:
    """Fills what is not known from ever wider neighbourhoods."""
    height, width = known.shape
    weight = known.astype(np.float32)
    colour = picture.astype(np.float32) * weight[..., None]
    levels = [(colour, weight)]
    while min(levels[-1][1].shape) > 2:
        colour, weight = levels[-1]
        size = (max(weight.shape[1] // 2, 1), max(weight.shape[0] // 2, 1))
        levels.append(
            (
                np.asarray(cv2.resize(colour, size, interpolation=cv2.INTER_AREA)),
                np.asarray(
                    cv2.resize(weight, size, interpolation=cv2.INTER_AREA), np.float32
                ),
            )
        )
    colour, weight = levels[-1]
    result = colour / np.maximum(weight, 1e-6)[..., None]
    for colour, weight in reversed(levels[:-1]):
        wide = cv2.resize(result, weight.shape[::-1], interpolation=cv2.INTER_LINEAR)
        share = np.minimum(weight, 1)[..., None]
        own = colour / np.maximum(weight, 1e-6)[..., None]
        result = wide + (own - wide) * share
    return np.asarray(np.clip(np.round(result), 0, 255), np.uint8)
