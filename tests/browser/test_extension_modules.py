"""Parts of the extension by themselves, in a page that has nothing else."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

OURS = "ours"
GROUP = "group"


@pytest.fixture(scope="module")
def blank(browser: Browser, files_url: str) -> Iterator[Page]:
    page = browser.new_page()
    page.goto(f"{files_url}/favicon.svg")
    yield page
    page.close()


def run(page: Page, module: str, body: str, given: object = None) -> Any:
    """What a function body makes of a module `m` and of `given`."""
    url = f"{page.url.rsplit('/', 1)[0]}/extension/{module}"
    script = f"async ([url, given]) => {{ const m = await import(url); {body} }}"
    return page.evaluate(script, [url, given])


@pytest.mark.parametrize(
    ("constraints", "named"),
    [
        (None, "absent"),
        (False, "absent"),
        (True, "open"),
        ({}, "open"),
        ({"deviceId": ""}, "open"),
        ({"deviceId": "default"}, "open"),
        ({"deviceId": OURS}, "likeness"),
        ({"deviceId": [OURS, "x"]}, "likeness"),
        ({"deviceId": {"exact": OURS}}, "likeness"),
        ({"deviceId": {"ideal": ["x", OURS]}}, "likeness"),
        ({"groupId": GROUP}, "likeness"),
        ({"advanced": [{"deviceId": OURS}]}, "likeness"),
        ({"mandatory": {"sourceId": OURS}}, "likeness"),
        ({"optional": [{"sourceId": OURS}]}, "likeness"),
        ({"deviceId": "x"}, "other"),
        ({"deviceId": {"exact": ["x", "y"]}}, "other"),
        ({"facingMode": {"exact": "environment"}}, "other"),
        ({"facingMode": "user"}, "open"),
        ({"mandatory": {"chromeMediaSource": "desktop"}}, "other"),
        ({"mandatory": {"chromeMediaSource": "tab", "sourceId": OURS}}, "other"),
        ({"mediaSource": "screen", "deviceId": OURS}, "other"),
    ],
)
def test_which_device_a_request_names(
    blank: Page, constraints: object, named: str
) -> None:
    body = f"""
      const swap = (value) => JSON.parse(JSON.stringify(value ?? null)
        .replaceAll('"{OURS}"', JSON.stringify(m.CAMERA_ID))
        .replaceAll('"{GROUP}"', JSON.stringify(m.GROUP_ID)));
      return m.naming(swap(given), m.CAMERA_ID);"""
    assert run(blank, "page/named_device.js", body, constraints) == named


@pytest.mark.parametrize(
    ("asked", "size"),
    [
        (True, (640, 480)),
        ({"width": 1280}, (1280, 720)),
        ({"height": 720}, (1280, 720)),
        ({"width": 320}, (320, 240)),
        ({"width": 1920, "height": 1080}, (1280, 720)),
        ({"width": {"ideal": 1280, "max": 640}, "height": {"max": 360}}, (640, 360)),
        ({"aspectRatio": 1}, (640, 640)),
        ({"width": {"min": 800}}, (800, 600)),
        ({"mandatory": {"maxWidth": 320, "maxHeight": 180}}, (320, 180)),
        ({"width": 333, "height": 333}, (334, 334)),
    ],
)
def test_the_size_of_picture(blank: Page, asked: object, size: tuple[int, int]) -> None:
    found = run(blank, "page/picture_size.js", "return m.pictureSize(given);", asked)
    assert (found["width"], found["height"]) == size


@pytest.mark.parametrize("shift", [0, 7, 31])
def test_a_delay_is_found_among_noise(blank: Page, shift: int) -> None:
    chance = np.random.default_rng(shift)
    said = np.repeat(chance.random(60) > 0.5, 10) * 0.2 + 0.001
    heard = 0.4 * np.roll(said, shift) + 0.004 * chance.random(len(said))
    given = [said.tolist(), heard.tolist()]
    body = "return m.bestShift(...given);"
    assert run(blank, "frame/delay_meter.js", body, given) == 10 * shift


@pytest.mark.parametrize("case", ["silence", "other speech"])
def test_no_delay_is_told_where_none_can_be_heard(blank: Page, case: str) -> None:
    chance = np.random.default_rng(1)
    said, heard = (np.repeat(chance.random(60) > 0.5, 10) * 0.2 for _ in range(2))
    if case == "silence":
        said = 0 * said
    given = [said.tolist(), heard.tolist()]
    assert (
        run(blank, "frame/delay_meter.js", "return m.bestShift(...given);", given)
        is None
    )


def test_pictures_wait_for_their_sound_in_order(blank: Page) -> None:
    shown, held, closed = run(
        blank,
        "frame/in_step.js",
        """
        const shown = [];
        const open = new Set();
        const frame = (n) => (open.add(n), { n, close: () => open.delete(n) });
        let now = 0;
        const step = new m.InStep(({ n }) => shown.push([n, now]));
        step.push(frame(0), now); // nothing is known yet: at once
        for (const lead of [100, null, 100, 900]) step.setLead(lead);
        for (let n = 1; n < 4; n++) step.push(frame(n), (now = 40 * n));
        for (now = 130; now <= 200; now += 10) step.tick(now);
        const before = [...shown];
        step.setLead(5000);
        for (let n = 4; n < 40; n++) step.push(frame(n), 200);
        const held = open.size;
        step.close();
        return [before, held, open.size];""",
    )
    assert shown == [[0, 0], [1, 140], [2, 180]]
    assert held <= 10, "a decoder lends no more"
    assert closed == 0, "nothing is kept"


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://meet.google.com", True),
        ("http://meet.google.com", False),
        ("https://meet.google.com.evil.example", False),
        ("https://evilmeet.google.com", False),
        ("https://us05web.zoom.us", True),
        ("https://zoom.us", True),
        ("https://notzoom.us", False),
        ("https://jitsi.example:8443", True),
        ("null", False),
        ("", False),
    ],
)
def test_who_may_ask(blank: Page, origin: str, allowed: bool) -> None:
    body = "return m.isMeeting(given, { sites: ['https://jitsi.example/*'] });"
    assert run(blank, "background/sites.js", body, origin) is allowed


@pytest.mark.parametrize(
    "message",
    [
        None,
        "open",
        {"type": "settings", "key": 1},
        {"type": "key"},
        {"type": "offer"},
        {"type": "offer", "sdp": {"toString": "x"}},
        {"type": "offer", "sdp": "v" * 70_000},
        {"type": "report", "report": {"phase": "<b>", "delayMs": "1", "camera": 1}},
        {"type": "report"},
    ],
)
def test_what_a_frame_says_is_not_believed(blank: Page, message: object) -> None:
    body = "return m.readMessage(given);"
    found = run(blank, "background/messages.js", body, message)
    if isinstance(message, dict) and message["type"] == "settings":
        assert found == {"type": "settings"}
    elif isinstance(message, dict) and message["type"] == "report":
        assert found["report"]["phase"] == "closed"
        assert found["report"]["delayMs"] is None and not found["report"]["camera"]
    else:
        assert found is None
