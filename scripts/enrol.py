"""python -m scripts.enrol PHOTO -o face.safetensors: one photo, ready to talk.

Without a photo, --prompt "A smiling woman with blonde hair" makes a portrait.
"""

import argparse
import sys
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

from models.crop import parse_size
from models.errors import LikenessError
from models.identity import enrol
from server.refining import add_options, from_options


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.enrol", description=__doc__
    )
    parser.add_argument(
        "photo", type=Path, nargs="?", help="JPEG, PNG, WebP, BMP or TIFF"
    )
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
    parser.add_argument(
        "--as-it-is",
        action="store_true",
        help="leave the photo's tilt, light, colour and noise alone",
    )
    add_options(parser)
    return parser.parse_args(arguments)


def _consent(by: str) -> str:
    return f"{by.strip()}, {date.today().isoformat()}" if by.strip() else ""


def _show(what: str, share: float) -> None:
    sys.stderr.write(f"\r\033[K{100 * share:3.0f} % {what}" + "\n" * (share >= 1))


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    started = time.perf_counter()
    name = options.name
    if name is None:
        name = options.photo.stem if options.photo else options.prompt
    try:
        size = parse_size(options.size)
        identity = enrol(
            options.photo,
            size=size,
            face=options.face,
            name=name,
            refining=from_options(options),
            canonical=not options.as_it_is,
            on_progress=_show if sys.stderr.isatty() else None,
        )
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
