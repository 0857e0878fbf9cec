"""The extension's folder and ZIP: complete, and with no way to the outside."""

import base64
import hashlib
import json
import re
import zipfile
from pathlib import Path

import pytest

from scripts.pack_extension import CannotPack, join, main, pack
from server.auth import EXTENSION_ORIGIN


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packed") / "likeness"
    pack(folder)
    return folder


def test_all_that_it_names_is_there(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    named = [
        manifest["background"]["service_worker"],
        manifest["action"]["default_popup"],
        *manifest["icons"].values(),
        *manifest["action"]["default_icon"].values(),
        "extension/frame.js",
        "extension/page.js",
    ]
    for name in named:
        assert (folder / name).is_file(), name
    for script in folder.rglob("*.js"):
        for name in re.findall(r'^import\s[^"]*"([^"]+)";', script.read_text(), re.M):
            assert (script.parent / name).is_file(), f"{script}: {name}"
    page = folder / "extension/popup/popup.html"
    for name in re.findall(r'(?:src|href)="([^"]+)"', page.read_text()):
        assert (page.parent / name).is_file(), name


def test_its_id_is_the_one_the_server_knows(folder: Path) -> None:
    key = json.loads((folder / "manifest.json").read_text())["key"]
    digest = hashlib.sha256(base64.b64decode(key)).hexdigest()[:32]
    name = "".join(chr(ord("a") + int(digit, 16)) for digit in digest)
    assert f"chrome-extension://{name}" == EXTENSION_ORIGIN


def test_it_asks_for_no_more_than_it_needs(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    assert set(manifest["permissions"]) == {"storage", "scripting"}
    assert not any(
        "<all_urls>" in each or "*://*" in each for each in manifest["host_permissions"]
    )
    assert "web_accessible_resources" not in manifest, "no site can see it is there"


def test_scripts_for_pages_are_classic_and_leave_no_name(folder: Path) -> None:
    for name in ("page", "frame"):
        text = (folder / f"extension/{name}.js").read_text()
        assert not re.search(r"^(import|export)\b", text, re.M)
        assert text.startswith('"use strict";\n(() => {')
    page = (folder / "extension/page.js").read_text()
    assert "chrome." not in page and "fetch(" not in page, "it knows no server"


def test_a_zip_holds_the_same(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "likeness.zip"
    assert main(["-o", str(output)]) == 0
    with zipfile.ZipFile(output) as archive:
        packed = {name: archive.read(name) for name in archive.namelist()}
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert packed == files


def test_a_folder_of_something_else_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    assert main(["-o", str(tmp_path)]) == 1
    assert "something else" in capsys.readouterr().err
    assert (tmp_path / "thesis.txt").exists()


def test_packing_again_takes_the_place_of_the_last(
    folder: Path, tmp_path: Path
) -> None:
    output = tmp_path / "again"
    for _ in range(2):
        pack(output)
        (output / "extension/old.js").write_text("")
    pack(output)
    assert not (output / "extension/old.js").exists()


@pytest.mark.parametrize(
    ("main_js", "told"),
    [
        ('import { a } from "./a.js";\nconst a = 1;\n', "a is both in"),
        ("export default class {}\n", "cannot be joined"),
        ('export * from "./a.js";\n', "cannot be joined"),
    ],
)
def test_what_cannot_be_joined_is_told(tmp_path: Path, main_js: str, told: str) -> None:
    (tmp_path / "a.js").write_text("export const a = 2;\n")
    (tmp_path / "main.js").write_text(main_js)
    with pytest.raises(CannotPack, match=told):
        join(tmp_path / "main.js")
