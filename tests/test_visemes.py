import numpy as np
import pytest

from models.media import FloatArray
from models.visemes import (
    CLASS_INDEX,
    VISEME_CLASSES,
    Phones,
    Shape,
    class_track,
    mouth_track,
    split_phone,
)
from scripts.festival_sources import phone_set_classes, phones_from_ends
from scripts.speech_sources import (
    UnknownPhoneError,
    espeak_phones,
    ipa_classes,
)

TIMES_S = np.arange(0, 1.2, 0.01)


def say(*names: str, phone_s: float = 0.1) -> Phones:
    """Silence of 0.3 s, the phones, silence."""
    inner = 0.3 + phone_s * np.arange(len(names) + 1)
    edges = np.concatenate([[0.0], inner, [inner[-1] + 0.5]])
    classes = np.array([CLASS_INDEX[n] for n in ("SIL", *names, "SIL")])
    return Phones(edges[:-1], edges[1:], classes, np.ones(len(classes), np.float32))


def at(track: FloatArray, time_s: float, shape: Shape) -> float:
    return float(track[round(time_s / 0.01), shape])


@pytest.mark.parametrize("vowel", ["a", "i", "u", "o"])
def test_lips_touch_in_a_bilabial_and_nowhere_else(vowel: str) -> None:
    track = mouth_track(say(vowel, "P", vowel), TIMES_S)
    assert at(track, 0.44, Shape.APERTURE) == 0
    assert at(track, 0.44, Shape.CLOSE) == 1
    assert at(track, 0.34, Shape.CLOSE) == 0
    assert at(track, 0.35, Shape.APERTURE) > 0.1


def test_vowels_have_their_shapes() -> None:
    def middle(name: str, shape: Shape) -> float:
        return at(mouth_track(say("T", name, "T"), TIMES_S), 0.45, shape)

    assert middle("a", Shape.APERTURE) > middle("e", Shape.APERTURE)
    assert middle("e", Shape.APERTURE) > middle("u", Shape.APERTURE)
    assert middle("ae", Shape.WIDTH) > 0.3 > -0.2 > middle("u", Shape.WIDTH)
    assert middle("u", Shape.PUCKER) > 0.6 > 0.1 > middle("i", Shape.PUCKER)
    assert middle("a", Shape.JAW) > 2 * middle("i", Shape.JAW)


def test_rounding_begins_before_its_vowel() -> None:
    rounded = mouth_track(say("T", "u"), TIMES_S)
    spread = mouth_track(say("T", "i"), TIMES_S)
    assert at(rounded, 0.36, Shape.WIDTH) < at(spread, 0.36, Shape.WIDTH) - 0.2


def test_speech_spans_the_phones_with_a_margin() -> None:
    track = mouth_track(say("a", "T", "a"), TIMES_S)[:, Shape.SPEECH]
    assert track[round(0.26 / 0.01)] == 1 == track[round(0.64 / 0.01)]
    assert track[round(0.20 / 0.01)] == 0 == track[round(0.75 / 0.01)]


def test_silence_is_a_closed_and_quiet_mouth() -> None:
    track = mouth_track(say("a"), TIMES_S)
    assert at(track, 1.1, Shape.APERTURE) < 0.15
    assert at(track, 1.1, Shape.SPEECH) == 0


def test_class_track_says_what_sounds_when() -> None:
    heard = class_track(say("P", "a"), np.array([0.1, 0.35, 0.45, 0.9, 5.0, -1.0]))
    assert [VISEME_CLASSES[k] for k in heard] == ["SIL", "P", "a", "SIL", "SIL", "SIL"]


def test_a_diphthong_is_shared_out() -> None:
    parts = split_phone(1.0, 1.2, ["a", "I"])
    assert [part[2] for part in parts] == [CLASS_INDEX["a"], CLASS_INDEX["I"]]
    assert [part[0] for part in parts] == pytest.approx([1.0, 1.1])
    assert [part[1] for part in parts] == pytest.approx([1.1, 1.2])


@pytest.mark.parametrize(
    ("symbol", "classes"),
    [
        ("ˈaɪ", ["a", "I"]),
        ("tʃ", ["SH"]),
        ("ts.h", ["SH", "H"]),
        ("ts", ["S"]),
        ("ɕ", ["C"]),
        ("ph", ["P"]),
        ("sʲ", ["S"]),
        ("ˈɔ̃", ["O"]),
        ("ˈiou", ["i", "o", "u"]),
        ("h", ["H"]),
        ("(en)", []),
        ("", []),
    ],
)
def test_ipa_has_classes(symbol: str, classes: list[str]) -> None:
    assert ipa_classes(symbol) == classes


def test_unknown_phones_are_said_to_be_unknown() -> None:
    with pytest.raises(UnknownPhoneError):
        ipa_classes("ʘ")
    with pytest.raises(UnknownPhoneError):
        phone_set_classes("finnish", "qq")


def test_the_closure_of_a_voiceless_stop_lies_before_its_burst() -> None:
    phones = espeak_phones([(0.0, "a"), (0.20, "p"), (0.23, "a")], 0.4)
    stop = next(p for p in phones if p.viseme == CLASS_INDEX["P"])
    assert stop.start_s == pytest.approx(0.145)
    assert [p.end_s for p in phones[:-1]] == [p.start_s for p in phones[1:]]


def test_a_short_pause_before_a_stop_is_its_closure() -> None:
    marks = [(0.0, "a"), (0.20, ""), (0.26, "t"), (0.28, "a")]
    names = [VISEME_CLASSES[p.viseme] for p in espeak_phones(marks, 0.4)]
    assert names == ["a", "T", "a"]


def test_phones_from_ends_cover_the_sound() -> None:
    rows = [(0.1, "pau"), (0.2, "m"), (0.4, "aw"), (0.6, "pau")]
    phones = phones_from_ends(rows, "cmu_english", 0.0, 0.7)
    names = [VISEME_CLASSES[p.viseme] for p in phones]
    assert [n for n in names if n != "SIL"] == ["P", "a", "U"]
    assert phones[0].start_s == 0 and phones[-1].end_s == pytest.approx(0.7)
