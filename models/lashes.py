"""Lashes: those of the open eye, and their line where the lids of a closed eye meet."""

import cv2
import numpy as np

from models.controls import smoothstep
from models.lid_place import BELOW_LINE, LidPlace
from models.media import LUMA, FloatArray

# In half eye widths: hairs are apart and thick, and as long as an eye with short and
# with long lashes has them.
APART, THICK = 0.046, 0.020
SHORT, LONG = 0.09, 0.30
EDGE = 0.040, 0.060  # the height of the lids' edge, above and below its darkest
# The shade of lids that meet and of what hangs over them.
SHADE, SHADE_REACH = 0.45, (0.14, 0.31)
# Of its length, that a hair leans outwards in the middle, and that the outermost one
# does more.
LEAN, FAN = 0.15, 0.75
LASHES = 0.8  # of the open eye's darkest, that lashes are as light where lids meet
LIGHTEST = 0.6  # of the skin, that they are at most
LASH_DARKER = 0.25, 0.45  # of the skin's brightness: from there on it is a lash
# As far outwards lashes lie at least and at most, half eye widths, and how dark they
# still are there, of the lid's line.
REACHES, OF_LINE = (1.05, 1.35), 0.5
SHARP_PX = 0.6  # the blur of an edge between two pixels


def lash_line(
    outwards: FloatArray, below: FloatArray, half: float, long: float
) -> FloatArray:
    """How much of the light the line takes, 0 to 1: the lids' edge, and hairs that hang
    over the lower lid.

    outwards: along the eye, -1 at the nose to 1; below: under the lids' edge; both
        half eye widths, [h, w]. half: of an eye's width, pixels. long: how long lashes
        are, 0 to 1.
    """
    pixel = 1 / half
    full = _fullness(outwards)
    edge = _stroke(below, np.where(below < 0, *EDGE) * full, pixel)
    soft = np.where(below < 0, *SHADE_REACH) * full + 0.5 * pixel
    shade = SHADE * np.exp(-((below / soft) ** 2))
    length = (SHORT + (LONG - SHORT) * long) * full
    down = below / np.maximum(length, 1e-3)  # along a hair, 0 to 1
    root = outwards - below * (FAN * outwards + LEAN)
    hair = np.floor(root / APART)
    shown = np.zeros_like(outwards)
    chance = np.random.default_rng(1).random((3, 64)).astype(np.float32)
    for neighbour in (-1, 0, 1):
        which = (hair + neighbour).astype(int) % 64
        shift, own_length, lean = chance[:, which]
        middle = (hair + neighbour + 0.25 + 0.5 * shift) * APART
        bent = middle + 0.5 * APART * (lean - 0.5) * down
        ends = 0.6 + 0.4 * own_length
        tapered = THICK * np.clip(1 - down / ends, 0, 1)
        hung = _stroke(root - bent, tapered, pixel)
        hung = hung * smoothstep(down, -0.15, 0.0) * smoothstep(down, ends, 0.5 * ends)
        shown = np.maximum(shown, hung)
    # Roots stand close: near the edge hairs are one shade.
    roots = 0.5 * np.exp(-np.maximum(down, 0) / 0.4) * smoothstep(down, -0.25, 0.0)
    left = (1 - 0.75 * shown) * (1 - roots * full) * (1 - edge) * (1 - shade)
    ends = smoothstep(outwards, -1.15, -0.75) * smoothstep(outwards, 1.10, 0.85)
    return np.asarray((1 - left) * ends, np.float32)


def _fullness(outwards: FloatArray) -> FloatArray:
    """How thick lashes stand: most outwards of the middle, few at the nose."""
    full = smoothstep(outwards, -1.1, 0.3) * (1 - 0.5 * smoothstep(outwards, 0.5, 1.1))
    return np.asarray(0.42 + 0.58 * full, np.float32)


def _stroke(away: FloatArray, thick: FloatArray, pixel: float) -> FloatArray:
    """A line, as much of a pixel as it covers when it is thinner."""
    soft = np.maximum(thick, 0.6 * pixel)
    covered = np.exp(-((away / soft) ** 2)) * np.minimum(thick / soft, 1)
    return np.asarray(covered, np.float32)


