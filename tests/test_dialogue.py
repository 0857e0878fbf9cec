"""Talk: turns, answers, barge-in, history, and everything a brain may do."""

import time
from dataclasses import replace

import numpy as np
import pytest

from models.media import PLAYOUT_RATE_HZ
from models.stt.ear import EarInfo
from server.brain.brain import BrainError, Message
from server.errors import ApiError
from server.persona import Converse
from server.protocol import (
    ErrorEvent,
    SpeechInterrupted,
    Transcribed,
    TranscriptDelta,
    VoiceEndedEvent,
    VoiceStartedEvent,
)
from tests.dialogue_room import PACKET, WORD_MS, ask, room, spoken
from tests.fakes import FakeEar, FakeRecognition
from tests.speech import question, silence, wait_word


async def test_a_question_in_writing_is_answered() -> None:
    async with room() as its:
        its.dialogue.respond("what now", "q1")
        assert its.states == ["thinking"]
        await its.pass_time(3)
        assert its.states == ["thinking", "speaking", "idle"]
        assert its.history == [
            ("user", "what now"),
            ("assistant", "You said what now."),
        ]
        (heard,) = its.of(Transcribed)
        assert isinstance(heard, Transcribed) and heard.source == "text"


async def test_a_spoken_question_is_answered() -> None:
    async with room() as its:
        its.say(ask())
        await its.pass_time(4.5, speed=2)
        assert its.states[:3] == ["listening", "thinking", "speaking"]
        names = [each.type for each in its.told if each.type.startswith("user.")]  # type: ignore[attr-defined]
        assert names[0] == "user.speech_started"
        # On a busy machine the last guess at the words may come after their end.
        firm = [name for name in names if name != "user.transcript.delta"]
        assert firm[-2:] == ["user.speech_ended", "user.transcript"]
        assert names[-1] == "user.transcript"
        assert its.of(TranscriptDelta)
        (heard,) = its.of(Transcribed)
        assert isinstance(heard, Transcribed)
        length_ms = len(question("voice")) / 16
        assert heard.end_ms - heard.start_ms == pytest.approx(length_ms, abs=250)
        assert its.brain.asked[0].question == heard.text


@pytest.mark.parametrize("said_words", [0, 5, 9])
async def test_an_interrupted_answer_is_remembered_as_far_as_it_was_heard(
    said_words: int,
) -> None:
    words = "one two three four five six seven eight nine ten".split()
    async with room() as its:
        its.brain.pieces = [f"{word} " for word in words]
        its.dialogue.respond("count", None)
        while its.state != "speaking":
            await its.pass_time(0.02)
        await its.pass_time(said_words * WORD_MS / 1000 - 0.02 if said_words else 0)
        its.dialogue.interrupt()
        its.dialogue.interrupt()
        await its.pass_time(0.3)
        assert its.state == "idle"
        cuts = its.of(SpeechInterrupted)
        assert len(cuts) == 1
        said = [("assistant", " ".join(words[:said_words]))] if said_words else []
        assert its.history == [("user", "count"), *said]
        its.dialogue.respond("and now", None)
        await its.pass_time(0.1)
        assert its.brain.asked[-1].messages[-1] == Message("user", "and now")


async def test_interrupt_before_the_first_sound() -> None:
    async with room() as its:
        its.brain.pause_s = 0.2
        its.dialogue.respond("count", None)
        await its.pass_time(0.1)
        its.dialogue.interrupt()
        await its.pass_time(1.5)
        assert not any(its.levels) and its.states == ["thinking", "idle"]
        assert its.history == [("user", "count")]


async def test_barge_in_by_voice() -> None:
    async with room() as its:
        its.brain.pieces = ["word " * 60]
        its.dialogue.respond("talk", None)
        await its.pass_time(1)
        assert its.state == "speaking"
        its.brain.pieces = ["Yes?"]
        its.say(ask())
        await its.pass_time(5, speed=2)
        assert its.states[:3] == ["thinking", "speaking", "listening"]
        assert its.history[-1] == ("assistant", "Yes?")
        assert 0 < its.history[1][1].count("word") < 20
        assert len(its.of(SpeechInterrupted)) == 1


async def test_it_gives_way_at_the_first_sign_of_a_voice() -> None:
    async with room() as its:
        its.brain.pieces = ["word " * 60]
        its.dialogue.respond("talk", None)
        await its.pass_time(1)
        full, before = max(its.levels), len(its.levels)
        its.say(question("card", PLAYOUT_RATE_HZ))
        await its.pass_time(0.6, speed=2)
        soft = [level < 0.12 * full for level in its.levels[before:]]
        assert all(soft[soft.index(True) :]), "and does not come back"
        assert soft.index(True) * 20 <= 240
        assert its.states == ["thinking", "speaking", "listening"]


