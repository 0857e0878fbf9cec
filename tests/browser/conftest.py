"""A real Chromium, and the real server as a process of its own."""

import contextlib
import functools
import http.server
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).parent.parent.parent
CHROMIUM = Path("/usr/bin/chromium")
READY_DEADLINE_S = 90.0  # the first start enrols the default portrait, on busy cores
ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SOUND_AT_ONCE = "--autoplay-policy=no-user-gesture-required"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if not CHROMIUM.exists():
                reason = f"{CHROMIUM} is missing: apt-get install chromium"
                item.add_marker(pytest.mark.skip(reason=reason))


@contextlib.contextmanager
def chromium(*more: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[*ARGUMENTS, *more],
            ignore_default_args=["--mute-audio"],  # or no sample would be played
        )
        try:
            yield browser
        finally:
            browser.close()


# Playwright's event loop runs as long as its fixture lives, and asyncio tests cannot
# run beside it: so it lives for one module, not for the whole run.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium(SOUND_AT_ONCE) as browser:
        yield browser


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """`python -m server` on a free port, with a data folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        environment = os.environ | {
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "LIKENESS_DATA_DIR": str(self._folder / "data"),
        }
        environment.pop("PYTHONASYNCIODEBUG", None)  # too slow for 25 frames a second
        with (self._folder / "log.txt").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", "server"],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
            )
        self._wait()

    def _wait(self) -> None:
        end_s = time.monotonic() + READY_DEADLINE_S
        while time.monotonic() < end_s:
            if self._process is None or self._process.poll() is not None:
                break
            with contextlib.suppress(OSError):
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=2):
                    return
            time.sleep(0.1)
        log = (self._folder / "log.txt").read_text(errors="replace")
        pytest.fail(f"the server did not become ready:\n{log[-4000:]}")

    def kill(self) -> None:
        """At once, as a crash would."""
        self.signal(signal.SIGKILL)
        if self._process:
            self._process.wait(10)

    def stop(self) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def signal(self, number: int) -> None:
        if self._process:
            self._process.send_signal(number)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="likeness-browser-") as folder:
        server = Server(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def files_url() -> Iterator[str]:
    """client_web alone, without a server behind it."""
    handler = functools.partial(_Quiet, directory=str(ROOT / "client_web"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as site:
        thread = threading.Thread(target=site.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{site.server_address[1]}"
        site.shutdown()
        thread.join()
