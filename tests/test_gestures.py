from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.gestures import GESTURE_CHANNELS, POSTURES, Gestures, Posture, Prosody
from models.media import MOTION_CHANNELS, FloatArray

MINUTE = 25 * 60
HEAD = ("head_yaw", "head_pitch", "head_roll")


def silence(rows: int) -> Prosody:
    return Prosody(*(np.zeros(rows, np.float32) for _ in range(3)))


def talk(rows: int, seed: int = 0) -> Prosody:
    """Phrases of 3 s with 1 s between them, about two stresses a second."""
    time = np.arange(rows) / 25
    speaking = (time % 4 < 3).astype(np.float32)
    swing = np.maximum(0, np.sin(2 * np.pi * 2.1 * time + np.sin(time)))
    size = np.random.default_rng(seed).uniform(0.5, 1, rows)
    stress = (swing**3 * speaking * size).astype(np.float32)
    return Prosody((0.5 * speaking + 0.3 * stress).astype(np.float32), stress, speaking)


def perform(prosody: Prosody, posture: Posture = "idle", seed: int = 0) -> FloatArray:
    gestures = Gestures(seed)
    gestures.set_posture(posture)
    return gestures.step(prosody)


def column(rows: FloatArray, name: str) -> FloatArray:
    return rows[:, GESTURE_CHANNELS.index(name)]


def blinks(rows: FloatArray) -> Sequence[int]:
    shut = column(rows, "eyeBlinkLeft") > 0.9
    return [int(row) + 1 for row in np.flatnonzero(~shut[:-1] & shut[1:])]


def gaze_deg(rows: FloatArray) -> FloatArray:
    """How far from the viewer the eyes look, head and eyes together."""

    def look(name: str) -> FloatArray:
        return column(rows, f"eyeLook{name}Left")

    x = 35 * (look("Out") - look("In")) + column(rows, "head_yaw")
    y = 35 * (look("Up") - look("Down")) + column(rows, "head_pitch")
    return np.hypot(x, y).astype(np.float32)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**63),
    st.lists(st.integers(0, 60), min_size=1, max_size=8),
    st.sampled_from(POSTURES),
)
def test_chunked_equals_whole(seed: int, sizes: list[int], posture: Posture) -> None:
    prosody = talk(sum(sizes))
    whole = perform(prosody, posture, seed)
    gestures = Gestures(seed)
    gestures.set_posture(posture)
    start, parts = 0, []
    for size in sizes:
        rows = slice(start, start + size)
        parts.append(
            gestures.step(
                Prosody(
                    prosody.energy[rows], prosody.stress[rows], prosody.speaking[rows]
                )
            )
        )
        start += size
    assert np.array_equal(np.concatenate(parts), whole)
    assert whole.shape == (sum(sizes), len(GESTURE_CHANNELS))
    assert whole.dtype == np.float32


def test_channels_are_columns_of_motion() -> None:
    assert set(GESTURE_CHANNELS) <= set(MOTION_CHANNELS)
    assert len(set(GESTURE_CHANNELS)) == len(GESTURE_CHANNELS)


def test_seeds() -> None:
    prosody = talk(500)
    assert np.array_equal(perform(prosody, seed=3), perform(prosody, seed=3))
    assert not np.array_equal(perform(prosody, seed=3), perform(prosody, seed=4))


def test_portraits_side_by_side_do_not_move_as_one() -> None:
    rows = [perform(silence(200), "listening", seed) for seed in range(20)]
    firsts = [blinks(each)[0] for each in rows]
    assert len(set(firsts)) >= 10
    assert max(firsts) - min(firsts) > 25
    leaning = [float(column(each, "head_roll")[100:].mean()) > 0 for each in rows]
    assert 4 <= sum(leaning) <= 16


def test_state_continues_where_it_was_taken() -> None:
    gestures = Gestures(1)
    gestures.set_posture("listening")
    gestures.step(talk(100))
    state = gestures.state
    after = gestures.step(talk(100))
    other = Gestures(99)
    other.state = state
    assert np.array_equal(other.step(talk(100)), after)


@pytest.mark.parametrize("posture", POSTURES)
@pytest.mark.parametrize("prosody", [silence(5 * MINUTE), talk(5 * MINUTE)])
def test_everything_stays_in_range_and_smooth(
    posture: Posture, prosody: Prosody
) -> None:
    rows = perform(prosody, posture)
    assert np.isfinite(rows).all()
    for name in GESTURE_CHANNELS:
        low, high = (-8.3, 8.3) if name in HEAD else (0.0, 1.0)
        low = -1.0 if name == "breath" else low
        assert column(rows, name).min() >= low
        assert column(rows, name).max() <= high
    for name in HEAD:
        speed = np.abs(np.diff(column(rows, name))) * 25
        change = np.abs(np.diff(column(rows, name), 2)) * 25**2
        assert speed.max() < 30  # degrees a second; a slow nod reaches 40
        assert change.max() < 300
        assert np.mean(np.abs(column(rows, name)) < 3.5) > 0.9
    for name in ("browInnerUp", "browDownLeft", "breath", "cheekSquintLeft"):
        assert np.abs(np.diff(column(rows, name))).max() < 0.15


