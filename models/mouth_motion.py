"""From the network's mouth shapes to motion: lips that close, and blendshapes.

The shapes come every 20 ms in the units of the viseme table; here they become rows of
40 ms in the units of the renderer.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.media import LIP_CHANNELS
from models.visemes import Shape

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

    mouth: Tensor
    energy: Tensor
    stress: Tensor
    speaking: Tensor


@dataclass(frozen=True, eq=False)
class MouthState:
    """What B mouths remember: [B] each, float32 unless said, the history of
    energy [B, LOOK_AHEAD_FRAMES].

    closed: bool, whether the lips touch. speech: as in media.Motion. mean_energy: a
    running mean. energy: of the frames whose rows are still to come.
    """

    closed: Tensor
    speech: Tensor
    mean_energy: Tensor
    energy: Tensor

    @classmethod
    def initial(cls, batch: int, like: Tensor) -> "MouthState":
        """Lips at rest, before any sound."""
        zero = like.new_zeros(batch)
        return cls(zero > 0, zero, zero, like.new_zeros(batch, LOOK_AHEAD_FRAMES))


def mixing_matrix() -> Tensor:
    """Ingredients to MOUTH_CHANNELS, float32 [channels, ingredients]."""
    matrix = torch.zeros(len(MOUTH_CHANNELS), len(_INGREDIENTS))
    for row, channel in enumerate(MOUTH_CHANNELS):
        side = channel.removesuffix("Left").removesuffix("Right")
        for ingredient, amount in _MIX[side].items():
            matrix[row, _INGREDIENTS.index(ingredient)] = amount
    return matrix


class MouthFinish(nn.Module):
    """Shapes of 20 ms to rows of motion; its state makes any chunking the same."""

    matrix: Tensor
    lowest: Tensor
    highest: Tensor

    def __init__(self) -> None:
        super().__init__()
        lowest, highest = torch.zeros(len(_SHAPES)), torch.ones(len(_SHAPES))
        highest[Shape.APERTURE] = _WIDEST_TABLE_APERTURE
        lowest[Shape.WIDTH] = -1.2
        self.register_buffer("matrix", mixing_matrix(), persistent=False)
        self.register_buffer("lowest", lowest, persistent=False)
        self.register_buffer("highest", highest, persistent=False)

    def forward(
        self, shapes: Tensor, loudness: Tensor, levels: Tensor, state: MouthState
    ) -> tuple[MouthMotion, MouthState]:
        """Shapes [B, 2 n, len(Shape)] to n rows of motion.

        The last two shapes, CLOSE and SPEECH, are logits. loudness, levels: [B, n], of
        the sound, see mel.follow_level.
        """
        batch, steps, columns = shapes.shape
        frames = steps // 2
        pairs = shapes.view(batch, frames, 2, columns)
        gates = torch.sigmoid(pairs[..., Shape.CLOSE :].amax(2))
        energy_now = (1 + (loudness - levels) / _ENERGY_RANGE).clamp(0, 1)
        energies = torch.cat([state.energy, energy_now], dim=1)
        energy = energies[:, :frames]
        closed, speech, mean_energy = _follow(gates, energy, state)
        stress = (energy - mean_energy) * _STRESS_GAIN * speech
        mouth = self._mix(pairs.mean(2), closed, gates[..., 0], speech)
        motion = MouthMotion(mouth, energy, stress.clamp(0, 1), speech)
        return motion, MouthState(
            closed[:, -1],
            speech[:, -1],
            mean_energy[:, -1],
            energies[:, -LOOK_AHEAD_FRAMES:],
        )

    def _mix(
        self, rows: Tensor, closed: Tensor, close: Tensor, speech: Tensor
    ) -> Tensor:
        """Shapes [B, n, len(Shape)] to MOUTH_CHANNELS; at rest without speech."""
        speech = speech.unsqueeze(-1)
        shares = rows[..., : Shape.CLOSE].clamp(self.lowest, self.highest) * speech
        touching = closed.to(rows.dtype)
        shares[..., Shape.APERTURE] *= 1 - touching
        contact = torch.maximum(touching, close).unsqueeze(-1) * speech
        jaw = shares[..., Shape.JAW : Shape.JAW + 1]
        spread = shares[..., Shape.WIDTH : Shape.WIDTH + 1].clamp(min=0)
        rest = torch.ones_like(speech)
        parts = [shares, spread, contact, contact * jaw, speech, rest]
        mouth = functional.linear(torch.cat(parts, dim=-1), self.matrix)
        least = shares[..., Shape.APERTURE] * (_LEFT_OPEN * _APERTURE_IOD)
        mouth[..., 0] = torch.maximum(mouth[..., 0], least)
        return mouth


def _follow(
    gates: Tensor, energy: Tensor, state: MouthState
) -> tuple[Tensor, Tensor, Tensor]:
    """Lips closed (bool), speech and mean energy, frame by frame, each [B, n]."""
    on, off = gates[..., 0] > _CLOSE_ON, gates[..., 0] > _CLOSE_OFF
    speaking = (gates[..., 1] > 0.5).to(gates.dtype)
    closed, speech, mean_energy = state.closed, state.speech, state.mean_energy
    rows: list[tuple[Tensor, Tensor, Tensor]] = []
    for frame in range(energy.shape[1]):
        closed = on[:, frame] | (closed & off[:, frame])
        speech = torch.clamp(
            speaking[:, frame], speech - _SPEECH_FALL, speech + _SPEECH_RISE
        )
        mean_energy = torch.lerp(energy[:, frame], mean_energy, _STRESS_MEMORY)
        rows.append((closed, speech, mean_energy))
    if len(rows) == 1:
        return closed.unsqueeze(1), speech.unsqueeze(1), mean_energy.unsqueeze(1)
    closures, speeches, means = zip(*rows, strict=True)
    return torch.stack(closures, 1), torch.stack(speeches, 1), torch.stack(means, 1)
