"""What a rule of reading is, and what all of them know of a language."""

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass

from babel import Locale, UnknownLocaleError
from babel.numbers import get_decimal_symbol

from models.tts.spoken_words import WORDS, Words

NUMBER = r"(?:\d{1,3}(?:[,.\u00a0\u202f ]\d{3})+|\d+)(?:[.,]\d+)?"
ENGLISH = frozenset({"en"})
HAN = frozenset({"cmn", "yue"})


@dataclass(frozen=True)
class Tongue:
    """What the rules know of a language.

    base: its first subtag. locale: CLDR's, or None where it has none.
    """

    tag: str
    base: str
    words: Words | None
    locale: Locale | None

    @property
    def comma_decimal(self) -> bool:
        return self.locale is not None and get_decimal_symbol(self.locale) == ","


Say = Callable[[re.Match[str], Tongue], str | None]


@dataclass(frozen=True)
class Rule:
    """say: what a match's group "it", or all of it, is read as; None: as written.

    languages: first subtags; empty is all.
    """

    pattern: re.Pattern[str]
    say: Say
    languages: frozenset[str] = frozenset()


@functools.lru_cache(maxsize=256)
def tongue_of(language: str) -> Tongue:
    base = language.partition("-")[0].casefold()
    base = {"zh": "cmn", "no": "nb", "nn": "nb"}.get(base, base)
    names = {"cmn": "zh_CN", "yue": "yue", "nb": "nb_NO"}
    locale = None
    for name in (names.get(base), language.replace("-", "_"), base):
        try:
            locale = Locale.parse(name) if name else None
        except (UnknownLocaleError, ValueError):
            continue
        if locale:
            break
    return Tongue(language, base, WORDS.get(base), locale)


def number(text: str, tongue: Tongue) -> tuple[str, str]:
    """Digits before and after the decimal mark, whichever marks the writer uses."""
    marks = [char for char in text if char in ",."]
    whole, fraction = text, ""
    if marks and marks.count(marks[-1]) == 1:
        head, _, tail = text.rpartition(marks[-1])
        decimal = "," if tongue.comma_decimal else "."
        if len(tail) != 3 or len(marks) > 1 or marks[-1] == decimal:
            whole, fraction = head, tail
    return re.sub(r"\D", "", whole), fraction


def joined(whole: str, fraction: str, tongue: Tongue) -> str:
    return (
        f"{whole}{',' if tongue.comma_decimal else '.'}{fraction}"
        if fraction
        else whole
    )
