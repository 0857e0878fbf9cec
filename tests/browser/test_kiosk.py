"""The kiosk page, on the real server, in a real Chromium: what a passer-by gets."""

import base64
import io
import json
import re
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Request, Route, expect

from tests.browser.axe import faults
from tests.browser.server_process import Server
from tests.browser.visitor import new_page, sessions, wait_until

LONG_MS = 30_000  # the machine may be busy
UPRIGHT, WIDE, PHONE = (1080, 1920), (1920, 1080), (360, 740)
STORED = """async () => [localStorage.length, sessionStorage.length, document.cookie,
  (await indexedDB.databases()).length, (await caches.keys()).length]"""
ALL_TEXT = """() => document.body.innerText + document.documentElement.outerHTML"""
LEAST_TOUCH_PX = 64


@pytest.fixture(autouse=True)
def gone_afterwards(browser: Browser) -> Iterator[None]:
    """No page outlives its test, whatever came of it: its session would be held."""
    yield
    for context in browser.contexts:
        context.close()


def brisk(page: Page) -> None:
    """The portrait talks twice as fast: what is said is the same, and sooner over."""

    def hasten(route: Route) -> None:
        wish: dict[str, Any] = route.request.post_data_json or {}
        route.continue_(post_data=wish | {"speed": 2, "sentence_silence_ms": 0})

    page.route("**/v1/sessions", hasten)


def kiosk(
    browser: Browser,
    server: Server,
    query: str = "",
    config: Any = None,
    size: tuple[int, int] = PHONE,
    **context: Any,
) -> Page:
    page = new_page(browser, viewport={"width": size[0], "height": size[1]}, **context)
    page.set_default_timeout(LONG_MS)
    brisk(page)
    page.goto(address(server, query, config))
    return page


def address(server: Server, query: str = "", config: Any = None) -> str:
    encoded = base64.urlsafe_b64encode(json.dumps(config).encode()).decode().rstrip("=")
    fragment = f"#config={encoded}" if config else ""
    return f"{server.url}/kiosk.html?presence=off&{query}{fragment}"


def begin(page: Page, start: int = 0) -> None:
    page.locator(".start").nth(start).click()
    page.wait_for_selector("body[data-phase=live] video.alive")
    page.wait_for_selector("body[data-speaking]", timeout=LONG_MS)


def attract(page: Page) -> None:
    page.wait_for_selector("body[data-state=attract]", timeout=LONG_MS)


def none_held(page: Page, server: Server) -> None:
    wait_until(page, lambda: not sessions(server), LONG_MS)


def words_said(page: Page) -> str:
    return page.locator("#caption-log").inner_text()


def test_a_visit_and_what_is_left_of_it(browser: Browser, server: Server) -> None:
    """Greeting, a question by touch, goodbye; and then nothing, anywhere."""
    page = kiosk(browser, server, "languages=en", reduced_motion="reduce")
    none_held(page, server)
    begin(page)
    assert len(sessions(server)) == 1
    wait_until(page, lambda: "glad you are here" in words_said(page), LONG_MS)
    question = page.locator(".choice").nth(2).inner_text()
    page.locator(".choice").nth(2).click()
    wait_until(page, lambda: "not a person" in words_said(page), LONG_MS)
    expect(page.locator("#heard")).to_contain_text(question)
    page.click("#goodbye")
    page.wait_for_selector("body[data-state=leaving]")
    wait_until(page, lambda: "Goodbye" in words_said(page), LONG_MS)
    attract(page)
    none_held(page, server)
    assert page.evaluate(STORED) == [0, 0, "", 0, 0]
    left = page.evaluate(ALL_TEXT)
    for trace in (question, "not a person", "glad you are here"):
        assert trace not in left
    assert page.evaluate("document.getElementById('video').srcObject") is None


def test_it_films_the_portrait_and_then_holds_no_session(
    browser: Browser, server: Server
) -> None:
    page = kiosk(browser, server)
    page.wait_for_selector("body[data-clip]", timeout=60_000)
    none_held(page, server)
    playing = """() => [...document.querySelectorAll(".loop")].map((video) => {
      video.playbackRate = 3;
      const { opacity } = getComputedStyle(video);
      return [video.currentTime, video.paused, video.videoWidth, opacity];
    })"""
    times: list[float] = []
    opaque = set()
    for _ in range(40):  # past the end of a loop of at most 10 s
        shown = page.evaluate(playing)
        assert any(not paused and width > 0 for _, paused, width, _ in shown)
        opaque |= {n for n, each in enumerate(shown) if float(each[3]) > 0.99}
        times.append(max(at for at, paused, _, _ in shown if not paused))
        page.wait_for_timeout(170)
    assert np.sum(np.diff(times) > 0) > 25, "the clip stands still"
    assert opaque == {0, 1}, "the end never led into the beginning"
    assert not sessions(server)


