"""The inside of the mouth takes the photo's tone."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from models.controls import INNER_UPPER, OUTER_LOWER, OUTER_UPPER
from models.eyes import LEFT_LOWER, LEFT_UPPER, RIGHT_LOWER, RIGHT_UPPER
from models.identity import Identity
from models.media import LUMA, FloatArray
from models.mouth import LAYER_HEIGHT, LAYER_WIDTH, UintArray, paint_mouth
from models.mouth_tone import MOST_THROWN, mouth_tone, thrown_back
from models.own_teeth import shows_inside, shows_teeth
from models.rig import rest_lips
from models.warp import WarpRenderer
from tests.faces import frame, grace, motion, renderer

LOWER_LIP = [87, 14, 317, 402, 178, 88, 318, 91, 181, 84, 17, 314, 405, 321]


def parted(inside: tuple[int, int, int]) -> tuple[UintArray, FloatArray]:
    """The embedded portrait, its lips painted apart, one colour between them."""
    landmarks = grace().landmarks.copy()
    landmarks[LOWER_LIP, 1] += 12
    rim = landmarks[[78, 82, 13, 312, 308, 318, 402, 317, 14, 87, 178, 88], :2]
    picture = grace().picture.copy()
    cv2.fillPoly(picture, [np.round(rim).astype(np.int32)], inside)
    return picture, landmarks


def test_layers_have_their_shape_and_the_cavity_is_everywhere() -> None:
    layers = paint_mouth(grace().picture, grace().landmarks)
    assert layers.shape == (4, LAYER_HEIGHT, LAYER_WIDTH, 4)
    assert (layers[0, ..., 3] == 255).all()
    for layer in layers[1:]:
        assert 0.02 < (layer[..., 3] > 128).mean() < 0.9


def test_teeth_are_light_and_the_cavity_is_dark() -> None:
    tone = mouth_tone(grace().picture, grace().landmarks)
    assert tone.tooth.mean() > 2 * tone.cavity.mean()
    assert tone.tooth[0] >= tone.tooth[2]  # ivory, never blue


def test_a_darker_photo_has_darker_teeth() -> None:
    dark = (grace().picture * 0.4).astype(np.uint8)
    light = mouth_tone(grace().picture, grace().landmarks).tooth.mean()
    assert mouth_tone(dark, grace().landmarks).tooth.mean() < 0.6 * light


def test_a_grey_photo_has_grey_insides_but_for_a_touch() -> None:
    grey = np.repeat(grace().picture.mean(2, keepdims=True), 3, 2).astype(np.uint8)
    tone = mouth_tone(grey, grace().landmarks)
    assert np.ptp(tone.tongue) < 0.15 * tone.tongue.mean()


def test_between_red_lips_the_light_is_red_and_of_a_grey_face_grey() -> None:
    thrown = thrown_back(grace().picture, grace().landmarks)
    assert thrown[0] > 1.2 > 1 > thrown[1] and thrown.max() <= MOST_THROWN
    assert float(thrown @ LUMA) == pytest.approx(1, abs=0.01)
    grey = np.repeat(grace().picture.mean(2, keepdims=True), 3, 2).astype(np.uint8)
    assert thrown_back(grey, grace().landmarks) == pytest.approx(1, abs=0.01)
    black = np.zeros_like(grey)
    assert thrown_back(black, grace().landmarks) == pytest.approx(1, abs=0.01)


def test_teeth_in_a_narrow_gap_are_redder_and_no_darker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def gap(drawn: UintArray) -> FloatArray:
        x, y = grace().landmarks[[13, 14], :2].mean(0).round().astype(int)
        return drawn[y - 1 : y + 3, x - 12 : x + 12].reshape(-1, 3).astype(np.float32)

    narrow = {"aperture": 0.05, "width": 0.45, "jawOpen": 0.05, "speech": 1.0}
    red = gap(frame(**narrow)).mean(0)
    monkeypatch.setattr(
        "models.prepared.thrown_back", lambda *_: np.ones(3, np.float32)
    )
    with torch.inference_mode():
        drawn = WarpRenderer()([grace()], motion(**narrow))[0].numpy()
    neutral = gap(drawn).mean(0)
    assert red[0] / red[1] > 1.1 * neutral[0] / neutral[1]
    assert float(red @ LUMA) == pytest.approx(float(neutral @ LUMA), rel=0.1)


def test_lips_show_teeth_where_what_is_between_them_is_light_or_pale() -> None:
    assert not shows_inside(grace().landmarks)
    assert not shows_teeth(grace().picture, grace().landmarks)
    assert shows_teeth(*parted((235, 220, 200)))
    assert shows_teeth(*parted((72, 64, 60)))  # in a moustache's shade
    dark = parted((60, 25, 22))
    assert shows_inside(dark[1]) and not shows_teeth(*dark)


def test_painted_teeth_beside_the_photos_own_are_no_lighter() -> None:
    own = mouth_tone(*parted((110, 100, 95))).tooth
    assert own.mean() < mouth_tone(grace().picture, grace().landmarks).tooth.mean()


def test_the_photos_own_teeth_stay_and_go_on_under_the_upper_lip() -> None:
    blue = (150, 165, 235)  # no painted tooth has this colour
    upper = paint_mouth(*parted(blue))[3].astype(int)
    found = (np.abs(upper[..., :3] - blue).sum(2) < 60) & (upper[..., 3] > 200)
    rows = np.flatnonzero(found[:, LAYER_WIDTH // 2])
    tall = np.ptp(rows) * 0.9 / LAYER_HEIGHT  # IOD
    gap = rest_lips(parted(blue)[1])[0]
    assert gap + 0.01 < tall < gap + 0.12
    plain = paint_mouth(grace().picture, grace().landmarks)[3].astype(int)
    assert not (np.abs(plain[..., :3] - blue).sum(2) < 60).any()


@pytest.mark.parametrize("gap", [0.05, 0.08, 0.12])
def test_teeth_are_warm_in_a_small_opening(gap: float) -> None:
    """Beside red lips, what is hardly redder than green looks green."""
    shown = frame(aperture=gap, width=0.48, jawOpen=0.9 * gap, speech=1.0).astype(int)
    x, y = grace().landmarks[13, :2].round().astype(int)
    inside = shown[y - 6 : y + 12, x - 10 : x + 11].reshape(-1, 3)
    pale = np.ptp(inside, axis=1) < 0.5 * inside.max(1)
    teeth = inside[pale]
    assert len(teeth) > 30
    assert np.percentile(teeth.sum(1) / 3, 75) > 120  # not dim
    assert np.median(teeth[:, 0] / teeth[:, 1]) > 1.15


def test_a_tongue_is_redder_than_brown_lips() -> None:
    brown = (grace().picture.mean(2, keepdims=True) * [1.0, 0.75, 0.5]).astype(np.uint8)
    red, green, blue = mouth_tone(brown, grace().landmarks).tongue
    assert blue <= green < 0.62 * red


def test_teeth_take_the_hue_of_varnish_but_not_of_skin() -> None:
    """Under varnish, or of clay, not even eyes are white."""
    varnished = (grace().picture.mean(2, keepdims=True) * [1.0, 0.8, 0.45]).astype(
        np.uint8
    )
    white_eyed = varnished.copy()
    for eye in (RIGHT_UPPER + RIGHT_LOWER[::-1], LEFT_UPPER + LEFT_LOWER[::-1]):
        outline = np.round(grace().landmarks[list(eye), :2]).astype(np.int32)
        cv2.fillPoly(white_eyed, [outline], (190, 185, 180))
    hues = []
    for picture in (varnished, white_eyed):
        red, _, blue = mouth_tone(picture, grace().landmarks).tooth
        hues.append(float(red / blue))
    assert hues[0] > 1.8 and hues[1] < 0.9 * hues[0]


def test_lips_of_clay_hold_a_hollow() -> None:
    clay = (grace().picture.mean(2, keepdims=True) * [1.0, 0.7, 0.5]).astype(np.uint8)
    painted = clay.copy()
    lips = list(OUTER_UPPER) + list(OUTER_LOWER[::-1])
    outline = np.round(grace().landmarks[lips, :2]).astype(np.int32)
    cv2.fillPoly(painted, [outline], (190, 110, 90))
    hollow, tongue = (
        mouth_tone(picture, grace().landmarks).tongue for picture in (clay, painted)
    )
    assert hollow.mean() < 0.85 * tongue.mean()


def test_the_cavity_is_no_hole_in_a_faded_picture() -> None:
    faded = (60 + grace().picture * 0.6).astype(np.uint8)
    dark, lifted = (
        mouth_tone(picture, grace().landmarks) for picture in (grace().picture, faded)
    )
    assert lifted.cavity.mean() > 1.4 * dark.cavity.mean()
    assert lifted.cavity.mean() < 0.25 * lifted.tongue.mean()


def test_the_tongue_shows_in_l_and_comes_before_the_teeth_in_th() -> None:
    lips = {"aperture": 0.12, "width": 0.46, "jawOpen": 0.11, "speech": 1.0}
    plain, behind, before = (
        frame(**lips, tongueOut=out).astype(int) for out in (0.0, 0.6, 1.0)
    )
    assert (np.abs(behind - plain).max(2) > 12).sum() > 40
    x, y = grace().landmarks[13, :2].round().astype(int)
    teeth = (slice(y - 1, y + 3), slice(x - 6, x + 7))
    share = [shown[teeth][..., 0].sum() / shown[teeth].sum() for shown in
             (plain, behind, before)]  # fmt: skip
    assert abs(share[1] - share[0]) < 0.01  # behind them
    assert share[2] > share[0] + 0.02  # red where they were


def test_the_tongue_is_broad_and_no_lighter_than_a_lip() -> None:
    lips = {"aperture": 0.12, "width": 0.46, "jawOpen": 0.11, "speech": 1.0}
    plain, shown = (frame(**lips, tongueOut=out).astype(int) for out in (0.0, 0.55))
    there = np.abs(shown - plain).max(2) > 12
    columns = np.flatnonzero(there.any(0))
    iod = float(np.linalg.norm(grace().landmarks[263] - grace().landmarks[33]))
    assert np.ptp(columns) > 0.22 * iod  # half of the mouth's width
    x, y = grace().landmarks[17, :2].round().astype(int)
    lip = grace().picture[y - 4 : y + 1, x - 8 : x + 9].mean()
    assert shown[there].mean() < 0.9 * lip


def parted_identity(inside: tuple[int, int, int]) -> Identity:
    """Its photo shows one colour between the lips, its painted mouth green alone."""
    picture, landmarks = parted(inside)
    green = np.full_like(grace().mouth, 255) * np.array([0, 1, 0, 1], np.uint8)
    return replace(grace(), picture=picture, landmarks=landmarks, mouth=green)


def test_the_photos_own_inside_shows_only_while_its_lips_do() -> None:
    blue = (60, 90, 235)
    identity = parted_identity(blue)
    gap, width = rest_lips(identity.landmarks)
    shown = []
    for channels in ({}, {"aperture": gap, "width": width + 0.12, "speech": 1.0}):
        with torch.inference_mode():
            picture = renderer()([identity], motion(**channels))[0].numpy().astype(int)
        x, y = identity.landmarks[13, :2].round().astype(int)
        near = picture[y - 10 : y + 25, x - 40 : x + 41]
        is_green = near[..., 1] - near[..., [0, 2]].max(2) > 60
        is_blue = near[..., 2] - near[..., :2].max(2) > 60
        shown.append((int(is_blue.sum()), int(is_green.sum())))
    (blue_at_rest, green_at_rest), (blue_wide, green_wide) = shown
    assert blue_at_rest > 200 and green_at_rest == 0
    assert green_wide > 200 and blue_wide < 0.35 * blue_at_rest  # the lips' own rim


def test_painted_teeth_do_not_go_on_under_what_is_dark_in_the_photo() -> None:
    picture, landmarks = parted((235, 220, 200))
    rim = landmarks[[78, 13, 308, 14], :2]
    middle, half = rim[:, 0].mean(), 0.22 * float(np.ptp(rim[:, 0]))
    columns = np.abs(np.arange(picture.shape[1]) - middle) > half
    lips = np.zeros(picture.shape[:2], np.uint8)
    inner = landmarks[[78, 82, 13, 312, 308, 318, 402, 317, 14, 87, 178, 88], :2]
    cv2.fillPoly(lips, [np.round(inner).astype(np.int32)], (1,))
    dark = picture.copy()
    dark[(lips > 0) & columns] = (50, 20, 18)
    light_teeth, dark_sides = (
        paint_mouth(each, landmarks)[3].astype(float) for each in (picture, dark)
    )
    # The middle's teeth are as before; none are left at the sides, of those below.
    side = slice(LAYER_WIDTH // 2 - 30, LAYER_WIDTH // 2 - 22)
    light = [(a[:, side, :3].mean(2) * a[:, side, 3] / 255).max() for a in
             (light_teeth, dark_sides)]  # fmt: skip
    assert light[0] > 120 and light[1] < 60


def test_rounded_lips_leave_the_inside_dark_and_warm() -> None:
    lips = {"aperture": 0.06, "width": 0.36, "jawOpen": 0.08}
    plain, round_ = (opening(**lips, mouthPucker=pucker) for pucker in (0.0, 0.8))
    assert round_.mean() < 0.6 * plain.mean()
    assert round_[..., 0].sum() > 1.3 * round_[..., 2].sum()


def test_a_lip_that_opens_takes_little_of_the_other_with_it() -> None:
    """Where closed lips touch, the lower one's mask reaches over the upper one."""
    landmarks, picture = grace().landmarks, grace().picture.copy()
    upper = list(INNER_UPPER) + list(OUTER_UPPER[::-1])
    outline = np.round(landmarks[upper, :2]).astype(np.int32)
    cv2.fillPoly(picture, [outline], (20, 220, 20))
    identity = replace(grace(), picture=picture)
    with torch.inference_mode():
        spoken = motion(aperture=0.12, width=0.46, jawOpen=0.11, speech=1.0)
        shown = renderer()([identity], spoken)[0].numpy().astype(int)
    x, y = landmarks[14, :2].round().astype(int)
    iod = float(np.linalg.norm(landmarks[263] - landmarks[33]))
    below = shown[y + int(0.05 * iod) : y + int(0.2 * iod), x - 12 : x + 13]
    green = below[..., 1] - below[..., [0, 2]].max(2)
    assert green.clip(0).sum(0).mean() < 1.5 * 200  # pixels of green


