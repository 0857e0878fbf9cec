"""A closed eye: plain skin over the eye, a line of lashes, nothing elsewhere."""

from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from models.closed_eyes import COVERS, closed_eyes
from models.eyes import BEHIND_GLASSES, SEEN, build_eyes
from models.glasses import bare_eyes
from models.lashes import lash_line
from models.probe import Probe
from models.warp import WarpRenderer
from tests.faces import frame, grace


def test_closed_eyes_cover_the_eyes_and_leave_brows_and_cheeks_alone() -> None:
    landmarks = grace().landmarks
    shown = closed_eyes(grace().picture, build_eyes(landmarks)).picture[..., 3]
    assert shown.min() == 0 and shown.max() <= COVERS
    for eye in ([159, 145, 33, 133], [386, 374, 263, 362]):
        x, y = landmarks[eye, :2].mean(0).round().astype(int)
        assert shown[y, x] >= 1
    for still in (66, 296, 205, 425, 168):  # brows, cheeks, bridge of the nose
        x, y = landmarks[still, :2].round().astype(int)
        assert shown[y, x] < 0.05


def test_lids_meet_in_a_line_of_lashes_and_nowhere_else() -> None:
    eyes = build_eyes(grace().landmarks)
    ink = closed_eyes(grace().picture, eyes).picture[..., 4]
    assert ink.min() == 0 and ink.max() <= 1
    for upper, lower in ((159, 145), (386, 374)):
        x = int(round(float(grace().landmarks[lower, 0])))
        top, bottom = grace().landmarks[[upper, lower], 1]
        assert ink[int(bottom) - 1 : int(bottom) + 6, x].max() > 0.5
        assert ink[round(float((top + bottom) / 2)), x] < 0.1
        assert ink[int(bottom) + 12, x] < 0.1


def test_lids_meet_at_the_lower_lid_and_lower_behind_glasses() -> None:
    eyes = build_eyes(grace().landmarks)
    half = float(eyes.frame[:, 2:4].norm(dim=1).mean())
    seen, behind = (
        closed_eyes(grace().picture, eyes, meeting).picture[..., 4]
        for meeting in (SEEN, BEHIND_GLASSES)
    )
    for lower in (145, 374):
        x, y = grace().landmarks[lower, :2].round().astype(int)
        lines = [int(ink[y - 8 : y + 12, x].argmax()) - 8 for ink in (seen, behind)]
        assert abs(lines[0]) < 0.12 * half + 1
        assert lines[1] > lines[0]


def test_skin_under_a_shut_eye_stays_the_photos_own() -> None:
    eyes = build_eyes(grace().landmarks)
    half = float(eyes.frame[:, 2:4].norm(dim=1).mean())
    shown = closed_eyes(grace().picture, eyes).picture[..., 3]
    for lower in (145, 374):
        x, y = grace().landmarks[lower, :2].round().astype(int)
        assert shown[y - 2, x] >= 1
        assert shown[y + round(0.45 * half) + 1 : y + round(0.9 * half), x].max() < 0.01


def test_lashes_of_a_shut_eye_have_the_hue_of_the_open_eyes() -> None:
    landmarks = grace().landmarks
    for dark in ((60, 30, 10), (10, 30, 60)):
        made_up = grace().picture.copy()
        for upper in (159, 386):
            x, y = landmarks[upper, :2].round().astype(int)
            made_up[y - 3 : y + 4, x - 12 : x + 13] = dark
        lashes = closed_eyes(made_up, build_eyes(landmarks)).lashes
        hues = lashes / lashes.sum(1, keepdims=True)
        assert np.abs(hues - np.array(dark) / sum(dark)).max() < 0.1


