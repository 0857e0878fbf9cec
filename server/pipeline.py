"""What is to be said -> sound in the playout buffer, one utterance after another.

Synthesis runs in threads of its own. Each utterance is produced by one task, which
barge-in cancels; its thread notices at its next chunk, and what it still makes belongs
to a generation that is over.
"""

import asyncio
import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial

from models.emotion import Emotion
from models.errors import AudioError, LikenessError, TextError
from models.media import PLAYOUT_RATE_HZ, FloatArray
from models.resample import Resampler
from models.tts.clauses import split_clauses
from models.tts.voice import Voice
from server.errors import ApiError
from server.playout import Interrupted, PlayoutBuffer, Utterance
from server.protocol import ErrorEvent, Event, Warned
from server.utterances import AudioItem, TextItem, speak_clause

logger = logging.getLogger(__name__)

SILENT_SPEAKER_S = 10.0  # an utterance without speak_end is ended after this

OpenVoice = Callable[[str | None, str | None], Voice]


class Speech:
    """The queue of one session's utterances and the task that speaks them."""

    def __init__(
        self,
        playout: PlayoutBuffer,
        open_voice: OpenVoice,
        executor: Executor,
        tell: Callable[[Event], None],
        *,
        max_queued: int,
    ) -> None:
        self._playout = playout
        self._open_voice = open_voice
        self._executor = executor
        self._tell = tell
        self._max_queued = max_queued
        self._queue: deque[TextItem | AudioItem] = deque()
        self._queued = asyncio.Event()
        self._room = asyncio.Event()
        self._watched = asyncio.Event()
        self._open_audio: AudioItem | None = None
        self._producing: asyncio.Task[None] | None = None
        self._asked_s: dict[Utterance, float] = {}

    @property
    def queued(self) -> int:
        """Utterances whose synthesis has not begun."""
        return len(self._queue)

    @property
    def busy(self) -> bool:
        """Whether anything is still to be made or to be played."""
        return bool(self._queue or self._producing or self._playout.active)

    def viewer_came(self) -> None:
        """From now on there is somebody to speak to."""
        self._watched.set()

    def released(self) -> None:
        """The playout buffer has moved on: there may be room again."""
        if self._playout.room_samples:
            self._room.set()

    def first_audio_s(self, utterance: Utterance) -> float | None:
        """Seconds since the command that asked for the utterance; once."""
        asked_s = self._asked_s.pop(utterance, None)
        return None if asked_s is None else time.monotonic() - asked_s

    def speak_text(
        self,
        text: str,
        *,
        voice: str | None,
        language: str | None,
        source: str | None,
        emotion: Emotion | None = None,
    ) -> Utterance:
        """Queue a text; the emotion is the face's while it is said.

        Raises:
            ApiError: nothing to say, or too much is queued.
        """
        if not text.strip():
            raise ApiError(422, "text_empty", "There is no text to say.")
        utterance = self._utterance(source)
        utterance.emotion = emotion
        self._enqueue(
            TextItem(utterance, text, voice, language, self._playout.generation)
        )
        return utterance

    def speak_audio(self, rate_hz: int, pcm: bytes, source: str | None) -> None:
        """Append to the open utterance, or open one.

        Raises:
            ApiError: too much waits, or the rate changed within an utterance.
        """
        item = self._open_audio
        if item is None:
            utterance = self._utterance(source)
            item = AudioItem(utterance, rate_hz, self._playout.generation)
            self._enqueue(item)
            self._open_audio = item
        if item.rate_hz != rate_hz:
            raise ApiError(
                422,
                "sample_rate_changed",
                f"This utterance began at {item.rate_hz} Hz: end it first.",
            )
        item.append(pcm)

    def append_audio(self, pcm: bytes) -> None:
        """A binary chunk of the open utterance.

        Raises:
            ApiError: no utterance is open, or too much waits.
        """
        if self._open_audio is None:
            raise ApiError(
                422,
                "no_open_utterance",
                "Send avatar.speak_audio with the sample rate before binary sound.",
            )
        self._open_audio.append(pcm)

    def speak_end(self) -> None:
        """The open utterance is whole.

        Raises:
            ApiError: no utterance is open.
        """
        if self._open_audio is None:
            raise ApiError(
                422, "no_open_utterance", "No avatar.speak_audio is open to be ended."
            )
        self._open_audio.end()
        self._open_audio = None

    def interrupt(self) -> list[Interrupted]:
        """Stop at once; returns what was being said or waited to be."""
        if self._producing:
            self._producing.cancel()
        interrupted = self._playout.interrupt()
        known = {each.utterance for each in interrupted}
        at = self._playout.media_samples
        waiting = [item.utterance for item in self._queue]
        interrupted += [Interrupted(u, at, 0) for u in waiting if u not in known]
        self._queue.clear()
        self._open_audio = None
        self._asked_s.clear()
        return interrupted

    async def run(self) -> None:
        """Speak what is queued, until cancelled."""
        try:
            await self._watched.wait()
            while True:
                while not self._queue:
                    self._queued.clear()
                    await self._queued.wait()
                item = self._queue.popleft()
                self._playout.begin(item.generation, item.utterance)
                self._producing = asyncio.create_task(self._produce(item))
                await asyncio.wait([self._producing])
                self._producing = None
        finally:
            if self._producing:
                self._producing.cancel()
                await asyncio.wait([self._producing])

    def _utterance(self, source: str | None) -> Utterance:
        return Utterance(f"utt_{secrets.token_urlsafe(9)}", source)

    def _enqueue(self, item: TextItem | AudioItem) -> None:
        if len(self._queue) >= self._max_queued:
            raise ApiError(
                429,
                "queue_full",
                f"{self._max_queued} utterances wait already: send this one later.",
                retry_after_s=1,
            )
        self._queue.append(item)
        self._asked_s[item.utterance] = time.monotonic()
        self._queued.set()

    async def _produce(self, item: TextItem | AudioItem) -> None:
        """One utterance, whatever becomes of it."""
        utterance = item.utterance
        try:
            if isinstance(item, TextItem):
                await self._produce_text(item)
            else:
                await self._produce_audio(item)
        except LikenessError as error:
            self._fail(utterance, error.code, error.message)
        except Exception:
            logger.exception("an utterance failed")
            self._fail(utterance, "speech_failed", "This could not be spoken.")
        finally:
            self._playout.finish(item.generation, utterance)
            if not utterance.pushed:
                self._asked_s.pop(utterance, None)

    def _fail(self, utterance: Utterance, code: str, message: str) -> None:
        if utterance.pushed:  # what has been made is played, and ends as speech does
            self._tell(Warned(code=code, message=message))
            return
        self._tell(
            ErrorEvent(
                code=code,
                message=message,
                source_event_id=utterance.source_event_id,
                utterance_id=utterance.utterance_id,
            )
        )

    async def _produce_text(self, item: TextItem) -> None:
        loop = asyncio.get_running_loop()
        voice = await loop.run_in_executor(
            self._executor, self._open_voice, item.voice, item.language
        )
        stopped = threading.Event()
        utterance = item.utterance

        def push(samples: FloatArray) -> None:
            loop.call_soon_threadsafe(
                self._playout.push, item.generation, utterance, samples
            )

        unspeakable: TextError | None = TextError(
            "text_empty", "There is no text to say."
        )
        try:
            for clause in split_clauses(item.text):
                await self._wait_for_room()
                speak = partial(
                    speak_clause, voice, clause, utterance.pushed, push, stopped
                )
                try:
                    mark = await loop.run_in_executor(self._executor, speak)
                except TextError as error:
                    unspeakable = unspeakable and error
                    continue
                unspeakable = None
                utterance.captions.append(mark)
        finally:
            stopped.set()
        if unspeakable:
            raise unspeakable

    async def _produce_audio(self, item: AudioItem) -> None:
        loop = asyncio.get_running_loop()
        resampler = Resampler(item.rate_hz, PLAYOUT_RATE_HZ)
        last = False
        while not last:
            await self._wait_for_sound(item)
            last = item.whole
            await self._wait_for_room()
            samples = await loop.run_in_executor(
                self._executor, partial(resampler.push, item.take(), last=last)
            )
            self._playout.push(item.generation, item.utterance, samples)
        if not item.utterance.pushed:
            raise AudioError("audio_empty", "The utterance has no sound.")

    async def _wait_for_sound(self, item: AudioItem) -> None:
        while not item.waiting and not item.whole:
            item.arrived.clear()
            try:
                async with asyncio.timeout(SILENT_SPEAKER_S):
                    await item.arrived.wait()
            except TimeoutError:
                self._tell(
                    Warned(
                        code="speak_end_missing",
                        message=f"No sound came for {SILENT_SPEAKER_S:.0f} s: "
                        "the utterance was ended.",
                    )
                )
                item.whole = True
                if self._open_audio is item:
                    self._open_audio = None

    async def _wait_for_room(self) -> None:
        while not self._playout.room_samples:
            self._room.clear()
            await self._room.wait()
