"""The inside of the mouth takes the photo's tone."""

import numpy as np

from models.mouth import (
    LAYER_HEIGHT,
    LAYER_WIDTH,
    mouth_tone,
    paint_mouth,
    shows_inside,
)
from tests.faces import grace


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


def test_closed_lips_show_nothing() -> None:
    assert not shows_inside(grace().landmarks)
    parted = grace().landmarks.copy()
    parted[[87, 14, 317, 402, 178, 88, 318], 1] += 12
    assert shows_inside(parted)


def test_painted_teeth_beside_the_photos_own_are_no_lighter() -> None:
    parted = grace().landmarks.copy()
    parted[[87, 14, 317, 402, 178, 88, 318], 1] += 12
    dark = grace().picture.copy()
    x, y = parted[13, :2].astype(int)
    dark[y - 4 : y + 20, x - 40 : x + 40] //= 3
    assert (
        mouth_tone(dark, parted).tooth.mean()
        < mouth_tone(dark, grace().landmarks).tooth.mean()
    )
