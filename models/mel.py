"""Log-mel features of a stream of sound, and the level they are measured against.

Frame k covers the 400 samples that end at sample 160 (k + 1): nothing ahead is needed.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.media import FRAME_RATE_HZ, MODEL_RATE_HZ

MEL_BANDS = 80
HOP = 160  # 10 ms
WINDOW = 400  # 25 ms
TAIL = WINDOW - HOP  # samples that the next frame still needs
FRAMES_PER_BLOCK = 4  # mel frames in one 40 ms frame of the picture

_FFT = 512
_LOWEST_HZ, _HIGHEST_HZ = 50.0, 7600.0
_POWER_FLOOR = 1e-7  # about 10 dB under the rounding noise of 16-bit sound

# The level follows the loudest block at once and falls by 3 dB a second: slow enough
# for the pauses of a sentence, fast enough for another speaker. Its lowest value is
# that of speech at about -60 dBFS, under which there is nothing but noise.
_LEVEL_FALL_PER_BLOCK = 3.0 / FRAME_RATE_HZ * math.log(10) / 10
LOWEST_LEVEL = -6.5

# Speech lies between level - 12 and level in natural logarithms of power.
_FEATURE_CENTRE, _FEATURE_SCALE, _FEATURE_LOWEST = -7.0, 0.25, -1.75


def mel_filterbank() -> Tensor:
    """Triangular filters, float32 [_FFT / 2 + 1, MEL_BANDS], peak 1.

    The scale is 2595 log10(1 + f / 700) (O'Shaughnessy, Speech Communication, 1987).
    """

    def to_mel(hz: float) -> float:
        return 2595 * math.log10(1 + hz / 700)

    mels = np.linspace(to_mel(_LOWEST_HZ), to_mel(_HIGHEST_HZ), MEL_BANDS + 2)
    edges_hz = 700 * (10 ** (mels / 2595) - 1)
    bins_hz = np.linspace(0, MODEL_RATE_HZ / 2, _FFT // 2 + 1)[:, None]
    rising = (bins_hz - edges_hz[:-2]) / (edges_hz[1:-1] - edges_hz[:-2])
    falling = (edges_hz[2:] - bins_hz) / (edges_hz[2:] - edges_hz[1:-1])
    return torch.from_numpy(np.minimum(rising, falling).clip(0).astype(np.float32))


class LogMel(nn.Module):
    """Sound to the natural logarithm of mel power."""

    window: Tensor
    filters: Tensor

    def __init__(self) -> None:
        super().__init__()
        window = torch.hann_window(WINDOW, periodic=True)
        filters = mel_filterbank().T.contiguous()
        self.register_buffer("window", window, persistent=False)
        self.register_buffer("filters", filters, persistent=False)

    def forward(self, audio: Tensor) -> Tensor:
        """Audio float32 [B, TAIL + HOP n] -> float32 [B, n, MEL_BANDS]."""
        frames = audio.unfold(1, WINDOW, HOP) * self.window
        spectrum = torch.view_as_real(torch.fft.rfft(frames, _FFT))
        power = spectrum.square_().sum(-1)
        return functional.linear(power, self.filters).add_(_POWER_FLOOR).log_()


def follow_level(mel: Tensor, level: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The running level of the sound, in natural logarithms of mean mel power.

    Args:
        mel: float32 [B, 4 n, MEL_BANDS].
        level: float32 [B], after the block before.

    Returns:
        Loudness [B, n] of each block of 4 frames, the level [B, n] to measure it
        against (its own loudness included) and the last level [B].
    """
    batch, frames, _ = mel.shape
    blocks = frames // FRAMES_PER_BLOCK
    power = mel.exp().view(batch, blocks, FRAMES_PER_BLOCK * MEL_BANDS)
    loudness = power.mean(-1).log_()
    if blocks == 1:
        fallen = level.unsqueeze(1) - _LEVEL_FALL_PER_BLOCK
        levels = torch.maximum(loudness, fallen).clamp_(min=LOWEST_LEVEL)
        return loudness, levels, levels[:, -1]
    # max(e_t, L_{t-1} - d) unrolled: L_t + d t is a running maximum of e_t + d t.
    ramp = torch.arange(1, blocks + 1, device=mel.device) * _LEVEL_FALL_PER_BLOCK
    start = level.unsqueeze(1)
    risen = torch.cat([start, loudness.clamp(min=LOWEST_LEVEL) + ramp], dim=1)
    levels = torch.cummax(risen, dim=1).values[:, 1:] - ramp
    levels = levels.clamp(min=LOWEST_LEVEL)
    return loudness, levels, levels[:, -1]


def normalise(mel: Tensor, levels: Tensor) -> Tensor:
    """Mel against its level, about -1.75 to 1.75: the same for whisper and shout."""
    batch, frames, _ = mel.shape
    blocks = mel.view(batch, -1, FRAMES_PER_BLOCK * MEL_BANDS)
    centre = (levels + _FEATURE_CENTRE).unsqueeze(-1)
    scaled = ((blocks - centre) * _FEATURE_SCALE).clamp_(min=_FEATURE_LOWEST)
    return scaled.view(batch, frames, MEL_BANDS)
