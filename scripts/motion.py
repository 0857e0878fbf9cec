"""Write what the portrait does with a sound: 25 rows a second of CSV.

    python -m scripts.motion AUDIO -o motion.csv [--seed N] [--look-ahead-ms 80]

Columns: time_ms; aperture and width of the inner lips in units of the distance between
the outer eye corners; the 52 ARKit blendshapes; head_yaw, head_pitch, head_roll in
degrees. Row i is frame i, which shows the sound from 40 i to 40 (i + 1) ms; a last
frame that the sound fills only in part has its row too. Any file that PyAV opens is
read.
"""

import argparse
import csv
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from models.audio2motion import AudioToMotion
from models.blendshapes import ARKIT_NAMES
from models.errors import LikenessError
from models.media import (
    CHANNEL_INDEX,
    FRAME_MS,
    HEAD_CHANNELS,
    PLAYOUT_SAMPLES_PER_FRAME,
    FloatArray,
    Motion,
)
from models.performer import Performer
from models.sound import read_audio

CSV_CHANNELS = ("aperture", "width", *ARKIT_NAMES, *HEAD_CHANNELS)


def motion_of(samples: FloatArray, seed: int, look_ahead_ms: int = 80) -> Motion:
    """float32 [n] at 48 kHz -> the motion of its ceil(n / 1920) frames, none late.

    look_ahead_ms: 80, 40 or 0, of the lips.
    """
    network = AudioToMotion.load().with_look_ahead(look_ahead_ms // FRAME_MS)
    performer = Performer(network, seed=seed)
    delay = performer.delay_frames
    missing = -len(samples) % PLAYOUT_SAMPLES_PER_FRAME
    flush = missing + delay * PLAYOUT_SAMPLES_PER_FRAME
    return performer.push_audio(np.pad(samples, (0, flush)))[delay:]


def rows(motion: Motion) -> Iterator[list[str]]:
    """The header and the rows of the CSV file."""
    yield ["time_ms", *CSV_CHANNELS]
    columns = [CHANNEL_INDEX[name] for name in CSV_CHANNELS]
    for frame, values in enumerate(motion.values[:, columns]):
        yield [str(frame * FRAME_MS), *(f"{value:.5f}" for value in values)]


def write_csv(motion: Motion, path: Path) -> None:
    """Raises OSError; the file appears whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with partial.open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows(motion))
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("audio", type=Path, metavar="AUDIO")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0, help="of the gestures")
    parser.add_argument(
        "--look-ahead-ms",
        type=int,
        default=80,
        choices=(0, 40, 80),
        help="of the lips; less is what a live microphone needs",
    )
    options = parser.parse_args(argv)
    try:
        samples = read_audio(options.audio)
        motion = motion_of(samples, options.seed, options.look_ahead_ms)
        write_csv(motion, options.output)
    except LikenessError as error:
        print(f"{error.code}: {error.message}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{options.output} cannot be written: {error.strerror}", file=sys.stderr)
        return 1
    print(f"{options.output}: {len(motion)} rows")
    return 0


if __name__ == "__main__":
    sys.exit(main())
