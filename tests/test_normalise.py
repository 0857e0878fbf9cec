"""Signs and numbers are read as people read them, by rule and by the voices' sounds."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.media import SpeechMark
from models.tts.catalogue import open_voice
from models.tts.normalise import spoken
from models.tts.written import WrittenMarks


@pytest.mark.parametrize(
    ("language", "written", "said"),
    [
        ("en-US", "2024-03-15", "March 15th 20 24"),
        ("en-US", "on 03/15/2024.", "on March 15th 20 24."),
        ("en-GB", "03/04/2024", "3rd of April 20 24"),
        ("en-US", "in 1999 and in 1905", "in 19 99 and in 19 oh 5"),
        ("en-US", "2:05 pm.", "2 oh 5 PM."),
        ("en-US", "9:00", "9 o'clock"),
        ("en-US", "$5", "5 dollars"),
        ("en-US", "$1", "1 dollar"),
        ("en-US", "$5.50", "5 dollars and 50 cents"),
        ("en-US", "$0.99", "99 cents"),
        ("en-US", "€1,200.50", "1200 euros and 50 cents"),
        ("en-US", "$1.5M", "1.5 million dollars"),
        ("en-US", "£3 billion", "3 billion pounds"),
        ("en-US", "USD 20", "20 dollars"),
        ("en-US", "10kg", "10 kilograms"),
        ("en-US", "-5°C", "-5 degrees Celsius"),
        ("en-US", "90 km/h", "90 kilometers per hour"),
        ("en-GB", "5 km", "5 kilometres"),
        ("en-US", "+1 (555) 123-4567", "plus 1, 5 5 5, 1 2 3, 4 5 6 7"),
        ("en-US", "555-1234", "5 5 5, 1 2 3 4"),
        ("en-US", "see https://www.a.com/b?c=1#d.", "see a dot com slash b."),
        ("en-US", "www.example.com", "example dot com"),
        ("en-US", "a.b@c.co.uk", "a dot b at c dot co dot uk"),
        ("en-US", "3 1/2 cups", "3 and a half cups"),
        ("en-US", "10:00-12:00", "10 o'clock to 12 o'clock"),
        ("en-US", "pages 5–10", "pages 5 to 10"),
        ("en-US", "No. 5, #1, 24/7", "number 5, number 1, 24 7"),
        ("de", "15.03.2024", "15. März 2024"),
        ("de", "um 14:30 Uhr", "um 14 Uhr 30"),
        ("de", "5,50 €", "5 Euro 50"),
        ("de", "5.50 €", "5 Euro 50"),
        ("de", "1.200 €", "1200 Euro"),
        ("de", "1,5 km", "1,5 Kilometer"),
        ("de", "030 1234567", "0 3 0, 1 2 3 4 5 6 7"),
        ("de", "info@example.com", "info ät example Punkt com"),
        ("fr-FR", "15/03/2024 à 14h30", "15 mars 2024 à 14 heures 30"),
        ("fr-FR", "1 234,50 €", "1234 euros 50"),
        ("es", "15/03/2024", "15 de marzo de 2024"),
        ("ru", "15.03.2024, 5 €", "15 марта 2024, 5 евро"),
        ("cmn", "2024-03-15 14:30", "二零二四年3月15日 14点30分"),
        ("cmn", "2024年", "二零二四年"),
        ("cmn", "¥5.50，50%", "5.5元，百分之50"),
        ("cmn", "5km, 5kg, $5", "5公里, 5千克, 5美元"),
        ("cmn", "13800138000", "1 3 8, 0 0 1 3, 8 0 0 0"),
        ("ja", "50% ¥300", "50パーセント 300円"),
        ("ar", "50%", "50 بالمئة"),
    ],
)
def test_what_is_read_otherwise_than_written(
    language: str, written: str, said: str
) -> None:
    assert spoken(written, language).spoken == said


@pytest.mark.parametrize(
    "text",
    [
        "1,234 people and 3.14",
        "COVID-19, iPhone 5s, the 1990s, 5G, 3D",
        "v1.2.3 at 192.168.1.1",
        "Mr. Smith e.g. that",
        "the end.Next one",
        "45/99/2024 and 2024-13-45",
        "5 in the morning, 007",
        "1st 2nd 21st",
        "12345678901234567890",
    ],
)
def test_what_voices_read_well_is_left_to_them(text: str) -> None:
    assert spoken(text, "en-US").spoken == text


def test_languages_that_nobody_wrote_rules_for_are_read_plainly() -> None:
    for language in ("tlh", "xx", "art-x-belta", ""):
        assert spoken("see a@b.com, 5 km, $5", language).spoken


def sound(text: str, language: str) -> str:
    """The phonemes a voice says, without the marks of stress."""
    chunks = open_voice(f"espeak:{language}").speak(text)
    marks = [mark for chunk in chunks for mark in chunk.marks]
    phonemes = "".join(mark.text for mark in marks if mark.kind == "phoneme")
    return re.sub("[ˈˌ]", "", phonemes)


@pytest.mark.parametrize(
    ("language", "written", "in_full"),
    [
        ("en-US", "$5.50", "five dollars and fifty cents"),
        ("en-US", "in 1999", "in nineteen ninety nine"),
        ("en-US", "555-1234", "five five five, one two three four"),
        ("en-US", "5 km", "five kilometers"),
        ("en-US", "9:00", "nine o'clock"),
        ("en-US", "example.com", "example dot com"),
        ("de", "5 €", "fünf Euro"),
        ("fr-FR", "14h30", "quatorze heures trente"),
        ("cmn", "50%", "百分之五十"),
        ("cmn", "2024年", "二零二四年"),
    ],
)
def test_it_sounds_like_the_words_in_full(
    language: str, written: str, in_full: str
) -> None:
    assert sound(written, language) == sound(in_full, language)


@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        (
            "en-US",
            "It costs $5.50, see https://a.com/b?c=1 on 2024-03-15.",
            ["It", "costs", "$5.50,", "see", "https://a.com/b?c=1", "on"]
            + ["2024-03-15."],
        ),
        ("en-US", "Call +1 (555) 123-4567 now", ["Call", "+1 (555) 123-4567", "now"]),
        ("de", "Um 14:30 Uhr, 5 km!", ["Um", "14:30 Uhr,", "5 km!"]),
        ("cmn", "花了¥5.50。", ["花", "了", "¥5.50。"]),
    ],
)
def test_captions_show_what_was_written(
    language: str, text: str, words: list[str]
) -> None:
    chunks = list(open_voice(f"espeak:{language}").speak(text))
    marks = [mark for chunk in chunks for mark in chunk.marks if mark.kind == "word"]
    assert [mark.text for mark in marks] == words
    assert all(mark.start < mark.end for mark in marks)
    assert all(a.end <= b.start for a, b in zip(marks, marks[1:], strict=False))


HARD = "0123456789$€%.,:/-+()@ ak年日Mm\u00a0#"


LANGUAGES = ["en", "de", "cmn"]


@given(st.text(st.sampled_from(HARD), max_size=60), st.sampled_from(LANGUAGES))
def test_spans_tell_where_written_and_spoken_differ(text: str, language: str) -> None:
    result = spoken(text, language)
    at_written = at_spoken = 0
    for span in result.spans:
        same = result.spoken[at_spoken : span.spoken_start]
        assert same == text[at_written : span.start]
        at_written, at_spoken = span.end, span.spoken_end
    assert result.spoken[at_spoken:] == text[at_written:]


@given(st.text(st.sampled_from(HARD), max_size=60), st.sampled_from(LANGUAGES))
def test_no_written_letter_is_lost_from_captions(text: str, language: str) -> None:
    result = spoken(text, language)
    marks = WrittenMarks(result)
    marks.begin(result.spoken)
    words = [
        SpeechMark("word", word, at, at + 1)
        for at, word in enumerate(result.spoken.split())
    ]
    shown = [*marks.feed(words), *marks.finish()]
    joined = "".join(mark.text for mark in shown)
    assert re.sub(r"\s", "", joined) == re.sub(r"\s", "", text)


@pytest.mark.parametrize(
    "piece", "1 1, a. a@ +1 1- $ 1.1. (1) http:// 1:1 5k".split() + ["1 ", "5 k "]
)
def test_hostile_text_costs_no_time(piece: str) -> None:
    text = piece * (2_000 // len(piece))
    began = time.process_time()
    spoken(text, "en-US")
    assert time.process_time() - began < 1
