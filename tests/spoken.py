"""Speech with known phones for tests, made in a process of its own.

espeak-ng has one global state, which the voices of models/tts use in this process.
"""

import functools
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr

from models.media import MODEL_RATE_HZ, MODEL_SAMPLES_PER_FRAME, FloatArray
from models.visemes import BILABIAL, FIRST_VOWEL

_SAY = """
import sys
import numpy as np
from scripts.speech_sources import Espeak, EspeakVoice
said = Espeak().say(sys.argv[1], EspeakVoice(sys.argv[2], 150, 50, 50))
np.savez(sys.argv[3], samples=said.samples, rate=said.rate_hz, phones=said.phones)
"""


@dataclass(frozen=True, eq=False)
class Spoken:
    """samples: float32 at 16 kHz, whole frames, with silence of half a second around.

    phones: float64 [K, 3], start and end in s, viseme class.
    """

    samples: FloatArray
    phones: FloatArray

    def middles_s(self, *, vowels: bool) -> list[float]:
        """Of the vowels, or of p b m."""
        classes = self.phones[:, 2]
        wanted = classes >= FIRST_VOWEL if vowels else classes == BILABIAL
        middles: list[float] = self.phones[wanted, :2].mean(axis=1).tolist()
        return middles


@functools.cache
def spoken(text: str, voice: str) -> Spoken:
    """Say it with espeak-ng."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "said.npz"
        command = [sys.executable, "-c", _SAY, text, voice, str(path)]
        subprocess.run(command, check=True, cwd=Path(__file__).parents[1], timeout=120)
        with np.load(path) as data:
            said = soxr.resample(data["samples"], int(data["rate"]), MODEL_RATE_HZ)
            phones = data["phones"].astype(np.float32)
    around = MODEL_RATE_HZ // 2
    missing = -(len(said) + 2 * around) % MODEL_SAMPLES_PER_FRAME
    samples = np.pad(said.astype(np.float32), (around, around + missing))
    phones[:, :2] += 0.5
    return Spoken(samples, phones)
