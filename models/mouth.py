"""The inside of the mouth: the photo's own teeth, or painted ones in its tone.

Painted layers lie in the mouth's plane (models.rig.HeadFrame.flat): the cavity and the
upper teeth are fixed to the head, the lower teeth and tongue travel with the jaw.
"""

import cv2
import numpy as np
import numpy.typing as npt

from models.controls import INNER_LOWER, INNER_UPPER, smoothstep
from models.media import LUMA, FloatArray
from models.mouth_tone import MouthTone, mouth_tone
from models.own_teeth import (
    TOOTH,
    own_teeth_layer,
    own_tooth,
    shows_teeth,
)
from models.rig import HeadFrame

LAYER_WIDTH, LAYER_HEIGHT = 128, 144
LEFT, TOP, RIGHT, BOTTOM = -0.40, -0.20, 0.40, 0.70  # IOD about the mouth's middle
# From the plane, IOD, to a layer's own places, -1 to 1: times this, and plus this.
LAYER_SCALE = np.array([2 / (RIGHT - LEFT), 2 / (BOTTOM - TOP)], np.float32)
LAYER_MIDDLE = np.array([-LEFT, -TOP], np.float32) * LAYER_SCALE - 1
UPPER_EDGE, LOWER_EDGE = 0.036, 0.006  # IOD below the closed lips' seam, at rest
LOWER_TEETH = 0.32  # of the upper teeth's light: they lie behind them, under the lip
# IOD above the lower teeth: the tongue's crest, and where it is the lightest; and how
# far below their edges the lower lip's shade would have it dark.
TONGUE_CREST, TONGUE_PEAK, LIP_SHADE = 0.12, 0.04, 0.06
# Of the tongue's colour: its back in the dark, and what is added where it is lightest.
TONGUE_BACK, TONGUE_LIGHT = 0.03, 0.52
FLESH = np.array([1.0, 1.25, 1.2], np.float32)  # how fast red, green and blue go dark
TIP_WIDTH = 0.165  # IOD, half of the tip's
# How much taller the mouth's floor looks as the jaw turns it towards the viewer, and
# the gaps, IOD, from which and until which it turns.
TILT, TILT_FROM, TILT_TO = 0.75, 0.12, 0.36
OWN_BLUR = 0.35  # layer pixels: the photo is as soft as it is
_SCALE = 3  # painted larger, then reduced: smooth edges

UintArray = npt.NDArray[np.uint8]


def paint_mouth(
    picture: UintArray, landmarks: FloatArray, tone: MouthTone | None = None
) -> UintArray:
    """Layers cavity, lower teeth and tongue, tongue tip, upper teeth:
    uint8 RGBA [4, LAYER_HEIGHT, LAYER_WIDTH, 4], alpha not multiplied in.

    tone: where it is known better than from the picture.
    """
    own = tone is None and shows_teeth(picture, landmarks)
    tone = tone or mouth_tone(picture, landmarks)
    seam = _seam(landmarks)
    x, across = _grid()
    y = across - np.interp(x, seam[:, 0], seam[:, 1]).astype(np.float32)
    layers = [
        _cavity(x, y, tone),
        _lower(x, y, tone),
        _tongue_tip(x, y, tone),
        _upper(x, y, tone),
    ]
    blur = _softness(picture, landmarks)
    if not own:
        return np.stack([_finish(layer, blur) for layer in layers])
    # As sharp as they are, over painted ones, which go on below where those are teeth.
    photo = own_teeth_layer(picture, landmarks, x, across)
    light = photo[..., :3] @ LUMA / max(float(own_tooth(picture, landmarks) @ LUMA), 1)
    layers[-1][..., 3] *= smoothstep(light, *TOOTH)
    finished = [_finish(layer, blur) for layer in layers]
    finished[-1] = _laid_over(finished[-1], _finish(photo, OWN_BLUR))
    return np.stack(finished)


def floor_tilt(gap: FloatArray) -> FloatArray:
    """What lies d above the lower teeth in its layer shows d / this higher in the
    plane, for the gap, IOD: the wider a mouth, the more of its floor is seen."""
    turned = smoothstep(gap, TILT_FROM, TILT_TO)
    return np.asarray(1 / (1 + TILT * turned), np.float32)


