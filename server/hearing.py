"""The visitor's microphone -> turns and their words.

Sound comes on the event loop, waits in a bounded queue, and is looked at in a thread of
its own; recognition has others. A recogniser that is slower than speech delays its
words, never the portrait.
"""

import asyncio
import contextlib
import logging
import time
from collections import deque
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import numpy as np

from models.endpoint import BRIEF_FRAMES, Endpointer
from models.errors import EarError
from models.media import PLAYOUT_RATE_HZ, FloatArray
from models.stt.ear import Ear, Heard, Recognition
from models.stt.stop_words import asks_to_stop
from models.vad import VAD_FRAME_MS
from server.sensing import Ears, Sensed

logger = logging.getLogger(__name__)

MAX_WAITING = 150  # packets of 20 ms; the oldest are lost when the machine is too slow
MAX_SILENT_S = 0.3  # a microphone that sends nothing for so long is silent
PREROLL_FRAMES = 8  # a quarter of a second before speech is certain belongs to it
TAIL_FRAMES = 6  # of silence are heard with a turn; more of it only if speech goes on
STEP_S = 0.16  # a recogniser is given so much at once, at least
ECHO_TAIL_S = 1.5  # after the portrait has fallen silent it may still be heard


class Listener(Protocol):
    """Who wants to know; called on the event loop."""

    @property
    def guarded(self) -> bool:
        """Whether the portrait speaks or thinks."""
        ...

    def voice_suspected(self, suspected: bool) -> None:
        """Whether, while it is guarded, somebody may be beginning to speak."""
        ...

    def voice_began(self, ago_ms: int) -> None: ...

    def words_so_far(self, text: str) -> None: ...

    def voice_ended(self, ago_ms: int) -> None:
        """ago_ms: how long ago the last sound of the turn was."""
        ...

    def understood(self, heard: Heard) -> None:
        """All words of the turn, some time after its end."""
        ...

    def ear_failed(self, error: EarError) -> None: ...


@dataclass(eq=False)
class Turn:
    """The sound of one turn. pending: what is still to be recognised of it.

    brief: perhaps it is none, so nothing is told of it.
    """

    sound: list[FloatArray] = field(default_factory=list)
    pending: list[FloatArray] = field(default_factory=list)
    tail: list[FloatArray] = field(default_factory=list)
    text: str = ""
    over: bool = False
    brief: bool = False
    more: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, samples: FloatArray, *, silent_frames: int) -> None:
        if silent_frames > TAIL_FRAMES:
            self.tail.append(samples)
            return
        self.pending += [*self.tail, samples]
        self.sound += [*self.tail, samples]
        self.tail.clear()
        self.more.set()

    def end(self) -> None:
        self.over = True
        self.more.set()

    def take(self) -> FloatArray:
        taken, self.pending = self.pending, []
        return np.concatenate(taken) if taken else np.zeros(0, np.float32)


