import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from models.mel import LogMel
from models.visemes import BILABIAL, VISEME_CLASSES, Shape
from scripts import synth_speech
from scripts.motion_corpus import (
    build_stream,
    heard_differently,
    is_held_out,
    not_speech,
    read_utterances,
)
from scripts.speech_sources import PHONE_CLASSES, EspeakVoice
from scripts.speech_texts import TEXT_FILES, TextsError, clean_text, read_texts
from scripts.synth_speech import (
    ESPEAK_LANGUAGES,
    Source,
    SynthesisError,
    main,
    synthesise,
)
from tests.tiny_piper import CONFIG, hum

FORTUNE = """\
The pump made bubbles in the big barrel all by itself.
\t\t-- Somebody
%
Many people may prefer a map, but my mother prefers memory!
%
See http://example.org/ for the rest of this very long story.
%
"""

MANDARIN = "你好，妈妈和爸爸都在这里吃面包。\n%\n"


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """A folder with the same few sentences for each language."""
    folder = tmp_path / "texts"
    for language, patterns in TEXT_FILES.items():
        path = folder / patterns[0].replace("*", "x")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            "你好，妈妈和爸爸都在这里吃面包。\n%\n" if language == "zh" else FORTUNE
        )
    return folder


@pytest.fixture
def only_espeak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synth_speech, "SHARD_S", 12.0)
    monkeypatch.setattr("shutil.which", lambda name: None)


def make(folder: Path, texts: Path, seed: int = 0) -> list[Path]:
    synthesise(folder, 24 / 3600, seed, texts, 1)
    return sorted(folder.glob("*.npz"))


def test_texts_lose_signatures_and_links() -> None:
    assert clean_text(FORTUNE) == [
        "The pump made bubbles in the big barrel all by itself.",
        "Many people may prefer a map, but my mother prefers memory!",
    ]


def test_missing_texts_name_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(TextsError, match="install fortunes"):
        read_texts("en", tmp_path)


def test_every_language_has_texts_and_every_map_known_classes() -> None:
    assert {text for _, text in ESPEAK_LANGUAGES.values()} <= set(TEXT_FILES)
    assert len(ESPEAK_LANGUAGES) >= 10
    maps = json.loads(PHONE_CLASSES.read_text("utf-8"))
    named = {name for phones in maps.values() for c in phones.values() for name in c}
    assert named <= set(VISEME_CLASSES)


@pytest.mark.usefixtures("only_espeak")
def test_shards_are_determined_by_the_seed(tmp_path: Path, texts: Path) -> None:
    first = make(tmp_path / "a", texts)
    again = make(tmp_path / "b", texts)
    other = make(tmp_path / "c", texts, seed=1)
    assert len(first) == 2
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in again]
    assert first[0].read_bytes() != other[0].read_bytes()
    assert first[0].read_bytes() != first[1].read_bytes()


@pytest.mark.usefixtures("only_espeak")
def test_a_stopped_run_goes_on_where_it_was(tmp_path: Path, texts: Path) -> None:
    first, second = make(tmp_path, texts)
    whole = second.read_bytes()
    kept = first.stat().st_mtime_ns
    second.unlink()
    (tmp_path / "espeak-0-0001.part.npz").write_bytes(b"half")
    make(tmp_path, texts)
    assert first.stat().st_mtime_ns == kept
    assert second.read_bytes() == whole


@pytest.mark.usefixtures("only_espeak")
def test_phones_fit_their_utterances(tmp_path: Path, texts: Path) -> None:
    utterances = list(read_utterances(make(tmp_path, texts)[0]))
    assert sum(len(u.samples) for u in utterances) >= 12 * 16_000
    for speech in utterances:
        duration_s = len(speech.samples) / 16_000
        phones = speech.phones
        assert phones.start_s[0] == 0
        assert phones.end_s[-1] == pytest.approx(duration_s, abs=0.01)
        np.testing.assert_allclose(phones.start_s[1:], phones.end_s[:-1], atol=1e-5)
    assert any(BILABIAL in speech.phones.classes for speech in utterances)


@pytest.mark.usefixtures("only_espeak")
def test_bilabials_are_quiet_when_their_labels_say(tmp_path: Path, texts: Path) -> None:
    """Label and sound agree: p b m are softer than the vowels beside them."""
    bilabial, other = [], []
    for speech in read_utterances(make(tmp_path, texts)[0]):
        phones = speech.phones
        inner = slice(1, -1)
        is_bilabial = phones.classes[inner] == BILABIAL
        bilabial += phones.loudness[inner][is_bilabial].tolist()
        other += phones.loudness[inner][phones.classes[inner] >= 15].tolist()
    assert np.mean(bilabial) < 0.6 * np.mean(other)


