"""Markup, breaks, several scripts in one text, speed and silences."""

import html
import re
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import TextError
from models.media import AudioChunk, FloatArray
from models.tts.catalogue import open_voice
from models.tts.level import active_level_dbfs
from models.tts.reader import Reader
from models.tts.scripts import split_scripts
from models.tts.text import MAX_BREAK_S, Dropped, Passage, dropped, passages, speakable
from models.tts.voice import Manner, Synthesiser, VoiceInfo

RATE_HZ = 22_050


def sound_of(chunks: list[AudioChunk]) -> FloatArray:
    return np.concatenate([chunk.samples for chunk in chunks])


def say(text: str, language: str = "en-US", manner: Manner | None = None) -> FloatArray:
    voice = open_voice(None, language, manner=manner or Manner())
    return sound_of(list(voice.speak(text)))


def longest_silence_s(sound: FloatArray, rate_hz: int = RATE_HZ) -> float:
    loud = np.flatnonzero(np.abs(sound) > 0.004)
    return float(np.diff(loud).max() / rate_hz)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("<speak>Hello <b>big</b> world</speak>", "Hello big world"),
        ("one<br/>two<p>three</p>", "one\ntwo\nthree"),
        ('<prosody rate="slow" pitch="+2st">slow</prosody>', "slow"),
        ("<!-- not this -->this", "this"),
        ("AT&amp;T &lt;b&gt;", "AT&T <b>"),
        ("a<b and c>d, x < y", "a<b and c>d, x < y"),
        ("# Title\n- one\n* two\n1. three", "Title\none\ntwo\n1. three"),
        ("**bold** *slanted* _too_ `code` ~~gone~~", "bold slanted too code gone"),
        ("2*3*4 and snake_case_name", "2*3*4 and snake_case_name"),
        ("[the page](https://a.com/b) ![a cat](cat.png)", "the page a cat"),
        ("```py\nprint(1)\n```", "print(1)"),
        ("| a | b |\n|---|---|\n| c | d |", "a, b\n\nc, d"),
        ("> quoted\n\n---\nend", "quoted\n\nend"),
    ],
)
def test_markup_is_not_read_out(written: str, read: str) -> None:
    assert speakable(written) == read


@pytest.mark.parametrize(
    ("tag", "seconds"),
    [
        ('<break time="500ms"/>', 0.5),
        ("<BREAK time='1.5s' />", 1.5),
        ('<break strength="weak"/>', 0.2),
        ("<break/>", 0.4),
        ('<break time="99999s"/>', MAX_BREAK_S),
        ('<break time="0s"></break>', 0.0),
        ('<break time="nonsense"/>', 0.4),
    ],
)
def test_breaks(tag: str, seconds: float) -> None:
    first, second = passages(f"one {tag} two")
    assert first == Passage("one")
    assert second == Passage("two", seconds)


def test_a_break_is_heard() -> None:
    plain = longest_silence_s(say("Wait, and go."))
    paused = longest_silence_s(say('Wait, <break time="700ms"/> and go.'))
    assert paused - plain == pytest.approx(0.7, abs=0.05)
    only = say('<break time="2500ms"/>')
    assert len(only) == pytest.approx(2.5 * RATE_HZ, abs=2) and not only.any()


def test_what_is_dropped_is_counted() -> None:
    text = "Hi 👩‍👩‍👧🎉 <b>you</b> <break/>\x07\u202e1️⃣ é"
    assert dropped(text) == Dropped(pictographs=2, tags=2, characters=2)
    assert str(dropped(text)) == (
        "Not spoken: 2 pictographs, 2 tags, 2 control characters."
    )
    for whole in ("Hello, 世界! 5 € and می\u200cخواهم\n", "a < b > c & d"):
        assert not dropped(whole)
    assert Dropped(1, 2, 3) + Dropped(1, 1, 1) == Dropped(2, 3, 4)


@pytest.mark.parametrize("text", ["<b></b>", "<!-- x -->", "\u200b", "🎉<i/>"])
def test_nothing_but_markup_is_unspeakable(text: str) -> None:
    with pytest.raises(TextError) as caught:
        passages(text)
    assert caught.value.code == "text_unspeakable"


@given(st.text(max_size=80))
def test_escaped_text_loses_nothing_but_what_is_invisible(text: str) -> None:
    words = re.sub(r"[^\w ]|_", "", text)
    if words.strip():
        assert speakable(html.escape(words)).split() == speakable(words).split()


