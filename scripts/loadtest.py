"""How many sessions a machine carries: `python -m scripts.loadtest --sessions 1 2 4`.

All sessions speak without a pause (--idle: none does). For each number of them: frames
a second and their longest gap at the client, late frames and quality steps at the
server, holes in the sound and its longest gap, cores. Clients run on the same machine,
receive and decrypt all packets, and decode none. --burn keeps so many other processes
busy meanwhile.
"""

import argparse
import asyncio
import multiprocessing
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise

from scripts.live_client import LiveClient, Picture, Sound
from scripts.live_process import LiveProcess, server
from server.precedence import take_precedence

TEXT = (
    "The portrait speaks while we measure it, and it goes on for a good while, "
    "so that there is something to count in the middle of a sentence."
)
SETTLE_S = 3.0
METER_NICENESS = -15  # so that the server's lateness is measured, not the meter's own
TICKS = 960  # of RTP time between two packets of sound
STAGES = ("draw", "encode_video", "encode_audio")
COUNTERS = ("frames_late_total", "frames_dropped_total", "audio_packets_late_total")


@dataclass(frozen=True)
class Pace:
    """Of one client: frames a second, gaps in ms, packets of sound that are missing.

    freezes: gaps between frames of over 100 ms. late_ms: how much later than the
    steadiest pace the latest packet of sound came: what a jitter buffer must hold.
    drift_ms: how far the arrival of pictures has moved against that of sound of the
    same media time, between the first and the last fifth of the time.
    """

    fps: float
    longest_ms: float
    freezes: int
    holes: int
    late_ms: float
    drift_ms: float


@dataclass(frozen=True)
class Load:
    """What a number of sessions makes of server and clients."""

    sessions: int
    paces: Sequence[Pace]
    cores: float
    late: float
    dropped: float
    packets_late: float
    step: float
    stages_ms: Sequence[float]


def stage_totals(live: LiveProcess) -> list[tuple[float, float]]:
    """Seconds and number of times of each stage so far."""
    totals = []
    for stage in STAGES:
        label = f'{{stage="{stage}"}}'
        totals.append(
            (
                live.metric(f"likeness_stage_seconds_sum{label}"),
                live.metric(f"likeness_stage_seconds_count{label}"),
            )
        )
    return totals


def pace(client: LiveClient, start_s: float, end_s: float) -> Pace:
    pictures = [p for p in client.pictures if start_s <= p.arrived_s < end_s]
    times = [picture.arrived_s for picture in pictures]
    gaps = [(b - a) * 1000 for a, b in pairwise(times)] or [float("inf")]
    sounds = [s for s in client.sounds if start_s <= s.arrived_s < end_s]
    steps = [(b.timestamp - a.timestamp) % 2**32 for a, b in pairwise(sounds)]
    leads = leads_s(sounds, 48_000)
    return Pace(
        len(times) / (end_s - start_s),
        max(gaps),
        sum(gap > 100 for gap in gaps),
        sum(step != TICKS for step in steps),
        (max(leads) - min(leads)) * 1000 if leads else float("inf"),
        1000 * (moved_s(leads_s(pictures, 90_000)) - moved_s(leads)),
    )


def leads_s(arrivals: Sequence[Sound | Picture], rate_hz: int) -> list[float]:
    """When each came, less its media time: constant, where media time runs with the
    clock and nothing is late."""
    return [
        each.arrived_s - (each.timestamp - arrivals[0].timestamp) % 2**32 / rate_hz
        for each in arrivals
    ]


def moved_s(leads: Sequence[float]) -> float:
    """From the median of the first fifth to that of the last."""
    if len(leads) < 5:
        return float("nan")
    fifth = len(leads) // 5
    return statistics.median(leads[-fifth:]) - statistics.median(leads[:fifth])


