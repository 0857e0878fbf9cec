import http.server
import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts import doctor, doctor_machine, doctor_parts
from scripts.doctor_machine import address, data_folder
from scripts.doctor_parts import packages, piper_voices, shared_libraries
from scripts.finding import Finding, Mark, Trial, attempt


def test_it_examines_this_machine_and_its_exit_code_agrees(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORT", "0")
    status = doctor.main(["--json"])
    report = json.loads(capsys.readouterr().out)
    findings = {f["name"]: f for f in report["findings"]}
    assert {"Python", "CPU", "torch", "import cv2", "import mediapipe"} <= set(findings)
    assert {"voice (espeak-ng)", "motion weights", "UDP", "GPU"} <= set(findings)
    assert {"data folder", "HOST, PORT", "H.264 encoder"} <= set(findings)
    assert findings["voice (espeak-ng)"]["mark"] == "ok"
    missing = [f for f in report["findings"] if f["mark"] == "missing"]
    assert all(f["remedy"] for f in missing)
    assert report["can_run"] == (not missing) == (status == 0)


@pytest.mark.parametrize(
    ("mark", "status"), [("ok", 0), ("optional", 0), ("missing", 1)]
)
def test_only_what_is_missing_fails(
    mark: Mark,
    status: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    finding = Finding(mark, "thing", "how it is", "what to do")
    monkeypatch.setattr(doctor, "CHECKS", (lambda: [finding],))
    assert doctor.main([]) == status
    line = capsys.readouterr().out.splitlines()[0]
    assert line == f"{doctor.SIGNS[mark]} thing  how it is  ->  what to do"


def test_attempts_survive_errors_crashes_and_hangs() -> None:
    assert attempt("print('one'); print('two')") == Trial(True, "two")
    assert attempt("raise ValueError('odd')") == Trial(False, "odd")
    crash = attempt("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert crash == Trial(False, "crashed with signal 9")
    assert not attempt("while True: pass", timeout_s=0.5).worked


def test_a_lost_library_is_named_with_its_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = "libGL.so.1: cannot open shared object file: No such file or directory"
    monkeypatch.setattr(doctor_parts, "attempt", lambda _code: Trial(False, said))
    found = list(shared_libraries())
    assert all(f.mark == "missing" and "libgl1" in f.remedy for f in found)


def test_packages_are_held_against_what_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\ndependencies = ["no-such-package-x", "numpy>=99", "Pillow", "av"]'
    )
    (tmp_path / "constraints.txt").write_text("pillow==0.1\n")
    monkeypatch.setattr(doctor_parts, "ROOT", tmp_path)
    found = {f.name: f for f in packages()}
    assert found["no-such-package-x"].mark == "missing"
    assert found["numpy"].mark == "missing" and ">=99" in found["numpy"].detail
    assert found["Pillow"].mark == "ok" and "tested with 0.1" in found["Pillow"].detail
    assert found["av"].mark == "ok" and "tested" not in found["av"].detail


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert data_folder(tmp_path / "new" / "folder").mark == "ok"
    assert not (tmp_path / "new").exists()  # looking leaves nothing behind
    found = data_folder(tmp_path / "file" / "below")
    assert found.mark == "missing" and "LIKENESS_DATA_DIR" in found.remedy


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_machine, "FREE_BYTES", 10**18)
    assert data_folder(tmp_path).mark == "missing"


def test_a_bad_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "99999999")
    found = list(doctor_machine.settings())
    assert [f.mark for f in found] == ["missing"]
    assert "PORT" in found[0].detail.upper()


@pytest.fixture
def healthy_port() -> Iterator[int]:
    class Healthy(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Healthy) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_a_port_in_use(healthy_port: int) -> None:
    assert address("127.0.0.1", 0).mark == "ok"
    assert address("127.0.0.1", healthy_port).mark == "ok"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        found = address("127.0.0.1", taken.getsockname()[1])
    assert found.mark == "missing" and "PORT" in found.remedy
    assert address("no.such.host.invalid", 80).mark == "missing"


def test_voices_that_are_absent_or_damaged_do_not_stop_it(tmp_path: Path) -> None:
    absent = list(piper_voices(tmp_path))
    assert [f.mark for f in absent] == ["optional"]
    assert str(tmp_path) in absent[0].remedy
    (tmp_path / "bad.onnx").write_bytes(b"x")
    (tmp_path / "bad.onnx.json").write_text("{}")
    damaged = list(piper_voices(tmp_path))
    assert [f.mark for f in damaged] == ["optional"]
    assert "bad.onnx" in damaged[0].detail


def test_an_old_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_machine, "SUPPORTED", ((9, 0), (9, 1)))
    assert [f.mark for f in doctor_machine.python()] == ["missing"]


def test_no_browser(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path) + os.pathsep)
    assert [f.mark for f in doctor_machine.browser()] == ["optional"]