def test_chinese_by_touch_and_back_in_mid_visit(
    browser: Browser, server: Server
) -> None:
    page = kiosk(browser, server, reduced_motion="reduce")
    begin(page, start=1)
    wait_until(page, lambda: "很高兴见到你" in words_said(page), LONG_MS)
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    page.locator(".choice").first.click()
    wait_until(page, lambda: "会说话的肖像" in words_said(page), LONG_MS)
    page.locator("#tongues .button").first.click()
    wait_until(page, lambda: "glad you are here" in words_said(page), LONG_MS)
    expect(page.locator(".choice").first).to_have_text("What are you?")
    page.click("#goodbye")
    attract(page)
    assert page.evaluate("document.documentElement.lang") == "en"


def test_who_falls_silent_is_asked_and_let_go(browser: Browser, server: Server) -> None:
    page = kiosk(
        browser, server, "idle_s=3&warn_s=2&languages=en", reduced_motion="reduce"
    )
    begin(page)
    page.wait_for_selector("#ask[open]")
    expect(page.locator("#seconds-left")).to_contain_text("s.")
    page.click("#stay")
    page.wait_for_selector("body[data-state=visiting]")
    page.wait_for_selector("#ask[open]")
    attract(page)
    none_held(page, server)


def test_a_token_that_expired_costs_no_visitor(
    browser: Browser, server: Server
) -> None:
    """First one that a new one can be had for; then one of a session that is over."""
    page = new_page(browser, reduced_motion="reduce")
    page.route(re.compile("/v1/sessions(/[^/]+/(tokens|keepalive))?$"), soon_over)
    page.goto(address(server, "languages=en"))
    begin(page)
    refused: list[str] = []

    def refuse(route: Route, status: int, code: str) -> None:
        refused.append(code)
        route.fulfill(status=status, json={"code": code, "message": "It is over."})

    for status, code in ((401, "token_expired"), (410, "session_gone")):
        page.route("**/keepalive", lambda route: refuse(route, status, code), times=1)  # noqa: B023
        wait_until(page, lambda: code in refused, LONG_MS)  # noqa: B023
        page.wait_for_timeout(1_000)
        page.wait_for_selector("body[data-phase=live][data-state=visiting]")
        page.evaluate("document.getElementById('caption-log').replaceChildren()")
        page.locator(".choice").first.click()
        wait_until(page, lambda: "photograph" in words_said(page), LONG_MS)
    page.click("#goodbye")
    attract(page)
    none_held(page, server)


def soon_over(route: Route) -> None:
    """The page believes that its tokens live for 2 s, and renews them every second."""
    given = route.fetch()
    route.fulfill(response=given, json=given.json() | {"expires_in_s": 2})


def test_while_the_server_is_away_it_says_so_and_goes_on_breathing(
    browser: Browser, server: Server
) -> None:
    page = kiosk(browser, server, "languages=en&open_s=5", reduced_motion="reduce")
    page.route("**/v1/sessions", lambda route: route.abort())
    page.locator(".start").first.click()
    page.wait_for_selector("body[data-phase=reconnecting]")
    expect(page.locator("#turn-text")).to_contain_text("coming back")
    attract(page)  # after open_s
    page.unroute("**/v1/sessions")
    begin(page)


def test_hand_over_by_a_code_that_a_phone_can_read(
    browser: Browser, server: Server
) -> None:
    url = "https://example.org/help?from=lobby"
    page = kiosk(
        browser,
        server,
        config={"hand_over_url": url, "hand_over_number": "030 123"},
        reduced_motion="reduce",
        size=UPRIGHT,
    )
    begin(page)
    page.click("#person")
    page.wait_for_selector("#code:not([hidden])")
    expect(page.locator("#number")).to_contain_text("030 123")
    shown = Image.open(io.BytesIO(page.locator("#hand-over").screenshot()))
    found, *_ = cv2.QRCodeDetector().detectAndDecode(np.array(shown.convert("L")))
    assert found == url
    assert faults(page, "#hand-over") == []
    page.click("#hand-over-close")


def test_a_key_stays_out_of_the_address_and_out_of_storage(
    browser: Browser, server: Server
) -> None:
    page = new_page(browser, reduced_motion="reduce")
    seen: list[Request] = []
    page.on("request", lambda request: seen.append(request))
    page.goto(address(server, config={"key": "sesame-7", "languages": ["en"]}))
    begin(page)
    assert "sesame" not in page.url
    assert "sesame" not in page.evaluate(ALL_TEXT)
    assert page.evaluate(STORED) == [0, 0, "", 0, 0]
    keyed = [each.url for each in seen if "sesame-7" in str(each.headers)]
    assert keyed and all(url.endswith("/v1/sessions") for url in keyed)


