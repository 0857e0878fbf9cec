"""MediaPipe: a picture -> faces, 478 landmarks with irises, and the person's matte.

The models ship inside the mediapipe wheel. Landmark order: MediaPipe Face Mesh with
refined landmarks (468 of the mesh, 10 of the irises).
"""

import os
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from models.errors import PhotoError
from models.media import FloatArray
from models.solutions import solutions

MIN_FACE_PX = 96
MAX_TURN_DEG = 35.0
LANDMARKS = 478
LOOKERS = 2  # threads: more hardly pay
VIEWS = (1.0, 0.0), (0.94, 4.0), (1.06, -4.0)  # zoom, and turn in degrees
VIEW_PX = 448  # of a face that is looked at; the mesh sees fewer
RIGHT_EYE_OUTER, LEFT_EYE_OUTER = 33, 263  # the subject's own right and left
FOREHEAD, CHIN = 10, 152

UintArray = npt.NDArray[np.uint8]

_stderr_lock = threading.Lock()


@dataclass(frozen=True)
class FaceBox:
    """Where a face is, in pixels of its picture."""

    x: float
    y: float
    width: float
    height: float

    @property
    def centre(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + self.height / 2


@contextmanager
def _quiet() -> Iterator[None]:
    """MediaPipe's C++ logs go straight to descriptor 2, so that is what is silenced."""
    with _stderr_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            sys.stderr.flush()
            kept = os.dup(2)
        except (OSError, ValueError, AttributeError):
            yield
            return
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            os.close(silent)


def detect_faces(picture: UintArray) -> list[FaceBox]:
    """Faces in uint8 RGB [H, W, 3], largest first; the same face is listed once."""
    height, width = picture.shape[:2]
    found: list[tuple[float, FaceBox]] = []
    with _quiet():
        for model in (0, 1):  # 0: near faces, 1: far ones
            with solutions().face_detection.FaceDetection(
                model_selection=model, min_detection_confidence=0.5
            ) as detector:
                for hit in detector.process(picture).detections or ():
                    box = hit.location_data.relative_bounding_box
                    found.append(
                        (
                            float(hit.score[0]),
                            FaceBox(
                                box.xmin * width,
                                box.ymin * height,
                                box.width * width,
                                box.height * height,
                            ),
                        )
                    )
    kept: list[FaceBox] = []
    for _, box in sorted(found, key=lambda item: -item[0]):
        if all(_overlap(box, other) < 0.3 for other in kept):
            kept.append(box)
    return sorted(kept, key=lambda box: -box.width * box.height)


def _overlap(a: FaceBox, b: FaceBox) -> float:
    """Shared area by the smaller of both areas: 0 to 1."""
    wide = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
    high = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
    smaller = min(a.width * a.height, b.width * b.height)
    return max(wide, 0) * max(high, 0) / max(smaller, 1e-6)


def find_landmarks(picture: UintArray, box: FaceBox | None = None) -> FloatArray | None:
    """float32 [478, 3] in pixels (x right, y down, z away from the viewer), or None.

    With a box, only its surroundings are searched. Three slightly different views
    are averaged: the mesh of one view wanders by a pixel or two.
    """
    if box is None:
        height, width = picture.shape[:2]
        box = FaceBox(width / 4, height / 4, width / 2, height / 2)
    with _quiet():
        return _looked_at([picture], box)[0]


def find_landmarks_each(
    pictures: Sequence[UintArray], box: FaceBox
) -> list[FloatArray | None]:
    """find_landmarks of several pictures, some of them at the same time."""
    found: list[FloatArray | None] = [None] * len(pictures)
    lookers = max(min(LOOKERS, len(pictures)), 1)
    shares = [pictures[first::lookers] for first in range(lookers)]
    with _quiet(), ThreadPoolExecutor(lookers) as pool:
        looks = pool.map(_looked_at, shares, [box] * lookers)
        for first, look in enumerate(looks):
            found[first::lookers] = look
    return found


def _looked_at(pictures: Sequence[UintArray], box: FaceBox) -> list[FloatArray | None]:
    found: list[FloatArray | None] = []
    with solutions().face_mesh.FaceMesh(
        static_image_mode=True, refine_landmarks=True, min_detection_confidence=0.3
    ) as mesh:
        for picture in pictures:
            views = [
                points
                for zoom, turn in VIEWS
                if (points := _mesh_of_view(mesh, picture, box, zoom, turn)) is not None
            ]
            found.append(np.mean(views, axis=0, dtype=np.float32) if views else None)
    return found


def find_again(picture: UintArray, near: FloatArray) -> FloatArray | None:
    """The landmarks of the face that lies where `near` [478, 3] says; None where there
    is none, or another one near by."""
    low, high = near[:468, :2].min(0), near[:468, :2].max(0)
    box = FaceBox(float(low[0]), float(low[1]), *(float(v) for v in high - low))
    found = find_landmarks(picture, box)
    if found is None:
        return None
    apart = np.linalg.norm((found - near)[:468, :2], axis=1).mean()
    same = apart < 0.1 * np.linalg.norm(near[CHIN] - near[FOREHEAD])
    return found if same else None


def _mesh_of_view(
    mesh: object, picture: UintArray, box: FaceBox, zoom: float, turn_deg: float
) -> FloatArray | None:
    side = VIEW_PX
    scale = zoom * side / (2.4 * max(box.width, box.height))
    turn = cv2.getRotationMatrix2D(box.centre, turn_deg, scale)
    to_view = np.asarray(turn, np.float64).copy()
    to_view[:, 2] += side / 2 - np.asarray(box.centre)
    shrink = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    view = cv2.warpAffine(
        picture, to_view, (side, side), flags=shrink, borderMode=cv2.BORDER_REPLICATE
    )
    faces = mesh.process(view).multi_face_landmarks  # type: ignore[attr-defined]
    if not faces:
        return None
    raw = np.array([(p.x, p.y, p.z) for p in faces[0].landmark], np.float64) * side
    back = cv2.invertAffineTransform(to_view)
    points = np.empty((LANDMARKS, 3), np.float32)
    points[:, :2] = raw[:, :2] @ back[:, :2].T + back[:, 2]
    points[:, 2] = raw[:, 2] / scale
    return points


def person_matte(picture: UintArray) -> FloatArray:
    """How much of each pixel is the person: float32 [H, W], 0 to 1.

    The mean of what both models say of the picture and of its mirror image: where
    they disagree it is in doubt.
    """
    looks = []
    with _quiet():
        for model in (0, 1):  # 0: of the whole frame, 1: of a wide one
            with solutions().selfie_segmentation.SelfieSegmentation(
                model_selection=model
            ) as segmenter:
                looks.append(segmenter.process(picture).segmentation_mask)
                mirrored = np.ascontiguousarray(picture[:, ::-1])
                looks.append(segmenter.process(mirrored).segmentation_mask[:, ::-1])
    mean = np.mean(looks, axis=0, dtype=np.float32)
    return np.asarray(np.clip(mean, 0.0, 1.0), np.float32)


def head_axes(landmarks: FloatArray) -> FloatArray:
    """The head's axes in the picture: float32 [3, 3], rows right, down, away."""
    right = landmarks[LEFT_EYE_OUTER] - landmarks[RIGHT_EYE_OUTER]
    right = right / np.linalg.norm(right)
    down = landmarks[CHIN] - landmarks[FOREHEAD]
    down = down - right * float(down @ right)
    down = down / np.linalg.norm(down)
    return np.asarray(np.stack([right, down, np.cross(right, down)]), np.float32)


def head_turn(landmarks: FloatArray) -> tuple[float, float]:
    """Yaw and pitch of the photo, degrees; signs as in models.media.Motion."""
    right, down, _ = head_axes(landmarks)
    yaw = np.degrees(np.arctan2(right[2], np.hypot(right[0], right[1])))
    pitch = np.degrees(np.arctan2(-down[2], np.hypot(down[0], down[1])))
    return float(yaw), float(pitch)


def find_face(picture: UintArray, face: int | None = None) -> FloatArray:
    """Landmarks of the one face to be used: float32 [478, 3], pixels.

    face: which one, counted from 1, the largest first; None where there is only one.

    Raises:
        PhotoError: no_face, several_faces, no_such_face, face_too_small, head_turned.
    """
    boxes = detect_faces(picture)
    if not boxes:
        raise PhotoError(
            "no_face",
            "No face was found in the photo. Use a photo that shows one face "
            "from the front, well lit and not covered.",
        )
    landmarks = find_landmarks(picture, _choose(boxes, face))
    if landmarks is None:
        raise PhotoError(
            "no_face",
            "A face was found, but its features cannot be made out. "
            "Use a sharper photo, taken from the front.",
        )
    _check_size(landmarks)
    _check_turn(landmarks)
    return landmarks


def _choose(boxes: list[FaceBox], face: int | None) -> FaceBox:
    if face is None and len(boxes) > 1:
        listed = "; ".join(
            f"{number}: {box.width:.0f} px wide, centre at "
            f"({box.centre[0]:.0f}, {box.centre[1]:.0f})"
            for number, box in enumerate(boxes, 1)
        )
        raise PhotoError(
            "several_faces",
            f"The photo shows {len(boxes)} faces ({listed}). "
            "Choose one with --face N, or crop the photo.",
        )
    number = 1 if face is None else face
    if not 1 <= number <= len(boxes):
        raise PhotoError(
            "no_such_face",
            f"There is no face {number}: the photo shows {len(boxes)}. "
            f"Choose a number from 1 to {len(boxes)}.",
        )
    return boxes[number - 1]


def _check_size(landmarks: FloatArray) -> None:
    size = float((landmarks.max(0) - landmarks.min(0))[:2].max())
    if size < MIN_FACE_PX:
        raise PhotoError(
            "face_too_small",
            f"The face is only {size:.0f} pixels high; at least {MIN_FACE_PX} are "
            "needed. Use a larger or closer photo.",
        )


def _check_turn(landmarks: FloatArray) -> None:
    yaw, pitch = head_turn(landmarks)
    if abs(yaw) > MAX_TURN_DEG or abs(pitch) > MAX_TURN_DEG:
        way = "sideways" if abs(yaw) > abs(pitch) else "up or down"
        raise PhotoError(
            "head_turned",
            f"The head is turned {max(abs(yaw), abs(pitch)):.0f} degrees {way}; up to "
            f"{MAX_TURN_DEG:.0f} work. Use a photo taken more from the front.",
        )
