"""The media loop: every tick, all sessions hear, move, are drawn, and are released.

Two things happen on one clock, in order of their deadlines. Intake, each 40 ms: every
playout buffer gives the performer its next 1,920 samples, and the device draws.
Release, each 20 ms: every buffer gives up a packet of sound, on time whatever the
picture does; the picture of frame i leaves with the first packet of frame i, later if
it was late, or never if the next tick overtook it.
"""

import asyncio
import logging
import os
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from models.identity import Identity
from models.media import PACKET_SAMPLES, PLAYOUT_SAMPLES_PER_FRAME, FloatArray
from server.broadcast import Broadcast
from server.clock import PACKET_RATE_HZ, PACKETS_PER_FRAME, MediaClock
from server.encoders import EncodedPacket, VideoCodec
from server.engine import Engine, Job, Performing, Pictures, Posture
from server.metrics import Metrics
from server.playout import PlayoutBuffer, Released

logger = logging.getLogger(__name__)


@dataclass(eq=False)
class Lane:
    """One session's way through the media loop.

    frames_in, packets_out: of this session, since it joined.
    first_packet: the packet of the clock with which frame 0 leaves.
    unheard: taken in and not yet pushed into the performer.
    ready: encoded frames that wait for their packet of sound, by number.
    """

    playout: PlayoutBuffer
    performer: Performing
    identity: Identity
    broadcast: Broadcast
    on_released: Callable[[Released], None]
    posture: Posture = "idle"
    frames_in: int = 0
    packets_out: int = 0
    first_packet: int = 0
    unheard: list[FloatArray] = field(default_factory=list)
    ready: dict[int, dict[VideoCodec, EncodedPacket]] = field(default_factory=dict)
    encoding: bool = False


