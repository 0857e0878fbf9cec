"""From the network's mouth shapes to motion: lips that close, and blendshapes.

The shapes come every 20 ms in the units of the viseme table; here they become rows of
40 ms in the units of the renderer.
"""

import math
from dataclasses import dataclass

import numpy as np

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
# that their vowel has in the table, but leave a third of it.
_APERTURE_IOD, _WIDEST_TABLE_APERTURE = 0.28, 1.2
_PUCKER_APERTURE_IOD, _FUNNEL_APERTURE_IOD, _LEFT_OPEN = -0.13, -0.03, 0.35
_WIDTH_IOD, NEUTRAL_WIDTH_IOD, _FUNNEL_WIDTH_IOD = 0.13, 0.47, -0.10
# Mouth corners follow slowly: each frame they go half of the way that is left. The
# tongue comes up quicker, and down more slowly: from th to l it stays up. A little of
# it is none.
_WIDTH_PACE, _TONGUE_RISE, _TONGUE_FALL, _LEAST_TONGUE = 0.5, 0.6, 0.3, 0.12

# In the pauses of a speaker the lips part a little, and the corners relax.
_PAUSE_APERTURE_IOD, _PAUSE_WIDTH_IOD = 0.05, 0.49

# The lips touch from the first frame above the upper threshold to the last above the
# lower one. In noise closures are heard less well, and both are lower, by the share
# _CLOSE_NOISY where the quietest sound of late has _NOISY of the energy or more (about
# 15 dB under the level). That minimum forgets by _FLOOR_RISE a frame.
_CLOSE_ON, _CLOSE_OFF = 0.6, 0.55
_CLOSE_NOISY, _NOISY, _FLOOR_RISE = 0.5, 0.4, 0.003

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
        "rest": _PAUSE_APERTURE_IOD,
        "speech": -_PAUSE_APERTURE_IOD,
    },
    "width": {
        "slow_width": 1.0,
        "rest": _PAUSE_WIDTH_IOD,
        "speech": NEUTRAL_WIDTH_IOD - _PAUSE_WIDTH_IOD,
    },
    "speech": {"speech": 1.0},
    "jawOpen": {"jaw": 0.35},
    "mouthClose": {"jaw_contact": 0.35},
    "mouthFunnel": {"funnel": 0.6},
    "mouthPucker": {"pucker": 0.8},
    "mouthUpperUp": {"upper_up": 0.8},
    "mouthLowerDown": {"lower_down": 0.8},
    "mouthRollLower": {"roll": 1.0, "contact": 0.2},
    "mouthRollUpper": {"contact": 0.25},
    "mouthPress": {"contact": 0.25},
    "mouthStretch": {"spread": 0.25},
    "tongueOut": {"tongue": 1.0},
}
_SHAPES = tuple(shape.name.lower() for shape in Shape if shape < Shape.CLOSE)
_FOLLOWED = ("spread", "jaw_contact", "contact", "slow_width", "rest", "speech")
_INGREDIENTS = (*_SHAPES, *_FOLLOWED)

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

    def split(self) -> list["MouthMotion"]:
        """Of each mouth."""
        parts = (self.mouth, self.energy, self.stress, self.speaking)
        rows = range(len(self.mouth))
        return [MouthMotion(*(part[row : row + 1] for part in parts)) for row in rows]


@dataclass(frozen=True)
class Mouth:
    """What one mouth remembers.

    closed: whether the lips touch. floor: energy of the quietest sound of late. width:
    of the corners, in IOD from neutral. tongue: how far it shows. speech: as in
    media.Motion. mean_energy: a running mean. energy: of the frames whose rows are
    still to come, as many as the look-ahead.
    """

    energy: tuple[float, ...]
    closed: bool = False
    floor: float = 0.0
    width: float = 0.0
    tongue: float = 0.0
    speech: float = 0.0
    mean_energy: float = 0.0


def mouths_at_rest(batch: int, look_ahead_frames: int) -> tuple[Mouth, ...]:
    """B mouths before any sound."""
    return (Mouth(energy=(0.0,) * look_ahead_frames),) * batch


def mixing_matrix() -> FloatArray:
    """Ingredients to MOUTH_CHANNELS, float32 [ingredients, channels]."""
    matrix = np.zeros((len(_INGREDIENTS), len(MOUTH_CHANNELS)), np.float32)
    for column, channel in enumerate(MOUTH_CHANNELS):
        side = channel.removesuffix("Left").removesuffix("Right")
        for ingredient, amount in _MIX[side].items():
            matrix[_INGREDIENTS.index(ingredient), column] = amount
    return matrix


_MATRIX = mixing_matrix()
_LIMITS = [(0.0, 1.0)] * len(_SHAPES)
_LIMITS[Shape.APERTURE] = (0.0, _WIDEST_TABLE_APERTURE)
_LIMITS[Shape.WIDTH] = (-1.2, 1.0)


