"""A visitor who cuts in aloud: what they hear of the portrait, and when.

Chromium's microphone plays a file, so its clock is known once its first sound is heard;
all the others begin where the file has them.
"""

import math
import wave
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from models.media import PLAYOUT_RATE_HZ, FloatArray
from scripts.browser_viewer import ARGUMENTS, CHROMIUM

PROBE = Path(__file__).with_name("cutting_in.js")
SOFT = 0.3  # of the loudness before: who has given way
SILENT = 0.01  # -40 dBFS
HEARD = 0.01  # of a microphone
WINDOW_S = 1.5  # a cut that is not noticed by then is missed
FALL_S = 0.4  # from the turn to silence, at most
LONG_TEXT = (
    "The portrait speaks while somebody cuts in, and it goes on and on for a good "
    "while, one clause after another, without a pause that could be taken for an end. "
) * 3

HEADPHONES = """
    navigator.mediaDevices.enumerateDevices = async () => [
        { kind: "audiooutput", deviceId: "default", label: "Default - Headphones" }];
"""

Levels = Sequence[tuple[float, float]]  # time in s, RMS


@dataclass(frozen=True)
class Cut:
    """Seconds from the first sound of whoever cuts in; infinite if it never was.

    soft: the portrait is softer from then on. silent: it is silent. turn: it is told
    that somebody speaks.
    """

    soft_s: float
    silent_s: float
    turn_s: float


def cut_at(onset_s: float, portrait: Levels, turns: Sequence[float]) -> Cut | None:
    """turns: when somebody was told to speak. None: there was nothing to cut."""
    before = [level for at, level in portrait if onset_s - 1 < at <= onset_s]
    loud = float(np.percentile(before, 80)) if before else 0.0
    if loud < 2 * SILENT:
        return None
    turn = min((at - onset_s for at in turns if at > onset_s), default=math.inf)
    until_s = min(turn + FALL_S, WINDOW_S)  # later it may answer
    window = [(s - onset_s, v) for s, v in portrait if 0 < s - onset_s < until_s]
    return Cut(
        _last_above(SOFT * loud, window, until_s),
        _last_above(SILENT, window, until_s),
        turn if turn < WINDOW_S else math.inf,
    )


def _last_above(floor: float, window: Levels, until_s: float) -> float:
    louder = [at for at, level in window if level > floor]
    if louder and louder[-1] > until_s - 0.05:
        return math.inf
    return louder[-1] if louder else 0.0


def write_microphone(
    path: Path, parts: Sequence[FloatArray], gaps_s: Sequence[float]
) -> list[float]:
    """A WAV of spoken parts, each after a gap; returns when each begins, in s."""
    rows, begins, at = [], [], 0
    for gap_s, part in zip(gaps_s, parts, strict=True):
        gap = np.zeros(round(gap_s * PLAYOUT_RATE_HZ), np.float32)
        rows += [gap, part]
        begins.append((at + len(gap)) / PLAYOUT_RATE_HZ)
        at += len(gap) + len(part)
    rows.append(np.zeros(30 * PLAYOUT_RATE_HZ, np.float32))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(PLAYOUT_RATE_HZ)
        file.writeframes((np.concatenate(rows) * 32767).astype("<i2").tobytes())
    return begins


def speaking_arguments(microphone: Path) -> tuple[str, ...]:
    """Of a Chromium whose microphone plays a file, once, from when it is opened."""
    return (
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={microphone}%noloop",
    )


@contextmanager
def speaking_browser(microphone: Path) -> Iterator[Browser]:
    """Not within a running event loop."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[*ARGUMENTS, *speaking_arguments(microphone)],
            ignore_default_args=["--mute-audio"],  # or no sample would be played
        )
        try:
            yield browser
        finally:
            browser.close()


class Visit:
    """One conversation on the page: each cut falls into a long text."""

    def __init__(self, page: Page, url: str, *, headphones: bool = False) -> None:
        """page: as new. headphones: the visitor wears some."""
        self._page = page
        page.add_init_script(path=PROBE)
        if headphones:
            page.add_init_script(HEADPHONES)
        page.goto(url)
        page.wait_for_selector("body[data-phase=live] video.alive", timeout=60_000)
        page.click("#talk-button")
        page.locator("label:has(#mode-say)").click()

    def cuts(self, begins: Sequence[float]) -> list[Cut | None]:
        """begins: of the parts of the microphone's file; the first finds it silent."""
        page = self._page
        page.click("#mic")
        first_s = self._first_sound_s()
        for begin in begins[1:]:
            self._wait_until(first_s + begin - begins[0] - 2.5)
            page.fill("#text", LONG_TEXT)
            page.press("#text", "Enter")
        self._wait_until(first_s + begins[-1] - begins[0] + WINDOW_S + 0.2)
        noted = page.evaluate("cuttingIn")
        portrait = [(ms / 1000, level) for ms, level in noted["portrait"]]
        turns = [ms / 1000 for ms, state in noted["states"] if state == "listening"]
        onsets = [first_s + begin - begins[0] for begin in begins[1:]]
        return [cut_at(onset, portrait, turns) for onset in onsets]

    def _first_sound_s(self) -> float:
        """When the microphone's file began to be heard, on the page's clock."""
        while True:
            for ms, level in self._page.evaluate("cuttingIn.microphone"):
                if level > HEARD:
                    return float(ms) / 1000
            self._page.wait_for_timeout(50)

    def _wait_until(self, at_s: float) -> None:
        now_ms = float(self._page.evaluate("performance.now()"))
        self._page.wait_for_timeout(max(0.0, 1000 * at_s - now_ms))
