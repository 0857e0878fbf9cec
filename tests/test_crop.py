"""Crops: the size asked for, the face well placed, and sharp."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.crop import PictureSize, crop_to_face, parse_size
from models.errors import PhotoError
from models.landmarks import CHIN, FOREHEAD
from models.media import FloatArray

sides = st.integers(64, 640).map(lambda half: 2 * half)


def face_at(x: float, y: float, height: float) -> FloatArray:
    """Landmarks of an oval of that height and four fifths of its width."""
    chance = np.random.default_rng(0)
    points = np.zeros((478, 3), np.float32)
    angle = chance.uniform(0, 2 * np.pi, 478)
    points[:, 0] = x + 0.4 * height * np.cos(angle)
    points[:, 1] = y + 0.5 * height * np.sin(angle)
    points[FOREHEAD] = x, y - height / 2, 0
    points[CHIN] = x, y + height / 2, 0
    return points


@pytest.mark.parametrize(
    ("text", "width", "height"),
    [("512", 512, 512), ("720x1280", 720, 1280), (" 1280X720 ", 1280, 720)],
)
def test_sizes_are_read(text: str, width: int, height: int) -> None:
    assert parse_size(text) == PictureSize(width, height)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "x",
        "511",
        "126",
        "1026",
        "128x512",
        "720x1282",
        "-512",
        "5e2",
        "9" * 99,
    ],
)
def test_sizes_that_cannot_be_are_told(text: str) -> None:
    with pytest.raises(PhotoError) as told:
        parse_size(text)
    assert told.value.code in ("bad_size", "size_out_of_range")


@settings(deadline=None)
@given(
    st.integers(100, 900),
    st.integers(100, 900),
    st.floats(0.2, 0.8),
    st.floats(0.2, 0.8),
    st.floats(0.1, 0.6),
    sides,
    sides,
)
def test_any_face_is_cropped_whole_or_told(
    wide: int, high: int, x: float, y: float, share: float, width: int, height: int
) -> None:
    photo = np.zeros((high, wide, 3), np.uint8)
    landmarks = face_at(x * wide, y * high, share * min(wide, high))
    try:
        size = PictureSize(width, height)
        crop = crop_to_face(photo, landmarks, size)
    except PhotoError as error:
        assert error.code in ("size_out_of_range", "no_room_for_size")
        assert width != height or error.code == "size_out_of_range"
        return
    assert crop.picture.shape == (height, width, 3)
    inside = (landmarks[:, :2] >= 0).all(1) & (landmarks[:, :2] < (wide, high)).all(1)
    shown = crop.landmarks[inside, :2]
    edge = 1.5 * max(1.0, width / wide)
    if len(shown) and share < 0.4:
        assert (shown > -edge).all() and (shown < np.add((width, height), edge)).all()


def test_landmarks_stay_on_what_they_mark() -> None:
    photo = np.zeros((600, 800, 3), np.uint8)
    photo[297:304, 397:404] = 255
    landmarks = face_at(400, 300, 200)
    landmarks[5] = 400, 300, 0
    for size in (PictureSize(512, 512), PictureSize(720, 1280), PictureSize(200, 200)):
        crop = crop_to_face(photo, landmarks, size)
        light = crop.picture[..., 0].astype(float)
        rows, columns = np.indices(light.shape)
        middle = (columns * light).sum() / light.sum(), (rows * light).sum()
        assert middle[0] == pytest.approx(crop.landmarks[5, 0], abs=0.5)
        assert middle[1] / light.sum() == pytest.approx(crop.landmarks[5, 1], abs=0.5)


def test_a_wide_picture_from_a_narrow_photo_is_refused_with_a_remedy() -> None:
    photo = np.zeros((800, 400, 3), np.uint8)
    with pytest.raises(PhotoError) as told:
        crop_to_face(photo, face_at(200, 300, 250), PictureSize(1280, 720))
    assert told.value.code == "no_room_for_size" and "square" in told.value.message


def test_a_small_face_is_enlarged_without_halos_and_told() -> None:
    photo = np.full((300, 300, 3), 80, np.uint8)
    photo[:, 150:] = 160
    crop = crop_to_face(photo, face_at(150, 150, 80), PictureSize(512, 512))
    assert "enlarged" in crop.notes[0]
    # The interpolation itself swings over by a tenth of a step; nothing adds to it.
    assert crop.picture.min() >= 68 and crop.picture.max() <= 172
    steepest = np.abs(np.diff(crop.picture[256, :, 0].astype(int))).max()
    assert steepest > 80 / 3.5  # sharper than the 3 pixels of a plain enlargement


def test_a_much_enlarged_picture_is_told_with_a_remedy() -> None:
    photo = np.zeros((500, 500, 3), np.uint8)
    face = face_at(250, 250, 200)
    (note,) = crop_to_face(photo, face, PictureSize(1024, 1024)).notes
    assert "2.3 times" in note and "larger photo" in note
    assert not crop_to_face(photo, face, PictureSize(512, 512)).notes