class MediaLoop:
    """Owns the clock, the device thread and the encoder threads."""

    def __init__(self, engine: Engine, lead_s: float, metrics: Metrics) -> None:
        self._engine = engine
        self._lead_s = lead_s
        self._metrics = metrics
        self._lanes: set[Lane] = set()
        self._device = ThreadPoolExecutor(1, thread_name_prefix="device")
        self._voice = ThreadPoolExecutor(1, thread_name_prefix="opus")
        self._video = ThreadPoolExecutor(
            max(1, os.cpu_count() or 1), thread_name_prefix="video"
        )
        self._device_busy = False
        self._clock = MediaClock(lead_s)

    @property
    def device(self) -> ThreadPoolExecutor:
        """The device thread, for warming up."""
        return self._device

    def join(self, lane: Lane) -> None:
        self._lanes.add(lane)

    def leave(self, lane: Lane) -> None:
        self._lanes.discard(lane)

    async def run(self) -> None:
        """Until cancelled."""
        clock = self._clock
        frame = packet = 0
        async with asyncio.TaskGroup() as tasks:
            while True:
                intake_s = clock.frame_deadline_s(frame)
                release_s = clock.packet_deadline_s(packet)
                if intake_s <= release_s:
                    await clock.until(intake_s)
                    self._take_in()
                    self._start_drawing(tasks)
                    frame += 1
                else:
                    late_s = await clock.until(release_s)
                    if late_s > 1 / PACKET_RATE_HZ:
                        self._metrics.packets_late.inc(len(self._lanes))
                    await self._release(packet)
                    packet += 1

    def close(self) -> None:
        """Give the threads back; the loop must have ended."""
        for executor in (self._device, self._voice, self._video):
            executor.shutdown(wait=True, cancel_futures=True)

    def _take_in(self) -> None:
        for lane in self._lanes:
            lane.unheard.append(lane.playout.look_ahead(PLAYOUT_SAMPLES_PER_FRAME))
            lane.frames_in += 1

    def _start_drawing(self, tasks: asyncio.TaskGroup) -> None:
        """Give the device all that is unheard, unless it is still at the last tick."""
        if self._device_busy or not self._lanes:
            return
        lanes = tuple(lane for lane in self._lanes if lane.unheard)
        jobs = [self._job(lane) for lane in lanes]
        numbers = [lane.frames_in - 1 - self._engine.delay_frames for lane in lanes]
        self._device_busy = True
        tasks.create_task(self._draw(tasks, lanes, jobs, numbers))

    def _job(self, lane: Lane) -> Job:
        watched = lane.broadcast.watched
        if watched:
            self._metrics.frames_dropped.inc(len(lane.unheard) - 1)
        samples = np.concatenate(lane.unheard)
        lane.unheard.clear()
        return Job(lane.performer, lane.identity, samples, lane.posture, watched)

    async def _draw(
        self,
        tasks: asyncio.TaskGroup,
        lanes: Iterable[Lane],
        jobs: list[Job],
        numbers: list[int],
    ) -> None:
        began_s = time.perf_counter()
        try:
            loop = asyncio.get_running_loop()
            pictures = await loop.run_in_executor(self._device, self._engine.step, jobs)
        except Exception:
            # The picture holds; the voice goes on.
            logger.exception("the device failed at a tick")
            return
        finally:
            self._device_busy = False
        self._metrics.stage_s.labels("draw").observe(time.perf_counter() - began_s)
        for lane, number, picture in zip(lanes, numbers, pictures, strict=True):
            if picture is None or number < 0 or lane not in self._lanes:
                continue
            if lane.encoding:  # the frame before it: this one would overtake it
                self._metrics.frames_dropped.inc()
                continue
            lane.encoding = True
            tasks.create_task(self._encode(lane, number, picture))
        # The next tick may have come while the device was busy.
        if any(lane.unheard for lane in self._lanes):
            self._start_drawing(tasks)

    async def _encode(self, lane: Lane, number: int, picture: Pictures) -> None:
        loop = asyncio.get_running_loop()
        broadcast = lane.broadcast
        key = broadcast.take_key_request()
        codecs = broadcast.codecs()
        began_s = time.perf_counter()
        try:
            packets = await loop.run_in_executor(
                self._video,
                lambda: broadcast.encode_video(picture, number, codecs, key=key),
            )
        except Exception:
            # One session's encoder must not end the loop of all.
            logger.exception("a frame could not be encoded")
            broadcast.request_key()
            return
        finally:
            lane.encoding = False
        seconds = time.perf_counter() - began_s
        self._metrics.stage_s.labels("encode_video").observe(seconds)
        self._metrics.frames.inc()
        if number * PACKETS_PER_FRAME < lane.packets_out:
            self._metrics.frames_late.inc()
            broadcast.send_video(packets, self._due_s(lane, number))
        else:
            lane.ready[number] = packets

    async def _release(self, packet_number: int) -> None:
        delay = self._engine.delay_frames
        released: list[tuple[Lane, Released]] = []
        for lane in self._lanes:
            # Frame 0 leaves once the performer has heard what it must look ahead to.
            begins = packet_number % PACKETS_PER_FRAME == 0 and lane.frames_in > delay
            if begins and not lane.packets_out:
                lane.first_packet = packet_number
            if begins or lane.packets_out:
                released.append((lane, lane.playout.release(PACKET_SAMPLES)))
        packets = await self._encode_voice(released)
        for (lane, part), packet in zip(released, packets, strict=True):
            if packet is not None:
                due_s = self._clock.packet_deadline_s(packet_number)
                lane.broadcast.send_audio(packet, due_s)
            frame = lane.packets_out // PACKETS_PER_FRAME
            encoded = lane.ready.pop(frame, None)
            if encoded is not None:
                lane.broadcast.send_video(encoded, self._due_s(lane, frame))
            lane.packets_out += 1
            lane.on_released(part)

    def _due_s(self, lane: Lane, frame: int) -> float:
        """When a frame of a session leaves, if it is in time."""
        return self._clock.packet_deadline_s(
            lane.first_packet + frame * PACKETS_PER_FRAME
        )

    async def _encode_voice(
        self, released: list[tuple[Lane, Released]]
    ) -> list[EncodedPacket | None]:
        def encode() -> list[EncodedPacket | None]:
            return [
                lane.broadcast.encode_audio(part.samples, part.start)
                if lane.broadcast.watched
                else None
                for lane, part in released
            ]

        if not any(lane.broadcast.watched for lane, _ in released):
            return [None] * len(released)
        began_s = time.perf_counter()
        loop = asyncio.get_running_loop()
        packets = await loop.run_in_executor(self._voice, encode)
        self._metrics.stage_s.labels("encode_audio").observe(
            time.perf_counter() - began_s
        )
        return packets
