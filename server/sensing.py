"""Microphone and playout -> how likely each 32 ms are a visitor's speech."""

from dataclasses import dataclass, field

import numpy as np

from models.echo import PLAYED_SAMPLES, WINDOW_SAMPLES, echo_share
from models.media import MODEL_RATE_HZ, PLAYOUT_RATE_HZ, FloatArray
from models.resample import Resampler
from models.vad import VAD_SAMPLES, VadState, speech_probability

# After so much silence the network forgets who spoke before it: with that in mind it
# took 0.2 to 0.6 s to hear the next voice, where it takes 0.1.
QUIET, FORGET_FRAMES = 0.2, 16
ECHO_SHARE = 0.5  # more of the sound than this is the portrait: it is no visitor
ECHO_EVERY = 3  # frames of speech between two looks for echo


@dataclass(frozen=True, eq=False)
class Sensed:
    """32 ms: samples float32 [512]; probability of a visitor's speech."""

    samples: FloatArray
    probability: float


@dataclass(eq=False)
class Ears:
    """What `sense` remembers; only ever used by one thread at a time."""

    vad: VadState = field(default_factory=VadState.fresh)
    microphone: Resampler = field(
        default_factory=lambda: Resampler(PLAYOUT_RATE_HZ, MODEL_RATE_HZ)
    )
    playout: Resampler = field(
        default_factory=lambda: Resampler(PLAYOUT_RATE_HZ, MODEL_RATE_HZ)
    )
    rest: FloatArray = field(default_factory=lambda: np.zeros(0, np.float32))
    heard: FloatArray = field(
        default_factory=lambda: np.zeros(WINDOW_SAMPLES, np.float32)
    )
    played: FloatArray = field(
        default_factory=lambda: np.zeros(PLAYED_SAMPLES, np.float32)
    )
    quiet: int = 0  # frames in a row
    voiced: int = 0
    echoes: bool = False

    def sense(
        self, sound: FloatArray, played: FloatArray, *, portrait_heard: bool
    ) -> list[Sensed]:
        """sound, played: float32 [n] at 48 kHz, of about the same stretch of time."""
        self.played = _shifted(self.played, self.playout.push(played, last=False))
        self.rest = np.concatenate([self.rest, self.microphone.push(sound, last=False)])
        sensed = []
        while len(self.rest) >= VAD_SAMPLES:
            samples, self.rest = self.rest[:VAD_SAMPLES], self.rest[VAD_SAMPLES:]
            self.heard = _shifted(self.heard, samples)
            probability = self._speech(samples)
            if probability >= 0.5 and portrait_heard:
                if self.voiced % ECHO_EVERY == 0:
                    self.echoes = echo_share(self.heard, self.played) > ECHO_SHARE
                self.voiced += 1
                probability = 0.0 if self.echoes else probability
            else:
                self.voiced = 0
            sensed.append(Sensed(samples, probability))
        return sensed

    def _speech(self, samples: FloatArray) -> float:
        probability, self.vad = speech_probability(samples, self.vad)
        self.quiet = self.quiet + 1 if probability < QUIET else 0
        if self.quiet == FORGET_FRAMES:
            self.vad = self.vad.forgotten()
        return probability


def _shifted(memory: FloatArray, new: FloatArray) -> FloatArray:
    return np.concatenate([memory, new])[-len(memory) :]
