"""Audio to motion: a causal network from speech to the shape of the mouth.

    audio 16 kHz -> log-mel 100 Hz
    -> residual causal convs -> mouth shapes 50 Hz (models/mouth_net.py)
    -> motion 25 Hz (models/mouth_motion.py)

It streams: `step` takes whole frames of 40 ms with the state of the frames before and
gives as many rows, whatever the chunking. The row of a frame is given
`look_ahead_frames` later, since lips move before the sound they make.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Self

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from models.errors import WeightsError
from models.media import MODEL_SAMPLES_PER_FRAME
from models.mel import LOWEST_LEVEL, TAIL, LogMel, follow_level, normalise
from models.mouth_motion import (
    LOOK_AHEAD_FRAMES,
    LOOK_AHEADS,
    Mouth,
    MouthMotion,
    finish,
    mouths_at_rest,
)
from models.mouth_net import CHANNELS, MouthNet, NetState, OneFrame
from models.visemes import CLASS_INDEX, VISEME_CLASSES, Shape

EMBEDDED_WEIGHTS = Path(__file__).parent / "assets" / "audio2motion.safetensors"

# tongueOut of a sure l (tip behind the teeth), and of th (before them, seldom sure).
L_TONGUE, TH_TONGUE = 0.6, 2.2
PRECEDING_FRAMES = 70  # 2.8 s: a little more than the network can remember


@dataclass(frozen=True, eq=False)
class AudioState:
    """What the network remembers of B streams.

    audio: float32 [B, TAIL], the last samples. level: [B], see mel.follow_level.
    net, mouths: see mouth_net.NetState, mouth_motion.Mouth.
    """

    audio: Tensor
    level: Tensor
    net: NetState
    mouths: tuple[Mouth, ...]

    @classmethod
    def joined(cls, states: Sequence["AudioState"]) -> "AudioState":
        """Of all their streams, one after the other."""
        return cls(
            torch.cat([each.audio for each in states]),
            torch.cat([each.level for each in states]),
            NetState(
                torch.cat([each.net.front for each in states]),
                torch.cat([each.net.past for each in states]),
            ),
            tuple(mouth for each in states for mouth in each.mouths),
        )

    def split(self) -> list["AudioState"]:
        """Of each stream."""
        rows = [slice(row, row + 1) for row in range(len(self.level))]
        return [
            AudioState(
                self.audio[row],
                self.level[row],
                NetState(self.net.front[row], self.net.past[row]),
                self.mouths[row],
            )
            for row in rows
        ]


class AudioToMotion(nn.Module):
    """look_ahead_frames: of LOOK_AHEADS; how late the row of a frame is given."""

    def __init__(
        self, channels: int = CHANNELS, look_ahead_frames: int = LOOK_AHEAD_FRAMES
    ) -> None:
        super().__init__()
        self.log_mel = LogMel()
        self.net = MouthNet(channels)
        self.look_ahead_frames = look_ahead_frames
        self._one_frame: OneFrame | None = None

    @classmethod
    def load(
        cls,
        path: Path = EMBEDDED_WEIGHTS,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> Self:
        """Read weights, by default the embedded ones.

        dtype: what the network computes in; float16 or bfloat16 halve its memory. Mel
        and levels are float32 always.

        Raises:
            WeightsError: "weights_missing" (no such file), "weights_damaged" (not
                safetensors, or weights of another network).
        """
        if not path.is_file():
            raise WeightsError(
                "weights_missing",
                f"There are no audio-to-motion weights at {path}: restore the file, or "
                "train new ones with python -m scripts.train_audio2motion.",
            )
        try:
            tensors = load_file(path)
            network = cls(channels=tensors["net.front.bias"].shape[0])
            network.load_state_dict(tensors)
        except (SafetensorError, KeyError, RuntimeError, OSError) as error:
            raise WeightsError(
                "weights_damaged",
                f"{path} does not hold the weights of this network: restore the file.",
            ) from error
        network.net.to(dtype)
        return network.to(device).ready()

    def ready(self) -> Self:
        """For use with the weights it has now: no training any more."""
        self.eval().requires_grad_(False)
        self._one_frame = OneFrame(self.net)
        return self

    def with_look_ahead(self, frames: int) -> Self:
        """The same network, weights shared, that gives each row `frames` late.

        Raises:
            ValueError: frames is not in LOOK_AHEADS.
        """
        if frames not in LOOK_AHEADS:
            raise ValueError(
                f"a look-ahead is one of {LOOK_AHEADS} frames, not {frames}"
            )
        other = copy.copy(self)
        other.look_ahead_frames = frames
        return other

    def initial_state(self, batch: int = 1) -> AudioState:
        """The state of B streams before their first sample: they have heard silence.

        It takes as long as PRECEDING_FRAMES of sound, since the silence is heard.
        """
        like = self.log_mel.window
        nothing = AudioState(
            audio=like.new_zeros(batch, TAIL),
            level=like.new_full((batch,), LOWEST_LEVEL),
            net=self.net.initial_state(batch, self.net.front.bias.detach()),
            mouths=mouths_at_rest(batch, self.look_ahead_frames),
        )
        silence = like.new_zeros(batch, PRECEDING_FRAMES * MODEL_SAMPLES_PER_FRAME)
        _, heard = self.step(silence, nothing)
        return replace(heard, mouths=nothing.mouths)

    @torch.inference_mode()
    def step(self, audio: Tensor, state: AudioState) -> tuple[MouthMotion, AudioState]:
        """Hear whole frames.

        Args:
            audio: float32 [B, 640 n] at 16 kHz, n at least 1.
            state: of the samples before.

        Returns:
            n rows for each stream, row j of a stream being the motion of frame
            j - look_ahead_frames, and the new state.

        Raises:
            ValueError: not a whole number of frames, or another batch than the state's.
        """
        batch, samples = audio.shape
        if samples == 0 or samples % MODEL_SAMPLES_PER_FRAME:
            raise ValueError(
                f"{samples} samples are not a whole number of frames "
                f"of {MODEL_SAMPLES_PER_FRAME}"
            )
        if batch != len(state.level):
            raise ValueError(f"{batch} streams came with the state of another number")
        held = torch.cat([state.audio, audio], dim=1)
        mel = self.log_mel(held)
        loudness, levels, level = follow_level(mel, state.level)
        features = normalise(mel, levels)
        one_frame = samples == MODEL_SAMPLES_PER_FRAME and self._one_frame
        hidden, net = (one_frame or self.net)(features, state.net)
        head = self.net.heads[self.look_ahead_frames]
        shapes = functional.linear(hidden, head.weight, head.bias).float()
        shapes[..., Shape.TONGUE] = self._tongue(hidden)
        motion, mouths = finish(
            shapes.cpu().numpy(),
            loudness.cpu().numpy(),
            levels.cpu().numpy(),
            state.mouths,
        )
        return motion, AudioState(held[:, -TAIL:], level, net, mouths)

    def _tongue(self, hidden: Tensor) -> Tensor:
        """How far the tongue shows, [B, T]: l and th are too short and too rare for a
        regression, which learns to leave them out, but as classes they are heard well.
        With less look-ahead than the most, it comes that much late."""
        classes = self.net.class_head
        heard = functional.linear(hidden, classes.weight, classes.bias).float()
        return (heard.softmax(-1) * _shows_tongue(heard.device)).sum(-1)


@lru_cache(maxsize=8)
def _shows_tongue(device: torch.device) -> Tensor:
    """How far each viseme class shows the tongue: [classes]."""
    shown = torch.zeros(len(VISEME_CLASSES), device=device)
    shown[CLASS_INDEX["L"]], shown[CLASS_INDEX["TH"]] = L_TONGUE, TH_TONGUE
    return shown
