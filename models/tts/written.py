"""Marks of what was said -> marks of what was written, for captions."""

from collections.abc import Iterable
from dataclasses import replace

from models.media import SpeechMark
from models.tts.normalise import SpokenText


class WrittenMarks:
    """Feeds on marks of the spoken text, in order; gives those of the written one.

    Several spoken words of one written thing ("5 dollars", "$5") become one mark, which
    comes when its last word has.
    """

    def __init__(self, text: SpokenText) -> None:
        self._text = text
        self._at = 0  # in the spoken text
        self._open: SpeechMark | None = None
        self._open_until = 0  # in the written text

    def begin(self, phrase: str) -> None:
        """The marks that follow are of this phrase of the spoken text."""
        self._at = max(self._at, self._text.spoken.find(phrase, self._at))

    def feed(self, marks: Iterable[SpeechMark]) -> tuple[SpeechMark, ...]:
        written: list[SpeechMark] = []
        for mark in marks:
            if mark.kind != "word":
                written.append(mark)
                continue
            start, end = self._advance(mark.text)
            self._take(mark, self._before(start), self._after(end), written)
            if self._is_outside(end):
                written += self.finish()
        return tuple(written)

    def finish(self) -> tuple[SpeechMark, ...]:
        """The mark that is still open."""
        mark, self._open = self._open, None
        return (mark,) if mark else ()

    def _advance(self, word: str) -> tuple[int, int]:
        """Where a word lies in the spoken text: its letters, spaces aside."""
        spoken = self._text.spoken
        left = sum(not char.isspace() for char in word)
        while self._at < len(spoken) and spoken[self._at].isspace():
            self._at += 1
        start = self._at
        while self._at < len(spoken) and left:
            left -= not spoken[self._at].isspace()
            self._at += 1
        return start, self._at

    def _take(
        self, mark: SpeechMark, start: int, end: int, written: list[SpeechMark]
    ) -> None:
        """Open a mark of written[start:end], or widen the one that is open."""
        if self._open and start < self._open_until:
            more = self._text.written[self._open_until : end]
            text = (self._open.text + more).strip()
            self._open = replace(self._open, text=text, end=mark.end)
        else:
            written += self.finish()
            text = self._text.written[start:end].strip()
            self._open = replace(mark, text=text)
        self._open_until = max(self._open_until, end)

    def _is_outside(self, at: int) -> bool:
        return not any(
            span.spoken_start < at < span.spoken_end for span in self._text.spans
        )

    def _before(self, at: int) -> int:
        """The written place of a spoken one; the start of what it is inside of."""
        shift = 0
        for span in self._text.spans:
            if at < span.spoken_start:
                break
            if at < span.spoken_end:
                return span.start
            shift = span.end - span.spoken_end
        return at + shift

    def _after(self, at: int) -> int:
        """The same, the end of what it is inside of."""
        shift = 0
        for span in self._text.spans:
            if at <= span.spoken_start:
                break
            if at <= span.spoken_end:
                return span.end
            shift = span.end - span.spoken_end
        return at + shift
