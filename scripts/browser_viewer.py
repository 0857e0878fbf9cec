"""A viewer that is a real Chromium: connects as the page does, and notes what it sees
and hears, and when."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
PROBE = Path(__file__).with_name("browser_viewer.js")
SOUND_AT_ONCE = "--autoplay-policy=no-user-gesture-required"
BARE_ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
ARGUMENTS = (*BARE_ARGUMENTS, SOUND_AT_ONCE)


@dataclass(frozen=True)
class Noted:
    """Times in ms of the page's clock.

    frames: when each is shown, and whether it is white. sounds: when a loud stretch
    begins (True) and ends (False).
    """

    frames: list[tuple[float, bool]]
    sounds: list[tuple[float, bool]]


@dataclass(frozen=True)
class BrowserViewer:
    """One connection at a time, in one page."""

    page: Page

    def connect(self, target_ms: float | None = None) -> float:
        """Connect; returns the ms from asking for a session to the first picture.

        target_ms: of both jitter buffers, where the page's own is not wanted.
        """
        self.page.evaluate(
            """async (target) => {
                const { PeerLink } = await import("/likeness/peer_link.js");
                globalThis.viewer = new Viewer();
                await viewer.connect(PeerLink, target);
            }""",
            target_ms,
        )
        return float(self.page.evaluate("viewer.firstFrameMs"))

    def send(self, kind: str, **fields: object) -> float:
        """Send a command; returns the time of it."""
        message = {"type": kind} | fields
        return float(self.page.evaluate("(m) => viewer.send(m)", message))

    def noted(self) -> Noted:
        found = self.page.evaluate("[viewer.frames, viewer.sounds]")
        return Noted(*([(at, on) for at, on in rows] for rows in found))

    def events(self, kind: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.page.evaluate(
            "(kind) => viewer.events.map((e) => e[1]).filter((e) => e.type === kind)",
            kind,
        )
        return found

    def stats(self) -> dict[str, dict[str, Any]]:
        """The inbound-rtp reports of getStats, by kind."""
        found: dict[str, dict[str, Any]] = self.page.evaluate("viewer.stats()")
        return found

    def wait(self, seconds: float) -> None:
        self.page.wait_for_timeout(seconds * 1000)

    def close(self) -> None:
        self.page.evaluate("viewer.close()")


@contextmanager
def browser_viewer(url: str) -> Iterator[BrowserViewer]:
    """Not within a running event loop."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=list(ARGUMENTS),
            ignore_default_args=["--mute-audio"],  # or no sample would be played
        )
        try:
            # The worklet is made of a blob, which the page's policy forbids.
            page = browser.new_context(bypass_csp=True).new_page()
            page.add_init_script(path=PROBE)
            page.goto(f"{url}/healthz")
            yield BrowserViewer(page)
        finally:
            browser.close()
