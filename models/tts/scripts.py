"""Which script a stretch of text is written in, and which language reads it."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

# Scripts by the first word of their characters' Unicode names, and a language that
# reads them where the voice's own does not.
_READERS = {
    "LATIN": "en",
    "FULLWIDTH": "en",
    "CJK": "cmn",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "HANGUL": "ko",
    "CYRILLIC": "ru",
    "GREEK": "el",
    "ARABIC": "ar",
    "HEBREW": "he",
    "DEVANAGARI": "hi",
    "BENGALI": "bn",
    "GURMUKHI": "pa",
    "GUJARATI": "gu",
    "TAMIL": "ta",
    "TELUGU": "te",
    "KANNADA": "kn",
    "MALAYALAM": "ml",
    "ORIYA": "or",
    "SINHALA": "si",
    "THAI": "th",
    "MYANMAR": "my",
    "GEORGIAN": "ka",
    "ARMENIAN": "hy",
    "ETHIOPIC": "am",
}
# What languages are written in, beside the Latin script of all that are not here.
_WRITTEN: dict[str, frozenset[str]] = {
    tag: frozenset(scripts.split())
    for tag, scripts in {
        "cmn": "CJK",
        "zh": "CJK",
        "yue": "CJK",
        "hak": "CJK LATIN",
        "ja": "CJK HIRAGANA KATAKANA",
        "ko": "HANGUL",
        "ru": "CYRILLIC",
        "uk": "CYRILLIC",
        "be": "CYRILLIC",
        "bg": "CYRILLIC",
        "mk": "CYRILLIC",
        "sr": "CYRILLIC LATIN",
        "bs": "CYRILLIC LATIN",
        "kk": "CYRILLIC",
        "ky": "CYRILLIC",
        "tt": "CYRILLIC",
        "ba": "CYRILLIC",
        "cv": "CYRILLIC",
        "nog": "CYRILLIC LATIN",
        "el": "GREEK",
        "grc": "GREEK",
        "ar": "ARABIC",
        "fa": "ARABIC",
        "ur": "ARABIC",
        "sd": "ARABIC",
        "ug": "ARABIC",
        "he": "HEBREW",
        "yi": "HEBREW",
        "hi": "DEVANAGARI",
        "mr": "DEVANAGARI",
        "ne": "DEVANAGARI",
        "kok": "DEVANAGARI",
        "bn": "BENGALI",
        "as": "BENGALI",
        "bpy": "BENGALI",
        "pa": "GURMUKHI",
        "gu": "GUJARATI",
        "ta": "TAMIL",
        "te": "TELUGU",
        "kn": "KANNADA",
        "ml": "MALAYALAM",
        "or": "ORIYA",
        "si": "SINHALA",
        "th": "THAI",
        "my": "MYANMAR",
        "shn": "MYANMAR",
        "ka": "GEORGIAN",
        "hy": "ARMENIAN",
        "hyw": "ARMENIAN",
        "am": "ETHIOPIC",
        "ti": "ETHIOPIC",
    }.items()
}


_WORD = re.compile(r"[^\W\d_]{2}|[\u2e80-\U0003ffff]")


@dataclass(frozen=True)
class Run:
    """Text to be read in one language; None is the voice's own."""

    text: str
    language: str | None = None


def split_scripts(text: str, language: str) -> tuple[Run, ...]:
    """Cut a text where it changes to a script that the language is not written in.

    Digits, signs and spaces belong to the letters before them, unless they touch those
    after them alone. A single foreign letter is left to the voice, which names it.
    """
    base = language.partition("-")[0].casefold()
    own = _WRITTEN.get(base, frozenset({"LATIN", "FULLWIDTH"}))
    if text.isascii() and "LATIN" in own:
        return (Run(text),)
    runs: list[Run] = []
    for start, end, reader in _stretches(text, own):
        piece = text[start:end]
        foreign = reader if _is_word(piece) else None
        if runs and runs[-1].language == foreign:
            runs[-1] = Run(runs[-1].text + piece, foreign)
        else:
            runs.append(Run(piece, foreign))
    return tuple(runs)


def _is_word(text: str) -> bool:
    return bool(_WORD.search(text))


def _stretches(text: str, own: frozenset[str]) -> Iterator[tuple[int, int, str | None]]:
    """Start, end and reader of each stretch between two changes of script."""
    start, reader, known = 0, None, False
    last = 0  # one past the last letter
    for at, char in enumerate(text):
        script = script_of(char)
        if script is None:
            continue
        here = None if script in own else _READERS.get(script)
        if known and here != reader:
            cut = _boundary(text, last, at)
            yield start, cut, reader
            start = cut
        reader, known, last = here, True, at + 1
    yield start, len(text), reader


def _boundary(text: str, end: int, start: int) -> int:
    """Where, between a letter before `end` and one at `start`, the language changes."""
    between = text[end:start]
    spaces = [end + at + 1 for at, char in enumerate(between) if char.isspace()]
    if spaces:
        return spaces[-1]
    if between and between[-1].isdigit() and not between[0].isdigit():
        digits = len(between) - len(between.rstrip("0123456789"))
        return start - digits
    return start


def script_of(char: str) -> str | None:
    """The first word of a letter's Unicode name; None for what all scripts share."""
    if char.isascii():
        return "LATIN" if char.isalpha() else None
    if not char.isalpha():
        return None
    return unicodedata.name(char, "").partition(" ")[0].partition("-")[0] or None
