"""What lies behind a person: it goes on as it is about them, without their hairs."""

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from models.behind import MARGIN, SEEN, fill_background
from models.edge import grown
from tests.faces import grace

SIDE = 256
HAIR, WALL = (40, 25, 20), (200, 170, 150)


def before(
    wall: npt.NDArray[np.uint8],
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """A dark head and body before a wall, and their matte."""
    matte = np.zeros((SIDE, SIDE), np.uint8)
    cv2.ellipse(matte, (128, 110), (55, 70), 0, 0, 360, (255,), -1, cv2.LINE_AA)
    cv2.rectangle(matte, (60, 190), (196, SIDE), (255,), -1)
    share = matte[..., None] / 255
    picture = share * np.array(HAIR) + (1 - share) * wall
    return picture.round().astype(np.uint8), matte


def plain() -> npt.NDArray[np.uint8]:
    return np.full((SIDE, SIDE, 3), WALL, np.uint8)


def rim(matte: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """What a turning head uncovers beside it, in [H, W]."""
    inner = cv2.erode(matte, np.ones((13, 13), np.uint8))
    beside = (matte > 128) & (inner < 128)
    beside[:70] = beside[160:] = False
    return np.asarray(beside)


def test_what_is_filled_in_begins_as_what_is_seen_beside_it_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A stripe that is mirrored from elsewhere would be a thread beside the hair."""
    picture, matte = grace().picture, grace().matte

    def steps() -> float:
        filled = fill_background(picture, matte).astype(np.float32)
        person = grown(matte > SEEN, max(round(MARGIN * matte.shape[1]), 2))
        step = np.abs(np.diff(filled, axis=0)).max(2)[person[1:] != person[:-1]]
        return float(np.percentile(step, 99))

    even = steps()
    monkeypatch.setattr(
        "models.behind._goes_on", lambda _rim, _bare, person: np.ones(person.shape)
    )
    assert even < 0.75 * steps()


def test_level_lines_go_on_behind_a_head() -> None:
    stripes = plain()
    stripes[(np.arange(SIDE) // 10) % 2 == 0] = (60, 120, 180)
    picture, matte = before(stripes)
    wrong = np.abs(fill_background(picture, matte).astype(int) - stripes)
    assert wrong[rim(matte)].mean() < 20  # of 80 between a stripe and the next


def test_texture_goes_on_behind_a_head() -> None:
    noise = np.random.default_rng(0).integers(0, 60, (SIDE, SIDE, 1))
    rough = (plain() - noise).astype(np.uint8)
    picture, matte = before(rough)
    filled = fill_background(picture, matte)
    assert filled[rim(matte)].std() > 0.6 * rough[rim(matte)].std()


def test_a_single_hair_is_no_background() -> None:
    picture, matte = before(plain())
    cv2.ellipse(picture, (183, 90), (14, 14), 0, 180, 400, HAIR, 1, cv2.LINE_AA)
    filled = fill_background(picture, matte)
    assert np.abs(filled[:, 186:].astype(int) - WALL).max() < 40


def test_a_long_hair_is_no_background_where_it_is_fainter_either() -> None:
    """Else, when the head turns, half of it would go along and half stay."""
    picture, matte = before(plain())
    tinted = (110, 65, 95)  # towards hair, and towards violet
    cv2.line(picture, (178, 90), (196, 100), HAIR, 1, cv2.LINE_AA)
    cv2.line(picture, (196, 100), (210, 130), tinted, 1, cv2.LINE_AA)
    filled = fill_background(picture, matte)
    assert np.abs(filled[:, 192:].astype(int) - WALL).max() < 40


@pytest.mark.parametrize("colour", [(255, 255, 255), (90, 160, 250)])
def test_what_is_not_of_the_person_stays_behind(colour: tuple[int, ...]) -> None:
    picture, matte = before(plain())
    cv2.line(picture, (190, 60), (240, 60), colour, 2)
    filled = fill_background(picture, matte)
    assert np.array_equal(filled[55:66, 200:240], picture[55:66, 200:240])


def test_far_from_the_person_nothing_changes() -> None:
    picture, matte = before(plain())
    cv2.line(picture, (225, 20), (250, 120), HAIR, 1)
    filled = fill_background(picture, matte)
    assert np.array_equal(filled[:, 222:], picture[:, 222:])


def test_locks_do_not_bend_what_goes_on_behind_them() -> None:
    stripes = plain()
    stripes[(np.arange(SIDE) // 10) % 2 == 0] = (60, 120, 180)
    _, matte = before(stripes)
    for row in range(60, 170, 22):
        for column in (72, 184):
            cv2.circle(matte, (column, row), 8, (255,), -1, cv2.LINE_AA)
    share = matte[..., None] / 255
    picture = (share * np.array(HAIR) + (1 - share) * stripes).round().astype(np.uint8)
    wrong = np.abs(fill_background(picture, matte).astype(int) - stripes)
    assert wrong[rim(matte)].mean() < 6.5


def test_a_plain_wall_is_plain_behind_shoulders_that_leave_the_picture() -> None:
    """What is mirrored out there is no black."""
    matte = np.zeros((SIDE, SIDE), np.uint8)
    outline = [(-9, SIDE), (-9, 195), (83, 145), (83, -9), (173, -9), (173, 145)]
    outline += [(SIDE + 9, 195), (SIDE + 9, SIDE)]
    cv2.fillPoly(matte, [np.array(outline)], (255,), cv2.LINE_AA)
    share = matte[..., None] / 255
    picture = share * np.array(HAIR) + (1 - share) * plain()
    filled = fill_background(picture.round().astype(np.uint8), matte)
    assert np.abs(filled.astype(int) - WALL).max() < 12


def test_a_lamp_beside_hair_stays_behind() -> None:
    """All but what hair may have tinted of it: a head would carry its rim along."""
    night = (plain() // 4).astype(np.uint8)
    cv2.circle(night, (187, 100), 7, (255, 250, 240), -1, cv2.LINE_AA)
    picture, matte = (
        cv2.resize(each, (2 * SIDE, 2 * SIDE), interpolation=cv2.INTER_CUBIC)
        for each in before(night)
    )
    beside = cv2.dilate(matte, np.ones((7, 7), np.uint8)) == 0
    lamp = (picture.min(2) > 220) & beside
    beside &= cv2.dilate(matte, np.ones((13, 13), np.uint8)) > 0
    assert (lamp & beside).sum() > 20  # within the margin
    filled = fill_background(np.asarray(picture), np.asarray(matte)).astype(int)
    assert np.abs(filled - picture)[lamp].max() < 25


def test_behind_a_head_near_the_sky_is_sky() -> None:
    """What fills a gap is of the colour about it, not the mean of the whole picture."""
    sky = (plain() // 4).astype(np.uint8)
    sky[:90] = (235, 240, 250)
    picture, matte = (np.ascontiguousarray(each[36:]) for each in before(sky))
    filled = fill_background(picture, matte)  # four rows of sky above the head
    assert filled[6:20, 110:146].min() > 215
