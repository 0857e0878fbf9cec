"""How fast the voices and the gestures are, and how evenly it speaks.

python -m scripts.bench_voice [--voice ID] [--language TAG] [--runs N]

Prints the time to the first chunk, the real-time factor, levels, the pauses between
clauses, the jumps at their edges, and the cost of a second of gestures.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.gestures import Gestures, Prosody
from models.media import FRAME_RATE_HZ, FloatArray
from models.tts.catalogue import open_voice, voice_folders
from models.tts.level import active_level_dbfs
from models.tts.normalise import spoken
from models.tts.scripts import split_scripts
from models.tts.text import passages
from models.tts.voice import Voice

TEXTS = {
    "en": (
        "Good morning, and welcome. My name is Grace, and I am here to help you.",
        "The parcel left our warehouse on Tuesday; it should reach you by 5 p.m.",
        "Would you like me to send you a message, or shall we look at it together?",
    ),
    "cmn": (
        "早上好，欢迎光临。我叫小明，很高兴为您服务。",
        "包裹星期二已经发出，预计下午五点到达。",
        "您想让我发短信给您吗？还是我们一起看看？",
    ),
}
SIGNS = (
    "It costs $1,200.50 until 2030-03-15, 5 p.m.; call +1 (555) 123-4567.",
    "See https://example.com/help or write to info@example.com: **we** are 5 km away.",
)
EDGE_SAMPLES = 2000  # longer than the closure of a p, t or k: a pause


@dataclass(frozen=True)
class Run:
    first_ms: float
    factor: float
    sound: FloatArray


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="bench_voice")
    parser.add_argument("--voice")
    parser.add_argument("--language", default="en")
    parser.add_argument("--voices-dir", type=Path)
    parser.add_argument("--runs", type=int, default=30)
    options = parser.parse_args(argv)
    folders = [options.voices_dir] if options.voices_dir else voice_folders()
    voice = open_voice(options.voice, options.language, folders=folders)
    texts = TEXTS.get(voice.info.language.partition("-")[0], TEXTS["en"])
    runs = [run(voice, text) for _ in range(options.runs) for text in texts]
    report(voice, runs)
    print(f"reading a clause, ms: p50 {reading_ms(voice, texts):.2f}")
    print(f"gestures, CPU ms per second: {gestures_ms():.2f}")


def run(voice: Voice, text: str) -> Run:
    began, first = time.perf_counter(), 0.0
    parts: list[FloatArray] = []
    for chunk in voice.speak(text):
        if not parts:
            first = time.perf_counter() - began
        parts.append(chunk.samples)
    took = time.perf_counter() - began
    sound = np.concatenate(parts)
    return Run(first * 1e3, took * voice.rate_hz / len(sound), sound)


def report(voice: Voice, runs: Sequence[Run]) -> None:
    first = [run.first_ms for run in runs]
    levels = [active_level_dbfs(run.sound, voice.rate_hz) for run in runs]
    gaps = np.concatenate([pauses_ms(run.sound, voice.rate_hz) for run in runs])
    jumps = np.concatenate([edges(run.sound) for run in runs])
    print(voice.info.name)
    print(f"first chunk, ms: p50 {np.median(first):.2f}, p95 {_p95(first):.2f}")
    factors = [run.factor for run in runs]
    print(f"real-time factor: p50 {np.median(factors):.4f}, p95 {_p95(factors):.4f}")
    print(f"active level, dBFS: {min(levels):.1f} to {max(levels):.1f}")
    print(f"peak: {max(float(np.abs(run.sound).max()) for run in runs):.2f}")
    print(f"pauses, ms: p50 {np.median(gaps):.0f}, longest {gaps.max():.0f}")
    print(f"largest jump at an edge of silence: {jumps.max():.4f}")


def reading_ms(voice: Voice, texts: Sequence[str]) -> float:
    """From text as it is written to the words to be said; included in all the above."""
    times = []
    for text in [*texts, *SIGNS] * 30:
        began = time.perf_counter()
        for passage in passages(text):
            for run in split_scripts(passage.text, voice.info.language):
                spoken(run.text, run.language or voice.info.language)
        times.append(time.perf_counter() - began)
    return float(np.median(times)) * 1e3


def pauses_ms(sound: FloatArray, rate_hz: int) -> FloatArray:
    """Silences over 100 ms within the sound."""
    loud = np.flatnonzero(np.abs(sound) > 0.004)
    gaps = (np.diff(loud) / rate_hz * 1e3).astype(np.float32)
    return gaps[gaps > 100]


def edges(sound: FloatArray) -> FloatArray:
    """The size of the first and last samples beside each long silence."""
    padded = np.pad(sound, EDGE_SAMPLES)
    loud = np.flatnonzero(padded)
    far = np.flatnonzero(np.diff(loud) > EDGE_SAMPLES)
    beside = np.concatenate([loud[:1], loud[far], loud[far + 1], loud[-1:]])
    sizes: FloatArray = np.abs(padded[beside])
    return sizes


def gestures_ms(seconds: int = 120) -> float:
    """CPU time for a second of gestures, fed row by row as the live loop does."""
    gestures = Gestures(0)
    rng = np.random.default_rng(0)
    rows = rng.uniform(0, 1, (seconds * FRAME_RATE_HZ, 3, 1)).astype(np.float32)
    began = time.process_time()
    for row in rows:
        gestures.step(Prosody(*row))
    return (time.process_time() - began) / seconds * 1e3


def _p95(values: Sequence[float]) -> float:
    return float(np.percentile(values, 95))


if __name__ == "__main__":
    main()
