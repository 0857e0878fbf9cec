"""The photo made canonical without weights: upright, well lit, without a cast or noise.

Every correction is bounded, and none is made where the photo is well as it is: then it
comes back bit by bit. Light is judged by the picture's own highlights, never by how
dark a skin is; colour by two witnesses, the whole picture and the whites of the eyes,
of which the milder counts, so that a painting keeps its tone.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from models.crop import PictureSize, box_round_face, wished_place, wished_width
from models.errors import PhotoError
from models.landmarks import (
    CHIN,
    FOREHEAD,
    LEFT_EYE_OUTER,
    RIGHT_EYE_OUTER,
    find_face,
)
from models.media import FloatArray

LEANING_DEG = 6.0  # less is how people hold their heads
LYING_DEG = 45.0
LEAST_ROOM = 0.85  # of the width that the leaning photo would have given
HIGHLIGHT, DIM_HIGHLIGHT = 235.0, 215.0  # where they should be; below it is too dark
MAX_GAIN = 1.8
HAZE, MAX_HAZE = 24.0, 24.0  # a black lighter than this; so much is taken away
CAST, MAX_CAST = 0.18, 0.07  # of a channel: from here on; corrected at most
NOISE, MAX_DENOISING = 3.0, 10.0  # levels of 255
FLAT_SHARE = 0.2  # of the blocks, the flattest, where only noise is seen
EYES = (
    (33, 160, 159, 158, 133, 153, 145, 144, 468),
    (263, 387, 386, 385, 362, 380, 374, 373, 473),
)  # rim of each eye, and last the iris' middle
IRIS_RIM = (469, 474)

UintArray = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Mended:
    """photo: uint8 RGB [H, W, 3], what of the photo the picture is cut from.
    landmarks: float32 [478, 3], its pixels. notes: in sentences."""

    photo: UintArray
    landmarks: FloatArray
    notes: tuple[str, ...] = ()


def find_upright_face(photo: UintArray, face: int | None = None) -> Mended:
    """find_face, also in a photo that lies on its side or stands on its head.

    Raises:
        PhotoError: see find_face.
    """
    try:
        found: FloatArray | None = find_face(photo, face)
    except PhotoError as error:
        if error.code != "no_face":
            raise
        found = None
    if found is not None and abs(lean_deg(found)) < LYING_DEG:
        return Mended(photo, found)
    for turns in (3, 1, 2):  # phones are mostly held on one side
        turned = np.ascontiguousarray(np.rot90(photo, turns))
        try:
            landmarks = find_face(turned, face)
        except PhotoError:
            continue
        if abs(lean_deg(landmarks)) < LYING_DEG:
            note = f"The photo was turned by {360 - 90 * turns} degrees."
            return Mended(turned, landmarks, (note,))
    if found is None:
        return Mended(photo, find_face(photo, face))  # which says what is wrong
    return Mended(photo, found)


def mend(photo: UintArray, landmarks: FloatArray, size: PictureSize) -> Mended:
    """Upright, then lighter, less tinted and less noisy, each only where it is needed.

    Raises:
        PhotoError: no_room_for_size.
    """
    mended = _upright(photo, landmarks, size)
    left, top, width, height = _part(mended, size)
    part = mended.photo[top : top + height, left : left + width]
    better = _balanced(part, mended.landmarks - np.array([left, top, 0], np.float32))
    if min(width, height) < 1.4 * min(size.width, size.height):
        better = _denoised(better)  # otherwise reducing it averages the noise
    if better is part:
        return mended
    points = mended.landmarks - np.array([left, top, 0], np.float32)
    return Mended(better, points, mended.notes)


def lean_deg(landmarks: FloatArray) -> float:
    """How far the head leans clockwise, by the line of the eyes and that from forehead
    to chin; where they differ, as in a turned head, by the one that says less."""
    eyes = landmarks[LEFT_EYE_OUTER] - landmarks[RIGHT_EYE_OUTER]
    down = landmarks[CHIN] - landmarks[FOREHEAD]
    one = float(np.degrees(np.arctan2(eyes[1], eyes[0])))
    other = float(np.degrees(np.arctan2(-down[0], down[1])))
    if max(abs(one), abs(other)) > 90:  # on its side or head
        both = np.exp(1j * np.radians(one)) + np.exp(1j * np.radians(other))
        return float(np.degrees(np.angle(both)))
    if one * other <= 0:
        return 0.0
    return min(one, other, key=abs) if abs(one - other) > 4 else (one + other) / 2


def _part(mended: Mended, size: PictureSize) -> tuple[int, int, int, int]:
    """Left, top, width and height of what the crop needs, in whole pixels."""
    left, top, width = box_round_face(mended.photo, mended.landmarks, size)
    high, wide = mended.photo.shape[:2]
    height = width * size.height / size.width
    x, y = max(int(left) - 2, 0), max(int(top) - 2, 0)
    return (
        x,
        y,
        min(int(left + width) + 3, wide) - x,
        min(int(top + height) + 3, high) - y,
    )


def _upright(photo: UintArray, landmarks: FloatArray, size: PictureSize) -> Mended:
    lean = lean_deg(landmarks)
    if abs(lean) < LEANING_DEG:
        return Mended(photo, landmarks)
    least = LEAST_ROOM * box_round_face(photo, landmarks, size)[2]
    for share in (1.0, 0.5):  # half of it is better than none
        turned = _turned(photo, landmarks, size, share * lean, least)
        if turned:
            return turned
    return Mended(
        photo,
        landmarks,
        (
            f"The head leans by {abs(lean):.0f} degrees and the photo has too little "
            "room to set it upright.",
        ),
    )


def _turned(
    photo: UintArray,
    landmarks: FloatArray,
    size: PictureSize,
    lean: float,
    least_width: float,
) -> Mended | None:
    """The largest part of the turned photo that shows no corner beyond its edges."""
    high, wide = photo.shape[:2]
    middle = landmarks[:468, :2].mean(0)
    about = float(middle[0]), float(middle[1])
    turn: npt.NDArray[np.float64] = np.asarray(
        cv2.getRotationMatrix2D(about, lean, 1.0), np.float64
    )
    edges = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float64) - 0.5
    corners = edges @ turn[:, :2].T + turn[:, 2]
    points = landmarks.copy()
    points[:, :2] = landmarks[:, :2] @ turn[:, :2].T + turn[:, 2]
    for share in np.arange(1.0, 0.0, -0.03):
        width = float(share) * min(wished_width(points, size), wide)
        if width < least_width:
            return None
        place = _fitted(corners, points, size, width)
        if place is not None:
            return _cut(photo, turn, points, np.asarray(place), size, width)
    return None


def _fitted(
    corners: npt.NDArray[np.float64],
    points: FloatArray,
    size: PictureSize,
    width: float,
) -> npt.NDArray[np.float64] | None:
    """Left and top nearest to where the crop wishes it, [2], so that a box of that
    width lies within the turned photo and holds the face; or None."""
    extent = np.array([width, width * size.height / size.width])
    place = np.array(wished_place(points, size, width))
    along = np.roll(corners, -1, axis=0) - corners
    inward = np.stack([-along[:, 1], along[:, 0]], 1)
    inward /= np.linalg.norm(inward, axis=1, keepdims=True)
    # The box's corner that lies farthest out, for each edge.
    least = (inward * corners).sum(1) - np.minimum(inward * extent, 0).sum(1)
    for _ in range(40):  # projections on convex sets, one after another
        for normal, bound in zip(inward, least, strict=True):
            place = place + max(bound - float(normal @ place), 0.0) * normal
    low, high = points[:468, :2].min(0), points[:468, :2].max(0)
    inside = (place <= low).all() and (place + extent >= high).all()
    fits = (inward @ place >= least - 0.5).all()
    return place if inside and fits else None


def _cut(
    photo: UintArray,
    turn: npt.NDArray[np.float64],
    points: FloatArray,
    place: npt.NDArray[np.float64],
    size: PictureSize,
    width: float,
) -> Mended:
    """The part at the photo's own scale; rounded down, so that no edge shows."""
    wide, high = int(width), int(width * size.height / size.width)
    to_part = turn.copy()
    to_part[:, 2] -= place
    part = cv2.warpAffine(
        photo,
        to_part,
        (wide, high),
        flags=cv2.INTER_LANCZOS4,
        borderMode=cv2.BORDER_REPLICATE,
    )
    moved = points.copy()
    moved[:, :2] -= place.astype(np.float32)
    return Mended(np.asarray(part, np.uint8), moved)


