"""The media loop: every tick, all sessions hear, move, are drawn, and are released.

Two things happen on one clock, in order of their deadlines. Intake, each 40 ms: every
playout buffer gives the performer its next 1,920 samples, and more where more is known,
and the device draws. Release, each 20 ms: every buffer gives up a packet of sound, on
time whatever the picture does; the picture of frame i leaves with the first packet of
frame i, later if it was late, or never if the next one overtook it.
"""

import asyncio
import logging
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from models.media import PACKET_SAMPLES
from server.clock import PACKET_RATE_HZ, PACKETS_PER_FRAME, MediaClock
from server.encoders import EncodedPacket
from server.engine import Engine, Pictures
from server.lane import Lane, Work
from server.metrics import Metrics
from server.playout import Released

logger = logging.getLogger(__name__)

# Pictures drawn in one call: a third less work each than one by one.
BATCH_FRAMES = 4


class MediaLoop:
    """Owns the clock, the device thread and the encoder threads."""

    def __init__(
        self, engine: Engine, lead_s: float, frames_ahead: int, metrics: Metrics
    ) -> None:
        self._engine = engine
        self._frames_ahead = frames_ahead
        self._metrics = metrics
        self._lanes: set[Lane] = set()
        self._device = ThreadPoolExecutor(
            1, thread_name_prefix="device", initializer=engine.prepare_thread
        )
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
                    self._take_in(tasks)
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

    def _at_once(self) -> int:
        """How many frames of one session are drawn in one call, at best."""
        watched = sum(lane.broadcast.watched for lane in self._lanes)
        return max(1, BATCH_FRAMES // max(1, watched))

    def _take_in(self, tasks: asyncio.TaskGroup) -> None:
        at_once = self._at_once()
        for lane in self._lanes:
            # Nobody waits for pictures of an unwatched session.
            ahead = self._frames_ahead if lane.broadcast.watched else 0
            lane.take_in(self._engine.delay_frames, ahead, at_once if ahead else 1)
            self._encode_next(tasks, lane)

    def _start_drawing(self, tasks: asyncio.TaskGroup) -> None:
        """Give the device what is unheard, unless it is still busy."""
        lanes = [lane for lane in self._lanes if lane.unheard]
        if self._device_busy or not lanes:
            return
        at_once = self._at_once()
        work = [lane.next_work(at_once) for lane in lanes]
        self._metrics.frames_dropped.inc(sum(each.left_out for each in work))
        self._device_busy = True
        tasks.create_task(self._draw(tasks, lanes, work))

    async def _draw(
        self, tasks: asyncio.TaskGroup, lanes: Sequence[Lane], work: Sequence[Work]
    ) -> None:
        began_s = time.perf_counter()
        pictures: Sequence[Sequence[Pictures]] = ()
        try:
            loop = asyncio.get_running_loop()
            jobs = [each.job for each in work]
            pictures = await loop.run_in_executor(self._device, self._engine.step, jobs)
        except Exception:
            # The picture holds; the voice goes on.
            logger.exception("the device failed at a tick")
        finally:
            self._device_busy = False
        self._metrics.stage_s.labels("draw").observe(time.perf_counter() - began_s)
        for lane, each, drawn in zip(lanes, work, pictures, strict=False):
            for frame, picture in zip(each.frames, drawn, strict=False):
                if not frame.revoked and lane in self._lanes:
                    lane.drawn[frame.number] = picture
            self._encode_next(tasks, lane)
        # More may have come while the device was busy.
        self._start_drawing(tasks)

    def _encode_next(self, tasks: asyncio.TaskGroup, lane: Lane) -> None:
        """Encode one picture at a time, in order, and none before it is certain."""
        if lane.encoding:
            return
        drawn = lane.next_drawn()
        if drawn:
            lane.encoding = True
            tasks.create_task(self._encode(tasks, lane, *drawn))

    async def _encode(
        self, tasks: asyncio.TaskGroup, lane: Lane, number: int, picture: Pictures
    ) -> None:
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
            packets = {}
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
        self._encode_next(tasks, lane)

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
        """A packet for each lane; None where nobody listens."""
        packets: list[EncodedPacket | None] = [None] * len(released)
        work: list[int] = []
        for place, (lane, part) in enumerate(released):
            if lane.broadcast.watched:
                at_once = lane.broadcast.encode_audio_at_once(part.samples, part.start)
                packets[place] = at_once
                if at_once is None:
                    work.append(place)
        if not work:
            return packets

        def encode() -> list[EncodedPacket]:
            parts = [released[place] for place in work]
            return [
                lane.broadcast.encode_audio(part.samples, part.start)
                for lane, part in parts
            ]

        began_s = time.perf_counter()
        loop = asyncio.get_running_loop()
        made = await loop.run_in_executor(self._voice, encode)
        for place, packet in zip(work, made, strict=True):
            packets[place] = packet
        self._metrics.stage_s.labels("encode_audio").observe(
            time.perf_counter() - began_s
        )
        return packets