def test_a_back_end_can_mint_the_sessions(browser: Browser, server: Server) -> None:
    page = new_page(browser, reduced_motion="reduce")
    wishes: list[Any] = []

    def mint(route: Route) -> None:
        wishes.append(route.request.post_data_json)
        made = page.request.post(f"{server.url}/v1/sessions", data=wishes[-1])
        route.fulfill(json=made.json())

    page.route("**/mint", mint)
    page.goto(address(server, "grant=/mint&languages=en"))
    begin(page)
    assert wishes[-1]["persona"]["greeting"].startswith("Hello")
    page.click("#goodbye")
    attract(page)
    none_held(page, server)


def test_a_wrong_configuration_is_told_on_the_screen(
    browser: Browser, server: Server
) -> None:
    page = kiosk(browser, server, "idle_s=1")
    expect(page.locator("#greetings")).to_contain_text("idle_s: it must be a number")


def test_the_screen_is_kept_on(browser: Browser, server: Server) -> None:
    """The browser takes the lock away; it is asked for again."""
    page = new_page(browser, reduced_motion="reduce")
    page.add_init_script(
        """globalThis.locks = [];
        const request = async (kind) => {
          const lock = new EventTarget();
          globalThis.locks.push([kind, lock]);
          return lock;
        };
        Object.defineProperty(navigator, "wakeLock", { value: { request } });"""
    )
    page.goto(address(server))
    wait_until(page, lambda: page.evaluate("locks.length") == 1)
    page.evaluate("locks[0][1].dispatchEvent(new Event('release'))")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    wait_until(
        page,
        lambda: page.evaluate("locks.map(([kind]) => kind).join()") == "screen,screen",
    )


def test_its_title_counts_up(browser: Browser, server: Server) -> None:
    page = kiosk(browser, server, reduced_motion="reduce")
    first = page.title()
    wait_until(page, lambda: page.title() != first, LONG_MS)
    assert page.title().startswith("Likeness kiosk attract ")


def test_staff_hold_the_corner_and_load_it_anew(
    browser: Browser, server: Server
) -> None:
    """As it does by itself at night: the configuration is still there afterwards."""
    page = kiosk(browser, server, config={"languages": ["zh"]}, reduced_motion="reduce")
    page.mouse.move(10, 10)
    page.mouse.down()
    page.wait_for_selector("#staff[open]", timeout=LONG_MS)
    page.mouse.up()
    expect(page.locator("#staff-figures")).to_contain_text("state: attract")
    page.click("#staff-close")
    assert page.evaluate("document.body.dataset.state") == "attract"
    page.evaluate(
        "globalThis.before = true; document.getElementById('staff-reload').click()"
    )
    wait_until(page, lambda: not page.evaluate("globalThis.before ?? false"), LONG_MS)
    expect(page.locator(".start")).to_have_text("点一下，开始聊")
    assert "config" not in page.url


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_it(browser: Browser, server: Server, scheme: Any) -> None:
    """axe-core finds nothing serious, and whatever is touched is large enough and
    within the screen, on each kind of screen."""
    page = kiosk(
        browser,
        server,
        "hand_over_number=030%20123",
        color_scheme=scheme,
        reduced_motion="reduce",
    )
    touchable(page)
    assert faults(page) == []
    begin(page)
    touchable(page)
    assert faults(page) == []


def touchable(page: Page) -> None:
    for width, height in (UPRIGHT, WIDE, PHONE, (1366, 768), (768, 1024)):
        page.set_viewport_size({"width": width, "height": height})
        found = [each for each in page.locator("button").all() if each.is_visible()]
        assert found
        for each in found:
            box = each.bounding_box()
            name = each.inner_text()
            assert box, name
            assert min(box["width"], box["height"]) >= LEAST_TOUCH_PX - 0.5, (name, box)
            assert box["x"] >= 0 and box["x"] + box["width"] <= width, (name, width)
            assert box["y"] >= 0 and box["y"] + box["height"] <= height, (name, height)


def test_it_begins_muted_where_the_browser_wants_a_touch_first(
    browser: Browser, server: Server
) -> None:
    page = new_page(browser, reduced_motion="reduce")
    page.add_init_script(
        """const play = HTMLMediaElement.prototype.play;
        HTMLMediaElement.prototype.play = function () {
          if (this.muted || globalThis.allowed) return play.call(this);
          return Promise.reject(new DOMException("no gesture yet", "NotAllowedError"));
        };"""
    )
    page.goto(address(server, "languages=en"))
    page.locator(".start").first.click()
    page.wait_for_selector("#hear:not([hidden])")
    page.evaluate("globalThis.allowed = true")
    page.click("#hear")
    page.wait_for_selector("#hear", state="hidden")
    assert not page.evaluate("document.getElementById('video').muted")


def test_presence_beats_nothing_when_there_is_no_camera(
    browser: Browser, server: Server
) -> None:
    """The touch is enough; nothing is thrown."""
    page = new_page(browser, reduced_motion="reduce")
    thrown: list[str] = []
    page.on("pageerror", lambda error: thrown.append(str(error)))
    page.goto(f"{server.url}/kiosk.html?languages=en")
    begin(page)
    assert thrown == []
