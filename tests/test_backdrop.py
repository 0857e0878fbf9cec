"""Backgrounds: what was behind the person is gone, and the person is still whole."""

import io
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from models.backdrop import (
    ALPHA,
    BLUR,
    GREEN,
    KEEP,
    Backdrop,
    picture_backdrop,
    read_backdrop,
    with_backdrop,
)
from models.cutout import cut_out, render_cutouts
from models.errors import BackdropError
from models.identity import Identity
from models.media import Motion
from models.offline import render_frames
from tests.faces import grace, motion, renderer

WHITE, BLACK = Backdrop("colour", (255,) * 3), Backdrop("colour", (0,) * 3)


def shown(identity: Identity, **channels: float) -> npt.NDArray[np.uint8]:
    """The frame of one motion: uint8 [H, W, 3]."""
    row = Motion(motion(**channels).numpy())
    frame: npt.NDArray[np.uint8] = next(render_frames(renderer(), identity, row))[0]
    return frame


def test_keep_changes_nothing() -> None:
    assert with_backdrop(grace(), KEEP) is grace()


@pytest.mark.parametrize("yaw", [0.0, 8.0, -8.0])
def test_the_green_screen_is_green_and_the_face_is_not(yaw: float) -> None:
    frame = shown(with_backdrop(grace(), GREEN), head_yaw=yaw).astype(int)
    assert np.abs(frame[:40, :40].reshape(-1, 3) - (0, 255, 155)).max() <= 1
    height, width = frame.shape[:2]
    face = slice(height * 2 // 5, height // 2), slice(width * 2 // 5, width * 3 // 5)
    own = shown(grace(), head_yaw=yaw).astype(int)
    assert np.abs(frame[face] - own[face]).max() <= 2


def test_no_fringe_of_the_old_background_is_left() -> None:
    """A person before bright red, cut out: where she is half there, no red comes."""
    share = grace().matte[..., None] / 255
    red = np.array([255, 0, 0])
    picture = np.round(grace().picture * share + (1 - share) * red).astype(np.uint8)
    behind = np.broadcast_to(red, picture.shape).astype(np.uint8).copy()
    before_red = replace(grace(), picture=picture, background=behind)
    over_black = with_backdrop(before_red, BLACK)
    edge = (over_black.matte > 25) & (over_black.matte < 230)
    assert edge.sum() > 200
    alpha = over_black.matte[edge][:, None] / 255
    colours = over_black.picture[edge] / alpha
    redness = colours[:, 0] - colours[:, 1:].max(1)
    inside = grace().matte == 255
    own = grace().picture[inside].astype(int)
    usual = np.percentile(own[:, 0] - own[:, 1:].max(1), 90)
    assert np.median(redness) < usual + 25


def test_blur_is_smooth_behind_and_sharp_in_the_face() -> None:
    blurred = with_backdrop(grace(), BLUR)
    height, width = grace().size
    face = slice(height * 2 // 5, height // 2), slice(width * 2 // 5, width * 3 // 5)
    assert np.abs(blurred.picture[face].astype(int) - grace().picture[face]).max() <= 1
    steps = np.abs(np.diff(blurred.background.astype(int), axis=1))
    old = np.abs(np.diff(grace().background.astype(int), axis=1))
    assert steps.mean() < 0.7 * old.mean()
    assert steps.max() <= 8


@pytest.mark.parametrize("size", [(40, 20), (20, 40), (2000, 1000), (1, 1)])
def test_a_picture_covers_the_whole_frame(size: tuple[int, int]) -> None:
    data = io.BytesIO()
    Image.new("RGB", size, (10, 200, 30)).save(data, "PNG")
    changed = with_backdrop(grace(), picture_backdrop(data.getvalue()))
    assert (changed.background == (10, 200, 30)).all()
    assert changed.size == grace().size


def test_a_changed_portrait_can_be_saved(tmp_path: Path) -> None:
    green = with_backdrop(grace(), GREEN)
    green.save(tmp_path / "green.safetensors")
    again = Identity.load(tmp_path / "green.safetensors")
    assert np.array_equal(again.picture, green.picture)


@pytest.mark.parametrize(
    ("text", "colour"),
    [
        ("#1e90ff", (30, 144, 255)),
        ("#1E90FF", (30, 144, 255)),
        ("#fff", (255, 255, 255)),
        ("green", (0, 255, 155)),
    ],
)
def test_colours(text: str, colour: tuple[int, int, int]) -> None:
    assert read_backdrop(text).colour == colour


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("#12", "bad_colour"),
        ("#gggggg", "bad_colour"),
        ("#1234567", "bad_colour"),
        ("", "unknown_background"),
        ("beach", "unknown_background"),
        ("beach.jpg", "not_found"),
        ("empty.png", "empty_photo"),
        ("text.png", "not_an_image"),
    ],
)
def test_bad_backgrounds_are_told(
    text: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty.png").touch()
    Path("text.png").write_text("not a picture at all")
    with pytest.raises(BackdropError) as told:
        read_backdrop(text)
    assert told.value.code == code


def test_a_cutout_laid_over_a_colour_is_that_background() -> None:
    row = Motion(motion(head_yaw=6.0, aperture=0.2, width=0.46, speech=1.0).numpy())
    cutout = next(render_cutouts(renderer(), grace(), row))[0].astype(float)
    alpha = cutout[..., 3:] / 255
    laid = cutout[..., :3] * alpha + (1 - alpha) * (0, 255, 155)
    drawn = next(render_frames(renderer(), with_backdrop(grace(), GREEN), row))[0]
    assert np.abs(laid - drawn).max() <= 6
    assert np.abs(laid - drawn).mean() < 0.5
    assert (alpha == 0).mean() > 0.1 and (alpha == 1).mean() > 0.2


def test_a_matte_is_drawn_with_the_portrait() -> None:
    """The same as drawing it over black and over white, at once."""
    rows = [
        motion(aperture=0.2, width=0.46, speech=1.0, eyeBlinkLeft=1.0),
        motion(head_yaw=6.0, head_pitch=-4.0, breath=1.0),
    ]
    for row in rows:
        truth = next(render_cutouts(renderer(), grace(), Motion(row.numpy())))[0]
        drawn = renderer()([with_backdrop(grace(), ALPHA)], row)[0].numpy()
        assert drawn.shape == (*grace().size, 4)
        matte, true = drawn[..., 3].astype(int), truth[..., 3].astype(int)
        assert np.abs(matte - true).max() <= 3
        share = true[..., None] / 255
        wrong = np.abs(drawn[..., :3].astype(int) - truth[..., :3]) * share
        assert wrong.max() < 60 and wrong[share[..., 0] == 1].max() <= 1
        assert wrong.mean() < 0.3
    middle = grace().landmarks[1, :2].round().astype(int)  # the tip of the nose
    assert matte[middle[1], middle[0]] == 255
    assert matte[:40, :40].max() == 0


def test_colours_go_on_beyond_the_edge() -> None:
    """So that what a codec smears over it is no halo."""
    cut = with_backdrop(grace(), ALPHA)
    edge = cv2.dilate((cut.matte > 250).astype(np.uint8), np.ones((9, 9))) > 0
    near = edge & (cut.matte == 0)
    inside = cv2.blur(cut.picture * (cut.matte > 250)[..., None], (21, 21))
    weight = cv2.blur((cut.matte > 250).astype(np.float32), (21, 21))[..., None]
    expected = inside / np.maximum(weight, 1e-3)
    apart = np.abs(cut.picture.astype(float) - expected)[near & (weight[..., 0] > 0.2)]
    assert apart.mean() < 30
    assert not with_backdrop(grace(), GREEN).transparent


def test_those_with_a_matte_are_not_drawn_with_others() -> None:
    rows = motion().repeat(2, 1)
    with pytest.raises(ValueError, match="transparent"):
        renderer()([grace(), with_backdrop(grace(), ALPHA)], rows)


def test_cut_out_is_exact() -> None:
    black = np.array([[[0, 0, 0], [100, 50, 20], [50, 25, 10]]], np.uint8)
    white = np.array([[[255, 255, 255], [100, 50, 20], [177, 152, 137]]], np.uint8)
    expected = [[0, 0, 0, 0], [100, 50, 20, 255], [100, 50, 20, 128]]
    assert np.abs(cut_out(black, white)[0].astype(int) - expected).max() <= 1