class Hearing:
    """Of one session. on: whether it listens at all. held: see start."""

    def __init__(
        self, listener: Listener, voice_activity: Executor, hearing: Executor
    ) -> None:
        self.on = False
        self.held = False
        self.ear: Ear | None = None
        self.language: str | None = None  # None: to be found out
        self._listener = listener
        self._voice_activity = voice_activity
        self._hearing = hearing
        self._waiting: deque[FloatArray] = deque(maxlen=MAX_WAITING)
        self._played: deque[FloatArray] = deque(maxlen=MAX_WAITING)
        self._arrived = asyncio.Event()
        self._played_s = -ECHO_TAIL_S
        self._endpoint = Endpointer()
        self._suspected = False
        self._recent: deque[FloatArray] = deque(maxlen=32)
        self._turn: Turn | None = None  # until its end
        self._unfinished: Turn | None = None  # until it is understood
        self._recognising: asyncio.Task[None] | None = None

    def push(self, samples: FloatArray) -> None:
        """The microphone's next float32 [n] at 48 kHz."""
        if self.on:
            self._waiting.append(samples)
            self._arrived.set()

    def played(self, samples: FloatArray) -> None:
        """What the portrait has just said, float32 [960] at 48 kHz."""
        if self.on:
            self._played.append(samples)
            if samples.any():
                self._played_s = time.monotonic()

    def start(self, *, held: bool) -> None:
        """Listen from now on; held: one turn, until `stop`.

        Raises:
            EarError: there is no ear for this.
        """
        if self.ear is None:
            raise EarError("ear_off", "This session does not listen. Typing works.")
        self.on, self.held = True, held
        if held and not self._endpoint.in_turn:
            self._endpoint.begin()
            self._begin(0)

    def stop(self) -> None:
        """Listen no more; what was begun is understood as it is."""
        self.on = self.held = False
        self._waiting.clear()
        if self._endpoint.in_turn:
            self._endpoint.end()
            self._end()
        self._suspect(False)

    async def run(self) -> None:
        """Until cancelled."""
        ears = Ears()
        loop = asyncio.get_running_loop()
        try:
            while True:
                sound, played = await self._next()
                sense = partial(
                    ears.sense,
                    sound,
                    played,
                    portrait_heard=time.monotonic() - self._played_s < ECHO_TAIL_S,
                )
                for each in await loop.run_in_executor(self._voice_activity, sense):
                    self._follow(each)
        finally:
            if self._recognising:
                self._recognising.cancel()
                await asyncio.gather(self._recognising, return_exceptions=True)

    async def _next(self) -> tuple[FloatArray, FloatArray]:
        """What has come; silence, if a turn may be open and nothing comes."""
        while not self._waiting:
            self._arrived.clear()
            try:
                open_ = self._turn or self._suspected
                async with asyncio.timeout(MAX_SILENT_S if open_ else None):
                    await self._arrived.wait()
            except TimeoutError:
                silent = np.zeros(int(MAX_SILENT_S * PLAYOUT_RATE_HZ), np.float32)
                self._waiting.append(silent)
        sound = np.concatenate(self._waiting)
        played = np.concatenate([np.zeros(0, np.float32), *self._played])
        self._waiting.clear()
        self._played.clear()
        return sound, played

    def _follow(self, sensed: Sensed) -> None:
        self._recent.append(sensed.samples)
        if not self.on:
            return
        endpoint = self._endpoint
        boundary = endpoint.push(
            sensed.probability,
            guarded=self._listener.guarded,
            held=self.held,
            text=self._turn.text if self._turn else "",
        )
        if boundary == "began":
            self._begin(endpoint.onset_frames)
        elif boundary == "ended":
            self._end()
        elif boundary == "brief":
            self._consider()
        elif self._turn:
            self._turn.add(sensed.samples, silent_frames=endpoint.silent_frames)
        self._suspect(endpoint.suspects)

    def _suspect(self, suspected: bool) -> None:
        if suspected != self._suspected:
            self._suspected = suspected
            self._listener.voice_suspected(suspected)

    def _begin(self, onset_frames: int) -> None:
        earlier = self._unfinished
        if self._recognising:
            self._recognising.cancel()
        self._turn = self._unfinished = Turn()
        self._recognising = asyncio.create_task(self._recognise(self._turn))
        # What is still being understood of the turn before belongs to this one.
        before = list(self._recent)[-(onset_frames + PREROLL_FRAMES) :]
        for samples in [*(earlier.sound if earlier else ()), *before]:
            self._turn.add(samples, silent_frames=0)
        self._listener.voice_began(onset_frames * VAD_FRAME_MS)

    def _consider(self) -> None:
        """Somebody has said something, and was done before it was a turn."""
        if self._recognising and not self._recognising.done():
            return
        said = Turn(brief=True)
        frames = self._endpoint.onset_frames + PREROLL_FRAMES
        for samples in list(self._recent)[-frames:]:
            said.add(samples, silent_frames=0)
        said.end()
        self._recognising = asyncio.create_task(self._stop_if_asked(said))

    async def _stop_if_asked(self, said: Turn) -> None:
        """One word can be a turn, if it is "stop"."""
        onset_frames = self._endpoint.onset_frames
        heard = await self._understand(said)
        if self._listener.guarded and asks_to_stop(heard.text):
            self._listener.voice_began(onset_frames * VAD_FRAME_MS)
            self._listener.voice_ended(BRIEF_FRAMES * VAD_FRAME_MS)
            self._listener.understood(heard)

    def _end(self) -> None:
        if self._turn:
            self._turn.end()
            self._listener.voice_ended(self._endpoint.silent_frames * VAD_FRAME_MS)
        self._turn = None

    async def _recognise(self, turn: Turn) -> None:
        """One turn, whatever becomes of it."""
        heard = await self._understand(turn)
        if not turn.over:
            await self._until_over(turn)
        self._unfinished = None
        self._listener.understood(heard)

    async def _understand(self, turn: Turn) -> Heard:
        """All its words; none if the ear fails, which is told if it is a turn."""
        assert self.ear
        listen = partial(self.ear.listen, self.language, brief=turn.brief)
        loop = asyncio.get_running_loop()
        listening = loop.run_in_executor(self._hearing, listen)
        failure = EarError("ear_failed", "The ear failed. Please say it again.")
        try:
            # Shielded: what begins to listen has to be closed, also if nobody waits.
            return await self._words(turn, await asyncio.shield(listening))
        except EarError as error:
            failure = error
        except Exception:
            logger.exception("the ear failed")
        finally:
            listening.add_done_callback(self._close)
        if not turn.brief:
            self._listener.ear_failed(failure)
        return Heard("", self.language or "en")

    def _close(self, listening: asyncio.Future[Recognition]) -> None:
        if not listening.cancelled() and not listening.exception():
            with contextlib.suppress(RuntimeError):  # the ear is closed as a whole
                self._hearing.submit(listening.result().close)

    async def _words(self, turn: Turn, recognition: Recognition) -> Heard:
        loop = asyncio.get_running_loop()
        while not (turn.over and not turn.pending):
            if not turn.pending:
                turn.more.clear()
                await turn.more.wait()
            if not turn.over:
                await asyncio.sleep(STEP_S)
            samples = turn.take()
            if len(samples):
                text = await loop.run_in_executor(
                    self._hearing, _hear, recognition, samples
                )
                if text != turn.text and not turn.brief:
                    turn.text = text
                    self._listener.words_so_far(text)
        return await loop.run_in_executor(self._hearing, recognition.finish)

    async def _until_over(self, turn: Turn) -> None:
        while not turn.over:
            turn.more.clear()
            await turn.more.wait()


def _hear(recognition: Recognition, samples: FloatArray) -> str:
    recognition.push(samples)
    return recognition.partial()
