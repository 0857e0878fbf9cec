"""Enrolment with Stable Diffusion: the guard trips on garbage and the photo stays."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch

from models import refining as refining_module
from models.diffusion import Diffusion
from models.diffusion_loader import find_model, load_diffusion
from models.errors import IdentityError, RefineError
from models.guard import compare
from models.identity import Identity, Refining, embedded_photo, enrol
from models.landmarks import find_again
from models.mouth import paint_mouth
from models.mouth_harvest import harvest_mouth
from models.refine import Refined, Refinement
from models.refining import LADDER, PORTRAITS, portrait_of_prompt, refine_crop
from models.weights import MissingWeightsError
from server.refining import to_options
from tests.faces import frame, grace
from tests.test_diffusion import one_thread as one_thread
from tests.tiny_diffusion import save_tiny_diffusion

UintArray = npt.NDArray[np.uint8]
HOW = Refinement("tiny", "r", "S", "p", "n", 1, 0.3, 30, 5.0)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_diffusion(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def model(tiny: Path) -> Diffusion:
    return load_diffusion(find_model(str(tiny)))


def test_a_random_model_trips_the_guard_and_the_photo_stays(
    tiny: Path, tmp_path: Path
) -> None:
    told: list[tuple[str, float]] = []
    identity = enrol(
        embedded_photo(),
        size=256,
        canonical=False,
        refining=Refining("on", str(tiny), seed=3),
        on_progress=lambda what, share: told.append((what, share)),
    )
    plain = enrol(embedded_photo(), size=256, canonical=False)
    assert not identity.refined and identity.latent.size == 0
    assert np.array_equal(identity.picture, plain.picture)
    assert np.array_equal(identity.mouth, plain.mouth)
    kept, mouth = identity.notes
    assert "The photo was kept" in kept and f"{0.3 * LADDER[-1]:.2f}" in kept
    assert "The mouth's inside is painted" in mouth
    shares = [share for _, share in told]
    assert shares[0] == 0 and shares[-1] == 1
    assert shares == sorted(shares)
    steps = [what for what, _ in told if what.startswith("Refining: step ")]
    assert len(steps) == 6 + 4 + 2 + 1  # 20 steps times 0.3, by the ladder
    assert any(what.startswith("Painting the open mouth: step") for what, _ in told)
    path = tmp_path / "face.safetensors"
    identity.save(path)
    assert Identity.load(path).notes == identity.notes


def test_what_stays_like_the_photo_is_taken(
    model: Diffusion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a model that mends instead of breaking: the first rung that fits counts."""
    asked: list[float] = []

    def mend(
        _model: Diffusion, picture: UintArray, *, strength: float, **_: object
    ) -> Refined:
        asked.append(strength)
        soft = cv2.GaussianBlur(picture, (0, 0), 8.0 if strength > 0.15 else 0.8)
        latent = np.ones((4, 8, 8), np.float32)
        return Refined(
            np.asarray(soft, np.uint8), latent, replace(HOW, strength=strength)
        )

    monkeypatch.setattr(refining_module, "refine_photo", mend)
    picture, landmarks = grace().picture, grace().landmarks
    canon = refine_crop(model, picture, landmarks, Refining(strength=0.3))
    assert asked == pytest.approx([0.3, 0.21, 0.135])
    assert canon.refined and canon.refined.how.strength == pytest.approx(0.135)
    assert canon.notes == (
        "Refined with strength 0.14 instead of 0.30, to keep the likeness.",
    )
    far = grace().matte == 0
    assert np.array_equal(canon.picture[far], picture[far])  # its own background
    assert not np.array_equal(canon.picture, picture)
    verdict = compare(picture, landmarks, canon.picture, canon.landmarks)
    assert verdict.same, verdict


def jpeg(picture: UintArray) -> UintArray:
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 30])
    assert done
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def stretched(picture: UintArray, share: float) -> UintArray:
    """The face's middle pulled wider, as another face would be."""
    middle, iod = grace().landmarks[1, :2], 110.0
    rows, columns = np.indices(picture.shape[:2]).astype(np.float32)
    away = columns - middle[0]
    near = np.exp(-(away**2 + (rows - middle[1]) ** 2) / (2 * iod**2))
    across = (middle[0] + away / (1 + share * near)).astype(np.float32)
    return np.asarray(cv2.remap(picture, across, rows, cv2.INTER_LINEAR), np.uint8)


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("itself", True),
        ("softer", True),
        ("lighter", True),
        ("compressed", True),
        ("wider", False),
        ("shifted", False),
        ("garbage", False),
    ],
)
def test_the_guard_knows_the_same_person(name: str, same: bool) -> None:
    photo, before = grace().picture, grace().landmarks
    random = np.random.default_rng(0).integers(0, 90, photo.shape)
    others: dict[str, UintArray] = {
        "itself": photo,
        "softer": np.asarray(cv2.GaussianBlur(photo, (0, 0), 1.0), np.uint8),
        "lighter": np.clip(photo * 1.2, 0, 255).astype(np.uint8),
        "compressed": jpeg(photo),
        "wider": stretched(photo, 0.15),
        "shifted": np.roll(photo, 6, axis=1),
        "garbage": np.clip(0.5 * photo + random * 2, 0, 255).astype(np.uint8),
    }
    other = others[name]
    after = find_again(other, before)
    verdict = None if after is None else compare(photo, before, other, after)
    assert (verdict is not None and verdict.same) == same, str(verdict)


