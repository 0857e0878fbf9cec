"""Reads text as people write it, in one voice, or in several where scripts change."""

from collections.abc import Callable, Iterator

import numpy as np

from models.errors import TextError, VoiceError
from models.media import AudioChunk, SpeechMark
from models.resample import Resampler
from models.tts.clauses import is_sentence, pause_s
from models.tts.normalise import spoken
from models.tts.scripts import Run, split_scripts
from models.tts.text import Passage, passages
from models.tts.voice import (
    FASTEST,
    LONGEST_SILENCE_S,
    SLOWEST,
    USUAL,
    Manner,
    Synthesiser,
    VoiceInfo,
)
from models.tts.written import WrittenMarks

JOINT_S = 0.05  # between two voices in the middle of a sentence
_SILENCE_S = 1.0  # of one chunk

ForLanguage = Callable[[str], Synthesiser]


class Reader:
    """A voice: see models.tts.voice.Voice.

    What is written in a script that the voice's language does not use is said by
    another voice, at this one's rate.
    """

    def __init__(
        self,
        own: Synthesiser,
        other: ForLanguage | None = None,
        manner: Manner = USUAL,
    ) -> None:
        """other: opens a voice for a language, or raises VoiceError.

        Raises:
            VoiceError: "bad_speed", "bad_silence".
        """
        _check(manner)
        self._own = own
        self._other = other
        self._manner = manner

    @property
    def info(self) -> VoiceInfo:
        return self._own.info

    @property
    def rate_hz(self) -> int:
        return self._own.rate_hz

    def speak(self, text: str) -> Iterator[AudioChunk]:
        """See Voice.speak; also TextError "text_unspeakable" for unknown scripts."""
        return self._speak(passages(text))

    def _speak(self, read: tuple[Passage, ...]) -> Iterator[AudioChunk]:
        start = 0
        for passage in read:
            for chunk in self._silence(passage.pause_s):
                start += len(chunk.samples)
                yield chunk
            runs = split_scripts(passage.text, self.info.language)
            for place, run in enumerate(runs):
                begun = start
                for chunk in self._read(run, place == len(runs) - 1):
                    yield _moved(chunk, begun)
                    start += len(chunk.samples)
        if start == 0:
            raise TextError(
                "text_unspeakable",
                f"{self.info.name} has no sound for this text. Choose a voice of the "
                "text's language.",
            )

    def _silence(self, seconds: float) -> Iterator[AudioChunk]:
        while seconds > 0:
            samples = np.zeros(int(min(seconds, _SILENCE_S) * self.rate_hz), np.float32)
            yield AudioChunk(samples, self.rate_hz)
            seconds -= _SILENCE_S

    def _read(self, run: Run, is_last: bool) -> Iterator[AudioChunk]:
        """One run; marks in samples since its start."""
        voice = self._voice_for(run)
        text = spoken(run.text, voice.info.language)
        marks = WrittenMarks(text)
        phrases = voice.phrases(text.spoken)
        start = 0
        for place, phrase in enumerate(phrases):
            marks.begin(phrase)
            inside = not is_last and place == len(phrases) - 1
            begun = start
            for chunk in self._say(voice, phrase, self._pause_s(phrase, inside)):
                start += len(chunk.samples)
                written = marks.feed(_moved(chunk, begun).marks)
                yield AudioChunk(chunk.samples, self.rate_hz, written)
        if rest := marks.finish():
            yield AudioChunk(np.zeros(0, np.float32), self.rate_hz, rest)

    def _voice_for(self, run: Run) -> Synthesiser:
        if run.language is None or self._other is None:
            return self._own
        try:
            return self._other(run.language)
        except VoiceError:
            return self._own

    def _pause_s(self, phrase: str, inside: bool) -> float:
        """inside: the sentence goes on in another voice."""
        if is_sentence(phrase):
            silence_s = self._manner.sentence_silence_s
            return pause_s(phrase) if silence_s is None else silence_s
        if inside and phrase[-1:].isalnum():
            return JOINT_S
        return pause_s(phrase)

    def _say(
        self, voice: Synthesiser, phrase: str, silence_s: float
    ) -> Iterator[AudioChunk]:
        """A phrase at this voice's rate."""
        chunks = voice.say(phrase, self._manner.speed, silence_s)
        if voice.rate_hz == self.rate_hz:
            yield from chunks
            return
        resampler = Resampler(voice.rate_hz, self.rate_hz)
        for chunk in chunks:
            marks = tuple(
                SpeechMark(
                    mark.kind,
                    mark.text,
                    round(mark.start * self.rate_hz / voice.rate_hz),
                    round(mark.end * self.rate_hz / voice.rate_hz),
                )
                for mark in chunk.marks
            )
            yield AudioChunk(resampler.push(chunk.samples), self.rate_hz, marks)
        rest = resampler.push(np.zeros(0, np.float32), last=True)
        yield AudioChunk(rest, self.rate_hz)


def _moved(chunk: AudioChunk, start: int) -> AudioChunk:
    """The chunk with its marks counted from `start` samples earlier."""
    marks = tuple(
        SpeechMark(mark.kind, mark.text, mark.start + start, mark.end + start)
        for mark in chunk.marks
    )
    return AudioChunk(chunk.samples, chunk.rate_hz, marks)


def _check(manner: Manner) -> None:
    if not SLOWEST <= manner.speed <= FASTEST:
        raise VoiceError(
            "bad_speed",
            f"A voice speaks {SLOWEST} to {FASTEST} times its usual speed.",
        )
    silence_s = manner.sentence_silence_s
    if silence_s is not None and not 0 <= silence_s <= LONGEST_SILENCE_S:
        raise VoiceError(
            "bad_silence", f"A sentence is followed by 0 to {LONGEST_SILENCE_S:g} s."
        )
