"""What the doctor found, and how it tries things without being harmed."""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).resolve().parent.parent

_ERROR_NAME = re.compile(r"^[\w.]*(?:Error|Exception)(?::\s+|$)")
_LONGEST = 300

Mark = Literal["ok", "missing", "optional"]


@dataclass(frozen=True)
class Finding:
    """mark: "missing" stops the embedded default; "optional" does not."""

    mark: Mark
    name: str
    detail: str
    remedy: str = ""


@dataclass(frozen=True)
class Trial:
    """said: its last line, of the output if it worked, else of the errors."""

    worked: bool
    said: str


def attempt(code: str, timeout_s: float = 120) -> Trial:
    """Run Python code from the checkout in a process of its own."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
        )
    except subprocess.TimeoutExpired:
        return Trial(False, f"no answer within {timeout_s:.0f} s")
    if done.returncode < 0:
        return Trial(False, f"crashed with signal {-done.returncode}")
    said = done.stdout if done.returncode == 0 else done.stderr
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    last = _ERROR_NAME.sub("", lines[-1]) if lines else ""
    return Trial(done.returncode == 0, last[:_LONGEST])
