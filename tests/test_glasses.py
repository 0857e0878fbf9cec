"""Glasses are seen across the bridge of the nose, and hold still when lids move."""

from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch

from models.eyes import EyeRig, UintArray, build_eyes
from models.glasses import bare_eyes, wears_glasses, with_frames
from models.identity import Identity
from models.media import FloatArray
from models.warp import WarpRenderer
from tests.faces import grace, motion

BLUE, SKIN = (20, 20, 120), (200, 140, 110)
ABOVE = 0.45  # half eye widths: a frame close above a lid


def with_thin_frames() -> Identity:
    """The embedded portrait with one more frame, close above both upper lids."""
    landmarks = grace().landmarks
    picture = grace().picture.copy()
    half = np.linalg.norm(landmarks[33, :2] - landmarks[133, :2]) / 2
    for upper in (159, 386):
        x, y = landmarks[upper, :2]
        left, right = round(float(x - 1.3 * half)), round(float(x + 1.3 * half))
        picture[round(y - 0.9 * half) : round(y - 0.16 * half), left:right] = SKIN
        ends = [(left, y - ABOVE * half), (right, y - ABOVE * half)]
        line = [np.round(np.array(ends) * 16).astype(np.int32)]
        cv2.polylines(picture, line, False, BLUE, 2, cv2.LINE_AA, shift=4)
    return replace(grace(), picture=picture)


def beside_the_face() -> tuple[UintArray, UintArray, int, int, int]:
    """The embedded portrait cut off beside its left eye, a thin rim that goes on over
    a dark background: picture, matte; the rim's row, its end, the face's."""
    picture = grace().picture.copy()
    x, y = grace().landmarks[[263, 362], :2].mean(0).round().astype(int)
    half = np.linalg.norm(grace().landmarks[263, :2] - grace().landmarks[362, :2]) / 2
    cut, end, row = x + round(1.9 * half), x + round(3.1 * half), y + round(0.7 * half)
    picture[:, cut:] = (62, 58, 52)
    picture[row - 6 : row + 8, x:cut] = SKIN
    picture[row : row + 2, x:end] = (25, 22, 20)
    matte = np.full(picture.shape[:2], 255, np.uint8)
    matte[:, cut:] = 0
    return picture, matte, row, end, cut


def test_a_rim_beside_the_face_is_the_persons() -> None:
    picture, matte, row, end, cut = beside_the_face()
    worn = with_frames(matte, picture, grace().landmarks)
    assert (worn >= matte).all()
    assert worn[row, cut : end - 2].min() > 200
    # Nothing of what is seen through a lens, nor of the background.
    assert worn[row - 8, cut + 4 :].max() == worn[row + 9, cut + 4 :].max() == 0
    assert worn[row, end + 6 :].max() == 0


def test_no_line_of_the_background_is_worn() -> None:
    picture, matte, row, end, cut = beside_the_face()
    picture[row : row + 2, cut - 12 : cut] = SKIN
    picture[row : row + 2, cut : cut + 8] = picture[row - 3, cut + 8]
    worn = with_frames(matte, picture, grace().landmarks)
    assert worn[:, cut + 4 :].max() == 0  # frames on the face are soft at its edge
    without, matte, *_ = beside_the_face()
    x, y = grace().landmarks[[168, 197], :2].round().astype(int).T
    without[y[0] - 15 : y[1] + 15, x[0] - 15 : x[0] + 16] = SKIN
    assert np.array_equal(with_frames(matte, without, grace().landmarks), matte)


def test_they_are_seen_where_they_are() -> None:
    assert wears_glasses(grace().picture, grace().landmarks) > 0.9
    plain = grace().picture.copy()
    x, y = grace().landmarks[[168, 197], :2].round().astype(int).T
    plain[y[0] - 15 : y[1] + 15, x[0] - 15 : x[0] + 16] = (200, 140, 110)
    assert wears_glasses(plain, grace().landmarks) == 0


def test_frames_are_painted_out_and_eyes_are_not() -> None:
    worn = with_thin_frames()
    bare = bare_eyes(worn.picture, worn.matte, build_eyes(worn.landmarks))
    for upper, lower in ((159, 145), (386, 374)):
        half = np.linalg.norm(worn.landmarks[33, :2] - worn.landmarks[133, :2]) / 2
        x, y = worn.landmarks[upper, :2]
        spot = round(float(y - ABOVE * half)), round(float(x))
        assert bare[spot][3] > 0.8
        assert np.abs(bare[spot][:3] - BLUE).max() > 60
        x, y = worn.landmarks[[upper, lower], :2].mean(0).round().astype(int)
        assert bare[y, x, 3] == 0


def test_frames_stay_while_lids_go_down_behind_them() -> None:
    worn = with_thin_frames()
    renderer = WarpRenderer()
    with torch.inference_mode():
        rest = renderer([worn], motion())[0].numpy().astype(int)
        assert np.array_equal(rest, worn.picture)
        for closed in (0.4, 1.0):
            rows = motion(eyeBlinkLeft=closed, eyeBlinkRight=closed)
            shown = renderer([worn], rows)[0].numpy().astype(int)
            for upper in (159, 386):
                x, y = worn.landmarks[upper, :2]
                half = np.linalg.norm(worn.landmarks[33, :2] - worn.landmarks[133, :2])
                spot = round(float(y - ABOVE / 2 * half)), round(float(x))
                assert np.abs(shown[spot] - rest[spot]).max() < 40, closed
                below = shown[spot[0] + 4 : spot[0] + 9, spot[1]]
                assert (np.abs(below - BLUE).sum(1) > 120).all(), closed


