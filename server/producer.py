"""One utterance after another -> sound in the playout buffer.

Voices speak in threads of their own. What a thread still makes after its utterance was
cut belongs to a generation that is over; it notices at its next chunk.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Executor
from functools import partial

from models.errors import AudioError, LikenessError, TextError
from models.media import PLAYOUT_RATE_HZ, FloatArray
from models.resample import Resampler
from models.tts.clauses import split_clauses
from models.tts.text import Dropped, dropped
from models.tts.voice import Voice, VoiceInfo
from server.playout import PlayoutBuffer
from server.protocol import ErrorEvent, Event, Warned
from server.utterances import AudioItem, Item, StreamItem, TextItem, speak_clause

logger = logging.getLogger(__name__)

SILENT_SPEAKER_S = 10.0  # an utterance whose end does not come is ended after this
# A writer who pauses after a sentence has ended it: nothing that follows can change it.
PAUSE_S = 0.25
UNREADABLE = "text_unreadable"  # of a clause that the voice has no letters for

VOICE_FAILURES = ("voice_died", "voice_hung")  # see server.voice_workers

OpenVoice = Callable[[str | None, str | None], Voice]


class Producer:
    """Makes the sound of one utterance at a time, as fast as there is room for it."""

    def __init__(
        self,
        playout: PlayoutBuffer,
        open_voice: OpenVoice,
        executor: Executor,
        tell: Callable[[Event], None],
    ) -> None:
        self._playout = playout
        self._open_voice = open_voice
        self._executor = executor
        self._tell = tell
        self._room = asyncio.Event()

    def released(self) -> None:
        """The playout buffer has moved on: there may be room again."""
        if self._playout.room_samples:
            self._room.set()

    async def try_voice(self, voice: str | None, language: str | None) -> VoiceInfo:
        """Which voice that would be.

        Raises:
            VoiceError: there is none.
        """
        loop = asyncio.get_running_loop()
        opened = await loop.run_in_executor(
            self._executor, self._open_voice, voice, language
        )
        return opened.info

    async def produce(self, item: Item) -> None:
        """One utterance, whatever becomes of it."""
        utterance = item.utterance
        try:
            if isinstance(item, AudioItem):
                await self._produce_audio(item)
            else:
                await self._produce_text(item)
        except LikenessError as error:
            self._fail(item, error.code, error.message)
        except Exception:
            logger.exception("an utterance failed")
            self._fail(item, "speech_failed", "This could not be spoken.")
        finally:
            self._playout.finish(item.generation, utterance)

    def _fail(self, item: Item, code: str, message: str) -> None:
        utterance = item.utterance
        if not isinstance(item, TextItem):
            item.failed = True
        if utterance.pushed:  # what has been made is played, and ends as speech does
            if code in VOICE_FAILURES:
                self._tell(
                    ErrorEvent(
                        code=code,
                        message=message,
                        retryable=True,
                        source_event_id=utterance.source_event_id,
                    )
                )
            else:
                self._tell(Warned(code=code, message=message))
            return
        self._tell(
            ErrorEvent(
                code=code,
                message=message,
                retryable=code in VOICE_FAILURES,
                source_event_id=utterance.source_event_id,
                utterance_id=utterance.utterance_id,
            )
        )

    async def _produce_text(self, item: TextItem | StreamItem) -> None:
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
        lost = Dropped()
        unread: TextError | None = None
        try:
            async with contextlib.aclosing(self._clauses(item)) as clauses:
                async for clause in clauses:
                    await self._wait_for_room()
                    lost += dropped(clause)
                    speak = partial(
                        speak_clause, voice, clause, utterance.pushed, push, stopped
                    )
                    try:
                        mark = await loop.run_in_executor(self._executor, speak)
                    except TextError as error:
                        unspeakable = unspeakable and error
                        if error.code == UNREADABLE:
                            unread = error
                        continue
                    unspeakable = None
                    if mark.text:  # a clause may be a break alone
                        utterance.captions.append(mark)
        finally:
            stopped.set()
        if unspeakable:
            raise unspeakable
        if lost:
            self._tell(Warned(code="text_dropped", message=str(lost)))
        if unread:
            self._tell(Warned(code=unread.code, message=unread.message))

    async def _clauses(self, item: TextItem | StreamItem) -> AsyncGenerator[str, None]:
        """What is to be said in one go, as soon as it is known."""
        if isinstance(item, TextItem):
            loop = asyncio.get_running_loop()
            # A long text takes longer to split than a tick may wait.
            split = loop.run_in_executor(self._executor, split_clauses, item.text)
            for clause in await split:
                yield clause
            return
        final = item.whole
        while True:
            piece = item.clauses.take(final=final)
            if piece is not None:
                yield piece
                final = item.whole
            elif final and item.whole:
                return
            else:
                final = item.whole or await self._writer_pauses(item)

    async def _writer_pauses(self, item: StreamItem) -> bool:
        """Wait for more text; True if it does not come and a sentence is whole."""
        if not item.clauses.at_sentence_end:
            await self._wait_for_more(item)
            return False
        item.arrived.clear()
        try:
            async with asyncio.timeout(PAUSE_S):
                await item.arrived.wait()
        except TimeoutError:
            return True
        return False

    async def _produce_audio(self, item: AudioItem) -> None:
        loop = asyncio.get_running_loop()
        resampler = Resampler(item.rate_hz, PLAYOUT_RATE_HZ)
        last = False
        while not last:
            while not item.waiting and not item.whole:
                await self._wait_for_more(item)
            last = item.whole
            await self._wait_for_room()
            samples = await loop.run_in_executor(
                self._executor, partial(resampler.push, item.take(), last=last)
            )
            self._playout.push(item.generation, item.utterance, samples)
        if not item.utterance.pushed:
            raise AudioError("audio_empty", "The utterance has no sound.")

    async def _wait_for_more(self, item: StreamItem | AudioItem) -> None:
        """Until something has come, or the end, or nothing for too long."""
        item.arrived.clear()
        try:
            async with asyncio.timeout(SILENT_SPEAKER_S):
                await item.arrived.wait()
        except TimeoutError:
            self._tell(
                Warned(
                    code="speak_end_missing",
                    message=f"Nothing came for {SILENT_SPEAKER_S:.0f} s: "
                    "the utterance was ended.",
                )
            )
            item.end()

    async def _wait_for_room(self) -> None:
        while not self._playout.room_samples:
            self._room.clear()
            await self._room.wait()
