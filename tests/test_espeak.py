import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import LikenessError, TextError
from models.media import AudioChunk, FloatArray, SpeechMark
from models.tts.catalogue import open_voice
from models.tts.espeak import VARIANTS, espeak_voices
from models.tts.espeak_library import Block, Manner, espeak_library
from models.tts.level import SPEECH_LEVEL_DBFS, Leveller, active_level_dbfs, limit
from models.tts.text import MAX_TEXT_CHARS, speakable
from models.tts.voice import VoiceInfo

RATE_HZ = 22_050


def say(text: str, language: str = "en-US") -> list[AudioChunk]:
    return list(open_voice(None, language).speak(text))


def sound_of(chunks: list[AudioChunk]) -> FloatArray:
    return np.concatenate([chunk.samples for chunk in chunks])


def marks_of(chunks: list[AudioChunk], kind: str) -> list[SpeechMark]:
    return [mark for chunk in chunks for mark in chunk.marks if mark.kind == kind]


def silences_s(sound: FloatArray) -> FloatArray:
    loud = np.flatnonzero(np.abs(sound) > 0.004)
    gaps = np.diff(loud) / RATE_HZ
    return gaps[gaps > 0.1].astype(np.float32)


def test_sound_is_speech_at_its_level() -> None:
    chunks = say("Hello there, my name is Grace. What would you like to know today?")
    sound = sound_of(chunks)
    assert sound.dtype == np.float32
    assert 3 < len(sound) / RATE_HZ < 7
    assert np.abs(sound).max() <= 0.97
    level = active_level_dbfs(sound, RATE_HZ)
    assert level == pytest.approx(SPEECH_LEVEL_DBFS, abs=4)


def test_chunks_come_as_they_are_synthesised() -> None:
    chunks = say("Hello there, my name is Grace.")
    sounding = [chunk for chunk in chunks if len(chunk.samples)]
    assert len(sounding) > 10
    assert max(chunk.duration_s for chunk in sounding) < 0.5


@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        (
            "en-US",
            "“Hello, Dr. Smith,” she said: 25 naïve dogs and/or cats!",
            ["“Hello,", "Dr.", "Smith,”", "she", "said:", "25", "naïve", "dogs"]
            + ["and/or", "cats!"],
        ),
        ("cmn", "我叫小明。Hello 吗？", ["我", "叫", "小", "明。", "Hello", "吗？"]),
        ("ar", "مرحبا بالعالم", ["مرحبا", "بالعالم"]),
        ("hi", "नमस्ते। आप कैसे हैं", ["नमस्ते।", "आप", "कैसे", "हैं"]),
    ],
)
def test_words_are_marked_as_written(
    language: str, text: str, words: list[str]
) -> None:
    assert [m.text for m in marks_of(say(text, language), "word")] == words


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en-US", "First, a word. Then 1,234 others; and e-mail. Fine?"),
        ("cmn", "你好，今天天气很好！我们去公园吧。"),
        ("ja", "こんにちは、げんきですか。"),
        ("ru", "Привет, как дела? Хорошо."),
        ("fr", "L’été, c’est beau. N’est-ce pas ?"),
    ],
)
def test_marks_cover_the_text_and_follow_the_sound(language: str, text: str) -> None:
    chunks = say(text, language)
    length = len(sound_of(chunks))
    words, phonemes = marks_of(chunks, "word"), marks_of(chunks, "phoneme")
    assert "".join(w.text for w in words).replace(" ", "") == text.replace(" ", "")
    for marks in (words, phonemes):
        assert all(0 <= m.start < m.end <= length for m in marks)
        assert all(a.end <= b.start for a, b in zip(marks, marks[1:], strict=False))
    for word in words:
        assert any(word.start <= p.start and p.end <= word.end for p in phonemes)
    assert not any("(" in p.text or not p.text for p in phonemes)


def test_marked_words_sound_and_marked_pauses_do_not() -> None:
    chunks = say("Apples are red. Bananas are yellow. Oranges are orange.")
    sound, words = sound_of(chunks), marks_of(chunks, "word")
    for word in words:
        assert np.abs(sound[word.start : word.end]).max() > 0.05
    for before, after in ((words[2], words[3]), (words[5], words[6])):
        pause = sound[before.end + 1100 : after.start - 220]
        assert len(pause) > 0.2 * RATE_HZ
        assert np.abs(pause).max() < 0.004


def test_an_early_chunk_carries_the_first_word() -> None:
    """Captions must be there when their sound leaves."""
    heard = 0
    for chunk in open_voice(None, None).speak("Hello my friends, how are you?"):
        heard += len(chunk.samples)
        for mark in chunk.marks:
            assert heard - mark.start < RATE_HZ
            assert heard > 0


