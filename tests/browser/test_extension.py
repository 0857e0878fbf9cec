"""The video call: the extension in a real Chromium, on a site of meetings."""

import re
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import faults
from tests.browser.extension import (
    LOCAL,
    MEETING,
    SQUARE,
    Extended,
    chromium_with_extension,
    join,
    our_ids,
    session_count,
    wait_picture,
)
from tests.browser.server_process import Server
from tests.browser.static_site import static_site
from tests.browser.visitor import wait_until

LOUD = 0.02


@pytest.fixture(scope="module")
def meeting_url() -> Iterator[str]:
    with static_site(MEETING.parent) as url:
        yield f"{url}/{MEETING.name}"


@pytest.fixture(scope="module")
def extended(server: Server) -> Iterator[Extended]:
    with chromium_with_extension() as extended:
        yield extended


@pytest.fixture
def meeting(extended: Extended, server: Server, meeting_url: str) -> Iterator[Page]:
    """A page of the site, not in any meeting yet."""
    extended.set(
        on=True,
        byDefault=False,
        puppet=False,
        server=server.url,
        sites=LOCAL,
    )
    page = extended.meeting(meeting_url)
    yield page
    page.close()


def test_a_meeting_gets_the_portrait_and_what_the_popup_says(
    extended: Extended, meeting: Page, server: Server
) -> None:
    tracks = join(meeting)
    assert [(each["kind"], each["label"], each["state"]) for each in tracks] == [
        ("audio", "Likeness", "live"),
        ("video", "Likeness", "live"),
    ]
    extended.wait_phase("live")
    wait_picture(meeting, server)
    before = meeting.evaluate("meeting.framesDecoded()")
    meeting.wait_for_timeout(4_000)
    rate_hz = (meeting.evaluate("meeting.framesDecoded()") - before) / 4
    assert rate_hz > 5, (
        "a busy machine draws silent portraits 6 times a second, at least"
    )

    meeting.evaluate("meeting.listen()")
    popup = extended.popup()
    expect(popup.locator("#status")).to_have_attribute("data-state", "live")
    popup.fill("#text", "Good morning, everybody.")
    popup.press("#text", "Enter")
    loudest = "Math.max(0, ...meeting.levels.other.map(([, level]) => level))"
    wait_until(meeting, lambda: meeting.evaluate(loudest) > LOUD)
    expect(popup.locator("#status-hint")).to_have_text("Speaking.")
    popup.click("#interrupt")
    expect(popup.locator("#status-hint")).to_have_text("With its voice.")
    popup.close()

    meeting.evaluate("meeting.leave()")
    wait_until(meeting, lambda: session_count(server.url) == 0, 30_000)
    assert not extended.calls(), "the session is given back with the last track"


def test_the_site_can_change_to_its_own_devices_and_back(
    extended: Extended, meeting: Page, server: Server
) -> None:
    join(meeting)
    wait_picture(meeting, server)
    real = next(
        each
        for each in meeting.evaluate("meeting.devices()")
        if each["kind"] == "videoinput" and each["label"] != "Likeness"
    )
    change = "(c) => meeting.change(c)"
    tracks = meeting.evaluate(
        change, {"video": {"deviceId": {"exact": real["deviceId"]}}}
    )
    assert tracks[1]["label"] == real["label"]
    wait_picture(meeting, server, shown=False)
    ours = our_ids(meeting)["videoinput"]
    meeting.evaluate(change, {"video": {"deviceId": {"exact": ours}, **SQUARE}})
    wait_picture(meeting, server)
    meeting.evaluate("meeting.leave()")


def test_devices_are_listed_with_the_site_s_own(meeting: Page) -> None:
    devices = meeting.evaluate("meeting.devices()")
    for kind in ("audioinput", "videoinput"):
        labels = [each["label"] for each in devices if each["kind"] == kind]
        assert labels.count("Likeness") == 1 and len(labels) > 1
    ours = [each for each in devices if each["label"] == "Likeness"]
    assert len({each["groupId"] for each in ours}) == 1
    assert devices == meeting.evaluate("meeting.devices()"), "the ids stay"
    kinds = meeting.evaluate(
        """async () => (await navigator.mediaDevices.enumerateDevices())
          .every((each) => each instanceof MediaDeviceInfo && each.toJSON().kind)"""
    )
    assert kinds


