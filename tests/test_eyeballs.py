"""Eyeballs: an iris keeps its shape where it looks, and leaves nothing behind."""

from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch

from models.eyeballs import eyeballs, parted
from models.eyes import LEFT_IRIS, LEFT_LOWER, LEFT_UPPER
from models.identity import Identity
from models.media import FloatArray
from models.warp import WarpRenderer
from tests.faces import grace, motion

WHITE, BLUE, LASHES = (225, 222, 220), (30, 60, 190), (15, 12, 10)
LARGER = 1.3  # a drawn iris, of that which the landmarks tell


def drawn_eye() -> Identity:
    """The embedded portrait with a left eye as cartoons have it."""
    landmarks = grace().landmarks.copy()
    picture = grace().picture.copy()
    middle, half = landmarks[LEFT_IRIS[0], :2], 22.0
    for lid, sign in ((LEFT_UPPER, -1), (LEFT_LOWER, 1)):  # a wide open eye
        s = np.linspace(-1, 1, len(lid))
        landmarks[list(lid), 0] = middle[0] + half * s
        landmarks[list(lid), 1] = middle[1] + sign * 0.55 * half * (1 - s**2)
    opening = opening_of(picture, landmarks)
    rim = landmarks[list(LEFT_IRIS[1:]), :2]
    radius = float(np.linalg.norm(rim - middle, axis=1).mean())
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]]
    away = np.hypot(columns - middle[0], rows - middle[1])
    picture[opening > 0] = WHITE
    picture[(opening > 0) & (away < LARGER * radius)] = BLUE
    upper = np.round(landmarks[list(LEFT_UPPER), :2] * 16).astype(np.int32)
    cv2.polylines(picture, [upper], False, LASHES, 2, cv2.LINE_AA, shift=4)
    return replace(
        grace(),
        picture=picture,
        landmarks=landmarks,
        eyeballs=eyeballs(picture, landmarks),
    )


def opening_of(
    picture: npt.NDArray[np.uint8], landmarks: FloatArray
) -> npt.NDArray[np.uint8]:
    ring = landmarks[list(LEFT_UPPER + LEFT_LOWER[::-1]), :2]
    opening = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillPoly(opening, [np.round(ring * 16).astype(np.int32)], (1,), shift=4)
    return opening


def shown(portrait: Identity, **channels: float) -> npt.NDArray[np.int64]:
    """The left eye of a frame."""
    x, y = portrait.landmarks[LEFT_IRIS[0], :2].round().astype(int)
    with torch.inference_mode():
        frame = WarpRenderer()([portrait], motion(**channels))[0].numpy()
    return np.asarray(frame[y - 24 : y + 25, x - 26 : x + 27], np.int64)


def blue(eye: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    return np.asarray(eye[..., 2] - eye[..., 0] > 60)


def test_the_layers_are_the_eyeballs_again() -> None:
    for portrait in (grace(), drawn_eye()):
        whole = portrait.eyeballs.astype(np.float32)
        layers = parted(whole, portrait.landmarks)
        share = layers.irises[..., 3:]
        again = layers.rims[..., :3] + layers.whites * (1 - share)
        again = again + layers.irises[..., :3]
        opening = opening_of(portrait.picture, portrait.landmarks)
        seen = cv2.erode(opening, np.ones((3, 3), np.uint8)) > 0
        assert np.abs(again - whole)[seen].max() < 0.01


@pytest.mark.parametrize(
    ("channel", "way"), [("eyeLookOutLeft", 1), ("eyeLookInLeft", -1)]
)
def test_an_iris_goes_aside_whole_and_leaves_white(channel: str, way: int) -> None:
    portrait = drawn_eye()
    before, after = (blue(shown(portrait, **{channel: by})) for by in (0.0, 0.6))
    row = before.shape[0] // 2
    first, last = np.flatnonzero(before[row])[[0, -1]]
    went_first, went_last = np.flatnonzero(after[row])[[0, -1]]
    assert abs((went_last - went_first) - (last - first)) <= 2
    assert 3 < way * (went_first - first) < 10
    # One disc, without a ring or a crescent where it was.
    count, _ = cv2.connectedComponents(after.astype(np.uint8))
    assert count == 2
    assert 0.75 * before.sum() < after.sum() < 1.15 * before.sum()


def test_lashes_go_up_with_the_lid() -> None:
    portrait = drawn_eye()
    column = 26
    rest, wide = (
        shown(portrait, eyeWideLeft=by)[:, column].sum(1) < 150 for by in (0.0, 1.0)
    )
    assert wide.sum() <= rest.sum() + 1
    assert np.flatnonzero(wide)[-1] < np.flatnonzero(rest)[-1]
