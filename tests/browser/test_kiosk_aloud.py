"""Talking with the kiosk: a Chromium whose microphone plays a spoken question."""

from pathlib import Path

import numpy as np
from playwright.sync_api import expect

from models.media import PLAYOUT_RATE_HZ
from tests.browser.conftest import chromium
from tests.browser.server_process import Server
from tests.browser.test_talk_aloud import talker, write_wav
from tests.browser.visitor import new_page, wait_until
from tests.speech import question, silence

LONG_MS = 40_000


def test_a_spoken_question_is_answered_by_who_stands_there(
    server: Server, tmp_path: Path
) -> None:
    """It listens as soon as the visit has begun, and no more once it is over."""
    sound = np.concatenate(
        [
            silence(11.0, PLAYOUT_RATE_HZ),  # the greeting
            question("voice", PLAYOUT_RATE_HZ),
            silence(60, PLAYOUT_RATE_HZ),
        ]
    )
    path = write_wav(tmp_path / "microphone.wav", sound)
    with chromium(*talker(path)) as browser:
        page = new_page(browser, reduced_motion="reduce")
        page.add_init_script(
            """globalThis.tracks = [];
            const ask = navigator.mediaDevices.getUserMedia;
            navigator.mediaDevices.getUserMedia = async function (wanted) {
              const stream = await ask.call(this, wanted);
              globalThis.tracks.push(...stream.getTracks());
              return stream;
            };"""
        )
        page.goto(f"{server.url}/kiosk.html?languages=en&presence=off")
        assert page.evaluate("tracks.length") == 0, "nobody is listened to yet"
        page.locator(".start").first.click()
        page.wait_for_selector("body[data-ear=open]", timeout=LONG_MS)
        expect(page.locator("#heard")).to_contain_text("voice", timeout=LONG_MS)
        said = page.locator("#caption-log")
        wait_until(page, lambda: "choose a voice" in said.inner_text(), LONG_MS)
        assert page.evaluate("tracks.map((each) => each.kind)") == ["audio"]
        page.click("#goodbye")
        page.wait_for_selector("body[data-state=attract]", timeout=LONG_MS)
        assert page.evaluate("tracks.map((each) => each.readyState)") == ["ended"]
