"""The media loop: every tick, all sessions hear, move, are drawn, and are released.

Two things happen on one clock, in order of their deadlines. Intake, each 40 ms: every
playout buffer gives the performer its next 1,920 samples, and more where more is known,
and the device draws. Release, each 20 ms: every buffer gives up a packet of sound, on
time whatever the picture does; the picture of frame i leaves with the last packet of
frame i, later if it was late, or never if the next one overtook it. (Browsers hold
sound back for longer than pictures: what is sent 20 ms apart is shown together. Sender
reports tell the true time, for those who go by it.)
"""

import asyncio
import logging
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from models.identity import Identity
from models.media import FRAME_RATE_HZ, PACKET_SAMPLES
from server.clock import PACKET_RATE_HZ, PACKETS_PER_FRAME, MediaClock
from server.device import Begun, Device
from server.encoders import EncodedPacket
from server.engine import Engine, Pictures
from server.lane import Lane, Work
from server.metrics import Metrics
from server.playout import Released
from server.portraits import Portraits, Size, drawn_size
from server.protocol import ErrorEvent, Event, Warned
from server.quality import Count, Ladder, Step

logger = logging.getLogger(__name__)

# Pictures drawn in one call: a third less work each than one by one.
BATCH_FRAMES = 4

# So often in a row, and it may be the performer that is broken: there is another one.
LOSSES_OF_A_PERFORMER = 10

# So busy a device may soon need smaller portraits: making them takes a second, which it
# will not have then.
FORESIGHT_BUSY = 0.65

PICTURES_FAILED = ErrorEvent(
    code="pictures_failed",
    message="The picture cannot be drawn at the moment: it holds, and the voice goes "
    "on.",
    retryable=True,
)
PICTURES_BACK = Warned(code="pictures_back", message="The picture moves again.")


def _told(step: Step, *, lowered: bool) -> Event:
    if lowered:
        return Warned(
            code="quality_lowered",
            message="The server is busy: pictures are drawn more simply for a while "
            f"({step.name}). The voice is not touched.",
        )
    return Warned(
        code="quality_raised", message=f"Pictures are drawn better again ({step.name})."
    )


