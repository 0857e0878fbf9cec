"""What the face does besides speaking: blinks, gaze, brows, head and breath.

Everything is relative to the photo's own pose, 25 rows a second, driven by the prosody
of the sound, seeded (same seed and same input, same motion), and continuous through
speech and silence.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from models.media import FloatArray

Posture = Literal["idle", "listening", "thinking", "speaking"]
POSTURES: tuple[Posture, ...] = get_args(Posture)

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


class Gestures:
    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._posture: Posture = "idle"

    def set_posture(self, posture: Posture) -> None:
        """From the next row on; the change is blended over about half a second."""
        self._posture = posture

    def step(self, prosody: Prosody) -> FloatArray:
        """Give float32 [n, len(GESTURE_CHANNELS)]; any chunking gives the same rows."""
        return np.zeros((len(prosody), len(GESTURE_CHANNELS)), np.float32)
