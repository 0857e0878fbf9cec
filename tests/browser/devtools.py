"""Chromium by its DevTools protocol alone.

Playwright makes each of its pages believe that it is in front; what a page in the
background does can be seen only without it.
"""

import contextlib
import json
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.browser.server_process import free_port

DEADLINE_S = 30.0


class DevTools:
    """The targets of one running Chromium."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/json"

    def open(self, url: str) -> str:
        """A new tab, in front of all others; what its target is called."""
        made: dict[str, str] = json.loads(self._fetch(f"/new?{url}", "PUT"))
        return made["webSocketDebuggerUrl"]

    def service_worker(self) -> str:
        end_s = time.monotonic() + DEADLINE_S
        while time.monotonic() < end_s:
            with contextlib.suppress(OSError):
                for target in json.loads(self._fetch("/list", "GET")):
                    if target["type"] == "service_worker":
                        return str(target["webSocketDebuggerUrl"])
            time.sleep(0.2)
        raise TimeoutError("no service worker")

    def _fetch(self, path: str, method: str) -> bytes:
        request = urllib.request.Request(self._url + path, method=method)
        with urllib.request.urlopen(request, timeout=5) as answer:
            body: bytes = answer.read()
        return body


def evaluate(target: str, expression: str) -> Any:
    """What a page or a worker makes of it; a promise is waited for."""
    asked = {"expression": expression, "awaitPromise": True, "returnByValue": True}
    with connect(target, max_size=None) as socket:
        message = {"id": 1, "method": "Runtime.evaluate", "params": asked}
        socket.send(json.dumps(message))
        while (answer := json.loads(socket.recv(DEADLINE_S))).get("id") != 1:
            pass
    if "exceptionDetails" in answer["result"]:
        raise RuntimeError(answer["result"]["exceptionDetails"])
    return answer["result"]["result"].get("value")


def until(target: str, expression: str) -> None:
    """Until the expression is true there."""
    end_s = time.monotonic() + DEADLINE_S
    while time.monotonic() < end_s:
        # A worker that has just been started does not know `chrome` at once.
        with contextlib.suppress(RuntimeError):
            if evaluate(target, expression):
                return
        time.sleep(0.1)
    raise TimeoutError(expression)


@contextlib.contextmanager
def plain_chromium(profile: Path, *more: str) -> Iterator[DevTools]:
    port = free_port()
    process = subprocess.Popen(
        [
            str(CHROMIUM),
            *ARGUMENTS,
            f"--user-data-dir={profile}",
            f"--remote-debugging-port={port}",
            *more,
            "about:blank",
        ],
        stderr=subprocess.DEVNULL,
    )
    try:
        yield DevTools(port)
    finally:
        process.terminate()
        process.wait(20)
