"""What lies behind a person: the photo's background goes on where the person stood."""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from models.controls import smoothstep
from models.edge import grown
from models.media import FloatArray

MARGIN = 0.01  # of the width, about the matte: what hair has tinted
SEEN, WHOLE = 8, 245  # of 255; less of a matte is nobody, more all person
LITTLE, BESIDE_IT = (0.05, 0.40), 0.004  # of a person, up to so near, of the width
TINTED = 0.0, 0.05  # of the way to a person's colour
MIRRORED, SMOOTH = 0.05, 0.12  # of the width, inwards: all mirrored, none of it
# Of the width: what is taken for the edge of what is filled in, and from where on none
# of it counts; levels apart from what is seen beside it, until a line and from one on.
RIM, DEEPER, UNLIKE_RIM = 0.012, (0.01, 0.03), (20, 50)
PLAIN = 0.03  # of the width: half of how narrow bays of its edge are, to be left out
COARSER, FAR = 2, 10_000  # px: of the edge's; beyond any picture
EVEN = 0.03  # of the width: how even its edge is taken to be
UPRIGHT = 0.5, 0.7  # of how far the sides are, with the upper edge: beside, above
STRAND, STRANDS_REACH = 0.0045, 0.08  # of the width: half of one, how far they look
STRANDS_END = 0.14  # of the width: further from the person, none is taken for one
STRANDS_HOLD = 0.015  # of the width: nearer, a strand hangs on the person
SOONER = 8  # times as much as a neighbourhood is known, its colours are taken for all
USUAL = 0.05  # of the width about a strand: what usually stands out there
STRAND_LEVELS, STRAND_OUTSTANDS = 20, 2.5
STRAND_ALIKE, STRAND_GOES_ON = 0.9, 0.6  # cosines; where it begins, and further on

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
    strands = _strands(picture, person, *sides)
    smooth = _spread_in(picture, ~(person | strands))
    bare = np.where((person | strands)[..., None], smooth, picture)
    rim, share = _mirrored(bare, _plain(person, PLAIN * width))
    share = share * _goes_on(rim, bare, person)
    mixed = smooth + (rim - smooth) * share[..., None]
    filled = mixed + _brought_to(bare - mixed, ~person)
    filled = np.where(person[..., None], filled, bare).clip(0, 255)
    _show_seen(filled, picture, matte, sides[1], person | strands)
    return np.asarray(np.round(filled), np.uint8)


def _show_seen(
    filled: FloatArray,
    picture: UintArray,
    matte: UintArray,
    inside: UintArray,
    where: Mask,
) -> None:
    """Puts the background's own colours back into what was filled in, [H, W, 3], where
    little of the person lies before it: not where what is seen differs from what was
    filled in as the person, inside, does, which the matte then missed."""
    side = 2 * max(round(BESIDE_IT * matte.shape[1]), 1) + 1
    about = cv2.dilate(matte, np.ones((side, side), np.uint8)) / np.float32(255)
    at = where & (about < LITTLE[1])
    share, person = matte[at, None] / np.float32(255), inside[at].astype(np.float32)
    own = (picture[at] - share * person) / (1 - share)
    apart, way = own - filled[at], person - filled[at]
    tint = (apart * way).sum(1) / ((way * way).sum(1) + 1)
    seen = smoothstep(about[at], *LITTLE[::-1]) * smoothstep(tint, *TINTED[::-1])
    filled[at] = (filled[at] + apart * seen[:, None]).clip(0, 255)


def _strands(
    picture: UintArray, person: Mask, behind: UintArray, inside: UintArray
) -> Mask:
    """Single hairs beyond the person's edge, [H, W]: thin, of a colour towards the
    person's, and unlike all that is about them. Left behind, they would float in the
    air.

    behind, inside: the colours of the background and of the person, spread everywhere.
    """
    width = person.shape[1]
    away = _way_in(~person) / width
    near = (away > 0) & (away < STRANDS_END)
    far, alike = _standing_out(picture, behind, inside)
    outside = (~person).astype(np.float32)
    window = (2 * max(round(USUAL * width), 3) + 1,) * 2
    usual, weight = (cv2.blur(each, window) for each in (far * outside, outside))
    found = near & (far > STRAND_LEVELS) & (far * weight > STRAND_OUTSTANDS * usual)
    sure, found = found & (alike > STRAND_ALIKE), found & (alike > STRAND_GOES_ON)
    # What hangs on the person, if by parts that are seen.
    whole = grown(found, max(round(STRAND * width), 2)) & near
    _, parts = cv2.connectedComponents(whole.astype(np.uint8))
    hold = (away < max(STRANDS_HOLD, 2.5 / width)) & sure
    hanging = found & np.isin(parts, np.unique(parts[hold]))
    return grown(hanging, max(round(0.003 * width), 1)) & near


