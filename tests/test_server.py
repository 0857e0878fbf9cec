"""`python -m server` as an operator starts and stops it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

ROOT = Path(__file__).parent.parent


def start(folder: Path, **environment: str) -> "subprocess.Popen[str]":
    clean = {k: v for k, v in os.environ.items() if not k.startswith("LIKENESS_")}
    chosen = {"PORT": "0", "LIKENESS_DATA_DIR": str(folder), **environment}
    return subprocess.Popen(
        [sys.executable, "-m", "server"],
        cwd=ROOT,
        env=clean | chosen,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_it_says_where_it_is_serves_and_ends_on_sigterm(tmp_path: Path) -> None:
    process = start(tmp_path)
    try:
        assert process.stdout
        line = process.stdout.readline()
        assert line.startswith("Likeness is ready: http://127.0.0.1:"), line
        url = line.rpartition(" ")[2].strip()
        with urlopen(f"{url}/readyz", timeout=5) as answer:
            assert answer.status == 200
        began_s = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=10)
        assert time.monotonic() - began_s < 5
        assert "Traceback" not in errors, errors
    finally:
        process.kill()
        process.communicate()


def test_an_open_door_is_refused_in_one_plain_line(tmp_path: Path) -> None:
    process = start(tmp_path, HOST="0.0.0.0", LIKENESS_API_KEY="")
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "LIKENESS_API_KEY" in errors and "Traceback" not in errors
    assert output == ""
