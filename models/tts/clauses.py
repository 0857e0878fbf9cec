"""Text -> sentences and clauses: what is synthesised in one go.

Nothing but white space is ever lost, and every piece is at most MAX_WEIGHT heavy, so
that one session never holds a voice for long.
"""

import re
import unicodedata
from bisect import bisect_left
from itertools import accumulate, pairwise

MAX_WEIGHT = 200  # about 12 s of speech
FIRST_WEIGHT = 60  # a first piece heavier than this is cut at its first clause mark
MIN_CLAUSE_WEIGHT = 8  # a shorter clause sounds chopped off: "Well,"
SYLLABLE_SIGN_WEIGHT = 3  # a Han character or Hangul block takes as long as 3 letters

CLOSING_MARKS = "\"'”’»)]}」』）】》〉"
_CLOSING = re.escape(CLOSING_MARKS)
_SPACED_STOPS = ".!?…‽؟۔։।॥።។၊။"
_WIDE_STOPS = "。！？；｡．"
SENTENCE_END = re.compile(
    rf"[{_SPACED_STOPS}]+[{_CLOSING}]*(?=\s|$)"
    rf"|[{_WIDE_STOPS}]+[{_CLOSING}]*"
    rf"|[!?]+[{_CLOSING}]*(?=[^\x00-\u2e7f])"
    # A run of spaces is tried from its beginning alone: else it costs its square.
    r"|(?<![^\S\n])[^\S\n]*\n[^\S\n]*(?:\n\s*|(?=[-*•–][^\S\n]|\d{1,3}[.)]\s))"
)
CLAUSE_END = re.compile(
    rf"[,;:؛،՝፣፤][{_CLOSING}]*(?=\s)|[，、：；︰][{_CLOSING}]*|[—―]+|\s–(?=\s)"
)
_SPACE = re.compile(r"\s+")
_TITLES = (
    "Mr|Mrs|Ms|Mx|Dr|Prof|Rev|Hon|Sen|Rep|Gov|Gen|Col|Maj|Capt|Lt|Sgt|St|Ste|Mt|Ft"
    "|Jr|Sr|vs|cf|al|ca|approx|dept|est|eds|e\\.g|i\\.e|Messrs|Mme|Mlle|Sra|Srta|Ud"
    "|Uds|Hr|bzw|bspw|z\\.\\s?B|d\\.\\s?h|u\\.\\s?a|Sant|Ing"
)
_BEFORE_NUMBERS = "No|Nos|Nr|Fig|Figs|Eq|Vol|Art|Abs|pp|p|ch|Ch|Sec|sec"
_CAPITALS = "A-ZÀ-ÖØ-ÞΑ-ΩА-Я"
_NO_END = re.compile(
    rf"(?<![^\W_])(?:{_TITLES}|[{_CAPITALS}])\.$|(?<![\w.])[^\W\d_]\.$"
)
_NO_END_BEFORE_DIGIT = re.compile(rf"(?<![^\W_])(?:{_BEFORE_NUMBERS})\.$")
_LOOK_BACK = 12  # longer than any abbreviation above


def split_clauses(text: str) -> tuple[str, ...]:
    """Sentences, with the first cut short so that its sound leaves at once.

    Splits at sentence ends of any script (not after abbreviations, initials, or
    inside numbers and addresses), at blank lines and list items; what is still too
    heavy is cut at commas, then at spaces, then anywhere but inside a character.
    """
    pieces = split_sentences(text)
    if not pieces:
        return ()
    return (*_first_short(pieces[0]), *pieces[1:])


def split_sentences(text: str) -> tuple[str, ...]:
    """Like split_clauses, without the short first piece."""
    pieces: list[str] = []
    for sentence in _sentences(text):
        pieces.extend(_bounded(sentence))
    return tuple(pieces)


def split_phrases(text: str) -> tuple[str, ...]:
    """Cut at every clause mark too: where a speaker may draw breath."""
    phrases: list[str] = []
    for sentence in split_sentences(text):
        cuts = [0, *(match.end() for match in CLAUSE_END.finditer(sentence))]
        pieces = [sentence[a:b].strip() for a, b in pairwise([*cuts, len(sentence)])]
        phrases.extend(filter(None, pieces))
    return tuple(phrases)


def is_sentence(clause: str) -> bool:
    """Whether a piece ends as a sentence does."""
    last = clause.rstrip().rstrip(CLOSING_MARKS)[-1:]
    return bool(last) and last in _SPACED_STOPS + _WIDE_STOPS


def pause_s(clause: str) -> float:
    """How long to be silent after a piece: long at a sentence's end."""
    last = clause.rstrip().rstrip(CLOSING_MARKS)[-1:]
    if is_sentence(clause):
        return 0.30
    return 0.14 if unicodedata.category(last or "a").startswith("P") else 0.10


def weight(text: str) -> int:
    """How long it takes to say, in letters."""
    return sum(map(weigh, text))


def weigh(char: str) -> int:
    if char < "\u1100":
        return 1
    return SYLLABLE_SIGN_WEIGHT if unicodedata.east_asian_width(char) in "WF" else 1


def _sentences(text: str) -> list[str]:
    sentences, start = [], 0
    for match in SENTENCE_END.finditer(text):
        end = match.end()
        if is_inner_stop(text, end):
            continue
        if sentence := text[start:end].strip():
            sentences.append(sentence)
        start = end
    if rest := text[start:].strip():
        sentences.append(rest)
    return sentences


def is_inner_stop(text: str, end: int) -> bool:
    """Whether the sentence goes on after the stop before `end`.

    As after an abbreviation, an ellipsis, or a quoted question.
    """
    following = text[end : end + 40].lstrip()
    if not following or text[end - 1] not in ".…" + CLOSING_MARKS:
        return False
    if following[0].islower():
        return True
    before = text[max(0, end - _LOOK_BACK) : end]
    if _NO_END.search(before):
        return True
    return following[0].isdigit() and bool(_NO_END_BEFORE_DIGIT.search(before))


def _first_short(piece: str) -> tuple[str, ...]:
    if weight(piece) <= FIRST_WEIGHT:
        return (piece,)
    for match in CLAUSE_END.finditer(piece):
        head, tail = piece[: match.end()].strip(), piece[match.end() :].strip()
        if tail and weight(head) >= MIN_CLAUSE_WEIGHT:
            return (head, tail)
    return (piece,)


def _bounded(sentence: str) -> list[str]:
    if weight(sentence) <= MAX_WEIGHT:
        return [sentence]
    totals = list(accumulate(map(weigh, sentence)))
    pieces, start = [], 0
    while start < len(sentence):
        said = totals[start - 1] if start else 0
        end = bisect_left(totals, said + MAX_WEIGHT + 1)
        if end < len(sentence):
            end = best_cut(sentence, start, end)
        if piece := sentence[start:end].strip():
            pieces.append(piece)
        start = end
    return pieces


def best_cut(sentence: str, start: int, end: int) -> int:
    """Where to cut sentence[start:end], best kind of place first."""
    for pattern in (CLAUSE_END, _SPACE):
        cuts = [match.end() for match in pattern.finditer(sentence, start, end)]
        if cuts and cuts[-1] - start >= (end - start) // 4:
            return cuts[-1]
    cut = end
    while cut > start + (end - start) // 2 and _continues(sentence, cut):
        cut -= 1
    return cut


def _continues(text: str, cut: int) -> bool:
    """Whether text[cut] is drawn onto the character before it."""
    joined = "\u200d" in text[cut - 1 : cut + 1]
    return joined or unicodedata.category(text[cut]).startswith("M")
