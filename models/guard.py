"""The identity guard: does a refined picture still show the same person, in place?

No weights for recognising faces are here, so "the same person" is measured by what is
at hand, and it says so:

moved: how far landmarks moved in the picture, of the eye distance (outer corners).
    The 90th percentile over points that no wish for open eyes and closed lips moves.
shape: how far they are from each other's shape once place, size and turn are taken
    out (Procrustes), root mean square, of the eye distance.
likeness: correlation of the two faces' gradient histograms (HOG; Dalal and Triggs
    2005), -1 to 1, on aligned faces: where edges and shades run, not how bright.

Calibrated on 18 portraits (photos, paintings). The same picture blurred, brighter,
darker, noisy, as a JPEG of quality 25, lit from the side or at half size: moved 0.8 %
in the median, shape at most 1.4 %, likeness at least .93. Another of these people, eyes
laid on eyes: moved at least 3.4 %, shape at least 1.7 %, likeness at most .70. Eyes set
wider by 3 % or a jaw wider by 6 % are found out, a nose lengthened by 3 %, too. What it
cannot see: hair, skin colour, and a look-alike of the same proportions and pose.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from models.controls import BROWS, FACE, NOSE
from models.landmarks import LEFT_EYE_OUTER, RIGHT_EYE_OUTER
from models.media import FloatArray

UintArray = npt.NDArray[np.uint8]

MAX_MOVED = 0.02
MAX_SHAPE = 0.015
MIN_LIKENESS = 0.85
STABLE = np.array(FACE + NOSE + BROWS)
ABOVE_MOUTH = np.array(NOSE + BROWS)
_SIDE = 128  # of the aligned face, pixels
# Where the outer eye corners come to lie in it.
_EYES_AT = np.array([[0.28, 0.38], [0.72, 0.38]], np.float32) * _SIDE


@dataclass(frozen=True)
class Verdict:
    """How far a refined picture is from its photo; see the module for the measures."""

    moved: float
    shape: float
    likeness: float

    @property
    def same(self) -> bool:
        return (
            self.moved <= MAX_MOVED
            and self.shape <= MAX_SHAPE
            and self.likeness >= MIN_LIKENESS
        )

    def __str__(self) -> str:
        return (
            f"moved {100 * self.moved:.1f} % of the eye distance (limit "
            f"{100 * MAX_MOVED:.0f} %), shape changed by {100 * self.shape:.1f} % "
            f"(limit {100 * MAX_SHAPE:.1f} %), likeness {self.likeness:.2f} (limit "
            f"{MIN_LIKENESS:.2f})"
        )


def compare(
    photo: UintArray, before: FloatArray, refined: UintArray, after: FloatArray
) -> Verdict:
    """Two pictures of one size, uint8 RGB [H, W, 3], and their landmarks [478, 3]."""
    one, other = before[STABLE, :2], after[STABLE, :2]
    eyes = float(np.linalg.norm(before[LEFT_EYE_OUTER] - before[RIGHT_EYE_OUTER]))
    return Verdict(
        displacement(before, after, STABLE),
        _procrustes(one, other) / eyes,
        _correlation(_gradients(photo, before), _gradients(refined, after)),
    )


def displacement(
    before: FloatArray, after: FloatArray, points: npt.NDArray[np.int_]
) -> float:
    """How far these landmarks moved, 90th percentile, of the eye distance."""
    eyes = float(np.linalg.norm(before[LEFT_EYE_OUTER] - before[RIGHT_EYE_OUTER]))
    apart = np.linalg.norm((before - after)[points, :2], axis=1)
    return float(np.percentile(apart, 90)) / eyes


def _procrustes(one: FloatArray, other: FloatArray) -> float:
    """Root mean square distance after the best shift, size and turn, in pixels."""
    a = (one - one.mean(0)).astype(np.float64)
    b = (other - other.mean(0)).astype(np.float64)
    u, values, vt = np.linalg.svd(b.T @ a)
    fit = b @ u @ vt * (values.sum() / max(float((b**2).sum()), 1e-9))
    return float(np.sqrt(((a - fit) ** 2).sum(1).mean()))


def _gradients(picture: UintArray, landmarks: FloatArray) -> FloatArray:
    """HOG of the face, its eyes at fixed places: float32 [n]."""
    eyes = landmarks[[RIGHT_EYE_OUTER, LEFT_EYE_OUTER], :2].astype(np.float32)
    to_face, _ = cv2.estimateAffinePartial2D(eyes[:, None], _EYES_AT[:, None])
    face = cv2.warpAffine(
        picture,
        to_face,
        (_SIDE, _SIDE),
        flags=cv2.INTER_AREA,
        borderMode=cv2.BORDER_REPLICATE,
    )
    soft = cv2.GaussianBlur(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY), (0, 0), 1.5)
    hog = cv2.HOGDescriptor((_SIDE, _SIDE), (32, 32), (16, 16), (16, 16), 9)
    return np.asarray(hog.compute(soft), np.float32).ravel()


def _correlation(one: FloatArray, other: FloatArray) -> float:
    return float(np.corrcoef(one, other)[0, 1])
