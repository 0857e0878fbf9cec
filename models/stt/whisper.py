"""faster-whisper: a hundred languages, with weights that are downloaded once."""

import threading
from pathlib import Path
from typing import Any

import numpy as np

from models.errors import EarError
from models.media import MODEL_RATE_HZ, FloatArray
from models.stt.ear import ANY_LANGUAGE, LONGEST_TURN_S, EarInfo, Heard

# Whisper hears 30 s at once; what is longer is written down piece by piece.
PIECE_S = 25.0


class WhisperEar:
    """One model for all sessions, 8-bit weights on a CPU."""

    def __init__(self, folder: Path, *, threads: int = 0) -> None:
        """folder: model.bin, config.json, tokenizer.json, as CTranslate2 has them.

        threads: 0 leaves the number to the library.

        Raises:
            EarError: "ear_damaged", the folder is not such a model.
        """
        from faster_whisper import WhisperModel

        try:
            self._model: Any = WhisperModel(
                str(folder),
                device="cpu",
                compute_type="int8",
                cpu_threads=threads,
                local_files_only=True,
            )
        except Exception as error:  # whatever a damaged file makes it raise
            raise EarError(
                "ear_damaged",
                f"The Whisper weights in {folder} cannot be read: fetch them again.",
            ) from error
        many = bool(self._model.model.is_multilingual)
        languages = (ANY_LANGUAGE,) if many else ("en",)
        name = f"Whisper ({folder.name})"
        self.folder = folder
        self.info = EarInfo(name, languages, basic=False, detects=many)
        self._lock = threading.Lock()

    def warm_up(self) -> None:
        """See Ear.warm_up."""
        self.transcribe(np.zeros(MODEL_RATE_HZ, np.float32), "en")

    def listen(
        self, language: str | None, *, brief: bool = False
    ) -> "WhisperRecognition":
        """See Ear.listen; short words are heard as all others."""
        return WhisperRecognition(self, language)

    def close(self) -> None:
        pass

    def transcribe(self, samples: FloatArray, language: str | None) -> Heard:
        """At most PIECE_S of sound; language None: to be found out.

        Raises:
            EarError: "ear_failed".
        """
        primary = language.split("-")[0].casefold() if language else None
        try:
            with self._lock:  # one at a time: two at once are each half as fast
                segments, info = self._model.transcribe(
                    samples,
                    language=primary if self.info.detects else "en",
                    beam_size=1,
                    # One attempt: the fallbacks take five times as long, and
                    # somebody waits.
                    temperature=0.0,
                    condition_on_previous_text=False,
                    without_timestamps=True,
                    vad_filter=False,
                )
                text = "".join(_words(segment) for segment in segments).strip()
        except Exception as error:
            raise EarError(
                "ear_failed", "The ear failed. Please say it again."
            ) from error
        return Heard(text, str(info.language))


class WhisperRecognition:
    """See Recognition. Each partial hears all of the current piece again."""

    def __init__(self, ear: WhisperEar, language: str | None) -> None:
        self._ear = ear
        self._language = language
        self._piece = np.zeros(0, np.float32)
        self._room = int(LONGEST_TURN_S * MODEL_RATE_HZ)
        self._done: list[str] = []
        self._last = Heard("", language or "en")
        self._fresh = True  # _last is of all that was pushed

    def push(self, samples: FloatArray) -> None:
        samples = np.nan_to_num(samples[: self._room]).clip(-1, 1)
        self._room -= len(samples)
        self._piece = np.concatenate([self._piece, samples.astype(np.float32)])
        self._fresh = self._fresh and not len(samples)
        if len(self._piece) > PIECE_S * MODEL_RATE_HZ:
            cut = _quietest(self._piece)
            heard = self._ear.transcribe(self._piece[:cut], self._language)
            self._language = heard.language
            self._done.append(heard.text)
            self._piece = self._piece[cut:]

    def partial(self) -> str:
        return self.finish().text

    def finish(self) -> Heard:
        """See Recognition.finish; again at once if nothing was pushed since.

        Raises:
            EarError: "ear_failed".
        """
        if not self._fresh:
            heard = self._ear.transcribe(self._piece, self._language)
            text = " ".join(filter(None, [*self._done, heard.text]))
            self._last = Heard(text, heard.language)
            self._fresh = True
        return self._last

    def close(self) -> None:
        self._piece = np.zeros(0, np.float32)


def _words(segment: Any) -> str:
    """Nothing for what is likely no speech: Whisper invents words for noise.

    Thresholds of the reference implementation (openai/whisper, transcribe.py).
    """
    silent = segment.no_speech_prob > 0.6 and segment.avg_logprob < -1.0
    repeats = segment.compression_ratio > 2.4
    return "" if silent or repeats else str(segment.text)


def _quietest(samples: FloatArray) -> int:
    """Where to cut: the quietest 100 ms of the last 5 s."""
    step = MODEL_RATE_HZ // 10
    last = len(samples) // step
    first = max(1, last - 50)
    blocks = samples[: last * step].reshape(-1, step)[first:]
    return (first + int(np.argmin((blocks**2).mean(axis=1)))) * step
