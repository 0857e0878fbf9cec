"""`python -m server` as an operator starts and stops it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

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


def post(url: str, body: dict[str, object] | None = None) -> Any:
    data = json.dumps(body or {}).encode()
    request = Request(url, data, {"content-type": "application/json"})
    with urlopen(request, timeout=10) as answer:
        return json.load(answer)


def told(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """The next event of that type."""
    while True:
        event: dict[str, Any] = json.loads(socket.recv(5))
        if event["type"] == kind:
            return event


def refusal(call: Callable[[], Any]) -> tuple[int, str]:
    with pytest.raises(HTTPError) as caught:
        call()
    return caught.value.code, json.load(caught.value)["code"]


def test_sigterm_lets_sessions_end_first(tmp_path: Path) -> None:
    process = start(
        tmp_path,
        LIKENESS_DRAIN_S="2",
        LIKENESS_LOG_FORMAT="json",
        LIKENESS_LOG_LEVEL="DEBUG",
    )
    try:
        assert process.stdout
        url = process.stdout.readline().rpartition(" ")[2].strip()
        made = post(f"{url}/v1/sessions")
        address = f"{url.replace('http', 'ws')}{made['ws_url']}?token={made['token']}"
        with connect(address) as socket:
            told(socket, "session.state")
            # None of it may be in the log.
            socket.send('{"type": "avatar.speak_text", "text": "xyzzy"}')
            socket.send('{"type": "xyzzy", "text": "xyzzy"}')
            told(socket, "error")
            process.send_signal(signal.SIGTERM)
            began_s = time.monotonic()
            warning = told(socket, "warning")
            assert warning["code"] == "draining"
            assert datetime.fromisoformat(warning["deadline"]) > datetime.now(UTC)
            assert refusal(lambda: urlopen(f"{url}/readyz", timeout=5)) == (
                503,
                "draining",
            )
            assert refusal(lambda: post(f"{url}/v1/sessions")) == (503, "draining")
            # What is there goes on until its time is up.
            path = f"{url}/v1/sessions/{made['session_id']}"
            post(f"{path}/commands", {"type": "avatar.interrupt"})
            closed = told(socket, "session.closed")
            assert closed["reason"] == "server_stopped"
            assert 1.5 < time.monotonic() - began_s < 4
            with pytest.raises(ConnectionClosed) as caught:
                socket.recv(5)
            assert caught.value.rcvd and caught.value.rcvd.code == 4410
        _, errors = process.communicate(timeout=10)
        assert process.returncode == 0
        lines = [json.loads(line) for line in errors.splitlines()]
        assert "draining" in [line["message"] for line in lines]
        assert "xyzzy" not in errors and made["token"] not in errors
    finally:
        process.kill()
        process.communicate()


def test_secrets_that_cannot_be_read_are_one_plain_line(tmp_path: Path) -> None:
    process = start(tmp_path, LIKENESS_API_KEY_FILE=str(tmp_path / "none"))
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 2 and output == ""
    assert errors.splitlines() == [
        "LIKENESS_API_KEY_FILE cannot be read: No such file or directory"
    ]


def test_an_open_door_is_refused_in_one_plain_line(tmp_path: Path) -> None:
    process = start(tmp_path, HOST="0.0.0.0", LIKENESS_API_KEY="")
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "LIKENESS_API_KEY" in errors and "Traceback" not in errors
    assert output == ""
