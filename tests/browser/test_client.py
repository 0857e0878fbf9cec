"""The client alone, on somebody else's site, against a server that asks for a key."""

import re
import time
from collections.abc import Callable

from playwright.sync_api import Browser, Response

from tests.browser.guest import SOON_MS, Guest, held
from tests.browser.server_process import ROOT, Server
from tests.browser.site import Site

Visit = Callable[..., Guest]


def test_the_example_of_the_readme_works_on_a_strangers_site(
    guest_browser: Browser, site: Site, keyed: Server
) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    example = re.search(r"^```html\n(.*?)^```", readme, re.M | re.S)
    assert example
    assert len(example[1].splitlines()) <= 15
    site.pages["/example.html"] = example[1].replace(
        "https://likeness.example", keyed.url
    )
    page = guest_browser.new_context().new_page()
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
    while [each["state"] for each in held(site)] != ["speaking"]:
        assert time.monotonic() < end_s, "it does not answer"
        time.sleep(0.1)
    assert page.evaluate("document.querySelector('video').videoWidth") > 0
    assert not page.evaluate("document.querySelector('video').muted")
    assert errors == []
    page.close()
    page.context.close()


def test_sound_waits_for_a_gesture_and_the_picture_does_not(
    visit: Visit, site: Site
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
    visit: Visit, site: Site
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


def test_quality_is_measured(visit: Visit, site: Site) -> None:
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


def test_closing_while_it_connects_leaves_nothing_behind(
    visit: Visit, site: Site, keyed: Server
) -> None:
    guest = visit(connect=False)
    guest.until(lambda: guest.all("ready"))
    guest.do("open(); setTimeout(() => likeness.close(), 30)")
    guest.until(lambda: guest.all("refused"))
    assert guest.all("refused")[0]["name"] == "AbortError"
    assert guest.all("phase") == ["connecting", "closed"]
    guest.until(lambda: site.minted and held(site) == [], SOON_MS)
    guest.do("open()")
    guest.wait_live()
    guest.do("likeness.close()")
    guest.until(lambda: held(site) == [], SOON_MS)
    left = "channels.filter(({ readyState }) => readyState !== 'closed').length"
    guest.until(lambda: guest.do(left) == 0)


def test_an_ended_session_is_over(visit: Visit, site: Site, keyed: Server) -> None:
    guest = visit()
    guest.wait_live()
    site.ask("DELETE", f"/v1/sessions/{site.minted[0]}")
    guest.until(lambda: guest.all("phase")[-1] == "closed")
    assert guest.events("session.closed")[0]["reason"] == "deleted"
    assert len(site.minted) == 1


def test_any_handler_may_close_it_or_begin_anew(
    visit: Visit, site: Site, keyed: Server
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
    site.ask("DELETE", f"/v1/sessions/{site.minted[-1]}")
    guest.until(lambda: len(guest.all("phase")) == 6)
    guest.wait_live()
    assert guest.all("phase")[2:] == ["connecting", "live"] * 2
    assert len(site.minted) == 3
    assert guest.complaints == []


def test_a_microphone_that_goes_is_told_and_listening_stops(
    visit: Visit, site: Site
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
    visit: Visit, site: Site
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


def test_a_command_too_large_for_the_channel_goes_another_way(visit: Visit) -> None:
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
