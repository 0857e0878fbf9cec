"""Emotions: blended, streaming, and never in the way of the lips."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.controls import LIP_POINTS
from models.emotion import EMOTIONS, Emotion, Expression
from models.gestures import GESTURE_CHANNELS
from models.lips import bounded, displace
from models.media import CHANNEL_INDEX, MOTION_CHANNELS, FloatArray
from tests.faces import grace, motion, renderer

emotions = st.sampled_from(EMOTIONS)
amounts = st.floats(0, 1)


def moving(frames: int, seed: int = 0) -> FloatArray:
    """Any plausible motion: lips closed in some rows, gestures in all."""
    chance = np.random.default_rng(seed)
    rows = chance.uniform(0, 0.3, (frames, len(MOTION_CHANNELS))).astype(np.float32)
    rows[:, CHANNEL_INDEX["aperture"]] *= chance.integers(0, 2, frames)
    rows[:, CHANNEL_INDEX["speech"]] = chance.integers(0, 2, frames)
    return rows


def held(emotion: Emotion, expressivity: float, row: FloatArray) -> FloatArray:
    """What becomes of a row once the emotion is there."""
    expression = Expression(1)
    expression.set(emotion, expressivity)
    shown: FloatArray = expression.apply(row.repeat(50, 0))[-1]
    return shown


def test_neutral_as_usual_changes_nothing() -> None:
    rows = moving(40)
    assert np.array_equal(Expression(5).apply(rows), rows)


@given(emotions, amounts, st.integers(0, 2**70), st.integers(1, 39))
def test_chunked_equals_whole(
    emotion: Emotion, amount: float, seed: int, cut: int
) -> None:
    whole, parts = Expression(seed), Expression(seed)
    whole.set(emotion, amount)
    parts.set(emotion, amount)
    rows = moving(40, seed % 1000)
    chunked = np.concatenate([parts.apply(rows[:cut]), parts.apply(rows[cut:])])
    assert np.array_equal(whole.apply(rows), chunked)


@given(emotions, emotions, amounts, amounts)
def test_a_change_takes_half_a_second_and_never_jumps(
    first: Emotion, second: Emotion, before: float, after: float
) -> None:
    still = np.zeros((1, len(MOTION_CHANNELS)), np.float32)
    expression, settled = Expression(3), Expression(3)
    expression.set(first, before)
    settled.set(second, after)
    start = expression.apply(still.repeat(50, 0))[-1]
    goal = settled.apply(still.repeat(88, 0))[50:]
    expression.set(second, after)
    rows = expression.apply(still.repeat(38, 0))
    way = np.abs(goal[0] - start).max()
    assert np.abs(rows[12] - goal[12]).max() <= 0.05 * way + 1e-3
    steps = np.diff(np.concatenate([start[None], rows]), axis=0)
    assert np.abs(steps).max() <= 0.25 * way + 0.02


@given(emotions, amounts, st.integers(0, 1000))
def test_lips_that_speak_stay_as_they_are_said(
    emotion: Emotion, amount: float, seed: int
) -> None:
    rows = moving(30, seed)
    expression = Expression(seed)
    expression.set(emotion, amount)
    shown = expression.apply(rows)
    for name in ("aperture", "speech"):
        column = CHANNEL_INDEX[name]
        assert np.array_equal(shown[:, column], rows[:, column])
    speaking = rows[:, CHANNEL_INDEX["speech"]] == 1
    jaw, width = CHANNEL_INDEX["jawOpen"], CHANNEL_INDEX["width"]
    assert np.array_equal(shown[speaking, jaw], rows[speaking, jaw])
    assert (shown[:, width] >= rows[:, width]).all()
    assert (shown[:, width] <= 1.15 * rows[:, width]).all()
    arkit = shown[:, CHANNEL_INDEX["speech"] + 1 : CHANNEL_INDEX["head_yaw"]]
    assert arkit.min() >= 0 and arkit.max() <= 1


@given(st.floats(0.5, 1.5), st.integers(0, 1000), st.integers(1, 39))
def test_articulation_opens_the_mouth_and_keeps_closed_lips_closed(
    articulation: float, seed: int, cut: int
) -> None:
    rows = moving(90, seed)
    expression, parts = Expression(seed), Expression(seed)
    for each in (expression, parts):
        each.set("neutral", 0.5, articulation)
    shown = expression.apply(rows)
    chunked = np.concatenate([parts.apply(rows[:cut]), parts.apply(rows[cut:])])
    assert np.array_equal(shown, chunked)
    aperture = CHANNEL_INDEX["aperture"]
    closed = rows[:, aperture] == 0
    assert closed.any() and not shown[closed, aperture].any()
    np.testing.assert_allclose(
        shown[50:, aperture], articulation * rows[50:, aperture], rtol=1e-3
    )
    jaw = CHANNEL_INDEX["jawOpen"]
    rows[:, jaw] = rows[:, jaw].clip(0.1)
    gain = Expression(seed)
    gain.set("neutral", 0.5, articulation)
    assert np.abs(np.diff(gain.apply(rows)[:, jaw] / rows[:, jaw])).max() < 0.12
    untouched = [CHANNEL_INDEX[name] for name in ("speech", "mouthPressLeft", "breath")]
    assert np.array_equal(shown[:, untouched], rows[:, untouched])


def test_every_emotion_has_a_face_of_its_own() -> None:
    still = np.zeros((1, len(MOTION_CHANNELS)), np.float32)
    faces = {emotion: held(emotion, 0.5, still) for emotion in EMOTIONS}
    assert not faces["neutral"].any()
    for one in EMOTIONS:
        for other in EMOTIONS:
            if one != other:
                assert np.abs(faces[one] - faces[other]).max() > 0.2, (one, other)
    assert faces["happy"][CHANNEL_INDEX["mouthSmileLeft"]] > 0.3
    assert faces["concerned"][CHANNEL_INDEX["browInnerUp"]] > 0.3


def test_expressivity_scales_gestures_but_not_blinks_and_breath() -> None:
    row = moving(1)
    quiet, usual, lively = (held("neutral", e, row) for e in (0.0, 0.5, 1.0))
    for name in GESTURE_CHANNELS:
        column = CHANNEL_INDEX[name]
        if "eyeBlink" in name or name == "breath":
            assert quiet[column] == usual[column] == lively[column]
        else:
            assert quiet[column] < 0.3 * usual[column]
            assert lively[column] > 1.3 * usual[column]
    still = np.zeros_like(row)
    smile = [
        held("happy", e, still)[CHANNEL_INDEX["mouthSmileLeft"]] for e in (0, 0.5, 1)
    ]
    assert smile[0] == pytest.approx(0, abs=1e-3)
    assert smile[0] < smile[1] < smile[2]


@pytest.mark.parametrize(
    ("emotion", "amount"),
    [("furious", 0.5), ("", 0.5), ("happy", -0.1), ("happy", 1.1), ("happy", np.nan)],
)
def test_what_does_not_exist_is_refused_and_changes_nothing(
    emotion: Emotion, amount: float
) -> None:
    expression = Expression()
    with pytest.raises(ValueError):
        expression.set(emotion, amount)
    rows = moving(20)
    assert np.array_equal(expression.apply(rows), rows)


@pytest.mark.parametrize("emotion", EMOTIONS)
@pytest.mark.parametrize("aperture", [0.0, 0.15])
def test_the_renderer_shows_the_gap_that_is_said_whatever_the_emotion(
    emotion: Emotion, aperture: float
) -> None:
    row = motion(aperture=aperture, width=0.46, jawOpen=0.05, speech=1.0).numpy()
    shown = held(emotion, 1.0, row)[None]
    rig = renderer().prepared(grace()).rig.lips
    placed = (rig.rest + displace(rig, bounded(shown)))[0]
    middle = LIP_POINTS // 2
    gap = float(placed[LIP_POINTS + middle, 1] - placed[middle, 1])
    assert gap == pytest.approx(aperture, abs=1e-4)