def test_one_stream_may_hold_our_camera_and_a_real_microphone(meeting: Page) -> None:
    camera = our_ids(meeting)["videoinput"]
    tracks = meeting.evaluate(
        "(c) => meeting.join(c)",
        {"video": {"deviceId": camera, **SQUARE}, "audio": True},
    )
    labels = {each["kind"]: each["label"] for each in tracks}
    assert labels["video"] == "Likeness" and "Fake" in str(labels["audio"])
    meeting.evaluate("meeting.leave()")


def test_tracks_behave_as_a_device_s_do(extended: Extended, meeting: Page) -> None:
    camera = our_ids(meeting)["videoinput"]
    found = meeting.evaluate(
        """async (deviceId) => {
          const video = { deviceId: { exact: deviceId }, width: 320, height: 240 };
          const stream = await navigator.mediaDevices.getUserMedia({ video });
          const [track] = stream.getVideoTracks();
          const first = track.getSettings();
          await track.applyConstraints({ width: 160, height: 120 });
          const clone = stream.clone().getVideoTracks()[0].clone();
          track.stop();
          const shown = document.getElementById("self");
          shown.srcObject = new MediaStream([clone]);
          await shown.play();
          await new Promise((resolve) => shown.requestVideoFrameCallback(resolve));
          globalThis.held = [stream, clone];
          return {
            isTrack: Object.getPrototypeOf(track) === MediaStreamTrack.prototype,
            first, states: [track.readyState, clone.readyState], label: clone.label,
            settings: clone.getSettings(), able: clone.getCapabilities(),
            size: [shown.videoWidth, shown.videoHeight],
          };
        }""",
        camera,
    )
    assert found["isTrack"] and found["label"] == "Likeness"
    assert found["first"] | {"width": 320, "height": 240} == found["first"]
    assert found["states"] == ["ended", "live"]
    assert found["settings"] | {"deviceId": camera, "width": 160} == found["settings"]
    assert found["able"]["width"]["max"] >= 1280
    assert found["size"] == [160, 120]
    meeting.wait_for_timeout(4_000)  # longer than a session lingers
    assert extended.calls(), "held, as long as one clone lives"


@pytest.mark.parametrize(
    ("video", "error"),
    [
        ({"width": {"exact": 4000}}, ("OverconstrainedError", "width")),
        ({"frameRate": {"min": 60}}, ("OverconstrainedError", "frameRate")),
        ({"width": {"min": 320}, "height": {"max": 480}}, None),
        ({"advanced": [{"width": 9999}]}, None),
    ],
)
def test_constraints_are_met_or_refused(
    meeting: Page, video: dict[str, object], error: tuple[str, str] | None
) -> None:
    camera = our_ids(meeting)["videoinput"]
    asked = {"video": {"deviceId": {"exact": camera}, **video}}
    found = meeting.evaluate("(c) => meeting.error(c)", asked)
    assert (found and (found["name"], found["constraint"])) == error


def test_who_names_no_device_gets_a_real_one_unless_told_otherwise(
    extended: Extended, meeting: Page
) -> None:
    legacy = """() => new Promise((resolve, reject) =>
      navigator.webkitGetUserMedia({ video: true }, resolve, reject))
      .then((stream) => stream.getTracks()[0].label)"""
    plain = """(c) => navigator.mediaDevices.getUserMedia(c)
      .then((stream) => stream.getTracks().map(({ label }) => label))"""
    both = {"video": True, "audio": True}
    assert "Likeness" not in meeting.evaluate(plain, both)
    assert meeting.evaluate(legacy) != "Likeness"
    extended.set(byDefault=True)
    wait_until(meeting, lambda: meeting.evaluate(plain, both) == ["Likeness"] * 2)
    assert meeting.evaluate(legacy) == "Likeness"
    first = meeting.evaluate("meeting.devices()")[0]
    assert first["label"] == "Likeness"
    real = [
        each["deviceId"]
        for each in meeting.evaluate("meeting.devices()")
        if each["kind"] == "videoinput" and each["label"] != "Likeness"
    ]
    assert "Likeness" not in meeting.evaluate(plain, {"video": {"deviceId": real[0]}})


def test_screens_are_captured_as_before(extended: Extended, meeting: Page) -> None:
    extended.set(byDefault=True)
    untouched = meeting.evaluate("String(navigator.mediaDevices.getDisplayMedia)")
    assert "getDisplayMedia() { [native code] }" in untouched
    mandatory = {"chromeMediaSource": "desktop", "chromeMediaSourceId": "none"}
    labels = """(c) => navigator.mediaDevices.getUserMedia(c)
      .then((stream) => stream.getTracks()[0].label, ({ name }) => name)"""
    found = meeting.evaluate(labels, {"video": {"mandatory": mandatory}})
    assert found != "Likeness"