@pytest.mark.parametrize(
    ("language", "text", "runs"),
    [
        (
            "cmn",
            "我用 iPhone 15 手机",
            [("我用 ", None), ("iPhone 15 ", "en"), ("手机", None)],
        ),
        ("cmn", "A股和T恤", [("A股和T恤", None)]),
        ("cmn", "see 2024年", [("see ", "en"), ("2024年", None)]),
        ("en-US", "Say 你好 now", [("Say ", None), ("你好 ", "cmn"), ("now", None)]),
        ("en-US", "α = 5, π", [("α = 5, π", None)]),
        ("ru", "Привет, Anna!", [("Привет, ", None), ("Anna!", "en")]),
        ("ja", "東京はカラオケ", [("東京はカラオケ", None)]),
        ("sr", "Здраво svete", [("Здраво svete", None)]),
        ("ar", "مرحبا hello", [("مرحبا ", None), ("hello", "en")]),
        ("fr-FR", "naïve café", [("naïve café", None)]),
    ],
)
def test_scripts_are_cut_where_they_change(
    language: str, text: str, runs: list[tuple[str, str | None]]
) -> None:
    assert [(run.text, run.language) for run in split_scripts(text, language)] == runs


@given(st.text(max_size=60), st.sampled_from(["en-US", "cmn", "ja", "ar", "xx"]))
def test_cutting_loses_nothing(text: str, language: str) -> None:
    assert "".join(run.text for run in split_scripts(text, language)) == text


def phonemes(text: str, language: str) -> str:
    chunks = open_voice(None, language).speak(text)
    marks = [mark for chunk in chunks for mark in chunk.marks]
    said = "".join(mark.text for mark in marks if mark.kind == "phoneme")
    return re.sub("[ˈˌ]", "", said)


@pytest.mark.parametrize(
    ("language", "text", "foreign", "word"),
    [
        ("cmn", "我喜欢 chocolate cake 很好", "en-US", "chocolate cake"),
        ("ja", "わたしは computer です", "en-US", "computer"),
        ("en-US", "They say 你好 there", "cmn", "你好"),
        ("en-US", "Say привет to them", "ru", "привет"),
        ("ru", "Это hello world", "en-US", "hello world"),
    ],
)
def test_each_script_is_said_in_a_language_that_has_it(
    language: str, text: str, foreign: str, word: str
) -> None:
    assert phonemes(word, foreign) in phonemes(text, language)


def test_two_voices_in_one_sentence_sound_as_one() -> None:
    """The same level, no click and no hole where they meet."""
    chunks = list(open_voice("espeak:cmn").speak("我喜欢 chocolate cake 很好"))
    sound = sound_of(chunks)
    words = [m for chunk in chunks for m in chunk.marks if m.kind == "word"]
    english = [mark for mark in words if mark.text.isascii()]
    first, last = english[0], english[-1]
    inside = active_level_dbfs(sound[first.start : last.end], RATE_HZ)
    around = np.concatenate([sound[: first.start], sound[last.end :]])
    assert inside == pytest.approx(active_level_dbfs(around, RATE_HZ), abs=3)
    assert longest_silence_s(sound) < 0.2
    # A click is a jump into or out of silence.
    silent = np.convolve(sound == 0, np.ones(400), "valid") == 400
    edges = np.flatnonzero(np.diff(silent.astype(int)))
    assert len(edges) >= 4
    for edge in edges:
        assert abs(sound[edge]) < 0.03 and abs(sound[edge + 400]) < 0.03


class Humming:
    """A synthesiser at 16 kHz: 0.1 s of a tone for each letter."""

    info = VoiceInfo("hum:en", "Hum", "en", "piper", "CC0-1.0")
    rate_hz = 16_000

    def phrases(self, text: str) -> tuple[str, ...]:
        return (text.strip(),)

    def say(self, phrase: str, speed: float, pause_s: float) -> Iterator[AudioChunk]:
        length = int(1_600 * len(phrase) / speed)
        tone = 0.3 * np.sin(np.arange(length) * 2 * np.pi * 200 / self.rate_hz)
        rest = np.zeros(int(pause_s * self.rate_hz))
        yield AudioChunk(np.concatenate([tone, rest]).astype(np.float32), self.rate_hz)


def test_another_voice_at_another_rate_keeps_its_time() -> None:
    own = open_voice("espeak:cmn")
    assert isinstance(own, Reader)

    def other(_language: str) -> Synthesiser:
        return Humming()

    mixed = Reader(own._own, other)
    alone = sound_of(list(mixed.speak("你好")))
    both = sound_of(list(mixed.speak("abcdefghij 你好")))
    assert len(both) - len(alone) == pytest.approx((1.0 + 0.05) * RATE_HZ, abs=300)


@pytest.mark.parametrize("speed", [0.5, 0.8, 1.5, 2.0])
def test_speed(speed: float) -> None:
    text = "The quick brown fox jumps over the lazy dog"
    ratio = len(say(text)) / len(say(text, manner=Manner(speed)))
    assert ratio == pytest.approx(speed, rel=0.2)


def test_sentence_silence() -> None:
    text = "One sentence is here. Another one follows."
    for silence_s in (0.0, 0.6, 2.0):
        sound = say(text, manner=Manner(sentence_silence_s=silence_s))
        assert longest_silence_s(sound) == pytest.approx(silence_s + 0.05, abs=0.06)
        assert not sound[len(sound) - int(silence_s * RATE_HZ) :].any()
