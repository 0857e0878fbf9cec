"""Which known question is meant: SQLite FTS5 finds candidates, cosine decides.

Words are stemmed; languages without spaces are cut into characters and pairs of them. A
word weighs by how rare it is, and a word that no question has weighs most, so that what
is asked of something else scores low however many small words it shares.
"""

import difflib
import functools
import math
import re
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from server.brain.knowledge import Entry

CANDIDATES = 40
MAX_TOKENS = 200  # of a question; the rest of a long one is not looked at
FUNCTION_WEIGHT = 0.35  # of words that say little about what is asked
NEAR_WORD = 0.75  # as like as this, a word may have been misheard or misspelt

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_UNSPACED = re.compile(
    "([\u0e00-\u0eff\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+)"
)
_FUNCTION_WORDS = frozenset(
    "a about am an and any are at be been but by can could did do "
    "does for from get had has have he her him his how i if in is "
    "it its just let may me might more much my no not of on or our "
    "please she should so some tell than that the their them then "
    "there these they this to up us very want was we were what when "
    "where which who whom whose why will with would you your 的 了 吗 "
    "呢 啊 吧 是 我 你 在 有 和 就 都 也 么 什么 怎么 可以 能 会 这 那".split()
)
_SUFFIXES = ("ations", "ation", "ings", "ing", "ies", "ers", "ed", "es", "er", "s")


@dataclass(frozen=True)
class Match:
    """score: 0 nothing in common, 1 the same question."""

    entry: Entry
    score: float


def tokens(text: str) -> list[str]:
    """Stems of words; characters, and pairs of them, of scripts without spaces."""
    found: list[str] = []
    for word in _WORD.findall(text.casefold()):
        for part in _UNSPACED.split(word):
            if _UNSPACED.match(part):
                found += part
                found += [part[at : at + 2] for at in range(len(part) - 1)]
            elif part:
                found.append(_stem(part))
    return found[:MAX_TOKENS]


@functools.lru_cache(10_000)
def _stem(word: str) -> str:
    word = word.removesuffix("'s")
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            stem = word.removesuffix(suffix)
            return f"{stem}y" if suffix == "ies" else stem.removesuffix("e")
    return word.removesuffix("e") if len(word) > 3 else word


_LIGHT = frozenset(_stem(word) for word in _FUNCTION_WORDS)


class Index:
    """Of questions, in memory; from any thread."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._questions = [
            (entry, Counter(tokens(question)))
            for entry in entries
            for question in entry.questions
        ]
        known = Counter(word for _, words in self._questions for word in words)
        count = len(self._questions)
        self._weight = {
            word: math.log(1 + (count - n + 0.5) / (n + 0.5))
            for word, n in known.items()
        }
        self._rarest = math.log(1 + count / 0.5)
        self._lock = threading.Lock()
        self._table = sqlite3.connect(":memory:", check_same_thread=False)
        self._table.execute(
            "CREATE VIRTUAL TABLE question USING fts5(words, tokenize='unicode61')"
        )
        rows = ((" ".join(words),) for _, words in self._questions)
        self._table.executemany("INSERT INTO question VALUES (?)", rows)

    def best(self, text: str) -> Match | None:
        """The nearest question; None if no word is shared with any."""
        asked = self._nearest(Counter(tokens(text)))
        words = [word for word, _ in asked if word in self._weight]
        if not words:
            return None
        wanted = " OR ".join(f'"{word}"' for word in dict.fromkeys(words))
        with self._lock:
            rows = self._table.execute(
                "SELECT rowid FROM question WHERE question MATCH ? ORDER BY rank "
                "LIMIT ?",
                (wanted, CANDIDATES),
            ).fetchall()
        matches = [self._score(asked, *self._questions[row - 1]) for (row,) in rows]
        return max(matches, key=lambda match: match.score, default=None)

    def _nearest(self, asked: Counter[str]) -> list[tuple[str, float]]:
        """Each token with how sure it is; unknown words as known ones they are like."""
        nearest: list[tuple[str, float]] = []
        for word, count in asked.items():
            if word not in self._weight and len(word) > 3:
                alike = difflib.get_close_matches(word, self._weight, 1, NEAR_WORD)
                if alike:
                    ratio = difflib.SequenceMatcher(None, word, alike[0]).ratio()
                    nearest.append((alike[0], ratio**2))
                    continue
            nearest.append((word, min(count, 2)))
        return nearest

    def _score(
        self, asked: Iterable[tuple[str, float]], entry: Entry, known: Counter[str]
    ) -> Match:
        left = {word: sure * self._weigh(word) for word, sure in asked}
        right = {word: min(n, 2) * self._weigh(word) for word, n in known.items()}
        shared = sum(value * right.get(word, 0.0) for word, value in left.items())
        length = math.hypot(*left.values()) * math.hypot(*right.values())
        return Match(entry, shared / length if length else 0.0)

    def _weigh(self, word: str) -> float:
        weight = self._weight.get(word, self._rarest)
        light = word in _LIGHT or (len(word) == 1 and not word.isascii())
        return weight * FUNCTION_WEIGHT if light else weight
