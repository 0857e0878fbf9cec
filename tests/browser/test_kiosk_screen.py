"""scripts/kiosk.sh: a real Chromium without a screen, watched over and opened anew."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.browser.server_process import ROOT, Server

SCRIPT = ROOT / "scripts" / "kiosk.sh"
UNIT = ROOT / "scripts" / "likeness-kiosk.service"
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --mute-audio "
    "--use-fake-device-for-media-stream"
)
DEAD_S = 12
LONG_S = 90.0
KEY = "sesame-of-the-lobby"


class Screen:
    """kiosk.sh at work, and what systemd would hear of it."""

    def __init__(self, folder: Path, url: str) -> None:
        self.profile = folder / "profile"
        config = folder / "kiosk.json"
        config.write_text(json.dumps({"key": KEY, "languages": ["en", "zh"]}))
        self._heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._heard.bind(str(folder / "notify"))
        self._said: list[str] = []
        # Read all the time: a full queue would hold up whoever tells.
        threading.Thread(target=self._listen, daemon=True).start()
        environment = os.environ | {
            "KIOSK_CHROMIUM": "/usr/bin/chromium",
            "KIOSK_FLAGS": FLAGS,
            "KIOSK_PROFILE": str(self.profile),
            "KIOSK_CONFIG": str(config),
            "KIOSK_DEAD_S": str(DEAD_S),
            "NOTIFY_SOCKET": str(folder / "notify"),
        }
        self.process = subprocess.Popen(
            [str(SCRIPT), url],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _listen(self) -> None:
        while said := self._heard.recv(4_096):
            self._said.append(said.decode())

    def told(self) -> list[str]:
        """What systemd was told since this was last asked."""
        said, self._said = self._said, []
        return said

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(20)

    @property
    def browser(self) -> int:
        """The process of Chromium itself; 0 while there is none."""
        listed = subprocess.run(
            ["ps", "-wwo", "pid=,args=", "--ppid", str(self.process.pid)],
            capture_output=True,
            text=True,
            check=False,
        )
        lines = [each for each in listed.stdout.splitlines() if "--kiosk" in each]
        return int(lines[0].split()[0]) if lines else 0

    @property
    def debug_url(self) -> str:
        port = (self.profile / "DevToolsActivePort").read_text().splitlines()[0]
        return f"http://127.0.0.1:{port}"

    def title(self) -> str:
        with contextlib.suppress(OSError, IndexError):
            with urllib.request.urlopen(f"{self.debug_url}/json/list", timeout=2) as it:
                pages = [each for each in json.load(it) if each["type"] == "page"]
                return str(pages[0]["title"])
        return ""


def until(condition: Callable[[], object], timeout_s: float = LONG_S) -> None:
    end_s = time.monotonic() + timeout_s
    while time.monotonic() < end_s:
        if condition():
            return
        time.sleep(0.2)
    pytest.fail("what was waited for did not come")


@pytest.fixture(scope="module")
def screen(
    server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Screen]:
    screen = Screen(tmp_path_factory.mktemp("screen"), server.url)
    try:
        until(lambda: "kiosk attract" in screen.title())
        yield screen
    finally:
        screen.close()


@pytest.fixture
def page(screen: Screen) -> Iterator[Page]:
    """The kiosk's own page, from outside."""
    until(lambda: "kiosk attract" in screen.title())
    with sync_playwright() as playwright:
        browser = playwright.chromium.connect_over_cdp(screen.debug_url)
        yield browser.contexts[0].pages[0]  # not closed: it is not ours


def test_the_key_is_on_no_command_line_and_in_nobody_elses_files(
    screen: Screen, page: Page
) -> None:
    listed = subprocess.run(["ps", "-ewwo", "args"], capture_output=True, text=True)
    assert KEY not in listed.stdout
    assert screen.profile.stat().st_mode & 0o077 == 0
    assert (screen.profile / "start.html").stat().st_mode & 0o077 == 0
    assert KEY not in page.url
    starts = page.locator(".start").all_inner_texts()
    assert len(starts) == 2


def test_microphone_and_camera_are_given_to_our_origin_alone(
    page: Page, server: Server
) -> None:
    ask = """async () => {
      const found = {};
      for (const kind of ["audio", "video"]) {
        found[kind] = await navigator.mediaDevices.getUserMedia({ [kind]: true })
          .then(() => "given", (error) => error.name);
      }
      return found;
    }"""
    assert page.evaluate(ask) == {"audio": "given", "video": "given"}
    other = page.context.new_page()
    other.goto(f"http://localhost:{server.port}/healthz")
    assert other.evaluate(ask) == {
        "audio": "NotAllowedError",
        "video": "NotAllowedError",
    }
    other.close()


@pytest.mark.skipif(
    shutil.which("systemd-notify") is None,
    reason="no systemd-notify: apt-get install systemd",
)
def test_systemd_is_told_as_long_as_the_page_lives(screen: Screen) -> None:
    screen.told()
    until(lambda: any("WATCHDOG=1" in each for each in screen.told()))


def test_a_browser_that_crashed_is_opened_anew(screen: Screen) -> None:
    first = screen.browser
    assert first
    os.kill(first, signal.SIGKILL)
    until(lambda: screen.browser not in (0, first))
    until(lambda: "kiosk attract" in screen.title())


def test_a_page_that_hangs_is_opened_anew(screen: Screen) -> None:
    first = screen.browser
    with sync_playwright() as playwright:
        browser = playwright.chromium.connect_over_cdp(screen.debug_url)
        page = browser.contexts[0].pages[0]
        page.evaluate("setTimeout(() => { for (;;); }, 100)")
    until(lambda: screen.browser not in (0, first))
    until(lambda: "kiosk attract" in screen.title())


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["http://192.0.2.1:8080"], "is not secure"),
        (["ftp://x"], "no address of http"),
        (["http://127.0.0.1:8080/kiosk.html"], "without a path"),
    ],
)
def test_what_cannot_work_is_refused_with_a_reason(
    arguments: list[str], told: str
) -> None:
    done = subprocess.run(
        [str(SCRIPT), *arguments], capture_output=True, text=True, timeout=20
    )
    assert done.returncode == 2
    assert told in done.stderr


def test_the_unit_names_the_script_and_its_watchdog() -> None:
    text: Any = UNIT.read_text()
    assert "WatchdogSec=60" in text and "Restart=always" in text
    assert "Type=notify" in text and "scripts/kiosk.sh" in text