@pytest.mark.parametrize("name", ["browDown", "browOuterUp", "cheekSquint"])
def test_frames_stay_while_brows_and_cheeks_move(name: str) -> None:
    worn = with_thin_frames()
    rows = motion(**{name + side: 1.0 for side in ("Left", "Right")})
    with torch.inference_mode():
        shown = WarpRenderer()([worn], rows)[0].numpy().astype(int)
    moved = np.abs(shown - worn.picture).max(2)
    half = np.linalg.norm(worn.landmarks[33, :2] - worn.landmarks[133, :2]) / 2
    for upper in (159, 386):
        x, y = worn.landmarks[upper, :2]
        row = round(float(y - ABOVE * half))
        columns = slice(round(float(x - half)), round(float(x + half)))
        assert moved[row - 1 : row + 2, columns].mean() < 12, upper
    assert (moved > 25).sum() > 20  # and yet something moves


MIDDLE, DARK = 100, (40, 40, 40)  # of the eye, pixels; of what is drawn


def plain_skin(level: int) -> npt.NDArray[np.uint8]:
    return np.full((2 * MIDDLE, 2 * MIDDLE, 3), level, np.uint8)


def frames_of(picture: npt.NDArray[np.uint8]) -> FloatArray:
    """What is taken for frames of glasses about one eye in the middle: [H, W]."""
    half = 30
    frame = torch.tensor([MIDDLE, MIDDLE, half, 0, 0, half]).float().expand(2, 6)
    lids = torch.tensor([[-0.45, 0, 0], [0.25, 0, 0]]).expand(2, 2, 3)
    eyes = EyeRig(frame, lids, torch.full((2,), 0.9))
    matte = np.full(picture.shape[:2], 255, np.uint8)
    return bare_eyes(picture, matte, eyes)[..., 3]


def test_lashes_within_the_frame_of_a_lens_are_no_frame() -> None:
    picture, middle, dark = plain_skin(190), MIDDLE, DARK
    # A lens' frame, lashes above where landmarks have them, and a bar that joins both.
    cv2.ellipse(picture, (middle, middle), (58, 40), 0, 0, 360, dark, 3)
    cv2.ellipse(picture, (middle, middle), (36, 18), 0, 180, 360, dark, 3)
    cv2.line(picture, (42, middle), (64, middle), dark, 3)
    frames = frames_of(picture)
    assert frames[middle - 40, middle] > 0.9 and frames[middle + 40, middle] > 0.9
    assert frames[middle - 18, middle] < 0.1


def test_a_fold_within_the_frame_of_a_lens_is_no_frame() -> None:
    picture, middle, dark = plain_skin(190), MIDDLE, DARK
    cv2.ellipse(picture, (middle, middle), (62, 52), 0, 0, 360, dark, 3)
    # Part of a fold is as near to the lids as lashes are, the rest is not.
    cv2.line(picture, (70, middle + 17), (88, middle + 26), dark, 3)
    cv2.line(picture, (88, middle + 26), (118, middle + 18), dark, 3)
    frames = frames_of(picture)
    assert frames[middle - 52, middle] > 0.9 and frames[middle + 52, middle] > 0.9
    assert frames[middle + 8 : middle + 30, 64:122].max() < 0.1


def test_hinges_lights_and_faint_rims_are_worn_too() -> None:
    picture, middle, dark = plain_skin(150), MIDDLE, DARK
    cv2.ellipse(picture, (middle, middle), (50, 46), 0, 90, 360, dark, 3)
    cv2.ellipse(picture, (middle, middle), (50, 46), 0, 0, 90, (132,) * 3, 3)
    cv2.rectangle(picture, (148, 88), (162, 112), dark, -1)  # wider than a line
    cv2.circle(picture, (middle + 22, middle - 36), 4, (250, 250, 250), -1)
    frames = frames_of(picture)
    for row, column in ((100, 154), (64, 122)):
        assert frames[row, column] > 0.9, (row, column)
    faint = middle + round(46 * 0.7), middle + round(50 * 0.7)
    assert frames[faint] > 0.5
    assert frames[middle + 36, middle] < 0.1 and frames[middle - 36, middle] < 0.1


def test_a_gap_in_a_frame_before_the_corner_of_an_eye_is_worn_too() -> None:
    picture, middle = plain_skin(150), MIDDLE
    cv2.ellipse(picture, (middle, middle), (50, 46), 0, 10, 350, DARK, 3)
    cv2.rectangle(picture, (143, 95), (153, 105), (190,) * 3, -1)  # a light hinge
    frames = frames_of(picture)
    assert frames[middle, 150] > 0.9
    assert frames[middle, middle] < 0.1 and frames[middle, middle + 30] < 0.1
