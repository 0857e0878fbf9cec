"""Tags of emotion, however the words are cut."""

from hypothesis import given
from hypothesis import strategies as st

from server.tags import TagFilter

WORDS = ["[happy]", "[happy] ", "[", "]", "[sad]", "Hi", " there", "[ha", "ppy]", "好"]


def filtered(pieces: list[str]) -> tuple[str, str | None]:
    tags = TagFilter()
    text = "".join([tags.push(piece) for piece in pieces]) + tags.finish()
    return text, tags.emotion


def test_tags_are_stripped_and_told() -> None:
    assert filtered(["[hap", "py] Hello", " [serious]world"]) == (
        "Hello world",
        "serious",
    )
    assert filtered(["See [note 1] and [laughs]."]) == (
        "See [note 1] and [laughs].",
        None,
    )
    assert filtered(["an open ["]) == ("an open [", None)


@given(st.lists(st.sampled_from(WORDS), max_size=12))
def test_cuts_change_nothing(words: list[str]) -> None:
    whole = "".join(words)
    assert filtered(list(whole)) == filtered([whole]) == filtered(words)
