"""Emotion and expressivity: small offsets that colour whatever the portrait does.

An emotion adds a little to a few channels; expressivity scales it and the gestures.
Neutral at expressivity 0.5 leaves the motion as it is, to the bit. A change blends in
half a second. Lips that speak stay absolute: an emotion never opens them, so that
p, b and m stay closed. How far a mouth goes is its articulation, a gain of its own,
which closed lips do not feel.
"""

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from models.gestures import GESTURE_CHANNELS
from models.media import CHANNEL_INDEX, FRAME_RATE_HZ, MOTION_CHANNELS, FloatArray
from models.mouth_motion import NEUTRAL_WIDTH_IOD

__all__ = [
    "DEFAULT_ARTICULATION",
    "DEFAULT_EXPRESSIVITY",
    "EMOTIONS",
    "Emotion",
    "Expression",
    "ExpressionState",
    "LEAST_ARTICULATION",
    "MOST_ARTICULATION",
]

Emotion = Literal["neutral", "happy", "serious", "concerned", "surprised"]
EMOTIONS: tuple[Emotion, ...] = get_args(Emotion)
DEFAULT_EXPRESSIVITY = 0.5
DEFAULT_ARTICULATION = 1.0
LEAST_ARTICULATION, MOST_ARTICULATION = 0.5, 1.5

# A critically damped spring of this rate is 98 % of the way after half a second.
_SPRING_HZ = 12.0
_SETTLED = 1e-4  # nearer to its goal than this, a blend is over
_SWELL = 0.10  # a held expression comes and goes by this share
_SWELL_PERIODS_S = (6.1, 14.3)
_ASYMMETRY = 0.08  # no face is as strong on the left as on the right

# ARKit names without a side are meant for both; head in degrees.
_OFFSETS: dict[Emotion, dict[str, float]] = {
    "neutral": {},
    "happy": {
        "mouthSmile": 0.52,
        "cheekSquint": 0.45,
        "eyeSquint": 0.22,
        "browOuterUp": 0.10,
        "head_pitch": 0.8,
    },
    "serious": {
        "browDown": 0.38,
        "eyeSquint": 0.14,
        "mouthPress": 0.22,
        "mouthFrown": 0.08,
        "head_pitch": -1.0,
    },
    "concerned": {
        "browInnerUp": 0.62,
        "browDown": 0.12,
        "mouthFrown": 0.26,
        "mouthPress": 0.10,
        "eyeSquint": 0.08,
        "head_pitch": -0.6,
        "head_roll": 1.6,
    },
    "surprised": {
        "browInnerUp": 0.65,
        "browOuterUp": 0.65,
        "eyeWide": 0.55,
        "jawOpen": 0.06,
        "head_pitch": 1.0,
    },
}

_LIVES_ON = ("eyeBlinkLeft", "eyeBlinkRight", "breath")  # at expressivity 0
_SCALED = [CHANNEL_INDEX[name] for name in GESTURE_CHANNELS if name not in _LIVES_ON]
_GAINS = 2  # of gestures and of articulation
_SMILES = [CHANNEL_INDEX["mouthSmileLeft"], CHANNEL_INDEX["mouthSmileRight"]]
_WIDES = [CHANNEL_INDEX["eyeWideLeft"], CHANNEL_INDEX["eyeWideRight"]]
_BLINKS = [CHANNEL_INDEX["eyeBlinkLeft"], CHANNEL_INDEX["eyeBlinkRight"]]
_ARKIT = slice(CHANNEL_INDEX["speech"] + 1, CHANNEL_INDEX["head_yaw"])
_JAW, _PUCKER = CHANNEL_INDEX["jawOpen"], CHANNEL_INDEX["mouthPucker"]
_WIDTH, _SPEECH = CHANNEL_INDEX["width"], CHANNEL_INDEX["speech"]

_ARTICULATED = [
    CHANNEL_INDEX[name]
    for name in ("aperture", "jawOpen", "mouthClose", "mouthFunnel", "mouthPucker")
    + ("mouthUpperUpLeft", "mouthUpperUpRight", "mouthStretchLeft")
    + ("mouthLowerDownLeft", "mouthLowerDownRight", "mouthStretchRight")
]

_SMILE_WIDENS = 0.14  # share of the width per mouthSmile
_SPEECH_TAKES = 0.30  # of a smile, while the mouth has something else to do


def _offset(emotion: Emotion) -> FloatArray:
    """An emotion at full strength: float32 [len(MOTION_CHANNELS)]."""
    row = np.zeros(len(MOTION_CHANNELS), np.float32)
    for name, amount in _OFFSETS[emotion].items():
        for side in ("", "Left", "Right"):
            if name + side in CHANNEL_INDEX:
                row[CHANNEL_INDEX[name + side]] = amount
    return row


def _gains(expressivity: float) -> tuple[float, float]:
    """Of the gestures and of the emotion: 0.15 and 0 at 0, 1 and 1 at 0.5, 1.6 and
    1.7 at 1."""
    if expressivity <= DEFAULT_EXPRESSIVITY:
        part = expressivity / DEFAULT_EXPRESSIVITY
        return 0.15 + 0.85 * part, part
    more = expressivity / DEFAULT_EXPRESSIVITY - 1
    return 1 + 0.6 * more, 1 + 0.7 * more


@dataclass(frozen=True, eq=False)
class ExpressionState:
    """Where a blend is and how fast it goes, float64 [2 + channels]; frame counts."""

    frame: int
    place: npt.NDArray[np.float64]
    speed: npt.NDArray[np.float64]


