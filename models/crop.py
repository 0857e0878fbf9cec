"""The part of a photo that becomes the picture: its size, its place, its sharpness."""

import re
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from models.errors import PhotoError
from models.landmarks import CHIN, FOREHEAD
from models.media import FloatArray

__all__ = [
    "Crop",
    "PictureSize",
    "box_round_face",
    "crop_to_face",
    "parse_size",
    "wished_place",
    "wished_width",
]

MIN_SIDE, MAX_SIDE = 128, 1280
MAX_SHORT_SIDE = 1024
MAX_ASPECT = 2.0
FACE_SHARE = 0.45  # of the picture's short side, from forehead to chin
FACE_CENTRE = 0.47  # of a square or wide picture's height, from the top
FACE_CENTRE_TALL = 0.36  # of a picture of 9:16; chest and shoulders below
MAX_FACE_SHARE = 0.80  # of any side; more would cut the head off
CLOSE_UP_SHARE = 0.62  # of the height; hair is cut off, which is told
SMALL_FACE_PX = 160  # below this the enlarged face looks soft
ENLARGED = 1.2  # from here on an enlargement is told, and sharpened
MUCH_ENLARGED = 1.8  # from here on also that of a face that is large enough

UintArray = npt.NDArray[np.uint8]
_SIZE = re.compile(r"(\d{1,5})(?:[xX×](\d{1,5}))?")


@dataclass(frozen=True)
class PictureSize:
    """Of a picture, pixels; checked.

    Raises:
        PhotoError: size_out_of_range.
    """

    width: int
    height: int

    def __post_init__(self) -> None:
        sides = self.width, self.height
        low, high = min(sides), max(sides)
        even = not (self.width % 2 or self.height % 2)
        fits = MIN_SIDE <= low <= MAX_SHORT_SIDE and high <= MAX_SIDE
        if not (even and fits and high <= MAX_ASPECT * low):
            raise PhotoError(
                "size_out_of_range",
                f"A picture of {self.width}x{self.height} is not possible: choose even "
                f"numbers, the short side from {MIN_SIDE} to {MAX_SHORT_SIDE}, the "
                f"long side at most {MAX_SIDE} and twice the short one.",
            )


def parse_size(text: str) -> PictureSize:
    """What a user writes: "512" is a square, "720x1280" is width x height.

    Raises:
        PhotoError: size_out_of_range, bad_size.
    """
    match = _SIZE.fullmatch(text.strip())
    if not match:
        raise PhotoError(
            "bad_size",
            f"{text[:40]!r} is not a picture size: write 512, or width x height such "
            "as 720x1280.",
        )
    width = int(match[1])
    return PictureSize(width, int(match[2] or width))


@dataclass(frozen=True, eq=False)
class Crop:
    """picture: uint8 RGB [H, W, 3]. landmarks: float32 [478, 3], its pixels. notes:
    what the user should know."""

    picture: UintArray
    landmarks: FloatArray
    notes: tuple[str, ...]


def crop_to_face(photo: UintArray, landmarks: FloatArray, size: PictureSize) -> Crop:
    """The part of the photo round the face, as near to FACE_SHARE as the photo allows.

    Raises:
        PhotoError: no_room_for_size, when the face does not fit a picture that is not
            square; a square always can be cut.
    """
    face = float(np.linalg.norm(landmarks[CHIN] - landmarks[FOREHEAD]))
    left, top, box_width = box_round_face(photo, landmarks, size)
    scale = size.width / box_width
    to_crop = np.array([[scale, 0, 0], [0, scale, 0]], np.float64)
    # Pixel centres: the crop's edge, not its first pixel's middle, lies at left, top.
    to_crop[:, 2] = (0.5 - np.array([left, top])) * scale - 0.5
    points = landmarks * scale
    points[:, :2] += to_crop[:, 2]
    picture = _resampled(photo, to_crop, scale, size)
    notes: tuple[str, ...] = ()
    if face < SMALL_FACE_PX and scale > ENLARGED:
        notes = (
            f"The face is only {face:.0f} pixels high in the photo, so it was "
            f"enlarged {scale:.1f} times and looks soft. "
            "A larger photo gives a sharper portrait.",
        )
    elif scale > MUCH_ENLARGED:
        notes = (
            f"The photo was enlarged {scale:.1f} times for a picture of {size.width}x"
            f"{size.height}. A larger photo gives a sharper portrait; a smaller size "
            "looks no softer.",
        )
    if size.width != size.height and face * scale > CLOSE_UP_SHARE * size.height:
        notes += (
            "The photo has little room round the face for this shape, so the picture "
            "is a close-up. A photo with more room, or a square size, shows more.",
        )
    return Crop(picture, points.astype(np.float32), notes)


