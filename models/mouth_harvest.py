"""The inside of a mouth, taken from a picture of the same person with the mouth open.

The picture lies over the portrait (only the mouth was painted anew), so upper teeth are
where the portrait's head has them; what travels with the jaw is moved back by as much
as the renderer will move it for such a gap. What the picture does not show, behind lips
and corners, is painted in the harvested tone. See models.mouth for the layers.
"""

import cv2
import numpy as np
import numpy.typing as npt

from models.controls import INNER_LOWER, INNER_UPPER, smoothstep
from models.media import LUMA, FloatArray
from models.mouth import (
    BOTTOM,
    LAYER_HEIGHT,
    LAYER_WIDTH,
    LEFT,
    RIGHT,
    TOP,
    floor_tilt,
    paint_mouth,
)
from models.mouth_tone import MouthTone
from models.rig import HeadFrame, rest_lips

MIN_GAP, MAX_GAP = 0.10, 0.60  # IOD between the inner lips
MIN_TEETH, MIN_DARK = 0.06, 0.06  # of the opening
MIN_TOOTH = 0.45  # of the face's light
LOWER_FOLLOW = 0.72  # of the gap; as models.mouth_patch moves the lower layer

UintArray = npt.NDArray[np.uint8]


def mouth_mask(picture: UintArray, landmarks: FloatArray) -> UintArray:
    """What an open mouth needs painted anew, lips to chin: uint8 [H, W], 255."""
    frame = HeadFrame.of(landmarks)
    turn = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    ellipse = np.stack([0.40 * np.cos(turn), 0.24 + 0.42 * np.sin(turn)], 1)
    corners = frame.unflat(ellipse.astype(np.float32))
    mask = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round(corners).astype(np.int32)], (255,))
    return mask


def harvest_mouth(
    opened: UintArray, open_landmarks: FloatArray, landmarks: FloatArray
) -> UintArray | None:
    """Layers as models.mouth.paint_mouth gives them, or None where the opened mouth
    shows no teeth before a dark inside.

    opened: uint8 RGB [H, W, 3], its own landmarks, and the portrait's.
    """
    gap = rest_lips(open_landmarks)[0]
    if not MIN_GAP <= gap <= MAX_GAP:
        return None
    inside = _inner(opened, open_landmarks)
    seen = opened[inside > 0.9].astype(np.float32)
    if len(seen) < 64:
        return None
    light, tint = _light(opened, open_landmarks)
    teeth = _toothlike(opened / tint, light)
    dark = smoothstep(opened @ LUMA, 0.42 * light, 0.22 * light)
    shown = inside > 0.5
    if teeth[shown].mean() < MIN_TEETH or dark[shown].mean() < MIN_DARK:
        return None
    tone = _tone(opened, shown, teeth, dark)
    if float(tone.tooth @ LUMA) < MIN_TOOTH * light:
        return None
    frame = HeadFrame.of(landmarks)
    stack = np.dstack([opened.astype(np.float32), inside, teeth, dark])
    upper, lower = _unrolled(stack, frame, 0.0), _unrolled(stack, frame, gap)
    split = _split(upper)
    painted = paint_mouth(opened, landmarks, tone)
    rows = np.linspace(TOP, BOTTOM, LAYER_HEIGHT, dtype=np.float32)[:, None]
    above = smoothstep(split - rows, -0.01, 0.01)
    floor = rows / floor_tilt(np.array(gap, np.float32)) + LOWER_FOLLOW * gap
    below = smoothstep(floor - split, -0.01, 0.01)
    painted[1] = _laid(painted[1], lower, below, 1 - lower[..., 5])
    painted[3] = _laid(painted[3], upper, above, upper[..., 4])
    return painted


def _inner(picture: UintArray, landmarks: FloatArray) -> FloatArray:
    """What lies between the inner lips, a little within them: 0 to 1."""
    rim = landmarks[list(INNER_UPPER) + list(INNER_LOWER[::-1]), :2]
    mask = np.zeros(picture.shape[:2], np.uint8)
    corners = np.round(rim * 16).astype(np.int32)
    cv2.fillPoly(mask, [corners], (255,), cv2.LINE_AA, 4)
    soft = max(0.008 * HeadFrame.of(landmarks).iod, 0.5)
    # Landmarks lie on the lips' edge, and its red must not come along.
    side = 2 * round(0.014 * HeadFrame.of(landmarks).iod) + 1
    within = cv2.erode(mask, np.ones((side, side), np.uint8))
    return np.asarray(cv2.GaussianBlur(within, (0, 0), soft), np.float32) / 255


