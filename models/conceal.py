"""What is heard in the place of sound that was lost: the last pitch period, again.

After Appendix I of ITU-T G.711 (1999): the period is repeated at full level for 10 ms
and fades to nothing by 60 ms, since a longer one would buzz.
"""

import numpy as np

from models.media import PLAYOUT_RATE_HZ, FloatArray

HISTORY_SAMPLES = PLAYOUT_RATE_HZ // 25  # 40 ms: two periods of the deepest voice
BLEND_SAMPLES = PLAYOUT_RATE_HZ // 200  # 5 ms, from what was made up to what came
LONGEST_SAMPLES = PLAYOUT_RATE_HZ * 60 // 1000  # nothing is made up after this

_STEADY_SAMPLES = PLAYOUT_RATE_HZ // 100
_STEP = 4  # periods are looked for at 12 kHz
_SHORTEST, _LONGEST = PLAYOUT_RATE_HZ // 400, PLAYOUT_RATE_HZ // 66


def made_up(history: FloatArray, n: int) -> FloatArray:
    """Float32 [n] at 48 kHz that goes on from float32 [HISTORY_SAMPLES]."""
    period = _period(history)
    cycle = history[-period:].copy()
    seam = period // 4
    rise = np.linspace(0, 1, seam, dtype=np.float32)
    before = history[len(history) - period - seam : len(history) - period]
    cycle[-seam:] = cycle[-seam:] * (1 - rise) + before * rise
    repeated = np.resize(cycle, n)
    fade = LONGEST_SAMPLES - _STEADY_SAMPLES
    level = 1 - (np.arange(n, dtype=np.float32) - _STEADY_SAMPLES) / fade
    made: FloatArray = repeated * level.clip(0, 1)
    return made


def blended(before: FloatArray, after: FloatArray) -> FloatArray:
    """`after`, float32 [n], entered from what was being heard, at least as long or
    BLEND_SAMPLES of it."""
    n = min(len(before), len(after), BLEND_SAMPLES)
    rise = np.linspace(0, 1, n, dtype=np.float32)
    joined = after.copy()
    joined[:n] = before[:n] * (1 - rise) + after[:n] * rise
    return joined


def _period(history: FloatArray) -> int:
    """Samples after which the sound is most like itself."""
    coarse = history[::_STEP]
    recent = coarse[-(_LONGEST // _STEP) :]
    best, best_likeness = _LONGEST, 0.0
    for lag in range(_SHORTEST // _STEP, _LONGEST // _STEP):
        earlier = coarse[len(coarse) - lag - len(recent) : len(coarse) - lag]
        power = float(earlier @ earlier)
        likeness = float(recent @ earlier)
        if power > 0 and likeness > 0 and likeness**2 / power > best_likeness:
            best, best_likeness = lag * _STEP, likeness**2 / power
    return best
