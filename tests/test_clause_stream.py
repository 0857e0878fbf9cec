"""Text that comes in tokens is cut as soon as it can be, and always alike."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.tts.clause_stream import ClauseStream
from models.tts.clauses import FIRST_WEIGHT, MAX_WEIGHT, weight
from tests.test_clauses import TEXTS, unspaced


def taken(stream: ClauseStream, text: str = "", *, final: bool = False) -> list[str]:
    """All that can be taken once `text` has come."""
    stream.append(text)
    pieces = []
    while (piece := stream.take(final=final)) is not None:
        pieces.append(piece)
    return pieces


def cut(chunks: list[str]) -> list[str]:
    stream = ClauseStream()
    pieces = [piece for chunk in chunks for piece in taken(stream, chunk)]
    return [*pieces, *taken(stream, final=True)]


@given(TEXTS, st.data())
def test_pieces_do_not_depend_on_the_chunks(text: str, data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=12).map(sorted))
    chunks = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    pieces = cut(chunks)
    assert pieces == cut([text]) == cut(list(text))
    assert unspaced("".join(pieces)) == unspaced(text)
    assert all(piece == piece.strip() and piece for piece in pieces)
    assert all(weight(piece) <= MAX_WEIGHT for piece in pieces)


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        (["Good", " morning", ",", " dear"], ["Good morning,"]),
        (["Well", ",", " that", " is"], []),  # too short to be said alone
        (["Hello", " there", ".", " How"], ["Hello there."]),
        (["It is 3.", "14", " or", " so"], []),
        (["Dr.", " Smith"], []),
        (["你好", "。", "我"], ["你好。"]),
        (["你好", "。"], []),  # a closing mark may follow
        (['He said "Go!"', " Then"], ['He said "Go!"']),
    ],
)
def test_what_is_said_before_the_end(tokens: list[str], said: list[str]) -> None:
    stream = ClauseStream()
    assert [piece for token in tokens for piece in taken(stream, token)] == said


def test_a_long_sentence_is_cut_where_one_may_draw_breath() -> None:
    words = "and this goes on for quite a while without any stop at all, "
    pieces = cut([words * 5])
    assert pieces[0] == words.strip()
    assert all(FIRST_WEIGHT // 2 < weight(piece) <= MAX_WEIGHT for piece in pieces)


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("", False),
        ("Let me look.", True),
        ("Let me look. ", True),
        ("Let me look", False),
        ("Let me ask Dr.", False),
        ('"Really?"', True),
        ("好。", True),
    ],
)
def test_a_writer_who_pauses_after_a_sentence(text: str, whole: bool) -> None:
    stream = ClauseStream()
    assert taken(stream, text) == []
    assert stream.at_sentence_end is whole
    assert taken(stream, final=True) == ([text.strip()] if text else [])


def test_a_flood_is_cut_quickly() -> None:
    stream = ClauseStream()
    for flood in ("x" * 20_000, " " * 20_000, "." * 20_000, "\n " * 10_000):
        taken(stream, flood)
    assert stream.waiting_chars <= 2 * MAX_WEIGHT
