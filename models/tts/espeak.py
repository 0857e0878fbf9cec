"""The embedded voice: espeak-ng, every language it has, no download."""

import functools
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from queue import SimpleQueue

import numpy as np

from models.errors import TextError
from models.media import AudioChunk, FloatArray, SpeechMark
from models.tts.clauses import split_phrases
from models.tts.espeak_library import Block, EspeakLanguage, Manner, espeak_library
from models.tts.level import SPEECH_LEVEL_DBFS, Leveller, active_level_dbfs
from models.tts.marks import Marker
from models.tts.voice import VoiceInfo

LICENCE = "GPL-3.0-or-later"
# Variants that come with espeak-ng, chosen for an even spectrum (little energy over
# 4 kHz, where formant synthesis hisses) and a lively but unexaggerated pitch.
VARIANTS = {
    "Annie": "female",
    "belinda": "female",
    "Reed": "male",
    "Andy": "male",
}
DEFAULT_VARIANT = "Annie"

_RATE_WPM = 162  # a little under espeak-ng's 175, near a newsreader's pace
_SLOWEST_WPM, _FASTEST_WPM = 80, 450  # espeak-ng's own limits
_VOLUME = 45  # leaves headroom inside the library, which clips hard at 100
_UNTAGGED = {"xex"}  # a made-up language for espeak-ng's own tests
_TAGS = {
    "ca-ba": "ca-x-balear",
    "ca-nw": "ca-x-nordocc",
    "ca-va": "ca-valencia",
    "chr-US-Qaaa-x-west": "chr-x-west",
    "en-us-nyc": "en-US-x-nyc",
    "piqd": "tlh",
    "py": "art-x-pyash",
    "qdb": "art-x-belta",
    "ru-cl": "ru-x-classic",
    "yue-Latn-jyutping": "yue-Latn-jyutping",
}
_NAMES = {"cmn": "Chinese (Mandarin)", "yue": "Chinese (Cantonese)"}
_DIGITS = "1 2 3 4 5 6 7 8 9"  # nearly every language has words for them
_INAUDIBLE_DBFS = -60.0
_USUAL_GAIN = 1.6  # the median over all languages
_KANJI = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_THREAD = ThreadPoolExecutor(1, thread_name_prefix="espeak")


@functools.cache
def espeak_voices() -> tuple[VoiceInfo, ...]:
    """Each language in each of VARIANTS, the default variant first.

    Raises:
        VoiceError: "espeak_missing".
    """
    return tuple(_manners())


class EspeakVoice:
    """A language of espeak-ng in one of its variants; 22.05 kHz.

    Each clause is synthesised as a whole in a thread that all these voices share, and
    comes out in blocks of about 60 ms as the library makes them. A clause's sound,
    some 20 s at most, waits in memory until it is fetched; the next clause is
    begun only then. In a fresh process the same texts in the same order sound the same.
    """

    def __init__(self, info: VoiceInfo) -> None:
        self.info = info
        self.rate_hz = espeak_library().rate_hz
        self._manner = _manners()[info]
        self._gain = _gain(self._manner)

    def phrases(self, text: str) -> tuple[str, ...]:
        """See Synthesiser: espeak-ng cuts the sound off hard at its own pauses, so
        each of its clauses is a phrase and the pauses are made here.

        Raises:
            TextError: "text_unreadable", of Japanese with kanji.
        """
        if self.info.language == "ja" and (kanji := len(_KANJI.findall(text))):
            # It would say "Chinese letter" for each.
            raise TextError(
                "text_unreadable",
                f"{self.info.name} reads kana only, and the text has {kanji} kanji. "
                "Write it in kana, or take a Piper voice that speaks Japanese.",
            )
        return split_phrases(text)

    def say(self, phrase: str, speed: float, pause_s: float) -> Iterator[AudioChunk]:
        """See Synthesiser.say."""
        rate_wpm = round(min(max(_RATE_WPM * speed, _SLOWEST_WPM), _FASTEST_WPM))
        manner = replace(self._manner, rate_wpm=rate_wpm)
        leveller = Leveller(self.rate_hz, self._gain)
        marker = Marker(phrase)
        received = 0
        for block in _synthesise(phrase, manner):
            received += len(block.samples)
            samples = leveller.push(block.samples.astype(np.float32) / 32768)
            marks = marker.feed(block.events)
            if len(samples) or marks:
                yield self._chunk(samples, marks, leveller.trimmed)
        rest = leveller.finish(int(pause_s * self.rate_hz))
        if len(rest):
            yield self._chunk(rest, marker.finish(received), leveller.trimmed)

    def _chunk(
        self, samples: FloatArray, marks: tuple[SpeechMark, ...], trimmed: int
    ) -> AudioChunk:
        moved = tuple(
            SpeechMark(
                mark.kind, mark.text, max(0, mark.start - trimmed), mark.end - trimmed
            )
            for mark in marks
        )
        return AudioChunk(samples, self.rate_hz, moved)


@functools.cache
def _manners() -> dict[VoiceInfo, Manner]:
    return {
        _info(language, tag, variant): Manner(
            f"{language.identifier}+{variant}", rate_wpm=_RATE_WPM, volume=_VOLUME
        )
        for language in espeak_library().languages()
        if (tag := _tag(language)) is not None
        for variant in VARIANTS
    }


def _info(language: EspeakLanguage, tag: str, variant: str) -> VoiceInfo:
    name = f"{_NAMES.get(tag, language.name)}, {variant.capitalize()}"
    return VoiceInfo(
        f"espeak:{tag}:{variant.lower()}",
        f"{name} ({VARIANTS[variant]})",
        tag,
        "espeak",
        LICENCE,
    )


def _tag(language: EspeakLanguage) -> str | None:
    """BCP 47, in the letter case that RFC 5646, 2.1.1 recommends; None: left out."""
    if language.code in _UNTAGGED:
        return None
    file_name = language.identifier.rpartition("/")[2]
    if tag := _TAGS.get(file_name) or _TAGS.get(language.code):
        return tag
    head, *rest = language.code.lower().split("-")
    cased, private = [head], False
    for subtag in rest:
        private = private or subtag == "x"
        if private or len(subtag) > 4:
            cased.append(subtag)
        else:
            cased.append(subtag.title() if len(subtag) == 4 else subtag.upper())
    return "-".join(cased)


@functools.cache
def _gain(manner: Manner) -> float:
    """What brings a voice to SPEECH_LEVEL_DBFS."""
    blocks = [block.samples for block in _synthesise(_DIGITS, manner)]
    sound = np.concatenate(blocks).astype(np.float32) / 32768
    level = active_level_dbfs(sound, espeak_library().rate_hz)
    if level < _INAUDIBLE_DBFS:
        return _USUAL_GAIN
    return float(10 ** ((SPEECH_LEVEL_DBFS - level) / 20))


def _synthesise(text: str, manner: Manner) -> Iterator[Block]:
    """Blocks as the espeak thread makes them; closing the iterator stops it."""
    blocks: SimpleQueue[Block | None] = SimpleQueue()
    stopped = threading.Event()

    def receive(block: Block) -> bool:
        blocks.put(block)
        return not stopped.is_set()

    def run() -> None:
        try:
            if not stopped.is_set():
                espeak_library().synthesize(text, manner, receive)
        finally:
            blocks.put(None)

    job = _THREAD.submit(run)
    try:
        while (block := blocks.get()) is not None:
            yield block
        job.result()
    finally:
        stopped.set()
