"""Piper voices: natural neural speech (VITS), when their files are there."""

import functools
import json
import logging
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from google.protobuf.message import DecodeError
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors
from piper import AudioChunk as PiperChunk
from piper import PiperConfig, PiperVoice, SynthesisConfig

from models.errors import VoiceError
from models.media import AudioChunk, SpeechMark
from models.tts.clauses import split_sentences, weight
from models.tts.level import SPEECH_LEVEL_DBFS, Leveller, active_level_dbfs
from models.tts.voice import VoiceInfo
from models.weights import all_weights

UNKNOWN_LICENCE = "see the voice's model card"
# What is said to measure the level, by how a voice turns text into phonemes.
_MEASURED = {
    "espeak": "one, two, three, four, five.",
    "pinyin": "一，二，三，四，五。",
    "hebrew": "אחת, שתיים, שלוש.",
    "japanese": "いち、に、さん。",
    "thai": "หนึ่ง สอง สาม",
}
_PACKAGES = {
    "pinyin": "piper-tts[zh]",
    "japanese": "piper-tts[ja]",
    "thai": "piper-tts[th]",
}
_SEED = 1  # of the noise that VITS draws: a fresh process repeats itself
_SILENT_SYMBOLS = set("^$_ .,;:!?-—–…\"'()¡¿")
_PHONEMES_OPEN = re.compile(r"\[(?=\[)")
_LOAD_ERRORS = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    DecodeError,
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NoSuchFile,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
)

# piper-tts writes what is said into its debug log.
logging.getLogger("piper").setLevel(logging.WARNING)


def piper_voices(folder: Path) -> tuple[VoiceInfo, ...]:
    """The voices whose NAME.onnx and readable NAME.onnx.json lie in the folder."""
    found = []
    for model in sorted(folder.glob("*.onnx")):
        try:
            found.append(piper_info(model))
        except VoiceError:
            continue  # opening it tells what is wrong
    return tuple(found)


def piper_info(model: Path) -> VoiceInfo:
    """Read what NAME.onnx.json says of a voice.

    Raises:
        VoiceError: "voice_files_missing", "voice_damaged".
    """
    for path in (model, _config_path(model)):
        if not path.is_file():
            raise VoiceError(
                "voice_files_missing",
                f"The Piper voice {model.stem} needs {path.name} in {model.parent}.",
            )
    try:
        config = json.loads(_config_path(model).read_text("utf-8"))
        language = config.get("language") or {}
        code = language.get("code") or config["espeak"]["voice"]
        label = language.get("name_english") or code
        speaker = str(config.get("dataset") or model.stem)
        speakers = int(config.get("num_speakers") or 1)
    except _LOAD_ERRORS as error:
        raise _damaged(_config_path(model), error) from error
    weights = next((each for each in all_weights() if each.name == model.stem), None)
    return VoiceInfo(
        f"piper:{model.stem}",
        f"{label}, {speaker.capitalize()} (natural)",
        str(code).replace("_", "-"),
        "piper",
        weights.licence if weights else UNKNOWN_LICENCE,
        natural=True,
        commercial=weights.commercial if weights else "unclear",
        speakers=speakers,
    )


