"""The classical corrections: what is well stays, what is amiss gets better."""

from functools import cache

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from models.canonical import (
    CAST,
    MAX_CAST,
    MAX_GAIN,
    find_upright_face,
    lean_deg,
    mend,
    noise_level,
)
from models.crop import PictureSize, crop_to_face
from models.errors import PhotoError
from models.landmarks import find_face
from models.media import FloatArray
from models.photo import embedded_photo, open_photo

UintArray = npt.NDArray[np.uint8]
SQUARE = PictureSize(384, 384)


@cache
def photo() -> UintArray:
    return open_photo(embedded_photo())


@cache
def landmarks() -> FloatArray:
    return find_face(photo())


def mended(changed: UintArray) -> UintArray:
    """The picture of a photo that shows the embedded one's face at the same place."""
    better = mend(changed, landmarks(), SQUARE)
    return crop_to_face(better.photo, better.landmarks, SQUARE).picture


def cropped(changed: UintArray) -> UintArray:
    return crop_to_face(changed, landmarks(), SQUARE).picture


def turned(degrees: float) -> UintArray:
    """The photo on a wide canvas of its own border's colours, then turned."""
    wide = cv2.copyMakeBorder(photo(), 150, 150, 150, 150, cv2.BORDER_REFLECT)
    high, width = wide.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, high / 2), degrees, 1.0)
    return np.asarray(
        cv2.warpAffine(wide, turn, (width, high), borderMode=cv2.BORDER_CONSTANT),
        np.uint8,
    )


def test_a_good_photo_is_left_as_it_is() -> None:
    better = mend(photo(), landmarks(), SQUARE)
    assert better.photo is photo() and better.landmarks is landmarks()
    assert better.notes == ()


@pytest.mark.parametrize("degrees", [-20, -10, 10, 20])
def test_a_leaning_photo_is_set_upright_without_showing_its_corners(
    degrees: int,
) -> None:
    leaning = turned(degrees)
    found = find_face(leaning)
    assert abs(lean_deg(found)) > 6
    better = mend(leaning, found, SQUARE)
    crop = crop_to_face(better.photo, better.landmarks, SQUARE)
    again = find_face(crop.picture)
    assert abs(lean_deg(again)) < 2.5
    assert np.abs(again - crop.landmarks)[:, :2].mean() < 3
    black = (better.photo.max(2) == 0).mean()
    assert black < 0.08  # her uniform is black, too; a corner would be more


def test_a_slight_lean_is_how_people_hold_their_heads() -> None:
    leaning = turned(-3)
    found = find_face(leaning)
    assert mend(leaning, found, SQUARE).photo is leaning


def test_without_room_the_lean_stays_and_is_told() -> None:
    leaning = turned(25)
    found = find_face(leaning)
    low, high = found[:468, :2].min(0) - 12, found[:468, :2].max(0) + 12
    left, top, right, bottom = np.round([*low, *high]).astype(int)
    tight = np.ascontiguousarray(leaning[top:bottom, left:right])
    moved = found - np.array([left, top, 0], np.float32)
    better = mend(tight, moved, SQUARE)
    assert "too little room to set it upright" in better.notes[0]


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_photo_on_its_side_is_turned(turns: int) -> None:
    lying = np.ascontiguousarray(np.rot90(photo(), turns))
    found = find_upright_face(lying)
    better = mend(found.photo, found.landmarks, SQUARE)
    assert abs(lean_deg(better.landmarks)) < 4
    crop = crop_to_face(better.photo, better.landmarks, SQUARE).picture
    apart = np.abs(crop.astype(int) - cropped(photo())).mean()
    assert apart < 12


def test_no_face_stays_no_face() -> None:
    with pytest.raises(PhotoError) as caught:
        find_upright_face(np.full((300, 200, 3), 90, np.uint8))
    assert caught.value.code == "no_face"


def test_a_dark_photo_gets_lighter_within_bounds() -> None:
    dark = (photo() * 0.6).astype(np.uint8)
    before, after = cropped(dark).mean(), mended(dark).mean()
    assert 1.3 < after / before <= MAX_GAIN + 0.01
    night = (photo() * 0.2).astype(np.uint8)
    assert mended(night).mean() / cropped(night).mean() <= MAX_GAIN + 0.05


def test_haze_is_taken_away() -> None:
    hazy = (photo() * 0.6 + 70).astype(np.uint8)
    assert mended(hazy).std() > 1.05 * cropped(hazy).std()
    assert mended(hazy).min() < cropped(hazy).min() - 8


@pytest.mark.parametrize("tint", [(1.25, 1.0, 0.6), (0.75, 1.0, 1.3)])
def test_a_cast_is_lessened_but_never_by_much(tint: tuple[float, ...]) -> None:
    grey = photo().mean(2, keepdims=True)  # so that the cast alone is its colour
    cast = np.clip(grey * np.array(tint), 0, 255).astype(np.uint8)
    before, after = cropped(cast).mean((0, 1)), mended(cast).mean((0, 1))
    spread = float(np.ptp(before) / before.mean())
    assert spread > CAST
    assert np.ptp(after) / after.mean() < 0.97 * spread
    assert (np.abs(after / before - 1) < 2 * MAX_CAST).all()


def test_noise_is_lessened_and_edges_stay() -> None:
    rng = np.random.default_rng(0)
    clean = photo()
    noisy = np.clip(clean + rng.normal(0, 10, clean.shape), 0, 255).astype(np.uint8)
    assert noise_level(noisy) > 2 * noise_level(clean)
    before, after, true = cropped(noisy), mended(noisy), cropped(clean)
    assert noise_level(after) < 0.7 * noise_level(before)
    wrong = np.abs(before.astype(int) - true).mean()
    assert np.abs(after.astype(int) - true).mean() < 0.85 * wrong
