"""Measure a live server with aiortc viewers: `python -m scripts.bench_live`.

Starts a server of its own unless --url is given. Times are taken at the client, where
packets arrive, on the same machine. Levels above SOUND are sound.
"""

import argparse
import asyncio
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

from scripts.live_client import LiveClient, http

SOUND = 0.01  # -40 dBFS
TEXT = (
    "The portrait speaks while we measure it, and it goes on for a good while, "
    "so that there is something to interrupt in the middle of a sentence."
)
SILENCE_RUN = 5  # packets without sound in a row: it is silent


@dataclass(frozen=True)
class Usage:
    """Of a process: seconds of CPU and resident bytes."""

    cpu_s: float
    resident: int


def usage(pid: int) -> Usage:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return Usage(ticks / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE"))


@contextmanager
def server() -> Iterator[tuple[str, int]]:
    """A server on a free port; gives its URL and process id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {
            "PORT": str(port),
            "LIKENESS_DATA_DIR": folder,
            "LIKENESS_LOG_LEVEL": "WARNING",
            "LIKENESS_MAX_SESSIONS": "32",
            "LIKENESS_REQUESTS_PER_MINUTE": "100000",
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "server"], env=environment, stdout=subprocess.DEVNULL
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_ready(url, process)
            yield url, process.pid
        finally:
            process.terminate()
            process.wait(10)


def _wait_until_ready(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline_s = time.monotonic() + 120
    while time.monotonic() < deadline_s and process.poll() is None:
        try:
            http("GET", f"{url}/readyz")
            return
        except URLError:
            time.sleep(0.05)
    raise RuntimeError("the server did not become ready")


def show(name: str, values_ms: Sequence[float]) -> None:
    if not values_ms:
        print(f"{name:34} no value")
        return
    ordered = sorted(values_ms)
    p95 = ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]
    print(
        f"{name:34} p50 {statistics.median(ordered):7.1f} ms   p95 {p95:7.1f} ms"
        f"   max {ordered[-1]:7.1f} ms   n {len(ordered)}"
    )


async def measure_connect(url: str) -> float:
    """Offer to the arrival of the first picture, ms."""
    async with LiveClient(url) as client:
        await client.until(lambda: bool(client.pictures))
        first_ms = (client.pictures[0].arrived_s - client.offered_s) * 1000
        await client.delete()
    return first_ms


async def measure_speech(client: LiveClient) -> tuple[float, float]:
    """Text to first sound, and interrupt to silence, ms."""
    heard = len(client.sounds)
    sent_s = client.send("avatar.speak_text", text=TEXT)
    await client.until(lambda: any(s.level > SOUND for s in client.sounds[heard:]))
    first = next(s for s in client.sounds[heard:] if s.level > SOUND)
    await asyncio.sleep(1.5)
    cut_s = client.send("avatar.interrupt")
    await asyncio.sleep(0.8)
    after = [s for s in client.sounds if s.arrived_s > cut_s and s.level > SOUND]
    silent_ms = (after[-1].arrived_s - cut_s) * 1000 + 20 if after else 0.0
    return (first.arrived_s - sent_s) * 1000, silent_ms


async def measure_load(url: str, pid: int, sessions: int, seconds: float) -> None:
    """CPU and memory idle and speaking, pacing while speaking."""
    before = usage(pid)
    clients = [LiveClient(url) for _ in range(sessions)]
    for client in clients:
        await client.__aenter__()
        await client.ready()
    try:
        for name in ("idle", "speaking"):
            if name == "speaking":
                for client in clients:
                    for _ in range(1 + int(seconds / 6)):
                        client.send("avatar.speak_text", text=TEXT)
                await asyncio.sleep(0.5)
            start, start_s = usage(pid), time.monotonic()
            await asyncio.sleep(seconds)
            spent_s, end_s = usage(pid).cpu_s - start.cpu_s, time.monotonic()
            cores = spent_s / (end_s - start_s) / sessions
            print(f"{'CPU a session, ' + name:34} {cores:.3f} cores, n {sessions}")
        for client in clients:
            _show_pacing(client, start_s, end_s)
        grown = (usage(pid).resident - before.resident) / sessions / 2**20
        print(f"{'memory a session':34} {grown:.1f} MiB")
    finally:
        for client in clients:
            await client.delete()
            await client.__aexit__(None, None, None)


def _show_pacing(client: LiveClient, start_s: float, end_s: float) -> None:
    times = [p.arrived_s for p in client.pictures if start_s < p.arrived_s < end_s]
    gaps = [(b - a) * 1000 for a, b in zip(times, times[1:], strict=False)]
    stamps = [s.timestamp for s in client.sounds]
    holes = sum((b - a) != 960 for a, b in zip(stamps, stamps[1:], strict=False))
    print(
        f"{'pacing while speaking':34} {len(times) / (end_s - start_s):.2f} fps,"
        f" longest gap {max(gaps):.0f} ms, {holes} holes in the sound"
    )


async def run(url: str, pid: int | None, arguments: argparse.Namespace) -> None:
    await measure_connect(url)  # the first one pays for imports at both ends
    show(
        "connect to first frame",
        [await measure_connect(url) for _ in range(arguments.rounds)],
    )
    async with LiveClient(url) as client:
        await client.ready()
        results = [await measure_speech(client) for _ in range(arguments.rounds)]
        await client.delete()
    show("text to first sound", [first for first, _ in results])
    show("interrupt to silence", [silent for _, silent in results])
    if pid:
        for sessions in arguments.sessions:
            await measure_load(url, pid, sessions, arguments.seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", help="of a running server; CPU is not measured then")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--sessions", type=int, nargs="*", default=[1, 4])
    arguments = parser.parse_args()
    if arguments.url:
        asyncio.run(run(arguments.url, None, arguments))
        return
    began_s = time.monotonic()
    with server() as (url, pid):
        print(f"{'start-up, first':34} {time.monotonic() - began_s:.1f} s")
        asyncio.run(run(url, pid, arguments))


if __name__ == "__main__":
    main()
