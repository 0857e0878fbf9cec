"""A closed eye: plain skin over the eye, one line of lashes, nothing elsewhere."""

import numpy as np
import pytest

from models.closed_eyes import closed_eyes
from models.eyes import build_eyes
from tests.faces import frame, grace


def test_closed_eyes_cover_the_eyes_and_leave_brows_and_cheeks_alone() -> None:
    landmarks = grace().landmarks
    shown = closed_eyes(grace().picture, build_eyes(landmarks))[..., 3]
    assert shown.min() == 0 and shown.max() <= 1
    for eye in ([159, 145, 33, 133], [386, 374, 263, 362]):
        x, y = landmarks[eye, :2].mean(0).round().astype(int)
        assert shown[y, x] == 1
    for still in (66, 296, 205, 425, 168):  # brows, cheeks, bridge of the nose
        x, y = landmarks[still, :2].round().astype(int)
        assert shown[y, x] < 0.05


def test_lids_meet_in_a_line_darker_than_the_lid() -> None:
    luma = closed_eyes(grace().picture, build_eyes(grace().landmarks))[..., :3].mean(2)
    for upper, lower in ((159, 145), (386, 374)):
        x = int(round(float(grace().landmarks[lower, 0])))
        top, bottom = grace().landmarks[[upper, lower], 1]
        line = luma[int(bottom) - 1 : int(bottom) + 4, x].min()
        assert line < 0.8 * luma[round(float((top + bottom) / 2)), x]


@pytest.mark.parametrize("side", ["Left", "Right"])
def test_a_blink_shows_the_closed_eye(side: str) -> None:
    painted = closed_eyes(grace().picture, build_eyes(grace().landmarks))
    shut = frame(**{"eyeBlink" + side: 1.0}).astype(np.float32)
    ends = [263, 362] if side == "Left" else [33, 133]
    x, y = grace().landmarks[ends, :2].mean(0).round().astype(int)
    near = (slice(y - 1, y + 2), slice(x - 4, x + 5))
    assert np.abs(shut[near] - painted[near][..., :3]).max() < 2.5


def test_eyes_out_of_the_picture_are_left_out() -> None:
    landmarks = grace().landmarks.copy()
    landmarks[:, 0] -= 2000
    shown = closed_eyes(grace().picture, build_eyes(landmarks))
    assert shown[..., 3].max() == 0


def test_glasses_stay_where_a_lid_closes_behind_them() -> None:
    landmarks = grace().landmarks
    rimmed = grace().picture.copy()
    top = int(landmarks[[159, 386], 1].min())
    left, right = landmarks[[33, 263], 0].astype(int)
    half = int(np.linalg.norm(landmarks[33] - landmarks[133]) / 2)
    y = top - int(0.4 * half)
    rimmed[y : y + 4, left - half : right + half] = (10, 10, 160)
    painted = closed_eyes(rimmed, build_eyes(landmarks))
    for upper in (159, 386):
        x = round(float(landmarks[upper, 0]))
        assert np.abs(painted[y + 1, x, :3] - (10, 10, 160)).max() < 30
