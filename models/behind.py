"""What lies behind a person: the photo's background goes on where the person stood."""

import cv2
import numpy as np
import numpy.typing as npt

from models.controls import smoothstep
from models.edge import grown
from models.media import FloatArray

MARGIN = 0.01  # of the width, about the matte: what hair has tinted
SEEN, WHOLE = 8, 245  # of 255; less of a matte is nobody, more all person
MIRRORED, SMOOTH = 0.05, 0.12  # of the width, inwards: all mirrored, none of it
EVEN, EVEN_WAY = 0.02, 0.05  # of the width: how even the edge is taken to be
STRAND, STRANDS_REACH = 0.006, 0.08  # of the width: half of one, how far they stand out
STRANDS_HOLD = 0.015  # of the width: nearer, a strand hangs on the person
STRAND_LEVELS, STRAND_OUTSTANDS = 20, 2.5
STRAND_ALIKE = 0.9  # cosine

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
    sides = _spread_in(picture, ~person), _spread_in(picture, matte > WHOLE)
    person |= _strands(picture, person, *sides)
    smooth = _spread_in(picture, ~person)
    rim, share = _mirrored(np.where(person[..., None], smooth, picture), person)
    filled = smooth + (rim.astype(np.float32) - smooth) * share[..., None]
    return np.where(person[..., None], np.round(filled), picture).astype(np.uint8)


def _strands(
    picture: UintArray, person: Mask, behind: UintArray, inside: UintArray
) -> Mask:
    """Single hairs beyond the person's edge, [H, W]: thin, of a colour towards the
    person's, and unlike all that is about them. Left behind, they would float in the
    air.

    behind, inside: the colours of the background and of the person, spread everywhere.
    """
    width = person.shape[1]
    near = grown(person, round(STRANDS_REACH * width)) & ~person
    far, alike = _standing_out(picture, behind, inside)
    outside = (~person).astype(np.float32)
    usual, weight = (
        cv2.GaussianBlur(each, (0, 0), max(0.03 * width, 2))
        for each in (far * outside, outside)
    )
    found = near & (far > STRAND_LEVELS) & (alike > STRAND_ALIKE)
    found &= far * weight > STRAND_OUTSTANDS * usual
    # What hangs on the person, if by parts that are seen.
    whole = grown(found, max(round(STRAND * width), 2)) & near
    _, parts = cv2.connectedComponents(whole.astype(np.uint8))
    hold = grown(person, max(round(STRANDS_HOLD * width), 2)) & found
    hanging = found & np.isin(parts, np.unique(parts[hold]))
    return grown(hanging, max(round(0.003 * width), 1)) & near


def _standing_out(
    picture: UintArray, behind: UintArray, inside: UintArray
) -> tuple[FloatArray, FloatArray]:
    """How far thin things differ from what is about them, in levels, and how far the
    way they do is that of the person, or of the darkest of the person near by: [H, W]
    both."""
    width = picture.shape[1]
    square, wide = (
        np.ones((2 * max(round(share * width), 2) + 1,) * 2, np.uint8)
        for share in (STRAND, STRANDS_REACH)
    )
    closed, opened = (
        cv2.morphologyEx(picture, way, square)
        for way in (cv2.MORPH_CLOSE, cv2.MORPH_OPEN)
    )
    darker = _luma(inside) < _luma(behind)
    about = np.where(darker[..., None], closed, opened)
    darkest = np.asarray(cv2.erode(inside, wide), np.uint8)
    alike = np.maximum(
        _alike(picture, about, inside), _alike(picture, np.asarray(closed), darkest)
    )
    apart = np.maximum(cv2.absdiff(picture, closed), cv2.absdiff(picture, opened))
    far = np.linalg.norm(apart.astype(np.float32), axis=2)
    return np.asarray(far, np.float32), alike


def _alike(
    picture: UintArray, about: npt.NDArray[np.uint8], person: UintArray
) -> FloatArray:
    """How far what is seen differs from what is about it as a person does, [H, W]: the
    cosine of both ways in the space of colours."""
    apart, way = (each.astype(np.float32) - about for each in (picture, person))
    lengths = np.linalg.norm(apart, axis=2) * np.linalg.norm(way, axis=2)
    return np.asarray((apart * way).sum(2) / (lengths + 1))


def _luma(picture: UintArray) -> FloatArray:
    return np.asarray(picture @ np.array([0.299, 0.587, 0.114], np.float32))


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