def finish(
    shapes: FloatArray,
    loudness: FloatArray,
    levels: FloatArray,
    mouths: tuple[Mouth, ...],
) -> tuple[MouthMotion, tuple[Mouth, ...]]:
    """Shapes float32 [B, 2 n, len(Shape)] to n rows of motion; any chunking is one.

    The last two shapes, CLOSE and SPEECH, are logits. loudness, levels: [B, n], of
    the sound, see mel.follow_level. (In plain Python: these are many small steps, that
    torch would take four times as long for.)
    """
    energy = 1 + (loudness - levels) * np.float32(1 / _ENERGY_RANGE)
    followed = [
        _follow(*each)
        for each in zip(mouths, shapes.tolist(), energy.tolist(), strict=True)
    ]
    tracks = np.array([track for track, _ in followed], np.float32)
    energies, stress, speech = tracks[..., -2], tracks[..., -1], tracks[..., -3]
    motion = MouthMotion(_mix(tracks), energies, stress, speech)
    return motion, tuple(mouth for _, mouth in followed)


def rendered(track: FloatArray) -> FloatArray:
    """A target track float32 [n, len(Shape)], see visemes.mouth_track, as it should be
    seen: [n, len(MOUTH_CHANNELS)], each row for itself."""
    rows = [
        _ingredients(
            row,
            closed=row[Shape.CLOSE] > 0.5,
            contact=row[Shape.CLOSE] * row[Shape.SPEECH],
            width=_width(row),
            speech=row[Shape.SPEECH],
        )
        for row in track.tolist()
    ]
    return _mix(np.array(rows, np.float32))


def _follow(
    mouth: Mouth, shapes: list[list[float]], heard: list[float]
) -> tuple[list[list[float]], Mouth]:
    """One mouth, frame by frame.

    shapes: two rows a frame, see finish. heard: the energy of the frame that is a
    look-ahead later. Gives rows of _INGREDIENTS, energy and stress.
    """
    energies = [*mouth.energy, *(min(max(energy, 0.0), 1.0) for energy in heard)]
    closed, speech = mouth.closed, mouth.speech
    width, tongue = mouth.width, mouth.tongue
    floor, mean = mouth.floor, mouth.mean_energy
    track: list[list[float]] = []
    for first, second, energy, now in zip(
        shapes[0::2], shapes[1::2], energies, heard, strict=False
    ):
        floor = max(min(now, floor + _FLOOR_RISE), 0.0)
        easier = 1 - _CLOSE_NOISY * min(floor / _NOISY, 1.0)
        close = _sigmoid(max(first[Shape.CLOSE], second[Shape.CLOSE]))
        closed = close > (_CLOSE_OFF if closed else _CLOSE_ON) * easier
        speaking = max(first[Shape.SPEECH], second[Shape.SPEECH]) > 0
        speech += _SPEECH_RISE if speaking else -_SPEECH_FALL
        speech = min(max(speech, 0.0), 1.0)
        row = [(one + other) * 0.5 for one, other in zip(first, second, strict=True)]
        width += (_width(row) - width) * _WIDTH_PACE
        further = min(row[Shape.TONGUE], 1.0) - tongue
        tongue += further * (_TONGUE_RISE if further > 0 else _TONGUE_FALL)
        row[Shape.TONGUE] = tongue if tongue > _LEAST_TONGUE else 0.0
        mean = mean * _STRESS_MEMORY + energy * (1 - _STRESS_MEMORY)
        stress = min(max((energy - mean) * _STRESS_GAIN * speech, 0.0), 1.0)
        contact = speech * (1.0 if closed else close)
        row = _ingredients(row, closed, contact, width, speech)
        track.append([*row, energy, stress])
    left = tuple(energies[len(heard) :])
    return track, Mouth(left, closed, floor, width, tongue, speech, mean)


def _sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-min(max(logit, -30.0), 30.0)))


def _width(row: list[float]) -> float:
    """Of the corners, in IOD from neutral."""
    return _WIDTH_IOD * row[Shape.WIDTH] + _FUNNEL_WIDTH_IOD * row[Shape.FUNNEL]


def _ingredients(
    row: list[float], closed: bool, contact: float, width: float, speech: float
) -> list[float]:
    """A row of shapes as _INGREDIENTS; at rest without speech."""
    shares = [
        min(max(value, low), high) * speech
        for value, (low, high) in zip(row, _LIMITS, strict=False)
    ]
    if closed:
        shares[Shape.APERTURE] = 0.0
    spread, jaw = max(shares[Shape.WIDTH], 0.0), shares[Shape.JAW]
    return [*shares, spread, jaw * contact, contact, width * speech, 1.0, speech]


def _mix(tracks: FloatArray) -> FloatArray:
    """Rows that begin with _INGREDIENTS [..., n] to MOUTH_CHANNELS."""
    mouth: FloatArray = tracks[..., : len(_INGREDIENTS)] @ _MATRIX
    least = tracks[..., Shape.APERTURE] * np.float32(_LEFT_OPEN * _APERTURE_IOD)
    np.maximum(mouth[..., 0], least, out=mouth[..., 0])
    return mouth
