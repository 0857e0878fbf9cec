import re
from pathlib import Path

import pytest

from models.errors import VoiceError
from models.tts.catalogue import list_voices, open_voice, voice_folders
from models.tts.espeak import VARIANTS, espeak_voices
from models.tts.voice import Manner


def test_voices_are_listed_with_tags_names_and_licences() -> None:
    voices = list_voices()
    assert len({voice.id for voice in voices}) == len(voices)
    tags = {voice.language for voice in voices}
    assert len(tags) > 120
    assert {"en-US", "en-GB", "cmn", "yue", "fr-FR", "pt-BR", "ar", "hi", "ja"} <= tags
    # The shape of RFC 5646: language, script, region, variants, private use.
    shape = re.compile(
        r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|\d{3}))?(-[a-z0-9]{5,8})*"
        r"(-x(-[a-z0-9]{1,8})+)?"
    )
    assert [tag for tag in tags if not shape.fullmatch(tag)] == []
    assert all(voice.name and voice.licence for voice in voices)
    english = [
        voice
        for voice in voices
        if voice.language == "en-US" and voice.engine == "espeak"
    ]
    assert len(english) == len(VARIANTS)
    assert {"(female)", "(male)"} == {v.name.rpartition(" ")[2] for v in english}


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("en", "en-US"),
        ("EN_us", "en-US"),
        ("en-AU", "en-US"),
        ("en-GB-oed", "en-GB"),
        ("zh", "cmn"),
        ("zh-CN", "cmn"),
        ("zh-Hant-TW", "cmn"),
        ("zh-HK", "yue"),
        ("fr", "fr-FR"),
        ("fr-CA", "fr-FR"),
        ("de-AT", "de"),
        ("pt-BR", "pt-BR"),
        ("pt-AO", "pt"),
        ("no", "nb"),
        ("sr-Latn-RS", "sr"),
    ],
)
def test_a_language_finds_its_nearest_voice(asked: str, found: str) -> None:
    assert open_voice(None, asked).info.language == found


def test_the_default_is_english() -> None:
    assert open_voice(None, None).info.language == "en-US"
    assert open_voice("", "").info == open_voice(None, None).info


def test_ids() -> None:
    for voice in espeak_voices()[::37]:
        assert open_voice(voice.id, None).info == voice
    assert open_voice("ESPEAK:EN-us", None).info == open_voice(None, None).info
    assert open_voice("espeak:cmn:reed", "en").info.language == "cmn"


@pytest.mark.parametrize("language", ["xx", "tlhh-XX", "english", "-", "é", "x" * 9000])
def test_a_language_without_a_voice_says_which_exist(language: str) -> None:
    with pytest.raises(VoiceError, match="en-US") as caught:
        open_voice(None, language)
    assert caught.value.code == "language_unknown"
    assert "cmn" in caught.value.message
    assert len(caught.value.message) < 2000


@pytest.mark.parametrize("name", ["nope", "espeak:", "piper:none", "\0", "a" * 9999])
def test_an_unknown_id_is_an_error(name: str) -> None:
    with pytest.raises(VoiceError) as caught:
        open_voice(name, None)
    assert caught.value.code == "voice_unknown"
    assert len(caught.value.message) < 500


def test_natural_voices_tell_their_licence_and_how_to_get_them() -> None:
    missing = [voice for voice in list_voices() if not voice.installed]
    assert len(missing) > 10 and all(voice.natural for voice in missing)
    for voice in missing:
        assert voice.licence and voice.commercial in ("yes", "no", "unclear")
        with pytest.raises(VoiceError) as caught:
            open_voice(voice.id)
        assert caught.value.code == "voice_not_installed"
        assert voice.how_to_get in caught.value.message
        assert "fetch_weights" in voice.how_to_get


def test_a_language_without_its_own_place_takes_no_voice_that_is_not_here() -> None:
    for voice in list_voices():
        assert open_voice(None, voice.language).info.installed


def test_commands_look_where_weights_are_fetched_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIKENESS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("LIKENESS_WEIGHTS_DIR", raising=False)
    assert voice_folders() == (tmp_path / "data" / "voices",)
    monkeypatch.setenv("LIKENESS_WEIGHTS_DIR", str(tmp_path / "weights"))
    assert voice_folders() == (
        tmp_path / "weights" / "voices",
        tmp_path / "data" / "voices",
    )


@pytest.mark.parametrize("speed", [0.0, 0.4, 2.1, float("nan"), float("inf")])
def test_speeds_nobody_can_speak_at(speed: float) -> None:
    with pytest.raises(VoiceError) as caught:
        open_voice(manner=Manner(speed=speed))
    assert caught.value.code == "bad_speed"


def test_a_near_miss_is_told() -> None:
    with pytest.raises(VoiceError, match="espeak:en-US:annie"):
        open_voice("espeak:en-US:anie", None)