@pytest.mark.usefixtures("only_espeak")
def test_streams_join_sound_and_targets(tmp_path: Path, texts: Path) -> None:
    shard = make(tmp_path, texts)[0]
    for copy in (0, 1):
        stream = build_stream(shard, copy, LogMel())
        assert len(stream.mel) == 2 * len(stream.classes) == 2 * len(stream.track)
        loudness = stream.mel.astype(np.float32).mean(1).reshape(-1, 2).mean(1)
        speaking = stream.track[:, Shape.SPEECH] > 0.5
        assert loudness[speaking].mean() > loudness[~speaking].mean() + 2
    again = build_stream(shard, 1, LogMel())
    assert np.array_equal(again.mel, stream.mel)


@pytest.mark.usefixtures("only_espeak")
def test_heard_differently_keeps_phones_and_sound_together(
    tmp_path: Path, texts: Path
) -> None:
    speech = next(read_utterances(make(tmp_path, texts)[0]))
    for seed in range(6):
        other = heard_differently(speech, np.random.default_rng(seed))
        assert other.phones.end_s[-1] == pytest.approx(
            len(other.samples) / 16_000, abs=0.01
        )
        assert np.isfinite(other.samples).all()


def test_sounds_without_speech_are_sounds() -> None:
    rng = np.random.default_rng(0)
    for _ in range(12):
        sound = not_speech(1.0, rng)
        assert len(sound) == 16_000
        assert 0.01 < np.abs(sound).max() <= 0.5


def test_whole_voices_are_held_out() -> None:
    assert is_held_out(Path("flite_rms-0-0003.npz"))
    assert not is_held_out(Path("flite_slt-0-0003.npz"))
    assert not is_held_out(Path("espeak-0-0000.npz"))


def test_a_source_that_says_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TextsError):
        next(
            synth_speech.Speaker(tmp_path).speak(
                Source("espeak", 1.0), np.random.default_rng(0)
            )
        )


@pytest.fixture
def piper(tmp_path: Path) -> Path:
    """A folder with a voice that hums, and says how long each phone is."""
    folder = tmp_path / "piper"
    folder.mkdir()
    onnx.save(hum(), str(folder / "hum.onnx"))
    (folder / "hum.onnx.json").write_text(json.dumps(CONFIG), "utf-8")
    return folder


@pytest.mark.usefixtures("only_espeak")
def test_piper_voices_speak_with_their_own_durations(
    tmp_path: Path, texts: Path, piper: Path
) -> None:
    out = tmp_path / "out"
    synthesise(out, 36 / 3600, 0, texts, 1, piper)
    shard = out / "piper_hum-0-0000.npz"
    for speech in read_utterances(shard):
        phones, duration_s = speech.phones, len(speech.samples) / 16_000
        assert phones.start_s[0] == 0
        assert phones.end_s[-1] == pytest.approx(duration_s, abs=0.01)
        np.testing.assert_allclose(phones.start_s[1:], phones.end_s[:-1], atol=1e-5)
        assert BILABIAL in phones.classes
    whole = shard.read_bytes()
    shard.unlink()
    synthesise(out, 36 / 3600, 0, texts, 1, piper)
    assert shard.read_bytes() == whole


def test_a_piper_voice_without_durations_says_what_to_do(
    tmp_path: Path, texts: Path, piper: Path
) -> None:
    model = onnx.load(str(piper / "hum.onnx"))
    (ceil,) = (node for node in model.graph.node if node.op_type == "Ceil")
    ceil.op_type = "Floor"
    onnx.save(model, str(piper / "hum.onnx"))
    speaker = synth_speech.Speaker(texts)
    source = Source("piper_hum", 1.0, piper=piper / "hum.onnx")
    with pytest.raises(SynthesisError, match="patch_voice_with_alignment"):
        next(speaker.speak(source, np.random.default_rng(0)))


@pytest.mark.parametrize("hours", ["0", "-1", "nan", "5000"])
def test_hours_out_of_range_are_refused(tmp_path: Path, hours: str) -> None:
    with pytest.raises(SystemExit):
        main(["--out", str(tmp_path / "out"), "--hours", hours])
    assert not (tmp_path / "out").exists()


def test_missing_texts_end_the_script(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--out", str(tmp_path / "out"), "--hours", "0.01"]
    assert main([*options, "--texts", str(tmp_path / "none")]) == 1
    assert "install" in capsys.readouterr().err


def test_espeak_voices_are_named_with_language_and_variant() -> None:
    assert EspeakVoice("en-us+f3", 150, 50, 50).voice.split("+")[0] in ESPEAK_LANGUAGES
