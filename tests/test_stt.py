"""Ears: what is said comes out, whatever the chunks; noise does not; nothing hangs."""

import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from models.errors import EarError
from models.media import FloatArray
from models.stt.catalogue import ear_for
from models.stt.ear import Ear, Heard
from models.stt.sphinx import SphinxEar
from models.stt.sphinx_worker import MAX_DECODERS
from models.stt.stop_words import asks_to_stop
from models.stt.whisper import PIECE_S, WhisperEar, _words
from models.weights import find
from server.senses import open_ears
from tests.fakes import fake_settings
from tests.speech import Question, question, silence, wait_word
from tests.tiny_whisper import tiny_whisper


@pytest.fixture(scope="module")
def sphinx() -> Iterator[SphinxEar]:
    ear = SphinxEar()
    yield ear
    ear.close()


@pytest.fixture(scope="module")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> WhisperEar:
    return WhisperEar(tiny_whisper(tmp_path_factory.mktemp("whisper")), threads=1)


def padded(name: Question) -> FloatArray:
    """As it comes from a microphone: with a moment of silence around it."""
    return np.concatenate([silence(0.3), question(name), silence(0.4)])


def hear(
    ear: Ear, sound: FloatArray, chunk: int = 3_200, *, brief: bool = False
) -> Heard:
    recognition = ear.listen("en", brief=brief)
    for first in range(0, len(sound), chunk):
        recognition.push(sound[first : first + chunk])
    heard = recognition.finish()
    recognition.close()
    recognition.close()
    return heard


def test_the_embedded_ear_understands_clear_english(sphinx: SphinxEar) -> None:
    heard = hear(sphinx, padded("voice"))
    assert heard.language == "en"
    assert {"change", "voice"} <= set(heard.text.split())


def test_expected_sentences_are_heard_better_and_others_as_well() -> None:
    ear = SphinxEar(
        ["How do I change the voice?", "What does it cost?", "Who are you?"]
    )
    try:
        assert hear(ear, padded("voice")).text == "how do i change the voice"
        assert "graphics" in hear(ear, padded("card")).text, "nobody expected this one"
    finally:
        ear.close()


def test_the_server_s_ear_hears_one_word_that_asks_to_stop(tmp_path: Path) -> None:
    (ear,) = open_ears(fake_settings(tmp_path, ear="embedded"))
    try:
        sound = np.concatenate([silence(0.25), wait_word(), silence(0.16)])
        assert asks_to_stop(hear(ear, sound, brief=True).text)
        assert not asks_to_stop(hear(ear, question("card")[:8_000], brief=True).text)
        assert "change" in hear(ear, padded("voice")).text, "and others as well"
    finally:
        ear.close()


@pytest.mark.parametrize("after_s", [0.0, 0.01, 0.1])
def test_an_ear_that_is_closed_as_it_begins_holds_nobody_up(after_s: float) -> None:
    """Also between its promise to begin a process and the process."""
    ear = SphinxEar(["what are your opening hours"])
    thread = threading.Thread(target=lambda: pytest.raises(EarError, ear.warm_up))
    thread.start()
    time.sleep(after_s)
    began_s = time.monotonic()
    ear.close()
    thread.join(5)
    assert not thread.is_alive()
    assert time.monotonic() - began_s < 3
    assert ear.process_id is None


def test_an_ear_can_be_closed_while_it_loads() -> None:
    ear = SphinxEar(["How do I change the voice?"])
    thread = threading.Thread(target=lambda: pytest.raises(EarError, ear.warm_up))
    thread.start()
    while ear.process_id is None:
        time.sleep(0.01)
    began_s = time.monotonic()
    ear.close()
    thread.join()
    assert time.monotonic() - began_s < 1.5
    with pytest.raises(EarError):
        ear.listen("en")