def wished_width(landmarks: FloatArray, size: PictureSize) -> float:
    """Of a part that shows the face at FACE_SHARE, in pixels of the photo."""
    face = float(np.linalg.norm(landmarks[CHIN] - landmarks[FOREHEAD]))
    return face / FACE_SHARE * max(size.width / size.height, 1.0)


def wished_place(
    landmarks: FloatArray, size: PictureSize, width: float
) -> tuple[float, float]:
    """Left and top of a part of that width, wherever the photo ends."""
    tall = float(np.clip((size.height / size.width - 1) / (16 / 9 - 1), 0, 1))
    centre = FACE_CENTRE + tall * (FACE_CENTRE_TALL - FACE_CENTRE)
    middle = landmarks[:468, :2].mean(0)
    height = width * size.height / size.width
    return float(middle[0] - width / 2), float(middle[1] - height * centre)


def box_round_face(
    photo: UintArray, landmarks: FloatArray, size: PictureSize
) -> tuple[float, float, float]:
    """Left, top and width of the part, in pixels of the photo; all within it.

    Raises:
        PhotoError: no_room_for_size.
    """
    high, wide = photo.shape[:2]
    aspect = size.width / size.height
    width = min(wished_width(landmarks, size), wide, high * aspect)
    height = width / aspect
    points = landmarks[:468, :2]
    across, along = np.ptp(points, axis=0)
    tight = across > MAX_FACE_SHARE * width or along > MAX_FACE_SHARE * height
    if tight and size.width != size.height:
        narrow = "sides" if aspect > 1 else "top and bottom"
        raise PhotoError(
            "no_room_for_size",
            f"The photo has too little room at the {narrow} of the face for a picture "
            f"of {size.width}x{size.height}: choose a square size such as 512, or a "
            "photo with more round the face.",
        )
    left, top = wished_place(landmarks, size, width)
    left = float(np.clip(left, 0, wide - width))
    top = float(np.clip(top, 0, high - height))
    return left, top, float(width)


def _resampled(
    photo: UintArray, to_crop: npt.NDArray[np.float64], scale: float, size: PictureSize
) -> UintArray:
    source = photo
    if scale < 0.5:  # INTER_AREA does not work in a warp: reduce in advance
        height, width = photo.shape[:2]
        factor = 2 * scale
        reduced = (max(round(width * factor), 1), max(round(height * factor), 1))
        source = np.asarray(
            cv2.resize(photo, reduced, interpolation=cv2.INTER_AREA), np.uint8
        )
        shrink = np.array([reduced[0] / width, reduced[1] / height])
        to_crop = to_crop.copy()
        to_crop[:, :2] = np.diag(scale / shrink)
        to_crop[:, 2] += 0.5 * scale / shrink - 0.5 * scale
    picture = cv2.warpAffine(
        source,
        to_crop,
        (size.width, size.height),
        flags=cv2.INTER_LANCZOS4 if scale > 1 else cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    if scale > ENLARGED:
        picture = _sharpened(np.asarray(picture, np.uint8), scale)
    return np.asarray(picture, np.uint8)


def _sharpened(picture: UintArray, scale: float) -> UintArray:
    """An unsharp mask of about the old pixels' width, held between its neighbours so
    that edges get no halo."""
    soft = cv2.GaussianBlur(picture, (0, 0), 0.5 * min(scale, 4.0))
    sharp = cv2.addWeighted(picture, 1.6, soft, -0.6, 0)
    side = 2 * round(min(scale, 4.0)) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    low, high = cv2.erode(picture, kernel), cv2.dilate(picture, kernel)
    return np.asarray(np.clip(sharp, low, high), np.uint8)
