"""The real page, on the real server, in a real Chromium."""

import io
import json
import re
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.cbook import get_sample_data
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser import faces
from tests.browser.conftest import Server

PROBE = (Path(__file__).parent / "probe.js").read_text()
LIVE_MS = 15_000  # long past what is promised: a failure, not a slow machine
LOUD, SILENT = 0.01, 0.001  # of full scale, root mean square over 10 ms
SENTENCE = "Good morning. Bob met Pam by the old mill pond, and they both waved."
LONG = " ".join(f"This is sentence number {n}." for n in range(1, 30))


# A browser's autoplay policy: no sound before the visitor has touched the page.
REFUSE_SOUND = """
  const play = HTMLMediaElement.prototype.play;
  let touched = false;
  addEventListener("pointerdown", () => (touched = true), { capture: true });
  HTMLMediaElement.prototype.play = function () {
    if (touched || this.muted) return play.call(this);
    return Promise.reject(new DOMException("no gesture yet", "NotAllowedError"));
  };
"""


def open_page(browser: Browser, url: str, **context: Any) -> Page:
    page = browser.new_context(**context).new_page()
    page.set_default_timeout(LIVE_MS)
    page.add_init_script(PROBE)
    page.goto(url)
    return page


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
    page.fill("#text", text)
    page.press("#text", "Enter")


def wait_speaking(page: Page, speaking: bool) -> None:
    page.wait_for_selector(
        "body[data-speaking]",
        state="attached" if speaking else "detached",
        timeout=30_000,
    )


def sessions(server: Server) -> list[str]:
    with urllib.request.urlopen(f"{server.url}/v1/sessions", timeout=10) as answer:
        return [each["session_id"] for each in json.load(answer)["sessions"]]


@pytest.fixture(scope="module")
def shared(browser: Browser, server: Server) -> Iterator[Page]:
    """One page for all tests that leave it as they found it."""
    page = open_page(browser, server.url)
    wait_live(page)
    yield page
    page.context.close()


@pytest.fixture
def page(shared: Page) -> Page:
    """The portrait is live and silent, and the visitor's hands are off the page."""
    wait_live(shared)
    if shared.locator("body[data-speaking]").count():
        shared.keyboard.press("Escape")
        wait_speaking(shared, False)
    return shared


def test_the_portrait_is_alive_within_two_seconds(
    browser: Browser, server: Server
) -> None:
    """The best of three openings counts: other work on the machine can slow one, but
    a page that is really slower than it should be is slow all three times."""
    alive_ms = []
    for _ in range(3):
        page = open_page(browser, server.url)
        alive_ms.append(first_frame_ms(page))
        page.context.close()
    assert min(alive_ms) < 2_000, alive_ms


def test_twenty_five_frames_a_second(page: Page) -> None:
    """Over 10 s; a second time where other work on the machine took the cores away."""
    measure = """async () => {
      const [frames, ms] = [await probe.framesDecoded(), performance.now()];
      await new Promise((resolve) => setTimeout(resolve, 10_000));
      const seconds = (performance.now() - ms) / 1000;
      return (await probe.framesDecoded() - frames) / seconds;
    }"""
    rate_hz = page.evaluate(measure)
    if not 24 <= rate_hz <= 26:
        rate_hz = page.evaluate(measure)
    assert 24 <= rate_hz <= 26


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
    page = open_page(browser, server.url)
    wait_live(page)
    (old,) = set(sessions(server)) - before
    page.reload()
    wait_live(page)
    wait_until(page, lambda: old not in sessions(server), 3_000)
    assert len(set(sessions(server)) - before) == 1
    page.context.close()
    # The context takes its pages with it without telling them; the server notices.


def photo_of_a_face() -> bytes:
    """The sample portrait as another picture: cropped, mirrored, encoded anew."""
    with Image.open(str(get_sample_data("grace_hopper.jpg", asfileobj=False))) as file:
        width, height = file.size
        picture = file.convert("RGB").crop((20, 10, width - 30, height - 90))
    picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def photo_of_nobody() -> bytes:
    rows = np.linspace(60, 220, 640, dtype=np.uint8)
    picture = np.stack([np.tile(rows, (480, 1))] * 3, axis=2)
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG")
    return buffer.getvalue()


def choose(page: Page, photo: bytes, kind: str = "image/jpeg") -> None:
    page.click("#portrait-button")
    page.set_input_files(
        "#photo-file", {"name": "me.jpg", "mimeType": kind, "buffer": photo}
    )


def test_an_uploaded_photo_speaks_and_can_be_deleted(
    browser: Browser, server: Server
) -> None:
    page = open_page(browser, server.url)
    wait_live(page)
    first = page.get_attribute("#poster", "src")
    choose(page, photo_of_a_face())
    expect(page.locator("#progress")).to_be_visible()
    expect(page.locator("#portrait-dialog")).not_to_be_visible(timeout=20_000)
    wait_live(page)
    assert page.get_attribute("#poster", "src") != first
    say(page, "It is me.")
    wait_speaking(page, True)

    page.reload()
    wait_live(page)
    assert page.get_attribute("#poster", "src") != first, "remembered"
    page.click("#portrait-button")
    page.click("#delete-portrait")
    expect(page.locator("#poster")).to_have_attribute("src", str(first))
    wait_live(page)
    with urllib.request.urlopen(f"{server.url}/v1/identities", timeout=10) as answer:
        kept = json.load(answer)["identities"]
    assert [each["identity_id"] for each in kept] == ["default"]
    page.context.close()