def _laid_over(below: UintArray, above: UintArray) -> UintArray:
    """One layer over another, RGBA, alpha not multiplied in."""
    low, high = below.astype(np.float32), above.astype(np.float32)
    kept = low[..., 3:] / 255 * (1 - high[..., 3:] / 255)
    alpha = high[..., 3:] / 255 + kept
    colour = high[..., :3] * (high[..., 3:] / 255) + low[..., :3] * kept
    colour = np.where(alpha > 0, colour / np.maximum(alpha, 1e-4), low[..., :3])
    rgba = np.concatenate([colour, 255 * alpha], -1)
    return np.asarray(np.clip(np.round(rgba), 0, 255), np.uint8)


def _grid() -> tuple[FloatArray, FloatArray]:
    columns = np.linspace(LEFT, RIGHT, LAYER_WIDTH * _SCALE, dtype=np.float32)
    rows = np.linspace(TOP, BOTTOM, LAYER_HEIGHT * _SCALE, dtype=np.float32)
    x, y = np.meshgrid(columns, rows)
    return x, y


def _seam(landmarks: FloatArray) -> FloatArray:
    """Where the lips meet when closed, gently: teeth follow a third of its curve."""
    frame = HeadFrame.of(landmarks)
    upper = frame.flat(landmarks[list(INNER_UPPER), :2])
    lower = frame.flat(landmarks[list(INNER_LOWER), :2])
    seam = upper + 0.27 * np.maximum(lower - upper, 0)
    middle = seam[len(seam) // 2, 1]
    seam[:, 1] = middle + 0.35 * (seam[:, 1] - middle)
    return seam


def _softness(picture: UintArray, landmarks: FloatArray) -> float:
    """Blur of the painted layers, in layer pixels, so that they are no sharper than
    the photo's own eyes and lips."""
    frame = HeadFrame.of(landmarks)
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    x, y = np.round(frame.origin[:2]).astype(int)
    reach = max(int(0.6 * frame.iod), 4)
    region = grey[max(y - reach, 0) : y + reach, max(x - reach, 0) : x + reach]
    if region.size < 16:
        return 1.0
    slope = np.hypot(
        cv2.Sobel(region, cv2.CV_32F, 1, 0), cv2.Sobel(region, cv2.CV_32F, 0, 1)
    )
    contrast = max(float(np.percentile(region, 98) - np.percentile(region, 2)), 10.0)
    sharp = float(np.percentile(slope, 99)) / (
        8 * contrast
    )  # 1/px of the steepest edges
    edge_px = np.clip(0.16 / max(sharp, 1e-3), 0.35, 2.0)
    layer_px = LAYER_WIDTH / ((RIGHT - LEFT) * frame.iod)
    return float(np.clip(edge_px * layer_px, 0.5, 4.0))


def _finish(layer: FloatArray, blur: float) -> UintArray:
    """Reduces and softens, colours weighted by alpha so that no dark rim appears."""
    weighted = np.concatenate([layer[..., :3] * layer[..., 3:], layer[..., 3:]], -1)
    size = (LAYER_WIDTH, LAYER_HEIGHT)
    small = cv2.resize(weighted, size, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), blur)
    wide = cv2.GaussianBlur(small, (0, 0), 4.0) + 1e-4 * small
    colour = np.where(
        small[..., 3:] > 0.02,
        small[..., :3] / np.maximum(small[..., 3:], 1e-4),
        wide[..., :3] / np.maximum(wide[..., 3:], 1e-6),
    )
    rgba = np.concatenate([colour, small[..., 3:] * 255], -1)
    return np.asarray(np.clip(np.round(rgba), 0, 255), np.uint8)


def _layer(colour: FloatArray, alpha: FloatArray) -> FloatArray:
    return np.asarray(np.concatenate([colour, alpha[..., None]], -1), np.float32)


def _cavity(x: FloatArray, y: FloatArray, tone: MouthTone) -> FloatArray:
    """Dark and warm: lighter at the cheeks' insides, darkest in the throat."""
    throat = np.exp(-((x / 0.13) ** 2) - ((y - 0.10) / 0.12) ** 2)
    cheeks = smoothstep(np.abs(x), 0.10, 0.26)
    glow = 1.0 + 0.8 * cheeks - 0.35 * throat
    return _layer(glow[..., None] * tone.cavity, np.ones_like(x))


def _row_of_teeth(
    x: FloatArray, widths: tuple[float, ...], soft: float
) -> tuple[FloatArray, FloatArray]:
    """For a symmetric row: place within the tooth (-1 to 1) and gap (0 to 1)."""
    edges = np.concatenate([[0.0], np.cumsum(widths)])
    side = np.abs(x)
    index = np.clip(np.searchsorted(edges, side, side="right") - 1, 0, len(widths) - 1)
    left, right = edges[index], edges[index + 1]
    within = np.clip((side - left) / (right - left) * 2 - 1, -1, 1)
    apart = np.abs(side[..., None] - edges).min(-1)
    gap = np.exp(-((apart / soft) ** 2))
    return within.astype(np.float32), gap.astype(np.float32)