def test_parted_lips_at_rest_are_the_photo_to_the_bit() -> None:
    identity = parted_identity((60, 90, 235))
    with torch.inference_mode():
        shown = renderer()([identity], motion())[0].numpy()
    assert (shown == identity.picture).all()


def opening(*, aside: float = 0.0, **channels: float) -> FloatArray:
    """The colours inside the mouth, in its middle or aside of it, IOD, from the upper
    lip to the lower one: float32 [n, 3]. What is inside is what a black and a white
    mouth's frames differ in."""
    row = motion(speech=1.0, **{"width": 0.46} | channels)
    mouths = [
        grace().mouth,
        *(np.full_like(grace().mouth, level) for level in (0, 255)),
    ]
    for mouth in mouths[1:]:
        mouth[..., 3] = 255
    iod = np.linalg.norm(grace().landmarks[263] - grace().landmarks[33])
    x = round(float(grace().landmarks[13, 0] + aside * iod))
    with torch.inference_mode():
        shown, dark, light = (
            renderer()([replace(grace(), mouth=mouth)], row)[0]
            .numpy()[:, x - 2 : x + 3]
            .mean(1)
            for mouth in mouths
        )
    inside = (light - dark).mean(1)
    return np.asarray(shown[inside > 0.4 * inside.max()], np.float32)


