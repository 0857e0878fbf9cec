"""Piper voices as synthesisers that say when each phone sounds.

Only voices whose network gives the durations of its phones will do: those that
piper-tts has patched, with python -m piper.patch_voice_with_alignment.
"""

import json
from pathlib import Path

import numpy as np
import onnxruntime
from piper import PiperVoice, SynthesisConfig
from piper.voice import AudioChunk

from scripts.speech_sources import (
    Phone,
    SpokenText,
    append_phone,
    close_gaps,
    ipa_classes,
)

_PAUSES = set('^$_.,;:!?-—–…"()¡¿')


class NoDurationsError(Exception):
    """A Piper voice that does not say when its phones sound."""


class PiperSpeaker:
    """One Piper voice, all its speakers; the seed decides what VITS draws."""

    def __init__(self, model: Path, seed: int) -> None:
        onnxruntime.set_seed(seed)
        self._voice = PiperVoice.load(
            model, include_alignments=True, download_dir=model.parent
        )

    def say(self, text: str, stretch: float, rng: np.random.Generator) -> SpokenText:
        """One of the speakers says it; stretch above 1 is slower.

        Raises:
            UnknownPhoneError: a letter that no class is known for.
            ValueError: nothing to say.
            NoDurationsError: the voice is of no use here.
        """
        config = self._voice.config
        speaker = int(rng.integers(config.num_speakers))
        wanted = SynthesisConfig(
            speaker_id=speaker if config.num_speakers > 1 else None,
            length_scale=config.length_scale * stretch,
        )
        chunks = list(self._voice.synthesize(text, wanted, include_alignments=True))
        if not chunks:
            raise ValueError("Piper found nothing to say")
        samples = np.concatenate([chunk.audio_float_array for chunk in chunks])
        rate_hz = int(config.sample_rate)
        return SpokenText(
            np.asarray(samples, np.float32), rate_hz, piper_phones(chunks, rate_hz)
        )


def piper_phones(chunks: list[AudioChunk], rate_hz: int) -> tuple[Phone, ...]:
    """Phones from the durations that the network gave its symbols.

    A mark of stress or length, or the space between two words, is of the phone before.

    Raises:
        UnknownPhoneError, NoDurationsError.
    """
    phones: list[Phone] = []
    at = start = 0
    for chunk in chunks:
        if chunk.phoneme_alignments is None:
            raise NoDurationsError(
                "this Piper voice gives no durations: patch it with "
                "python -m piper.patch_voice_with_alignment"
            )
        at = start
        for aligned in chunk.phoneme_alignments:
            end = at + int(aligned.num_samples)
            symbol = aligned.phoneme
            names = ["SIL"] if symbol in _PAUSES else ipa_classes(symbol.strip())
            if names:
                append_phone(phones, at / rate_hz, end / rate_hz, names)
            at = end
        start += len(chunk.audio_float_array)
    return close_gaps(phones, start / rate_hz)


def piper_language(model: Path) -> str:
    """Such as "en"; empty where the voice's config does not say."""
    config = json.loads(model.with_name(f"{model.name}.json").read_text("utf-8"))
    code = (config.get("language") or {}).get("code") or ""
    return str(code).replace("-", "_").partition("_")[0]
