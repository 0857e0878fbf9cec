"""What each ARKit channel does: displacements of control landmarks in the head's frame.

Frame: origin in the middle of the inner mouth corners, x to the subject's left (the
picture's right), y down, z away from the viewer; unit: the distance between the outer
eye corners (IOD). Positions, not names of muscles, decide how far a landmark follows,
so that one table fits every face.

| channel | what the picture shows at 1.0 |
|---|---|
| jawOpen | chin 0.43 down (0.25 at 0.3), jaw line and lower cheeks follow |
| jawLeft, jawRight | chin 0.10 and lower lip 0.08 aside |
| jawForward | chin and lower lip 0.10, 0.08 nearer, their edges 0.03 down |
| mouthClose | the gap that jawOpen made closes |
| mouthSmile, mouthFrown | corner 0.10 out and 0.09 up, cheek up; corner 0.08 down |
| mouthStretch, mouthDimple | corner 0.11 out and 0.03 down; 0.06 out and 0.05 away |
| mouthPress | lips thinner by 0.018 above, 0.022 below |
| mouthPucker, mouthFunnel | corners 0.12, 0.08 inwards, lips thicker, 0.07 nearer |
| (the same) | of a mouth 0.47 wide; smaller ones less; funnel opens by 0.10 |
| mouthRollUpper, mouthRollLower | lip turned in to 0.38 of it |
| mouthShrugUpper, mouthShrugLower | lip 0.04 up; lip 0.05 and chin 0.045 up |
| mouthUpperUp, mouthLowerDown | one side of a lip 0.09 up; 0.11 down |
| mouthLeft, mouthRight | the whole mouth 0.10 aside |
| cheekPuff | both cheeks 0.075 out |
| cheekSquint | cheek 0.055 up, lids as of half an eyeSquint |
| noseSneer | wing of the nose 0.055, the lip's edge under it 0.03 up; lips stay shut |
| browDown | brow 0.045 down, its inner end 0.08 down and 0.03 in |
| browInnerUp, browOuterUp | inner ends of both 0.075 up; outer end of one 0.09 up |
| eyeBlink | upper lid down over the eye, shut at 1; lashes over the lower lid |
| eyeSquint | upper lid 0.16 of the opening down, lower lid 0.30 up |
| eyeWide | upper lid 0.22 of the opening up, lower lid 0.06 down |
| eyeLookUp, eyeLookDown | iris 0.30 half eye widths up, down; lids follow |
| eyeLookIn, eyeLookOut | iris 0.50 half eye widths towards the nose, away from it |
| tongueOut | tip up to the upper teeth by 0.5 (l); from 0.62 on before them (th) |

Frames of glasses hold the skin under them still, whatever moves (models.glasses).
What other channels of motion do: aperture, width and speech in models.lips,
head_yaw, head_pitch, head_roll and breath in models.head. Lids and gaze are drawn by
models.eyes, models.eyeballs and models.eye_patch, the tongue by models.mouth_patch.
"""

import numpy as np
import numpy.typing as npt

from models.blendshapes import ARKIT_NAMES
from models.media import FloatArray

INNER_UPPER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
INNER_LOWER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
OUTER_UPPER = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)
OUTER_LOWER = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291)
LIPS = INNER_UPPER + INNER_LOWER + OUTER_UPPER + OUTER_LOWER
LIP_POINTS = 11  # in each of the four curves

BROWS: tuple[int, ...] = (70, 63, 105, 66, 107, 46, 53, 52, 65, 55)
BROWS += (300, 293, 334, 296, 336, 276, 283, 282, 295, 285)
NOSE = (1, 2, 3, 4, 115, 126, 168, 279, 344, 355, 209, 429, 64, 294, 167, 393, 6, 197)
# Spread evenly over the rest of the face, at least 0.1 IOD apart.
FACE: tuple[int, ...] = (
    9,
    10,
    21,
    24,
    32,
    33,
    36,
    50,
    54,
    56,
    67,
    69,
    83,
    93,
    103,
    108,
    109,
    111,
    118,
)
FACE += (120, 127, 133, 136, 147, 148, 149, 150, 151, 152, 162, 165, 172, 176, 188, 199)
FACE += (205, 207, 208, 210, 211, 213, 214, 216, 234, 251, 253, 263, 264, 266, 280, 284)
FACE += (286, 288, 297, 299, 313, 322, 332, 337, 338, 340, 347, 348, 352, 361, 362, 364)
FACE += (377, 389, 394, 395, 400, 411, 418, 419, 425, 426, 428, 432, 447)
LIDS = (159, 145, 386, 374, 157, 160, 384, 387)  # hold the eyes when brows move
SKIN = tuple(dict.fromkeys(BROWS + NOSE + LIDS + FACE))

