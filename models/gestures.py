"""What the face does besides speaking: blinks, gaze, brows, head and breath.

Everything is relative to the photo's own pose, 25 rows a second, driven by the prosody
of the sound, seeded (same seed and same input, same motion), and continuous through
speech and silence. Each part keeps its state in plain numbers and advances one row at
a time, so any chunking gives the same rows.
"""

from copy import deepcopy
from dataclasses import dataclass, field

import numpy as np

from models.gesture_parts import (
    POSTURES,
    Blink,
    Breath,
    Brows,
    Chance,
    Gaze,
    Head,
    Listener,
    Posture,
    Stance,
)
from models.media import FloatArray

__all__ = [
    "GESTURE_CHANNELS",
    "POSTURES",
    "GestureState",
    "Gestures",
    "Posture",
    "Prosody",
]

GESTURE_CHANNELS = (
    "browDownLeft",
    "browDownRight",
    "browInnerUp",
    "browOuterUpLeft",
    "browOuterUpRight",
    "cheekSquintLeft",
    "cheekSquintRight",
    "eyeBlinkLeft",
    "eyeBlinkRight",
    "eyeLookDownLeft",
    "eyeLookDownRight",
    "eyeLookInLeft",
    "eyeLookInRight",
    "eyeLookOutLeft",
    "eyeLookOutRight",
    "eyeLookUpLeft",
    "eyeLookUpRight",
    "eyeSquintLeft",
    "eyeSquintRight",
    "eyeWideLeft",
    "eyeWideRight",
    "head_yaw",
    "head_pitch",
    "head_roll",
    "breath",
)

# An ARKit eyeLook of 1 is about this far for the eye.
_EYE_RANGE_DEG = 35.0
_BREATH_PITCH_DEG = 0.25  # the head rises and sinks a pixel or so


@dataclass(frozen=True, eq=False)
class Prosody:
    """How the sound is spoken, one value a frame; each float32 [n], 0 to 1.

    energy: loudness. stress: peaks on stressed syllables. speaking: whether there is
    speech at all.
    """

    energy: FloatArray
    stress: FloatArray
    speaking: FloatArray

    def __len__(self) -> int:
        return len(self.speaking)


@dataclass
class GestureState:
    """Everything that the next row depends on, as plain numbers."""

    chance: Chance
    posture: Posture = "idle"
    listener: Listener = field(default_factory=Listener)
    stance: Stance = field(default_factory=Stance)
    gaze: Gaze = field(default_factory=Gaze)
    blink: Blink = field(default_factory=Blink)
    head: Head = field(default_factory=Head)
    brows: Brows = field(default_factory=Brows)
    breath: Breath = field(default_factory=Breath)


class Gestures:
    """The gestures of one portrait; about 1 ms of CPU for a second of them."""

    def __init__(self, seed: int) -> None:
        self._state = _beginning(Chance(seed & 0xFFFFFFFFFFFFFFFF))

    @property
    def state(self) -> GestureState:
        """A copy: setting it later continues from here."""
        return deepcopy(self._state)

    @state.setter
    def state(self, state: GestureState) -> None:
        self._state = deepcopy(state)

    def set_posture(self, posture: Posture) -> None:
        """From the next row on; the change is blended over about half a second.

        Raises:
            ValueError: for a posture not in POSTURES.
        """
        if posture not in POSTURES:
            raise ValueError(f"posture must be one of {POSTURES}, not {posture!r}")
        self._state.posture = posture

    def step(self, prosody: Prosody) -> FloatArray:
        """Give float32 [n, len(GESTURE_CHANNELS)]; any chunking gives the same rows.

        Units as in models.media.Motion. NaN counts as 0, values beyond 0 to 1 are
        cut off.
        """
        columns = (prosody.energy, prosody.stress, prosody.speaking)
        heard = np.nan_to_num(np.stack(columns, axis=1), posinf=1.0, neginf=0.0)
        heard = np.clip(heard, 0.0, 1.0)
        rows = [self._row(*row) for row in heard.tolist()]
        return np.array(rows, np.float32).reshape(len(rows), len(GESTURE_CHANNELS))

    def _row(self, energy: float, stress: float, speaking: float) -> tuple[float, ...]:
        state, chance = self._state, self._state.chance
        sound = state.listener.hear(energy, stress, speaking)
        state.stance.blend(state.posture)
        shifted = state.gaze.step(chance, state.stance)
        prompted = 0.7 if sound.phrase_ended else 0.6 if shifted else 0.0
        closed = state.blink.step(chance, prompted)
        yaw, pitch, roll = state.head.step(
            chance, state.stance, sound, state.gaze.x.place
        )
        # Eyes stay on the viewer while the head moves (vestibulo-ocular reflex).
        look_x = (state.gaze.x.place - yaw) / _EYE_RANGE_DEG
        look_y = (state.gaze.y.place - pitch) / _EYE_RANGE_DEG
        breath = state.breath.step(chance, sound)
        lift, skew, warmth = state.brows.step(chance, sound)
        thinking, listening = state.stance.of("thinking"), state.stance.of("listening")
        lift += 0.1 * listening
        squint = 0.5 * warmth + 0.14 * thinking
        return (
            *_brow_columns(lift, skew, 0.16 * thinking),
            *_pair(warmth),
            *_pair(_lids(closed, look_y)),
            *_look_columns(look_x, look_y),
            *_pair(squint),
            *_pair(max(0.0, 0.4 * lift * (1 - closed))),
            yaw,
            pitch + _BREATH_PITCH_DEG * breath,
            roll,
            breath,
        )


def _beginning(chance: Chance) -> GestureState:
    """Portraits side by side neither blink together nor lean the same way."""
    state = GestureState(chance)
    state.blink.next_s = state.blink.age_s + chance.between(0.8, 3.4)
    state.gaze.left_s = chance.between(0.3, 1.2)
    state.head.agree_s = chance.between(1.5, 4)
    state.head.tilt = 1.0 if chance.happens(0.5) else -1.0
    return state


def _pair(value: float) -> tuple[float, float]:
    return value, value


def _brow_columns(lift: float, skew: float, frown: float) -> tuple[float, ...]:
    """Down left and right, inner up, outer up left and right."""
    down = min(1.0, max(0.0, 0.6 * -lift) + frown)
    up = max(0.0, lift)
    return down, down, 0.8 * up, up * (1 + skew) * 0.8, up * (1 - skew) * 0.8


def _lids(closed: float, look_y: float) -> float:
    """The upper lid follows the eye down, also without a blink."""
    lowered = 0.35 * max(0.0, -look_y)
    return 1 - (1 - closed) * (1 - lowered)


def _look_columns(x: float, y: float) -> tuple[float, ...]:
    """Down, in, out, up, each left and right; the subject's left is picture right."""
    right, left = max(0.0, min(1.0, x)), max(0.0, min(1.0, -x))
    up, down = max(0.0, min(1.0, y)), max(0.0, min(1.0, -y))
    return down, down, left, right, right, left, up, up
