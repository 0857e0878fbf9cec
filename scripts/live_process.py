"""A live server as a process of its own, and what it takes of the machine."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from scripts.live_client import http

MANY = "100000"


@dataclass(frozen=True)
class Usage:
    """Of a process and its children: seconds of CPU, resident bytes, counts."""

    cpu_s: float
    resident: int
    threads: int
    descriptors: int


@dataclass(frozen=True)
class LiveProcess:
    url: str
    pid: int

    def usage(self) -> Usage:
        """As it stands; a child that has ended is no longer counted."""
        parts = [_usage(pid) for pid in _family(self.pid)]
        return Usage(
            sum(part.cpu_s for part in parts),
            sum(part.resident for part in parts),
            sum(part.threads for part in parts),
            sum(part.descriptors for part in parts),
        )

    def metric(self, name: str) -> float:
        """A metric by its name with labels, or without: the sum over its labels."""
        with urlopen(f"{self.url}/metrics", timeout=30) as answer:
            lines = answer.read().decode().splitlines()
        found = [line for line in lines if line.startswith((f"{name} ", f"{name}{{"))]
        return sum(float(line.rpartition(" ")[2]) for line in found)


def _family(pid: int) -> list[int]:
    """A process and all that it started."""
    family = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            family += _family(int(child))
    return family


def _usage(pid: int) -> Usage:
    folder = Path(f"/proc/{pid}")
    fields = (folder / "stat").read_text().rpartition(")")[2].split()
    pages = int((folder / "statm").read_text().split()[1])
    return Usage(
        (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"),
        pages * os.sysconf("SC_PAGE_SIZE"),
        int(fields[17]),
        len(list((folder / "fd").iterdir())),
    )


class ServerProcess:
    """A server on a free port that can be killed and started again on the same one.

    folder: for its data. settings: of the environment, without LIKENESS_.
    """

    def __init__(self, module: str, folder: str, settings: dict[str, str]) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._module = module
        self._environment = os.environ | {
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "LIKENESS_DATA_DIR": folder,
            "LIKENESS_LOG_LEVEL": "WARNING",
            "LIKENESS_MAX_SESSIONS": "32",
            "LIKENESS_REQUESTS_PER_MINUTE": MANY,
        }
        self._environment |= {
            f"LIKENESS_{name}": each for name, each in settings.items()
        }
        self.begin()

    def begin(self) -> None:
        """Start it, without waiting until it is ready."""
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", self._module],
            env=self._environment,
            stdout=subprocess.DEVNULL,
        )

    def wait_until_ready(self) -> LiveProcess:
        _wait_until_ready(self.url, self._process)
        return LiveProcess(self.url, self._process.pid)

    def kill(self) -> None:
        """At once, as a crash would."""
        self._process.kill()
        self._process.wait(20)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)


@contextmanager
def server(module: str = "server", **settings: str) -> Iterator[LiveProcess]:
    """A server on a free port, with a data folder of its own.

    settings: of the environment, without LIKENESS_.
    """
    with tempfile.TemporaryDirectory() as folder:
        process = ServerProcess(module, folder, settings)
        try:
            yield process.wait_until_ready()
        finally:
            process.stop()


def _wait_until_ready(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline_s = time.monotonic() + 120
    while time.monotonic() < deadline_s and process.poll() is None:
        try:
            http("GET", f"{url}/readyz")
            return
        except (RuntimeError, URLError):
            time.sleep(0.05)
    raise RuntimeError("the server did not become ready")
