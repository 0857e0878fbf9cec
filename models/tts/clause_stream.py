"""Text as it is written, token by token -> clauses as soon as they are certain."""

import heapq
from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate

from models.tts.clauses import (
    CLAUSE_END,
    CLOSING_MARKS,
    FIRST_WEIGHT,
    MAX_WEIGHT,
    MIN_CLAUSE_WEIGHT,
    SENTENCE_END,
    best_cut,
    is_inner_stop,
    weigh,
    weight,
)

# What follows a stop decides whether it ends its sentence ("3." and "14"); so much of
# it is looked at, as `is_inner_stop` does.
LOOK_AHEAD = 40
_MARGIN = 60  # no run of stops, closing marks and spaces that matters is longer


class ClauseStream:
    """Cuts a text that is still being written.

    However the text is chunked, the pieces are the same; nothing but white space is
    lost, and no piece is heavier than MAX_WEIGHT. The first piece ends at the first
    clause mark, so that its sound leaves at once; the others at sentence ends, or at
    a clause mark where a sentence is long.
    """

    def __init__(self) -> None:
        self._rest = ""
        self._first = True

    @property
    def waiting_chars(self) -> int:
        return len(self._rest)

    @property
    def at_sentence_end(self) -> bool:
        """Whether what waits would be a whole sentence, if nothing more came."""
        rest = self._rest.rstrip()
        ends = [match.end() for match in SENTENCE_END.finditer(rest)]
        more = f"{rest} A"  # as if another sentence followed
        return len(rest) in ends and not is_inner_stop(more, len(rest))

    def append(self, text: str) -> None:
        self._rest += text

    def take(self, *, final: bool = False) -> str | None:
        """The next piece that no later text could change; None while there is none.

        final: no more comes for now, so that all that waits is certain.
        """
        while True:
            self._rest = self._rest.lstrip()
            cut = self._next_cut(final=final)
            if cut is None and final:
                cut = len(self._rest)
            if not cut:
                return None
            piece, self._rest = self._rest[:cut].strip(), self._rest[cut:]
            if piece:
                self._first = False
                return piece

    def _next_cut(self, *, final: bool) -> int | None:
        """Where the first piece ends; None while that is not certain."""
        rest = self._rest
        totals = list(accumulate(map(weigh, rest[: MAX_WEIGHT + 1])))
        limit = bisect_left(totals, MAX_WEIGHT + 1)
        for end, is_sentence in self._marks(limit):
            if end > limit:
                break
            if not final and not _decided(rest, end, is_sentence=is_sentence):
                return None
            if is_sentence and not is_inner_stop(rest, end):
                return end
            if not is_sentence and self._is_clause(end):
                return end
        return best_cut(rest, 0, limit) if limit < len(rest) else None

    def _marks(self, limit: int) -> Iterator[tuple[int, bool]]:
        """Ends of sentences (True) and of clauses, in order."""
        window = min(len(self._rest), limit + _MARGIN)
        sentences = SENTENCE_END.finditer(self._rest, 0, window)
        clauses = CLAUSE_END.finditer(self._rest, 0, window)
        return heapq.merge(
            ((match.end(), True) for match in sentences),
            ((match.end(), False) for match in clauses),
        )

    def _is_clause(self, end: int) -> bool:
        """Whether a piece may end at this clause mark."""
        least = MIN_CLAUSE_WEIGHT if self._first else FIRST_WEIGHT
        head, tail = self._rest[:end].strip(), self._rest[end:].strip()
        return bool(tail) and weight(head) >= least


def _decided(text: str, end: int, *, is_sentence: bool) -> bool:
    """Whether enough follows to say what the mark before `end` is."""
    following = text[end : end + LOOK_AHEAD]
    if is_sentence and text[end - 1] not in ".…" + CLOSING_MARKS:
        return bool(following)
    return bool(following.strip()) or len(following) == LOOK_AHEAD
