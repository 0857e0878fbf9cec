"""The parts of a real, if tiny and random, Stable Diffusion, from its own folder."""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from models.diffusion import Diffusion
from models.diffusion_loader import find_model, load_diffusion
from models.errors import WeightsError
from models.refine import Refined, paint_open_mouth, paint_portrait, refine_photo
from models.weights import MissingWeightsError
from tests.tiny_diffusion import SIDE, save_tiny_diffusion

UintArray = npt.NDArray[np.uint8]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny products gain nothing by threads, and lose much where cores are busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_diffusion(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def model(tiny: Path) -> Diffusion:
    return load_diffusion(find_model(str(tiny)))


@pytest.fixture(scope="module")
def turbo(tmp_path_factory: pytest.TempPathFactory) -> Diffusion:
    at = tmp_path_factory.mktemp("models") / "tiny-turbo"
    save_tiny_diffusion(at, scheduler="EulerDiscreteScheduler")
    return load_diffusion(find_model(str(at)))


def picture(height: int = SIDE, width: int = SIDE) -> UintArray:
    rows = np.linspace(20, 220, height)[:, None, None]
    columns = np.linspace(0.5, 1, width)[None, :, None]
    return np.asarray(rows * columns * np.array([1, 0.8, 0.6]), np.uint8)


def codes(at: Path) -> str:
    with pytest.raises(WeightsError) as caught:
        load_diffusion(find_model(str(at)))
    assert str(at) in caught.value.message
    return caught.value.code


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    import subprocess

    code = (
        "import sys, server.app, models.identity, models.refining\n"
        "print([m for m in ('diffusers', 'transformers') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_folder_is_read_as_it_stands(model: Diffusion, tiny: Path) -> None:
    assert model.name == "tiny" and model.revision.startswith("local-")
    assert (model.native_side, model.reduction) == (SIDE, 4)
    # PNDM runs the UNet twice in its first steps.
    assert model.scheduler_name == "DPMSolverMultistepScheduler"
    assert model.guidance > 1
    assert find_model(str(tiny)).revision == model.revision


def test_a_distilled_model_takes_few_steps_and_no_guidance(turbo: Diffusion) -> None:
    assert turbo.scheduler_name == "EulerDiscreteScheduler"
    assert (turbo.steps, turbo.guidance) == (4, 0.0)
    assert len(turbo.condition("a woman")) == 1
    assert len(turbo.schedule(0.1).timesteps) == 1  # never none
    assert len(turbo.schedule(1.0).timesteps) == 4


def test_strength_is_the_share_of_the_steps(model: Diffusion) -> None:
    whole, third = model.schedule(1.0).timesteps, model.schedule(0.3).timesteps
    assert (len(whole), len(third)) == (20, 6)
    assert torch.equal(whole[-6:], third)


def test_the_encoder_tells_mean_and_spread_and_the_prompt_counts(
    model: Diffusion,
) -> None:
    told = model.encode(picture())
    assert told.mean.shape == told.std.shape == (1, 4, SIDE // 4, SIDE // 4)
    assert (told.std > 0).all()
    noise = model.noise(SIDE, SIDE, torch.Generator().manual_seed(1))
    assert torch.equal(told.sample(torch.zeros_like(noise)), told.mean)
    assert not torch.equal(told.sample(noise), told.mean)
    woman, man = model.condition("a woman"), model.condition("a man")
    assert len(woman) == 2 and torch.equal(woman[0], man[0])
    assert not torch.equal(woman[1], man[1])


def refined(model: Diffusion, seed: int, strength: float = 0.3) -> Refined:
    return refine_photo(model, picture(), seed=seed, strength=strength)


@pytest.mark.parametrize("name", ["model", "turbo"])
def test_the_same_seed_gives_the_same_latent(
    name: str, request: pytest.FixtureRequest
) -> None:
    which: Diffusion = request.getfixturevalue(name)
    one, again, other = (refined(which, seed) for seed in (7, 7, 8))
    assert np.array_equal(one.latent, again.latent)
    assert np.array_equal(one.picture, again.picture)
    assert not np.allclose(one.latent, other.latent, atol=1e-2)
    assert one.latent.shape == (4, SIDE // 4, SIDE // 4)
    assert one.how.seed == 7 and one.how.strength == 0.3
    assert "eyes open" in one.how.prompt and one.how.scheduler == which.scheduler_name


def test_the_latent_decodes_to_the_picture(model: Diffusion) -> None:
    made = refined(model, 3)
    shown = model.decode(torch.from_numpy(made.latent)[None])
    assert np.array_equal(shown, made.picture)


def test_less_strength_stays_nearer(model: Diffusion) -> None:
    own = model.encode(picture()).mean[0].numpy()
    far = [
        float(np.abs(refined(model, 3, strength).latent - own).mean())
        for strength in (0.05, 0.3, 1.0)
    ]
    assert far[0] < far[1] < far[2]


@pytest.mark.parametrize(("height", "width"), [(64, 64), (50, 90), (200, 120)])
def test_any_size_comes_back_as_it_was(
    model: Diffusion, height: int, width: int
) -> None:
    made = refine_photo(model, picture(height, width), strength=0.1)
    assert made.picture.shape == (height, width, 3)
    assert min(made.latent.shape[1:]) * model.reduction >= SIDE
    assert all(side % 2 == 0 for side in made.latent.shape[1:])


def test_a_prompt_alone_becomes_a_picture(model: Diffusion) -> None:
    one, again = (paint_portrait(model, "a woman", seed=5) for _ in range(2))
    assert one.picture.shape == (SIDE, SIDE, 3)
    assert np.array_equal(one.latent, again.latent)
    other = paint_portrait(model, "a man", seed=5)
    assert not np.array_equal(one.latent, other.latent)
    assert one.how.strength == 1.0 and "a woman" in one.how.prompt


@pytest.mark.parametrize("channels", [4, 9])
def test_in_painting_keeps_what_is_not_masked(
    channels: int, tiny: Path, tmp_path: Path
) -> None:
    place = find_model(str(tiny))
    if channels == 9:
        painter = save_tiny_diffusion(tmp_path / "painter", channels=9, seed=1)
        place = type(place)(place.name, place.folder, place.revision, painter)
    model = load_diffusion(place)
    assert model.painter.config.in_channels == channels
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[40:56, 16:48] = 255
    opened, again = (paint_open_mouth(model, picture(), mask, seed=2) for _ in "ab")
    assert np.array_equal(opened, again)
    assert np.array_equal(opened[:32], picture()[:32])
    inside = np.abs(opened.astype(int) - picture())[42:54, 20:44]
    assert inside.mean() > 5


def test_steps_are_told_and_may_be_cancelled(model: Diffusion) -> None:
    told: list[tuple[str, float]] = []
    refine_photo(
        model,
        picture(),
        strength=0.2,
        on_progress=lambda what, share: told.append((what, share)),
    )
    assert [share for _, share in told] == pytest.approx(np.arange(1, 5) / 4)
    assert told[0][0].startswith("Refining: step 1 of 4, ") and "s left" in told[0][0]
    assert told[-1][0] == "Refining: step 4 of 4"

    class Cancelled(Exception):
        pass

    steps = 0

    def cancel(_what: str, _share: float) -> None:
        nonlocal steps
        steps += 1
        if steps == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        refine_photo(model, picture(), strength=0.5, on_progress=cancel)
    assert steps == 2


def test_pickles_and_other_folders_are_refused(tiny: Path, tmp_path: Path) -> None:
    pickled = shutil.copytree(tiny, tmp_path / "pickled")
    weights = pickled / "unet" / "diffusion_pytorch_model.safetensors"
    torch.save({}, weights.with_suffix(".bin"))
    weights.unlink()
    assert codes(pickled) == "unsafe_weights"
    assert codes(tmp_path) == "not_a_diffusers_folder"
    cut = shutil.copytree(tiny, tmp_path / "cut")
    weights = cut / "vae" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    assert codes(cut) == "weights_damaged"
    odd = shutil.copytree(tiny, tmp_path / "odd")
    (odd / "scheduler" / "scheduler_config.json").write_text(
        json.dumps({"_class_name": "os.system"})
    )
    assert codes(odd) == "weights_damaged"


def test_missing_weights_and_devices_are_named(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingWeightsError, match="fetch_weights sd15"):
        find_model("sd15", tmp_path)
    place = find_model(str(tiny))
    for device in ("gpu", "cuda:99"):
        with pytest.raises(WeightsError) as caught:
            load_diffusion(place, device)
        assert caught.value.code == "device_unknown"


def test_weights_by_name_with_their_half_precision_files(
    tiny: Path, tmp_path: Path
) -> None:
    """As fetch_weights lays them down: by name, *.fp16.safetensors."""
    from models.weights import find

    named = tmp_path / "diffusion" / "sd15"
    shutil.copytree(tiny, named)
    for path in named.glob("*/*.safetensors"):
        path.rename(path.with_suffix(".fp16.safetensors"))
    (named / "tokenizer" / "special_tokens_map.json").write_text("{}")
    assert all((named / file.path).is_file() for file in find("sd15").files)
    place = find_model("sd15", tmp_path)
    assert place.revision == find("sd15").revision and place.painter is None
    loaded = load_diffusion(place)
    assert loaded.name == "sd15" and loaded.unet.dtype == torch.float32
    painter = tmp_path / "diffusion" / "sd15-inpainting"
    for file in find("sd15-inpainting").files:
        (painter / file.path).parent.mkdir(parents=True, exist_ok=True)
        (painter / file.path).touch()
    assert find_model("sd15", tmp_path).painter == painter
