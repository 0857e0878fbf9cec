"""When a virtual camera shows a picture, by a clock that is cranked by hand."""

import numpy as np
import pytest

from models.media import PLAYOUT_RATE_HZ
from scripts.live_viewer import CommonClock
from scripts.presentation import DEPTH_S, Presentation, fitted

RATE = PLAYOUT_RATE_HZ
SIZE = (320, 180)
BLOCK = 480


@pytest.mark.parametrize("device_ppm", [-300, 0, 300])
def test_a_device_with_another_clock_neither_starves_nor_lags(device_ppm: int) -> None:
    now = [0.0]
    show = Presentation(lambda: now[0])
    depths, pushed = [], 0
    tone = np.sin(np.arange(RATE * 2) * 2 * np.pi * 200 / RATE).astype(np.float32)
    pace_s = BLOCK / RATE / (1 + device_ppm / 1e6)
    for _ in range(90 * 100):
        now[0] += pace_s
        while pushed * 0.02 <= now[0]:
            at = pushed * 960 % RATE
            show.push_sound(pushed * 0.02, tone[at : at + 960])
            pushed += 1
        show.pull(BLOCK)
        depths.append(len(show._sound) / RATE)
    assert show.underruns == 0
    assert np.mean(depths[-500:]) == pytest.approx(DEPTH_S, abs=0.03)


def test_pictures_wait_for_their_sound_and_are_held() -> None:
    now = [10.0]
    show = Presentation(lambda: now[0])
    assert show.picture() is None
    for number in range(5):
        show.push_picture(number * 0.04, np.full((2, 2, 3), number, np.uint8))
    show.push_sound(0.0, np.zeros(RATE // 5, np.float32))
    for block in range(10):
        show.pull(RATE // 100)
        now[0] += 0.01
        picture = show.picture()
        heard_s = (block + 2) * 0.01
        assert picture is not None
        assert picture[0, 0, 0] == int((heard_s + 0.02) / 0.04 + 1e-6)
    show.restart()
    held = show.picture()
    assert held is not None and held[0, 0, 0] == 3


def test_what_is_missing_in_between_is_silence() -> None:
    show = Presentation(lambda: 0.0)
    show.push_sound(0.0, np.ones(RATE // 10, np.float32))
    show.push_sound(0.14, np.ones(RATE // 10, np.float32))
    heard = show.pull(RATE // 5)
    silent = np.flatnonzero(heard == 0)
    assert silent[0] / RATE == pytest.approx(0.1, abs=0.002)
    assert len(silent) / RATE == pytest.approx(0.04, abs=0.002)
    assert silent[-1] - silent[0] == len(silent) - 1


def test_reports_bring_both_tracks_to_one_clock() -> None:
    clock = CommonClock()
    clock.note("audio", 48_000, 100.0)
    clock.note("video", 90_000, 100.3)
    assert clock.local_s("video", 90_000 + 45_000) == pytest.approx(100.8)
    clock.report("audio", 48_000, 5_000.0)
    clock.report("video", 90_000, 5_000.1)
    assert clock.local_s("audio", 96_000) == pytest.approx(101.0)
    assert clock.local_s("video", 90_000) == pytest.approx(100.1)


def test_a_picture_of_another_shape_stands_in_the_middle() -> None:
    picture = np.full((100, 100, 3), (10, 20, 30), np.uint8)
    whole = fitted(picture, 320, 180)
    assert whole.shape == (180, 320, 3) and (whole[90, 160] == (10, 20, 30)).all()
    assert (whole[0, 0] == (10, 20, 30)).all()
    assert fitted(picture, 60, 80).shape == (80, 60, 3)
    assert np.array_equal(fitted(picture, 100, 100), picture)
