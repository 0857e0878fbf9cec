import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.resample import Resampler

RATES = st.sampled_from([8000, 16_000, 22_050, 24_000, 44_100, 48_000])


@given(RATES, RATES, st.lists(st.integers(0, 3000), min_size=1, max_size=12))
def test_chunked_equals_whole(from_hz: int, to_hz: int, sizes: list[int]) -> None:
    sound = np.random.default_rng(sum(sizes)).uniform(-1, 1, sum(sizes))
    samples = sound.astype(np.float32)
    whole = Resampler(from_hz, to_hz).push(samples, last=True)
    stream = Resampler(from_hz, to_hz)
    parts = np.split(samples, np.cumsum(sizes)[:-1])
    chunks = [stream.push(part) for part in parts]
    chunks.append(stream.push(samples[:0], last=True))
    assert np.array_equal(np.concatenate(chunks), whole)
    assert abs(len(whole) - len(samples) * to_hz / from_hz) <= 1


def test_a_tone_keeps_its_time_and_size() -> None:
    time = np.arange(22_050) / 22_050
    tone = (0.5 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
    out = Resampler(22_050, 48_000).push(tone, last=True)
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000)
    assert out.dtype == np.float32
    assert np.abs(out - expected)[1000:-1000].max() < 1e-3


def test_it_is_fresh_after_last() -> None:
    noise = np.random.default_rng(0).uniform(-1, 1, 5000).astype(np.float32)
    resampler = Resampler(16_000, 48_000)
    first = resampler.push(noise, last=True)
    assert np.array_equal(resampler.push(noise, last=True), first)


@pytest.mark.parametrize("rate_hz", [0, -8000])
def test_rates_must_be_positive(rate_hz: int) -> None:
    with pytest.raises(ValueError, match="positive"):
        Resampler(rate_hz, 48_000)
