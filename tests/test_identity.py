"""An identity is the same after a round trip; damaged files are refused."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from models.behind import STRANDS_REACH
from models.errors import IdentityError, PhotoError
from models.identity import Identity, embedded_photo, enrol
from tests.faces import grace, motion, renderer


def test_loading_gives_the_same_frames_to_the_bit(tmp_path: Path) -> None:
    path = tmp_path / "face.safetensors"
    grace().save(path)
    loaded = Identity.load(path)
    row = motion(aperture=0.2, width=0.4, speech=1.0, jawOpen=0.2, head_yaw=6.0)
    with torch.inference_mode():
        assert torch.equal(renderer()([grace()], row), renderer()([loaded], row))
    assert (loaded.name, loaded.refined, loaded.notes) == ("Grace", False, ())
    assert loaded.size == (384, 384) and loaded.preview().size == (384, 384)
    assert list(tmp_path.iterdir()) == [path]
    assert path.stat().st_size < 8_000_000


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(IdentityError) as caught:
        grace().save(tmp_path / "missing" / "face.safetensors")
    assert caught.value.code == "not_writable"
    (tmp_path / "folder").mkdir()
    with pytest.raises(IdentityError):
        grace().save(tmp_path / "folder")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def code_of(path: Path) -> str:
    with pytest.raises(IdentityError) as caught:
        Identity.load(path)
    assert str(path) in caught.value.message
    return caught.value.code


def test_bad_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "face.safetensors"
    assert code_of(path) == "not_found"
    path.write_bytes(b"")
    assert code_of(path) == "damaged"
    path.write_bytes(b"\xff" * 400)
    assert code_of(path) == "damaged"
    grace().save(path)
    path.write_bytes(path.read_bytes()[:-1000])
    assert code_of(path) == "damaged"
    save_file({"a": np.zeros(3, np.float32)}, path)
    assert code_of(path) == "not_an_identity"
    marked = {"format": "likeness-identity", "version": "1"}
    save_file({"picture": np.zeros(3, np.float32)}, path, marked)
    assert code_of(path) == "damaged"
    save_file({"a": np.zeros(3, np.float32)}, path, {**marked, "version": "99"})
    assert code_of(path) == "other_version"


def test_progress_rises_to_one() -> None:
    seen: list[float] = []
    identity = enrol(
        embedded_photo(), size=128, on_progress=lambda _, share: seen.append(share)
    )
    assert seen == sorted(seen) and seen[0] == 0 and seen[-1] == 1
    assert identity.size == (128, 128)


@pytest.mark.parametrize("size", [0, 64, 127, 333, 4096])
def test_impossible_sizes_are_refused(size: int) -> None:
    with pytest.raises(PhotoError) as caught:
        enrol(embedded_photo(), size=size)
    assert caught.value.code == "size_out_of_range"


def test_the_background_has_no_person_and_the_same_rim() -> None:
    identity = grace()
    person = (identity.matte > 0).astype(np.uint8)
    changed = (identity.background != identity.picture).any(2)
    apart = cv2.dilate(person, np.ones((25, 25))) == 0
    assert changed[apart].mean() < 0.02  # single hairs
    reach = 2 * round((STRANDS_REACH + 0.03) * identity.size[1]) + 1
    far = cv2.dilate(person, np.ones((reach, reach))) == 0
    assert far.any() and not changed[far].any()
    middle = identity.landmarks[1, :2].astype(int)
    there = identity.background[middle[1], middle[0]].astype(int)
    assert np.abs(there - identity.picture[middle[1], middle[0]]).max() > 20
