"""python -m scripts.bench_enrol: seconds from a photo to an identity file.

Also what each stage of it takes; with --refine on, those of Stable Diffusion.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from models.identity import Refining, embedded_photo, enrol
from server.refining import add_options, from_options


def timed(photo: Path, refining: Refining) -> dict[str, float]:
    """Seconds of each stage. The steps of Stable Diffusion are told when they are done,
    so what comes before the first is under the stage before them."""
    spent: dict[str, float] = {}
    at, stage = time.perf_counter(), "loading Stable Diffusion"

    def on_progress(what: str, _share: float) -> None:
        nonlocal at, stage
        now, told = time.perf_counter(), what.partition(":")
        of = told[0] if told[1] else stage
        spent[of] = spent.get(of, 0.0) + now - at
        at, stage = now, f"{told[0]}, then decoding" if told[1] else what

    enrol(photo, face=1, refining=refining, on_progress=on_progress)
    return spent


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.bench_enrol", description=__doc__
    )
    parser.add_argument("photos", type=Path, nargs="*", default=[embedded_photo()])
    parser.add_argument("--runs", type=int, default=5)
    add_options(parser)
    options = parser.parse_args(arguments)
    refining = from_options(options)
    for photo in options.photos:
        if refining.mode == "off" or not refining.will_refine:
            enrol(photo, face=1)  # imports and models are loaded once
        runs = [timed(photo, refining) for _ in range(options.runs)]
        spent = statistics.median(sum(run.values()) for run in runs)
        print(f"{photo.name}: p50 {spent:.2f} s in a warm process")
        for stage in runs[0]:
            took = statistics.median(run.get(stage, 0.0) for run in runs)
            print(f"    {took:8.3f} s  {stage}")
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "face.safetensors"
            command = [
                sys.executable,
                "-m",
                "scripts.enrol",
                str(photo),
                "-o",
                str(out),
            ]
            started = time.perf_counter()
            subprocess.run([*command, "--face", "1"], check=True, capture_output=True)
            cold = time.perf_counter() - started
            size = out.stat().st_size / 1e6
        print(f"{photo.name}: {cold:.2f} s with start-up; the file has {size:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
