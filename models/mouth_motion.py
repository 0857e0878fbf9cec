"""From the network's mouth shapes to motion: lips that close, and blendshapes.

The shapes come every 20 ms in the units of the viseme table; here they become rows of
40 ms in the units of the renderer.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.media import LIP_CHANNELS, FloatArray
from models.visemes import Shape

# How many frames of sound after its own a row may be told from. The more it has heard,
# the better it knows; a voice that is known ahead costs nothing to look into.
LOOK_AHEADS = (0, 1, 2)
LOOK_AHEAD_FRAMES = 2

MOUTH_CHANNELS = (
    *LIP_CHANNELS,
    "jawOpen",
    "mouthClose",
    "mouthFunnel",
    "mouthPucker",
    "mouthUpperUpLeft",
    "mouthUpperUpRight",
    "mouthLowerDownLeft",
    "mouthLowerDownRight",
    "mouthRollLower",
    "mouthRollUpper",
    "mouthPressLeft",
    "mouthPressRight",
    "mouthStretchLeft",
    "mouthStretchRight",
    "tongueOut",
)

# Table units to IOD, fitted on real talking faces. Pursed lips close round the opening
# that their vowel has in the table, but leave a quarter of it.
_APERTURE_IOD, _WIDEST_TABLE_APERTURE = 0.28, 1.2
_PUCKER_APERTURE_IOD, _FUNNEL_APERTURE_IOD, _LEFT_OPEN = -0.13, -0.03, 0.25
_WIDTH_IOD, _NEUTRAL_WIDTH_IOD, _FUNNEL_WIDTH_IOD = 0.13, 0.47, -0.05

# The lips touch from the first frame above the upper threshold to the last above the
# lower one.
_CLOSE_ON, _CLOSE_OFF = 0.6, 0.35

# Speech takes the lips over in 3 frames and gives them back in 8.
_SPEECH_RISE, _SPEECH_FALL = 1 / 3, 1 / 8

# What each channel takes of the shapes, of lip contact, of contact while the jaw is
# open, of a spread mouth, and of rest: mouthClose is what closes the lips of an open
# jaw, as ARKit defines it.
_MIX: dict[str, dict[str, float]] = {
    "aperture": {
        "aperture": _APERTURE_IOD,
        "pucker": _PUCKER_APERTURE_IOD,
        "funnel": _FUNNEL_APERTURE_IOD,
    },
    "width": {
        "width": _WIDTH_IOD,
        "rest": _NEUTRAL_WIDTH_IOD,
        "funnel": _FUNNEL_WIDTH_IOD,
    },
    "speech": {"speech": 1.0},
    "jawOpen": {"jaw": 0.35},
    "mouthClose": {"jaw_contact": 0.35},
    "mouthFunnel": {"funnel": 0.6},
    "mouthPucker": {"pucker": 0.8},
    "mouthUpperUp": {"upper_up": 0.8},
    "mouthLowerDown": {"lower_down": 0.8},
    "mouthRollLower": {"roll": 0.6},
    "mouthRollUpper": {"contact": 0.15},
    "mouthPress": {"contact": 0.25},
    "mouthStretch": {"spread": 0.25},
    "tongueOut": {"tongue": 0.4},
}
_SHAPES = tuple(shape.name.lower() for shape in Shape if shape < Shape.CLOSE)
_INGREDIENTS = (*_SHAPES, "spread", "contact", "jaw_contact", "speech", "rest")

# Energy: 0 at 26 dB under the level, 1 at the level (natural logarithms of power).
_ENERGY_RANGE = 6.0
_STRESS_MEMORY = 0.92  # per frame: the half-life of the running mean is 0.33 s
_STRESS_GAIN = 2.5


@dataclass(frozen=True, eq=False)
class MouthMotion:
    """What B mouths do in n frames, and how the sound is spoken.

    mouth: float32 [B, n, len(MOUTH_CHANNELS)], in the units of media.Motion.
    energy, stress, speaking: float32 [B, n], 0 to 1; see gestures.Prosody.
    """

    mouth: FloatArray
    energy: FloatArray
    stress: FloatArray
    speaking: FloatArray


@dataclass(frozen=True, eq=False)
class MouthState:
    """What B mouths remember: float32 [B] each, unless said.

    closed: bool, whether the lips touch. speech: as in media.Motion. mean_energy: a
    running mean. energy: [B, look-ahead], of the frames whose rows are still to come.
    """

    closed: npt.NDArray[np.bool_]
    speech: FloatArray
    mean_energy: FloatArray
    energy: FloatArray

    @classmethod
    def initial(cls, batch: int, look_ahead_frames: int) -> "MouthState":
        """Lips at rest, before any sound."""
        zero = np.zeros(batch, np.float32)
        energy = np.zeros((batch, look_ahead_frames), np.float32)
        return cls(zero > 0, zero, zero, energy)


def mixing_matrix() -> FloatArray:
    """Ingredients to MOUTH_CHANNELS, float32 [ingredients, channels]."""
    matrix = np.zeros((len(_INGREDIENTS), len(MOUTH_CHANNELS)), np.float32)
    for column, channel in enumerate(MOUTH_CHANNELS):
        side = channel.removesuffix("Left").removesuffix("Right")
        for ingredient, amount in _MIX[side].items():
            matrix[_INGREDIENTS.index(ingredient), column] = amount
    return matrix


_MATRIX = mixing_matrix()
_LOWEST = np.zeros(len(_SHAPES), np.float32)
_HIGHEST = np.ones(len(_SHAPES), np.float32)
_HIGHEST[Shape.APERTURE] = _WIDEST_TABLE_APERTURE
_LOWEST[Shape.WIDTH] = -1.2


def finish(
    shapes: FloatArray, loudness: FloatArray, levels: FloatArray, state: MouthState
) -> tuple[MouthMotion, MouthState]:
    """Shapes float32 [B, 2 n, len(Shape)] to n rows of motion; any chunking is one.

    The last two shapes, CLOSE and SPEECH, are logits. loudness, levels: [B, n], of
    the sound, see mel.follow_level. (In numpy, since these are many small steps.)
    """
    batch, steps, columns = shapes.shape
    frames = steps // 2
    pairs = shapes.reshape(batch, frames, 2, columns)
    logits = pairs[..., Shape.CLOSE :].max(axis=2).clip(-30, 30)
    gates = 1 / (1 + np.exp(-logits))
    energy_now = (1 + (loudness - levels) / _ENERGY_RANGE).clip(0, 1)
    energies = np.concatenate([state.energy, energy_now], axis=1)
    energy = energies[:, :frames]
    closed, speech, mean_energy = _follow(gates, energy, state)
    stress = ((energy - mean_energy) * (_STRESS_GAIN * speech)).clip(0, 1)
    mouth = _mix(pairs.mean(axis=2), closed, gates[..., 0], speech)
    return MouthMotion(mouth, energy, stress, speech), MouthState(
        closed[:, -1], speech[:, -1], mean_energy[:, -1], energies[:, frames:]
    )


def _mix(
    rows: FloatArray,
    closed: npt.NDArray[np.bool_],
    close: FloatArray,
    speech: FloatArray,
) -> FloatArray:
    """Shapes [B, n, len(Shape)] to MOUTH_CHANNELS; at rest without speech."""
    speech = speech[..., None]
    shares = rows[..., : Shape.CLOSE].clip(_LOWEST, _HIGHEST) * speech
    shares[..., Shape.APERTURE] *= ~closed
    contact = np.maximum(closed, close)[..., None] * speech
    jaw = shares[..., Shape.JAW : Shape.JAW + 1]
    spread = shares[..., Shape.WIDTH : Shape.WIDTH + 1].clip(0)
    rest = np.ones_like(speech)
    parts = [shares, spread, contact, contact * jaw, speech, rest]
    mouth: FloatArray = np.concatenate(parts, axis=-1) @ _MATRIX
    least = shares[..., Shape.APERTURE] * (_LEFT_OPEN * _APERTURE_IOD)
    mouth[..., 0] = np.maximum(mouth[..., 0], least)
    return mouth


def _follow(
    gates: FloatArray, energy: FloatArray, state: MouthState
) -> tuple[npt.NDArray[np.bool_], FloatArray, FloatArray]:
    """Lips closed, speech and mean energy, frame by frame, each [B, n]."""
    on, off = gates[..., 0] > _CLOSE_ON, gates[..., 0] > _CLOSE_OFF
    speaking = gates[..., 1] > 0.5
    closures, speeches = np.empty_like(on), np.empty_like(energy)
    means = np.empty_like(energy)
    closed, speech, mean = state.closed, state.speech, state.mean_energy
    for frame in range(energy.shape[1]):
        closed = on[:, frame] | (closed & off[:, frame])
        rise, fall = speech + _SPEECH_RISE, speech - _SPEECH_FALL
        speech = np.where(speaking[:, frame], rise, fall).clip(0, 1)
        mean = mean * _STRESS_MEMORY + energy[:, frame] * (1 - _STRESS_MEMORY)
        closures[:, frame], speeches[:, frame], means[:, frame] = closed, speech, mean
    return closures, speeches, means