def test_a_photo_without_a_face_gets_a_plain_answer(page: Page) -> None:
    choose(page, photo_of_nobody())
    problem = page.locator("#portrait-problem")
    expect(problem).to_contain_text(re.compile("face", re.IGNORECASE), timeout=20_000)
    expect(page.locator("#choices")).to_be_visible()
    page.keyboard.press("Escape")


def test_a_file_that_is_no_picture_gets_a_plain_answer(page: Page) -> None:
    choose(page, b"not a picture at all", "image/png")
    problem = page.locator("#portrait-problem")
    expect(problem).not_to_be_empty(timeout=20_000)
    assert "{" not in problem.inner_text()
    page.keyboard.press("Escape")


def tab_to(page: Page, element_id: str) -> None:
    for _ in range(30):
        if page.evaluate("document.activeElement?.id") == element_id:
            return
        page.keyboard.press("Tab")
    pytest.fail(f"Tab does not reach {element_id}")


def test_the_keyboard_is_enough(page: Page) -> None:
    page.evaluate("document.activeElement?.blur()")
    tab_to(page, "voice-button")
    page.keyboard.press("Enter")
    expect(page.locator("#voice-search")).to_be_focused()
    page.keyboard.type("french")
    page.keyboard.press("Enter")
    expect(page.locator("#voice-dialog")).not_to_be_visible()
    expect(page.locator("#voice-name")).to_contain_text("French")

    tab_to(page, "text")
    page.keyboard.type("Bonjour,")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("nous parlons encore un moment, et puis encore un moment.")
    assert "\n" in page.input_value("#text")
    page.keyboard.press("Enter")
    assert page.input_value("#text") == ""
    wait_speaking(page, True)
    page.keyboard.press("Escape")
    wait_speaking(page, False)


def test_focus_can_be_seen(page: Page) -> None:
    page.evaluate("document.activeElement?.blur()")
    for element_id in ("voice-button", "portrait-button", "mute-button"):
        tab_to(page, element_id)
        width = page.evaluate(
            "parseFloat(getComputedStyle(document.activeElement).outlineWidth)"
        )
        assert width >= 2, element_id


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_a_phone_has_room_for_everything(
    browser: Browser, server: Server, scheme: Any
) -> None:
    page = open_page(
        browser,
        server.url,
        viewport={"width": 320, "height": 568},
        color_scheme=scheme,
        is_mobile=True,
        has_touch=True,
        locale="zh-CN" if scheme == "light" else "en-US",
    )
    wait_live(page)
    for opener in (None, "#voice-button", "#portrait-button"):
        if opener:
            page.click(opener)
        outside = page.evaluate(
            """() => [...document.querySelectorAll("button, textarea, input, label")]
              .filter((each) => each.checkVisibility() && !each.closest(".samples"))
              .filter((each) => !each.matches(".unseen"))
              .filter((each) => {
                const { left, right, top } = each.getBoundingClientRect();
                return left < 0 || right > innerWidth || top < 0;
              }).map((each) => each.id)"""
        )
        assert outside == []
        wide = "(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)"
        assert not page.evaluate(f"{wide}(document.documentElement)")
        if opener:
            page.keyboard.press("Escape")
    assert page.evaluate("document.documentElement.lang") == (
        "zh-CN" if scheme == "light" else "en"
    )
    page.context.close()


def test_nothing_is_asked_of_other_sites_and_no_rule_is_broken(
    browser: Browser, server: Server
) -> None:
    context = browser.new_context()
    page = context.new_page()
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.add_init_script(PROBE)
    page.goto(server.url)
    wait_live(page)
    say(page, "Hello.")
    wait_speaking(page, True)
    wait_speaking(page, False)
    assert len(asked) > 5
    assert [url for url in asked if not url.startswith(server.url)] == []
    assert complaints == []
    context.close()


def test_a_full_server_is_said_in_plain_words(browser: Browser, server: Server) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.add_init_script(PROBE)
    refused = {"code": "server_full", "message": "All sessions are in use."}

    def refuse(route: Route) -> None:
        route.fulfill(status=503, json=refused, headers={"retry-after": "1"})

    page.route("**/v1/sessions", refuse)
    page.goto(server.url)
    expect(page.locator("#status-text")).to_contain_text("places are taken")
    page.unroute("**/v1/sessions")
    wait_live(page)
    context.close()


def test_without_leave_to_play_sound_it_begins_muted(
    browser: Browser, server: Server
) -> None:
    page = browser.new_context().new_page()
    page.add_init_script(PROBE)
    page.add_init_script(REFUSE_SOUND)
    page.goto(server.url)
    wait_live(page)
    expect(page.locator("#hear")).to_be_visible()
    assert page.evaluate("document.getElementById('video').muted")
    page.click("#hear")
    expect(page.locator("#hear")).not_to_be_visible()
    assert not page.evaluate("document.getElementById('video').muted")
    page.context.close()


def test_it_comes_back_after_the_server_was_killed(page: Page, server: Server) -> None:
    server.kill()
    server.start()
    page.wait_for_selector("body:not([data-phase=live])", timeout=15_000)
    page.wait_for_selector("body[data-phase=live]", timeout=20_000)
    wait_live(page)
    say(page, "Here I am again.")
    wait_speaking(page, True)
