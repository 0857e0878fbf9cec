"""The playout buffer: nothing lost, nothing late, nothing of an old generation."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.media import FloatArray
from server.playout import (
    CAPACITY_SAMPLES,
    FADE_SAMPLES,
    LOWERED_GAIN,
    RAISE_SAMPLES,
    Captioned,
    CaptionMark,
    Ended,
    PlayoutBuffer,
    Started,
    Utterance,
)


def loud(n: int) -> FloatArray:
    return np.ones(n, np.float32)


def begun(buffer: PlayoutBuffer, name: str = "u") -> Utterance:
    utterance = Utterance(name)
    assert buffer.begin(buffer.generation, utterance)
    return utterance


@given(
    chunks=st.lists(st.integers(1, 3000), min_size=1, max_size=8),
    packets=st.lists(st.sampled_from([480, 960, 1920]), min_size=1, max_size=40),
)
def test_any_chunking_leaves_in_order_and_on_time(
    chunks: list[int], packets: list[int]
) -> None:
    buffer = PlayoutBuffer()
    utterance = begun(buffer)
    whole = np.arange(1, sum(chunks) + 1, dtype=np.float32)
    for part in np.split(whole, np.cumsum(chunks)[:-1]):
        assert buffer.push(0, utterance, part)
    buffer.finish(0, utterance)
    heard: list[FloatArray] = []
    left: list[FloatArray] = []
    for n in packets:
        heard.append(buffer.look_ahead(n))
        released = buffer.release(n)
        assert released.start == sum(len(each) for each in left)
        left.append(released.samples)
    total = sum(packets)
    expected = np.zeros(max(total, len(whole)), np.float32)
    expected[: len(whole)] = whole
    assert np.array_equal(np.concatenate(left), expected[:total])
    assert np.array_equal(np.concatenate(heard), expected[:total])


def test_start_caption_and_end_are_told_at_their_samples() -> None:
    buffer = PlayoutBuffer()
    buffer.look_ahead(1000)
    buffer.release(1000)
    utterance = begun(buffer)
    buffer.push(0, utterance, loud(2500))
    utterance.captions.append(CaptionMark("one", 0, 1200))
    utterance.captions.append(CaptionMark("two", 1200, 2500))
    buffer.finish(0, utterance)
    events = []
    for _ in range(4):
        buffer.look_ahead(960)
        events += [(buffer.media_samples, e) for e in buffer.release(960).events]
    assert [type(event) for _, event in events] == [
        Started,
        Captioned,
        Captioned,
        Ended,
    ]
    started, first, second, ended = (event for _, event in events)
    assert isinstance(started, Started) and started.media_sample == 1000
    assert isinstance(first, Captioned) and first.offset == 1000
    assert isinstance(second, Captioned) and second.offset + second.mark.start == 2200
    assert isinstance(ended, Ended) and ended.media_sample == 3500
    assert events[2][0] == 1000 + 2 * 960  # told with the packet in which it begins
    assert not buffer.active


def test_interrupt_fades_within_20_ms_and_forgets_the_rest() -> None:
    buffer = PlayoutBuffer()
    utterance = begun(buffer)
    waiting = begun(buffer, "waiting")
    buffer.push(0, utterance, loud(48_000))
    for _ in range(4):
        buffer.look_ahead(1920)
    buffer.release(960)
    (first, second) = buffer.interrupt()
    assert (first.utterance, first.played_samples) == (utterance, 960)
    assert (second.utterance, second.played_samples) == (waiting, 0)
    assert not buffer.push(0, utterance, loud(1920))
    assert not buffer.begin(0, Utterance("late"))
    out = np.concatenate([buffer.release(960).samples for _ in range(6)])
    assert out[0] > 0.99 and np.all(np.diff(out[:FADE_SAMPLES]) <= 0)
    assert not out[FADE_SAMPLES:].any()
    assert not buffer.look_ahead(1920).any()
    assert not buffer.active


def test_interrupt_before_the_first_sample_is_silent_at_once() -> None:
    buffer = PlayoutBuffer()
    buffer.push(0, begun(buffer), loud(4800))
    buffer.look_ahead(1920)
    (cut,) = buffer.interrupt()
    assert cut.played_samples == 0
    assert not buffer.release(960).samples.any()


def test_an_underrun_is_silence_and_times_stay_true() -> None:
    buffer = PlayoutBuffer()
    utterance = begun(buffer)
    buffer.push(0, utterance, loud(960))
    buffer.look_ahead(1920)
    utterance.captions.append(CaptionMark("late", 960, 1920))
    buffer.push(0, utterance, loud(960))
    buffer.finish(0, utterance)
    buffer.look_ahead(1920)
    events = [e for _ in range(4) for e in buffer.release(960).events]
    (caption,) = [e for e in events if isinstance(e, Captioned)]
    assert caption.offset + caption.mark.start == 1920


def test_an_utterance_without_sound_leaves_no_trace() -> None:
    buffer = PlayoutBuffer()
    utterance = begun(buffer)
    buffer.finish(0, utterance)
    buffer.look_ahead(960)
    assert buffer.release(960).events == ()
    assert not buffer.active


def test_room_is_bounded() -> None:
    buffer = PlayoutBuffer()
    buffer.push(0, begun(buffer), loud(CAPACITY_SAMPLES))
    assert buffer.room_samples == 0
    buffer.look_ahead(1920)
    assert buffer.room_samples == 1920


@given(packets=st.lists(st.sampled_from([480, 960, 1920]), min_size=24, max_size=40))
def test_a_lowered_voice_is_soft_without_a_click_and_comes_back(
    packets: list[int],
) -> None:
    buffer = PlayoutBuffer()
    buffer.push(0, begun(buffer), loud(sum(packets)))
    left: list[FloatArray] = []
    for number, n in enumerate(packets):
        buffer.lowered = 2 <= number < 12
        assert np.all(buffer.look_ahead(n) == 1), "the lips move as before"
        left.append(buffer.release(n).samples)
    gains = np.concatenate(left)
    first, last = sum(packets[:2]), sum(packets[:12])
    assert np.all(gains[:first] == 1)
    assert np.allclose(gains[first + FADE_SAMPLES : last], LOWERED_GAIN)
    assert np.all(gains[last + RAISE_SAMPLES :] == 1)
    steps = np.diff(gains)
    assert -1.01 / FADE_SAMPLES < steps.min() and steps.max() < 1.01 / RAISE_SAMPLES


def test_a_lowered_voice_that_is_interrupted_grows_no_louder() -> None:
    buffer = PlayoutBuffer()
    buffer.push(0, begun(buffer), loud(20_000))
    buffer.lowered = True
    for _ in range(3):
        buffer.look_ahead(1920)
        buffer.release(1920)
    buffer.look_ahead(1920)
    buffer.interrupt()
    buffer.lowered = False
    faded = buffer.release(FADE_SAMPLES).samples
    assert faded.max() < 2 * LOWERED_GAIN and abs(faded[-1]) < 0.01
