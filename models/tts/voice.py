"""What a voice is: text in, sound out, as it is synthesised."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from models.media import AudioChunk

Engine = Literal["espeak", "piper"]


@dataclass(frozen=True)
class VoiceInfo:
    """A voice that can be opened.

    id: stable, for programs ("espeak:en-us", "espeak:en-us+f2", "piper:NAME").
    name: for people.
    language: BCP 47 tag ("en-US", "cmn").
    licence: SPDX identifier of the voice, or "see its model card".
    """

    id: str
    name: str
    language: str
    engine: Engine
    licence: str


class Voice(Protocol):
    """Safe to share between threads; each `speak` is an utterance of its own."""

    @property
    def info(self) -> VoiceInfo: ...

    @property
    def rate_hz(self) -> int:
        """Of every chunk that `speak` gives."""
        ...

    def speak(self, text: str) -> Iterator[AudioChunk]:
        """Speak plain text.

        Markup, phoneme codes and file names in it are read out as text.

        Yields:
            Chunks as they are synthesised; marks in samples since the start of this
            utterance. Closing the iterator stops the synthesis.

        Raises:
            TextError: when nothing in it is speakable, or it is too long.
        """
        ...
