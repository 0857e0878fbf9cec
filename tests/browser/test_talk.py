"""Asking in writing, and what the page does about the microphone."""

import json
import urllib.request

import numpy as np
import pytest
from playwright.sync_api import Browser

from tests.browser.server_process import Server
from tests.browser.visitor import (
    ask,
    new_page,
    open_page,
    said_lines,
    wait_live,
    wait_speaking,
    wait_until,
)

LOUD = 0.01


@pytest.mark.parametrize("part", [0.0, 0.5, 0.95])
def test_an_answer_is_cut_off_anywhere(
    browser: Browser, server: Server, part: float
) -> None:
    page = open_page(browser, server.talk)
    wait_live(page)
    timer = page.evaluate("probe.listen()")
    ask(page, "What can it be used for?")  # about 7 s
    wait_speaking(page, True)
    page.wait_for_timeout(7_000 * part)
    page.evaluate("probe.levels.length = 0")
    for _ in range(2):  # twice: the second must do no harm
        page.keyboard.press("Escape")
    wait_speaking(page, False)
    page.wait_for_timeout(800)
    at_ms, level = np.array(page.evaluate("probe.levels")).T
    page.evaluate(f"clearInterval({timer})")
    loud = at_ms[level > LOUD]
    assert not len(loud) or loud[-1] - at_ms[0] < 400
    ask(page, "Is it free?")
    wait_until(page, lambda: "costs nothing" in " ".join(said_lines(page, "portrait")))
    page.context.close()


def test_who_is_refused_the_microphone_is_told_why_and_can_type(
    browser: Browser, server: Server
) -> None:
    page = new_page(browser)
    for name, told in (
        ("NotAllowedError", "does not let this page use the microphone"),
        ("NotFoundError", "No microphone was found"),
        ("NotReadableError", "Another program"),
    ):
        page.add_init_script(
            "navigator.mediaDevices.getUserMedia = () => "
            f"Promise.reject(new DOMException('', '{name}'));"
        )
        page.goto(server.talk)
        wait_live(page)
        page.click("#mic")
        page.wait_for_selector(f"#notice:has-text('{told}')")
        assert page.get_attribute("#mic", "aria-pressed") == "false"
    ask(page, "Is it free?")
    wait_until(page, lambda: "costs nothing" in " ".join(said_lines(page, "portrait")))
    page.context.close()


def test_a_language_that_is_not_heard_says_so(browser: Browser, server: Server) -> None:
    page = open_page(browser, server.talk, locale="zh-CN")
    wait_live(page)
    page.wait_for_selector("#mic[aria-disabled=true]")
    assert "可以打字" in page.inner_text("#mic-hint")
    ask(page, "你是谁？")
    wait_until(page, lambda: "肖像" in " ".join(said_lines(page, "portrait")))
    page.context.close()


def test_captions_alone_are_enough(browser: Browser, server: Server) -> None:
    page = open_page(browser, server.talk)
    wait_live(page)
    page.click("#mute-button")
    ask(page, "Is it free?")
    page.wait_for_selector("#caption-said:has-text('costs')")
    page.context.close()


def test_the_transcript_is_what_was_really_said(
    browser: Browser, server: Server
) -> None:
    body = json.dumps({"keep_transcript": True}).encode()
    made = post(f"{server.url}/v1/sessions", body)
    page = open_page(browser, server.url + made["embed_url"])
    wait_live(page)
    ask(page, "What can it be used for?")
    wait_speaking(page, True)
    page.wait_for_timeout(1_500)
    page.keyboard.press("Escape")
    wait_speaking(page, False)
    url = f"{server.url}/v1/sessions/{made['session_id']}/transcript"
    request = urllib.request.Request(
        url, headers={"authorization": f"Bearer {made['token']}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        said = json.load(answer)["lines"]
    assert said[0]["text"] == "What can it be used for?"
    heard = " ".join(line["text"] for line in said[1:])
    assert heard.startswith("It is made") and "museums" not in heard
    page.context.close()


def post(url: str, body: bytes) -> dict[str, str]:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        found: dict[str, str] = json.load(answer)
    return found