def _balanced(part: UintArray, landmarks: FloatArray) -> UintArray:
    """Exposure, haze and cast in one table for each channel."""
    brightest, darkest = part.max(2), part.min(2)
    white = float(np.percentile(brightest, 99.5))
    black = float(np.percentile(darkest, 0.5))
    haze = min(0.6 * (black - HAZE), MAX_HAZE) if black > HAZE else 0.0
    gain = 1.0
    if white < DIM_HIGHLIGHT or haze:
        gain = min(max(HIGHLIGHT, white) / max(white - haze, 1.0), MAX_GAIN)
    gains = gain * _uncast(part, landmarks)
    if haze == 0 and np.allclose(gains, 1.0, atol=1e-3):
        return part
    levels = np.arange(256)[:, None]
    table = np.clip((levels - haze) * gains, 0, 255).round().astype(np.uint8)
    return np.stack([table[part[..., c], c] for c in range(3)], -1)


def _uncast(part: UintArray, landmarks: FloatArray) -> npt.NDArray[np.float64]:
    """Gains of the channels, [3]. Shades of grey: Finlayson and Trezzi 2004, p = 6."""
    whole = ((part[::2, ::2].astype(np.float64) + 1) ** 6).mean((0, 1)) ** (1 / 6)
    whole = whole / whole.mean() - 1
    white = _eye_white(part, landmarks)
    agreed = np.where(
        whole * white > 0, np.sign(whole) * np.minimum(abs(whole), abs(white)), 0.0
    )
    excess = np.maximum(abs(agreed) - CAST, 0) * 0.6
    gains = 1 - np.sign(agreed) * np.minimum(excess, MAX_CAST)
    return np.asarray(gains / (gains @ np.array([0.299, 0.587, 0.114])))


