"""The causal network itself: mel features in, mouth shapes out, state beside them.

    log-mel 100 Hz -> conv k5 stride 2 (50 Hz)
    -> residual causal convs k3, dilation 1 2 4 8 16 32 1 2
    -> one linear head for each look-ahead: 0, 40 and 80 ms

A live stream comes frame by frame, and then most of what a convolution needs was heard
long ago: `MouthNet.one_frame` multiplies all of that in one product.
"""

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.mel import MEL_BANDS
from models.mouth_motion import LOOK_AHEADS
from models.visemes import VISEME_CLASSES, Shape

CHANNELS = 160
DILATIONS = (1, 2, 4, 8, 16, 32, 1, 2)
STEPS_PER_FRAME = 2  # 20 ms each
_FRONT_KERNEL, _FRONT_STRIDE, _KERNEL = 5, 2, 3
_FRONT_TAIL = _FRONT_KERNEL - _FRONT_STRIDE
_FRAME_FEATURES = STEPS_PER_FRAME * _FRONT_STRIDE

# What each block remembers, one below the other in NetState.past.
_TAILS = tuple((_KERNEL - 1) * dilation for dilation in DILATIONS)
_FIRST_ROWS = tuple(itertools.accumulate(_TAILS, initial=0))[:-1]
_PAST_ROWS = sum(_TAILS)


@dataclass(frozen=True, eq=False)
class NetState:
    """What the network remembers of B streams.

    front: [B, 3, MEL_BANDS], the last features. past: [B, rows, C], the last
    2 x dilation inputs of each block.
    """

    front: Tensor
    past: Tensor


class CausalConv(nn.Module):
    """A causal dilated convolution of kernel 3 as one matrix product.

    forward(x, tail): x [B, T, C] and the 2 dilation steps before it.
    """

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.linear = nn.Linear(_KERNEL * channels, channels)

    def forward(self, x: Tensor, tail: Tensor) -> Tensor:
        steps, d = x.shape[1], self.dilation
        held = torch.cat([tail, x], dim=1)
        taps = torch.cat([held[:, :steps], held[:, d : d + steps], x], dim=2)
        return functional.linear(taps, self.linear.weight, self.linear.bias)