class Piper:
    """One speaker of one Piper voice.

    Speaks sentence by sentence; a sentence is one run of the network, which is not
    interrupted. Words get their times from the network's own phoneme durations,
    or, for a voice without them, from their share of the letters.
    """

    def __init__(self, model: Path, speaker: str = "") -> None:
        """Load NAME.onnx and NAME.onnx.json, and measure the level on a few words.

        speaker: a name of the voice's own, or a number from 0; empty is its first.

        Raises:
            VoiceError: "voice_files_missing", "voice_damaged", "speaker_unknown",
                "voice_needs_package" (with the command that installs it).
        """
        self.info = piper_info(model)
        self._voice = _load(model, model.stat().st_mtime_ns)
        self._speaker = self._speaker_id(speaker) if speaker else None
        if speaker:
            self.info = replace(self.info, id=f"{self.info.id}:{speaker}", speakers=1)
        self.rate_hz = int(self._voice.config.sample_rate)
        try:
            measured = _measured(self._voice.config)
            sound = [chunk.audio_float_array for chunk in self._synthesise(measured)]
            level = active_level_dbfs(np.concatenate(sound), self.rate_hz)
        except ImportError as error:
            package = _PACKAGES.get(self._voice.config.phoneme_type.value, "piper-tts")
            raise VoiceError(
                "voice_needs_package",
                f"{self.info.name} needs {error.name}, which is not installed: "
                f"pip install '{package}'",
            ) from error
        except _LOAD_ERRORS as error:
            raise _damaged(model, error) from error
        if not np.isfinite(level):
            raise _damaged(model, ValueError("it makes no sound"))
        self._gain = float(10 ** ((SPEECH_LEVEL_DBFS - level) / 20))

    def phrases(self, text: str) -> tuple[str, ...]:
        """See Synthesiser: the network hears a sentence as a whole."""
        return split_sentences(text)

    def say(self, phrase: str, speed: float, pause_s: float) -> Iterator[AudioChunk]:
        """See Synthesiser.say; VoiceError "voice_failed" when the network fails."""
        leveller = Leveller(self.rate_hz, self._gain)
        spoken: list[PiperChunk] = []
        try:
            for chunk in self._synthesise(phrase, speed):
                spoken.append(chunk)
                samples = leveller.push(chunk.audio_float_array)
                if len(samples):
                    yield AudioChunk(samples, self.rate_hz)
        except _LOAD_ERRORS as error:
            raise VoiceError(
                "voice_failed", f"{self.info.name} failed ({error})."
            ) from error
        rest = leveller.finish(int(pause_s * self.rate_hz))
        if len(rest):
            marks = align(phrase, spoken, -leveller.trimmed)
            yield AudioChunk(rest, self.rate_hz, marks)

    def _synthesise(self, text: str, speed: float = 1.0) -> Iterable[PiperChunk]:
        return self._voice.synthesize(
            _PHONEMES_OPEN.sub("[ ", text),  # "[[" would begin raw phonemes
            SynthesisConfig(
                speaker_id=self._speaker,
                length_scale=self._voice.config.length_scale / speed,
                normalize_audio=False,
            ),
            include_alignments=True,
        )

    def _speaker_id(self, speaker: str) -> int:
        config = self._voice.config
        known = {name.casefold(): id for name, id in config.speaker_id_map.items()}
        if speaker.casefold() in known:
            return int(known[speaker.casefold()])
        if speaker.isascii() and speaker.isdigit():
            if int(speaker) < config.num_speakers:
                return int(speaker)
        some = ", ".join(["by number from 0", *[*config.speaker_id_map][:10]])
        raise VoiceError(
            "speaker_unknown",
            f"{self.info.id} has no speaker {speaker[:40]!r}: it has "
            f"{config.num_speakers}, {some}.",
        )


@functools.lru_cache(maxsize=4)
def _load(model: Path, _changed_ns: int) -> PiperVoice:
    """The network, shared by its speakers."""
    onnxruntime.set_seed(_SEED)
    try:
        return PiperVoice.load(
            model, include_alignments=True, download_dir=model.parent
        )
    except _LOAD_ERRORS as error:
        raise _damaged(model, error) from error


def _measured(config: PiperConfig) -> str:
    """Something to say, in whatever letters the voice knows."""
    kind = config.phoneme_type.value
    letters = [letter for letter in config.phoneme_id_map if letter.isalpha()]
    return _MEASURED.get(kind) or " ".join(letters[:20])


def align(
    text: str, chunks: Iterable[PiperChunk], start: int
) -> tuple[SpeechMark, ...]:
    """Word and phoneme marks of a sentence whose sound begins at sample `start`."""
    phonemes: list[SpeechMark] = []
    spans: list[list[int]] = []  # begin and end of each run of sounding phonemes
    total = start
    for chunk in chunks:
        inside = False
        begin, at = total, total
        for aligned in chunk.phoneme_alignments or ():
            at, end = begin, begin + int(aligned.num_samples)
            begin = end
            if aligned.phoneme in _SILENT_SYMBOLS:
                inside = inside and aligned.phoneme != " "
                continue
            phonemes.append(SpeechMark("phoneme", aligned.phoneme, max(0, at), end))
            if inside:
                spans[-1][1] = end
            else:
                spans.append([max(0, at), end])
                inside = True
        total += len(chunk.audio_float_array)
    words = _words(text, spans or [[max(0, start), total]])
    return tuple(sorted([*words, *phonemes], key=lambda mark: mark.start))


def _words(text: str, spans: list[list[int]]) -> list[SpeechMark]:
    """Written words over spoken ones: one to one, or by their share of the letters."""
    words = text.split()
    if len(words) == len(spans):
        return [
            SpeechMark("word", word, begin, end)
            for word, (begin, end) in zip(words, spans, strict=True)
        ]
    ends = np.array(list(accumulate(map(weight, words), initial=0)), np.float64)
    spoken = np.array([0, *accumulate(end - begin for begin, end in spans)])
    clock = np.array([spans[0][0], *(end for _, end in spans)])
    at = np.interp(ends / max(1, ends[-1]) * spoken[-1], spoken, clock).astype(int)
    return [
        SpeechMark("word", word, int(at[index]), int(at[index + 1]))
        for index, word in enumerate(words)
    ]


def _config_path(model: Path) -> Path:
    return model.with_name(f"{model.name}.json")


def _damaged(path: Path, error: Any) -> VoiceError:
    return VoiceError(
        "voice_damaged",
        f"{path} is not a Piper voice that can be used ({error}). Fetch it again.",
    )
