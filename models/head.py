"""Head and breath: a displacement of the whole person from landmark depth.

The head is a height field (depth from landmarks, falling back to the neck's axis at
the silhouette, over hair as over a ball), turned about a pivot in the neck; a weight
holds the shoulders still.
"""

import cv2
import numpy as np
import numpy.typing as npt
from scipy.interpolate import LinearNDInterpolator
from scipy.ndimage import distance_transform_edt, gaussian_filter, maximum_filter1d

from models.controls import smoothstep
from models.glasses import lenses
from models.landmarks import CHIN, FOREHEAD, LEFT_EYE_OUTER, RIGHT_EYE_OUTER
from models.lips import column
from models.media import CHANNEL_INDEX, FloatArray
from models.rig import HeadFrame

HEAD_GRID = 64  # nodes along each side of the picture
NECK_DEPTH = 0.75  # IOD behind the mouth's corners: the axis the head turns about
# So much nearer, IOD, for heads that the picture cuts off so little above the forehead:
# when they are bowed, what is there has to be stretched less.
NEARER, LITTLE_ABOVE = 0.40, (1.0, 0.5)
BESIDE, ABOVE = 0.55, 1.20  # IOD from the face: where hair has fallen back to the axis
# IOD from the face: so far hair goes with the forehead, if then it has so much further
# to fall back.
HAIRLINE, STEEP = 0.35, 0.62
PIVOT_BELOW_MOUTH = 0.25  # IOD: near the jaw joint, natural on every portrait tried
# A height field that is held at the silhouette turns less than it is told to, as
# measured by landmarks on rendered frames: these make up for it.
YAW_GAIN, PITCH_GAIN = 1.40, 1.60
HELD_SHARE = (0.10, 0.20)  # of the sides: as near to a border nodes are held back
HELD_FURTHER = 0.06  # of the sides, into the face: an ear there is stretched less
BREATH_IOD = 0.014  # shoulders' travel at breath 1

# Radians of the model per degree that is shown, of yaw, pitch and roll.
_GAINS = np.radians(np.array([YAW_GAIN, PITCH_GAIN, 1.0], np.float32))
_TURNS = slice(CHANNEL_INDEX["head_yaw"], CHANNEL_INDEX["head_roll"] + 1)


def build_head(
    landmarks: FloatArray, matte: npt.NDArray[np.uint8], *, glasses: bool = False
) -> FloatArray:
    """A head's basis, float32 [4, HEAD_GRID, HEAD_GRID]: where nodes of the picture lie
    from the pivot (right, down, away), as far as they turn with the head, and the
    travel of breath; pixels. matte: the person, uint8 [H, W]; glasses: whether worn."""
    height, width = matte.shape
    frame = HeadFrame.of(landmarks)
    columns = np.linspace(0, width - 1, HEAD_GRID)
    rows = np.linspace(0, height - 1, HEAD_GRID)
    nodes = np.stack(np.meshgrid(columns, rows), -1).astype(np.float32)
    pivot = frame.unflat(np.array([[0.0, PIVOT_BELOW_MOUTH]], np.float32))[0]
    neck = float(frame.origin[2]) + NECK_DEPTH * frame.iod
    depth = _depth(frame, landmarks, nodes, neck, matte) - neck
    if glasses:
        depth = _flat_lenses(landmarks, nodes, depth)
    depth += _nearer(frame, landmarks, matte) * frame.iod
    weight, breath = _weights(frame, landmarks, nodes)
    body = np.concatenate([nodes - pivot, depth[..., None]], -1) * weight[..., None]
    lift = BREATH_IOD * frame.iod * breath
    basis = np.concatenate([body, lift[..., None]], -1).transpose(2, 0, 1)
    return np.ascontiguousarray(basis, np.float32)


def _depth(
    frame: HeadFrame,
    landmarks: FloatArray,
    nodes: FloatArray,
    neck: float,
    matte: npt.NDArray[np.uint8],
) -> FloatArray:
    """Depth at nodes [G, G, 2]: pixels, away from the viewer positive."""
    face, iod = landmarks[:468], frame.iod
    inside = LinearNDInterpolator(face[:, :2], face[:, 2])(nodes)
    missing = np.isnan(inside)
    apart, nearest = distance_transform_edt(
        missing,
        sampling=(nodes[1, 0, 1] - nodes[0, 0, 1], nodes[0, 1, 0] - nodes[0, 0, 0]),
        return_indices=True,
    )
    edge = inside[tuple(nearest)]
    back = smoothstep(apart / iod, *_fall(frame, landmarks, nodes, apart / iod, matte))
    depth = edge + (neck - edge) * back
    step = nodes[0, 1, 0] - nodes[0, 0, 0]
    return np.asarray(gaussian_filter(depth, 0.09 * iod / step), np.float32)


def _flat_lenses(
    landmarks: FloatArray, nodes: FloatArray, depth: FloatArray
) -> FloatArray:
    """Depth [G, G] with lenses as flat as they are, and as slanting as the face is
    there, which curves away at the temples."""
    flat = nodes.reshape(-1, 2)
    for eye in lenses(landmarks, flat).astype(np.float64):
        if (eye > 0.5).sum() < 3:
            continue
        plane = np.column_stack([flat, np.ones(len(flat))])
        weighted = (plane * eye[:, None]).T
        slant = np.linalg.lstsq(weighted @ plane, weighted @ depth.ravel(), None)[0]
        share = eye.reshape(depth.shape)
        depth = depth + ((plane @ slant).reshape(depth.shape) - depth) * share
    return np.asarray(depth, np.float32)


