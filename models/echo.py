"""Whether a microphone hears the visitor or the portrait's own voice.

Browsers cancel echo, but not all of it, and not everywhere. What was played is known,
so: find the delay at which it fits what was heard (generalised cross-correlation with
phase transform, Knapp and Carter 1976), and ask how much of the heard power a linear
path from there explains (magnitude-squared coherence, Welch's method). Loudspeaker,
room and codec are such a path; a visitor is not.
"""

import numpy as np

from models.media import MODEL_RATE_HZ, FloatArray

WINDOW_SAMPLES = MODEL_RATE_HZ // 2  # of the microphone that is judged
LONGEST_DELAY_SAMPLES = MODEL_RATE_HZ * 3 // 2  # network, jitter buffers, sound cards
PLAYED_SAMPLES = WINDOW_SAMPLES + LONGEST_DELAY_SAMPLES

_SEGMENT = 1024  # 64 ms, longer than the early part of a room's echo
_HOP = _SEGMENT // 4
_LOW_HZ, _HIGH_HZ = 150, 5_000  # where voices and small loudspeakers have power
_SILENT_POWER = 1e-8  # -80 dBFS: nothing was played


def echo_share(heard: FloatArray, played: FloatArray) -> float:
    """How much of what was heard is the portrait, 0 to 1.

    Args:
        heard: float32 [WINDOW_SAMPLES] at 16 kHz.
        played: float32 [PLAYED_SAMPLES] that ends when `heard` does, with no delay.

    About 2 ms. The share is of power, so 0.5 is a visitor as loud as the echo.
    """
    if np.mean(played**2) < _SILENT_POWER or not np.any(heard):
        return 0.0
    heard, played = np.nan_to_num(heard), np.nan_to_num(played)
    delay = _delay(heard, played)
    end = len(played) - delay
    return _explained(heard, played[end - len(heard) : end])


def _delay(heard: FloatArray, played: FloatArray) -> int:
    """Samples by which `heard` is later than it could be."""
    size = 1 << (len(played) + len(heard) - 1).bit_length()
    cross = np.fft.rfft(played, size) * np.conj(np.fft.rfft(heard, size))
    hz = np.fft.rfftfreq(size, 1 / MODEL_RATE_HZ)
    band = (hz >= _LOW_HZ) & (hz <= _HIGH_HZ)
    # Half whitened: full whitening lets bands that hold only noise vote too.
    whitened = np.where(band, cross / np.sqrt(np.abs(cross) + 1e-12), 0)
    places = np.fft.irfft(whitened, size)[: len(played) - len(heard) + 1]
    return len(played) - len(heard) - int(np.argmax(places))


def _explained(heard: FloatArray, played: FloatArray) -> float:
    window = np.hanning(_SEGMENT)
    starts = np.arange(0, len(heard) - _SEGMENT + 1, _HOP)[:, None]
    rows = starts + np.arange(_SEGMENT)
    x = np.fft.rfft(played[rows] * window, axis=1)
    y = np.fft.rfft(heard[rows] * window, axis=1)
    hz = np.fft.rfftfreq(_SEGMENT, 1 / MODEL_RATE_HZ)
    band = (hz >= _LOW_HZ) & (hz <= _HIGH_HZ)
    sxy = np.sum(np.conj(x) * y, axis=0)[band]
    sxx = np.sum(np.abs(x) ** 2, axis=0)[band]
    syy = np.sum(np.abs(y) ** 2, axis=0)[band]
    coherence = np.abs(sxy) ** 2 / (sxx * syy + 1e-20)
    share = float(np.sum(coherence * syy) / (np.sum(syy) + 1e-20))
    # Unrelated sounds seem coherent by 1 / independent segments (Carter 1987).
    chance = _SEGMENT / len(heard) * 1.2
    return min(max((share - chance) / (1 - chance), 0.0), 1.0)