class Expression:
    """The emotion of one portrait, row by row; any chunking gives the same rows."""

    def __init__(self, seed: int = 0) -> None:
        chance = np.random.default_rng(seed & 0xFFFFFFFFFFFFFFFF)
        self._phases = chance.uniform(0, 2 * math.pi, len(_SWELL_PERIODS_S)).tolist()
        self._sides = _sides(float(chance.uniform(-_ASYMMETRY, _ASYMMETRY)))
        self._frame = 0
        # The gains of gestures and articulation, then the offsets; where they are, how
        # fast they go.
        self._goal = np.zeros(_GAINS + len(MOTION_CHANNELS))
        self._goal[:_GAINS] = 1.0
        self._place = self._goal.copy()
        self._speed = np.zeros_like(self._goal)

    @property
    def state(self) -> ExpressionState:
        """Setting it later continues from here, towards the goal of that time."""
        return ExpressionState(self._frame, self._place, self._speed)

    @state.setter
    def state(self, state: ExpressionState) -> None:
        self._frame, self._place = state.frame, state.place
        self._speed = state.speed

    def set(
        self,
        emotion: Emotion,
        expressivity: float = DEFAULT_EXPRESSIVITY,
        articulation: float = DEFAULT_ARTICULATION,
    ) -> None:
        """From the next row on, blended in half a second; from any thread.

        expressivity: 0 barely more than breath and blinks, 0.5 as usual, 1 lively.
        articulation: 0.5 mumbled, 1 as heard, 1.5 as to somebody who reads lips.

        Raises:
            ValueError: for an emotion not in EMOTIONS, an expressivity not in 0 to 1,
                an articulation not in 0.5 to 1.5.
        """
        if emotion not in EMOTIONS:
            raise ValueError(f"emotion must be one of {EMOTIONS}, not {emotion!r}")
        if not 0 <= expressivity <= 1:  # NaN is refused too
            raise ValueError(f"expressivity must be 0 to 1, not {expressivity}")
        if not LEAST_ARTICULATION <= articulation <= MOST_ARTICULATION:
            raise ValueError(f"articulation must be 0.5 to 1.5, not {articulation}")
        gestures, strength = _gains(expressivity)
        offsets = strength * _offset(emotion) * self._sides
        # One assignment: another thread may be in the middle of a row.
        self._goal = np.concatenate([[gestures, articulation], offsets])

    def apply(self, rows: FloatArray) -> FloatArray:
        """Motion float32 [n, len(MOTION_CHANNELS)] -> the same with expression."""
        blend = np.array([self._step() for _ in rows], np.float32)
        if not len(rows) or not np.any(blend != _PLAIN):
            return rows
        result = rows.copy()
        result[:, _SCALED] *= blend[:, :1]
        result[:, _ARTICULATED] *= blend[:, 1:_GAINS]
        from_neutral = result[:, _WIDTH] - NEUTRAL_WIDTH_IOD
        result[:, _WIDTH] += from_neutral * (blend[:, 1] - 1)
        offsets = blend[:, _GAINS:]
        speech = rows[:, _SPEECH : _SPEECH + 1].clip(0, 1)
        offsets[:, _JAW] *= 1 - speech[:, 0]
        pursed = rows[:, _PUCKER : _PUCKER + 1].clip(0, 1)
        offsets[:, _SMILES] *= 1 - speech * (_SPEECH_TAKES + 0.5 * pursed)
        offsets[:, _WIDES] *= 1 - rows[:, _BLINKS].clip(0, 1)
        result += offsets
        result[:, _WIDTH] *= 1 + _SMILE_WIDENS * offsets[:, _SMILES].mean(1)
        result[:, _ARKIT] = result[:, _ARKIT].clip(0, 1)
        return result

    def _step(self) -> FloatArray:
        """One frame of the spring: float32 [_GAINS + len(MOTION_CHANNELS)]."""
        goal = self._goal
        away = self._place - goal
        step_s = 1 / FRAME_RATE_HZ
        drift = self._speed + _SPRING_HZ * away
        fade = math.exp(-_SPRING_HZ * step_s)
        self._place = goal + (away + drift * step_s) * fade
        self._speed = (self._speed - _SPRING_HZ * drift * step_s) * fade
        if np.abs(away).max() < _SETTLED and np.abs(self._speed).max() < 10 * _SETTLED:
            self._place, self._speed = goal.copy(), np.zeros_like(goal)
        now_s = self._frame / FRAME_RATE_HZ
        self._frame += 1
        waves = zip(_SWELL_PERIODS_S, self._phases, strict=True)
        swell = sum(math.sin(2 * math.pi * now_s / p + at) for p, at in waves)
        row = self._place.astype(np.float32)
        row[_GAINS:] *= 1 + _SWELL * swell / len(_SWELL_PERIODS_S)
        return row


_PLAIN = np.zeros(_GAINS + len(MOTION_CHANNELS), np.float32)
_PLAIN[:_GAINS] = 1.0


def _sides(stronger: float) -> FloatArray:
    """Of each channel: how much of an emotion this face gives it."""
    row = np.ones(len(MOTION_CHANNELS), np.float32)
    for name, column in CHANNEL_INDEX.items():
        if name.endswith("Left"):
            row[column] += stronger
        elif name.endswith("Right"):
            row[column] -= stronger
    return row
