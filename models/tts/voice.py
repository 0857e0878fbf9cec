"""What a voice is: text in, sound out, as it is synthesised."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from models.media import AudioChunk

Engine = Literal["espeak", "piper"]
SLOWEST, FASTEST = 0.5, 2.0
LONGEST_SILENCE_S = 5.0


@dataclass(frozen=True)
class VoiceInfo:
    """A voice that there is.

    id: stable, for programs ("espeak:en-US:annie", "piper:NAME", "piper:NAME:SPEAKER").
    name: for people.
    language: BCP 47 tag ("en-US", "cmn").
    licence: SPDX identifier where there is one, else in words.
    natural: a neural voice, not a synthetic-sounding one.
    installed: it can be opened. how_to_get: the command that would fetch it, else "".
    commercial: whether its licence allows commercial use: yes, no, unclear.
    speakers: how many people it speaks as.
    """

    id: str
    name: str
    language: str
    engine: Engine
    licence: str
    natural: bool = False
    installed: bool = True
    how_to_get: str = ""
    commercial: str = "yes"
    speakers: int = 1


@dataclass(frozen=True)
class Manner:
    """How to speak.

    speed: 1 is the voice's own, 2 twice as fast; SLOWEST to FASTEST.
    sentence_silence_s: after each sentence; None is as long as usual.
    """

    speed: float = 1.0
    sentence_silence_s: float | None = None


USUAL = Manner()


class Voice(Protocol):
    """Safe to share between threads; each `speak` is an utterance of its own."""

    @property
    def info(self) -> VoiceInfo: ...

    @property
    def rate_hz(self) -> int:
        """Of every chunk that `speak` gives."""
        ...

    def speak(self, text: str) -> Iterator[AudioChunk]:
        """Speak text as people write it: see models.tts.text and models.tts.normalise.

        Yields:
            Chunks as they are synthesised; marks in samples since the start of this
            utterance. Closing the iterator stops the synthesis.

        Raises:
            TextError: when nothing in it is speakable, or it is too long.
        """
        ...


class Synthesiser(Protocol):
    """An engine's voice: says one phrase of plain words in its own language."""

    @property
    def info(self) -> VoiceInfo: ...

    @property
    def rate_hz(self) -> int: ...

    def phrases(self, text: str) -> tuple[str, ...]:
        """Cut a text into what is said in one go; nothing but white space is lost."""
        ...

    def say(self, phrase: str, speed: float, pause_s: float) -> Iterator[AudioChunk]:
        """Say a phrase, faded at both ends, and then be silent.

        Yields:
            Chunks; marks in samples since the phrase's start. Nothing for a phrase that
            has no sound.
        """
        ...