def _upper(x: FloatArray, y: FloatArray, tone: MouthTone) -> FloatArray:
    """Ten upper teeth: central incisors 8.5 mm wide, then 6.5, 7.5, 7 and 6.5."""
    within, gap = _row_of_teeth(x, (0.074, 0.056, 0.060, 0.05, 0.045), 0.008)
    side = np.abs(x)
    edge = UPPER_EDGE - 0.10 * side**2 - 0.004 * smoothstep(side, 0.070, 0.090)
    edge = edge - 0.006 * within**4  # rounded corners
    gum = -0.080 + 0.012 * within**2
    alpha = smoothstep(y, edge + 0.007, edge - 0.007)
    alpha = alpha * smoothstep(side, 0.275, 0.235)
    shade = 1.0 - 0.09 * gap - 0.04 * within**2  # soft gaps, rounded fronts
    shade = shade * (1 - 0.42 * smoothstep(side, 0.06, 0.26))  # corners lie in shade
    shade = shade * (0.84 + 0.16 * smoothstep(y, -0.07, 0.0))
    shade = shade - 0.06 * smoothstep(y, edge - 0.018, edge)  # thin edges let light by
    colour = shade[..., None] * tone.tooth
    # Between teeth and in the shade light has come through flesh: warmer, not greyer.
    warm = (1 - shade)[..., None] * (tone.tongue - tone.tongue.mean())
    colour = colour + 0.30 * warm
    pink = 0.55 * tone.tongue + 0.30 * tone.tooth
    in_gum = smoothstep(y, gum + 0.010, gum - 0.010)[..., None]
    return _layer(colour + (0.85 * pink - colour) * in_gum, alpha)


def _lower(x: FloatArray, y: FloatArray, tone: MouthTone) -> FloatArray:
    """Lower teeth, shorter and darker, in front of the tongue, which fills the mouth's
    floor."""
    within, gap = _row_of_teeth(x, (0.046, 0.050, 0.056, 0.05), 0.008)
    side = np.abs(x)
    edge = LOWER_EDGE + 0.25 * side**2 + 0.004 * within**4
    teeth = smoothstep(y, edge - 0.007, edge + 0.007) * smoothstep(side, 0.20, 0.16)
    shade = LOWER_TEETH * (1 - 0.08 * gap - 0.04 * within**2)
    shade = shade * (1 - 0.45 * smoothstep(side, 0.04, 0.20))
    tooth = shade[..., None] * tone.tooth
    crest = 1.1 * x**2 - TONGUE_CREST
    tongue = smoothstep(y, crest - 0.05, crest + 0.04)
    tongue = tongue * smoothstep(side, 0.30, 0.17)
    # A mound: its back lies in the dark, its front in the shade of the lower lip.
    mound = smoothstep(y, crest - 0.04, -TONGUE_PEAK)
    mound = mound * smoothstep(y, LIP_SHADE, -TONGUE_PEAK)
    light = TONGUE_BACK + TONGUE_LIGHT * mound
    # A soft groove parts it, and its sides turn away from the light.
    groove = np.exp(-((x / 0.026) ** 2)) * smoothstep(y, 0.0, -0.05)
    light = light * (1 - 0.07 * groove - 0.55 * smoothstep(side, 0.05, 0.25))
    # What light comes there has come through flesh: the less, the redder.
    back = light[..., None] ** FLESH * tone.tongue
    colour = back + (tooth - back) * teeth[..., None]
    return _layer(colour, np.maximum(teeth, tongue))


def _tongue_tip(x: FloatArray, y: FloatArray, tone: MouthTone) -> FloatArray:
    """The tip as l and th show it, under the edge of the upper teeth: broad and flat,
    and in the shade of lips and teeth, so that it is not taken for a third lip."""
    side = np.abs(x) / TIP_WIDTH
    reach = side**2.6 + (np.abs(y - 0.080) / 0.075) ** 2.2
    alpha = smoothstep(reach, 1.08, 0.80)
    light = 0.74 + 0.18 * np.exp(-(((y - 0.040) / 0.022) ** 2 + (x / 0.10) ** 2))
    light = light - 0.05 * np.exp(-((x / 0.014) ** 2))
    light = light - 0.30 * smoothstep(y, 0.06, 0.14) - 0.22 * side**2
    return _layer(light[..., None] * tone.tongue, alpha)
