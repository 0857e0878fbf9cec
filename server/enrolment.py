"""Enrolment in a process of its own: `python -m server.enrolment PHOTO OUT PREVIEW`.

Enrolment holds a core for seconds and reads pictures from strangers: neither belongs
into the process that keeps the media clock. Progress and the outcome are lines of JSON
on standard output.
"""

import argparse
import json
import os
import sys
from pathlib import Path

from models.crop import parse_size
from models.errors import LikenessError
from models.identity import enrol
from server.refining import add_options, from_options


def report(kind: str, **fields: object) -> None:
    sys.stdout.write(json.dumps({"kind": kind} | fields) + "\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("photo", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("preview", type=Path)
    parser.add_argument("--face", type=int)
    parser.add_argument("--size", default="512")
    parser.add_argument("--niceness", type=int, default=0)
    parser.add_argument("--from-prompt", action="store_true", help="without the photo")
    add_options(parser)
    arguments = parser.parse_args()
    # Absolute: the server itself may have taken precedence, which is not for this.
    at_least = max(os.getpriority(os.PRIO_PROCESS, 0), arguments.niceness)
    os.setpriority(os.PRIO_PROCESS, 0, at_least)
    try:
        identity = enrol(
            None if arguments.from_prompt else arguments.photo,
            size=parse_size(arguments.size),
            face=arguments.face,
            refining=from_options(arguments),
            on_progress=lambda stage, done: report(
                "progress", stage=stage, progress=done
            ),
        )
        identity.save(arguments.out)
        identity.preview().save(arguments.preview, format="PNG")
    except LikenessError as error:
        report("error", code=error.code, message=error.message)
        return 1
    report(
        "done",
        notes=list(identity.notes),
        refined=identity.refined,
        synthetic=identity.synthetic,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