def _light(picture: UintArray, landmarks: FloatArray) -> tuple[float, FloatArray]:
    """How light the face's lights are, 0 to 255, and two thirds of their tint [3]."""
    mask = np.zeros(picture.shape[:2], np.uint8)
    hull = cv2.convexHull(np.round(landmarks[:468, :2]).astype(np.int32))
    cv2.fillConvexPoly(mask, hull, (255,))
    face = picture[mask > 0].astype(np.float32)
    luma = face @ LUMA
    light = float(np.percentile(luma, 92))
    bright = face[luma >= np.percentile(luma, 85)].mean(0)
    tint = (bright / max(float(bright.mean()), 1.0)) ** 0.67
    return light, np.asarray(np.maximum(tint, 0.3), np.float32)


def _toothlike(colour: FloatArray, light: float) -> FloatArray:
    """Light and hardly red: 0 to 1 for each pixel."""
    luma = colour @ LUMA
    red = (colour[..., 0] - colour[..., 1:].mean(-1)) / np.maximum(luma, 1.0)
    bright = smoothstep(luma, 0.35 * light, 0.50 * light)
    return np.asarray(bright * smoothstep(red, 0.36, 0.18), np.float32)


def _tone(
    picture: UintArray,
    shown: npt.NDArray[np.bool_],
    teeth: FloatArray,
    dark: FloatArray,
) -> MouthTone:
    """The colours inside: the lighter teeth, the dark, and what is neither."""

    def middle(where: npt.NDArray[np.bool_], share: float) -> FloatArray:
        colours = picture[where & shown].astype(np.float32)
        return np.asarray(np.percentile(colours, share, axis=0), np.float32)

    tongue = (teeth < 0.3) & (dark < 0.5)
    cavity = middle(dark > 0.5, 50)
    flesh = middle(tongue, 50) if (tongue & shown).sum() > 16 else 3 * cavity
    return MouthTone(middle(teeth > 0.5, 70), flesh, cavity)


def _unrolled(stack: FloatArray, frame: HeadFrame, gap: float) -> FloatArray:
    """Picture channels [H, W, n] at the places of a layer that has travelled as far
    as the lower one does for a gap: [LAYER_HEIGHT, LAYER_WIDTH, n]."""
    x, y = np.meshgrid(
        np.linspace(LEFT, RIGHT, LAYER_WIDTH, dtype=np.float32),
        np.linspace(TOP, BOTTOM, LAYER_HEIGHT, dtype=np.float32),
    )
    tilt = floor_tilt(np.array(gap, np.float32))
    plane = np.stack([x, y / tilt + LOWER_FOLLOW * gap], -1).reshape(-1, 2)
    at = frame.unflat(plane).reshape(LAYER_HEIGHT, LAYER_WIDTH, 2)
    across, along = np.ascontiguousarray(at.transpose(2, 0, 1))
    channels = [
        cv2.remap(each, across, along, cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE)
        for each in np.ascontiguousarray(stack.transpose(2, 0, 1))
    ]
    return np.asarray(np.stack(channels, -1), np.float32)


def _split(upper: FloatArray) -> FloatArray:
    """Where the dark parts the upper teeth from what lies below, for each column:
    [LAYER_WIDTH], IOD down."""
    rows = np.linspace(TOP, BOTTOM, LAYER_HEIGHT, dtype=np.float32)
    weight = upper[..., 3] * (upper[..., 5] + 1e-3)
    share = weight.sum(0)
    middle = (weight * rows[:, None]).sum(0) / np.maximum(share, 1e-6)
    known = upper[..., 3].sum(0) > 2
    if not known.any():
        return np.zeros(LAYER_WIDTH, np.float32)
    columns = np.arange(LAYER_WIDTH)
    filled = np.interp(columns, columns[known], middle[known]).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(filled[None], (0, 0), 4.0)[0], np.float32)


def _laid(
    painted: UintArray, seen: FloatArray, side: FloatArray, alpha: FloatArray
) -> UintArray:
    """What is seen, over the painted layer, where it is seen and on its side."""
    shown = (seen[..., 3] * side)[..., None]
    own = np.dstack([seen[..., :3], 255 * alpha])
    mixed = painted + (own - painted) * shown
    return np.asarray(np.clip(np.round(mixed), 0, 255), np.uint8)
