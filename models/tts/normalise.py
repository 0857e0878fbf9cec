"""Dates, times, money, units, numbers and addresses -> words a voice reads rightly.

What espeak-ng (and so Piper) reads well by itself is left as it is: plain numbers,
ordinals, most abbreviations. Each rule mends something that it was measured to get
wrong, such as "dollar five" or a telephone number in millions.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from models.tts.rules import tongue_of
from models.tts.rules_addresses import ADDRESSES
from models.tts.rules_dates import DATES, TIMES, YEARS
from models.tts.rules_numbers import NUMBERS, PHONES

# A stretch belongs to the first rule that reads it.
_RULES = (*ADDRESSES, *DATES, *PHONES, *TIMES, *NUMBERS, *YEARS)


@dataclass(frozen=True)
class Span:
    """written[start:end] is said as spoken[spoken_start:spoken_end]."""

    start: int
    end: int
    spoken_start: int
    spoken_end: int


@dataclass(frozen=True)
class SpokenText:
    """A text, how it is said, and where the two differ, in order."""

    written: str
    spoken: str
    spans: tuple[Span, ...] = ()


def spoken(text: str, language: str) -> SpokenText:
    """How a text is said in a language, given by its BCP 47 tag."""
    tongue = tongue_of(language)
    if not re.search(r"[\d@]|\w\.\w", text):
        return SpokenText(text, text)
    free = bytearray(b"\1" * len(text))
    found: list[tuple[int, int, str]] = []
    for rule in _RULES:
        if rule.languages and tongue.base not in rule.languages:
            continue
        for match in rule.pattern.finditer(text):
            start, end = match.span("it" if "it" in match.groupdict() else 0)
            if not all(free[start:end]):
                continue
            said = rule.say(match, tongue)
            if said is not None and said != text[start:end]:
                free[start:end] = bytes(end - start)
                found.append((start, end, said))
    return _replaced(text, sorted(found))


def _replaced(text: str, found: Iterable[tuple[int, int, str]]) -> SpokenText:
    parts: list[str] = []
    spans: list[Span] = []
    at = length = 0
    for start, end, said in found:
        # Set off from letters that touch it, which would make one word of both.
        before = " " if _joins(text[start - 1 : start], said[0]) else ""
        after = " " if _joins(said[-1], text[end : end + 1]) else ""
        said = f"{before}{said}{after}".replace("\u00a0", " ").replace("\u202f", " ")
        parts += [text[at:start], said]
        begin = length + start - at
        spans.append(Span(start, end, begin, begin + len(said)))
        at, length = end, begin + len(said)
    return SpokenText(text, "".join([*parts, text[at:]]), tuple(spans))


def _joins(before: str, after: str) -> bool:
    """Whether two characters would be read as of one word; Han is spaced nowhere."""
    both = before + after
    return len(both) == 2 and both.isalnum() and max(both) < "\u2e80"
