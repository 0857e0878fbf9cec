"""Texts that are spoken while they are written, and what comes too late for them."""

import asyncio

import pytest

from models.media import PLAYOUT_RATE_HZ
from server.errors import ApiError
from server.playout import Captioned, Ended, Started
from server.protocol import ErrorEvent, Warned
from tests.test_pipeline import Stage, say, stage

WORD_SAMPLES = PLAYOUT_RATE_HZ // 5  # of the fake voice


def write(
    its: Stage,
    text: str,
    stream_id: str = "s",
    *,
    end: bool = False,
    voice: str | None = None,
) -> None:
    its.speech.speak_stream(
        stream_id, text, end=end, voice=voice, language=None, source=stream_id
    )


async def test_the_first_clause_is_heard_before_the_text_is_whole() -> None:
    async with stage() as its:
        for token in ("Good", " morning", ",", " dear"):
            write(its, token)
        await its.play(15)
        assert its.of(Started) == ["s"] and its.of(Ended) == []
        assert max(its.levels) > 0.3
        for token in (" friend", ".", " How", " are", " you"):
            write(its, token)
        write(its, "?", end=True)
        await its.play(70)
    assert its.of(Started) == ["s"] == its.of(Ended)
    captions = [e for e in its.events if isinstance(e, Captioned)]
    assert [each.mark.text for each in captions] == [
        "Good morning,",
        "dear friend.",
        "How are you?",
    ]
    # Each word is timed where it sounds: seven words of 200 ms, end to end.
    starts = [start for each in captions for _, start, _ in each.mark.words]
    assert starts == [WORD_SAMPLES * number for number in range(7)]


async def test_texts_and_streams_keep_their_order() -> None:
    async with stage() as its:
        write(its, "one ", "a")
        say(its, "three", "b")
        write(its, "four", "c", end=True)
        write(its, "two.", "a", end=True)
        await its.play(60)
    assert its.of(Started) == ["a", "b", "c"] == its.of(Ended)


async def test_what_is_written_after_an_interruption_is_never_heard() -> None:
    async with stage() as its:
        write(its, "This was said. And ")
        await its.play(10)
        write(its, "x" * 30_000, "long")
        cut = its.speech.interrupt()
        assert [each.utterance.source_event_id for each in cut] == ["s", "long"]
        kept = [each.clauses.waiting_chars for each in its.speech._streams.values()]  # type: ignore[union-attr]
        assert kept == [0, 0], "what is remembered is the id"
        for token in ("this ", "comes ", "too ", "late."):
            write(its, token)
        write(its, "", end=True)
        write(its, "even later")
        its.levels.clear()
        await its.play(20)
        assert not any(its.levels[2:]) and not its.speech.busy
        write(its, "The next one is.", "next", end=True)
        await its.play(60)
    assert its.of(Ended) == ["next"]
    assert its.told == []


async def test_sound_sent_after_an_interruption_is_never_heard() -> None:
    loud = b"\0\x40" * 4_800
    async with stage() as its:
        its.speech.speak_audio(48_000, loud, "a", "x")
        await its.play(3)
        its.speech.interrupt()
        its.speech.append_audio(loud)
        its.speech.speak_audio(48_000, loud, "a", "x")
        its.speech.speak_end()
        its.levels.clear()
        await its.play(20)
        assert not any(its.levels[2:]) and not its.speech.busy
        its.speech.speak_audio(48_000, loud, "b", "y")
        its.speech.speak_audio(48_000, loud, "c", "z")  # ends the one before
        its.speech.speak_end()
        await its.play(20)
    assert its.of(Ended) == ["b", "c"]


async def test_a_writer_who_pauses_is_heard_up_to_the_last_sentence() -> None:
    async with stage() as its:
        write(its, "Let me look. That")
        write(its, " is all.")
        await its.play(25)
        assert len([e for e in its.events if isinstance(e, Captioned)]) == 1
        await asyncio.sleep(0.4)
        await its.play(25)
        texts = [e.mark.text for e in its.events if isinstance(e, Captioned)]
        assert texts == ["Let me look.", "That is all."]
        assert its.speech.busy, "it may go on"
        write(its, "Now it ends", end=True)
        await its.play(60)
    assert its.of(Ended) == ["s"]


async def test_an_ended_stream_takes_no_more() -> None:
    async with stage() as its:
        write(its, "Done.", end=True)
        with pytest.raises(ApiError) as caught:
            write(its, "more")
        assert (caught.value.status, caught.value.code) == (409, "stream_ended")
        with pytest.raises(ApiError, match="another id"):
            its.speech.speak_audio(8_000, b"", None, "s")


async def test_a_stream_that_fails_is_told_once() -> None:
    async with stage() as its:
        write(its, "Hello there. ", voice="no such voice")
        await its.play(5)
        write(its, "And more. ", voice="no such voice")
        write(its, "", "empty", end=True)
        await its.play(5)
    errors = [
        (e.source_event_id, e.code) for e in its.told if isinstance(e, ErrorEvent)
    ]
    assert errors == [("s", "voice_unknown"), ("empty", "text_empty")]


async def test_a_stream_left_open_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.producer.SILENT_SPEAKER_S", 0.02)
    async with stage() as its:
        write(its, "One two", "a")
        say(its, "after", "b")
        await its.play(60)
        with pytest.raises(ApiError, match="another id"):
            write(its, "more", "a")
    assert its.of(Ended) == ["a", "b"]
    assert [e.code for e in its.told if isinstance(e, Warned)] == ["speak_end_missing"]


async def test_a_writer_is_bounded() -> None:
    async with stage() as its:
        say(its, "word " * 100, "a")
        write(its, "x" * 20_000)
        write(its, "x" * 20_000)
        with pytest.raises(ApiError) as caught:
            write(its, "x")
    assert caught.value.code == "text_buffer_full" and caught.value.retryable


@pytest.mark.parametrize("text", ["hé😀 ", "。", " \n", "a"])
async def test_a_text_of_any_length_has_one_end(text: str) -> None:
    async with stage() as its:
        write(its, text * (20_000 // len(text)), end=True)
        for _ in range(200):
            await its.play(5)
            if its.told or its.of(Started):
                break
        its.speech.interrupt()
        await its.play(5)
        assert not its.speech.busy
    assert bool(its.told) != bool(its.of(Started))
