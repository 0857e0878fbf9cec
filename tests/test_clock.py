"""Deadlines are absolute: lateness does not add up, nor is a long stop made good."""

import asyncio

import pytest

from server.clock import MAX_BACKLOG_S, PACKETS_PER_FRAME, MediaClock


class FakeTime:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_the_grid_is_exact_after_days() -> None:
    clock = MediaClock(0.03, time_s=FakeTime())
    day = 24 * 3600 * 25
    assert clock.frame_deadline_s(day) == pytest.approx(100 + 24 * 3600, abs=1e-6)
    for frame in (0, 1, day):
        packet = frame * PACKETS_PER_FRAME
        lead_s = clock.packet_deadline_s(packet) - clock.frame_deadline_s(frame)
        assert lead_s == pytest.approx(0.03, abs=1e-9)


async def test_a_late_step_does_not_move_those_after_it() -> None:
    time = FakeTime()
    clock = MediaClock(0.03, time_s=time)
    before_s = clock.frame_deadline_s(11)
    time.now_s += 0.75
    late_s = await clock.until(clock.frame_deadline_s(10))
    assert late_s == pytest.approx(0.35)
    assert clock.frame_deadline_s(11) == before_s


async def test_after_a_long_stop_there_is_no_burst() -> None:
    time = FakeTime()
    clock = MediaClock(0.03, time_s=time)
    time.now_s += 60 + MAX_BACKLOG_S
    await clock.until(clock.frame_deadline_s(0))
    assert clock.frame_deadline_s(1) > time.now_s


async def test_until_waits_for_real() -> None:
    clock = MediaClock(0.03)
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    await clock.until(clock.frame_deadline_s(2))
    assert loop.time() - began_s >= 0.078