async def test_a_microphone_that_dies_does_not_leave_it_soft() -> None:
    async with room() as its:
        its.brain.pieces = ["word " * 60]
        its.dialogue.respond("talk", None)
        await its.pass_time(1)
        its.say(question("card", PLAYOUT_RATE_HZ)[:9_600])
        await its.pass_time(0.3, speed=2)
        assert its.playout.lowered
        await its.pass_time(1, speed=1)
        assert not its.playout.lowered and its.state == "speaking"
        assert its.levels[-1] > 0.9 * max(its.levels)


async def test_who_stops_listening_speaks_up() -> None:
    async with room() as its:
        its.brain.pieces = ["word " * 60]
        its.dialogue.respond("talk", None)
        await its.pass_time(1)
        its.say(question("card", PLAYOUT_RATE_HZ)[:9_600])
        await its.pass_time(0.3, speed=2)
        assert its.playout.lowered
        its.dialogue.stop_listening()
        assert not its.playout.lowered


async def test_a_short_hm_does_not_stop_it() -> None:
    async with room() as its:
        its.brain.pieces = ["word " * 20]
        its.dialogue.respond("talk", None)
        await its.pass_time(1)
        hm = question("voice", PLAYOUT_RATE_HZ)[24_000 : 24_000 + 12_000]
        its.say(spoken(hm, silence(1, PLAYOUT_RATE_HZ)))
        await its.pass_time(2)
        assert not its.of(SpeechInterrupted)
        assert its.levels[-1] > 0.9 * max(its.levels), "it is as loud as before"


@pytest.mark.parametrize(("words", "stops"), [("Wait!", True), ("right", False)])
async def test_one_short_word_stops_it_if_it_means_that(
    words: str, stops: bool
) -> None:
    ear = FakeEar()
    ear.words = words
    async with room(ear=ear) as its:
        its.brain.pieces = ["word " * 20]
        its.dialogue.respond("talk", None)
        await its.pass_time(1)
        its.say(spoken(wait_word(PLAYOUT_RATE_HZ), silence(1, PLAYOUT_RATE_HZ)))
        await its.pass_time(1.5, speed=2)
        assert bool(its.of(SpeechInterrupted)) == stops
        assert len(its.of(VoiceStartedEvent)) == len(its.of(VoiceEndedEvent)) == stops
        assert not its.of(TranscriptDelta), "nothing is told before it is a turn"
        said = [e.text for e in its.told if isinstance(e, Transcribed)][1:]
        assert said == ([words] if stops else [])
        assert its.state == ("idle" if stops else "speaking"), "and is not answered"
        assert not its.playout.lowered and all(r.closed for r in ear.recognitions)


async def test_a_word_that_was_only_a_beginning_is_closed_too() -> None:
    """Somebody goes on while an ear has just begun to listen to the first word."""

    class SlowEar(FakeEar):
        def listen(
            self, language: str | None, *, brief: bool = False
        ) -> FakeRecognition:
            time.sleep(0.6 if brief else 0)
            return super().listen(language, brief=brief)

    ear = SlowEar()
    async with room(ear=ear) as its:
        its.brain.pieces = ["word " * 60]
        its.dialogue.respond("talk", None)
        await its.pass_time(1)
        word = wait_word(PLAYOUT_RATE_HZ)
        its.say(spoken(word, silence(0.3, PLAYOUT_RATE_HZ), ask()[14_400:]))
        await its.pass_time(5, speed=2)
        assert len(its.of(SpeechInterrupted)) == 1
        assert len(ear.recognitions) > 1 and all(r.closed for r in ear.recognitions)


async def test_who_asks_for_silence_at_length_gets_it() -> None:
    ear = FakeEar()
    ear.words = "Stop it, please."
    async with room(ear=ear) as its:
        its.brain.pieces = ["word " * 60]
        its.dialogue.respond("talk", None)
        await its.pass_time(1)
        its.say(ask())
        await its.pass_time(4, speed=2)
        assert its.state == "idle" and len(its.brain.asked) == 1
        its.say(ask())
        await its.pass_time(4, speed=2)
        assert len(its.brain.asked) == 2, "with nothing to stop it is an answer"