def test_words_come_while_it_is_said(sphinx: SphinxEar) -> None:
    recognition = sphinx.listen("en")
    partials = []
    sound = question("card")
    for first in range(0, len(sound), 3_200):
        recognition.push(sound[first : first + 3_200])
        partials.append(recognition.partial())
    recognition.close()
    assert len(set(partials)) > 3
    assert partials[len(partials) // 2]


def test_silence_is_no_words(sphinx: SphinxEar) -> None:
    assert hear(sphinx, silence(2)).text == ""
    assert hear(sphinx, silence(0)).text == ""


def test_turns_of_several_people_do_not_mix(sphinx: SphinxEar) -> None:
    first, second = sphinx.listen("en"), sphinx.listen("en")
    voice, card = padded("voice"), padded("card")
    for at in range(0, len(card), 3_200):
        first.push(voice[at : at + 3_200])
        second.push(card[at : at + 3_200])
    assert "voice" in first.finish().text
    assert "graphics" in second.finish().text
    first.close()
    second.close()


def test_more_people_than_decoders(sphinx: SphinxEar) -> None:
    turns = [sphinx.listen("en") for _ in range(MAX_DECODERS + 1)]
    for turn in turns:
        turn.push(padded("voice"))
    with pytest.raises(EarError) as caught:
        turns[-1].finish()
    assert caught.value.code == "ear_busy"
    turns[0].close()
    assert "voice" in turns[-1].finish().text, "what waited was kept"
    for turn in turns:
        turn.close()


def test_a_dead_ear_is_told_and_comes_back(sphinx: SphinxEar) -> None:
    recognition = sphinx.listen("en")
    assert sphinx._process
    sphinx._process.kill()
    sphinx._process.wait()
    with pytest.raises(EarError, match="again"):
        recognition.push(question("voice"))
    recognition.close()
    assert "voice" in hear(sphinx, padded("voice")).text


def test_the_real_whisper_code_runs(
    whisper: WhisperEar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights are random, so the words are too, and would be left out as invented; what
    is asked is that they come, the same for the same sound however it is cut."""
    monkeypatch.setattr("models.stt.whisper._words", lambda segment: segment.text)
    assert whisper.info.understands("en-GB") and not whisper.info.basic
    whisper.warm_up()
    sound = question("voice")
    whole = hear(whisper, sound, len(sound))
    assert whole.text
    assert hear(whisper, sound, 1_000) == whole
    assert whole.language == "en"
    recognition = whisper.listen(None)
    recognition.push(sound)
    assert recognition.partial() == recognition.finish().text == whole.text


@pytest.mark.parametrize(
    ("no_speech_prob", "avg_logprob", "compression_ratio", "kept"),
    [(0.1, -0.3, 1.2, True), (0.9, -1.5, 1.2, False), (0.1, -0.3, 9.0, False)],
)
def test_words_that_whisper_invents_are_left_out(
    no_speech_prob: float, avg_logprob: float, compression_ratio: float, kept: bool
) -> None:
    segment = SimpleNamespace(
        text=" Hi.",
        no_speech_prob=no_speech_prob,
        avg_logprob=avg_logprob,
        compression_ratio=compression_ratio,
    )
    assert _words(segment) == (" Hi." if kept else "")


def test_whisper_hears_long_turns_in_pieces(
    whisper: WhisperEar, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths: list[float] = []

    def transcribe(samples: FloatArray, language: str | None) -> Heard:
        lengths.append(len(samples) / 16_000)
        return Heard(f"part{len(lengths)}", "de")

    monkeypatch.setattr(whisper, "transcribe", transcribe)
    recognition = whisper.listen(None)
    for _ in range(120):
        recognition.push(np.full(16_000, 0.1, np.float32))
    heard = recognition.finish()
    assert max(lengths) <= PIECE_S + 1
    assert sum(lengths) == pytest.approx(60), "a minute at most"
    assert heard.text.split() == [f"part{n + 1}" for n in range(len(lengths))]
    assert heard.language == "de"


def test_the_server_takes_whisper_where_it_lies(
    whisper: WhisperEar, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = tmp_path / "hearing" / "whisper-tiny"
    shutil.copytree(whisper.folder, place)
    for file in find("whisper-tiny").files:
        (place / file.path).touch()
    for wanted, names in (
        ("", ["Whisper (whisper-tiny)", "pocketsphinx"]),
        ("whisper-tiny", ["Whisper (whisper-tiny)", "pocketsphinx"]),
        ("whisper-small", ["pocketsphinx"]),
        ("embedded", ["pocketsphinx"]),
        ("off", []),
    ):
        ears = open_ears(fake_settings(tmp_path, ear=wanted))
        assert [ear.info.name for ear in ears] == names
        for ear in ears:
            ear.close()
    assert "fetch_weights whisper-small" in caplog.text


def test_damaged_weights_are_a_typed_error(tmp_path: Path) -> None:
    for name in ("model.bin", "config.json", "tokenizer.json"):
        (tmp_path / name).write_bytes(b"nonsense")
    with pytest.raises(EarError) as caught:
        WhisperEar(tmp_path)
    assert caught.value.code == "ear_damaged"


def test_which_ear_hears_what(sphinx: SphinxEar, whisper: WhisperEar) -> None:
    assert ear_for([whisper, sphinx], "en-GB") is whisper
    assert ear_for([sphinx], "en-GB") is sphinx
    assert ear_for([sphinx], None) is sphinx
    with pytest.raises(EarError, match="zh.*Typing works"):
        ear_for([sphinx], "zh")
    with pytest.raises(EarError, match="does not listen"):
        ear_for([], "en")


def test_ears_are_shared_by_threads(sphinx: SphinxEar) -> None:
    texts: list[str] = []

    def one() -> None:
        texts.append(hear(sphinx, padded("voice")).text)

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(texts) == 3 and all("voice" in text for text in texts)