def test_pauses_are_fluent_and_joints_do_not_click() -> None:
    sound = sound_of(say("One day, we left. It was late, and dark. Nobody spoke."))
    gaps = silences_s(sound)
    assert len(gaps) >= 3
    assert gaps.max() < 0.45
    edges = np.flatnonzero(np.diff((sound != 0).astype(int)))
    ends = [edge for edge in edges if not sound[edge + 1 : edge + 2000].any()]
    starts = [edge for edge in edges if not sound[max(0, edge - 1999) : edge + 1].any()]
    assert len(ends) >= 5 and len(starts) >= 4
    # A click is a jump into or out of silence.
    assert max(abs(sound[edge]) for edge in ends) < 0.004
    assert max(abs(sound[edge + 1]) for edge in starts) < 0.004
    assert abs(sound[0]) < 0.004 and sound[-1] == 0


def test_variants_sound_different() -> None:
    sounds = []
    for variant in VARIANTS:
        voice = open_voice(f"espeak:en-US:{variant.lower()}", None)
        sounds.append(sound_of(list(voice.speak("Good morning."))))
    spectra = [np.log(np.abs(np.fft.rfft(sound, 65_536)) + 1e-3) for sound in sounds]
    bands = [s[:16_384].reshape(64, -1).mean(axis=1) for s in spectra]
    for index, one in enumerate(bands):
        for other in bands[index + 1 :]:
            assert np.abs(one - other).mean() > 0.25


@pytest.mark.parametrize("info", espeak_voices()[:: len(VARIANTS)], ids=lambda i: i.id)
def test_every_language_speaks(info: VoiceInfo) -> None:
    digitless = {
        "chr-x-west": "osiyo",
        "cv": "Салам, тусӑм",
        "sjn": "mae govannen",
    }
    text = digitless.get(info.language, "1 2 3")
    sound = sound_of(list(open_voice(info.id, None).speak(text)))
    assert len(sound) > 0.3 * RATE_HZ
    assert -32 < active_level_dbfs(sound, RATE_HZ) < -12


def test_closing_stops_the_synthesis() -> None:
    voice = open_voice(None, None)
    speech = voice.speak("A sentence of some length follows here. " * 500)
    next(speech)
    speech.close()  # type: ignore[attr-defined]
    began = time.monotonic()
    assert len(sound_of(list(voice.speak("Next.")))) > 0
    assert time.monotonic() - began < 2  # the whole text would take longer


def test_the_library_stops_when_told() -> None:
    blocks: list[Block] = []

    def take_two(block: Block) -> bool:
        blocks.append(block)
        return len(blocks) < 2

    espeak_library().synthesize("one two three " * 20, Manner("gmw/en-US"), take_two)
    assert len(blocks) == 2


def test_a_failing_receiver_fails_the_call_and_nothing_else() -> None:
    def fail(_block: Block) -> bool:
        raise RuntimeError("full")

    with pytest.raises(RuntimeError, match="full"):
        espeak_library().synthesize("one", Manner("gmw/en-US"), fail)
    assert len(sound_of(say("one"))) > 0