def _standing_out(
    picture: UintArray, behind: UintArray, inside: UintArray
) -> tuple[FloatArray, FloatArray]:
    """How far thin things differ from what is about them, in levels, and how far the
    way they do is that of the person, or of the darkest of the person near by: [H, W]
    both."""
    width = picture.shape[1]
    side, wide = (
        2 * max(round(share * width), 2) + 1 for share in (STRAND, STRANDS_REACH)
    )
    # Round, so that nothing of a round light is thin.
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    closed, opened = (
        cv2.morphologyEx(picture, way, disc)
        for way in (cv2.MORPH_CLOSE, cv2.MORPH_OPEN)
    )
    darker = _luma(inside) < _luma(behind)
    about = np.where(darker[..., None], closed, opened)
    darkest = np.asarray(cv2.erode(inside, np.ones((wide, wide), np.uint8)), np.uint8)
    alike = np.maximum(
        _alike(picture, about, inside), _alike(picture, np.asarray(closed), darkest)
    )
    apart = np.maximum(cv2.absdiff(picture, closed), cv2.absdiff(picture, opened))
    return _length(apart.astype(np.float32)), alike


def _alike(
    picture: UintArray, about: npt.NDArray[np.uint8], person: UintArray
) -> FloatArray:
    """How far what is seen differs from what is about it as a person does, [H, W]: the
    cosine of both ways in the space of colours."""
    apart, way = (each.astype(np.float32) - about for each in (picture, person))
    along = np.einsum("hwc,hwc->hw", apart, way)
    return np.asarray(along / (_length(apart) * _length(way) + 1))


def _length(ways: FloatArray) -> FloatArray:
    """Of ways [H, W, 3] in the space of colours: [H, W]."""
    return np.asarray(np.sqrt(np.einsum("hwc,hwc->hw", ways, ways)))


def _luma(picture: UintArray) -> FloatArray:
    return np.asarray(picture @ np.array([0.299, 0.587, 0.114], np.float32))


def _mirrored(picture: UintArray, person: Mask) -> tuple[FloatArray, FloatArray]:
    """What lies as far outside the person, to the left, to the right or above, as each
    pixel inside: [H, W, 3]; and how much of it may be shown, [H, W], 0 to 1."""
    width = person.shape[1]
    y, x = np.indices(person.shape, np.float32)
    left, right, top = (
        _edge_along(side) for side in (person, person[:, ::-1], person.T)
    )
    right, top = width - 1 - right[:, ::-1], top.T
    from_left, from_right, from_top = (
        np.maximum(away, 0) for away in (x - left, right - x, y - top)
    )
    edge = np.where(from_left < from_right, left, right)
    aside = np.minimum(from_left, from_right)
    beside, beside_known = _looked_up(picture, person, 2 * edge - x, y)
    above, above_known = _looked_up(picture, person, x, 2 * top - y)
    upright = aside / np.maximum(aside + from_top, 1e-6)
    upwards = smoothstep(upright, *UPRIGHT) * above_known + 1e-6
    sideways = smoothstep(upright, *UPRIGHT[::-1]) * beside_known + 1e-6
    upwards = upwards / (upwards + sideways)
    mirrored = beside + (above - beside) * upwards[..., None]
    known = beside_known + (above_known - beside_known) * upwards
    share = smoothstep(_way_in(person) / width, SMOOTH, MIRRORED) * smoothstep(
        known, 0.4, 1.0
    )
    return np.asarray(mirrored, np.float32), np.asarray(share, np.float32)


