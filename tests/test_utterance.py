"""Text to sound at the playout rate: marks in time, nothing lost, one clause bad."""

from collections.abc import Iterator

import numpy as np
import pytest

from models.errors import TextError
from models.media import PLAYOUT_RATE_HZ, AudioChunk, SpeechMark
from models.tts.voice import VoiceInfo
from models.utterance import utter

RATE_HZ = 16_000
WORD_SAMPLES = RATE_HZ // 10


class Metronome:
    """A voice that says each word as 100 ms of sound, in chunks of 30 ms."""

    info = VoiceInfo("fake", "Metronome", "en", "espeak", "Apache-2.0")
    rate_hz = RATE_HZ

    def __init__(self) -> None:
        self.closed = False

    def speak(self, text: str) -> Iterator[AudioChunk]:
        words = [word for word in text.split() if word.strip(".,!?")[:1].isalpha()]
        if not words:
            raise TextError("text_unspeakable", f"{len(text)} characters, no word")
        marks = tuple(
            SpeechMark("word", word, n * WORD_SAMPLES, (n + 1) * WORD_SAMPLES)
            for n, word in enumerate(words)
        )
        sound = np.full(len(words) * WORD_SAMPLES, 0.5, np.float32)
        try:
            for first in range(0, len(sound), 480):
                now = tuple(m for m in marks if first <= m.start < first + 480)
                yield AudioChunk(sound[first : first + 480], RATE_HZ, now)
        finally:
            self.closed = True


TEXT = "One two three. Four five six seven eight nine ten, eleven twelve. Thirteen!"


def test_words_sound_when_their_marks_say() -> None:
    chunks = list(utter(Metronome(), TEXT))
    marks = [mark for chunk in chunks for mark in chunk.marks]
    assert [mark.text for mark in marks] == TEXT.split()
    word = PLAYOUT_RATE_HZ // 10
    assert [mark.start for mark in marks] == [n * word for n in range(13)]
    assert all(mark.end - mark.start == word for mark in marks)
    assert sum(len(chunk.samples) for chunk in chunks) == 13 * word
    assert all(chunk.rate_hz == PLAYOUT_RATE_HZ for chunk in chunks)


def test_level_is_kept() -> None:
    samples = np.concatenate([chunk.samples for chunk in utter(Metronome(), TEXT)])
    middle = samples[2000:-2000]
    assert np.median(middle) == pytest.approx(0.5, abs=0.01)


def test_a_clause_with_nothing_to_say_is_passed_over() -> None:
    marks = [m for c in utter(Metronome(), "One two. — ... Three.") for m in c.marks]
    assert [mark.text for mark in marks] == ["One", "two.", "Three."]


@pytest.mark.parametrize("text", ["", "   \n", "... — !?"])
def test_nothing_to_say_is_an_error(text: str) -> None:
    with pytest.raises(TextError):
        list(utter(Metronome(), text))


def test_closing_stops_the_voice() -> None:
    voice = Metronome()
    chunks = utter(voice, TEXT)
    next(chunks)
    chunks.close()  # type: ignore[attr-defined]
    assert voice.closed
