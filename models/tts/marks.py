"""Events of a synthesiser -> speech marks: which stretch of text sounds when."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from models.media import SpeechMark
from models.tts.espeak_library import Event

# Scripts written without spaces, where any character may begin a word.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uf900-\ufaff"
    "\uff66-\uff9f\U00020000-\U0003ffff]"
)
_LANGUAGE_SWITCH = re.compile(r"\([\w-]*\)?")


@dataclass(frozen=True)
class _Open:
    """Something that has begun to sound. start: a sample, or a character of a word."""

    sample: int
    start: int = 0
    text: str = ""


class Marker:
    """Marks of one text, from the events of its synthesis, in order.

    A word's mark reaches in the text from its own first character to the next word's,
    so the words of all marks, joined, are the text without its spaces; several
    events inside one written word ("25", "a/b") are one mark. Its time reaches from its
    first to its last phoneme.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._word: _Open | None = None
        self._phoneme: _Open | None = None
        self._said_until = 0  # sample where the last phoneme ended

    def feed(self, events: Iterable[Event]) -> tuple[SpeechMark, ...]:
        """Marks that these events complete; samples since the start of the text."""
        marks: list[SpeechMark] = []
        for event in events:
            marks.extend(self._end_phoneme(event.sample))
            if event.kind == "word":
                marks.extend(self._begin_word(event))
            elif ipa := _LANGUAGE_SWITCH.sub("", event.ipa):
                self._phoneme = _Open(event.sample, text=ipa)
        return tuple(marks)

    def finish(self, sample: int) -> tuple[SpeechMark, ...]:
        """Marks still open when the sound ends at that sample."""
        marks = [*self._end_phoneme(sample), *self._end_word(len(self._text))]
        return tuple(marks)

    def _begin_word(self, event: Event) -> Iterator[SpeechMark]:
        start = _word_start(self._text, event.position)
        if self._word is None:
            # Whatever comes before the first word, a quote say, belongs to it.
            self._word = _Open(event.sample)
        elif start > self._word.start and self._said_until > self._word.sample:
            yield from self._end_word(start)
            self._word = _Open(event.sample, start)

    def _end_phoneme(self, sample: int) -> Iterator[SpeechMark]:
        phoneme, self._phoneme = self._phoneme, None
        if phoneme is not None and sample > phoneme.sample:
            self._said_until = sample
            yield SpeechMark("phoneme", phoneme.text, phoneme.sample, sample)

    def _end_word(self, end: int) -> Iterator[SpeechMark]:
        word, self._word = self._word, None
        if word is not None and self._said_until > word.sample:
            text = self._text[word.start : end].strip()
            yield SpeechMark("word", text, word.sample, self._said_until)


def _word_start(text: str, position: int) -> int:
    """The first character of the written word that holds text[position]."""
    start = min(max(position, 0), max(len(text) - 1, 0))
    while start < len(text) and text[start].isspace():
        start += 1
    while 0 < start < len(text) and not _may_begin_word(text, start):
        start -= 1
    return start


def _may_begin_word(text: str, start: int) -> bool:
    before, here = text[start - 1], text[start]
    if before.isspace():
        return True
    if unicodedata.category(here)[0] not in "LN":
        return False
    return bool(_UNSPACED.match(here) or _UNSPACED.match(before))
