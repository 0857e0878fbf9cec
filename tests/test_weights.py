"""Weights: named, found, fetched whole or not at all, from a hub that misbehaves."""

import hashlib
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from models import weights_place
from models.errors import WeightsError
from models.weights import (
    MissingWeightsError,
    Weights,
    WeightsFile,
    all_weights,
    find,
    folder,
    is_present,
    weights_root,
)
from models.weights_fetch import fetch
from models.weights_place import copy_from, digest_of
from scripts.fetch_weights import main
from tests import hub as hubs
from tests.hub import Hub

LARGE, SMALL = os.urandom(3_000_000), b'{"sample_rate": 22050}'
TINY = Weights(
    "tiny",
    "hearing",
    "it hears",
    "somebody/tiny",
    "c0ffee",
    "MIT",
    "yes",
    "Any use.",
    (WeightsFile("model.bin", len(LARGE)), WeightsFile("more/config.json")),
)
AT = "/somebody/tiny/resolve/c0ffee"


@pytest.fixture
def hub() -> Iterator[Hub]:
    files = {f"{AT}/model.bin": LARGE, f"{AT}/more/config.json": SMALL}
    with hubs.running(files) as running:
        yield running


def code_of(caught: pytest.ExceptionInfo[WeightsError]) -> str:
    return caught.value.code


def is_whole(root: Path) -> bool:
    at = root / "hearing" / "tiny"
    return (at / "model.bin").read_bytes() == LARGE and (
        at / "more" / "config.json"
    ).read_bytes() == SMALL


def left_over(root: Path) -> list[str]:
    return [path.name for path in root.rglob("*.part")]


def test_the_manifest_is_sound() -> None:
    names = [weights.name for weights in all_weights()]
    assert len(set(names)) == len(names)
    for weights in all_weights():
        assert re.fullmatch(r"[0-9a-f]{40}", weights.revision), weights.name
        assert weights.licence and weights.terms and weights.files
        assert all(find(name) for name in weights.needs)
        for file in weights.files:
            assert not file.sha256 or re.fullmatch(r"[0-9a-f]{64}", file.sha256)
            assert not Path(file.path).is_absolute() and ".." not in file.path
            assert not file.path.endswith((".ckpt", ".pt", ".pth"))
    diffusion = [w for w in all_weights() if w.kind == "diffusion"]
    assert {"sd15", "sd-turbo"} <= {w.name for w in diffusion}
    assert not any(f.path.endswith(".bin") for w in diffusion for f in w.files)


def test_what_is_missing_is_named_with_its_size_and_place(tmp_path: Path) -> None:
    with pytest.raises(MissingWeightsError) as caught:
        folder("whisper-base", tmp_path)
    said = caught.value.message
    assert "python -m scripts.fetch_weights whisper-base" in said
    assert "model.bin (145.2 MB)" in said and str(tmp_path / "hearing") in said
    assert "MIT" in said and caught.value.code == "weights_missing"
    with pytest.raises(WeightsError, match="whisper-tiny"):
        find("whisper-enormous")


def test_a_voice_is_found_by_its_id_and_lies_with_the_others(tmp_path: Path) -> None:
    voice = find("piper:en_US-ljspeech-high")
    for file in voice.files:
        (tmp_path / "voices").mkdir(exist_ok=True)
        (tmp_path / "voices" / file.path).touch()
    assert folder(voice.name, tmp_path) == tmp_path / "voices"


def test_the_root_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIKENESS_WEIGHTS_DIR", raising=False)
    monkeypatch.setenv("LIKENESS_DATA_DIR", "/data")
    assert weights_root() == Path("/data")
    monkeypatch.setenv("LIKENESS_WEIGHTS_DIR", "/big")
    assert weights_root() == Path("/big")


