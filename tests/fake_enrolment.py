"""Stands in for server.enrolment: speaks its lines, at once.

A photo that holds the word "faceless" has no face; "hang" hangs; "crash" crashes.
"""

import json
import sys
import time
from pathlib import Path


def main() -> int:
    photo, out, preview = (Path(each) for each in sys.argv[1:4])
    data = photo.read_bytes()
    lines: list[dict[str, object]] = [
        {"kind": "progress", "stage": "landmarks", "progress": 0.5}
    ]
    if b"hang" in data:
        time.sleep(60)
    if b"crash" in data:
        raise RuntimeError
    if b"faceless" in data:
        lines.append({"kind": "error", "code": "no_face", "message": "No face."})
    else:
        out.write_bytes(b"identity")
        preview.write_bytes(b"\x89PNG\r\n\x1a\n")
        notes = ["The photo is small."]
        notes += [f"The size is {each[7:]}." for each in sys.argv if "--size=2" in each]
        prompted = "--from-prompt" in sys.argv
        if prompted:
            notes += [each for each in sys.argv if each.startswith("--prompt=")]
        refined = prompted or "--refine=on" in sys.argv
        lines.append(
            {
                "kind": "done",
                "notes": notes,
                "refined": refined,
                "synthetic": prompted,
            }
        )
    for line in lines:
        sys.stdout.write(json.dumps(line) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