@pytest.mark.parametrize("posture", POSTURES)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_blinks_keep_human_time(posture: Posture, seed: int) -> None:
    rows = perform(talk(5 * MINUTE), posture, seed)
    shut = blinks(rows)
    gaps = np.diff(shut) / 25
    assert gaps.min() >= 1.9 and gaps.max() <= 5.1
    assert gaps.std() > 0.4  # irregular
    lid = column(rows, "eyeBlinkLeft")
    for row in shut[2:-2]:
        rest = max(lid[row - 4], lid[row + 8])
        assert lid[row - 3] <= rest + 0.15  # closed within 120 ms
        assert lid[row + 6] <= rest + 0.15  # open again within 240 ms
        assert lid[row : row + 3].max() > 0.97


def test_phrase_ends_call_for_blinks() -> None:
    ends, shut = 0, 0
    for seed in range(6):
        at = np.array(blinks(perform(talk(5 * MINUTE), seed=seed)))
        ends += int(np.sum((at / 25 % 4 > 3) & (at / 25 % 4 < 3.4)))
        shut += len(at)
    assert ends / shut > 2 * 0.1  # a tenth of the time, far more of the blinks


def test_gaze_rests_on_the_viewer_except_in_thought() -> None:
    assert np.mean(gaze_deg(perform(silence(5 * MINUTE))) < 3) > 0.8
    assert np.mean(gaze_deg(perform(silence(5 * MINUTE), "listening")) < 3) > 0.9
    assert np.mean(gaze_deg(perform(silence(5 * MINUTE), "thinking"))[50:] > 5) > 0.7


def test_eyes_make_small_jumps() -> None:
    look = gaze_deg(perform(silence(MINUTE)))
    assert np.sum(np.abs(np.diff(look)) > 0.2) > 40


def test_never_still_not_even_in_silence() -> None:
    rows = perform(silence(5 * MINUTE))
    for start in range(50, len(rows) - 50, 50):
        two_seconds = rows[start : start + 50]
        assert sum(np.ptp(column(two_seconds, name)) for name in HEAD) > 0.15
        assert np.ptp(column(two_seconds, "breath")) > 0.4


def test_stress_brings_nods_and_brows() -> None:
    prosody = talk(5 * MINUTE)
    flat = Prosody(prosody.energy, np.zeros_like(prosody.stress), prosody.speaking)
    rows, calm = perform(prosody), perform(flat)
    speed, calm_speed = (
        np.percentile(np.abs(np.diff(column(r, "head_pitch"))), 95)
        for r in (rows, calm)
    )
    assert speed > 1.5 * calm_speed
    assert column(rows, "browInnerUp").mean() > 2 * column(calm, "browInnerUp").mean()


def test_postures_show_and_blend() -> None:
    gestures = Gestures(5)
    idle = gestures.step(silence(MINUTE))
    gestures.set_posture("thinking")
    thinking = gestures.step(silence(MINUTE))
    gestures.set_posture("listening")
    listening = gestures.step(silence(MINUTE))
    rows = np.concatenate([idle, thinking, listening])
    assert np.abs(np.diff(rows, axis=0))[:, -4:-1].max() < 1.0
    down = "browDownLeft"
    assert column(thinking, down)[50:].mean() > column(idle, down).mean() + 0.1
    tilt = abs(column(listening, "head_roll")[50:].mean())
    assert tilt > abs(column(idle, "head_roll").mean()) + 1
    with pytest.raises(ValueError, match="posture"):
        gestures.set_posture("asleep")  # type: ignore[arg-type]


def test_breath_is_a_breath() -> None:
    breath = column(perform(silence(5 * MINUTE)), "breath")
    ups = np.flatnonzero((breath[:-1] <= 0) & (breath[1:] > 0))
    assert 2.9 < np.mean(np.diff(ups)) / 25 < 5.1
    assert breath.min() < -0.8 and breath.max() > 0.8


def test_broken_prosody_does_no_harm() -> None:
    values = np.array([np.nan, np.inf, -np.inf, 5, -5] * 50, np.float32)
    rows = perform(Prosody(values, values, values))
    assert np.isfinite(rows).all()


def test_the_first_row_is_nearly_the_photo() -> None:
    assert np.abs(perform(silence(1))).max() < 0.2
