"""The real server as a process of its own, as `python -m server` starts it."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
READY_DEADLINE_S = 180.0  # the first start enrols the default portrait, on busy cores


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """`python -m server` on a free port, with a data folder of its own."""

    def __init__(self, folder: Path, **settings: str) -> None:
        """settings: of the environment, such as LIKENESS_API_KEY="k"."""
        self._folder = folder
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def talk(self) -> str:
        """The page of the conversation."""
        return f"{self.url}/talk.html"

    def start(self) -> None:
        environment = os.environ | {
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "LIKENESS_DATA_DIR": str(self._folder / "data"),
            **self._settings,
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
        if self._process and self._process.poll() is None:
            self.kill()
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