def _fall(
    frame: HeadFrame,
    landmarks: FloatArray,
    nodes: FloatArray,
    apart: FloatArray,
    matte: npt.NDArray[np.uint8],
) -> tuple[FloatArray, FloatArray]:
    """How far from the face a head begins to fall back, and has fallen back to the
    neck's axis, as seen from nodes [G, G, 2] that are apart from the face, [G, G]: IOD,
    [G, G] both.

    Above a face that is the outline of the hair, and further where the picture cuts
    that off: hair that fell back sooner would leave the forehead behind.
    """
    person = np.asarray(matte > 127, np.uint8)
    left = np.asarray(cv2.distanceTransform(person, cv2.DIST_L2, 5), np.float32)
    x, y = nodes.round().astype(int).reshape(-1, 2).T
    outline = apart + left[y, x].reshape(apart.shape) / frame.iod
    height = frame.flat(nodes.reshape(-1, 2))[:, 1].reshape(apart.shape)
    eyes = [RIGHT_EYE_OUTER, LEFT_EYE_OUTER]
    *sides, top = frame.local(landmarks[[*eyes, FOREHEAD]])[:, 1]
    above = smoothstep(height, np.mean(sides), top)
    end = BESIDE + (outline.clip(BESIDE, ABOVE) - BESIDE) * above
    return (end - STEEP).clip(0, HAIRLINE) * above, end


def _nearer(
    frame: HeadFrame, landmarks: FloatArray, matte: npt.NDArray[np.uint8]
) -> float:
    """How much nearer than the neck the axis is, IOD."""
    x, above = landmarks[FOREHEAD, :2]
    reach = max(round(0.1 * frame.iod), 1)
    middle = min(max(round(float(x)), reach), matte.shape[1] - reach)
    cut_off = float(matte[0, middle - reach : middle + reach].mean()) / 255
    little = smoothstep(np.float32(above / frame.iod), *LITTLE_ABOVE)
    return NEARER * cut_off * float(little)


def _weights(
    frame: HeadFrame, landmarks: FloatArray, nodes: FloatArray
) -> tuple[FloatArray, FloatArray]:
    spot = frame.flat(nodes.reshape(-1, 2))
    chin = float(frame.local(landmarks[[CHIN]])[0, 1])
    x, y = spot[:, 0], spot[:, 1]
    # The fall-off follows the jaw: it starts lower at the chin than beside it.
    along = y - 0.10 * smoothstep(np.abs(x), 0.7, 0.0)
    head = smoothstep(along, chin + 0.85, chin - 0.02)
    head = head * smoothstep(np.abs(x), 2.6, 1.5)
    breath = 0.35 + 0.65 * smoothstep(y, chin - 0.1, chin + 0.6)
    breath = breath * smoothstep(np.abs(x), 3.2, 2.2)
    shape = nodes.shape[:2]
    return head.reshape(shape), breath.reshape(shape)


def build_held(landmarks: FloatArray, matte: npt.NDArray[np.uint8]) -> FloatArray:
    """How freely nodes may move away from the left, right, upper and lower border:
    float32 [4, HEAD_GRID, HEAD_GRID], 0 at it, 1 from the face on.

    What moves away from a border would bring into sight what the photo has not, where
    the person, uint8 [H, W], goes on beyond it.
    """
    height, width = matte.shape
    x = np.linspace(0, 1, HEAD_GRID, dtype=np.float32)
    face = landmarks[:468, :2] / np.array([width - 1, height - 1], np.float32)
    low, high = face.min(0), face.max(0)
    room = np.array([low[0], 1 - high[0], low[1], 1 - high[1]]) + HELD_FURTHER
    apart = np.stack(np.broadcast_arrays(x, 1 - x, x[:, None], 1 - x[:, None]))
    held = 1 - (apart / room.clip(*HELD_SHARE)[:, None, None]).clip(0, 1)
    beyond = np.stack(
        [
            np.broadcast_to(_goes_on(side)[across], apart.shape[1:])
            for side, across in (
                (matte[:, :2], np.s_[:, None]),
                (matte[:, -2:], np.s_[:, None]),
                (matte[:2].T, np.s_[None]),
                (matte[-2:].T, np.s_[None]),
            )
        ]
    )
    return np.ascontiguousarray(1 - held * beyond, np.float32)


def _goes_on(border: npt.NDArray[np.uint8]) -> FloatArray:
    """Whether the person reaches a border, uint8 [length, some], or does near by:
    [HEAD_GRID], 0 to 1."""
    reached = np.interp(
        np.linspace(0, len(border) - 1, 4 * HEAD_GRID),
        np.arange(len(border)),
        border.max(1) / 255,
    )
    near = maximum_filter1d(smoothstep(reached, 0.02, 0.3), HEAD_GRID)
    even = gaussian_filter(near.astype(np.float32), HEAD_GRID / 4, mode="nearest")
    return np.asarray(even[2::4], np.float32)


def turn(motion: FloatArray) -> FloatArray:
    """What a motion makes of a basis: where this @ basis goes, float32 [B, 2, 4].

    motion: [B, channels], bounded. Yaw, then pitch, then roll in picture axes (right,
    down, away), less the identity; then breath, which lifts.
    """
    angles = motion[:, _TURNS] * _GAINS
    (cy, cp, cr), (sy, sp, sr) = np.cos(angles).T, np.sin(angles).T
    turned = np.zeros((len(motion), 2, 4), np.float32)
    # The nose is near (z negative): positive yaw must move it to the right.
    right = (cy, 0.0, -sy)
    down = (sp * sy, cp, sp * cy)
    for axis in range(3):
        turned[:, 0, axis] = cr * right[axis] - sr * down[axis]
        turned[:, 1, axis] = sr * right[axis] + cr * down[axis]
    turned[:, 0, 0] -= 1
    turned[:, 1, 1] -= 1
    turned[:, 1, 3] = -column(motion, "breath")[:, 0]
    return turned