def test_iframes_have_it_too(meeting: Page) -> None:
    labels = meeting.evaluate(
        """async () => {
          const frame = document.createElement("iframe");
          frame.src = location.href;
          frame.allow = "camera; microphone";
          document.body.append(frame);
          await new Promise((resolve) => (frame.onload = resolve));
          return (await frame.contentWindow.navigator.mediaDevices.enumerateDevices())
            .map(({ label }) => label);
        }"""
    )
    assert labels.count("Likeness") == 2


def test_switched_off_the_browser_s_own_functions_are_back(
    extended: Extended, meeting: Page, meeting_url: str
) -> None:
    now = "meeting.early === navigator.mediaDevices.getUserMedia"
    # A function that was replaced by a Proxy has lost its name in this.
    native = "/^function \\w+/.test(String(navigator.mediaDevices.getUserMedia))"
    assert meeting.evaluate(now) and not meeting.evaluate(native), (
        "ours, from the start"
    )
    extended.set(on=False)
    wait_until(meeting, lambda: meeting.evaluate(native))
    assert "Likeness" not in str(meeting.evaluate("meeting.devices()"))
    later = extended.meeting(meeting_url)
    assert later.evaluate(now) and later.evaluate(native), "not one line of ours"
    extended.set(on=True)
    wait_until(later, lambda: not later.evaluate(native))
    assert "Likeness" in str(later.evaluate("meeting.devices()"))
    later.close()


def test_switched_off_in_a_call_it_ends_as_an_unplugged_camera_does(
    extended: Extended, meeting: Page, server: Server
) -> None:
    join(meeting)
    extended.wait_phase("live")
    meeting.evaluate(
        """() => {
          meeting.ended = [];
          for (const track of meeting.stream.getTracks()) {
            track.onended = () => meeting.ended.push(track.kind);
          }
        }"""
    )
    extended.set(on=False)
    wait_until(meeting, lambda: len(meeting.evaluate("meeting.ended")) == 2)
    wait_until(meeting, lambda: session_count(server.url) == 0, 30_000)


def test_the_popup_is_for_everybody(extended: Extended, meeting: Page) -> None:
    popup = extended.popup()
    expect(popup.locator("#status")).to_have_attribute("data-state", "ready")
    for scheme in ("light", "dark"):
        popup.emulate_media(color_scheme=scheme)
        for details in popup.locator("details").all():
            details.evaluate("(each) => (each.open = true)")
        assert faults(popup) == []
    popup.close()


def test_other_sites_are_left_alone(
    extended: Extended, meeting: Page, meeting_url: str
) -> None:
    extended.set(sites=[])
    page = extended.meeting(meeting_url)
    assert "Likeness" not in str(page.evaluate("meeting.devices()"))
    page.close()


def test_a_site_cannot_reach_the_key(
    extended: Extended, meeting: Page, server: Server
) -> None:
    """Not by messages, nor by storage, nor by what a frame of ours may read."""
    extended.set(key="")
    assert meeting.evaluate(
        "typeof chrome === 'undefined' || !chrome.runtime?.sendMessage"
    )
    globals_ = meeting.evaluate(
        "Object.getOwnPropertyNames(window).filter((n) => /likeness|hub/i.test(n))"
    )
    assert globals_ == []
    with pytest.raises(Exception, match="Failed|ERR"):
        url = extended.worker.url.replace("service_worker.js", "page.js")
        meeting.evaluate("(url) => fetch(url)", url)
    np.testing.assert_equal(extended.calls(), [])


def test_the_popup_speaks_chinese_too(extended: Extended, meeting: Page) -> None:
    popup = extended.popup("zh-TW")
    assert popup.evaluate("document.documentElement.lang") == "zh-CN"
    expect(popup.locator("#status-text")).to_have_text("准备好了")
    expect(popup.locator("#text")).to_have_attribute(
        "placeholder", re.compile("[\u4e00-\u9fff]")
    )
    for details in popup.locator("details").all():
        details.evaluate("(details) => (details.open = true)")
    shown = popup.locator("body").inner_text()
    portrait = popup.locator(".portrait").first.inner_text()
    left = re.findall("[A-Za-z]+", shown.replace(portrait, ""))
    assert set(left) <= {"Likeness", "Meet", "Teams", "Zoom", "Jitsi"}
    popup.close()
