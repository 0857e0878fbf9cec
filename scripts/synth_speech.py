"""Make speech whose phone times are known, to train the audio-to-motion network on.

    python -m scripts.synth_speech --out FOLDER [--hours 15] [--seed 0] [--piper FOLDER]

Needs nothing but this project (espeak-ng comes with it) and texts; more voices make a
better network. On Debian:

    apt-get install fortunes fortunes-de fortunes-es fortunes-it fortunes-pl \\
        fortunes-ru fortunes-cs fortunes-br fortunes-zh \\
        flite festival festvox-kallpc16k festvox-kdlpc16k festvox-us-slt-hts \\
        festvox-italp16k festvox-itapc16k festvox-czech-dita festvox-czech-krb \\
        festvox-czech-machac festvox-czech-ph festvox-ru festvox-ca-ona-hts \\
        festvox-suopuhe-lj festvox-suopuhe-mv

Piper voices that give the durations of their phones are used where --piper names their
folder. The sound is written in shards of a few minutes, each made from the seed, its
source and its number alone: a run that was stopped goes on where it was, and the same
seed with the same packages gives the same speech.
"""

import argparse
import json
import multiprocessing
import re
import shutil
import subprocess
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr
from tqdm import tqdm

from models.errors import VoiceError
from models.media import MODEL_RATE_HZ
from scripts.festival_sources import (
    FLITE_VOICES,
    FestivalVoice,
    festival_say,
    flite_say,
    installed_festival_voices,
)
from scripts.motion_corpus import SHARD_S
from scripts.piper_source import NoDurationsError, PiperSpeaker, piper_language
from scripts.speech_sources import (
    Espeak,
    EspeakVoice,
    Phone,
    SpokenText,
    UnknownPhoneError,
)
from scripts.speech_texts import FORTUNES, TEXT_LANGUAGES, TextsError, read_texts

# espeak-ng language: share of its speech, language of the texts (French has no package
# of its own; any text read by French rules exercises French phones).
ESPEAK_LANGUAGES = {
    "en-us": (22, "en"),
    "en": (6, "en"),  # British
    "en-gb-x-rp": (6, "en"),
    "en-gb-scotland": (3, "en"),
    "cmn": (18, "zh"),
    "de": (8, "de"),
    "fr": (6, "es"),
    "es": (6, "es"),
    "it": (5, "it"),
    "pt-br": (5, "pt"),
    "ru": (5, "ru"),
    "pl": (4, "pl"),
    "cs": (3, "cs"),
    "nl": (2, "de"),
}
# Effects rather than voices, and voices whose sound its labels do not fit.
LEFT_OUT = re.compile(r"robo|Robot|Demonic|croak|fast|Mr serious|zac|Tweaky")


class SynthesisError(Exception):
    """A source that fails on everything."""


@dataclass(frozen=True)
class Source:
    """One voice, or for espeak-ng all of them, with the hours wanted of it."""

    name: str
    hours: float
    festival: FestivalVoice | None = None
    flite: str | None = None
    piper: Path | None = None


def list_sources(hours: float, piper: Path | None = None) -> list[Source]:
    """espeak-ng two thirds of the hours; what else is there shares the rest.

    piper: a folder of Piper voices; those in a language without texts are left out.
    """
    others: list[Source] = []
    if shutil.which("festival"):
        for voice in installed_festival_voices():
            others.append(Source(f"festival_{voice.name}", 0, festival=voice))
    if shutil.which("flite"):
        others += [Source(f"flite_{name}", 0, flite=name) for name in FLITE_VOICES]
    for model in sorted(piper.glob("*.onnx")) if piper else ():
        if piper_language(model) in TEXT_LANGUAGES:
            others.append(Source(f"piper_{model.stem}", 0, piper=model))
    share = hours / 3 / max(len(others), 1)
    espeak_hours = hours * 2 / 3 if others else hours
    return [
        Source("espeak", espeak_hours),
        *(replace(other, hours=share) for other in others),
    ]


@dataclass(frozen=True)
class Job:
    """A shard to be made, at `path`."""

    source: Source
    number: int
    seed: int
    texts: Path
    path: Path


