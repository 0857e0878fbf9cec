"""Makes a clause's raw sound even: level, silence around it, no clicks at its ends."""

import numpy as np

from models.media import FloatArray

SPEECH_LEVEL_DBFS = -20.0  # of the parts that sound; common for speech services
PEAK = 0.97
_KNEE = 0.7
_SILENT = 0.004  # -48 dBFS, under the softest consonant at this level
_LEAD_S = 0.01
_TAIL_S = 0.03
_FADE_S = 0.004
_WINDOW_S = 0.02


def active_level_dbfs(samples: FloatArray, rate_hz: int) -> float:
    """RMS of the windows within 20 dB of the loudest; -inf for silence.

    Pauses are left out, as ITU-T P.56 does with its margin of about 16 dB.
    """
    window = int(_WINDOW_S * rate_hz)
    windows = samples[: len(samples) // window * window].reshape(-1, window)
    power = np.square(windows, dtype=np.float64).mean(axis=1)
    if not len(power) or power.max() == 0:
        return float("-inf")
    return float(10 * np.log10(power[power > power.max() / 100].mean()))


def limit(samples: FloatArray) -> FloatArray:
    """Leave what is under the knee; bend what is over it, never reaching PEAK.

    Memoryless, so any chunking gives the same.
    """
    size = np.abs(samples)
    room = PEAK - _KNEE
    bent = _KNEE + room * np.tanh((size - _KNEE) / room)
    return np.where(size > _KNEE, np.copysign(bent, samples), samples).astype(
        np.float32
    )


class Leveller:
    """One clause: gain, limiter, silence trimmed at both ends, both ends faded.

    Holds back silence, and the last few milliseconds of sound, until it knows whether
    the clause goes on. What comes out may be shorter than what went in, by `trimmed`
    samples at the start.
    """

    def __init__(self, rate_hz: int, gain: float) -> None:
        self._gain = gain
        self._lead = int(_LEAD_S * rate_hz)
        self._tail = int(_TAIL_S * rate_hz)
        self._fade = int(_FADE_S * rate_hz)
        self._held = np.zeros(0, np.float32)
        self._begun = False
        self.trimmed = 0

    def push(self, samples: FloatArray) -> FloatArray:
        """Samples float32 [n] in; float32 [m] out, m may be 0."""
        self._held = np.concatenate(
            [self._held, limit(samples * np.float32(self._gain))]
        )
        loud = np.flatnonzero(np.abs(self._held) > _SILENT)
        if not self._begun:
            drop = max(0, (loud[0] if len(loud) else len(self._held)) - self._lead)
            self._held = self._held[drop:]
            self.trimmed += int(drop)
            if not len(loud) or len(self._held) <= 2 * self._fade:
                return self._held[:0]
            self._begun = True
            self._fade_in()
            loud = loud - drop
        end = max(0, loud[-1] + 1 - self._fade) if len(loud) else 0
        out, self._held = self._held[:end], self._held[end:]
        return out

    def finish(self, pause: int) -> FloatArray:
        """The rest of the clause, faded out, and `pause` samples of silence."""
        if not self._begun:
            return self._held[:0]
        loud = np.flatnonzero(np.abs(self._held) > _SILENT)
        sounding = int(loud[-1]) + 1 if len(loud) else 0
        rest = self._held[: sounding + self._tail].copy()
        # A synthesiser may stop dead at the end of a consonant, and go quiet then.
        for end in (sounding, len(rest)):
            fade = min(self._fade, end)
            rest[end - fade : end] *= np.linspace(1, 0, fade, dtype=np.float32)
        return np.concatenate([rest, np.zeros(pause, np.float32)])

    def _fade_in(self) -> None:
        self._held = self._held.copy()
        self._held[: self._fade] *= np.linspace(0, 1, self._fade, dtype=np.float32)
