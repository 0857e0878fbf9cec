"""python -m scripts.enrol PHOTO -o face.safetensors: one photo, ready to talk."""

import argparse
import sys
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

from models.crop import parse_size
from models.errors import LikenessError
from models.identity import enrol


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.enrol", description=__doc__
    )
    parser.add_argument("photo", type=Path, help="JPEG, PNG, WebP, BMP or TIFF")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, help="the file made"
    )
    parser.add_argument(
        "--face", type=int, metavar="N", help="which face, where there are several"
    )
    parser.add_argument(
        "--size",
        default="512",
        help="of the picture: 512, or width x height such as 720x1280",
    )
    parser.add_argument("--name", help="shown to users; the photo's name otherwise")
    parser.add_argument(
        "--consent-by",
        metavar="WHO",
        default="",
        help="who agreed to be shown; kept in the file with today's date. Show only "
        "people who agreed",
    )
    return parser.parse_args(arguments)


def _consent(by: str) -> str:
    return f"{by.strip()}, {date.today().isoformat()}" if by.strip() else ""


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    started = time.perf_counter()
    name = options.photo.stem if options.name is None else options.name
    try:
        size = parse_size(options.size)
        identity = enrol(options.photo, size=size, face=options.face, name=name)
        consent = _consent(options.consent_by)
        replace(identity, consent=consent).save(options.output)
    except LikenessError as error:
        print(f"error ({error.code}): {error}", file=sys.stderr)
        return 1
    height, width = identity.size
    megabytes = options.output.stat().st_size / 1e6
    taken = time.perf_counter() - started
    print(f"{options.output}: {width} x {height}, {megabytes:.1f} MB, {taken:.1f} s")
    for note in identity.notes:
        print(f"note: {note}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
