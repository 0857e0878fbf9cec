"""A dialogue in a room of its own: a clock cranked by hand, a microphone, a brain."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import cast

import numpy as np

from models.media import PLAYOUT_RATE_HZ, FloatArray
from server.dialogue import Dialogue
from server.lane import Lane
from server.look import Look
from server.metrics import Metrics
from server.persona import Converse
from server.pipeline import Speech
from server.playout import Captioned, Ended, PlayoutBuffer, Started
from server.protocol import (
    ErrorEvent,
    Event,
    SessionState,
    Warned,
)
from server.senses import Senses
from tests.fakes import FakeBrain, FakeEar, FakeVoices
from tests.speech import question, silence

PACKET = 960
WORD_MS = 200  # of the fake voice


class FakeLane:
    def __init__(self, playout: PlayoutBuffer) -> None:
        self.playout = playout
        self.posture = "idle"
        self.delay_frames = 2


class FakeLook:
    def __init__(self) -> None:
        self.emotions: list[str | None] = []

    def speak_with(self, emotion: str | None) -> None:
        self.emotions.append(emotion)


@dataclass(eq=False)
class Room:
    """A dialogue with a clock that is cranked by hand, at about its real pace."""

    dialogue: Dialogue
    speech: Speech
    playout: PlayoutBuffer
    brain: FakeBrain
    look: FakeLook
    told: list[Event]
    ended: list[str]
    microphone: list[FloatArray] = field(default_factory=list)
    levels: list[float] = field(default_factory=list)
    sound: FloatArray = field(default_factory=lambda: np.zeros(PACKET, np.float32))

    @property
    def state(self) -> str:
        return self.dialogue.state

    async def pass_time(self, seconds: float, *, speed: float = 4) -> None:
        """Let sound be played and heard."""
        for _ in range(round(seconds * 50)):
            before_s = time.perf_counter()
            self.playout.look_ahead(PACKET)
            released = self.playout.release(PACKET)
            self.sound = released.samples
            self.levels.append(float(np.abs(released.samples).max(initial=0)))
            self.speech.released()
            self.dialogue.hearing.played(released.samples)
            for event in released.events:
                if isinstance(event, Started):
                    self.look.speak_with(event.utterance.emotion)
                    self.dialogue.sound_began(event.media_sample)
                elif isinstance(event, Captioned):
                    self.dialogue.captioned(event)
                elif isinstance(event, Ended):
                    self.dialogue.utterance_over(event.utterance)
                    if not self.playout.active:
                        self.dialogue.sound_ended(event.media_sample)
            if self.microphone:
                self.dialogue.microphone(self.microphone.pop(0))
            spent_s = time.perf_counter() - before_s
            await asyncio.sleep(max(0.0005, 0.02 / speed - spent_s))

    def say(self, sound: FloatArray) -> None:
        """Into the microphone from now on: float32 [n] at 48 kHz."""
        missing = -len(sound) % PACKET
        self.microphone += np.split(
            np.pad(sound, (0, missing)), -(-len(sound) // PACKET)
        )

    def of(self, kind: type[Event]) -> list[Event]:
        return [each for each in self.told if isinstance(each, kind)]

    @property
    def states(self) -> list[str]:
        return [e.state for e in self.told if isinstance(e, SessionState)]

    @property
    def history(self) -> list[tuple[str, str]]:
        return [(m.role, m.text) for m in self.dialogue.conversation.history]

    @property
    def codes(self) -> list[str]:
        return [e.code for e in self.told if isinstance(e, ErrorEvent | Warned)]


@contextlib.asynccontextmanager
async def room(
    how: Converse | None = None, ear: FakeEar | None = None
) -> AsyncIterator[Room]:
    playout, told, ended = PlayoutBuffer(), list[Event](), list[str]()
    voices = FakeVoices()
    brain, look = FakeBrain(), FakeLook()
    senses = Senses([ear or FakeEar()], brain)
    with ThreadPoolExecutor(2) as executor:
        speech = Speech(playout, voices.open, executor, told.append, max_queued=64)
        speech.viewer_came()
        dialogue = Dialogue(
            "ses_1",
            how or Converse(keep_transcript=True),
            senses,
            cast(Lane, FakeLane(playout)),
            speech,
            cast(Look, look),
            told.append,
            ended.append,
            lambda: None,
            Metrics(),
        )
        tasks = [asyncio.create_task(each) for each in (speech.run(), dialogue.run())]
        try:
            yield Room(dialogue, speech, playout, brain, look, told, ended)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await senses.close()


def spoken(*parts: FloatArray) -> FloatArray:
    return np.concatenate(parts)


def ask(seconds_after: float = 1.5) -> FloatArray:
    return spoken(
        silence(0.3, PLAYOUT_RATE_HZ),
        question("voice", PLAYOUT_RATE_HZ),
        silence(seconds_after, PLAYOUT_RATE_HZ),
    )