def test_the_line_of_lashes_goes_as_far_as_the_corner_that_is_seen() -> None:
    landmarks = grace().landmarks
    eyes = build_eyes(landmarks)
    half = float(eyes.frame[:, 2:4].norm(dim=1).mean())
    lined = grace().picture.copy()
    for outer, side in ((33, -1), (263, 1)):
        x, y = landmarks[outer, :2].round().astype(int)
        columns = sorted((x - side * 4, x + side * round(0.4 * half)))
        lined[y - 12 : y + 13, columns[0] - 4 : columns[1] + 5] = 200
        lined[y - 2 : y + 3, slice(*columns)] = 20
    plain = lined.copy()
    for outer, side in ((33, -1), (263, 1)):
        x, y = landmarks[outer, :2].round().astype(int)
        columns = sorted((x + side * 2, x + side * round(0.4 * half)))
        plain[y - 2 : y + 3, slice(*columns)] = 200
    inks = [closed_eyes(each, eyes).picture[..., 4] for each in (plain, lined)]
    for outer, side in ((33, -1), (263, 1)):
        x, y = landmarks[outer, :2].round().astype(int)
        beyond = x + side * round(0.22 * half)
        short, long = (float(ink[y - 6 : y + 10, beyond].max()) for ink in inks)
        assert long > 0.3 and long > 2 * short, (short, long)


@pytest.mark.parametrize("side", ["Left", "Right"])
def test_a_blink_shows_the_closed_eye(side: str) -> None:
    eyes = build_eyes(grace().landmarks)
    bare = bare_eyes(grace().picture, grace().matte, eyes)[..., :3]
    skin = np.round(bare).astype(np.uint8)
    closed = closed_eyes(grace().picture, eyes, BEHIND_GLASSES, skin)
    ink = closed.picture[..., 4:]
    lashes = closed.lashes["Right Left".split().index(side)]
    painted = closed.picture[..., :3] * (1 - ink) + lashes * ink
    shut = frame(**{"eyeBlink" + side: 1.0}).astype(np.float32)
    ends = [263, 362] if side == "Left" else [33, 133]
    x, y = grace().landmarks[ends, :2].mean(0).round().astype(int)
    near = (slice(y - 1, y + 2), slice(x - 4, x + 5))
    assert np.abs(shut[near] - painted[near]).max() < 2.5


def test_a_lid_has_the_hue_of_the_skin_under_the_eye() -> None:
    landmarks = grace().landmarks
    dull = grace().picture.copy()
    for upper in (159, 386):  # a grey shade between lid and brow
        x, y = landmarks[upper, :2].astype(int)
        grey = dull[y - 12 : y - 2, x - 14 : x + 15]
        grey[:] = grey.mean(2, keepdims=True)
    closed = closed_eyes(dull, build_eyes(landmarks)).picture[..., :3]
    for upper, lower in ((159, 145), (386, 374)):
        x, y = landmarks[[upper, lower], :2].mean(0).round().astype(int)
        lid = closed[y - 1 : y + 2, x - 3 : x + 4].mean((0, 1))
        assert lid[0] - lid[2] > 0.15 * lid.mean()


def test_a_lid_in_half_shade_has_the_hue_of_skin_that_is_as_light() -> None:
    # A painting with two colours of skin: nearly white in the light, red in shade.
    landmarks = grace().landmarks
    eyes = build_eyes(landmarks)
    light, dark = (250, 245, 235), (120, 60, 30)
    painted = np.full_like(grace().picture, light)
    for upper, lower in ((159, 145), (386, 374)):
        x, y = landmarks[upper, :2].astype(int)
        painted[y - 30 : y + 4, x - 40 : x + 41] = (90, 90, 90)
        x, y = landmarks[lower, :2].astype(int)
        painted[y + 6 : y + 14, x - 40 : x + 41] = dark
    closed = closed_eyes(painted, eyes).picture[..., :3]
    for upper, lower in ((159, 145), (386, 374)):
        x, y = landmarks[[upper, lower], :2].mean(0).round().astype(int)
        lid = closed[y - 1 : y + 2, x - 3 : x + 4].mean((0, 1))
        assert lid.mean() < 180, lid
        assert lid[0] - lid[2] > 0.10 * lid.mean(), lid


def test_wrinkles_of_a_light_skin_stay_within_the_colours() -> None:
    bright = np.maximum(grace().picture, 215)
    bright[::3] = 255
    closed = closed_eyes(bright, build_eyes(grace().landmarks)).picture
    assert closed[..., :3].min() >= 0 and closed[..., :3].max() <= 255


