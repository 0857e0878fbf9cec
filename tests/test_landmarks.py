"""Faces are found, and photos without one good face are refused in plain words."""

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from models.errors import PhotoError
from models.landmarks import (
    detect_faces,
    find_face,
    find_landmarks,
    find_landmarks_each,
    head_axes,
    head_turn,
    person_matte,
)
from models.photo import embedded_photo, open_photo

PHOTO = open_photo(embedded_photo())


def scaled(factor: float) -> npt.NDArray[np.uint8]:
    small = cv2.resize(PHOTO, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def code_of(picture: npt.NDArray[np.uint8], face: int | None = None) -> str:
    with pytest.raises(PhotoError) as caught:
        find_face(picture, face)
    return caught.value.code


def test_landmarks_scale_with_the_picture() -> None:
    small = scaled(0.5)
    whole, half = find_face(PHOTO), find_face(small)
    assert whole.shape == (478, 3) and whole.dtype == np.float32
    assert np.abs(half * 2 - whole)[:468, :2].mean() < 2.0


def test_axes_are_at_right_angles_and_roll_with_the_head() -> None:
    upright = find_face(PHOTO)
    axes = head_axes(upright)
    assert np.allclose(axes @ axes.T, np.eye(3), atol=1e-5)
    turn = cv2.getRotationMatrix2D((256, 250), -15, 1.0)
    leaning = find_face(np.asarray(cv2.warpAffine(PHOTO, turn, (512, 600)), np.uint8))
    rolled = head_axes(leaning)[0]
    change = np.degrees(
        np.arctan2(rolled[1], rolled[0]) - np.arctan2(axes[0, 1], axes[0, 0])
    )
    assert abs(change - 15) < 3
    assert abs(head_turn(upright)[0]) < 15


def test_no_face_is_said_so() -> None:
    assert code_of(np.full((300, 300, 3), 90, np.uint8)) == "no_face"
    noise = np.random.default_rng(1).integers(0, 255, (300, 300, 3), np.uint8)
    assert code_of(noise) == "no_face"
    assert code_of(np.zeros((1, 1, 3), np.uint8)) == "no_face"


def test_several_faces_are_listed_and_one_can_be_chosen() -> None:
    small = scaled(0.7)
    pair = np.zeros((600, 512 + small.shape[1], 3), np.uint8)
    pair[:, :512] = PHOTO
    pair[: small.shape[0], 512:] = small
    assert len(detect_faces(pair)) == 2
    with pytest.raises(PhotoError, match="--face N") as caught:
        find_face(pair)
    assert caught.value.code == "several_faces" and "2:" in caught.value.message
    assert find_face(pair, 1)[1, 0] < 512 < find_face(pair, 2)[1, 0]
    assert code_of(pair, 3) == "no_such_face"
    assert code_of(pair, 0) == "no_such_face"


def test_a_small_face_is_refused() -> None:
    tiny = scaled(0.3)
    assert code_of(tiny) == "face_too_small"


def test_a_turned_head_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    turned = find_face(PHOTO).copy()
    middle = turned.mean(0)
    c, s = np.cos(np.radians(42)), np.sin(np.radians(42))
    about_down = np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]], np.float32)
    turned = (turned - middle) @ about_down.T + middle
    monkeypatch.setattr("models.landmarks.find_landmarks", lambda *_: turned)
    assert code_of(PHOTO) == "head_turned"


def test_looking_only_near_a_face_that_is_not_there_finds_nothing() -> None:
    assert find_landmarks(np.full((200, 200, 3), 200, np.uint8)) is None


def test_several_pictures_are_looked_at_as_one_is() -> None:
    (box,) = detect_faces(PHOTO)
    empty = np.full_like(PHOTO, 200)
    lighter = np.asarray(cv2.convertScaleAbs(PHOTO, None, 1.1, 5), np.uint8)
    pictures = [PHOTO, empty, lighter]
    together = find_landmarks_each(pictures, box)
    for found, picture in zip(together, pictures, strict=True):
        alone = find_landmarks(picture, box)
        assert (found is None) == (picture is empty)
        if found is None or alone is None:
            assert alone is found
        else:
            assert np.array_equal(found, alone)
    assert find_landmarks_each([], box) == []


def test_the_matte_holds_the_person_and_not_the_corner() -> None:
    matte = person_matte(PHOTO)
    assert matte.shape == PHOTO.shape[:2] and matte.dtype == np.float32
    assert matte[250, 256] > 0.9 and matte[20, 490] < 0.1
