"""Stand-ins for the models, quick and exact: the mouth's brightness is the loudness."""

import asyncio
import re
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from models.emotion import Emotion
from models.errors import TextError, VoiceError
from models.identity import Identity
from models.media import (
    CHANNEL_INDEX,
    MOTION_CHANNELS,
    PLAYOUT_SAMPLES_PER_FRAME,
    AudioChunk,
    FloatArray,
    Motion,
    SpeechMark,
)
from models.stt.ear import EarInfo, Heard
from models.tts.voice import USUAL, Manner, Voice, VoiceInfo
from server.app import Parts
from server.brain.brain import Asked, BrainError
from server.engine import Models, Pictures, Posture
from server.senses import Senses
from server.settings import Settings
from server.voices import Voices

SIZE = 128
DELAY_FRAMES = 2
MOUTH = slice(64, 112)  # rows and columns of the mouth in the fake picture
FAKE_INFO = VoiceInfo("fake:en", "Fake", "en-US", "espeak", "CC0-1.0")
OTHER_INFO = VoiceInfo("fake:de", "Falsch", "de-DE", "espeak", "CC0-1.0")


@dataclass(frozen=True, eq=False)
class FakeIdentity:
    size: tuple[int, int] = (SIZE, SIZE)
    name: str = "Fake"
    synthetic: bool = False
    transparent: bool = False


def fake_identity(path: Path | None = None) -> Identity:
    return cast(Identity, FakeIdentity())


class FakeVoice:
    """A steady tone of 200 ms for each word, in chunks of 50 ms."""

    rate_hz = 16_000
    word_samples = 3_200

    def __init__(self, info: VoiceInfo = FAKE_INFO) -> None:
        self.info = info
        self.closed = 0

    def speak(self, text: str) -> Iterator[AudioChunk]:
        words = re.findall(r"\w+", text)
        if not words:
            raise TextError("text_unspeakable", "There is nothing to say in it.")
        try:
            for number, word in enumerate(words):
                start = number * self.word_samples
                mark = SpeechMark("word", word, start, start + self.word_samples)
                phase = np.arange(self.word_samples) * 2 * np.pi * 220 / self.rate_hz
                tone = (0.5 * np.sin(phase)).astype(np.float32)
                for part, samples in enumerate(np.split(tone, 4)):
                    marks = () if part else (mark,)
                    yield AudioChunk(samples, self.rate_hz, marks)
        finally:
            self.closed += 1


class FakeVoices(Voices):
    def list(self) -> tuple[VoiceInfo, ...]:
        return (FAKE_INFO, OTHER_INFO)

    def open(
        self, voice_id: str | None, language: str | None, manner: Manner = USUAL
    ) -> Voice:
        if voice_id is None and language is None:
            return FakeVoice()
        for info in self.list():
            if voice_id == info.id or (not voice_id and language == info.language):
                return FakeVoice(info)
        raise VoiceError("voice_unknown", "There is no such voice.")


class FakePerformer:
    """The aperture of frame i is the loudness of its samples, as late as the real."""

    def __init__(self, seed: int = 0) -> None:
        self._line = [0.0] * DELAY_FRAMES
        self.postures: list[Posture] = []
        self.expressions: list[tuple[Emotion, float]] = []

    @property
    def state(self) -> list[float]:
        return list(self._line)

    @state.setter
    def state(self, state: list[float]) -> None:
        self._line = list(state)

    def push_audio(self, samples: FloatArray) -> Motion:
        rows = np.zeros((0, len(MOTION_CHANNELS)), np.float32)
        for frame in samples.reshape(-1, PLAYOUT_SAMPLES_PER_FRAME):
            self._line.append(float(np.sqrt(np.mean(frame**2))))
            row = np.zeros((1, len(MOTION_CHANNELS)), np.float32)
            row[0, CHANNEL_INDEX["aperture"]] = self._line.pop(0)
            rows = np.concatenate([rows, row])
        return Motion(rows)

    def set_posture(self, posture: Posture) -> None:
        self.postures.append(posture)

    def set_expression(
        self, emotion: Emotion, expressivity: float, articulation: float
    ) -> None:
        self.expressions.append((emotion, expressivity))


