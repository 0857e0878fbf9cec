import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.tts.clauses import (
    MAX_WEIGHT,
    pause_s,
    split_clauses,
    split_phrases,
    split_sentences,
    weight,
)

TEXTS = st.one_of(
    st.text(max_size=400),
    st.text("ab .,!?。，！？\n\"'）漢字", max_size=900),
    st.lists(st.text("abcé", min_size=1, max_size=90), max_size=40).map(" ".join),
)


def unspaced(text: str) -> str:
    return "".join(text.split())


@given(TEXTS)
def test_nothing_is_lost_and_nothing_is_too_long(text: str) -> None:
    for split in (split_clauses, split_sentences, split_phrases):
        pieces = split(text)
        assert unspaced("".join(pieces)) == unspaced(text)
        assert all(piece == piece.strip() and piece for piece in pieces)
        assert all(weight(piece) <= MAX_WEIGHT for piece in pieces)


@given(TEXTS)
def test_a_clause_is_one_sentence_to_the_voice(text: str) -> None:
    """Voices split again what they are given; that must not cut clauses further."""
    for piece in split_clauses(text):
        assert weight("".join(split_sentences(piece))) <= MAX_WEIGHT
        assert unspaced("".join(split_sentences(piece))) == unspaced(piece)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", ()),
        (" \n\t ", ()),
        ("Hello", ("Hello",)),
        ("Hello there. How are you?", ("Hello there.", "How are you?")),
        ("Dr. Smith met Mr. J. R. Jones.", ("Dr. Smith met Mr. J. R. Jones.",)),
        ("It costs 3.50 or 1,000.5 now. Ok?", ("It costs 3.50 or 1,000.5 now.", "Ok?")),
        ("See https://a.b/c.d?e=1! Fine.", ("See https://a.b/c.d?e=1!", "Fine.")),
        ("It is 5 p.m. Bye.", ("It is 5 p.m.", "Bye.")),
        ("So no. Then see No. 5.", ("So no.", "Then see No. 5.")),
        ('"Really?" she said.', ('"Really?" she said.',)),
        ('He said "Go!" Then he left.', ('He said "Go!"', "Then he left.")),
        ("Wait... what?", ("Wait... what?",)),
        ("Das ist z. B. gut. Ja.", ("Das ist z. B. gut.", "Ja.")),
        ("你好。我很好！你呢？", ("你好。", "我很好！", "你呢？")),
        ("他说：“走吧！”然后走了。", ("他说：“走吧！”", "然后走了。")),
        ("नमस्ते। आप कैसे हैं।", ("नमस्ते।", "आप कैसे हैं।")),
        ("مرحبا؟ نعم.", ("مرحبا؟", "نعم.")),
        ("A title\n\nAnd text", ("A title", "And text")),
        ("- one\n- two\n- three", ("- one", "- two", "- three")),
        ("a line that was\nwrapped by hand.", ("a line that was\nwrapped by hand.",)),
    ],
)
def test_sentences(text: str, pieces: tuple[str, ...]) -> None:
    assert split_clauses(text) == pieces


def test_only_a_long_first_sentence_is_cut_at_its_first_clause() -> None:
    long = (
        "On a cold morning in May, the ship left the harbour for a far country, alone."
    )
    assert split_clauses(f"{long} {long}") == (
        "On a cold morning in May,",
        "the ship left the harbour for a far country, alone.",
        long,
    )


def test_long_sentences_are_cut_at_commas_then_at_spaces() -> None:
    with_commas = ", ".join(["some seven words of this very sentence"] * 12)
    assert all(p.endswith((",", "sentence")) for p in split_sentences(with_commas))
    without = "word " * 200
    assert set(" ".join(split_sentences(without)).split(" ")) == {"word"}


def test_characters_are_not_torn_from_their_accents() -> None:
    pieces = split_sentences("e\u0301" * 300)
    assert len(pieces) > 1
    assert not any(unicodedata.combining(piece[0]) for piece in pieces)


def test_chinese_weighs_its_syllables() -> None:
    assert all(len(p) <= MAX_WEIGHT // 3 for p in split_sentences("中" * 500))


def test_a_book_is_split_in_one_pass() -> None:
    pieces = split_clauses("No stop in sight " * 60_000)  # 1 MB; quadratic never ends
    assert len(pieces) > 4000


def test_a_sentence_ends_with_a_longer_pause_than_a_clause() -> None:
    assert pause_s("Yes.") == pause_s("“好！”") > pause_s("well,") > pause_s("cut") > 0


def test_phrases_end_at_every_clause_mark() -> None:
    text = "Well, in 1,000 days: maybe; or “never,” he said — at 5:30. 你好，小明。"
    assert split_phrases(text) == (
        "Well,",
        "in 1,000 days:",
        "maybe;",
        "or “never,”",
        "he said —",
        "at 5:30.",
        "你好，",
        "小明。",
    )
