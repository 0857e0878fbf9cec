"""python -m scripts.bench_enrol: seconds from a photo to an identity file."""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from models.identity import embedded_photo, enrol


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.bench_enrol", description=__doc__
    )
    parser.add_argument("photos", type=Path, nargs="*", default=[embedded_photo()])
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args(arguments)
    for photo in options.photos:
        enrol(photo, face=1)  # imports and models are loaded once
        spent = []
        for _ in range(options.runs):
            started = time.perf_counter()
            enrol(photo, face=1)
            spent.append(time.perf_counter() - started)
        print(f"{photo.name}: p50 {statistics.median(spent):.2f} s in a warm process")
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