@pytest.mark.parametrize(("gain_db", "delay"), [(0, 2), (-15, 10), (-25, 40)])
async def test_its_own_voice_from_the_loudspeakers_does_not_stop_it(
    gain_db: float, delay: int
) -> None:
    """The answer is real speech, and comes back `delay` packets later."""
    async with room() as its:
        sound = spoken(question("card", 48_000), question("photo", 48_000))
        pcm = (0.7 * sound * 32767).astype("<i2").tobytes()
        its.speech.speak_audio(48_000, pcm, None)
        its.speech.speak_end()
        line = [np.zeros(PACKET, np.float32)] * delay
        gain = 10 ** (gain_db / 20)
        noise = np.random.default_rng(0)
        for _ in range(round(len(sound) / PACKET) + delay):
            heard = line.pop(0) * gain + noise.normal(0, 3e-4, PACKET)
            its.microphone.append(heard.astype(np.float32))
            await its.pass_time(0.02, speed=8)
            line.append(its.sound)
            assert not its.playout.lowered
        await its.pass_time(0.5)
        assert not its.of(SpeechInterrupted)
        assert its.states == ["speaking", "idle"]


async def test_emotions_are_shown_and_not_spoken() -> None:
    async with room() as its:
        its.brain.pieces = ["[hap", "py] Fine. [serious] But", " no."]
        its.dialogue.respond("how are you", None)
        await its.pass_time(3)
        assert its.history[-1] == ("assistant", "Fine. But no.")
        assert [e for e in its.look.emotions if e] == ["happy", "serious"]


@pytest.mark.parametrize(
    ("pieces", "said"),
    [
        ([], "I have no answer to that."),
        ([" ", "\n"], "I have no answer to that."),
        (["👍", "🎉"], None),
    ],
)
async def test_answers_without_words(pieces: list[str], said: str | None) -> None:
    async with room() as its:
        its.brain.pieces = pieces
        its.dialogue.respond("well", None)
        await its.pass_time(3)
        assert its.codes == ["answer_empty"]
        assert its.state == "idle"
        assert its.history[1:] == ([("assistant", said)] if said else [])


@pytest.mark.parametrize("begun", [[], ["Well, I think. "]])
async def test_a_brain_that_fails_is_apologised_for(begun: list[str]) -> None:
    async with room() as its:
        its.brain.pieces = begun
        its.brain.error = BrainError("brain_slow", "Too slow.")
        its.dialogue.respond("well", "q7")
        await its.pass_time(5)
        (error,) = its.of(ErrorEvent)
        assert isinstance(error, ErrorEvent)
        assert (error.code, error.source_event_id) == ("brain_slow", "q7")
        assert "sorry" in its.history[-1][1]
        assert its.state == "idle"
        its.brain.pieces, its.brain.error = ["Better."], None
        its.dialogue.respond("again", None)
        await its.pass_time(1)
        assert its.history[-1] == ("assistant", "Better.")


async def test_a_filler_bridges_a_long_thought() -> None:
    async with room(Converse(filler=True)) as its:
        its.brain.pieces, its.brain.pause_s = ["Fine."], 1.0
        its.dialogue.respond("well", None)
        await its.pass_time(2.6, speed=1)
        assert any(its.levels[40:85]), "something is heard before the answer"
        assert its.history[-1] == ("assistant", "Fine."), "and it is no part of it"


async def test_ten_minutes_of_answer_are_bounded_and_can_be_cut() -> None:
    async with room() as its:
        its.brain.pieces = [f"This is sentence number {n}. " for n in range(6_000)]
        its.dialogue.respond("talk", None)
        await its.pass_time(3)
        assert its.state == "speaking"
        assert its.playout.pending_samples <= 12 * PLAYOUT_RATE_HZ
        its.dialogue.interrupt()
        await its.pass_time(0.2)
        assert its.state == "idle" and not its.speech.busy
        said = its.history[-1][1]
        assert said.startswith("This is sentence number 0.") and len(said) < 300


async def test_a_very_long_question() -> None:
    async with room() as its:
        its.brain.pieces = ["Long."]
        its.dialogue.respond("why " * 5_000, None)
        await its.pass_time(1)
        assert len(its.brain.asked[0].question) == 20_000
        assert its.history[-1] == ("assistant", "Long.")


