"""Turns: where they begin, where they end, and what a speaker teaches."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.endpoint import (
    BRIEF_FRAMES,
    DOUBT_FRAMES,
    FIRST_WAIT_MS,
    LONGEST_WAIT_MS,
    SHORTEST_WAIT_MS,
    UNFINISHED_MS,
    Endpointer,
    sounds_unfinished,
)
from models.vad import VAD_FRAME_MS


def feed(
    its: Endpointer,
    ms: float,
    probability: float = 0.0,
    *,
    guarded: bool = False,
    held: bool = False,
    text: str = "",
) -> list[tuple[str, int]]:
    """Boundaries and when they came, in ms from the start of this stretch."""
    found: list[tuple[str, int]] = []
    for frame in range(round(ms / VAD_FRAME_MS)):
        boundary = its.push(probability, guarded=guarded, held=held, text=text)
        if boundary:
            found.append((boundary, (frame + 1) * VAD_FRAME_MS))
    return found


def test_a_turn() -> None:
    its = Endpointer()
    assert feed(its, 1_000) == []
    ((began, at_ms),) = feed(its, 1_500, 0.9)
    assert began == "began" and at_ms <= 100
    ((ended, at_ms),) = feed(its, 1_500)
    assert ended == "ended" and at_ms == pytest.approx(FIRST_WAIT_MS, abs=32)


def test_a_short_pause_is_not_the_end() -> None:
    its = Endpointer()
    feed(its, 900, 0.9)
    assert feed(its, 300) == []
    assert feed(its, 900, 0.9) == []
    assert [name for name, _ in feed(its, 1_500)] == ["ended"]


def test_words_that_ask_for_more_are_waited_for() -> None:
    its = Endpointer()
    feed(its, 900, 0.9)
    ((_, at_ms),) = feed(its, 2_000, text="i want to know the price and")
    assert at_ms == pytest.approx(FIRST_WAIT_MS + UNFINISHED_MS, abs=32)


def test_who_was_cut_off_gets_more_time() -> None:
    its = Endpointer()
    waits = []
    for _ in range(6):
        feed(its, 900, 0.9)
        ((_, at_ms),) = feed(its, its.wait_ms + 200)
        waits.append(at_ms)
    assert waits == sorted(waits) and waits[-1] > waits[0] + 300
    assert its.wait_ms <= LONGEST_WAIT_MS
    for _ in range(40):
        feed(its, 900, 0.9)
        feed(its, 4_000)
    assert its.wait_ms == SHORTEST_WAIT_MS, "and less again"


@pytest.mark.parametrize("ms", [64, 200, 350])
def test_a_short_sound_does_not_stop_a_portrait_that_speaks(ms: float) -> None:
    its = Endpointer()
    assert feed(its, ms, 0.95, guarded=True) == []
    brief_ms = BRIEF_FRAMES * VAD_FRAME_MS
    assert feed(its, 1_000, guarded=True) == [("brief", brief_ms)], "told once"


def test_somebody_who_goes_on_does_stop_it() -> None:
    its = Endpointer()
    ((began, at_ms),) = feed(its, 1_000, 0.95, guarded=True)
    assert began == "began" and at_ms < 450
    assert its.onset_frames * VAD_FRAME_MS >= 0


def test_a_voice_that_dips_stops_it_as_soon() -> None:
    """Silero doubts the middle of a word that an echo canceller has bitten into."""
    its, begun_ms = Endpointer(), 0
    while not its.in_turn:
        its.push((0.55, 0.4, 0.36)[begun_ms // VAD_FRAME_MS % 3], guarded=True)
        begun_ms += VAD_FRAME_MS
    assert begun_ms < 450


def test_a_voice_is_suspected_long_before_it_is_a_turn() -> None:
    its = Endpointer()
    feed(its, 500, 0.3, guarded=True)
    assert not its.suspects
    feed(its, 64, 0.6, guarded=True)
    assert its.suspects and not its.in_turn
    feed(its, 128, 0.1, guarded=True)
    assert its.suspects, "a pause within a word"
    feed(its, 600, 0.9, guarded=True)
    assert its.in_turn and not its.suspects, "certain now"


def test_a_suspicion_passes() -> None:
    its = Endpointer()
    feed(its, 200, 0.9, guarded=True)
    feed(its, (DOUBT_FRAMES - 1) * VAD_FRAME_MS, guarded=True)
    assert its.suspects
    feed(its, VAD_FRAME_MS, guarded=True)
    assert not its.suspects and not its.in_turn


def test_nobody_who_is_not_interrupted_suspects() -> None:
    its = Endpointer()
    feed(its, 64, 0.9)
    assert not its.suspects
    feed(its, 32, 0.9, guarded=True)
    assert its.suspects
    feed(its, 32)
    assert not its.suspects, "it has fallen silent by itself"


def test_the_turn_of_a_held_key_ends_when_it_is_let_go() -> None:
    its = Endpointer()
    its.begin()
    assert feed(its, 800, 0.9, held=True) == []
    assert feed(its, 5_000, held=True) == []
    assert its.end() == "ended" and not its.in_turn


def test_nobody_speaks_for_ever() -> None:
    its = Endpointer()
    assert [name for name, _ in feed(its, 60_500, 0.9)][:2] == ["began", "ended"]


@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.booleans(), st.sampled_from(["", "and"])),
        max_size=400,
    )
)
def test_beginnings_and_ends_alternate(frames: list[tuple[float, bool, str]]) -> None:
    its = Endpointer()
    names = []
    for probability, guarded, text in frames:
        boundary = its.push(probability, guarded=guarded, text=text)
        if boundary:
            names.append(boundary)
    names = [name for name in names if name != "brief"]
    assert names == [("began", "ended")[n % 2] for n in range(len(names))]
    assert its.in_turn == (len(names) % 2 == 1)


@pytest.mark.parametrize(
    ("text", "unfinished"),
    [
        ("what is the", True),
        ("I would like,", True),
        ("how does it work", False),
        ("How does it work?", False),
        ("I think that.", False),
        ("我想问一下，", True),
        ("我喜欢蓝色的", True),
        ("你是谁", False),
        ("well um", True),
        ("", False),
    ],
)
def test_unfinished(text: str, unfinished: bool) -> None:
    assert sounds_unfinished(text) is unfinished
