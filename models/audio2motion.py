"""Audio to motion: a causal network from speech to the shape of the mouth.

    audio 16 kHz -> log-mel 100 Hz -> conv k5 stride 2 (50 Hz)
    -> residual causal convs k3, dilation 1 2 4 8 16 32 1 2
    -> one linear head for each look-ahead: 0, 40 and 80 ms

It streams: `step` takes whole frames of 40 ms with the state of the frames before and
gives as many rows, whatever the chunking. The row of a frame is given
`look_ahead_frames` later, since lips move before the sound they make.
"""

import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from models.errors import WeightsError
from models.media import MODEL_SAMPLES_PER_FRAME
from models.mel import (
    LOWEST_LEVEL,
    MEL_BANDS,
    TAIL,
    LogMel,
    follow_level,
    normalise,
)
from models.mouth_motion import (
    LOOK_AHEAD_FRAMES,
    LOOK_AHEADS,
    MouthMotion,
    MouthState,
    finish,
)
from models.visemes import VISEME_CLASSES, Shape

EMBEDDED_WEIGHTS = Path(__file__).parent / "assets" / "audio2motion.safetensors"

CHANNELS = 160
DILATIONS = (1, 2, 4, 8, 16, 32, 1, 2)
_FRONT_KERNEL, _FRONT_STRIDE, _KERNEL = 5, 2, 3
_FRONT_TAIL = _FRONT_KERNEL - _FRONT_STRIDE
STEPS_PER_FRAME = 2  # of the network, 20 ms each
PRECEDING_FRAMES = 70  # 2.8 s: a little more than the network can remember


class CausalConv(nn.Module):
    """A causal dilated convolution of kernel 3 as one matrix product.

    forward(x, tail): x [B, T, C] and the 2 dilation steps before it.
    """

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.tail_steps = (_KERNEL - 1) * dilation
        self.linear = nn.Linear(_KERNEL * channels, channels)

    def forward(self, x: Tensor, tail: Tensor) -> tuple[Tensor, Tensor]:
        steps, d = x.shape[1], self.dilation
        held = torch.cat([tail, x], dim=1)
        taps = torch.cat([held[:, :steps], held[:, d : d + steps], x], dim=2)
        weight, bias = self.linear.weight, self.linear.bias
        return functional.linear(taps, weight, bias), held[:, steps:]


class MouthNet(nn.Module):
    """Normalised mel to mouth shapes and, for training, viseme classes, at 50 Hz."""

    def __init__(self, channels: int = CHANNELS) -> None:
        super().__init__()
        self.channels = channels
        self.front = nn.Linear(_FRONT_KERNEL * MEL_BANDS, channels)
        self.blocks = nn.ModuleList(CausalConv(channels, d) for d in DILATIONS)
        self.shape_heads = nn.ModuleList(
            nn.Linear(channels, len(Shape)) for _ in LOOK_AHEADS
        )
        self.class_head = nn.Linear(channels, len(VISEME_CLASSES))

    def initial_tails(self, batch: int, like: Tensor) -> tuple[Tensor, ...]:
        """What a stream is preceded by: nothing."""
        steps = [2 * dilation for dilation in DILATIONS]
        return (
            like.new_zeros(batch, _FRONT_TAIL, MEL_BANDS),
            *(like.new_zeros(batch, count, self.channels) for count in steps),
        )

    def forward(
        self, features: Tensor, tails: tuple[Tensor, ...]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Features [B, 2 T, MEL_BANDS] -> hidden [B, T, C] and the new tails."""
        batch, frames, _ = features.shape
        steps = frames // _FRONT_STRIDE
        held = torch.cat([tails[0], features.to(tails[0].dtype)], dim=1)
        windows = held.as_strided(
            (batch, steps, _FRONT_KERNEL * MEL_BANDS),
            (held.stride(0), _FRONT_STRIDE * MEL_BANDS, 1),
        )
        x = functional.relu(self.front(windows))
        new_tails = [held[:, frames:]]
        for block, tail in zip(self.blocks, tails[1:], strict=True):
            change, tail = block(x, tail)
            x = x + functional.relu(change)
            new_tails.append(tail)
        return x, tuple(new_tails)


@dataclass(frozen=True, eq=False)
class AudioState:
    """What the network remembers of B streams.

    audio: float32 [B, TAIL], the last samples. level: [B], see mel.follow_level.
    tails: the inputs each convolution still needs. mouth: see mouth_motion.MouthState.
    """

    audio: Tensor
    level: Tensor
    tails: tuple[Tensor, ...]
    mouth: MouthState


class AudioToMotion(nn.Module):
    """look_ahead_frames: of LOOK_AHEADS; how late the row of a frame is given."""

    def __init__(
        self, channels: int = CHANNELS, look_ahead_frames: int = LOOK_AHEAD_FRAMES
    ) -> None:
        super().__init__()
        self.log_mel = LogMel()
        self.net = MouthNet(channels)
        self.look_ahead_frames = look_ahead_frames

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
        return network.to(device).eval().requires_grad_(False)

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
            tails=self.net.initial_tails(batch, self.net.front.bias.detach()),
            mouth=MouthState.initial(batch, self.look_ahead_frames),
        )
        silence = like.new_zeros(batch, PRECEDING_FRAMES * MODEL_SAMPLES_PER_FRAME)
        _, heard = self.step(silence, nothing)
        return replace(heard, mouth=nothing.mouth)

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
        hidden, tails = self.net(normalise(mel, levels), state.tails)
        shapes = self.net.shape_heads[self.look_ahead_frames](hidden).float()
        motion, mouth = finish(
            shapes.cpu().numpy(),
            loudness.cpu().numpy(),
            levels.cpu().numpy(),
            state.mouth,
        )
        return motion, AudioState(held[:, -TAIL:], level, tails, mouth)
