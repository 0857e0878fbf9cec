"""Turns, whatever happens in whatever order."""

from hypothesis import given
from hypothesis import strategies as st

from server.turn import (
    Answer,
    AnswerEnded,
    Asked,
    Deed,
    Happening,
    Hush,
    Interrupted,
    SoundBegan,
    SoundEnded,
    Turn,
    VoiceBegan,
    VoiceEnded,
)

happenings = st.one_of(
    st.just(VoiceBegan()),
    st.sampled_from(["", "  ", "hello"]).map(VoiceEnded),
    st.just(Asked("what?")),
    st.just(SoundBegan()),
    st.just(SoundEnded()),
    st.just(AnswerEnded()),
    st.just(Interrupted()),
)
turns = st.builds(Turn, st.booleans(), st.booleans(), st.booleans())


def play(*happened: Happening) -> tuple[list[str], list[Deed]]:
    turn = Turn()
    states: list[str] = []
    deeds: list[Deed] = []
    for each in happened:
        turn, done = turn.after(each)
        states.append(turn.state)
        deeds.extend(done)
    return states, deeds


def test_a_question_and_its_answer() -> None:
    states, deeds = play(
        VoiceBegan(), VoiceEnded("hello"), SoundBegan(), AnswerEnded(), SoundEnded()
    )
    assert states == ["listening", "thinking", "speaking", "speaking", "idle"]
    assert deeds == [Answer("hello")]


def test_the_answer_may_pause_between_its_sentences() -> None:
    states, _ = play(Asked("q"), SoundBegan(), SoundEnded(), SoundBegan())
    assert states == ["thinking", "speaking", "thinking", "speaking"]


def test_barge_in() -> None:
    states, deeds = play(Asked("q"), SoundBegan(), VoiceBegan(), VoiceEnded("no"))
    assert states[2:] == ["listening", "thinking"]
    assert deeds == [Answer("q"), Hush(), Answer("no")]


def test_speech_that_was_no_words_changes_nothing() -> None:
    states, deeds = play(VoiceBegan(), VoiceEnded(" "))
    assert states == ["listening", "idle"] and not deeds


@given(st.lists(happenings, max_size=40))
def test_every_answer_is_hushed_before_the_next_begins(all_: list[Happening]) -> None:
    """Two answers are never under way at once."""
    turn, under_way = Turn(), False
    for each in all_:
        turn, deeds = turn.after(each)
        under_way = under_way and not isinstance(each, AnswerEnded)
        for deed in deeds:
            if isinstance(deed, Answer):
                assert not under_way
                under_way = True
            else:
                under_way = False
        assert under_way == turn.thinking


@given(turns, happenings)
def test_what_is_asked_for_is_done(turn: Turn, happened: Happening) -> None:
    after, deeds = turn.after(happened)
    if isinstance(happened, Asked):
        assert deeds[-1] == Answer("what?") and after.state == "thinking"
    if isinstance(happened, Interrupted):
        assert deeds == (Hush(),) and not after.thinking and not after.sounding
    if isinstance(happened, VoiceBegan):
        assert after.state == "listening"
        assert (Hush() in deeds) == (turn.thinking or turn.sounding)
    if isinstance(happened, SoundBegan | SoundEnded | AnswerEnded):
        assert not deeds
    assert len(deeds) <= 2


@given(st.lists(happenings, max_size=30))
def test_it_always_comes_to_rest(all_: list[Happening]) -> None:
    turn = Turn()
    for each in [*all_, VoiceEnded(""), AnswerEnded(), SoundEnded()]:
        turn, _ = turn.after(each)
    assert turn == Turn()