def fake_render(identities: Sequence[Identity], motion: FloatArray) -> Pictures:
    height, width = identities[0].size
    pictures = np.full((len(identities), height, width, 3), 40, np.uint8)
    aperture = motion[:, CHANNEL_INDEX["aperture"]]
    light = 40 + 600 * np.minimum(aperture, 0.35)
    mouth = slice(MOUTH.start * height // SIZE, MOUTH.stop * height // SIZE)
    pictures[:, mouth, mouth] = light[:, None, None, None].astype(np.uint8)
    if identities[0].transparent:
        mattes = [identity.matte[..., None] for identity in identities]
        pictures = np.concatenate([pictures, np.stack(mattes)], -1)
    return pictures


def mouth_light(picture: Pictures) -> float:
    """How bright the mouth of a received fake picture is, 0 to 255."""
    high = picture.shape[0]
    mouth = slice(MOUTH.start * high // SIZE, MOUTH.stop * high // SIZE)
    return float(picture[mouth, mouth].mean())


def fake_models(
    device: str = "cpu",
    threads: int = 1,
    look_ahead_ms: int = 80,
    live_look_ahead_ms: int = 40,
) -> Models:
    return Models(
        DELAY_FRAMES,
        FakePerformer,
        fake_render,
        shrink=lambda identity, height, width: cast(
            Identity, FakeIdentity((height, width))
        ),
    )


class FakeRecognition:
    """The words are how much was heard: "heard 12" is 1.2 s; or what it is told."""

    def __init__(self, language: str | None, words: str | None = None) -> None:
        self._words = words
        self._language = language or "en"
        self._samples = 0
        self.closed = False

    def push(self, samples: FloatArray) -> None:
        self._samples += len(samples)

    def partial(self) -> str:
        return self._words or f"heard {self._samples // 1_600}"

    def finish(self) -> Heard:
        return Heard(self.partial(), self._language)

    def close(self) -> None:
        self.closed = True


class FakeEar:
    """English and German."""

    def __init__(self, info: EarInfo | None = None) -> None:
        self.info = info or EarInfo("fake", ("en", "de"), basic=True, detects=False)
        self.recognitions: list[FakeRecognition] = []
        self.words: str | None = None

    def warm_up(self) -> None:
        pass

    def listen(self, language: str | None, *, brief: bool = False) -> FakeRecognition:
        self.recognitions.append(FakeRecognition(language, self.words))
        return self.recognitions[-1]

    def close(self) -> None:
        pass


class FakeBrain:
    """Says what it is told to, a piece at a time; repeats the question otherwise."""

    name = "fake"
    expects: Sequence[str] = ()

    def __init__(self) -> None:
        self.pieces: Sequence[str] | None = None
        self.pause_s = 0.0
        self.error: BrainError | None = None
        self.asked: list[Asked] = []

    async def answer(self, asked: Asked) -> AsyncGenerator[str, None]:
        self.asked.append(asked)
        pieces = self.pieces
        for piece in [f"You said {asked.question}."] if pieces is None else pieces:
            await asyncio.sleep(self.pause_s)
            yield piece
        if self.error:
            raise self.error

    async def close(self) -> None:
        pass


def fake_senses(settings: Settings) -> Senses:
    return Senses([FakeEar()], FakeBrain())


FAKE_PARTS = Parts(
    load_models=fake_models,
    load_identity=fake_identity,
    open_voices=FakeVoices,
    open_senses=fake_senses,
    enrolment="tests.fake_enrolment",
)


def fake_settings(folder: Path, **changes: object) -> Settings:
    """Settings of a test server; nothing comes from the environment's own values."""
    chosen: dict[str, object] = {"data_dir": folder, "port": 0} | changes
    return Settings.model_validate(chosen)
