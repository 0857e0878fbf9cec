"""The pitch of a voice, against its own middle: what stressed syllables rise by.

By autocorrelation of 55 ms, four times decimated: 67 to 440 Hz.
"""

import math
from dataclasses import dataclass

import numpy as np

from models.media import MODEL_SAMPLES_PER_FRAME, FloatArray

_DECIMATION = 4  # 16 to 4 kHz
_RATE_HZ = 4000
_WINDOW = 880  # samples at 16 kHz; four periods of a low voice
_TAIL = _WINDOW - MODEL_SAMPLES_PER_FRAME
_SHORTEST, _LONGEST = 8, 60  # lags: 500 and 66 Hz
_VOICED = 0.5  # a smaller correlation is no voice
_AS_GOOD = 0.9  # of the best: the shortest lag that is as good, or octaves are missed
_FAINTEST = 1e-7  # of mean square: -70 dBFS

_MIDDLE_PACE = 0.03  # a voiced frame moves the middle by so much: 1.3 s of voice
_RISE_PACE, _FADE = 0.5, 0.8  # of the rise, with voice and without
_MOST_SEMITONES = 7.0


@dataclass(frozen=True, eq=False)
class PitchState:
    """tail: the last samples, float32 [_TAIL]. middle, rise: in semitones, the middle
    above 55 Hz (None before any voice). late: of frames whose rows are still to come.
    """

    tail: FloatArray
    late: tuple[float, ...]
    middle: float | None = None
    rise: float = 0.0


class PitchFollower:
    """Gives the rise of frame j - delay_frames with frame j, whatever the chunking."""

    def __init__(self, delay_frames: int) -> None:
        tail = np.zeros(_TAIL, np.float32)
        self.state = PitchState(tail, (0.0,) * delay_frames)

    def push(self, samples: FloatArray) -> FloatArray:
        """float32 [640 n] at 16 kHz -> semitones above the middle [n], -7 to 7."""
        state = self.state
        held = np.concatenate([state.tail, samples])
        rises, middle, rise = list(state.late), state.middle, state.rise
        for begin in range(0, len(samples), MODEL_SAMPLES_PER_FRAME):
            hz = pitch_hz(held[begin : begin + _WINDOW])
            if hz:
                semitones = 12 * math.log2(hz / 55)
                middle = semitones if middle is None else middle
                middle += (semitones - middle) * _MIDDLE_PACE
                rise += (semitones - middle - rise) * _RISE_PACE
                rise = min(max(rise, -_MOST_SEMITONES), _MOST_SEMITONES)
            else:
                rise *= _FADE
            rises.append(rise)
        count = len(samples) // MODEL_SAMPLES_PER_FRAME
        late, tail = tuple(rises[count:]), held[len(held) - _TAIL :]
        self.state = PitchState(tail, late, middle, rise)
        return np.array(rises[:count], np.float32)


def pitch_hz(window: FloatArray) -> float:
    """Of float32 [_WINDOW] at 16 kHz; 0 without voice."""
    slow = window.reshape(-1, _DECIMATION).mean(axis=1)
    slow = slow - slow.mean()
    power = np.correlate(slow, slow, "full")[len(slow) - 1 : len(slow) + _LONGEST]
    if power[0] < _FAINTEST * len(slow):
        return 0.0
    shares = power / power[0] * (len(slow) / (len(slow) - np.arange(len(power))))
    candidates = shares[_SHORTEST:_LONGEST].tolist()
    best = max(candidates)
    if best < _VOICED:
        return 0.0
    for index, share in enumerate(candidates[1:-1], 1):
        before, after = candidates[index - 1], candidates[index + 1]
        if share >= _AS_GOOD * best and share >= before and share >= after:
            bend = before - 2 * share + after
            shift = 0.5 * (before - after) / bend if bend else 0.0
            return _RATE_HZ / (_SHORTEST + index + shift)
    return 0.0