USUAL_WIDTH = 0.47  # IOD, of a mouth at rest
JAW_FULL = 0.45  # IOD; where the jaw's travel saturates: 41 mm of 92 mm
JAW_GAIN = 0.95  # IOD of chin travel per jawOpen, for small openings


def smoothstep(x: npt.ArrayLike, low: npt.ArrayLike, high: npt.ArrayLike) -> FloatArray:
    """0 below low, 1 above high, smooth between; low may lie above high."""
    start, end = np.asarray(low), np.asarray(high)
    t = (np.asarray(x) - start) / (end - start)
    t = np.minimum(np.maximum(t, 0.0), 1.0)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def _bump(points: FloatArray, centre: tuple[float, float], radius: float) -> FloatArray:
    away = np.hypot(points[:, 0] - centre[0], points[:, 1] - centre[1]) / radius
    return np.asarray(np.exp(-(away**2)), np.float32)


def jaw_weights(points: FloatArray) -> FloatArray:
    """How far the skin follows the chin: float32 [N, 3] for points [N, 3]."""
    x, y = points[:, 0], points[:, 1]
    follow = smoothstep(y, -0.30, 0.30) * smoothstep(np.abs(x), 0.70, 0.14)
    along = np.zeros_like(points)
    along[:, 1] = follow
    along[:, 0] = -0.12 * x * follow  # cheeks are drawn inwards
    return along


def lip_jaw_weights() -> FloatArray:
    """The same for the four lip curves: float32 [44, 3]."""
    t = np.linspace(-1, 1, LIP_POINTS, dtype=np.float32)
    arch = (1 - t**2) ** 0.85
    weights = np.zeros((4, LIP_POINTS, 3), np.float32)
    weights[:, :, 1] = 0.30
    weights[0::2, :, 1] -= 0.48 * arch  # upper lips: up a little at the centre
    weights[1::2, :, 1] += 0.72 * arch
    weights[:, :, 0] = -0.12 * np.sign(t) * np.abs(t) ** 2
    return weights.reshape(-1, 3)


def channel_table(skin: FloatArray, width: float) -> FloatArray:
    """Displacements at 1.0: float32 [len(ARKIT_NAMES), 44 + N, 3].

    skin: rest positions of the skin controls in the head's frame, float32 [N, 3].
    width: of the photo's mouth, IOD.
    """
    table = np.zeros((len(ARKIT_NAMES), len(LIPS) + len(skin), 3), np.float32)
    for row, name in enumerate(ARKIT_NAMES):
        side = 1.0 if name.endswith("Left") else -1.0
        kind = name.removesuffix("Left").removesuffix("Right")
        table[row, : len(LIPS)] = _lips(kind, side, width).reshape(-1, 3)
        table[row, len(LIPS) :] = _skin(kind, side, skin)
    return table


# Corner displacement (outwards, down, away) of the side's mouth corner.
_CORNERS = {
    "mouthSmile": (0.10, -0.09, 0.03),
    "mouthFrown": (0.01, 0.08, 0.0),
    "mouthStretch": (0.11, 0.03, 0.03),
    "mouthDimple": (0.06, -0.01, 0.05),
    "mouthPress": (0.01, 0.0, 0.0),
}
_ROUNDING = {"mouthPucker": (-0.12, 0.0, -0.07), "mouthFunnel": (-0.08, 0.0, -0.07)}