def test_threads_do_not_mix_their_words() -> None:
    texts = {"en-US": "one two three", "de": "eins zwei drei", "cmn": "一 二 三"}
    results: dict[str, list[list[str]]] = {language: [] for language in texts}

    def talk(language: str) -> None:
        for _ in range(10):
            marks = marks_of(say(texts[language], language), "word")
            results[language].append([mark.text for mark in marks])

    threads = [threading.Thread(target=talk, args=(name,)) for name in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for language, heard in results.items():
        assert heard == [texts[language].split()] * 10


@pytest.mark.parametrize("text", ["", "   \n\t", "\x00\x01"])
def test_empty_text(text: str) -> None:
    with pytest.raises(TextError) as caught:
        open_voice(None, None).speak(text)
    assert caught.value.code in {"text_empty", "text_unspeakable"}


@pytest.mark.parametrize("text", ["...", "?!", "🎉🎉", "—", "\ud800", "\u202e", "（）"])
def test_text_with_nothing_to_say(text: str) -> None:
    with pytest.raises(TextError) as caught:
        open_voice(None, None).speak(text)
    assert caught.value.code == "text_unspeakable"


def test_too_much_text() -> None:
    with pytest.raises(TextError) as caught:
        open_voice(None, None).speak("a" * 1_000_000)
    assert caught.value.code == "text_too_long"
    assert str(MAX_TEXT_CHARS // 1000) in caught.value.message


@pytest.mark.parametrize(
    "text",
    [
        '<speak><break time="9s"/>hi</speak>',
        "[[h@l'oU]] there",
        "hi\x00there",
        "\x01200S\x01300P hi",
        "/etc/passwd",
        "-f /etc/passwd",
        "hi \ud83d\udc4d \udfff there",
        "\u202ehi\u202c مرحبا",
        "a" * 5000,
        "1" * 3000,
        "(((((((((hi)))))))))",
        "%s%n%p hi",
        "&lt;b&gt;hi",
    ],
)
def test_hostile_text_is_only_text(text: str) -> None:
    sound = sound_of(say(text))
    assert 0 < len(sound) / RATE_HZ
    assert np.isfinite(sound).all() and np.abs(sound).max() <= 0.97


def test_kanji_are_refused_rather_than_named() -> None:
    with pytest.raises(TextError, match="2 kanji") as caught:
        say("東京へ", "ja")
    assert caught.value.code == "text_unreadable"
    assert len(sound_of(say("とうきょうへ", "ja"))) > 0
    assert len(sound_of(say("東京", "cmn"))) > 0


def test_phoneme_codes_are_read_not_obeyed() -> None:
    words = marks_of(say("[[h@l]] ok"), "word")
    assert "".join(w.text for w in words) == "[[h@l]]ok"


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=120))
def test_any_text_is_spoken_or_refused(text: str) -> None:
    try:
        chunks = say(text)
    except LikenessError as error:
        assert error.code.startswith("text_")
        return
    assert len(sound_of(chunks)) > 0


def test_what_is_dropped_from_text() -> None:
    dirty = "Hi 👩‍👩‍👧 **bold** `x` 1️⃣ e\u0301\x07 \ue000 # 5°C\r\nend"
    assert speakable(dirty) == "Hi bold x 1 é # 5°C\nend"
    persian = "می\u200cخواهم"
    assert speakable(persian) == persian


def test_a_fresh_process_repeats_itself() -> None:
    """A film made twice from the same text has the same sound, also of a breathy
    voice, whose noise is seeded by the clock if nobody does."""
    script = (
        "import hashlib\n"
        "from models.tts.espeak_library import Manner, espeak_library\n"
        "digest = hashlib.sha256()\n"
        "def keep(block):\n"
        "    digest.update(block.samples.tobytes())\n"
        "    return True\n"
        "for variant in ('', '+f2', '+f3', '+m2'):\n"
        "    voice = Manner('gmw/en-US' + variant)\n"
        "    espeak_library().synthesize('Fish and chips, please.', voice, keep)\n"
        "print(digest.hexdigest())\n"
    )
    runs = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", script], check=True, capture_output=True
        )
        runs.append(done.stdout)
        time.sleep(1 - time.time() % 1)  # the clock's next second
    assert runs[0] == runs[1]


@given(st.lists(st.floats(-50, 50, width=32), max_size=50))
def test_the_limiter_bends_and_never_clips(values: list[float]) -> None:
    samples = np.array(values, np.float32)
    out = limit(samples)
    assert np.all(np.abs(out) <= 0.9701)
    small = np.abs(samples) <= 0.7
    assert np.array_equal(out[small], samples[small])
    assert np.all(np.sign(out) == np.sign(samples))


@given(st.lists(st.integers(1, 4000), min_size=1, max_size=10))
def test_levelling_is_the_same_in_any_chunks(sizes: list[int]) -> None:
    generator = np.random.default_rng(len(sizes))
    sound = generator.uniform(-0.5, 0.5, 12_000).astype(np.float32)
    sound[:3000] = sound[5000:6000] = sound[11_000:] = 0
    sound[3000] = sound[10_999] = 0.5

    def level(parts: Iterator[FloatArray]) -> FloatArray:
        leveller = Leveller(RATE_HZ, 1.2)
        out = [leveller.push(part) for part in parts]
        assert leveller.trimmed == 3000 - 220
        return np.concatenate([*out, leveller.finish(500)])

    whole = level(iter([sound]))
    cuts = np.cumsum(sizes)
    assert np.array_equal(level(iter(np.split(sound, cuts[cuts < 12_000]))), whole)
    assert len(whole) == 220 + 8000 + int(0.03 * RATE_HZ) + 500


def test_silence_gives_nothing() -> None:
    leveller = Leveller(RATE_HZ, 1.0)
    assert len(leveller.push(np.zeros(9000, np.float32))) == 0
    assert len(leveller.finish(500)) == 0
