"""The line of lashes where the lids of a closed eye meet."""

import numpy as np

from models.controls import smoothstep
from models.media import FloatArray

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
