"""The extension when the server is away, goes away, or the tab is not in front."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from scripts.pack_extension import pack
from tests.browser.conftest import SOUND_AT_ONCE
from tests.browser.devtools import evaluate, plain_chromium, until
from tests.browser.extension import (
    FAKE_DEVICES,
    LOCAL,
    MEETING,
    Extended,
    chromium_with_extension,
    join,
    our_ids,
    wait_picture,
)
from tests.browser.server_process import Server, free_port
from tests.browser.static_site import static_site
from tests.browser.visitor import wait_until


@pytest.fixture(scope="module")
def meeting_url() -> Iterator[str]:
    with static_site(MEETING.parent) as url:
        yield f"{url}/{MEETING.name}"


@pytest.fixture(scope="module")
def extended() -> Iterator[Extended]:
    with chromium_with_extension() as extended:
        yield extended


def test_without_a_server_real_devices_work_and_the_popup_says_why(
    extended: Extended, meeting_url: str, server: Server
) -> None:
    extended.set(server=f"http://127.0.0.1:{free_port()}", sites=LOCAL)
    page = extended.meeting(meeting_url)
    tracks = page.evaluate("meeting.join({ video: true, audio: true })")
    assert "Likeness" not in {each["label"] for each in tracks}
    wait_until(page, lambda: page.evaluate("meeting.framesDecoded()") > 10)
    page.evaluate("meeting.leave()")
    popup = extended.popup()
    expect(popup.locator("#status")).to_have_attribute("data-state", "trouble")
    expect(popup.locator("#status-hint")).to_contain_text("No server answers")

    join(page)  # a still picture is a picture
    wait_until(page, lambda: page.evaluate("meeting.framesDecoded()") > 2, 30_000)
    expect(popup.locator("#status-hint")).to_contain_text("still picture")
    ids = [each["id"] for each in page.evaluate("meeting.tracks()")]

    popup.fill("#server", server.url)
    popup.click("#test")
    expect(popup.locator("#server-result")).to_contain_text("portrait", timeout=20_000)
    expect(popup.locator("#status")).to_have_attribute(
        "data-state", "live", timeout=30_000
    )
    wait_picture(page, server)
    after = page.evaluate("meeting.tracks()")
    assert [(each["id"], each["state"]) for each in after] == [
        (each, "live") for each in ids
    ]
    popup.close()
    page.close()


def test_the_track_outlives_the_server(
    extended: Extended, meeting_url: str, server: Server
) -> None:
    extended.set(server=server.url, sites=LOCAL)
    page = extended.meeting(meeting_url)
    join(page)
    wait_picture(page, server)
    before = page.evaluate("meeting.tracks()")
    server.kill()
    extended.wait_phase("reconnecting")
    shown = page.evaluate("meeting.framesDecoded()")
    wait_until(page, lambda: page.evaluate("meeting.framesDecoded()") > shown + 1)
    server.start()
    extended.wait_phase("live")
    wait_picture(page, server)
    assert page.evaluate("meeting.tracks()") == before
    assert {each["state"] for each in before} == {"live"}
    page.close()


def test_a_wrong_key_is_told(extended: Extended, tmp_path: Path) -> None:
    keyed = Server(tmp_path, LIKENESS_API_KEY="right")
    keyed.start()
    try:
        extended.set(server=keyed.url, key="")
        popup = extended.popup()
        expect(popup.locator("#status-hint")).to_contain_text("asks for a key")
        for key, told in (("wrong", "does not know this key"), ("right", "portrait")):
            popup.fill("#key", key)
            popup.click("#test")
            expect(popup.locator("#server-result")).to_contain_text(told)
        expect(popup.locator(".portrait img")).to_have_js_property("complete", True)
        popup.close()
    finally:
        keyed.stop()
        extended.set(key="")


def test_a_tab_in_the_background_goes_on(
    meeting_url: str, server: Server, tmp_path: Path
) -> None:
    pack(tmp_path / "extension")
    flags = (
        SOUND_AT_ONCE,
        *FAKE_DEVICES,
        f"--disable-extensions-except={tmp_path / 'extension'}",
        f"--load-extension={tmp_path / 'extension'}",
    )
    with plain_chromium(tmp_path / "profile", *flags) as browser:
        worker = browser.service_worker()
        until(worker, "typeof chrome === 'object'")
        settings = json.dumps({"server": server.url, "sites": LOCAL})
        evaluate(worker, f"chrome.storage.local.set({{ settings: {settings} }})")
        placed = "chrome.scripting.getRegisteredContentScripts()"
        until(worker, f"{placed}.then(([one]) => one.matches.includes('{LOCAL[0]}'))")
        page = browser.open(meeting_url)
        until(page, "document.readyState === 'complete' && meeting.devices()")
        evaluate(
            page,
            """meeting.devices().then((all) => all.find(({ kind, label }) =>
              kind === "videoinput" && label === "Likeness")).then(({ deviceId }) =>
              meeting.join({ video: { deviceId, width: 256, height: 256 } }))""",
        )
        until(page, "meeting.framesDecoded().then((count) => count > 20)")
        browser.open("about:blank")
        until(page, "document.visibilityState === 'hidden'")
        before = evaluate(page, "meeting.framesDecoded()")
        # A page's own timers beat once a second there, and animation frames not at all.
        rate = f"meeting.framesDecoded().then((count) => (count - {before}) / 4)"
        evaluate(page, "new Promise((resolve) => setTimeout(resolve, 4000))")
        assert evaluate(page, rate) > 5


def test_a_key_never_comes_near_a_site(
    extended: Extended, meeting_url: str, server: Server
) -> None:
    """What a frame of ours may read, should a site break into it."""
    extended.set(server=server.url, key="secret", sites=LOCAL)
    page = extended.meeting(meeting_url)
    assert our_ids(page)
    seen = extended.worker.evaluate(
        """async () => {
          const [tab] = await chrome.tabs.query({ url: "http://127.0.0.1/*" });
          const [{ result }] = await chrome.scripting.executeScript({
            target: { tabId: tab.id },
            world: "ISOLATED",
            func: async () => {
              const tries = [
                () => chrome.storage.local.get(null),
                () => chrome.storage.session.get(null),
                () => chrome.runtime.sendMessage({ type: "settings" }),
                () => chrome.runtime.sendMessage({ type: "offer", sdp: {} }),
                () => chrome.runtime.sendMessage({ type: "key" }),
              ];
              const read = (each) => each().catch((error) => String(error));
              return JSON.stringify(await Promise.all(tries.map(read)));
            },
          });
          return result;
        }"""
    )
    assert "secret" not in seen and "byDefault" in seen
    assert server.url not in seen
    extended.set(key="")
    page.close()
