"""What moves in from beyond the photo goes on with it, without streaks."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import torch

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