class MediaLoop:
    """Owns the clock, the device and the encoder threads."""

    def __init__(
        self,
        engine: Engine,
        lead_s: float,
        frames_ahead: int,
        metrics: Metrics,
    ) -> None:
        self._engine = engine
        self._frames_ahead = frames_ahead
        self._metrics = metrics
        self._lanes: set[Lane] = set()
        self.device = Device(engine)
        self._portraits = Portraits(engine)
        self._ladder = Ladder()
        self._counted = Count()
        self.review_frames = FRAME_RATE_HZ  # so often it is judged whether it is slow
        self._voice = ThreadPoolExecutor(1, thread_name_prefix="opus")
        self._video = ThreadPoolExecutor(
            max(1, os.cpu_count() or 1), thread_name_prefix="video"
        )
        self._clock = MediaClock(lead_s)

    @property
    def admits(self) -> bool:
        """Whether the machine is fast enough for one more session; the only one always
        comes in, since nobody else's pictures suffer by it."""
        watched = any(lane.broadcast.watched for lane in self._lanes)
        return self.device.healthy and (self._ladder.step.admits or not watched)

    async def ready(self, identity: Identity, video: Size) -> None:
        """Return when an identity can be drawn at once for a video of that size."""
        size = drawn_size(identity.size, video, self._ladder.step.share)
        await self._portraits.ready(identity, size)

    def join(self, lane: Lane) -> None:
        self._apply(lane)
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
                    if frame % self.review_frames == 0:
                        self._review()
                    self._give_up_hung_device()
                    self._take_in(tasks)
                    self._start_drawing(tasks)
                    frame += 1
                else:
                    late_s = await clock.until(release_s)
                    if late_s > 1 / PACKET_RATE_HZ:
                        self._metrics.packets_late.inc(len(self._lanes))
                    await self._release(packet)
                    packet += 1

    async def close(self) -> None:
        """Give the threads back; the loop must have ended."""
        await self._portraits.close()
        self.device.close()
        for executor in (self._voice, self._video):
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
            lane.take_in(ahead, at_once if ahead else 1)
            self._encode_next(tasks, lane)

    def _start_drawing(self, tasks: asyncio.TaskGroup) -> None:
        """Give the device what is unheard, unless it is still busy."""
        lanes = [lane for lane in self._lanes if lane.unheard]
        if self.device.busy or not lanes:
            return
        at_once, share = self._at_once(), self._ladder.step.share
        work = [lane.next_work(at_once, self._portrait(lane, share)) for lane in lanes]
        left_out = sum(each.left_out for each in work)
        self._metrics.frames_dropped.inc(left_out)
        self._counted.missed += left_out
        begun = self.device.begin([each.job for each in work])
        tasks.create_task(self._draw(tasks, lanes, work, begun))

    async def _draw(
        self,
        tasks: asyncio.TaskGroup,
        lanes: Sequence[Lane],
        work: Sequence[Work],
        begun: Begun,
    ) -> None:
        ended = await self.device.end(begun)
        if ended is None:
            return
        self._counted.busy_s += ended.seconds
        self._metrics.stage_s.labels("draw").observe(ended.seconds)
        for place, (lane, each) in enumerate(zip(lanes, work, strict=True)):
            drawn = ended.made[place] if place < len(ended.made) else ()
            self._counted.drawn += len(drawn)
            for frame, picture in zip(each.frames, drawn, strict=False):
                if frame.pictured and lane in self._lanes:
                    lane.drawn[frame.number] = picture
            self._tell_of_pictures(lane, lost=len(drawn) < len(each.frames))
            self._encode_next(tasks, lane)
        # More may have come while the device was busy.
        self._start_drawing(tasks)

    def _tell_of_pictures(self, lane: Lane, *, lost: bool) -> None:
        """Once when they begin to fail, and once when they come again."""
        before, lane.losses = lane.losses, lane.losses + 1 if lost else 0
        if lane.losses == LOSSES_OF_A_PERFORMER:
            self._replace_performer(lane)
        if bool(before) == lost:
            return
        if lost:
            self._metrics.device_failures.inc()
            lane.tell(PICTURES_FAILED)
        else:
            lane.tell(PICTURES_BACK)

    def _give_up_hung_device(self) -> None:
        if not self.device.gave_up():
            return
        for lane in self._lanes:
            # The old performers may be in the hands of the thread that hangs.
            self._replace_performer(lane)
            self._tell_of_pictures(lane, lost=True)

    def _replace_performer(self, lane: Lane) -> None:
        lane.lose_performer(self._engine.performer(lane.seed, live=lane.live))

    def _portrait(self, lane: Lane, share: float) -> Identity:
        """What is drawn of a lane's identity; being made, where it is not yet."""
        size = drawn_size(lane.identity.size, lane.broadcast.video_size, share)
        return self._portraits.of(lane.identity, size)

    def _review(self) -> None:
        """Once a second: is the machine fast enough?"""
        counted, self._counted = self._counted, Count()
        before = self._ladder.place
        quiet = [lane.quiet for lane in self._lanes if lane.broadcast.watched]
        second = counted.second(
            self.review_frames / FRAME_RATE_HZ,
            speaking=quiet.count(False),
            quiet=quiet.count(True),
        )
        step, busy = self._ladder.hear(second), second.busy
        self._metrics.device_busy.set(busy)
        if busy > FORESIGHT_BUSY:
            for lane in self._lanes:
                self._portrait(lane, self._ladder.next_share)
        if self._ladder.place == before:
            return
        lowered = self._ladder.place > before
        logger.warning("quality steps %s: %s", "down" if lowered else "up", step.name)
        self._metrics.quality_step.set(self._ladder.place)
        self._metrics.quality_changes.labels("down" if lowered else "up").inc()
        for lane in self._lanes:
            self._apply(lane)
            lane.tell(_told(step, lowered=lowered))

    def _apply(self, lane: Lane) -> None:
        lane.idle_every = self._ladder.step.idle_every
        lane.broadcast.show(self._ladder.step.share)

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
        if number < lane.next_shown:
            self._metrics.frames_late.inc()
            self._counted.missed += 1
            broadcast.send_video(packets, self._due_s(lane, number))
        else:
            lane.ready[number] = packets
        self._encode_next(tasks, lane)

    async def _release(self, packet_number: int) -> None:
        released: list[tuple[Lane, Released]] = []
        for lane in self._lanes:
            # Frame 0 leaves once the performer has heard what it must look ahead to.
            begins = packet_number % PACKETS_PER_FRAME == 0
            begins = begins and lane.frames_in > lane.delay_frames
            if begins and not lane.packets_out:
                lane.first_packet = packet_number
            if begins or lane.packets_out:
                released.append((lane, lane.playout.release(PACKET_SAMPLES)))
        packets = await self._encode_voice(released)
        for (lane, part), packet in zip(released, packets, strict=True):
            if packet is not None:
                due_s = self._clock.packet_deadline_s(packet_number)
                lane.broadcast.send_audio(packet, due_s)
            if lane.packets_out % PACKETS_PER_FRAME == PACKETS_PER_FRAME - 1:
                self._show(lane)
            lane.packets_out += 1
            lane.on_released(part)

    def _show(self, lane: Lane) -> None:
        frame = lane.packets_out // PACKETS_PER_FRAME
        self._counted.due += lane.broadcast.watched
        encoded = lane.ready.pop(frame, None)
        if encoded is not None:
            lane.broadcast.send_video(encoded, self._due_s(lane, frame))

    def _due_s(self, lane: Lane, frame: int) -> float:
        """When the sound of a frame leaves: the time that both are told to have."""
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