def _lips(kind: str, side: float, width: float) -> FloatArray:
    """Curves in the order inner upper, inner lower, outer upper, outer lower."""
    t = np.linspace(-1, 1, LIP_POINTS, dtype=np.float32)
    arch = np.sqrt(1 - t**2)
    near = ((1 + side * t) / 2) ** 2
    moved = np.zeros((4, LIP_POINTS, 3), np.float32)
    if kind in _CORNERS:
        out, down, away = _CORNERS[kind]
        moved[...] = near[None, :, None] * np.array([side * out, down, away])
        if kind == "mouthPress":
            moved[2, :, 1] += 0.018 * near
            moved[3, :, 1] -= 0.022 * near
    elif kind in _ROUNDING:
        inwards, _, away = _ROUNDING[kind]
        moved[..., 0] = inwards * t * float(np.clip(width / USUAL_WIDTH, 0.6, 1.2))
        moved[..., 2] = away * arch
        if kind == "mouthFunnel":
            moved[0::2, :, 1] = -0.04 * arch
            moved[1::2, :, 1] = 0.06 * arch
    elif kind == "mouthUpperUp":
        moved[0::2, :, 1] = -0.09 * arch * smoothstep(side * t, -0.6, 0.4)
    elif kind == "mouthLowerDown":
        moved[1::2, :, 1] = 0.11 * arch * smoothstep(side * t, -0.6, 0.4)
    elif kind == "noseSneer":
        lift = arch * smoothstep(side * t, -0.4, 0.6)
        moved[0, :, 1], moved[2, :, 1] = -0.006 * lift, -0.03 * lift  # lips stay closed
    elif kind == "mouthShrugLower":
        moved[1::2, :, 1] = -0.05 * arch
    elif kind == "mouthShrugUpper":
        moved[0::2, :, 1] = -0.04 * arch
    elif kind == "mouthRollLower":  # thinner too, see models.lips
        moved[1::2, :, 1] = -0.015 * arch
    elif kind == "mouthRollUpper":
        moved[0::2, :, 1] = 0.012 * arch
    elif kind == "mouth":  # mouthLeft, mouthRight
        moved[..., 0] = 0.10 * side
    elif kind == "jaw":
        moved[1::2, :, 0] = 0.08 * side * arch
    elif kind == "jawForward":
        moved[3, :, 1] = 0.03 * arch
        moved[1::2, :, 2] = -0.08 * arch
    elif kind == "cheekPuff":
        moved[..., 0] = -0.03 * t
    return moved


# The channels of which _skin makes something: others move it by way of the lips only.
SKIN_CHANNELS = (
    *("browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft"),
    *("browOuterUpRight", "cheekPuff", "cheekSquintLeft", "cheekSquintRight"),
    *("jawForward", "jawLeft", "jawRight", "mouthShrugLower", "mouthSmileLeft"),
    *("mouthSmileRight", "noseSneerLeft", "noseSneerRight"),
)


def _skin(kind: str, side: float, skin: FloatArray) -> FloatArray:
    x, y = skin[:, 0], skin[:, 1]
    moved = np.zeros_like(skin)
    if kind == "mouthSmile":
        cheek = _bump(skin, (side * 0.36, -0.30), 0.20)
        moved[:, 0], moved[:, 1] = side * 0.02 * cheek, -0.05 * cheek
    elif kind == "cheekSquint":
        moved[:, 1] = -0.055 * _bump(skin, (side * 0.36, -0.42), 0.19)
    elif kind == "cheekPuff":
        both = _bump(skin, (0.42, 0.0), 0.24) - _bump(skin, (-0.42, 0.0), 0.24)
        moved[:, 0] = 0.075 * both
        moved[:, 2] = -0.05 * np.abs(both)
    elif kind == "noseSneer":
        wing = _bump(skin, (side * 0.15, -0.30), 0.13)
        moved[:, 1], moved[:, 0] = -0.055 * wing, side * 0.012 * wing
    elif kind in ("jaw", "jawForward", "mouthShrugLower"):
        chin = smoothstep(y, 0.02, 0.30) * smoothstep(np.abs(x), 0.70, 0.14)
        if kind == "jaw":
            moved[:, 0] = 0.10 * side * chin
        elif kind == "jawForward":
            moved[:, 1], moved[:, 2] = 0.03 * chin, -0.10 * chin
        else:
            moved[:, 1] = -0.045 * chin
    elif kind.startswith("brow"):
        moved = _brows(kind, side, skin)
    return moved


def _brows(kind: str, side: float, skin: FloatArray) -> FloatArray:
    """Brows, their upper lids half as far, and the forehead above, fading out."""
    x = skin[:, 0]
    eye_line = float(skin[list(SKIN).index(168), 1])
    height = eye_line - skin[:, 1]  # above the eyes
    band = smoothstep(height, 0.06, 0.14) * smoothstep(height, 0.62, 0.20)
    own = smoothstep(side * x, -0.02, 0.10)
    inner = own * smoothstep(side * x, 0.38, 0.10)
    outer = own * smoothstep(side * x, 0.12, 0.36)
    moved = np.zeros_like(skin)
    if kind == "browDown":
        moved[:, 1] = band * own * (0.045 + 0.035 * inner)
        moved[:, 0] = -side * 0.03 * band * inner
    elif kind == "browInnerUp":
        middle = smoothstep(np.abs(x), 0.40, 0.10)
        moved[:, 1] = -0.075 * band * middle
    elif kind == "browOuterUp":
        moved[:, 1] = -0.070 * band * outer - 0.02 * band * own
    return moved
