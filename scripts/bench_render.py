"""How fast scripts.render is against real time.

python -m scripts.bench_render [--seconds 20] [--runs 3]

Each run is a whole process, start-up and enrolment included, as a user waits for it;
the second figure leaves out start-up by rendering twice the length.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from models.film import FilmWriter
from models.media import FRAME_RATE_HZ, PLAYOUT_RATE_HZ


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=20, help="length of the film")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        short = _runs(Path(folder), options.seconds, options.runs)
        long = _runs(Path(folder), 2 * options.seconds, options.runs)
    print(f"whole process, {options.seconds} s film: {short:.1f} s", end=", ")
    print(f"{options.seconds / short:.2f} x real time")
    print(f"rendering alone: {options.seconds / (long - short):.2f} x real time")
    return 0


def _runs(folder: Path, seconds: int, runs: int) -> float:
    """Median wall seconds to render a film of that length."""
    sound = folder / f"{seconds}.mp4"
    _write_babble(sound, seconds)
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "scripts.render", "--audio", str(sound)]
            + ["-o", str(folder / "out.mp4")],
            check=True,
            capture_output=True,
        )
        times.append(time.perf_counter() - began)
    return median(times)


def _write_babble(path: Path, seconds: int) -> None:
    """Noise at the rhythm of syllables, four a second: it moves the mouth."""
    time_s = np.arange(seconds * PLAYOUT_RATE_HZ) / PLAYOUT_RATE_HZ
    noise = np.random.default_rng(0).normal(0, 0.1, len(time_s))
    samples = (noise * np.sin(np.pi * 4 * time_s) ** 2).astype(np.float32)
    black = np.zeros((64, 64, 3), np.uint8)
    with FilmWriter(path, 64, 64) as film:
        for sound in samples.reshape(seconds * FRAME_RATE_HZ, -1):
            film.write(black, sound)


if __name__ == "__main__":
    sys.exit(main())