def test_all_files_come_and_are_not_fetched_again(hub: Hub, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    at = fetch(TINY, tmp_path, hub=hub.url, on_progress=lambda *each: told.append(each))
    assert at == tmp_path / "hearing" / "tiny"
    assert is_whole(tmp_path) and is_present(TINY, tmp_path)
    assert told[0][0] == "model.bin" and 0 < told[0][1] < len(LARGE)
    assert ("model.bin", len(LARGE), len(LARGE)) in told
    asked = len(hub.asked)
    fetch(TINY, tmp_path, hub=hub.url)
    assert len(hub.asked) == asked


def test_a_cut_is_resumed_where_it_happened(hub: Hub, tmp_path: Path) -> None:
    hub.cuts = [1_000_000, 500_000]
    fetch(TINY, tmp_path, hub=hub.url, retry_s=0)
    assert is_whole(tmp_path) and not left_over(tmp_path)
    ranges = [each[2] for each in hub.asked if each[0] == "GET"]
    assert ranges[:3] == ["", "bytes=1000000-", "bytes=1500000-"]


def test_a_process_that_was_killed_goes_on_from_its_part(
    hub: Hub, tmp_path: Path
) -> None:
    hub.cuts = [1_200_000] + [0] * 20
    with pytest.raises(WeightsError) as caught:
        fetch(TINY, tmp_path, hub=hub.url, retry_s=0)
    assert code_of(caught) == "download_cut" and "1.2 MB" in caught.value.message
    assert not is_present(TINY, tmp_path)
    hub.cuts, hub.asked = [], []
    fetch(TINY, tmp_path, hub=hub.url)
    assert is_whole(tmp_path)
    assert ("GET", f"{AT}/model.bin", "bytes=1200000-") in hub.asked


def test_a_server_that_cannot_resume_begins_anew(hub: Hub, tmp_path: Path) -> None:
    hub.plain, hub.cuts = True, [1_000_000]
    fetch(TINY, tmp_path, hub=hub.url, retry_s=0)
    assert is_whole(tmp_path)


def test_a_part_of_another_file_is_thrown_away(hub: Hub, tmp_path: Path) -> None:
    part = tmp_path / "hearing" / "tiny" / "model.bin.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"x" * (len(LARGE) + 5))
    fetch(TINY, tmp_path, hub=hub.url)
    assert is_whole(tmp_path)


def test_a_wrong_checksum_leaves_nothing(hub: Hub, tmp_path: Path) -> None:
    hub.liar = True
    with pytest.raises(WeightsError) as caught:
        fetch(TINY, tmp_path, hub=hub.url)
    assert code_of(caught) == "wrong_checksum"
    assert not is_present(TINY, tmp_path) and not left_over(tmp_path)
    hub.liar = False
    fetch(TINY, tmp_path, hub=hub.url)
    assert is_whole(tmp_path)


def test_the_manifests_checksum_is_stronger_than_the_hubs(
    hub: Hub, tmp_path: Path
) -> None:
    right = hashlib.sha256(LARGE).hexdigest()
    hub.liar = True
    model = WeightsFile("model.bin", sha256=right)
    fetch(replace(TINY, files=(model,)), tmp_path, hub=hub.url)
    hub.liar = False
    other = WeightsFile("more/config.json", sha256=right)
    with pytest.raises(WeightsError) as caught:
        fetch(replace(TINY, files=(other,)), tmp_path, hub=hub.url)
    assert code_of(caught) == "wrong_checksum"


def test_gits_own_hash(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"hello\n")
    # What `git hash-object` prints for it.
    assert (
        digest_of(tmp_path / "a", git=True)
        == "ce013625030ba8dba906f756967f9e9ca394464a"
    )


def test_a_full_disk_is_said_before_and_while(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights_place, "RESERVE_BYTES", 10**18)
    with pytest.raises(WeightsError) as caught:
        fetch(TINY, tmp_path, hub=hub.url)
    assert code_of(caught) == "disk_full" and "3.0 MB more" in caught.value.message
    assert hub.sent("GET") == 0
    monkeypatch.undo()
    part = tmp_path / "hearing" / "tiny" / "model.bin.part"
    part.symlink_to("/dev/full")  # every write to it fails as on a full disk
    with pytest.raises(WeightsError) as caught:
        fetch(TINY, tmp_path, hub=hub.url)
    assert code_of(caught) == "disk_full"
    assert "LIKENESS_WEIGHTS_DIR" in caught.value.message
    part.unlink()
    fetch(TINY, tmp_path, hub=hub.url)
    assert is_whole(tmp_path)


def test_a_folder_that_cannot_be_written(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WeightsError) as caught:
        fetch(TINY, tmp_path / "file", hub=hub.url)
    assert code_of(caught) == "not_writable"


def test_two_at_once_fetch_each_file_once(hub: Hub, tmp_path: Path) -> None:
    failed: list[BaseException] = []

    def run() -> None:
        try:
            fetch(TINY, tmp_path, hub=hub.url)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed and is_whole(tmp_path) and not left_over(tmp_path)
    assert hub.sent("GET") == len(TINY.files)


_ONE = """
import sys
from pathlib import Path
from models.weights_fetch import fetch
from tests.test_weights import TINY
fetch(TINY, Path(sys.argv[1]), hub=sys.argv[2])
"""


def test_two_processes_at_once(hub: Hub, tmp_path: Path) -> None:
    command = [sys.executable, "-c", _ONE, str(tmp_path), hub.url]
    both = [subprocess.Popen(command) for _ in range(2)]
    assert [each.wait() for each in both] == [0, 0]
    assert hub.sent("GET") == len(TINY.files)
    assert is_whole(tmp_path)


def test_offline_names_the_file_its_size_and_its_place(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(WeightsError) as caught:
            fetch(TINY, tmp_path, hub=nobody)
    said = caught.value.message
    assert code_of(caught) == "offline"
    assert f"{nobody}{AT}/model.bin (3.0 MB)" in said
    assert str(tmp_path / "hearing" / "tiny") in said and "--from" in said


def test_a_hub_that_refuses(hub: Hub, tmp_path: Path) -> None:
    hub.files.clear()
    with pytest.raises(WeightsError, match="HTTP 404") as caught:
        fetch(TINY, tmp_path, hub=hub.url)
    assert code_of(caught) == "refused"


def test_from_a_folder(tmp_path: Path) -> None:
    source, root = tmp_path / "stick", tmp_path / "root"
    (source / "more").mkdir(parents=True)
    (source / "model.bin").write_bytes(LARGE)
    with pytest.raises(WeightsError, match=r"more/config\.json") as caught:
        copy_from(TINY, source, root)
    assert code_of(caught) == "not_in_folder"
    (source / "more" / "config.json").write_bytes(SMALL)
    copy_from(TINY, source, root)
    assert is_whole(root)


def test_from_a_folder_checks(tmp_path: Path) -> None:
    source, root = tmp_path / "stick", tmp_path / "root"
    source.mkdir()
    (source / "a.safetensors").write_bytes(b"\x10" + bytes(40))
    cut = replace(TINY, files=(WeightsFile("a.safetensors"),))
    (source / "b.bin").write_bytes(SMALL)
    other = WeightsFile("b.bin", sha256=hashlib.sha256(LARGE).hexdigest())
    for weights in (cut, replace(TINY, files=(other,))):
        with pytest.raises(WeightsError) as caught:
            copy_from(weights, source, root)
        assert code_of(caught) == "wrong_checksum"
    assert not left_over(root)


def test_the_command(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("LIKENESS_WEIGHTS_DIR", str(tmp_path))
    assert main(["--list"]) == 0
    listed = capsys.readouterr().out
    assert all(weights.name in listed for weights in all_weights())
    assert "commercial use: no" in listed
    assert main(["no-such"]) == 1
    assert "weights_unknown" in capsys.readouterr().err
    voice = find("zh_CN-huayan-medium")
    files = {
        f"/{voice.repository}/resolve/{voice.revision}/{file.source}": SMALL
        for file in voice.files
    }
    with hubs.running(files) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        assert main([voice.name]) == 0
    said = capsys.readouterr()
    assert voice.licence in said.out and str(tmp_path / "voices") in said.out
    assert (tmp_path / "voices" / f"{voice.name}.onnx").read_bytes() == SMALL