def test_lids_are_painted_of_skin_and_not_of_frames() -> None:
    eyes = build_eyes(grace().landmarks)
    worn = grace().picture.copy()
    for upper in (159, 386):
        x, y = grace().landmarks[upper, :2].astype(int)
        worn[y - 9 : y - 5, x - 30 : x + 31] = (10, 10, 200)
    lids, bare = (
        closed_eyes(each, eyes, bare=grace().picture).picture for each in (worn,) * 2
    )
    plain = closed_eyes(grace().picture, eyes).picture
    for upper, lower in ((159, 145), (386, 374)):
        x, y = grace().landmarks[[upper, lower], :2].mean(0).round().astype(int)
        assert np.abs(lids[y, x] - plain[y, x])[:3].max() < 2
        assert np.array_equal(lids, bare)


def test_the_outer_corner_of_a_shut_eye_lies_lower() -> None:
    landmarks = grace().landmarks
    ink = closed_eyes(grace().picture, build_eyes(landmarks)).picture[..., 4]
    for outer in (33, 263):
        x, y = landmarks[outer, :2].round().astype(int)
        column = ink[y - 8 : y + 12, x - 1 : x + 2].mean(1)
        assert 0 < int(column.argmax()) - 8 < 8


def test_lashes_go_down_with_the_lid_and_never_fade() -> None:
    lines, steps = [], []
    last = None
    for closed in np.arange(0.3, 1.01, 0.05):
        shown = frame(eyeBlinkLeft=float(closed), eyeBlinkRight=float(closed))
        luma = shown.astype(np.float32).mean(2)
        rows = []
        for upper, lower in ((159, 145), (386, 374)):
            x = round(float(grace().landmarks[lower, 0]))
            top, bottom = grace().landmarks[[upper, lower], 1].astype(int)
            # The lid above the line is skin; lashes are far darker, at each step.
            column = luma[top : bottom + 6, x - 1 : x + 2].mean(1)
            rows.append(top + int(column.argmin()))
            if closed > 0.45:
                assert column.min() < 0.6 * np.median(column[: column.argmin() + 1])
        lines.append(rows)
        if last is not None:
            steps.append(float(np.abs(luma - last).mean()))
        last = luma
    assert (np.diff(lines, axis=0) >= -1).all()
    assert max(steps) < 1.8 * float(np.median(steps))


def test_lashes_that_stand_up_are_covered_before_the_lid_is_half_down() -> None:
    plain, lashed = (np.full_like(grace().picture, 180) for _ in range(2))
    spots = []
    for outer, inner, upper in ((33, 133, 159), (263, 362, 386)):
        points = grace().landmarks[[outer, inner, upper], :2]
        half = float(np.linalg.norm(points[0] - points[1]) / 2)
        x, y = points[2].round().astype(int)
        tip = y - round(0.3 * half)
        lashed[y - 2 : y + 3, x - 6 : x + 7] = 30
        lashed[tip : y + 3, x - 1 : x + 2] = 30
        spots.append((slice(tip - 1, y + 1), x))

    def seen(blink: float) -> list[float]:
        shown = []
        for picture in (plain, lashed):
            made_up = replace(grace(), picture=picture, name=f"lashes {picture.min()}")
            probe = Probe(made_up, WarpRenderer())
            both = {"eyeBlinkLeft": blink, "eyeBlinkRight": blink}
            shown.append(probe.frame(**both).astype(float).mean(2))
        return [float((shown[0] - shown[1])[spot].max()) for spot in spots]

    assert min(seen(0.05)) > 100 and max(seen(0.4)) < 40


def test_lashes_are_as_dark_as_the_open_eyes_and_no_line_of_a_pen() -> None:
    size, half = 200, 60.0
    rows, columns = np.mgrid[:size, :size].astype(np.float32)
    outwards, below = (columns - 100) / half, (rows - 100) / half
    short, long = (lash_line(outwards, below, half, each) for each in (0.0, 1.0))
    for ink in (short, long):
        assert ink.min() >= 0 and ink.max() <= 1
        assert ink[100, 100] > 0.6 and ink[60, 100] < 0.02
        assert ink[100, :20].max() < 0.02 and ink[100, -20:].max() < 0.02
        assert ink[100, 125] >= ink[100, 45]  # fuller towards the outer corner
    hairs = slice(105, 112), slice(60, 150)
    assert long[hairs].mean() > short[hairs].mean()
    assert long[hairs].std(1).min() > 0.03  # apart