def _brought_to(apart: FloatArray, known: Mask) -> FloatArray:
    """What is to be added to colours that are, where they are known, so far apart from
    what they should be: [H, W, 3]; less, further away from there."""
    weight = known.astype(np.float32)
    sigma = max(0.012 * known.shape[1], 1)
    total, near = (
        np.asarray(cv2.GaussianBlur(each, (0, 0), sigma))
        for each in (apart * weight[..., None], weight)
    )
    return np.asarray(total / np.maximum(near, 0.1)[..., None], np.float32)


def _goes_on(rim: FloatArray, bare: UintArray, person: Mask) -> FloatArray:
    """How far what is mirrored may be shown, [H, W], 0 to 1: all of it but at an edge
    where it is not what is seen beside it, for there it would be a line, like a thread,
    as soon as the head turns."""
    width = person.shape[1]
    way = _way_in(person) / width
    inside = person & (way < RIM)
    sigma = max(RIM / 2 * width, 1)
    seen, drawn = _about(bare, ~person, sigma), _about(rim, inside, sigma)
    apart = _length(seen - drawn) * inside
    apart = np.asarray(cv2.dilate(apart, np.ones((5, 5), np.uint8)))
    return np.maximum(smoothstep(way, *DEEPER), smoothstep(apart, *UNLIKE_RIM[::-1]))


def _about(colours: npt.NDArray[Any], known: Mask, sigma: float) -> FloatArray:
    """The colours that are known, spread a little way beyond: [H, W, 3]."""
    weight = known.astype(np.float32)
    total, near = (
        np.asarray(cv2.GaussianBlur(each, (0, 0), sigma))
        for each in (colours * weight[..., None], weight)
    )
    return np.asarray(total / np.maximum(near, 0.02)[..., None], np.float32)


def _edge_along(person: Mask) -> FloatArray:
    """The column where the person begins in the row of each of its pixels, evened:
    [H, W]; far away where that is beyond the picture."""
    size = person.shape[1] // COARSER, person.shape[0] // COARSER
    small = cv2.resize(person.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    columns = np.arange(size[0], dtype=np.float32)
    before = np.pad(small, ((0, 0), (1, 0)))[:, :-1]
    begins = np.maximum.accumulate(np.where(small > before, columns, 0), 1)
    sure = ((small > 0) & (begins > 0)).astype(np.float32)
    total, weight = (
        np.asarray(cv2.GaussianBlur(each, (0, 0), EVEN * size[0]))
        for each in (begins * sure, sure)
    )
    edge = (total / np.maximum(weight, 1e-3) + 0.5) * COARSER - 0.5
    edge = np.where(weight > 1e-3, edge, -FAR).astype(np.float32)
    return np.asarray(cv2.resize(edge, person.shape[::-1]), np.float32)


def _looked_up(
    picture: UintArray, person: Mask, x: FloatArray, y: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Colours at places, [H, W, 3], and whether they are there and not the person's,
    [H, W], 0 to 1, softly."""
    places, there = (x.astype(np.float32), y.astype(np.float32)), ~person
    colours, known = (
        np.asarray(cv2.remap(each, *places, cv2.INTER_LINEAR, None, border), np.float32)
        # No black beyond the picture, which would show where it is known by half.
        for each, border in (
            (picture, cv2.BORDER_REPLICATE),
            (there.astype(np.float32), cv2.BORDER_CONSTANT),
        )
    )
    return colours, np.asarray(cv2.GaussianBlur(known, (0, 0), 0.006 * person.shape[1]))


def _plain(mask: Mask, radius: float) -> Mask:
    """A mask without bays, as between locks, and without what is as thin as they."""
    margin = int(radius) + 1
    plain = np.pad(mask, margin, "edge")
    plain = _way_in(~plain) < radius
    plain = _way_in(plain) > 2 * radius  # as far in as before, then by radius further
    plain = _way_in(~plain) < radius
    return np.asarray(plain[margin:-margin, margin:-margin])


def _way_in(mask: Mask) -> FloatArray:
    """Pixels to the mask's edge, 0 outside: [H, W]."""
    away = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5)
    return np.asarray(away, np.float32)


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
        share = np.minimum(SOONER * weight, 1)[..., None]
        own = colour / np.maximum(weight, 1e-6)[..., None]
        result = wide + (own - wide) * share
    return np.asarray(np.clip(np.round(result), 0, 255), np.uint8)
