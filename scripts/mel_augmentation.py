"""Other voices, rooms and lines, made from log-mel power alone."""

import functools

import torch
from torch import Tensor
from torch.nn import functional

from models.mel import HOP, MEL_BANDS, TAIL, LogMel

_FLOOR = 1e-7
_LN_PER_DB = 0.2302585  # ln(10) / 10


def augment(
    mel: Tensor, generator: torch.Generator, *, true_noise: bool, varied: bool = False
) -> Tensor:
    """Log-mel float32 [B, T, MEL_BANDS], each of the B as somebody else's recording.

    true_noise: give the noise the grain of sound instead of an even one. varied: put
    the voices farther apart than those of the synthesisers are, so that others are
    understood too.
    """
    if varied:
        mel = _bend_vocal_tract(_whisper(mel, generator), generator)
        mel = mel + _masks(len(mel), generator)
    mel = _warp_vocal_tract(mel, generator)
    mel = mel + _random_equaliser(len(mel), generator) + _gain(len(mel), generator)
    power = mel.exp() * _pass_band(len(mel), generator) + _noise(
        mel, generator, true_noise
    )
    return torch.log(power + _FLOOR)


def _uniform(batch: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    """float32 [B, 1, 1]"""
    return low + (high - low) * torch.rand(batch, 1, 1, generator=generator)


def _chance(batch: int, share: float, generator: torch.Generator) -> Tensor:
    """1 for that share of the batch, else 0; float32 [B, 1, 1]."""
    return (torch.rand(batch, 1, 1, generator=generator) < share).float()


def _warp_vocal_tract(mel: Tensor, generator: torch.Generator) -> Tensor:
    """Formants up or down by as much as 12 %."""
    batch = len(mel)
    factor = 1 + _uniform(batch, -0.12, 0.12, generator) * _chance(
        batch, 0.6, generator
    )
    return _moved_bands(mel, torch.arange(MEL_BANDS) * factor.view(-1, 1))


def _bend_vocal_tract(mel: Tensor, generator: torch.Generator) -> Tensor:
    """The formants apart, each by as much as 12 % another way."""
    batch = len(mel)
    band = torch.arange(MEL_BANDS) / MEL_BANDS
    bend = _uniform(batch, -0.12, 0.12, generator).view(-1, 1)
    phase = _uniform(batch, 0, 6.283, generator).view(-1, 1)
    return _moved_bands(
        mel, torch.arange(MEL_BANDS) * (1 + bend * torch.cos(6.283 * band + phase))
    )


def _moved_bands(mel: Tensor, place: Tensor) -> Tensor:
    """Each band from another place [B, MEL_BANDS], between two bands."""
    place = place.clamp(min=0, max=MEL_BANDS - 1.001)
    low = place.floor().long()
    share = (place - low).unsqueeze(1)
    index = low.unsqueeze(1).expand_as(mel)
    return torch.lerp(mel.gather(2, index), mel.gather(2, index + 1), share)


def _whisper(mel: Tensor, generator: torch.Generator) -> Tensor:
    """Some without the harmonics of a voice: five bands together."""
    batch, frames, bands = mel.shape
    smooth = functional.avg_pool1d(
        mel.view(batch * frames, 1, bands), 5, 1, 2, count_include_pad=False
    ).view(mel.shape)
    return torch.lerp(mel, smooth, _chance(batch, 0.2, generator))


def _masks(batch: int, generator: torch.Generator) -> Tensor:
    """Two stretches of up to 10 bands that are hardly there, [B, 1, MEL_BANDS] (Park et
    al., "SpecAugment", 2019)."""
    band = torch.arange(MEL_BANDS)
    total = torch.zeros(batch, 1, MEL_BANDS)
    for _ in range(2):
        first = _uniform(batch, 0, MEL_BANDS - 10, generator)
        width = _uniform(batch, 0, 10, generator)
        depth = _uniform(batch, -30, -6, generator) * _LN_PER_DB
        inside = ((band >= first) & (band < first + width)).float()
        total = total + depth * inside * _chance(batch, 0.6, generator)
    return total


def _random_equaliser(batch: int, generator: torch.Generator) -> Tensor:
    """A smooth curve over the bands, mostly within 8 dB."""
    band = torch.linspace(0, 1, MEL_BANDS)
    curve = torch.zeros(batch, 1, MEL_BANDS)
    for cycles in (0.5, 1.0, 2.0):
        size = _uniform(batch, -4, 4, generator) * _LN_PER_DB
        phase = _uniform(batch, 0, 6.283, generator)
        curve = curve + size * torch.cos(6.283 * cycles * band + phase)
    return curve


def _gain(batch: int, generator: torch.Generator) -> Tensor:
    return _uniform(batch, -36, 8, generator) * _LN_PER_DB


def _pass_band(batch: int, generator: torch.Generator) -> Tensor:
    """A telephone's or an old codec's band for some, everything for the others."""
    band = torch.arange(MEL_BANDS)
    narrow = _chance(batch, 0.15, generator)
    top = _uniform(batch, 52, 72, generator)  # band 52 is about 3.4 kHz
    bottom = _uniform(batch, 0, 7, generator)
    outside = ((band > top) | (band < bottom)).float()
    return 1 - 0.9999 * narrow * outside


def _noise(mel: Tensor, generator: torch.Generator, true_noise: bool) -> Tensor:
    """Stationary noise power, 10 to 40 dB under the loud parts, for most."""
    batch = len(mel)
    loud = mel.exp().mean(-1, keepdim=True).quantile(0.9, dim=1, keepdim=True)
    snr_db = _uniform(batch, 10, 40, generator)
    level = loud * torch.exp(-snr_db * _LN_PER_DB) * _chance(batch, 0.75, generator)
    colour = torch.exp(2 * _random_equaliser(batch, generator))
    if true_noise:
        bank = noise_grain()
        starts = torch.randint(
            len(bank) - mel.shape[1], (batch, 1), generator=generator
        )
        grain = bank[starts + torch.arange(mel.shape[1])]
    else:
        grain = 0.6 * torch.randn(mel.shape, generator=generator)
    return level * colour * torch.exp(grain)


@functools.cache
def noise_grain() -> Tensor:
    """Three minutes of white noise as log-mel about its mean, float32 [18000, 80]."""
    log_mel = LogMel()
    generator = torch.Generator().manual_seed(0)
    parts = [
        log_mel(torch.randn(1, TAIL + HOP * 1000, generator=generator))[0]
        for _ in range(18)
    ]
    grain = torch.cat(parts)
    return grain - grain.exp().mean(0).log()
