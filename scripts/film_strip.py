"""Some frames of a film side by side, to judge a face by eye.

python -m scripts.film_strip out.mp4 --at 0.5 0.8 1.1 -o strip.jpg
python -m scripts.film_strip out.mp4 --every 0.04 --columns 10 -o strip.png
"""

import argparse
import sys
from pathlib import Path

import av
from PIL import Image

MAX_FRAMES = 400  # more would not be looked at


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.film_strip",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("film", type=Path)
    when = parser.add_mutually_exclusive_group()
    when.add_argument("--at", type=float, nargs="+", help="seconds into the film")
    when.add_argument("--every", type=float, default=0.2, help="seconds; 0.2")
    parser.add_argument("--columns", type=int, default=6)
    parser.add_argument("--width", type=int, default=320, help="of a frame, pixels")
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args(argv)
    try:
        frames = _frames(options.film, options.at, options.every)
    except (OSError, av.FFmpegError) as error:
        print(f"film_strip: {options.film}: {error}", file=sys.stderr)
        return 1
    if not frames:
        print("film_strip: the film has no frame at these times", file=sys.stderr)
        return 1
    _tiled(frames, options.columns, options.width).save(options.output, quality=90)
    return 0


def _frames(film: Path, at: list[float] | None, every: float) -> list[Image.Image]:
    """The frames shown at these times, in order of time."""
    due = sorted(at) if at else [every * index for index in range(MAX_FRAMES)]
    chosen: list[Image.Image] = []
    with av.open(str(film)) as container:
        for frame in container.decode(video=0):
            if due and (frame.time or 0.0) >= due[0] - 1e-6:
                due.pop(0)
                picture = frame.to_ndarray(format="rgb24")
                chosen.append(Image.fromarray(picture))
    return chosen


def _tiled(frames: list[Image.Image], columns: int, width: int) -> Image.Image:
    columns = min(columns, len(frames))
    height = round(width * frames[0].height / frames[0].width)
    rows = -(-len(frames) // columns)
    sheet = Image.new("RGB", (columns * width, rows * height), "white")
    for index, frame in enumerate(frames):
        small = frame.resize((width, height), Image.Resampling.LANCZOS)
        sheet.paste(small, (index % columns * width, index // columns * height))
    return sheet


if __name__ == "__main__":
    sys.exit(main())
