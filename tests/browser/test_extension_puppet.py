"""The visitor's own voice moves the portrait of a meeting: how late, how far in step.

Where the portrait is a flash instead (scripts/flash_server.py), the other side of the
meeting can tell to the frame when lips would move. `pytest -s` shows the figures.
"""

import re
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from models.media import PLAYOUT_RATE_HZ, FloatArray
from scripts.bench_puppet import PIECE_S, pieces
from scripts.live_process import LiveProcess, server
from tests.browser.extension import (
    LOCAL,
    MEETING,
    Extended,
    chromium_with_extension,
    join,
)
from tests.browser.static_site import static_site
from tests.browser.test_talk_aloud import write_wav
from tests.speech import silence

SECONDS = 20
LOUD = 0.02  # as the flash server has it
BRIDGED_S = 0.08  # of silence within a piece
FAR_S = 0.4  # an edge of the picture belongs to one of the sound that is nearer


def speech() -> FloatArray:
    """Pieces with pauses of many lengths, so that none fits another's place."""
    chance = np.random.default_rng(7)
    second, length = PLAYOUT_RATE_HZ, int(PIECE_S * PLAYOUT_RATE_HZ)
    said = pieces(3 * SECONDS)
    parts = []
    for start in range(0, len(said), second):
        parts.append(said[start : start + length])
        parts.append(silence(chance.uniform(0.25, 0.95), second))
    return np.concatenate(parts)


@pytest.fixture(scope="module")
def flashing() -> Iterator[LiveProcess]:
    with server("scripts.flash_server") as live:
        yield live


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Extended]:
    sound = write_wav(tmp_path_factory.mktemp("puppet") / "mic.wav", speech())
    flag = f"--use-file-for-fake-audio-capture={sound}"
    with chromium_with_extension(flag) as extended:
        yield extended


@pytest.fixture
def meeting(extended: Extended, flashing: LiveProcess) -> Iterator[Page]:
    with static_site(MEETING.parent) as url:
        extended.set(server=flashing.url, sites=LOCAL, puppet=True)
        page = extended.meeting(f"{url}/{MEETING.name}")
        yield page
        page.close()


def edges(times_s: FloatArray, on: FloatArray) -> list[tuple[float, bool]]:
    """When something begins (True) and ends."""
    changed = np.flatnonzero(on[1:] != on[:-1]) + 1
    return [(float(times_s[index]), bool(on[index])) for index in changed]


def sound_edges(levels: list[list[float]]) -> list[tuple[float, bool]]:
    times_ms, level = np.array(levels).T
    steps = int(BRIDGED_S * 100)
    loud = level > LOUD
    held = np.array(
        [loud[max(0, end - steps) : end + 1].any() for end in range(len(loud))]
    )
    return [
        (time_s - (0 if begins else BRIDGED_S), begins)
        for time_s, begins in edges(times_ms / 1000, held)
    ]


def skew_ms(levels: list[list[float]], light: list[list[float]]) -> float:
    """How much later the picture is than the sound.

    A whole frame is white if a part of it is loud, so that light is early by half a
    frame at the beginning of a piece and late by as much at its end: hence the mean.
    """
    times_ms, brightness = np.array(light).T
    seen = edges(times_ms / 1000, brightness > 128)
    late: dict[bool, list[float]] = {True: [], False: []}
    for heard_s, begins in sound_edges(levels):
        near = [
            seen_s - heard_s
            for seen_s, same in seen
            if same == begins and abs(seen_s - heard_s) < FAR_S
        ]
        if near:
            late[begins].append(min(near, key=abs))
    assert min(len(found) for found in late.values()) > SECONDS // 4
    return 1000 * float(np.mean([np.median(found) for found in late.values()]))


def lag_ms(early: list[list[float]], late: list[list[float]]) -> float:
    """How much later the same sound is heard in the second: where both fit best."""
    start = max(early[0][0], late[0][0])
    end = min(early[-1][0], late[-1][0])
    grid = np.arange(start, end, 5.0)
    first, second = (
        np.log10(np.maximum(np.interp(grid, *np.array(each).T), 0.003))
        for each in (early, late)
    )
    shifts = range(120)
    length = len(grid) - len(shifts)
    fits = [
        np.corrcoef(first[:length], second[shift : shift + length])[0, 1]
        for shift in shifts
    ]
    return 5.0 * int(np.argmax(fits))


def test_own_voice_comes_with_lips_and_not_much_later(
    extended: Extended, meeting: Page
) -> None:
    join(meeting)
    extended.wait_phase("live")
    popup = extended.popup()
    expect(popup.locator("#puppet-hint")).to_have_text(
        re.compile(r"Heard \d+ ms after you say it, \d+ ms of them the server’s"),
        timeout=40_000,
    )
    meeting.evaluate("meeting.listen('other')")
    meeting.evaluate("meeting.listen('self', meeting.stream)")
    meeting.evaluate("meeting.look('other')")
    meeting.wait_for_timeout(1_000 * SECONDS)
    levels = meeting.evaluate("meeting.levels")
    skew = skew_ms(levels["other"], meeting.evaluate("meeting.light.other"))
    onwards = lag_ms(levels["self"], levels["other"])
    report = extended.calls()[0]["report"]
    sys.stdout.write(
        f"\nmicrophone to the meeting's track {report['delayMs']} ms, "
        f"of them the server's {report['serverDelayMs']} ms; "
        f"through the meeting {onwards:.0f} ms; "
        f"microphone to the far side {report['delayMs'] + onwards:.0f} ms; "
        f"picture after sound at the far side {skew:.0f} ms\n"
    )
    assert report["serverDelayMs"] <= 250, "200 on a machine that is not busy"
    assert report["delayMs"] < 1_000
    assert abs(skew) < 150, "-60 to +40 on a machine that is not busy"
    popup.locator("#puppet").uncheck()
    extended.until(
        """async () => Object.values((await chrome.storage.session.get("calls")).calls)
          .some((call) => call.report?.phase === "live" && !call.report.speaking)"""
    )
    tracks = meeting.evaluate("meeting.tracks()")
    assert {each["state"] for each in tracks} == {"live"}, "the same tracks, typed now"
    popup.close()
