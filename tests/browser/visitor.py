"""What a visitor does on the page, and what can be seen of it from outside."""

import json
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.server_process import Server

PROBE = (Path(__file__).parent / "probe.js").read_text()
LIVE_MS = 30_000  # long past what is promised: a failure, not a slow machine


def open_page(browser: Browser, url: str, **context: Any) -> Page:
    """A page of its own; the probe watches it from the beginning."""
    page = new_page(browser, **context)
    page.goto(url)
    return page


def new_page(browser: Browser, **context: Any) -> Page:
    """One that has not gone anywhere yet."""
    page = browser.new_context(**context).new_page()
    page.set_default_timeout(LIVE_MS)
    page.add_init_script(PROBE)
    return page


@dataclass(frozen=True)
class Overheard:
    """The addresses that a page asks for, and what it complains of."""

    asked: list[str]
    complaints: list[str]


def overhear(page: Page) -> Overheard:
    """From now on."""
    heard = Overheard([], [])
    page.on("request", lambda request: heard.asked.append(request.url))
    page.on("console", lambda message: heard.complaints.append(message.text))
    page.on("pageerror", lambda error: heard.complaints.append(str(error)))
    return heard


def wait_until(
    page: Page, condition: Callable[[], object], timeout_ms: int = LIVE_MS
) -> None:
    # Page.wait_for_function would need eval, which the page's policy forbids.
    end_s = time.monotonic() + timeout_ms / 1000
    while time.monotonic() < end_s:
        if condition():
            return
        page.wait_for_timeout(50)
    pytest.fail("what was waited for did not come")


def wait_live(page: Page, timeout_ms: int = LIVE_MS) -> None:
    page.wait_for_selector("body[data-phase=live] video.alive", timeout=timeout_ms)
    wait_until(page, lambda: page.evaluate("probe.framesDecoded()") > 10)


def first_frame_ms(page: Page) -> float:
    """From the beginning of the navigation to the first live picture."""
    wait_until(page, lambda: page.evaluate("probe.firstFrameMs > 0"))
    return float(page.evaluate("probe.firstFrameMs"))


def say(page: Page, text: str) -> None:
    """The portrait says it."""
    choose_mode(page, "say")
    page.fill("#text", text)
    page.press("#text", "Enter")


def ask(page: Page, text: str) -> None:
    """The portrait answers it."""
    choose_mode(page, "ask")
    page.fill("#text", text)
    page.press("#text", "Enter")


def choose_mode(page: Page, mode: str) -> None:
    page.locator(f"label:has(#mode-{mode})").click()


def said_lines(page: Page, who: str) -> list[str]:
    """What the conversation has of the `visitor` or the `portrait`."""
    said = page.locator(f"#talk-lines .{who} p").all_text_contents()
    return [text for text in said if text]


def wait_speaking(page: Page, speaking: bool) -> None:
    page.wait_for_selector(
        "body[data-speaking]",
        state="attached" if speaking else "detached",
        timeout=30_000,
    )


def sessions(server: Server) -> list[str]:
    with urllib.request.urlopen(f"{server.url}/v1/sessions", timeout=10) as answer:
        return [each["session_id"] for each in json.load(answer)["sessions"]]


def tab_to(page: Page, element_id: str) -> None:
    for _ in range(30):
        if page.evaluate("document.activeElement?.id") == element_id:
            return
        page.keyboard.press("Tab")
    pytest.fail(f"Tab does not reach {element_id}")
