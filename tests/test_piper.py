import json
import threading
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
import pytest
from piper import AudioChunk as PiperChunk

from models.errors import TextError, VoiceError
from models.media import AudioChunk, FloatArray
from models.tts.catalogue import list_voices, open_voice
from models.tts.level import SPEECH_LEVEL_DBFS, active_level_dbfs
from models.tts.piper import Piper, piper_info, piper_voices
from models.tts.reader import Reader
from models.tts.voice import Manner, Voice
from scripts import render
from tests.tiny_piper import CONFIG, HOP, RATE_HZ, hum


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    onnx.save(hum(), str(tmp_path / "hum.onnx"))
    (tmp_path / "hum.onnx.json").write_text(json.dumps(CONFIG), "utf-8")
    return tmp_path


def sound_of(chunks: list[AudioChunk]) -> FloatArray:
    return np.concatenate([chunk.samples for chunk in chunks])


def test_the_real_piper_loads_and_speaks_sentence_by_sentence(folder: Path) -> None:
    voice: Voice = Reader(Piper(folder / "hum.onnx"))
    chunks = list(voice.speak("Good morning to you. How are you?"))
    sound = sound_of(chunks)
    assert voice.rate_hz == RATE_HZ
    assert all(chunk.rate_hz == RATE_HZ for chunk in chunks)
    level = active_level_dbfs(sound, RATE_HZ)
    assert level == pytest.approx(SPEECH_LEVEL_DBFS, abs=1.5)
    assert np.abs(sound).max() < 0.98
    words = [m for chunk in chunks for m in chunk.marks if m.kind == "word"]
    assert [w.text for w in words] == "Good morning to you. How are you?".split()
    assert 0 <= words[0].start < RATE_HZ // 4
    between = np.abs(sound[words[3].end : words[4].start])
    loud = np.flatnonzero(between > 0.02)
    assert np.diff(loud).max() > 0.25 * RATE_HZ  # the pause after a sentence


def test_words_take_the_time_that_the_network_gave_their_phonemes(
    folder: Path,
) -> None:
    voice = Reader(Piper(folder / "hum.onnx"))
    marks = [m for chunk in voice.speak("A strengthened oak.") for m in chunk.marks]
    words = [m for m in marks if m.kind == "word"]
    assert [w.text for w in words] == ["A", "strengthened", "oak."]
    long, short = words[1], words[0]
    assert long.end - long.start > 2 * (short.end - short.start)
    inside = [
        m
        for m in marks
        if m.kind == "phoneme" and long.start <= m.start and m.end <= long.end
    ]
    assert len(inside) >= 8
    assert [m.start for m in marks] == sorted(m.start for m in marks)


def test_a_number_of_several_spoken_words_is_one_mark(folder: Path) -> None:
    voice = Reader(Piper(folder / "hum.onnx"))
    words = [
        mark
        for chunk in voice.speak("I have 1,234,567 dogs.")
        for mark in chunk.marks
        if mark.kind == "word"
    ]
    assert [w.text for w in words] == ["I", "have", "1,234,567", "dogs."]
    assert all(a.end <= b.start for a, b in zip(words, words[1:], strict=False))


@pytest.fixture
def choir(tmp_path: Path) -> Path:
    """A voice of three speakers."""
    onnx.save(hum(speakers=3), str(tmp_path / "choir.onnx"))
    config = CONFIG | {
        "num_speakers": 3,
        "speaker_id_map": {"Low": 0, "middle": 1, "high": 2},
        "dataset": "choir",
    }
    (tmp_path / "choir.onnx.json").write_text(json.dumps(config), "utf-8")
    return tmp_path


def pitch_hz(chunks: list[AudioChunk]) -> float:
    sound = sound_of(chunks)
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return float(spectrum.argmax() * RATE_HZ / len(sound))


@pytest.mark.parametrize(
    ("speaker", "hertz"),
    [("", 200), (":middle", 400), (":HIGH", 600), (":0", 200), (":2", 600)],
)
def test_speakers_by_name_and_number(choir: Path, speaker: str, hertz: int) -> None:
    voice = open_voice(f"piper:choir{speaker}", folders=[choir])
    chunks = list(voice.speak("Good morning to you."))
    assert pitch_hz(chunks) == pytest.approx(hertz, abs=3)
    level = active_level_dbfs(sound_of(chunks), RATE_HZ)
    assert level == pytest.approx(SPEECH_LEVEL_DBFS, abs=1.5)
    assert voice.info.id == f"piper:choir{speaker}"
    assert list_voices([choir])[0].speakers == 3


@pytest.mark.parametrize("speaker", ["3", "-1", "nobody", "٣", "99999999999"])
def test_a_speaker_that_is_not_there(choir: Path, speaker: str) -> None:
    with pytest.raises(VoiceError, match="middle") as caught:
        open_voice(f"piper:choir:{speaker}", folders=[choir])
    assert caught.value.code == "speaker_unknown"


