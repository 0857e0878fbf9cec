"""The short form of scripts.soak and scripts.loadtest: nothing is left behind, and the
voice has no gap while other programs want the machine."""

import asyncio
import gc
import os
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from scripts.live_client import LiveClient
from scripts.live_process import LiveProcess, server
from scripts.loadtest import burning, keep_speaking, pace
from scripts.soak import STAGES, freed, run
from server.app import create_app
from tests.fakes import FAKE_PARTS, fake_settings
from tests.live_server import Live, serving
from tests.threads import strange_threads


@pytest.fixture
def threads() -> set[threading.Thread]:
    """Those that there were before the server."""
    return set(threading.enumerate())


@pytest.fixture
async def live(tmp_path: Path, threads: set[threading.Thread]) -> AsyncIterator[Live]:
    settings = fake_settings(
        tmp_path,
        max_sessions=len(STAGES) * 2,
        connect_timeout_s=1.5,
        absent_timeout_s=0.3,
        silent_peer_timeout_s=2.5,
        requests_per_minute=100_000,
    )
    async with serving(create_app(settings, FAKE_PARTS)) as live:
        yield live


def held() -> tuple[int, int]:
    """Tasks and descriptors of this process."""
    gc.collect()
    return len(asyncio.all_tasks()), len(os.listdir("/proc/self/fd"))


async def test_whatever_stage_a_viewer_dies_at_all_comes_back(
    live: Live, threads: set[threading.Thread]
) -> None:
    await run(live.url, len(STAGES))
    assert await freed(live.url) == 0
    await asyncio.sleep(0.5)
    before = held()
    await run(live.url, 2 * len(STAGES))
    assert await freed(live.url) == 0
    await asyncio.sleep(0.5)
    after = held()
    # A kept-alive connection more or less is nobody's leak.
    assert all(b <= a + 2 for a, b in zip(before, after, strict=True)), (before, after)
    assert strange_threads(threads) == []
    assert live.services.metrics.viewers._value.get() == 0


@pytest.fixture(scope="module")
def process() -> Iterator[LiveProcess]:
    with server("scripts.flash_server") as live:
        yield live


async def test_the_voice_has_no_gap_on_a_machine_that_is_overloaded(
    process: LiveProcess,
) -> None:
    """With twice as much to do as there are cores, no packet is left out, and all come
    soon enough for a jitter buffer, which a client adapts to what it meets."""
    with burning(os.cpu_count() or 1):
        async with LiveClient(process.url, decode=False) as client:
            await client.ready()
            speaking = asyncio.create_task(keep_speaking(client))
            await asyncio.sleep(1)
            start_s = client.sounds[-1].arrived_s
            await asyncio.sleep(4)
            measured = pace(client, start_s, client.sounds[-1].arrived_s)
            speaking.cancel()
            await client.delete()
    assert measured.holes == 0
    assert measured.late_ms < 500
