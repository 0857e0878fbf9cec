"""Whose turn it is: a pure state machine of one conversation.

Nothing here waits, and nothing knows sound or network: what happened goes in, what is
to be done comes out. The states are those of `session.state`; `speaking` is while
something is heard, whoever asked for it.
"""

from dataclasses import dataclass, replace
from typing import Literal

State = Literal["idle", "listening", "thinking", "speaking"]


# What may happen.


@dataclass(frozen=True)
class VoiceBegan:
    """Somebody has begun to speak, for certain and not by accident."""


@dataclass(frozen=True)
class VoiceEnded:
    """The turn is over. text: what was understood; empty where nothing was."""

    text: str


@dataclass(frozen=True)
class Asked:
    """A question came in writing."""

    text: str


@dataclass(frozen=True)
class SoundBegan:
    """The first sample of an utterance leaves."""


@dataclass(frozen=True)
class SoundEnded:
    """Nothing is being said and nothing waits to be."""


@dataclass(frozen=True)
class AnswerEnded:
    """The brain has said all it will say, or has failed."""


@dataclass(frozen=True)
class Interrupted:
    """Somebody asked for silence."""


Happening = (
    VoiceBegan
    | VoiceEnded
    | Asked
    | SoundBegan
    | SoundEnded
    | AnswerEnded
    | Interrupted
)


# What may have to be done.


@dataclass(frozen=True)
class Hush:
    """Stop speaking, thinking and whatever waits to be said."""


@dataclass(frozen=True)
class Answer:
    """Answer this."""

    text: str


Deed = Hush | Answer


@dataclass(frozen=True)
class Turn:
    """hearing: the visitor is speaking. thinking: an answer is owed or still coming.

    sounding: something is heard. They overlap: an answer is heard while its rest is
    still being thought, and the visitor may speak into both.
    """

    hearing: bool = False
    thinking: bool = False
    sounding: bool = False

    @property
    def state(self) -> State:
        if self.hearing:
            return "listening"
        if self.sounding:
            return "speaking"
        return "thinking" if self.thinking else "idle"

    def after(self, happening: Happening) -> tuple["Turn", tuple[Deed, ...]]:
        """What the turn is then, and what is to be done, in order."""
        match happening:
            case VoiceBegan():
                hush = (Hush(),) if self.thinking or self.sounding else ()
                return Turn(hearing=True), hush
            case VoiceEnded(text):
                if not self.hearing:
                    return self, ()
                if not text.strip():
                    return replace(self, hearing=False), ()
                return Turn(thinking=True), (Answer(text),)
            case Asked(text):
                hush = (Hush(),) if self.thinking or self.sounding else ()
                return Turn(thinking=True), (*hush, Answer(text))
            case SoundBegan():
                return replace(self, sounding=True), ()
            case SoundEnded():
                return replace(self, sounding=False), ()
            case AnswerEnded():
                return replace(self, thinking=False), ()
            case Interrupted():
                return replace(self, thinking=False, sounding=False), (Hush(),)
