"""Mattes: colours decide where the model doubts, and a person is one piece."""

import numpy as np
import numpy.typing as npt
import pytest

from models import background
from models.backdrop import GREEN, with_backdrop
from models.background import face_mask, fill_background, refine_matte
from tests.faces import grace

SIDE = 256
SKIN, HAIR, WALL, FLOWER = (220, 180, 160), (40, 25, 20), (170, 30, 30), (240, 130, 200)


def portrait() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """A face amid dark hair before a red wall: the picture, and landmarks of a disc."""
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    picture = np.full((SIDE, SIDE, 3), WALL, np.int16)
    picture[np.hypot(x - 128, y - 120) < 90] = HAIR
    picture[(abs(x - 128) < 90) & (y > 190)] = HAIR
    picture[np.hypot(x - 128, y - 130) < 45] = SKIN
    picture += np.random.default_rng(0).integers(-8, 9, picture.shape, np.int16)
    marks = grace().landmarks.copy()
    low, high = marks[:468, :2].min(0), marks[:468, :2].max(0)
    marks[:, :2] = (marks[:, :2] - low) / (high - low) * 80 + (88, 90)
    return picture.clip(0, 255).astype(np.uint8), marks


def told(monkeypatch: pytest.MonkeyPatch, coarse: npt.NDArray[np.float64]) -> None:
    """What the segmentation says."""
    mask = coarse.astype(np.float32)
    monkeypatch.setattr(background, "person_matte", lambda _picture: mask)


def says() -> npt.NDArray[np.float64]:
    """A model that is sure of the face and the chest alone."""
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    sure = (np.hypot(x - 128, y - 130) < 70) | ((abs(x - 128) < 75) & (y > 205))
    return np.where(sure, 1.0, 0.0)


def test_colours_decide_what_the_model_doubts(monkeypatch: pytest.MonkeyPatch) -> None:
    picture, marks = portrait()
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    coarse = np.where(np.hypot(x - 128, y - 120) < 110, np.maximum(says(), 0.5), says())
    coarse[150:, 200:] = 0.55  # half sure of a piece of the wall
    told(monkeypatch, coarse)
    matte = refine_matte(picture, marks)
    assert matte[50:55, 110:150].min() > 230  # hair, far above the face
    assert matte[160:180, 225:250].max() < 25
    assert matte[:12].max() < 25


def test_a_flower_in_the_hair_belongs_to_the_person(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    picture, marks = portrait()
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    flower = np.hypot(x - 80, y - 80) < 12
    picture[flower] = FLOWER
    coarse = np.where(np.hypot(x - 128, y - 120) < 88, np.maximum(says(), 0.7), says())
    coarse[flower] = 0.0
    told(monkeypatch, coarse)
    assert refine_matte(picture, marks)[flower].min() > 200


def test_the_face_is_never_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    picture, marks = portrait()
    told(monkeypatch, np.zeros((SIDE, SIDE)))
    matte = refine_matte(picture, marks)
    assert matte[face_mask(marks, SIDE, SIDE) == 255].min() == 255


def test_a_face_before_its_own_colour_keeps_its_cheeks() -> None:
    """The rim of a turned face may look like the wall next to it."""
    mask = face_mask(grace().landmarks, *grace().size) == 255
    assert with_backdrop(grace(), GREEN).matte[mask].min() == 255


def test_the_same_photo_gives_the_same_matte() -> None:
    first, again = (refine_matte(grace().picture, grace().landmarks) for _ in (0, 1))
    assert np.array_equal(first, again)


@pytest.mark.parametrize("share", [0, 255])
def test_a_matte_of_all_or_nothing_still_fills(share: int) -> None:
    matte = np.full(grace().size, share, np.uint8)
    filled = fill_background(grace().picture, matte)
    assert filled.shape == grace().picture.shape
    if not share:
        assert np.array_equal(filled, grace().picture)
