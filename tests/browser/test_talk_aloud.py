"""Talking with the portrait: a Chromium whose microphone plays spoken questions."""

import statistics
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from models.media import PLAYOUT_RATE_HZ, FloatArray
from scripts.cutting_in import (
    HEADPHONES,
    WINDOW_S,
    Visit,
    speaking_arguments,
    write_microphone,
)
from tests.browser.conftest import SOUND_AT_ONCE, chromium
from tests.browser.server_process import Server
from tests.browser.visitor import (
    new_page,
    open_page,
    said_lines,
    wait_live,
    wait_speaking,
    wait_until,
)
from tests.speech import Question, question

LEVEL = "Number(document.getElementById('mic').style.getPropertyValue('--level'))"


def write_wav(path: Path, sound: FloatArray) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(PLAYOUT_RATE_HZ)
        file.writeframes((sound * 32767).astype("<i2").tobytes())
    return path


def talker(path: Path) -> tuple[str, ...]:
    return (SOUND_AT_ONCE, *speaking_arguments(path))


@dataclass(frozen=True)
class Speaker:
    """A browser whose microphone asks, and cuts into the answer with other questions.

    begins: when each question does, in the sound of the microphone.
    """

    browser: Browser
    begins: list[float]


@pytest.fixture(scope="module")
def speaker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Speaker]:
    path = tmp_path_factory.mktemp("talk") / "microphone.wav"
    names: list[Question] = ["card", "photo", "voice", "card"]
    sounds = [question(name, PLAYOUT_RATE_HZ) for name in names]
    begins = write_microphone(path, sounds, [1.0, 4.0, 4.6, 4.3])
    with chromium(*talker(path)) as browser:
        yield Speaker(browser, begins)


def test_a_spoken_question_is_answered_and_a_second_one_cuts_in(
    speaker: Speaker, server: Server
) -> None:
    page = new_page(speaker.browser)
    page.add_init_script(HEADPHONES)
    page.goto(server.talk)
    wait_live(page)
    page.click("#talk-button")
    page.click("#mic")
    page.wait_for_selector("#mic[aria-pressed=true]")
    wait_until(page, lambda: page.evaluate(LEVEL) > 0.2)
    page.wait_for_selector("body[data-state=listening]")
    wait_speaking(page, True)
    wait_until(page, lambda: said_lines(page, "portrait"))
    assert "graphics" in said_lines(page, "visitor")[0].lower()
    assert "graphics card is needed" in " ".join(said_lines(page, "portrait"))
    page.wait_for_selector("body[data-state=listening]")
    wait_until(page, lambda: len(said_lines(page, "portrait")) > 1)
    assert said_lines(page, "portrait")[0].endswith("…"), "cut where it was cut"
    page.click("#mic")
    page.wait_for_selector("#mic[aria-pressed=false]")
    page.context.close()


@pytest.mark.parametrize("headphones", [True, False])
def test_every_cut_is_noticed_soon(
    headphones: bool, speaker: Speaker, server: Server
) -> None:
    """Without headphones all but the first: Chromium's echo canceller must have heard
    the portrait for some seconds before it lets a second voice through."""
    page = new_page(speaker.browser)
    cuts = Visit(page, server.talk, headphones=headphones).cuts(speaker.begins)
    page.context.close()
    found = [cut for cut in cuts[0 if headphones else 1 :] if cut]
    assert len(found) >= 2, "the portrait was speaking"
    assert max(cut.turn_s for cut in found) < WINDOW_S, found
    assert max(cut.soft_s for cut in found) < 1.0, found
    assert statistics.median(cut.soft_s for cut in found) < 0.5, found


def test_space_held_down_is_one_turn(speaker: Speaker, server: Server) -> None:
    page = open_page(speaker.browser, server.talk)
    wait_live(page)
    page.evaluate("document.activeElement?.blur()")
    page.keyboard.down("Space")
    page.wait_for_selector("#mic[data-state=held]")
    page.wait_for_selector("body[data-state=listening]")
    page.wait_for_timeout(3_600)
    assert page.evaluate("document.body.dataset.state") == "listening"
    page.keyboard.up("Space")
    page.wait_for_selector("#mic[data-state=off]")
    wait_until(page, lambda: said_lines(page, "visitor"))
    wait_speaking(page, True)
    page.context.close()
