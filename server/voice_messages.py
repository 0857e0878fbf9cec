"""What the server and a voice process say to each other, pickled over a socket pair."""

from dataclasses import dataclass

from models.media import AudioChunk
from models.tts.voice import USUAL, Manner, VoiceInfo


@dataclass(frozen=True)
class Open:
    """Find a voice, as Voices.open does; answered by Opened or Failed."""

    voice_id: str | None
    language: str | None
    manner: Manner = USUAL


@dataclass(frozen=True)
class Speak:
    """Speak a text: AudioChunks, then Done or Failed."""

    voice_id: str
    text: str
    manner: Manner = USUAL


@dataclass(frozen=True)
class Stop:
    """Speak no more of the text; answered by Done."""


@dataclass(frozen=True)
class Opened:
    info: VoiceInfo
    rate_hz: int


@dataclass(frozen=True)
class Done:
    pass


@dataclass(frozen=True)
class Failed:
    """kind: the class of models.errors, or empty for an error that is no one's."""

    kind: str
    code: str
    message: str


Request = Open | Speak | Stop
Answer = Opened | AudioChunk | Done | Failed