def _eye_white(part: UintArray, landmarks: FloatArray) -> npt.NDArray[np.float64]:
    """How the whites of the eyes differ from grey, [3]; zero where none can be seen."""
    colours = []
    for rim, iris_rim in zip(EYES, IRIS_RIM, strict=True):
        mask = np.zeros(part.shape[:2], np.uint8)
        corners = np.round(landmarks[list(rim[:-1]), :2]).astype(np.int32)
        cv2.fillPoly(mask, [corners], (255,))
        middle = landmarks[rim[-1], :2]
        radius = float(np.linalg.norm(landmarks[iris_rim, :2] - middle))
        at = int(round(float(middle[0]))), int(round(float(middle[1])))
        cv2.circle(mask, at, max(round(1.15 * radius), 1), (0,), -1)
        seen = part[mask > 0].astype(np.float64)
        if len(seen) >= 12:
            lightest = seen.mean(1) >= np.median(seen.mean(1))
            colours.append(seen[lightest].mean(0))
    if not colours:
        return np.zeros(3)
    white = np.mean(colours, 0)
    return np.asarray(white / max(float(white.mean()), 1.0) - 1)


def _denoised(part: UintArray) -> UintArray:
    """Non-local means (Buades and others 2005) as strong as the noise, half of it laid
    over; a canvas or fine grain stays as it is."""
    noise = noise_level(part)
    if noise < NOISE:
        return part
    strength = min(noise - 0.4 * NOISE, MAX_DENOISING)
    calm = cv2.fastNlMeansDenoisingColored(part, None, strength, strength, 5, 15)
    return np.asarray(cv2.addWeighted(part, 0.35, calm, 0.65, 0), np.uint8)


def noise_level(part: UintArray) -> float:
    """Standard deviation of the noise in levels of 255, from the flattest blocks.
    Immerkaer, Fast Noise Variance Estimation, 1996."""
    grey = cv2.cvtColor(part, cv2.COLOR_RGB2GRAY).astype(np.float32)
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    rough = np.abs(cv2.filter2D(grey, cv2.CV_32F, kernel))[1:-1, 1:-1]
    side = 16
    high, wide = (length // side * side for length in rough.shape)
    if min(high, wide) < side:
        return 0.0
    blocks = rough[:high, :wide].reshape(high // side, side, wide // side, side)
    flat = float(np.quantile(blocks.mean((1, 3)), FLAT_SHARE))
    return flat * float(np.sqrt(np.pi / 2)) / 6
