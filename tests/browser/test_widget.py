"""The widget on the page of a foreign site with a strict policy: a question, a voice, a
person, a server that dies, a token that ends, and what is refused."""

import json
import signal
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Request, expect

from models.media import PLAYOUT_RATE_HZ
from tests.browser.axe import faults
from tests.browser.conftest import chromium
from tests.browser.foreign_site import WIDGET, ForeignSite, foreign_site
from tests.browser.server_process import Server, free_port
from tests.browser.test_talk_aloud import talker, write_wav
from tests.browser.visitor import wait_until
from tests.browser.widget import (
    IN,
    WAIT_MS,
    answered,
    ask,
    open_panel,
    said,
    speaking,
    told,
    visit,
    wait_live,
)
from tests.speech import question, silence

KEY = "the-key-of-the-shop-that-no-browser-sees"
TOKEN_TTL_S = 8  # so that each test outlives its first token
HARDWARE = "What hardware does it need?"
DENIED = """navigator.mediaDevices.getUserMedia = () =>
  Promise.reject(new DOMException("no", "NotAllowedError"));"""


@dataclass(frozen=True)
class Shop:
    server: Server
    site: ForeignSite

    def sessions(self) -> int:
        request = urllib.request.Request(
            f"{self.server.url}/v1/sessions", headers={"authorization": f"Bearer {KEY}"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return len(json.load(answer)["sessions"])


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    server = Server(
        tmp_path_factory.mktemp("widget"),
        LIKENESS_API_KEYS=json.dumps({"shop": {"key": KEY, "origins": [origin]}}),
        LIKENESS_TOKEN_TTL_S=str(TOKEN_TTL_S),
        LIKENESS_HANDOVER_URL=f"{origin}/handover",
    )
    with foreign_site(server.url, KEY, port) as site:
        server.start()
        try:
            yield Shop(server, site)
        finally:
            server.stop()


@pytest.fixture
def site(shop: Shop) -> Iterator[ForeignSite]:
    """As it was before the last test changed it, and with nobody on it: a busy machine
    takes the first visitor in any case, and perhaps no second one."""
    end_s = time.monotonic() + 30
    while shop.sessions() and time.monotonic() < end_s:
        time.sleep(0.2)
    shop.site.attributes = WIDGET
    shop.site.html = 'lang="en"'
    yield shop.site


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Its microphone asks a question a second after it is opened."""
    spoken = [silence(1, PLAYOUT_RATE_HZ), question("card", PLAYOUT_RATE_HZ)]
    sound = np.concatenate([*spoken, silence(60, PLAYOUT_RATE_HZ)])
    path = write_wav(tmp_path_factory.mktemp("ask") / "microphone.wav", sound)
    names = "--host-resolver-rules=MAP shop.test 127.0.0.1"
    with chromium(*talker(path), names) as browser:
        yield browser


def test_a_question_is_answered_and_the_key_stays_at_home(
    browser: Browser, shop: Shop, site: ForeignSite
) -> None:
    site.attributes += ' keep-s="1" questions="What is this?|How much is it?"'
    page = visit(browser, site)
    seen: list[str] = []

    def note(request: Request) -> None:
        seen.extend([json.dumps(request.headers), request.url, request.post_data or ""])

    page.on("request", note)
    assert shop.sessions() == 0, "nothing is held before somebody asks for it"
    with page.expect_response("**/likeness/session") as granted:
        open_panel(page)
    seen.append(granted.value.text())
    expect(page.locator("#question")).to_be_focused()
    assert shop.sessions() == 1
    assert page.locator(".questions .chip").all_text_contents() == [
        "What is this?",
        "How much is it?",
    ]
    ask(page, HARDWARE)
    speaking(page, True)
    answered(page, "graphics card")
    assert page.locator(".lines .visitor p").text_content() == HARDWARE
    assert not page.locator(".questions").is_visible()
    expect(page.locator(".stage [role=log]")).to_contain_text("graphics card")
    speaking(page, False)
    messages = told(page, "message")
    assert messages[0] == {"who": "visitor", "text": HARDWARE}
    assert messages[1]["who"] == "portrait" and "laptop" in messages[1]["text"]
    page.keyboard.press("Escape")
    expect(page.locator(".panel")).to_be_hidden()
    expect(page.locator(".bubble")).to_be_focused()
    wait_until(page, lambda: shop.sessions() == 0, WAIT_MS)
    assert page.evaluate("stopped") == []
    assert any("token" in each for each in seen)
    assert not any(KEY in each for each in seen)
    page.context.close()


def test_it_can_be_interrupted_and_comes_back_as_it_was(
    browser: Browser, shop: Shop, site: ForeignSite
) -> None:
    page = visit(browser, site)
    open_panel(page)
    page.evaluate(f"{IN}.speak('One, two, three, four, five. '.repeat(8))")
    speaking(page, True)
    page.get_by_role("button", name="Interrupt").click()
    speaking(page, False)
    expect(page.locator("#question")).to_be_focused()
    assert said(page, "portrait")[-1].endswith("…")
    page.get_by_role("button", name="Close").click()
    page.locator(".bubble").click()
    wait_live(page)
    assert shop.sessions() == 1, "who comes back soon finds the same session"
    ask(page, HARDWARE)
    answered(page, "graphics card")
    names = [name for name, _ in page.evaluate("told") if name in ("open", "close")]
    assert names == ["open", "close", "open"]
    page.context.close()


def test_a_question_by_voice(browser: Browser, site: ForeignSite) -> None:
    page = visit(browser, site)
    open_panel(page)
    microphone = page.locator(".mic")
    expect(microphone).to_have_attribute("aria-disabled", "false")
    microphone.click()
    expect(microphone).to_have_attribute("aria-pressed", "true")
    answered(page, "graphics card")
    assert "card" in said(page, "visitor")[-1]
    page.get_by_role("button", name="Switch the microphone off").click()
    expect(microphone).to_have_attribute("aria-pressed", "false")
    page.context.close()


def test_a_microphone_that_is_not_given(browser: Browser, site: ForeignSite) -> None:
    page = visit(browser, site, DENIED)
    open_panel(page)
    page.locator(".mic").click()
    expect(page.locator(".notice")).to_contain_text("does not let this page use")
    expect(page.locator(".mic")).to_have_attribute("aria-pressed", "false")
    page.context.close()


def test_it_survives_a_server_that_dies_and_a_token_that_ends(
    browser: Browser, shop: Shop, site: ForeignSite
) -> None:
    page = visit(browser, site)
    open_panel(page)
    ask(page, HARDWARE)
    answered(page, "graphics card")
    shop.server.kill()
    expect(page.locator(".status")).to_contain_text("Trying again", timeout=WAIT_MS)
    shop.server.start()
    wait_live(page)
    ask(page, "Who are you?")
    answered(page, "likeness")
    assert said(page, "visitor") == [HARDWARE, "Who are you?"]
    # Its connection dies when its token has long expired.
    time.sleep(TOKEN_TTL_S)
    shop.server.signal(signal.SIGSTOP)
    expect(page.locator(".status")).to_contain_text("Trying again", timeout=WAIT_MS)
    shop.server.signal(signal.SIGCONT)
    wait_live(page)
    ask(page, HARDWARE)
    expect(page.locator(".lines .portrait")).to_have_count(3, timeout=WAIT_MS)
    page.context.close()


def test_a_person_takes_over(browser: Browser, site: ForeignSite) -> None:
    site.called.clear()
    page = visit(browser, site)
    open_panel(page)
    page.get_by_role("button", name="Talk to a person").click()
    expect(page.locator(".notice")).to_contain_text("A person has been told")
    wait_until(page, lambda: site.called, WAIT_MS)
    (call,) = site.called
    assert json.loads(call)["messages"][-1]["text"] == "I want to talk to a person"
    (event,) = told(page, "handover")
    assert event["reason"] == "called" and event["messages"][0]["who"] == "visitor"
    page.context.close()


def test_the_sites_own_way_to_a_person(browser: Browser, site: ForeignSite) -> None:
    site.attributes += ' handover-url="https://shop.example/chat"'
    page = visit(browser, site)
    open_panel(page)
    page.get_by_role("button", name="Talk to a person").click()
    link = page.get_by_role("link", name="Continue with a person")
    expect(link).to_have_attribute("href", "https://shop.example/chat")
    page.locator(".notice .bare").click()
    expect(link).to_be_hidden()
    page.evaluate(
        "addEventListener('likeness-handover', (event) => event.preventDefault())"
    )
    page.get_by_role("button", name="Talk to a person").click()
    wait_until(page, lambda: len(told(page, "handover")) == 2)
    expect(link).to_be_hidden()
    page.context.close()


def test_a_site_that_is_not_allowed_is_told_so(browser: Browser, shop: Shop) -> None:
    """Its back end has the key, but its pages may not use it."""
    with foreign_site(shop.server.url, KEY) as other:
        page = visit(browser, other)
        page.locator(".bubble").click()
        expect(page.locator(".notice")).to_contain_text(other.url, timeout=WAIT_MS)
        expect(page.locator(".status")).to_contain_text("Ended")
        expect(page.get_by_role("button", name="Start again")).to_be_visible()
        page.context.close()


def test_a_key_in_a_page_is_not_used(browser: Browser, site: ForeignSite) -> None:
    """Away from localhost; and there is no microphone without https."""
    site.attributes = f'key="{KEY}"'
    warnings: list[str] = []
    page = browser.new_context().new_page()
    page.set_default_timeout(WAIT_MS)
    page.on("console", lambda message: warnings.append(message.text))
    page.goto(site.url.replace("127.0.0.1", "shop.test"))
    page.locator(".bubble").click()
    expect(page.locator(".notice")).to_be_visible(timeout=WAIT_MS)
    assert any("`key` is ignored" in text for text in warnings)
    page.context.close()


def test_a_back_end_that_refuses(browser: Browser, site: ForeignSite) -> None:
    refused: dict[str, Any] = {"code": "key_wrong", "message": "The key is not right."}
    page = visit(browser, site)
    page.route(
        "**/likeness/session", lambda route: route.fulfill(status=401, json=refused)
    )
    page.locator(".bubble").click()
    expect(page.locator(".notice")).to_contain_text("not set up on this page")
    page.unroute("**/likeness/session")
    page.get_by_role("button", name="Start again").click()
    wait_live(page)
    page.context.close()


def focused(page: Page) -> str:
    return str(
        page.evaluate(
            f"""(() => {{
              const at = {IN}.shadowRoot.activeElement ?? document.activeElement;
              return at.getAttribute("aria-label") ?? (at.id || at.textContent);
            }})()"""
        )
    )


def test_the_keyboard_is_enough(browser: Browser, site: ForeignSite) -> None:
    site.attributes += ' questions="What is this?"'
    page = visit(browser, site)
    page.locator("#before").focus()
    page.keyboard.press("Tab")
    assert focused(page) == "Talk to Grace"
    page.keyboard.press("Enter")
    wait_live(page)
    page.keyboard.type(HARDWARE)
    page.keyboard.press("Enter")
    answered(page, "graphics card")
    speaking(page, False)
    reached = set()
    for _ in range(10):
        page.keyboard.press("Shift+Tab")
        reached.add(focused(page))
        if focused(page) == "before":
            break
    assert {"Sound off", "Hide captions", "Close", "Conversation"} <= reached
    assert "before" in reached, "the page is not locked out"
    page.locator("#question").focus()
    page.keyboard.press("Escape")
    assert focused(page) == "Talk to Grace"
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("attributes", ["", "transparent"])
def test_nobody_is_hindered(
    browser: Browser, site: ForeignSite, scheme: Any, attributes: str
) -> None:
    site.attributes += f' {attributes} questions="What is this?"'
    site.html = 'lang="zh-CN"' if attributes else 'lang="en"'
    # Trusted Types would stop axe-core itself.
    how: dict[str, Any] = {"color_scheme": scheme, "bypass_csp": True}
    page = visit(browser, site, reduced_motion="reduce", **how)
    page.evaluate("document.querySelector('main').remove()")  # it is not ours
    assert faults(page, "likeness-avatar") == []
    open_panel(page)
    assert faults(page, "likeness-avatar") == []
    ask(page, "请帮我转人工客服" if attributes else "I want to talk to a person")
    expect(page.locator(".notice")).to_be_visible(timeout=WAIT_MS)
    expect(page.locator(".lines .portrait").first).to_be_visible(timeout=WAIT_MS)
    assert faults(page, "likeness-avatar") == []
    page.context.close()


@pytest.mark.parametrize("html", ['lang="en"', 'lang="ar" dir="rtl"'])
def test_a_small_phone_has_room_for_everything(
    browser: Browser, site: ForeignSite, html: str
) -> None:
    site.html = html
    site.attributes += ' questions="What is this?|How much is it?"'
    size = {"width": 320, "height": 568}
    page = visit(browser, site, viewport=size, is_mobile=True, has_touch=True)
    open_panel(page)
    ask(page, "I want to talk to a person")
    expect(page.locator(".notice")).to_be_visible(timeout=WAIT_MS)
    wrong = page.evaluate(
        f"""[...{IN}.shadowRoot.querySelectorAll("button, textarea, a")]
          .filter((each) => each.checkVisibility())
          .filter((each) => {{
            const {{ left, right, top, bottom, width, height }} =
              each.getBoundingClientRect();
            return left < 0 || right > innerWidth || top < 0 ||
              bottom > innerHeight + 1 || width < 43.5 || height < 43.5;
          }}).map((each) => each.outerHTML.slice(0, 80))"""
    )
    assert wrong == []
    page.context.close()
