"""Tags of emotion, however the words are cut."""

from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from server.tags import TagFilter

WORDS = ["[happy]", "[happy] ", "[", "]", "[sad]", "Hi", " there", "[ha", "ppy]", "好"]


def filtered(pieces: list[str]) -> list[tuple[str, str | None]]:
    """Text by emotion."""
    tags = TagFilter()
    parts = [part for piece in pieces for part in tags.push(piece)] + tags.finish()
    return [
        ("".join(part.text for part in run), emotion)
        for emotion, run in groupby(parts, key=lambda part: part.emotion)
    ]


def test_tags_are_stripped_and_told() -> None:
    assert filtered(["Oh. [hap", "py] Hello", " [serious]world"]) == [
        ("Oh. ", None),
        ("Hello ", "happy"),
        ("world", "serious"),
    ]
    assert filtered(["[HAPPY] Hi"]) == [("Hi", "happy")]


def test_other_brackets_stay() -> None:
    for text in ("See [note 1] and [laughs].", "an open [", "[]", "a[0]"):
        assert filtered([text]) == [(text, None)]


@given(st.lists(st.sampled_from(WORDS), max_size=12))
def test_cuts_change_nothing(words: list[str]) -> None:
    whole = "".join(words)
    assert filtered(list(whole)) == filtered([whole]) == filtered(words)
