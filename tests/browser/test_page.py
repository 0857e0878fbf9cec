"""The real page, on the real server, in a real Chromium: what a visitor gets."""

import re
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from tests.browser import faces
from tests.browser.server_process import Server
from tests.browser.visitor import (
    first_frame_ms,
    open_page,
    say,
    sessions,
    wait_live,
    wait_speaking,
    wait_until,
)

LOUD, SILENT = 0.01, 0.001  # of full scale, root mean square over 10 ms
SENTENCE = "Good morning. Bob met Pam by the old mill pond, and they both waved."
LONG = " ".join(f"This is sentence number {n}." for n in range(1, 30))


def test_the_portrait_is_alive_within_two_seconds(
    browser: Browser, server: Server
) -> None:
    """The best of three openings counts: other work on the machine can slow one, but
    a page that is really slower than it should be is slow all three times."""
    alive_ms = []
    for _ in range(3):
        page = open_page(browser, server.talk)
        alive_ms.append(first_frame_ms(page))
        page.context.close()
    assert min(alive_ms) < 2_000, alive_ms


def test_twenty_five_frames_a_second(page: Page) -> None:
    """Over 10 s; up to three times, because other work on the machine can take the
    cores away, and a server that is really too slow is so all three times."""
    measure = """async () => {
      const [frames, ms] = [await probe.framesDecoded(), performance.now()];
      await new Promise((resolve) => setTimeout(resolve, 10_000));
      const seconds = (performance.now() - ms) / 1000;
      return (await probe.framesDecoded() - frames) / seconds;
    }"""
    rates_hz: list[float] = []
    while len(rates_hz) < 3 and not any(24 <= rate <= 26 for rate in rates_hz):
        rates_hz.append(page.evaluate(measure))
    assert 24 <= rates_hz[-1] <= 26, rates_hz


class Take:
    """Some seconds of silence, one sentence, and silence again."""

    def __init__(self, page: Page) -> None:
        timer = page.evaluate("probe.listen()")
        page.evaluate("probe.film()")
        page.evaluate("probe.captions.length = 0")
        page.wait_for_timeout(6_000)
        say(page, SENTENCE)
        wait_speaking(page, True)
        wait_speaking(page, False)
        page.wait_for_timeout(2_500)
        self.levels = np.array(page.evaluate("probe.levels"))
        frames = page.evaluate("probe.cut()")
        page.evaluate(f"clearInterval({timer})")
        self.captions: list[tuple[float, str]] = page.evaluate("probe.captions")
        self.logged = page.locator("#caption-log").inner_text()
        self.frame_ms = np.array([ms for ms, _ in frames])
        self.points = faces.landmarks_of([picture for _, picture in frames])
        loud_ms = self.levels[self.levels[:, 1] > LOUD, 0]
        assert len(loud_ms), "no sound at all"
        self.begin_ms, self.end_ms = loud_ms[0], loud_ms[-1]

    @property
    def speaking(self) -> Any:
        """Which of the frames were shown while there was sound."""
        return (self.frame_ms > self.begin_ms) & (self.frame_ms < self.end_ms)

    @property
    def silent(self) -> Any:
        """Before the first sound; from 0.8 s after the last, when lips have closed."""
        before = self.frame_ms < self.begin_ms - 300
        return before | (self.frame_ms > self.end_ms + 800)


@pytest.fixture(scope="module")
def take(shared: Page) -> Take:
    wait_live(shared)
    return Take(shared)


def test_sound_while_it_speaks_and_none_before_or_after(take: Take) -> None:
    at_ms, level = take.levels.T
    spoken = level[(at_ms >= take.begin_ms) & (at_ms <= take.end_ms)]
    assert take.end_ms - take.begin_ms > 2_000
    assert np.mean(spoken > LOUD) > 0.4
    assert level[at_ms < take.begin_ms - 200].max() < SILENT
    assert level[at_ms > take.end_ms + 500].max() < SILENT


def test_the_lips_move_with_the_sound_and_rest_in_silence(take: Take) -> None:
    lips = faces.aperture(take.points)
    moving, resting = faces.wander(lips[take.speaking]), faces.wander(lips[take.silent])
    assert moving > 0.05, "eye-corner distances"
    assert resting < 0.35 * moving


def test_eyes_and_head_live_on_in_silence(take: Take) -> None:
    points = take.points[take.silent]
    head = faces.wander(points[:, faces.NOSE_TIP])
    blink = faces.wander(faces.eye_opening(points))
    assert head > 0.4, "pixels"
    assert max(blink, faces.wander(faces.gaze(points))) > 0.008


def test_captions_come_with_the_sound(take: Take) -> None:
    shown = [(ms, text) for ms, text in take.captions if text.strip()]
    assert abs(shown[0][0] - take.begin_ms) < 350
    assert shown[-1][0] < take.end_ms + 350
    assert len(shown) > 5, "word by word"
    words = re.findall(r"\w+", SENTENCE)
    assert re.findall(r"\w+", take.logged)[-len(words) :] == words


def test_interrupt_silences_within_300_ms(page: Page) -> None:
    timer = page.evaluate("probe.listen()")
    say(page, LONG)
    wait_speaking(page, True)
    loud = f"probe.levels.filter(([, level]) => level > {LOUD}).length"
    wait_until(page, lambda: page.evaluate(loud) > 60)
    pressed_ms = page.evaluate(
        """() => {
          document.getElementById("interrupt").click();
          return performance.now();
        }"""
    )
    page.wait_for_timeout(1_500)
    at_ms, level = np.array(page.evaluate("probe.levels")).T
    page.evaluate(f"clearInterval({timer})")
    assert at_ms[level > LOUD].max() - pressed_ms < 300
    assert level[at_ms > pressed_ms + 400].max() < SILENT
    wait_speaking(page, False)


def test_a_reload_frees_the_old_session(browser: Browser, server: Server) -> None:
    before = set(sessions(server))
    page = open_page(browser, server.talk)
    wait_live(page)
    (old,) = set(sessions(server)) - before
    page.reload()
    wait_live(page)
    wait_until(page, lambda: old not in sessions(server), 3_000)
    assert len(set(sessions(server)) - before) == 1
    page.context.close()
    # The context takes its pages with it without telling them; the server notices.
