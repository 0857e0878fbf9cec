import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.mel import (
    FRAMES_PER_BLOCK,
    HOP,
    LOWEST_LEVEL,
    MEL_BANDS,
    TAIL,
    LogMel,
    follow_level,
    normalise,
)


def tone(hz: float, seconds: float, peak: float = 0.5) -> torch.Tensor:
    times = torch.arange(int(seconds * 16_000)) / 16_000
    return peak * torch.sin(2 * torch.pi * hz * times)


def mel_of(samples: torch.Tensor) -> torch.Tensor:
    mel: torch.Tensor = LogMel()(torch.cat([torch.zeros(TAIL), samples]).unsqueeze(0))
    return mel


def speechlike(seed: int, blocks: int) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    loudness = 10 ** rng.uniform(-2, 0, blocks).repeat(4 * HOP)
    samples = rng.standard_normal(blocks * 4 * HOP) * loudness * 0.3
    return torch.from_numpy(samples.astype(np.float32))


def test_a_tone_lights_its_own_band() -> None:
    order = [
        int(mel_of(tone(hz, 0.2))[0, 10:].mean(0).argmax())
        for hz in (150, 400, 1000, 2500, 6000)
    ]
    assert order == sorted(set(order))
    mel = mel_of(tone(1000, 0.2))[0, 10]
    assert mel.max() - mel[MEL_BANDS - 5] > 8  # 35 dB


def test_a_frame_hears_nothing_after_its_end() -> None:
    samples = speechlike(1, 8)
    changed = samples.clone()
    changed[16 * HOP :] = 1.0
    assert torch.equal(mel_of(samples)[:, :16], mel_of(changed)[:, :16])


def test_digital_silence_is_finite_and_lowest() -> None:
    mel = mel_of(torch.zeros(1600))
    assert torch.isfinite(mel).all()
    assert mel.max() < mel_of(tone(300, 0.1, 1e-3)).max()


def test_the_level_jumps_up_and_falls_by_3_db_a_second() -> None:
    sound = torch.cat([tone(300, 1.0), torch.zeros(32_000)])
    _, levels, last = follow_level(mel_of(sound), torch.tensor([LOWEST_LEVEL]))
    loudest = levels[0, 24]
    fallen_db = (loudest - levels[0, 74]) * 10 / np.log(10)
    assert fallen_db == pytest.approx(6.0, abs=0.3)
    assert last[0] == levels[0, -1]


def test_the_level_never_falls_under_its_floor() -> None:
    _, levels, _ = follow_level(mel_of(torch.zeros(16_000)), torch.tensor([5.0]))
    assert levels.min() >= LOWEST_LEVEL


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 1000),
    cuts=st.lists(st.integers(1, 19), max_size=6, unique=True),
)
def test_level_in_chunks_equals_level_of_the_whole(seed: int, cuts: list[int]) -> None:
    mel = mel_of(speechlike(seed, 20))
    whole = follow_level(mel, torch.tensor([LOWEST_LEVEL]))[1]
    level, parts = torch.tensor([LOWEST_LEVEL]), []
    edges = [0, *sorted(cuts), 20]
    for first, last in zip(edges, edges[1:], strict=False):
        chunk = mel[:, first * FRAMES_PER_BLOCK : last * FRAMES_PER_BLOCK]
        _, levels, level = follow_level(chunk, level)
        parts.append(levels)
    torch.testing.assert_close(torch.cat(parts, 1), whole, atol=1e-4, rtol=0)


@pytest.mark.parametrize("gain_db", [-30, -12, 6])
def test_features_do_not_depend_on_loudness(gain_db: float) -> None:
    samples = speechlike(3, 25)

    def features(sound: torch.Tensor) -> torch.Tensor:
        mel = mel_of(sound)
        _, levels, _ = follow_level(mel, torch.tensor([LOWEST_LEVEL]))
        return normalise(mel, levels)

    plain, louder = features(samples), features(samples * 10 ** (gain_db / 20))
    # The floors of power and of the level make the softest parts differ.
    assert (plain - louder).abs().median() < 0.02
