"""Closed lips part where the photo's own dark line is."""

import cv2
import numpy as np
import pytest

from models.controls import INNER_LOWER, INNER_UPPER
from models.lip_line import UintArray, on_lip_line
from models.media import FloatArray
from models.rig import HeadFrame
from tests.faces import grace


def flat_lips(off: float) -> tuple[UintArray, FloatArray]:
    """A plain picture with one dark line, `off` IOD under the lips' landmarks."""
    landmarks = grace().landmarks
    frame = HeadFrame.of(landmarks)
    line = frame.flat(landmarks[list(INNER_UPPER), :2]) + [0, off]
    picture = np.full_like(grace().picture, 180)
    points = [np.round(frame.unflat(line) * 16).astype(np.int32)]
    cv2.polylines(picture, points, False, (60, 20, 20), 3, cv2.LINE_AA, shift=4)
    return picture, landmarks


@pytest.mark.parametrize("off", [-0.03, 0.0, 0.02, 0.04])
def test_the_lips_are_laid_on_the_line(off: float) -> None:
    picture, landmarks = flat_lips(off)
    frame = HeadFrame.of(landmarks)
    settled = on_lip_line(picture, landmarks)
    for points in (INNER_UPPER, INNER_LOWER):
        middle = list(points)[4:-4]
        way = frame.flat(settled[middle, :2]) - frame.flat(landmarks[middle, :2])
        assert way[:, 1] == pytest.approx(off, abs=0.012)
        assert np.abs(way[:, 0]).max() < 1e-4
    others = np.setdiff1d(np.arange(478), INNER_UPPER + INNER_LOWER)
    assert np.array_equal(settled[others], landmarks[others])


def test_a_broad_shade_beside_the_line_is_none() -> None:
    picture, landmarks = flat_lips(0.0)
    frame = HeadFrame.of(landmarks)
    below = frame.flat(landmarks[list(INNER_UPPER), :2]) + [0, 0.045]
    points = [np.round(frame.unflat(below) * 16).astype(np.int32)]
    shade = np.full(picture.shape, 255, np.uint8)
    thick = round(0.07 * frame.iod)
    cv2.polylines(shade, points, False, (20, 20, 20), thick, cv2.LINE_AA, shift=4)
    shaded = (picture * (cv2.GaussianBlur(shade, (0, 0), 1.5) / 255)).astype(np.uint8)
    settled = on_lip_line(shaded, landmarks)
    middle = list(INNER_UPPER)[2:-2]
    way = frame.flat(settled[middle, :2]) - frame.flat(landmarks[middle, :2])
    assert np.abs(way[:, 1]).max() < 0.010


def test_lips_lie_on_the_line_almost_to_their_corners() -> None:
    picture, landmarks = flat_lips(0.04)
    frame = HeadFrame.of(landmarks)
    settled = on_lip_line(picture, landmarks)
    down = frame.flat(settled[list(INNER_UPPER), :2])[:, 1]
    down = down - frame.flat(landmarks[list(INNER_UPPER), :2])[:, 1]
    assert down[2:-2].min() > 0.8 * down.max()
    assert np.abs(down[[0, -1]]).max() < 1e-4


def test_without_a_line_the_landmarks_decide() -> None:
    plain = np.full_like(grace().picture, 180)
    settled = on_lip_line(plain, grace().landmarks)
    iod = HeadFrame.of(grace().landmarks).iod
    assert np.abs(settled - grace().landmarks).max() < 0.005 * iod


def test_open_lips_are_left_alone() -> None:
    picture, landmarks = flat_lips(0.03)
    parted = landmarks.copy()
    parted[[87, 14, 317, 402, 178, 88, 318], 1] += 12
    assert np.array_equal(on_lip_line(picture, parted), parted)