@pytest.mark.parametrize("kind", ["silence", "noise", "music", "nothing"])
async def test_what_is_no_speech_is_no_turn(kind: str) -> None:
    time_s = np.arange(2 * PLAYOUT_RATE_HZ) / PLAYOUT_RATE_HZ
    notes = [np.sin(2 * np.pi * hz * time_s) for hz in (196, 247, 294, 392)]
    beat = 0.5 + 0.5 * np.sign(np.sin(2 * np.pi * 2 * time_s))
    sound = {
        "silence": np.zeros(len(time_s)),
        "noise": np.random.default_rng(0).normal(0, 0.05, len(time_s)),
        "music": 0.1 * np.sum(notes, axis=0) * beat,
        "nothing": np.zeros(0),
    }[kind]
    async with room() as its:
        if len(sound):
            its.say(sound.astype(np.float32))
        await its.pass_time(2.5)
        assert not its.of(Transcribed) and its.states == []


async def test_push_to_talk() -> None:
    async with room(Converse(interactivity="push_to_talk")) as its:
        its.say(ask())
        await its.pass_time(2, speed=2)
        assert not its.of(Transcribed), "nobody has pressed the key"
        its.microphone.clear()
        its.dialogue.start_listening(held=True)
        assert its.state == "listening"
        its.say(ask(3))
        await its.pass_time(4, speed=2)
        assert its.state == "listening", "a pause does not end it"
        its.dialogue.stop_listening()
        await its.pass_time(1, speed=2)
        assert len(its.of(Transcribed)) == 1
        assert its.states[:3] == ["listening", "thinking", "speaking"]


async def test_a_microphone_that_falls_silent_ends_the_turn() -> None:
    """As when it is switched off in the middle of a word."""
    async with room() as its:
        its.say(ask(0)[:80_000])
        await its.pass_time(5, speed=2)
        assert len(its.of(Transcribed)) == 1


async def test_the_last_word_is_a_farewell() -> None:
    how = Converse(farewell="Goodbye then.", silence_s=0.3)
    async with room(how) as its:
        await its.pass_time(2, speed=1)
        assert its.ended == ["silence"] * len(its.ended) and its.ended
        assert any(its.levels)
        assert its.history == [("assistant", "Goodbye then.")]


async def test_greeting() -> None:
    async with room(Converse(greeting="Good morning.")) as its:
        its.dialogue.greet()
        await its.pass_time(1)
        assert its.history == [("assistant", "Good morning.")]


async def test_lite_mode_has_no_mind_of_its_own() -> None:
    async with room(Converse(mode="lite")) as its:
        with pytest.raises(ApiError, match="mode lite"):
            its.dialogue.respond("hello", None)
        with pytest.raises(ApiError, match="mode lite"):
            its.dialogue.start_listening(held=False)
        its.say(ask())
        await its.pass_time(1)
        assert its.told == []
        assert not its.dialogue.hearing_event().available


async def test_a_language_without_an_ear() -> None:
    async with room(Converse(own="zh")) as its:
        event = its.dialogue.hearing_event()
        assert not event.available and event.message and "Typing works" in event.message
        with pytest.raises(ApiError) as caught:
            its.dialogue.start_listening(held=False)
        assert caught.value.code == "ear_missing"
        its.dialogue.respond("你好", None)
        await its.pass_time(1)
        assert its.history[0] == ("user", "你好")
        its.dialogue.speak_as(None, "de-DE", "de-DE")
        assert its.dialogue.hearing_event().available


async def test_an_ear_that_detects_is_asked_for_no_language() -> None:
    info = EarInfo("all", ("*",), basic=False, detects=True)
    async with room(ear=FakeEar(info)) as its:
        assert its.dialogue.hearing.language is None
        its.dialogue.speak_as(None, "de-DE", "de-DE")
        assert its.dialogue.hearing.language == "de-DE"


async def test_the_transcript() -> None:
    async with room() as its:
        its.brain.pieces = ["One two. Three & four."]
        its.dialogue.respond("count -->\n\nplease", None)
        await its.pass_time(3)
        lines = its.dialogue.spoken.lines
        assert [line.speaker for line in lines] == ["visitor", "portrait", "portrait"]
        vtt = its.dialogue.spoken.to_vtt()
        assert vtt.startswith("WEBVTT\n\n00:00:00.")
        assert "<v Visitor>count --&gt; please\n" in vtt
        assert "<v Portrait>Three &amp; four.\n" in vtt


async def test_no_transcript_unless_asked() -> None:
    async with room(replace(Converse(), keep_transcript=False)) as its:
        its.dialogue.respond("hello", None)
        await its.pass_time(1)
        assert its.dialogue.spoken.lines == []
