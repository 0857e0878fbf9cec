"""What moves in from beyond the photo goes on with it, without streaks."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import torch

from models.head import build_held
from tests.faces import frame, grace, motion, renderer

LINE = 3  # pixels


def lined() -> npt.NDArray[np.uint8]:
    """The embedded portrait under a white ceiling with a red edge."""
    picture = grace().picture.copy()
    picture[:24] = 255
    picture[:LINE] = (255, 0, 0)
    return picture


@pytest.mark.parametrize("turns", [{"head_pitch": 8.0}, {"head_pitch": -8.0}])
def test_nothing_is_drawn_out_of_the_border(turns: dict[str, float]) -> None:
    """Beyond it the photo has nothing: a border that moves in would be streaks."""
    person = replace(
        grace(), picture=lined(), matte=np.full(grace().size, 255, np.uint8)
    )
    with torch.inference_mode():
        shown = renderer()([person], motion(**turns))[0].numpy().astype(int)
    middle = shown[:60, shown.shape[1] // 3 : 2 * shown.shape[1] // 3]
    red = (middle[..., 0] - middle[..., 1] > 128).sum(0)
    assert red.max() <= 2 * LINE
    moved = np.abs(shown - person.picture)[grace().landmarks[1, 1].astype(int)]
    assert moved.max() > 30  # the face turns


def test_a_still_picture_keeps_its_border() -> None:
    assert np.array_equal(frame(), grace().picture)


def test_a_head_apart_from_the_borders_is_not_held() -> None:
    """Beside it there is only background, so nothing is missing when it leans."""
    landmarks = grace().landmarks
    alone = np.zeros(grace().size, np.uint8)
    alone[100:-100, 100:-100] = 255
    assert build_held(landmarks, alone).min() == 1
    alone[:, -100:] = 255
    _, right, _, _ = build_held(landmarks, alone)
    assert right[:, -1].max() < 0.01


def test_what_is_near_a_border_is_stretched_by_no_more_than_a_third() -> None:
    """By a head of 512 pixels that leans so that its ear goes 25 away from it."""
    whole = np.full(grace().size, 255, np.uint8)
    steps = np.diff(build_held(grace().landmarks, whole)[1], axis=1)
    assert np.abs(steps).max() * (len(steps) - 1) / 512 * 25 < 0.5
