"""The command: a photo in, a file out, errors in one line."""

import re
from pathlib import Path

import pytest
from PIL import Image

from models.identity import Identity, embedded_photo
from scripts.contact_sheet import main as contact_sheet
from scripts.enrol import main


def test_a_photo_becomes_a_file(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "face.safetensors"
    arguments = [str(embedded_photo()), "-o", str(out), "--size", "256"]
    assert main([*arguments, "--consent-by", "Ada"]) == 0
    identity = Identity.load(out)
    assert identity.name == "grace_hopper"
    assert re.fullmatch(r"Ada, \d{4}-\d\d-\d\d", identity.consent)
    printed = capfd.readouterr()
    assert "256 x 256" in printed.out and printed.err == ""
    sheet = tmp_path / "sheet.png"
    assert contact_sheet([str(out), "-o", str(sheet), "--cell", "64"]) == 0
    with Image.open(sheet) as image:
        assert image.size[0] == 7 * 64


def test_errors_are_one_line_and_leave_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "wall.png"
    Image.new("RGB", (200, 200), "grey").save(empty)
    out = tmp_path / "face.safetensors"
    assert main([str(empty), "-o", str(out)]) == 1
    printed = capfd.readouterr().err
    assert printed.startswith("error (no_face)") and printed.count("\n") == 1
    assert not out.exists()