@pytest.mark.parametrize("speed", [0.5, 1.25, 2.0])
def test_speed_is_the_networks_own(folder: Path, speed: float) -> None:
    """The pitch stays, the phonemes are shorter, and their marks with them."""
    text = "Strengthened oaks are growing slowly"
    usual = list(Reader(Piper(folder / "hum.onnx")).speak(text))
    changed = list(
        open_voice("piper:hum", folders=[folder], manner=Manner(speed)).speak(text)
    )
    assert pitch_hz(changed) == pytest.approx(pitch_hz(usual), abs=3)

    def spoken_s(chunks: list[AudioChunk]) -> float:
        return max(mark.end for c in chunks for mark in c.marks) / RATE_HZ

    # Durations are whole hops of the network, rounded up: not quite in proportion.
    assert spoken_s(usual) / spoken_s(changed) == pytest.approx(speed, rel=0.15)


@pytest.mark.parametrize("silence_s", [0.0, 0.5, 1.5])
def test_sentence_silence(folder: Path, silence_s: float) -> None:
    manner = Manner(sentence_silence_s=silence_s)
    voice = open_voice("piper:hum", folders=[folder], manner=manner)
    sound = sound_of(list(voice.speak("One here. Another there.")))
    loud = np.flatnonzero(np.abs(sound) > 0.02)
    gaps = np.diff(loud) / RATE_HZ
    assert gaps.max() == pytest.approx(silence_s + 0.03, abs=0.03)


def test_the_first_sentence_is_heard_before_the_next_is_made(folder: Path) -> None:
    piper = Piper(folder / "hum.onnx")
    made: list[str] = []
    real = piper._synthesise

    def spy(text: str, speed: float = 1.0) -> Iterable[PiperChunk]:
        made.append(text)
        return real(text, speed)

    piper._synthesise = spy  # type: ignore[method-assign]
    speech = Reader(piper).speak("One is here. Two is there. Three.")
    assert len(next(speech).samples) > 0
    assert made == ["One is here."]
    sound_of(list(speech))
    assert made == ["One is here.", "Two is there.", "Three."]


def test_phonemes_carry_their_times(folder: Path) -> None:
    """As the network itself has them: end to end, and as long as its durations."""
    chunks = list(Reader(Piper(folder / "hum.onnx")).speak("mama"))
    phonemes = [m for c in chunks for m in c.marks if m.kind == "phoneme"]
    assert {"m", "ɑ"} <= {mark.text for mark in phonemes}
    for mark in phonemes[1:]:
        assert mark.start < mark.end
        assert (mark.end - mark.start) % HOP == 0
    assert all(a.end <= b.start for a, b in zip(phonemes, phonemes[1:], strict=False))


def test_a_voice_without_durations_still_marks_its_words(tmp_path: Path) -> None:
    """An older network, whose durations cannot be found: words by their letters."""
    model = hum()
    for node in model.graph.node:
        if node.op_type == "Ceil":
            node.op_type = "Identity"
    onnx.save(model, str(tmp_path / "old.onnx"))
    (tmp_path / "old.onnx.json").write_text(json.dumps(CONFIG), "utf-8")
    chunks = list(open_voice("piper:old", folders=[tmp_path]).speak("A longer word."))
    marks = [mark for chunk in chunks for mark in chunk.marks]
    assert [mark.text for mark in marks] == ["A", "longer", "word."]
    assert all(mark.start < mark.end for mark in marks)


@pytest.mark.parametrize(("kind", "package"), [("pinyin", "zh"), ("japanese", "ja")])
def test_a_voice_that_needs_a_package_names_it(
    tmp_path: Path, kind: str, package: str
) -> None:
    onnx.save(hum(), str(tmp_path / "v.onnx"))
    config = CONFIG | {"phoneme_type": kind}
    (tmp_path / "v.onnx.json").write_text(json.dumps(config), "utf-8")
    with pytest.raises(
        VoiceError, match=rf"pip install 'piper-tts\[{package}\]'"
    ) as it:
        open_voice("piper:v", folders=[tmp_path])
    assert it.value.code == "voice_needs_package"


def test_a_voice_of_letters_needs_no_phonemes(tmp_path: Path) -> None:
    onnx.save(hum(), str(tmp_path / "v.onnx"))
    config = CONFIG | {"phoneme_type": "text"}
    (tmp_path / "v.onnx.json").write_text(json.dumps(config), "utf-8")
    voice = open_voice("piper:v", folders=[tmp_path])
    assert len(sound_of(list(voice.speak("mama")))) > 0


def test_written_numbers_are_read_and_shown(folder: Path) -> None:
    voice = open_voice("piper:hum", folders=[folder])
    words = [
        mark.text
        for chunk in voice.speak("It costs $5.50 on 2024-03-15.")
        for mark in chunk.marks
        if mark.kind == "word"
    ]
    assert words == ["It", "costs", "$5.50", "on", "2024-03-15."]


