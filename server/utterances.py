"""What waits to be spoken, and one clause of it being synthesised."""

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from models.media import FloatArray
from models.tts.clause_stream import ClauseStream
from models.tts.text import speakable
from models.tts.voice import Voice
from models.utterance import utter_clause
from server.errors import ApiError
from server.playout import CaptionMark, Utterance

MAX_WAITING_AUDIO_S = 60.0
MAX_WAITING_TEXT_CHARS = 40_000  # of one stream


@dataclass(eq=False)
class TextItem:
    """A text that waits to be spoken."""

    utterance: Utterance
    text: str
    voice: str | None
    language: str | None
    generation: int


@dataclass(eq=False)
class StreamItem:
    """A text that is spoken while it is still being written.

    whole: its writer has ended it. failed: it could not be spoken, which has been told.
    """

    utterance: Utterance
    voice: str | None
    language: str | None
    generation: int
    clauses: ClauseStream = field(default_factory=ClauseStream)
    whole: bool = False
    failed: bool = False
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def append(self, text: str) -> None:
        """Queue text.

        Raises:
            ApiError: 429, more than MAX_WAITING_TEXT_CHARS would wait.
        """
        if self.clauses.waiting_chars + len(text) > MAX_WAITING_TEXT_CHARS:
            raise ApiError(
                429,
                "text_buffer_full",
                f"More than {MAX_WAITING_TEXT_CHARS} characters wait to be spoken: "
                "send the rest later.",
                retry_after_s=1,
            )
        self.clauses.append(text)
        self.arrived.set()

    def end(self) -> None:
        self.whole = True
        self.arrived.set()

    def forget(self) -> None:
        """It was cut off: what waits is for nobody."""
        self.clauses = ClauseStream()


@dataclass(eq=False)
class AudioItem:
    """An utterance in somebody else's voice, as it comes in.

    odd_byte: the first half of a sample whose second half has not come yet.
    whole, failed: as of a StreamItem.
    """

    utterance: Utterance
    rate_hz: int
    generation: int
    waiting: deque[bytes] = field(default_factory=deque)
    waiting_bytes: int = 0
    odd_byte: bytes = b""
    whole: bool = False
    failed: bool = False
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def append(self, pcm: bytes) -> None:
        """Queue PCM16.

        Raises:
            ApiError: 429, more than MAX_WAITING_AUDIO_S would wait.
        """
        data = self.odd_byte + pcm
        if self.waiting_bytes + len(data) > MAX_WAITING_AUDIO_S * self.rate_hz * 2:
            raise ApiError(
                429,
                "audio_buffer_full",
                f"More than {MAX_WAITING_AUDIO_S:.0f} s of sound wait to be played: "
                "send the rest later.",
                retry_after_s=1,
            )
        even = len(data) & ~1
        self.odd_byte = data[even:]
        if even:
            self.waiting.append(data[:even])
            self.waiting_bytes += even
            self.arrived.set()

    def end(self) -> None:
        self.whole = True
        self.arrived.set()

    def forget(self) -> None:
        """It was cut off: what waits is for nobody."""
        self.waiting.clear()
        self.waiting_bytes = 0

    def take(self) -> FloatArray:
        data = b"".join(self.waiting)
        self.waiting.clear()
        self.waiting_bytes = 0
        return np.frombuffer(data, "<i2").astype(np.float32) / 32768.0


Item = TextItem | StreamItem | AudioItem


def speak_clause(
    voice: Voice,
    clause: str,
    start: int,
    push: Callable[[FloatArray], None],
    stopped: threading.Event,
) -> CaptionMark:
    """Synthesise one clause, in a thread; returns when it sounds.

    start: in samples at 48 kHz since the start of the utterance.

    Raises:
        TextError: nothing in the clause can be spoken.
    """
    count = 0
    words: list[tuple[str, int, int]] = []
    with contextlib.closing(utter_clause(voice, clause, start)) as chunks:
        for chunk in chunks:
            if stopped.is_set():
                break
            push(chunk.samples)
            count += len(chunk.samples)
            words += [
                (mark.text, mark.start, mark.end)
                for mark in chunk.marks
                if mark.kind == "word"
            ]
    return CaptionMark(speakable(clause), start, start + count, tuple(words))
