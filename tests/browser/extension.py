"""A Chromium with the extension in it, and a site of meetings to use it on."""

import base64
import contextlib
import io
import json
import tempfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import BrowserContext, Page, Worker, sync_playwright

from models.media import FloatArray
from scripts.pack_extension import pack
from tests.browser.conftest import ARGUMENTS, CHROMIUM, SOUND_AT_ONCE
from tests.browser.server_process import Server
from tests.browser.visitor import wait_until

WAIT_MS = 30_000
FAKE_DEVICES = (
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
)
MEETING = Path(__file__).parent / "meeting.html"
LOCAL = ["http://127.0.0.1/*"]  # the site of meetings
SQUARE = {"width": 256, "height": 256}  # small, for a machine of two cores
LOOK = 64  # pixels of each side, of pictures that are compared


@dataclass
class Extended:
    """worker: the extension's service worker, which can see and set its storage."""

    context: BrowserContext
    worker: Worker

    def set(self, **settings: object) -> None:
        """As the popup does, and until the service worker has placed its scripts."""
        self.worker.evaluate(
            """async (changes) => {
              const { settings } = await chrome.storage.local.get("settings");
              await chrome.storage.local.set({ settings: { ...settings, ...changes } });
            }""",
            settings,
        )
        self.until(
            """async () => {
              const { settings } = await chrome.storage.local.get("settings");
              const scripts = await chrome.scripting.getRegisteredContentScripts();
              if (settings.on === false) return scripts.length === 0;
              return scripts.length === 2 && settings.sites.every((site) =>
                scripts.every(({ matches }) => matches.includes(site)));
            }"""
        )

    def until(self, condition: str, given: object = None) -> None:
        # Not wait_for_function, which a service worker has not.
        self.worker.evaluate(
            f"""async (given) => {{
              const end = Date.now() + {WAIT_MS};
              while (!(await ({condition})(given))) {{
                if (Date.now() > end) throw new Error("it did not come");
                await new Promise((resolve) => setTimeout(resolve, 50));
              }}
            }}""",
            given,
        )

    def calls(self) -> list[dict[str, Any]]:
        found: dict[str, dict[str, Any]] = self.worker.evaluate(
            "async () => (await chrome.storage.session.get('calls')).calls ?? {}"
        )
        return list(found.values())

    def wait_phase(self, phase: str) -> None:
        self.until(
            """async (phase) => {
              const { calls = {} } = await chrome.storage.session.get("calls");
              return Object.values(calls).some((call) => call.report?.phase === phase);
            }""",
            phase,
        )

    def popup(self, language: str = "en-GB") -> Page:
        page = self.context.new_page()
        page.add_init_script(
            "Object.defineProperty(navigator, 'languages', "
            f"{{ value: ['{language}', 'en'] }})"
        )
        page.set_viewport_size({"width": 380, "height": 600})
        page.goto(self.worker.url.replace("service_worker.js", "popup/popup.html"))
        return page

    def meeting(self, url: str) -> Page:
        page = self.context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.goto(url)
        return page


@contextlib.contextmanager
def chromium_with_extension(*more: str) -> Iterator[Extended]:
    """The extension as `scripts.pack_extension` makes it, loaded unpacked."""
    with tempfile.TemporaryDirectory(prefix="likeness-extension-") as folder:
        extension = Path(folder) / "extension"
        pack(extension)
        with sync_playwright() as playwright:
            context = playwright.chromium.launch_persistent_context(
                Path(folder) / "profile",
                executable_path=CHROMIUM,
                headless=False,  # by an argument; Playwright's own has no extensions
                args=[
                    *ARGUMENTS,
                    SOUND_AT_ONCE,
                    *FAKE_DEVICES,
                    f"--disable-extensions-except={extension}",
                    f"--load-extension={extension}",
                    *more,
                ],
                ignore_default_args=["--mute-audio"],
                viewport={"width": 800, "height": 500},
            )
            try:
                yield Extended(context, _worker(context))
            finally:
                context.close()


def _worker(context: BrowserContext) -> Worker:
    if context.service_workers:
        return context.service_workers[0]
    return context.wait_for_event("serviceworker", timeout=WAIT_MS)


def our_ids(page: Page) -> dict[str, str]:
    """Likeness's device ids by kind, as the site sees them."""
    devices = page.evaluate("meeting.devices()")
    return {
        each["kind"]: each["deviceId"]
        for each in devices
        if each["label"] == "Likeness"
    }


def join(page: Page) -> list[dict[str, Any]]:
    ids = our_ids(page)
    wanted = {
        "video": {"deviceId": {"exact": ids["videoinput"]}, **SQUARE},
        "audio": {"deviceId": {"ideal": [ids["audioinput"]]}},
    }
    tracks: list[dict[str, Any]] = page.evaluate("(c) => meeting.join(c)", wanted)
    return tracks


def wait_picture(page: Page, server: Server, shown: bool = True) -> None:
    """Until B sees the portrait, or does no more."""
    face = preview(server.url)

    def is_there() -> bool:
        if page.evaluate("meeting.framesDecoded()") < 5:
            return False
        found = likeness_of(page.evaluate("meeting.snapshot()"), face)
        return found > 0.9 if shown else found < 0.5

    wait_until(page, is_there, 30_000)


def likeness_of(data_url: str, other: FloatArray) -> float:
    """How much a picture looks like another: the correlation of their grey values."""
    return float(np.corrcoef(grey(data_url).ravel(), other.ravel())[0, 1])


def grey(picture: str | bytes) -> FloatArray:
    """Its middle square: float32 [64, 64]."""
    if isinstance(picture, str):
        picture = base64.b64decode(picture.partition(",")[2])
    image = Image.open(io.BytesIO(picture)).convert("L")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side))
    return np.asarray(square.resize((LOOK, LOOK)), np.float32)


def preview(server_url: str) -> FloatArray:
    url = f"{server_url}/v1/identities/default/preview.png"
    with urllib.request.urlopen(url, timeout=10) as answer:
        return grey(answer.read())


def session_count(server_url: str) -> int:
    with urllib.request.urlopen(f"{server_url}/v1/sessions", timeout=10) as answer:
        return len(json.load(answer)["sessions"])
