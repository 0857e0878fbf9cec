"""What is to be said -> sound in the playout buffer, one utterance after another.

Each utterance is produced by one task, which barge-in cancels. Whoever still writes or
sends sound for an utterance that was cut does it for nobody: streams are known by ids.
"""

import asyncio
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Executor

from models.emotion import Emotion
from models.tts.voice import VoiceInfo
from server.errors import ApiError
from server.playout import Interrupted, PlayoutBuffer, Utterance
from server.producer import OpenVoice, Producer
from server.protocol import Event
from server.utterances import AudioItem, Item, StreamItem, TextItem

REMEMBERED_STREAMS = 256  # by their ids, so that what comes late is known as late


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
        self._producer = Producer(playout, open_voice, executor, tell)
        self._max_queued = max_queued
        self._queue: deque[Item] = deque()
        self._queued = asyncio.Event()
        self._watched = asyncio.Event()
        self._streams: OrderedDict[str, StreamItem | AudioItem] = OrderedDict()
        self._audio: AudioItem | None = None  # the last utterance of speak_audio
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

    @property
    def sounding(self) -> bool:
        """Whether something has begun to be heard and goes on."""
        return self._playout.speaking

    def viewer_came(self) -> None:
        """From now on there is somebody to speak to."""
        self._watched.set()

    def released(self) -> None:
        """The playout buffer has moved on: there may be room again."""
        self._producer.released()

    def first_audio_s(self, utterance: Utterance) -> float | None:
        """Seconds since the command that asked for the utterance; once."""
        asked_s = self._asked_s.pop(utterance, None)
        return None if asked_s is None else time.monotonic() - asked_s

    async def try_voice(self, voice: str | None, language: str | None) -> VoiceInfo:
        """Which voice that would be.

        Raises:
            VoiceError: there is none.
        """
        return await self._producer.try_voice(voice, language)

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

    def speak_stream(
        self,
        stream_id: str,
        text: str,
        *,
        end: bool,
        voice: str | None,
        language: str | None,
        source: str | None,
        emotion: Emotion | None = None,
    ) -> Utterance | None:
        """Append to a text that is spoken while it is written, or begin one.

        Voice, language and emotion are those of the first call. What comes for a stream
        that was cut off is passed over in silence; None then.

        Raises:
            ApiError: too much waits, or the stream has been ended.
        """
        item = self._stream(stream_id)
        if item is None:
            utterance = self._utterance(source)
            utterance.emotion = emotion
            item = StreamItem(utterance, voice, language, self._playout.generation)
            self._enqueue(item)
            self._remember(stream_id, item)
        if isinstance(item, AudioItem):
            raise _ended(stream_id)
        if self._is_cut(item):
            return None
        item.append(text)
        if end:
            item.end()
        return item.utterance

    def speak_audio(
        self, rate_hz: int, pcm: bytes, source: str | None, stream_id: str | None = None
    ) -> None:
        """Append to the open utterance, or open one; a new stream_id opens one too.

        Raises:
            ApiError: too much waits, the rate changed within an utterance, or the
                stream has been ended.
        """
        known = self._stream(stream_id) if stream_id is not None else None
        if known and self._is_cut(known):
            return
        item = known or self._open_audio
        if item and stream_id is not None and not known:
            self.speak_end()  # a new stream begins
            item = None
        if isinstance(item, StreamItem):
            raise _ended(stream_id or "")
        if item is None:
            utterance = self._utterance(source)
            item = AudioItem(utterance, rate_hz, self._playout.generation)
            self._enqueue(item)
            self._audio = item
            if stream_id is not None:
                self._remember(stream_id, item)
        if item.rate_hz != rate_hz:
            raise ApiError(
                422,
                "sample_rate_changed",
                f"This utterance began at {item.rate_hz} Hz: end it first.",
            )
        item.append(pcm)

    def append_audio(self, pcm: bytes) -> None:
        """A binary chunk of the open utterance; for nobody, if it was cut off.

        Raises:
            ApiError: no utterance is open, or too much waits.
        """
        if self._audio and self._is_cut(self._audio):
            return
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
        if self._audio and self._is_cut(self._audio):
            self._audio = None
            return
        if self._open_audio is None:
            raise ApiError(
                422, "no_open_utterance", "No avatar.speak_audio is open to be ended."
            )
        self._open_audio.end()

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
        self._asked_s.clear()
        for item in self._streams.values():
            item.forget()
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
                self._producing = asyncio.create_task(self._producer.produce(item))
                await asyncio.wait([self._producing])
                self._producing = None
                if not item.utterance.pushed:
                    self._asked_s.pop(item.utterance, None)
        finally:
            if self._producing:
                self._producing.cancel()
                await asyncio.wait([self._producing])

    def _utterance(self, source: str | None) -> Utterance:
        return Utterance(f"utt_{secrets.token_urlsafe(9)}", source)

    @property
    def _open_audio(self) -> AudioItem | None:
        item = self._audio
        return None if item is None or item.whole or self._is_cut(item) else item

    def _is_cut(self, item: StreamItem | AudioItem) -> bool:
        """Whether what still comes for it comes too late."""
        return item.failed or item.generation != self._playout.generation

    def _stream(self, stream_id: str) -> StreamItem | AudioItem | None:
        item = self._streams.get(stream_id)
        if item and item.whole and not self._is_cut(item):
            raise _ended(stream_id)
        return item

    def _remember(self, stream_id: str, item: StreamItem | AudioItem) -> None:
        self._streams[stream_id] = item
        if len(self._streams) > REMEMBERED_STREAMS:
            self._streams.popitem(last=False)

    def _enqueue(self, item: Item) -> None:
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


def _ended(stream_id: str) -> ApiError:
    return ApiError(
        409,
        "stream_ended",
        f"The stream {stream_id!r} has been ended: give the next one another id.",
    )