class MouthNet(nn.Module):
    """Normalised mel to mouth shapes and, for training, viseme classes, at 50 Hz.

    dropped: share of a block's channels that training leaves out of each sequence.
    """

    def __init__(self, channels: int = CHANNELS) -> None:
        super().__init__()
        self.channels, self.dropped = channels, 0.0
        self.front = nn.Linear(_FRONT_KERNEL * MEL_BANDS, channels)
        self.convs = tuple(CausalConv(channels, d) for d in DILATIONS)
        self.blocks = nn.ModuleList(self.convs)
        self.heads = tuple(nn.Linear(channels, len(Shape)) for _ in LOOK_AHEADS)
        self.shape_heads = nn.ModuleList(self.heads)
        self.class_head = nn.Linear(channels, len(VISEME_CLASSES))

    def initial_state(self, batch: int, like: Tensor) -> NetState:
        """What a stream is preceded by: nothing, of the type and device of `like`."""
        return NetState(
            like.new_zeros(batch, _FRONT_TAIL, MEL_BANDS),
            like.new_zeros(batch, _PAST_ROWS, self.channels),
        )

    def forward(self, features: Tensor, state: NetState) -> tuple[Tensor, NetState]:
        """Features [B, 2 T, MEL_BANDS] -> hidden [B, T, C] and the new state."""
        x, front = self.hear(features, state.front)
        pasts = []
        tails = torch.split(state.past, list(_TAILS), dim=1)
        for block, tail in zip(self.convs, tails, strict=True):
            pasts.append(torch.cat([tail, x], dim=1)[:, x.shape[1] :])
            change = functional.relu(block(x, tail))
            if self.training and self.dropped:
                kept = torch.rand_like(change[:, :1]) > self.dropped
                change = change * (kept / (1 - self.dropped))
            x = x + change
        return x, NetState(front, torch.cat(pasts, dim=1))

    def hear(self, features: Tensor, tail: Tensor) -> tuple[Tensor, Tensor]:
        """The first convolution: [B, 2 T, MEL_BANDS] -> [B, T, C], and its new tail."""
        batch, frames, bands = features.shape
        held = torch.cat([tail, features.to(tail.dtype)], dim=1)
        windows = held.as_strided(
            (batch, frames // _FRONT_STRIDE, _FRONT_KERNEL * bands),
            (held.stride(0), _FRONT_STRIDE * bands, 1),
        )
        x = functional.relu(
            functional.linear(windows, self.front.weight, self.front.bias)
        )
        return x, held[:, frames:]


class OneFrame:
    """MouthNet.forward for one frame (T = 2), from weights laid out for it.

    They are copies: a network that is still trained needs a new one after each step.
    """

    def __init__(self, net: MouthNet) -> None:
        self._net = net
        weights = [block.linear.weight.detach() for block in net.convs]
        biases = [block.linear.bias.detach() for block in net.convs]
        split = (_KERNEL - 1) * net.channels
        middle = slice(net.channels, split)
        self._old_weights = torch.stack([w[:, :split].t() for w in weights])
        self._biases = torch.stack(biases).unsqueeze(1)
        self._now_weights = [w[:, split:].t().contiguous() for w in weights]
        self._middle_weights = [w[:, middle].t().contiguous() for w in weights]
        like = weights[0]
        rows, known = zip(*_taps(), strict=True)
        self._taps = torch.tensor(rows, device=like.device)
        self._known = like.new_tensor(known).view(-1, 1)
        self._next_rows = torch.tensor(_next_rows(), device=like.device)

    def __call__(self, features: Tensor, state: NetState) -> tuple[Tensor, NetState]:
        """Features [B, 4, MEL_BANDS] -> hidden [B, 2, C] and the new state."""
        net, past = self._net, state.past
        batch, count = len(past), len(net.convs)
        x, front = net.hear(features, state.front)
        taps = past.index_select(1, self._taps).mul_(self._known)
        taps = taps.view(batch, count, STEPS_PER_FRAME, -1).transpose(0, 1)
        taps = taps.reshape(count, batch * STEPS_PER_FRAME, -1)
        heard = torch.baddbmm(self._biases, taps, self._old_weights)
        shape, x, inputs = x.shape, x.view(-1, net.channels), []
        for index, change in enumerate(heard.unbind(0)):
            inputs.append(x)
            change = change.addmm(x, self._now_weights[index])
            if DILATIONS[index] == 1:
                first, second = x[0::STEPS_PER_FRAME], change[1::STEPS_PER_FRAME]
                second.addmm_(first, self._middle_weights[index])
            x = change.relu_().add_(x)
        news = torch.stack(inputs).view(count, *shape).transpose(0, 1)
        joined = torch.cat([past, news.reshape(batch, -1, net.channels)], dim=1)
        return x.view(shape), NetState(front, joined.index_select(1, self._next_rows))


def _taps() -> list[tuple[int, float]]:
    """The rows of the past that the blocks need for both steps of a frame, and 0 where
    what is needed is no past but the first step of the frame itself."""
    taps: list[tuple[int, float]] = []
    for first, count, dilation in zip(_FIRST_ROWS, _TAILS, DILATIONS, strict=True):
        for step in range(STEPS_PER_FRAME):
            for tap in range(_KERNEL - 1):
                row = step + tap * dilation
                taps.append((first + min(row, count - 1), float(row < count)))
    return taps


def _next_rows() -> list[int]:
    """Where the rows of the next past are in this one with the inputs of a frame below
    it: each tail moves up, and ends with its block's inputs."""
    rows: list[int] = []
    for index, (first, count) in enumerate(zip(_FIRST_ROWS, _TAILS, strict=True)):
        rows += range(first + STEPS_PER_FRAME, first + count)
        new = _PAST_ROWS + index * STEPS_PER_FRAME
        rows += range(new, new + STEPS_PER_FRAME)
    return rows
