"""Faces in grabbed pictures, measured by MediaPipe's face mesh."""

import base64
import io
import os
import warnings
from collections.abc import Sequence

import numpy as np
from PIL import Image

from models.media import FloatArray

NOSE_TIP = 1
UPPER_LIP, LOWER_LIP = 13, 14
EYE_CORNERS = 33, 263
LIDS = ((159, 145), (386, 374))
IRISES = (468, 473)


def landmarks_of(pictures: Sequence[str]) -> FloatArray:
    """Data URLs of JPEGs -> float32 [T, 478, 2] in pixels; every one has a face."""
    os.environ.setdefault("GLOG_minloglevel", "2")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mediapipe

        with mediapipe.solutions.face_mesh.FaceMesh(refine_landmarks=True) as mesh:
            return np.stack([_landmarks(mesh, picture) for picture in pictures])


def _landmarks(mesh: object, data_url: str) -> FloatArray:
    data = base64.b64decode(data_url.partition(",")[2])
    picture = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    height, width = picture.shape[:2]
    faces = mesh.process(picture).multi_face_landmarks  # type: ignore[attr-defined]
    assert faces, "no face in the live picture"
    points = [(each.x * width, each.y * height) for each in faces[0].landmark]
    return np.asarray(points, np.float32)


def scale(points: FloatArray) -> float:
    """The distance of the outer eye corners, pixels: the unit of all that follows."""
    left, right = (np.median(points[:, corner], axis=0) for corner in EYE_CORNERS)
    return float(np.linalg.norm(left - right))


def aperture(points: FloatArray) -> FloatArray:
    """The inner-lip gap of each picture, in eye-corner distances."""
    gap = points[:, LOWER_LIP] - points[:, UPPER_LIP]
    return np.asarray(np.linalg.norm(gap, axis=1) / scale(points), np.float32)


def eye_opening(points: FloatArray) -> FloatArray:
    """The mean lid gap of each picture, in eye-corner distances."""
    gaps = [np.linalg.norm(points[:, a] - points[:, b], axis=1) for a, b in LIDS]
    return np.asarray(np.mean(gaps, axis=0) / scale(points), np.float32)


def gaze(points: FloatArray) -> FloatArray:
    """Where the irises are, seen from the eye corners: float32 [T, 2]."""
    irises = points[:, list(IRISES)].mean(axis=1)
    corners = points[:, list(EYE_CORNERS)].mean(axis=1)
    return np.asarray((irises - corners) / scale(points), np.float32)


def wander(track: FloatArray) -> float:
    """How far a track goes: the range between its 5th and 95th percentile."""
    low, high = np.percentile(track, [5, 95], axis=0)
    return float(np.max(high - low))