def standing(
    plain: FloatArray, patch: FloatArray, at: LidPlace, half: float
) -> FloatArray:
    """The open eye's lashes where they stand out beyond the lid's mask: 0 to 1."""
    skin = np.maximum(plain @ LUMA, 1)
    darker = 1 - cv2.GaussianBlur(patch, (0, 0), 0.7) @ LUMA / skin
    high = min(at.skin, 0.9)
    near = smoothstep(at.t, at.upper.min() - 0.95 * high, at.upper.min() - 0.7 * high)
    near = near * smoothstep(at.below_line, *BELOW_LINE)
    near = near * smoothstep(at.s, -1.35, -1.15) * smoothstep(at.s, 1.9, 1.6)
    sure = smoothstep(darker, *LASH_DARKER)
    # Their tips are fainter, and what is next to them is theirs.
    about = cv2.dilate(near * sure, np.ones((side := round(0.25 * half) | 1, side)))
    found = np.maximum(sure, about * smoothstep(darker, 0.06, 0.14))
    found = near * cv2.dilate(found, np.ones((3, 3)))
    return np.asarray(cv2.GaussianBlur(found, (0, 0), 0.8), np.float32)


def single_hairs(
    plain: FloatArray, patch: FloatArray, at: LidPlace, half: float
) -> FloatArray:
    """Where single lashes stand up from the upper lid, 0 to 1: thin and dark, which the
    shade of a brow is not."""
    side = round(0.24 * half) | 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    thin = cv2.morphologyEx(patch @ LUMA, cv2.MORPH_BLACKHAT, disc) / (plain @ LUMA + 1)
    thin = cv2.dilate(smoothstep(thin, 0.08, 0.16), disc)
    above = at.upper - at.t
    high = min(at.skin, 0.9)
    stand = smoothstep(above, 0.06, 0.2) * smoothstep(above, 0.75 * high, 0.5 * high)
    return np.asarray(stand * cv2.GaussianBlur(thin, (0, 0), 0.05 * half), np.float32)


def ink_of(
    plain: FloatArray,
    patch: FloatArray,
    lashes: FloatArray,
    at: LidPlace,
    half: float,
) -> tuple[FloatArray, FloatArray]:
    """The line of lashes, [h, w], as dark and as long as the open eye's are, and its
    colour, [3]."""
    line = (np.abs(at.t - at.upper) < 0.10) & (np.abs(at.s) < 0.8)
    skin = float(np.median(plain @ LUMA))
    colour = _darkest(patch[line] if line.sum() > 8 else plain.reshape(-1, 3))
    dark = float(colour @ LUMA)
    above = (at.t < at.upper - 0.12) & (at.t > at.upper - 0.4) & (np.abs(at.s) < 1.1)
    stand = lashes[above]
    long = float(np.clip(2.5 * stand.mean(), 0, 1)) if stand.size else 0.0
    colour *= min(LASHES, LIGHTEST * skin / max(dark, 1.0))
    reach = _reach(plain, patch, at)
    along = np.where(at.s > 0, at.s / reach, at.s).astype(np.float32)
    ink = lash_line(along, at.below_line, half, long)
    # As sharp as the open eye's: its edges go from dark to light over so many pixels.
    luma = patch @ LUMA
    steps = np.hypot(*np.gradient(luma))[np.abs(at.t - at.upper) < 0.3]
    steepest = float(np.percentile(steps, 98)) if steps.size else 1.0
    soft = (skin - dark) / max(2.5 * steepest, 1.0)
    sharper = np.sqrt(np.clip(soft**2 - SHARP_PX**2, 0.01, (0.035 * half) ** 2))
    return np.asarray(cv2.GaussianBlur(ink, (0, 0), sharper), np.float32), colour


def _darkest(colours: FloatArray) -> FloatArray:
    """The mean of the darkest tenth of colours [n, 3]: [3]."""
    luma = colours @ LUMA
    dark = luma <= np.percentile(luma, 10)
    return np.asarray(colours[dark].mean(0), np.float32)


def _reach(plain: FloatArray, patch: FloatArray, at: LidPlace) -> float:
    """How far outwards the line of lids and lashes goes, half eye widths: landmarks lie
    within the corner that is seen."""
    darker = 1 - cv2.GaussianBlur(patch, (0, 0), 0.7) @ LUMA / (plain @ LUMA + 1)
    near = np.where(np.abs(at.t - 0.5 * (at.upper + at.lower)) < 0.3, darker, 0)
    usual = near[np.abs(at.s - 0.75) < 0.15]
    if not usual.size:
        return REACHES[0]
    least = OF_LINE * float(np.percentile(usual, 90))
    reached = REACHES[0]
    for s in np.arange(1.0, REACHES[1], 0.05):
        column = near[np.abs(at.s - s) < 0.05]
        if not column.size or np.percentile(column, 95) < max(least, 0.08):
            break
        reached = max(reached, float(s))
    return reached
