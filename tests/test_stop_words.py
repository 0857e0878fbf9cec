"""Which words ask a speaker to stop."""

import pytest

from models.stt.stop_words import STOP_PHRASES, THROWN_IN, asks_to_stop


@pytest.mark.parametrize(
    "text",
    [
        "stop",
        "Stop!",
        "Stop, stop!",
        "stop it please",
        "WAIT...",
        "Moment mal, bitte.",
        "Tais-toi !",
        "¡Cállate!",
        "停！",
        "等一下。",
        "等一下，等一下！",
    ],
)
def test_these_do(text: str) -> None:
    assert asks_to_stop(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "...",
        "please",
        "the bus stop",
        "stop the clock at nine",
        "when does it stop",
        "停车场在哪里",
        "enough about me",
    ],
)
def test_these_do_not(text: str) -> None:
    assert not asks_to_stop(text)


def test_other_short_words_do_not() -> None:
    assert not any(asks_to_stop(each) for each in THROWN_IN)
    assert all(
        asks_to_stop(each) for phrases in STOP_PHRASES.values() for each in phrases
    )