async def keep_speaking(client: LiveClient) -> None:
    """One utterance is always waiting; until cancelled."""
    sent = 0
    while True:
        while sent < len(client.found("avatar.speech_ended")) + 2:
            client.send("avatar.speak_text", text=TEXT)
            sent += 1
        await asyncio.sleep(0.5)


async def measure(
    live: LiveProcess, sessions: int, seconds: float, *, idle: bool = False
) -> Load:
    """Hold that many sessions for that long."""
    async with AsyncExitStack() as stack:
        tasks: list[asyncio.Task[None]] = []
        clients: list[LiveClient] = []
        for _ in range(sessions):
            client = await stack.enter_async_context(LiveClient(live.url, decode=False))
            stack.push_async_callback(client.delete)
            await client.ready()
            clients.append(client)
            if not idle:
                tasks.append(asyncio.create_task(keep_speaking(client)))
        await asyncio.sleep(SETTLE_S)
        before = [live.metric(f"likeness_{name}") for name in COUNTERS]
        stages = stage_totals(live)
        start_s, start = time.monotonic(), live.usage()
        await asyncio.sleep(seconds)
        end_s, end = time.monotonic(), live.usage()
        after = [live.metric(f"likeness_{name}") for name in COUNTERS]
        means = [
            1000 * (b[0] - a[0]) / max(1.0, b[1] - a[1])
            for a, b in zip(stages, stage_totals(live), strict=True)
        ]
        step = live.metric("likeness_quality_step")
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        late, dropped, packets = (b - a for a, b in zip(before, after, strict=True))
        return Load(
            sessions,
            [pace(client, start_s, end_s) for client in clients],
            (end.cpu_s - start.cpu_s) / (end_s - start_s),
            late,
            dropped,
            packets,
            step,
            means,
        )


HEAD = (
    "sessions  fps min   mean  longest gap  freezes  late  dropped  step"
    "  voice: holes  latest  drift  cores  each   ms: draw  video  opus"
)


def show(load: Load) -> None:
    fps = [each.fps for each in load.paces]
    draw, video, opus = load.stages_ms
    print(
        f"{load.sessions:8}  {min(fps):7.2f}  {sum(fps) / len(fps):5.2f}"
        f"  {max(p.longest_ms for p in load.paces):8.0f} ms"
        f"  {sum(p.freezes for p in load.paces):7}  {load.late:4.0f}"
        f"  {load.dropped:7.0f}  {load.step:4.0f}"
        f"  {sum(p.holes for p in load.paces):12}"
        f"  {max(p.late_ms for p in load.paces):3.0f} ms"
        f"  {max((p.drift_ms for p in load.paces), key=abs):+5.1f}"
        f"  {load.cores:5.2f}  {load.cores / load.sessions:.3f}"
        f"  {draw:8.1f}  {video:5.1f}  {opus:4.2f}",
        flush=True,
    )


def _burn() -> None:
    """As a program that asked for nothing special."""
    take_precedence(0)
    while True:
        pass


@contextmanager
def burning(count: int) -> Iterator[None]:
    """Keep that many processes busy."""
    context = multiprocessing.get_context("spawn")
    burners = [context.Process(target=_burn, daemon=True) for _ in range(count)]
    for burner in burners:
        burner.start()
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()
            burner.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, nargs="*", default=[1, 2, 4, 8])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--idle", action="store_true", help="nobody speaks")
    parser.add_argument(
        "--burn", type=int, default=0, help="other busy processes meanwhile"
    )
    arguments = parser.parse_args()
    cores = os.cpu_count() or 1
    what = "idle" if arguments.idle else "speaking"
    print(f"{what} sessions, {cores} cores, {arguments.burn} other busy processes")
    print(HEAD, flush=True)
    for sessions in arguments.sessions:
        # A server of its own each: nobody's steps of quality are carried over.
        with server() as live, burning(arguments.burn):
            take_precedence(METER_NICENESS)
            show(
                asyncio.run(
                    measure(live, sessions, arguments.seconds, idle=arguments.idle)
                )
            )


if __name__ == "__main__":
    main()