def test_a_wide_mouth_shows_teeth_above_and_a_red_tongue_below() -> None:
    column = opening(aperture=0.32, jawOpen=0.33)
    luma = column.mean(1)
    high = len(luma)
    teeth = int((luma > 0.6 * luma.max()).sum()) / high
    assert 0.2 < teeth < 0.4
    throat = luma[round(0.36 * high) : round(0.7 * high)].min()
    tongue = column[round(0.55 * high) : round(0.95 * high)]
    lightest = tongue[tongue.mean(1).argmax()]
    assert lightest.mean() > 2.2 * throat  # not a hole
    assert lightest.mean() < 0.6 * luma.max()  # nor a third lip
    assert lightest[0] > 1.3 * lightest[1]


def test_lower_teeth_lie_in_the_shade_of_a_small_opening() -> None:
    column = opening(aperture=0.09, jawOpen=0.04).mean(1)
    third = len(column) // 3
    assert column[-third:].max() < 0.6 * column[:third].max()


@pytest.mark.parametrize(("gap", "width"), [(0.10, 0.56), (0.14, 0.46), (0.20, 0.44)])
def test_under_the_teeth_lies_a_dim_red_tongue_no_black_crescent(
    gap: float, width: float
) -> None:
    column = opening(aperture=gap, width=width, jawOpen=gap)
    luma = column.mean(1)
    below = luma[round(0.55 * len(luma)) : round(0.9 * len(luma))]
    assert 0.25 * luma.max() < below.max() < 0.6 * luma.max()
    tongue = column[round(0.55 * len(luma)) :][below.argmax()]
    assert tongue[0] > 1.5 * tongue[1]
    beside = opening(aside=0.36 * width, aperture=gap, width=width, jawOpen=gap)
    darkest = beside[beside.mean(1).argmin()]
    assert darkest[0] > 24 and darkest[0] > 1.3 * darkest[2]  # warm, not black