def test_raw_phonemes_are_read_as_text(folder: Path) -> None:
    voice = Reader(Piper(folder / "hum.onnx"))
    plain = sound_of(list(voice.speak("[ [ h@l ]] there")))
    hostile = sound_of(list(voice.speak("[[ h@l ]] there")))
    assert len(plain) == len(hostile)


def test_empty_text_is_refused_before_any_work(folder: Path) -> None:
    with pytest.raises(TextError) as caught:
        Reader(Piper(folder / "hum.onnx")).speak("  ")
    assert caught.value.code == "text_empty"


def test_closing_stops_and_the_voice_goes_on_working(folder: Path) -> None:
    voice = Reader(Piper(folder / "hum.onnx"))
    speech = voice.speak("One. Two. Three. Four.")
    next(speech)
    speech.close()  # type: ignore[attr-defined]
    assert len(sound_of(list(voice.speak("Five.")))) > 0


def test_the_catalogue_lists_and_prefers_it(folder: Path) -> None:
    infos = piper_voices(folder)
    assert [(i.id, i.language, i.engine) for i in infos] == [
        ("piper:hum", "en-GB", "piper")
    ]
    assert list_voices([folder])[0] == infos[0]
    assert open_voice(None, "en-GB", folders=[folder]).info == infos[0]
    assert open_voice("piper:hum", None, folders=[folder]).info == infos[0]
    # Natural voices come first where no place is named, or none has the very place.
    for language in (None, "en", "en-AU"):
        assert open_voice(None, language, folders=[folder]).info == infos[0]
    assert open_voice(None, "en-US", folders=[folder]).info.engine == "espeak"


@pytest.mark.parametrize(
    ("model", "config", "code"),
    [
        (None, json.dumps(CONFIG), "voice_files_missing"),
        (b"", None, "voice_files_missing"),
        (b"not onnx", json.dumps(CONFIG), "voice_damaged"),
        (b"", json.dumps(CONFIG), "voice_damaged"),
        (hum().SerializeToString()[:400], json.dumps(CONFIG), "voice_damaged"),
        (hum(silent=True).SerializeToString(), json.dumps(CONFIG), "voice_damaged"),
        (hum().SerializeToString(), "{", "voice_damaged"),
        (hum().SerializeToString(), "[]", "voice_damaged"),
        (hum().SerializeToString(), "{}", "voice_damaged"),
        (
            hum().SerializeToString(),
            json.dumps({"espeak": {"voice": "en"}}),
            "voice_damaged",
        ),
    ],
)
def test_missing_and_damaged_files_are_named(
    tmp_path: Path, model: bytes | None, config: str | None, code: str
) -> None:
    if model is not None:
        (tmp_path / "v.onnx").write_bytes(model)
    if config is not None:
        (tmp_path / "v.onnx.json").write_text(config, "utf-8")
    with pytest.raises(VoiceError, match="v.onnx") as caught:
        open_voice("piper:v", None, folders=[tmp_path])
    assert caught.value.code == code


def test_a_voice_id_never_leaves_its_folder(folder: Path) -> None:
    inner = folder / "inner"
    inner.mkdir()
    for name in ("../hum", "/etc/passwd", "..", ""):
        with pytest.raises(VoiceError):
            open_voice(f"piper:{name}", None, folders=[inner])


def test_both_espeak_libraries_work_in_one_process(folder: Path) -> None:
    """piper-tts carries an espeak-ng of its own; the two must not share state."""
    piper, espeak = Reader(Piper(folder / "hum.onnx")), open_voice(None, "de")
    lengths: list[int] = []
    errors: list[BaseException] = []

    def talk(voice: Voice, text: str) -> None:
        try:
            for _ in range(8):
                lengths.append(len(sound_of(list(voice.speak(text)))))
        except BaseException as error:
            errors.append(error)

    threads = [
        threading.Thread(target=talk, args=(piper, "Good morning, my friends.")),
        threading.Thread(target=talk, args=(espeak, "Guten Morgen, meine Freunde.")),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert len(lengths) == 16 and min(lengths) > RATE_HZ // 2


def test_info_needs_no_network_to_be_loaded(folder: Path) -> None:
    (folder / "hum.onnx").write_bytes(b"broken")
    assert piper_info(folder / "hum.onnx").name == "English, Hum (natural)"


def test_a_film_is_spoken_by_a_piper_file(folder: Path, tmp_path: Path) -> None:
    (model,) = folder.glob("*.onnx")
    film = tmp_path / "film.mp4"
    arguments = ["--text", "Good day.", "--voice", str(model), "--size", "128"]
    assert render.main([*arguments, "-o", str(film)]) == 0
    assert film.stat().st_size > 1000
    arguments[3] = str(folder / "none.onnx")
    assert render.main([*arguments, "-o", str(tmp_path / "no.mp4")]) == 1
    assert not (tmp_path / "no.mp4").exists()
