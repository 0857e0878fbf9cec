import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.media import FloatArray
from models.pitch import PitchFollower, pitch_hz

FRAME = 640


def voice(hz: FloatArray | float, frames: int) -> FloatArray:
    """A buzz of five harmonics, its pitch one number or one a sample."""
    phase = np.cumsum(np.broadcast_to(hz, frames * FRAME)) / 16_000 * 2 * np.pi
    harmonics = [np.sin(phase * k) / k for k in range(1, 6)]
    return np.asarray(0.2 * np.sum(harmonics, axis=0), np.float32)


@pytest.mark.parametrize("hz", [75, 110, 160, 220, 300, 390])
def test_the_pitch_of_men_women_and_children(hz: float) -> None:
    assert pitch_hz(voice(hz, 2)[:880]) == pytest.approx(hz, rel=0.02)


@pytest.mark.parametrize("level", [0, 1e-5, 0.1])
def test_noise_and_silence_have_none(level: float) -> None:
    noise = np.random.default_rng(0).standard_normal(880).astype(np.float32)
    assert pitch_hz(noise * np.float32(level)) == 0


def test_a_syllable_that_is_higher_rises_above_the_middle() -> None:
    hz = np.full(60 * FRAME, 120.0)
    hz[40 * FRAME : 46 * FRAME] = 150.0  # almost 4 semitones
    rises = PitchFollower(0).push(voice(hz, 60))
    assert np.abs(rises[10:39]).max() < 0.5
    assert rises[40:47].max() == pytest.approx(3.6, abs=0.6)
    assert rises[40:47].argmax() >= 2


def test_what_has_no_pitch_fades() -> None:
    follower = PitchFollower(0)
    follower.push(voice(120, 30))
    follower.push(voice(160, 8))
    rises = follower.push(np.zeros(20 * FRAME, np.float32))
    assert rises[2] > rises[8] > rises[19]
    assert rises[19] < 0.1


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(1, 29), max_size=6, unique=True), st.integers(0, 2))
def test_any_chunking_gives_the_same_rises(cuts: list[int], delay: int) -> None:
    hz = 120 + 40 * np.sin(np.arange(30 * FRAME) / 5000)
    sound = voice(hz, 30)
    whole = PitchFollower(0).push(sound)
    follower = PitchFollower(delay)
    edges = [0, *sorted(cuts), 30]
    parts = [
        follower.push(sound[a * FRAME : b * FRAME])
        for a, b in zip(edges, edges[1:], strict=False)
    ]
    late = np.concatenate(parts)
    np.testing.assert_allclose(late[delay:], whole[: 30 - delay], atol=1e-5)
    assert not late[:delay].any()