def test_eyes_out_of_the_picture_are_left_out() -> None:
    landmarks = grace().landmarks.copy()
    landmarks[:, 0] -= 2000
    shown = closed_eyes(grace().picture, build_eyes(landmarks)).picture
    assert shown[..., 3].max() == 0


def test_glasses_stay_where_a_lid_closes_behind_them() -> None:
    landmarks = grace().landmarks
    rimmed = grace().picture.copy()
    top = int(landmarks[[159, 386], 1].min())
    left, right = landmarks[[33, 263], 0].astype(int)
    half = int(np.linalg.norm(landmarks[33] - landmarks[133]) / 2)
    y = top - int(0.4 * half)
    rimmed[y : y + 4, left - half : right + half] = (10, 10, 160)
    painted = closed_eyes(rimmed, build_eyes(landmarks)).picture
    for upper in (159, 386):
        x = round(float(landmarks[upper, 0]))
        assert np.abs(painted[y + 1, x, :3] - (10, 10, 160)).max() < 30


def test_both_lids_squint_and_corners_stay() -> None:
    def shown(squint: float) -> npt.NDArray[np.bool_]:
        frames = []
        for level in (0, 255):
            balls = np.full_like(grace().eyeballs, level)
            probe = Probe(replace(grace(), eyeballs=balls), WarpRenderer())
            lids = {"eyeSquintLeft": squint, "eyeSquintRight": squint}
            frames.append(probe.frame(**lids).astype(int))
        return np.asarray((frames[1] - frames[0]).mean(2) > 128)

    open_, squinted = shown(0.02), shown(1.0)
    for first, last in ((33, 133), (362, 263)):
        left, right = grace().landmarks[[first, last], 0].round().astype(int)
        tops, bottoms, sides = [], [], []
        for eye in (open_[:, left:right], squinted[:, left:right]):
            rows, columns = np.nonzero(eye)
            tops.append(rows.min())
            bottoms.append(rows.max())
            sides.append(np.ptp(columns))
        high = bottoms[0] - tops[0]
        assert tops[1] > tops[0] and bottoms[1] < bottoms[0] - 0.15 * high
        assert sides[1] > 0.75 * sides[0]


def test_lashes_of_a_shut_eye_lie_in_a_bow_without_hooks() -> None:
    eyes = build_eyes(grace().landmarks)
    ink = closed_eyes(grace().picture, eyes).picture[..., 4]
    for upper, lower in ((33, 133), (263, 362)):
        outer, inner = grace().landmarks[[upper, lower], :2]
        along = inner + np.linspace(0.15, 0.95, 17)[:, None] * (outer - inner)
        heights = []
        for x, y in along.round().astype(int):
            column = ink[y - 4 : y + 14, x]
            heights.append(float(column @ np.arange(18) / column.sum()))
        # A parabola through it leaves nothing: no corner bends up.
        bow = np.polyval(np.polyfit(range(17), heights, 2), range(17))
        assert np.abs(bow - heights).max() < 1.0


def test_a_lid_has_the_folds_of_the_skin_under_the_eye() -> None:
    landmarks = grace().landmarks
    rough = []
    for strength in (0, 40):
        picture = cv2.GaussianBlur(grace().picture, (0, 0), 3).astype(np.float32)
        rows = np.arange(picture.shape[0])[:, None, None]
        under = rows > landmarks[[145, 374], 1].max() + 4
        picture += strength * under * np.sin(2 * rows)
        painted = closed_eyes(
            picture.clip(0, 255).astype(np.uint8), build_eyes(landmarks)
        ).picture
        for upper, lower in ((159, 145), (386, 374)):
            x, y = landmarks[[upper, lower], :2].mean(0).round().astype(int)
            lid = painted[y - 4 : y + 2, x - 3 : x + 4, :3].mean((1, 2))
            rough.append(float(np.abs(np.diff(lid, 2)).mean()))
    assert min(rough[2:]) > 3 * max(rough[:2])
