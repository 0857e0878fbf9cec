"""The client alone, on somebody else's site, against a server that asks for a key."""

import json
import re
import signal
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Response

from tests.browser.conftest import chromium
from tests.browser.guest import Guest
from tests.browser.server_process import ROOT, Server
from tests.browser.site import Refusal, Site

KEY = "k" * 32
TOKEN_TTL_S = 6
LONG = " ".join(f"This is sentence number {n}." for n in range(1, 12))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """With the autoplay policy that visitors have, and the page cache."""
    with chromium(
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        without=("--disable-back-forward-cache",),
    ) as browser:
        yield browser


@pytest.fixture(scope="module")
def own_site() -> Iterator[Site]:
    site = Site(KEY)
    site.start()
    yield site
    site.stop()


@pytest.fixture(scope="module")
def keyed(own_site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    keys = {"shop": {"key": KEY, "origins": [own_site.url]}}
    server = Server(
        tmp_path_factory.mktemp("keyed"),
        LIKENESS_API_KEYS=json.dumps(keys),
        LIKENESS_TOKEN_TTL_S=str(TOKEN_TTL_S),
    )
    own_site.server_url = server.url
    server.start()
    yield server
    server.stop()


@pytest.fixture
def site(own_site: Site, keyed: Server) -> Iterator[Site]:
    own_site.minted.clear()
    yield own_site
    own_site.refusals.clear()
    end_s = time.monotonic() + 20
    while sessions(keyed):
        assert time.monotonic() < end_s, "sessions outlive their pages"
        time.sleep(0.1)


Open = Callable[..., Guest]


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[Open]:
    """Open the site's page, with options of Likeness; it is closed in the end."""
    guests: list[Guest] = []

    def open_page(**options: Any) -> Guest:
        guests.append(Guest(browser, site, **options))
        return guests[-1]

    yield open_page
    for guest in guests:
        guest.close()


def sessions(server: Server) -> list[dict[str, Any]]:
    request = urllib.request.Request(
        f"{server.url}/v1/sessions", headers={"Authorization": f"Bearer {KEY}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        found: list[dict[str, Any]] = json.load(answer)["sessions"]
    return found


def test_the_example_of_the_readme_works_on_a_strangers_site(
    browser: Browser, site: Site, keyed: Server
) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    example = re.search(r"^```html\n(.*?)^```", readme, re.M | re.S)
    assert example
    assert len(example[1].splitlines()) <= 15
    site.pages["/example.html"] = example[1].replace(
        "https://likeness.example", keyed.url
    )
    page = browser.new_context().new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{site.url}/example.html")
    page.wait_for_timeout(3_000)  # looking into the page would be a gesture
    page.wait_for_selector("#hear:not([hidden])", timeout=30_000)
    page.click("#hear")
    page.wait_for_selector("#hear", state="hidden")
    page.fill("input", "What can it be used for?")
    page.keyboard.press("Enter")
    end_s = time.monotonic() + 20
    while [each["state"] for each in sessions(keyed)] != ["speaking"]:
        assert time.monotonic() < end_s, "it does not answer"
        time.sleep(0.1)
    assert page.evaluate("document.querySelector('video').videoWidth") > 0
    assert not page.evaluate("document.querySelector('video').muted")
    assert errors == []
    page.close()
    page.context.close()


def test_sound_waits_for_a_gesture_and_the_picture_does_not(
    visit: Open, site: Site
) -> None:
    guest = visit()
    guest.wait_live()
    guest.until(lambda: guest.all("sound"))
    assert guest.all("sound") == [{"muted": True, "blocked": True}]
    guest.page.mouse.click(30, 18)  # "tap to hear"; a selector would be a gesture
    guest.until(lambda: len(guest.all("sound")) > 1)
    assert guest.all("sound")[1:] == [{"muted": False, "blocked": False}]
    assert guest.do("[video.muted, video.paused]") == [False, False]
    guest.until(lambda: guest.do("video.currentTime > 0 && video.videoWidth > 0"))
    guest.do("likeness.mute()")
    assert guest.do("[video.muted, likeness.sound.blocked]") == [True, False]


def test_what_is_said_before_the_connection_is_said_after_it(
    visit: Open, site: Site
) -> None:
    guest = visit(connect=False)
    guest.until(lambda: guest.all("ready"))
    asked = guest.do("likeness.speak('Hello there.')")
    guest.do("open(); open();")
    guest.until(lambda: guest.events("avatar.speech_ended"))
    (started,) = guest.events("avatar.speech_started")
    assert started["source_event_id"] == asked
    assert guest.all("own type") == ["Hello there."]
    assert guest.all("connected") == site.minted * 2, "one session for both calls"
    assert len(site.minted) == 1
    assert guest.all("phase") == ["connecting", "live"]
    assert guest.all("stream") == [2]
    assert guest.complaints == []


def test_quality_is_measured(visit: Open, site: Site) -> None:
    guest = visit()
    guest.until(lambda: len(guest.all("quality")) > 5)
    quality = guest.all("quality")[-1]
    assert quality["fps"] > 5
    assert 30 < quality["bitrateKbps"] < 5_000
    assert 0 <= quality["roundTripMs"] < 1_000
    assert quality["candidateType"] in ("host", "prflx", "srflx")
    assert (quality["relayed"], quality["protocol"]) == (False, "udp")
    assert quality["width"] == quality["height"] in range(200, 513)
    assert quality["loss"] < 0.5 and quality["jitterMs"] < 1_000
    assert quality["grade"] in ("good", "fair", "poor")


def test_a_picture_that_stands_still_is_told_and_then_fetched_anew(
    visit: Open, keyed: Server
) -> None:
    guest = visit()
    guest.until(lambda: guest.all("quality"))
    keyed.signal(signal.SIGSTOP)
    try:
        guest.until(lambda: guest.all("quality")[-1]["grade"] == "poor")
        guest.until(lambda: guest.all("phase")[2:] == ["reconnecting"])
    finally:
        keyed.signal(signal.SIGCONT)
    guest.wait_live()
    told = len(guest.all("quality"))
    guest.until(lambda: len(guest.all("quality")) > told)
    assert guest.complaints == []


def test_a_portrait_that_nobody_looks_at_gives_its_place_back(
    visit: Open, keyed: Server
) -> None:
    guest = visit(connect=False)
    guest.until(lambda: guest.all("ready"))
    guest.page.clock.install()
    guest.do("open()")
    guest.wait_live()
    guest.do("likeness.setVisible(false)")
    guest.page.clock.fast_forward(9 * 60_000)
    guest.page.wait_for_timeout(1_500)
    assert len(sessions(keyed)) == 1
    guest.page.clock.fast_forward(2 * 60_000)
    guest.until(lambda: sessions(keyed) == [])
    guest.page.clock.fast_forward(60 * 60_000)
    guest.page.wait_for_timeout(500)
    assert guest.all("phase")[-1] == "reconnecting"
    guest.do("likeness.setVisible(true)")
    guest.wait_live()


def test_a_lost_connection_resumes_the_session_and_its_speech(
    visit: Open, site: Site
) -> None:
    guest = visit()
    guest.wait_live()
    asked = guest.do("(text) => likeness.speak(text)", LONG)
    guest.until(lambda: guest.events("avatar.speech_started"))
    guest.do("channels.at(-1).close()")
    guest.until(lambda: guest.all("phase")[2:] == ["reconnecting", "live"])
    said = len(guest.events("avatar.caption"))
    guest.until(lambda: len(guest.events("avatar.caption")) > said)
    guest.do("channels.at(-1).close(); likeness.interrupt()")  # before it is noticed
    guest.until(lambda: guest.events("avatar.speech_interrupted"))
    (cut,) = guest.events("avatar.speech_interrupted")
    assert cut["source_event_id"] == asked
    assert len(site.minted) == 1
    assert guest.all("stream") == [2, 2, 2]


def test_an_expired_token_is_renewed_by_a_fresh_grant(visit: Open, site: Site) -> None:
    guest = visit()
    guest.wait_live()
    guest.page.wait_for_timeout(1000 * TOKEN_TTL_S + 1_000)
    guest.do("channels.at(-1).close()")
    guest.until(lambda: guest.all("phase")[2:] == ["reconnecting", "live"])
    assert len(site.minted) == 2
    assert guest.all("error") == []
    guest.do("likeness.speak('Again.')")
    guest.until(lambda: guest.events("avatar.speech_ended"))


def test_a_token_that_expired_in_use_is_renewed_on_the_channel(
    visit: Open, site: Site
) -> None:
    guest = visit()
    guest.wait_live()
    guest.until(lambda: guest.events("session.token"))  # the first keepalive, at 15 s
    assert guest.all("phase") == ["connecting", "live"]
    guest.do("channels.at(-1).close()")
    guest.until(lambda: guest.all("phase")[2:] == ["reconnecting", "live"])
    assert len(site.minted) == 1, "the same session, by its new token"


def test_it_comes_back_by_itself_after_the_server_was_killed(
    visit: Open, site: Site, keyed: Server
) -> None:
    guest = visit()
    guest.wait_live()
    keyed.kill()
    guest.until(lambda: guest.all("phase")[-1] == "reconnecting")
    guest.page.context.set_offline(True)
    guest.until(lambda: guest.all("phase")[-1] == "offline")
    keyed.start()
    guest.page.context.set_offline(False)
    guest.wait_live()
    assert guest.all("error") == [], "a blip is no error"
    assert len(site.minted) == 2
    guest.do("likeness.speak('Here I am again.')")
    guest.until(lambda: guest.events("avatar.speech_ended"))
    assert guest.complaints == []


def test_a_full_server_is_waited_for_as_long_as_it_asks(
    visit: Open, site: Site
) -> None:
    site.refusals.append(Refusal(503, "server_full", {"retry-after": "3"}))
    guest = visit()
    guest.until(lambda: "full" in guest.all("phase"))
    begin_s = time.monotonic()
    guest.wait_live()
    assert time.monotonic() - begin_s > 2.5
    assert guest.all("error") == []
    assert guest.all("connected") == site.minted


def test_a_refusal_for_good_is_told_and_ends_it(visit: Open, site: Site) -> None:
    site.refusals.append(Refusal(403, "signed_out"))
    guest = visit()
    guest.until(lambda: guest.all("refused"))
    (refused,) = guest.all("refused")
    assert (refused["name"], refused["code"]) == ("ApiError", "signed_out")
    assert refused["retryable"] is False
    assert guest.all("phase")[-1] == "closed"
    assert [each["code"] for each in guest.all("error")] == ["signed_out"]
    guest.do("open()")  # signed in meanwhile
    guest.wait_live()


def test_a_wrong_key_is_told(visit: Open, site: Site) -> None:
    guest = visit(key="wrong")
    guest.until(lambda: guest.all("refused"))
    assert guest.all("refused")[0]["code"] == "key_wrong"
    assert guest.complaints == []


def test_closing_while_it_connects_leaves_nothing_behind(
    visit: Open, site: Site, keyed: Server
) -> None:
    guest = visit(connect=False)
    guest.until(lambda: guest.all("ready"))
    guest.do("open(); setTimeout(() => likeness.close(), 30)")
    guest.until(lambda: guest.all("refused"))
    assert guest.all("refused")[0]["name"] == "AbortError"
    assert guest.all("phase") == ["connecting", "closed"]
    guest.until(lambda: site.minted and sessions(keyed) == [], 5_000)
    guest.do("open()")
    guest.wait_live()
    guest.do("likeness.close()")
    guest.until(lambda: sessions(keyed) == [], 5_000)
    left = "channels.filter(({ readyState }) => readyState !== 'closed').length"
    guest.until(lambda: guest.do(left) == 0)


def test_an_ended_session_is_over(visit: Open, site: Site, keyed: Server) -> None:
    guest = visit()
    guest.wait_live()
    delete(keyed, site.minted[0])
    guest.until(lambda: guest.all("phase")[-1] == "closed")
    assert guest.events("session.closed")[0]["reason"] == "deleted"
    assert len(site.minted) == 1


def delete(server: Server, session_id: str) -> None:
    request = urllib.request.Request(
        f"{server.url}/v1/sessions/{session_id}",
        headers={"Authorization": f"Bearer {KEY}"},
        method="DELETE",
    )
    urllib.request.urlopen(request, timeout=10).close()


def test_any_handler_may_close_it_or_begin_anew(
    visit: Open, site: Site, keyed: Server
) -> None:
    guest = visit(connect=False)
    guest.until(lambda: guest.all("ready"))
    guest.do(
        """() => {
          const once = { once: true };
          likeness.addEventListener("stream", () => likeness.close(), once);
          const again = () => likeness.connect({ language: "en-GB" });
          likeness.addEventListener("session.closed", again, once);
          open();
        }"""
    )
    guest.until(lambda: guest.all("refused"))
    assert guest.all("phase") == ["connecting", "closed"]
    guest.do("open()")
    guest.wait_live()
    delete(keyed, site.minted[-1])
    guest.until(lambda: len(guest.all("phase")) == 6)
    guest.wait_live()
    assert guest.all("phase")[2:] == ["connecting", "live"] * 2
    assert len(site.minted) == 3
    assert guest.complaints == []


def test_a_page_brought_back_from_the_cache_is_alive_again(
    visit: Open, site: Site, keyed: Server
) -> None:
    guest = visit()
    guest.wait_live()
    guest.page.goto(f"{site.url}/host.js")
    guest.until(lambda: sessions(keyed) == [], 5_000)
    guest.page.go_back(wait_until="commit")
    guest.until(lambda: len(guest.all("phase")) >= 4)
    guest.wait_live()
    assert guest.all("pageshow")[-1] is True, "it was not reloaded"
    assert len(site.minted) == 2


def test_a_microphone_that_goes_is_told_and_listening_stops(
    visit: Open, site: Site
) -> None:
    guest = visit()
    guest.wait_live()
    guest.do(
        """async () => {
          const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
          globalThis.track = stream.getAudioTracks()[0];
          await likeness.setMicrophone(track);
          likeness.startListening();
        }"""
    )
    guest.until(lambda: guest.events("session.hearing")[-1]["listening"])
    guest.do("track.dispatchEvent(new Event('ended'))")
    guest.until(lambda: not guest.events("session.hearing")[-1]["listening"])
    assert [each["code"] for each in guest.all("error")] == ["microphone_lost"]


def test_commands_that_the_network_does_not_take_wait_in_order(
    visit: Open, site: Site
) -> None:
    guest = visit()
    guest.wait_live()
    asked = guest.do(
        """() => {
          const channel = channels.at(-1);
          const full = { value: 1e9, configurable: true };
          Object.defineProperty(channel, "bufferedAmount", full);
          const asked = Array.from({ length: 17 }, (_, n) => likeness.speak(`${n}.`));
          delete channel.bufferedAmount;
          return asked;
        }"""
    )
    guest.until(lambda: guest.all("error"))
    assert [each["code"] for each in guest.all("error")] == ["queue_full"]
    guest.do("channels.at(-1).dispatchEvent(new Event('bufferedamountlow'))")
    guest.until(lambda: guest.events("avatar.speech_started"))
    assert guest.events("avatar.speech_started")[0]["source_event_id"] == asked[0]


def test_a_command_too_large_for_the_channel_goes_another_way(visit: Open) -> None:
    guest = visit()
    guest.wait_live()
    answers: list[int] = []

    def note(answer: Response) -> None:
        if "/commands" in answer.url:
            answers.append(answer.status)

    guest.page.on("response", note)
    asked = guest.do(
        """() => {
          const canvas = new OffscreenCanvas(400, 400);
          const context = canvas.getContext("2d");
          const noise = context.createImageData(400, 400);
          noise.data.forEach((_, n) => (noise.data[n] = 256 * Math.random()));
          context.putImageData(noise, 0, 0);
          return canvas.convertToBlob().then((blob) => new Promise((resolve) => {
            const reader = new FileReader();
            reader.onload = () => resolve([
              likeness.setManner({ background: reader.result }),
              likeness.send({ type: "avatar.speak_text", text: "x".repeat(300_000) }),
            ]);
            reader.readAsDataURL(blob);
          }));
        }"""
    )
    guest.until(lambda: 202 in answers and guest.all("error"))
    assert [each["code"] for each in guest.all("error")] == ["text_too_long"]
    assert guest.all("error")[0]["sourceEventId"] == asked[1]
    guest.do("channels.at(-1).close()")  # the background is told anew
    guest.until(lambda: guest.all("phase")[2:] == ["reconnecting", "live"])
    guest.until(lambda: answers.count(202) == 2)
    assert guest.complaints == []