def test_no_face_after_so_many_prompts_is_an_error(model: Diffusion) -> None:
    wish = Refining("on", prompt="a smiling woman with blonde hair", seed=5)
    with pytest.raises(RefineError) as caught:
        portrait_of_prompt(replace(model, steps=2), wish)
    assert caught.value.code == "no_portrait"
    assert f"None of {PORTRAITS} pictures" in caught.value.message
    assert f"no_face {PORTRAITS}" in caught.value.message


def test_a_prompt_becomes_a_synthetic_portrait(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The third seed shows one face; what led to it is in the file."""
    seeds: list[int] = []
    wall = np.full((384, 384, 3), 90, np.uint8)

    def paint(
        _model: Diffusion, prompt: str, *, seed: int, on_progress: object
    ) -> Refined:
        seeds.append(seed)
        shown = grace().picture if len(seeds) == 3 else wall
        latent = np.full((4, 8, 8), 0.5, np.float32)
        return Refined(shown, latent, replace(HOW, prompt=prompt, seed=seed))

    monkeypatch.setattr(refining_module, "paint_portrait", paint)
    wish = Refining("on", str(tiny), prompt="an admiral", seed=10)
    shares: list[float] = []
    identity = enrol(
        None, size=256, refining=wish, on_progress=lambda _, each: shares.append(each)
    )
    assert shares == sorted(shares) and shares[-1] == 1
    assert seeds == [10, 11, 12]
    assert identity.synthetic and identity.refined and identity.refinement
    assert identity.refinement.seed == 12
    path = tmp_path / "face.safetensors"
    identity.save(path)
    loaded = Identity.load(path)
    assert loaded.synthetic and loaded.refinement == identity.refinement
    assert np.array_equal(loaded.latent, identity.latent)
    assert loaded.latent.dtype == np.float32


def test_an_open_mouth_is_harvested(model: Diffusion) -> None:
    """From the renderer's own open mouth: what was painted comes back."""
    opened = frame(aperture=0.33, width=0.45, speech=1.0, jawOpen=0.35)
    found = find_again(opened, grace().landmarks)
    assert found is not None
    layers = harvest_mouth(opened, found, grace().landmarks)
    painted = paint_mouth(grace().picture, grace().landmarks)
    assert layers is not None and layers.shape == painted.shape
    teeth = (painted[3, ..., 3] > 200) & (layers[3, ..., 3] > 200)
    apart = np.abs(layers[3, teeth, :3].astype(int) - painted[3, teeth, :3])
    assert teeth.sum() > 500 and np.median(apart) < 45
    assert harvest_mouth(grace().picture, grace().landmarks, grace().landmarks) is None


def test_without_weights_it_says_how_to_get_them(tmp_path: Path) -> None:
    wish = Refining("auto", root=tmp_path)
    identity = enrol(embedded_photo(), size=128, refining=wish)
    assert not identity.refined and not identity.synthetic
    assert any("python -m scripts.fetch_weights sd15" in n for n in identity.notes)
    with pytest.raises(MissingWeightsError):
        enrol(embedded_photo(), refining=replace(wish, mode="on"))
    with pytest.raises(MissingWeightsError):
        enrol(None, refining=replace(wish, prompt="a woman"))


def test_the_servers_process_tells_each_step(tiny: Path, tmp_path: Path) -> None:
    out, preview = tmp_path / "face.safetensors", tmp_path / "face.png"
    wish = Refining("on", str(tiny), strength=0.1, root=tmp_path)
    command = [sys.executable, "-m", "server.enrolment", str(embedded_photo())]
    command += [str(out), str(preview), "--size=128", *to_options(wish)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert any(each.get("stage", "").startswith("Refining: step 1 ") for each in lines)
    shares = [each["progress"] for each in lines if each["kind"] == "progress"]
    assert shares[0] == 0 and shares[-1] == 1 and len(shares) > 25
    assert lines[-1]["kind"] == "done" and lines[-1]["refined"] is False
    assert "The photo was kept" in lines[-1]["notes"][0]
    assert out.is_file() and preview.is_file() and done.stderr == ""


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"prompt": "x" * 501}, "bad_prompt"),
        ({"prompt": "a\nb"}, "bad_prompt"),
        ({"seed": -1}, "bad_seed"),
        ({"seed": 2**32}, "bad_seed"),
        ({"strength": 0.0}, "bad_strength"),
        ({"strength": float("nan")}, "bad_strength"),
    ],
)
def test_wishes_are_checked(wish: dict[str, object], code: str) -> None:
    with pytest.raises(RefineError) as caught:
        Refining(**wish)  # type: ignore[arg-type]
    assert caught.value.code == code


def test_neither_photo_nor_prompt(tiny: Path) -> None:
    with pytest.raises(RefineError, match="prompt that describes"):
        enrol(None, refining=Refining("on", str(tiny)))
    with pytest.raises(RefineError, match="switched off"):
        enrol(None, refining=Refining("off", prompt="a woman"))


def test_a_file_whose_latent_is_broken_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "face.safetensors"
    broken = np.full((4, 8, 8), np.nan, np.float32)
    for identity in (
        replace(grace(), latent=broken, refinement=HOW),
        replace(grace(), refinement=HOW),
    ):
        identity.save(path)
        with pytest.raises(IdentityError, match="latent"):
            Identity.load(path)


@pytest.mark.gpu
def test_half_precision_on_cuda(tiny: Path) -> None:
    loaded = load_diffusion(find_model(str(tiny)), "cuda")
    assert loaded.unet.dtype == torch.float16
