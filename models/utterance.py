"""Text -> sound at the playout rate, clause by clause, with its marks."""

from collections.abc import Generator, Iterator
from dataclasses import replace

from models.errors import TextError
from models.media import PLAYOUT_RATE_HZ, AudioChunk, SpeechMark
from models.resample import Resampler
from models.tts.clauses import split_clauses
from models.tts.voice import Voice


def utter(voice: Voice, text: str) -> Iterator[AudioChunk]:
    """Speak a text of any length.

    Yields chunks of float32 at 48 kHz as soon as they are synthesised; their marks
    count 48 kHz samples since the start of the text. Closing the iterator stops the
    synthesis. A clause with nothing to say (a lone dash, an emoji) is passed over.

    Raises:
        TextError: no clause of the text can be spoken.
    """
    start = 0
    unspeakable: TextError | None = TextError("text_empty", "There is no text to say.")
    for clause in split_clauses(text):
        try:
            for chunk in utter_clause(voice, clause, start):
                start += len(chunk.samples)
                unspeakable = None
                yield chunk
        except TextError as error:
            unspeakable = unspeakable and error
    if unspeakable:
        raise unspeakable


def utter_clause(
    voice: Voice, clause: str, start: int
) -> Generator[AudioChunk, None, None]:
    """Speak one clause, as `utter` does each of a text's.

    start: where the clause begins, in 48 kHz samples since the start of the text.

    Raises:
        TextError: the clause has nothing to say.
    """
    resampler = Resampler(voice.rate_hz, PLAYOUT_RATE_HZ)
    silence = None
    for chunk in voice.speak(clause):
        silence = chunk.samples[:0]
        marks = tuple(_rebased(mark, chunk.rate_hz, start) for mark in chunk.marks)
        samples = resampler.push(chunk.samples)
        if len(samples) or marks:
            yield AudioChunk(samples, PLAYOUT_RATE_HZ, marks)
    if silence is not None:
        yield AudioChunk(resampler.push(silence, last=True), PLAYOUT_RATE_HZ)


def _rebased(mark: SpeechMark, rate_hz: int, start: int) -> SpeechMark:
    def at(sample: int) -> int:
        return start + round(sample * PLAYOUT_RATE_HZ / rate_hz)

    return replace(mark, start=at(mark.start), end=at(mark.end))
