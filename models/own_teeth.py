"""The teeth that a photo shows between its lips, kept for when the lips move."""

import cv2
import numpy as np
import numpy.typing as npt

from models.controls import (
    INNER_LOWER,
    INNER_UPPER,
    OUTER_LOWER,
    smoothstep,
)
from models.media import LUMA, FloatArray
from models.rig import HeadFrame, rest_lips

OWN_TEETH_GAP = 0.045  # of the mouth's width: a wider gap shows what is inside
LIGHTEST = 10  # percent of the inside that would be teeth, if it showed any
LIGHTER, PALER = 1.05, 0.75  # than the lips: teeth are the one or the other
UNDER_UPPER = 0.11  # IOD that teeth are continued under the upper lip
RIM = 0.012  # IOD along the lower lip that is its wet edge, not what is inside
TOOTH = 0.45, 0.75  # of a tooth's light: from where on what goes on is a tooth

UintArray = npt.NDArray[np.uint8]


def shows_inside(landmarks: FloatArray) -> bool:
    """Whether the photo's lips are open far enough to show teeth or the dark."""
    gap, width = rest_lips(landmarks)
    return gap > OWN_TEETH_GAP * width


def shows_teeth(picture: UintArray, landmarks: FloatArray) -> bool:
    """Whether what is between the photo's lips are teeth, not only the dark: lighter
    than the lips, or paler where they lie in a moustache's shade."""
    if not shows_inside(landmarks):
        return False
    lips = pixels_within(picture, landmarks[list(INNER_LOWER + OUTER_LOWER[::-1]), :2])
    lip, tooth = np.median(lips, axis=0), own_tooth(picture, landmarks)
    lighter = float(tooth @ LUMA) > LIGHTER * float(lip @ LUMA)
    return bool(lighter or saturation(tooth) < PALER * saturation(lip))


def own_tooth(picture: UintArray, landmarks: FloatArray) -> FloatArray:
    """The lightest that the photo shows between its lips: RGB [3], 0 to 255."""
    rim = landmarks[list(INNER_UPPER + INNER_LOWER[::-1]), :2]
    shown = pixels_within(picture, rim)
    luma = shown @ LUMA
    lightest = shown[luma >= np.percentile(luma, 100 - LIGHTEST)].mean(0)
    return np.asarray(lightest, np.float32)


def saturation(colour: FloatArray) -> float:
    """Of RGB [3]: 0 of a grey, 1 of a pure colour."""
    return float(np.ptp(colour)) / max(float(colour.max()), 1.0)


def pixels_within(picture: UintArray, outline: FloatArray) -> FloatArray:
    """Pixels inside an outline [N, 2]: float32 [n, 3]; all of them if there is none."""
    mask = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round(outline).astype(np.int32)], (255,))
    found = picture[mask > 0]
    return (found if len(found) else picture.reshape(-1, 3)).astype(np.float32)


def own_teeth_layer(
    picture: UintArray, landmarks: FloatArray, x: FloatArray, y: FloatArray
) -> FloatArray:
    """What the photo shows between its lips, on the mouth's plane: float32 RGBA, 0 to
    255 and 0 to 1, at points x, y [h, w] in IOD.

    It goes on under the upper lip and beside the corners, darker further in, so that
    lips which rise or widen uncover more of the same.
    """
    frame = HeadFrame.of(landmarks)
    spots = frame.unflat(np.stack([x, y], -1).reshape(-1, 2)).reshape(*x.shape, 2)
    places = np.ascontiguousarray(spots.transpose(2, 0, 1), np.float32)
    shown = cv2.remap(
        picture,
        places[0],
        places[1],
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    ).astype(np.float32)
    upper, lower = (
        frame.flat(landmarks[list(points), :2]) for points in (INNER_UPPER, INNER_LOWER)
    )
    above = np.interp(x, upper[:, 0], upper[:, 1]) - y  # under the upper lip
    below = y - np.interp(x, lower[:, 0], lower[:, 1])  # under the lower one
    beside = np.maximum(np.maximum(upper[0, 0] - x, x - upper[-1, 0]), 0)
    known = (above < -RIM / 2) & (below < -RIM) & (beside == 0)
    filled = _continued(shown, known.astype(np.float32), float(x[0, 1] - x[0, 0]))
    depth = np.maximum(above, 0) / UNDER_UPPER
    colour = np.where(known[..., None], shown, filled * (1 - 0.35 * depth[..., None]))
    alpha = smoothstep(below, 0.0, -1.5 * RIM) * smoothstep(above, UNDER_UPPER, 0.06)
    alpha = alpha * smoothstep(beside, 0.05, 0.0)
    return np.asarray(np.concatenate([colour, alpha[..., None]], -1), np.float32)


def _continued(shown: FloatArray, known: FloatArray, step: float) -> FloatArray:
    """Spreads the known pixels over the whole layer, first from near by, mostly up and
    down: a tooth goes on as the tooth that it is. step: IOD from pixel to pixel."""
    total, share = np.zeros_like(shown), np.zeros_like(known)
    for sigma, trust in ((0.012, 1.0), (0.03, 1e-2), (0.08, 1e-4), (0.3, 1e-7)):
        high, wide = sigma / step, 0.5 * sigma / step
        seen = shown * known[..., None]
        total += trust * cv2.GaussianBlur(seen, (0, 0), wide, sigmaY=high)
        share += trust * cv2.GaussianBlur(known, (0, 0), wide, sigmaY=high)
    return np.asarray(total / np.maximum(share, 1e-12)[..., None], np.float32)