class Speaker:
    """Speaks random texts of one source, without end."""

    def __init__(self, texts: Path) -> None:
        self._folder = texts
        self._texts: dict[str, list[str]] = {}
        self._espeak: Espeak | None = None
        self._piper: PiperSpeaker | None = None

    def _text(self, language: str, rng: np.random.Generator) -> str:
        if language not in self._texts:
            self._texts[language] = read_texts(language, self._folder)
        sentences = self._texts[language]
        return sentences[int(rng.integers(len(sentences)))]

    def speak(
        self, source: Source, rng: np.random.Generator
    ) -> Iterator[tuple[str, SpokenText]]:
        """Pairs of voice and speech; what a synthesiser fails on is passed over."""
        while True:
            if source.festival is not None:
                yield from self._festival(source.festival, rng)
            elif source.flite is not None:
                yield from self._flite(source.flite, rng)
            elif source.piper is not None:
                yield from self._from_piper(source.piper, rng)
            else:
                yield from self._from_espeak(rng)

    def _festival(
        self, voice: FestivalVoice, rng: np.random.Generator
    ) -> Iterator[tuple[str, SpokenText]]:
        texts = [self._text(voice.language, rng) for _ in range(20)]
        stretches = [float(value) for value in rng.uniform(0.8, 1.25, len(texts))]
        said = festival_say(texts, voice, stretches)
        if not said:
            raise SynthesisError(f"Festival's voice {voice.name} says nothing.")
        yield from ((voice.name, speech) for speech in said)

    def _flite(
        self, voice: str, rng: np.random.Generator
    ) -> Iterator[tuple[str, SpokenText]]:
        text, stretch = self._text("en", rng), float(rng.uniform(0.8, 1.25))
        try:
            yield voice, flite_say(text, voice, stretch)
        except (UnknownPhoneError, subprocess.SubprocessError, ValueError):
            return

    def _from_piper(
        self, model: Path, rng: np.random.Generator
    ) -> Iterator[tuple[str, SpokenText]]:
        if self._piper is None:
            self._piper = PiperSpeaker(model, int(rng.integers(2**31)))
        text = self._text(TEXT_LANGUAGES[piper_language(model)], rng)
        try:
            said = self._piper.say(text, float(rng.uniform(0.8, 1.25)), rng)
        except (UnknownPhoneError, ValueError):
            return
        except NoDurationsError as error:
            raise SynthesisError(f"{model}: {error}") from error
        yield model.stem, said

    def _from_espeak(
        self, rng: np.random.Generator
    ) -> Iterator[tuple[str, SpokenText]]:
        if self._espeak is None:
            self._espeak = Espeak()
        languages = list(ESPEAK_LANGUAGES)
        shares = np.array([ESPEAK_LANGUAGES[name][0] for name in languages], float)
        language = languages[int(rng.choice(len(languages), p=shares / shares.sum()))]
        variants = [v for v in self._espeak.variants() if not LEFT_OUT.search(v)]
        voice = EspeakVoice(
            f"{language}+{variants[int(rng.integers(len(variants)))]}",
            rate=int(rng.integers(115, 245)),
            pitch=int(rng.integers(15, 86)),
            pitch_range=int(rng.integers(20, 91)),
        )
        text = self._text(ESPEAK_LANGUAGES[language][1], rng)
        try:
            yield voice.voice, self._espeak.say(text, voice)
        except (UnknownPhoneError, VoiceError, ValueError):
            return


def write_shard(
    path: Path, source: Source, speaker: Speaker, seed: int, number: int
) -> None:
    """One file of SHARD_S seconds.

    audio int16 [n] at 16 kHz, utterance_end int64 [U] in samples, phone_start and
    phone_end float32 [K] in seconds of their utterance, phone_class uint8 [K],
    phone_count int64 [U], voices: a JSON list of U names.
    """
    rng = np.random.default_rng([seed, zlib.crc32(source.name.encode()), number])
    audio: list[npt.NDArray[np.int16]] = []
    counts: list[int] = []
    phones: list[Phone] = []
    voices: list[str] = []
    total = 0
    for voice, speech in speaker.speak(source, rng):
        sound = soxr.resample(speech.samples, speech.rate_hz, MODEL_RATE_HZ)
        sound = sound * (0.5 / max(float(np.abs(sound).max()), 1e-3))
        audio.append((sound * 32767).round().astype(np.int16))
        phones += speech.phones
        counts.append(len(speech.phones))
        voices.append(voice)
        total += len(sound)
        if total >= SHARD_S * MODEL_RATE_HZ:
            break
    partial = path.with_suffix(".part.npz")
    np.savez(
        partial,
        audio=np.concatenate(audio),
        utterance_end=np.cumsum([len(sound) for sound in audio]),
        phone_start=np.array([p.start_s for p in phones], np.float32),
        phone_end=np.array([p.end_s for p in phones], np.float32),
        phone_class=np.array([p.viseme for p in phones], np.uint8),
        phone_count=np.array(counts),
        voices=np.array(json.dumps(voices)),
    )
    partial.replace(path)


def _make(job: Job) -> None:
    """Make one shard; run in a process of its own (espeak-ng remembers)."""
    write_shard(job.path, job.source, Speaker(job.texts), job.seed, job.number)


def list_jobs(
    out: Path, hours: float, seed: int, texts: Path, piper: Path | None = None
) -> list[Job]:
    """Every shard; those of a source spread evenly, so that a run that was stopped
    early has some of each."""
    jobs: list[tuple[float, Job]] = []
    for source in list_sources(hours, piper):
        count = max(1, round(source.hours * 3600 / SHARD_S))
        for number in range(count):
            path = out / f"{source.name}-{seed}-{number:04d}.npz"
            job = Job(source, number, seed, texts, path)
            jobs.append((number / count, job))
    jobs.sort(key=lambda placed: placed[0])
    return [job for _, job in jobs]


def synthesise(
    out: Path,
    hours: float,
    seed: int,
    texts: Path,
    workers: int,
    piper: Path | None = None,
) -> None:
    """Write what is missing of the shards. Raises SynthesisError, TextsError."""
    out.mkdir(parents=True, exist_ok=True)
    jobs = list_jobs(out, hours, seed, texts, piper)
    missing = [job for job in jobs if not job.path.exists()]
    # A fresh process for each shard: what espeak-ng says depends a little on what it
    # said before, and a shard must depend on its seed alone.
    context = multiprocessing.get_context("fork")
    with (
        context.Pool(workers, maxtasksperchild=1) as pool,
        tqdm(total=len(jobs), initial=len(jobs) - len(missing), unit="shard") as bar,
    ):
        for _ in pool.imap_unordered(_make, missing):
            bar.update()


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the shards")
    parser.add_argument("--hours", type=float, default=15.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--texts", type=Path, default=FORTUNES)
    parser.add_argument("--piper", type=Path, help="folder of Piper voices")
    parser.add_argument("--workers", type=int, default=1, help="shards made at a time")
    options = parser.parse_args(argv)
    if not 0 < options.hours <= 1000:
        parser.error("--hours must be more than 0 and at most 1000")
    try:
        synthesise(
            options.out,
            options.hours,
            options.seed,
            options.texts,
            options.workers,
            options.piper,
        )
    except (SynthesisError, TextsError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
