"""Short spoken questions: CMU Flite's voices slt and rms, which may be used freely."""

import functools
from pathlib import Path
from typing import Literal

import numpy as np

from models.media import MODEL_RATE_HZ, FloatArray
from models.sound import read_audio

Question = Literal["voice", "card", "photo"]
TEXTS: dict[Question, str] = {
    "voice": "How do I change the voice?",
    "card": "Do you need a graphics card?",
    "photo": "Wait. Can I use my own photo?",
}


@functools.cache
def question(name: Question, rate_hz: int = MODEL_RATE_HZ) -> FloatArray:
    """float32 [n], about 2 s, with next to no silence around it."""
    sound = read_audio(Path(__file__).parent / f"{name}_question.opus", rate_hz)
    first, last = np.flatnonzero(np.abs(sound) > 0.02)[[0, -1]]
    return sound[first : last + 1]


def wait_word(rate_hz: int = MODEL_RATE_HZ) -> FloatArray:
    """The "Wait." of a question, float32 [n]: too short for a turn."""
    return question("photo", rate_hz)[: int(0.4 * rate_hz)]


def silence(seconds: float, rate_hz: int = MODEL_RATE_HZ) -> FloatArray:
    return np.zeros(int(seconds * rate_hz), np.float32)
