"""A diffusers folder -> the parts of a model; safetensors only.

Pickled weights (.bin, .ckpt, .pt) can run code when they are read, so they are refused.
diffusers and transformers take seconds to import: only who refines pays for it.
"""

import hashlib
import json
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from models.diffusion import Diffusion
from models.errors import WeightsError
from models.weights import find, folder, is_path, is_present, weights_root

DEFAULT_MODEL = "sd15"
PAINTERS = {"sd15": "sd15-inpainting"}  # a better UNet for in-painting, if it is here
STEPS, GUIDANCE = 20, 5.0  # enough for DPM-Solver++
DISTILLED_STEPS = 4
DISTILLED = ("turbo", "lcm", "lightning", "hyper")  # in the names of such models
AMPLE_BYTES = 10 * 10**9  # free memory from which attention is not sliced
_WEIGHTED = ("text_encoder", "vae", "unet")
_PARTS = (*_WEIGHTED, "tokenizer", "scheduler")


@dataclass(frozen=True)
class Place:
    """Where a model is. revision: the hub's commit, or a digest of the files."""

    name: str
    folder: Path
    revision: str
    painter: Path | None = None  # a folder with a `unet` for in-painting


def find_model(model: str, root: Path | None = None) -> Place:
    """A model by its name in the manifest, or the path of a local diffusers folder.

    Raises:
        WeightsError: weights_unknown, weights_missing, not_a_diffusers_folder,
            unsafe_weights.
    """
    if is_path(model):
        at = Path(model)
        _check_folder(at)
        return Place(at.name, at, _digest(at))
    at = folder(model, root)
    _check_folder(at)
    painter = None
    if model in PAINTERS and is_present(find(PAINTERS[model]), root or weights_root()):
        painter = folder(PAINTERS[model], root)
    return Place(model, at, find(model).revision, painter)


def load_diffusion(place: Place, device: str = "cpu") -> Diffusion:
    """Reads a model; on CUDA in half precision, sliced where memory is short.

    Raises:
        WeightsError: weights_damaged, device_unknown, out_of_memory.
    """
    target = _device(device)
    half = torch.float16 if target.type == "cuda" else torch.float32
    with _quiet(), _told(place, device):
        parts = {name: _load(place.folder, name, half) for name in _PARTS}
        painter = parts["unet"]
        if place.painter:
            painter = _load(place.painter, "unet", half)
        for part in (*(parts[name] for name in _WEIGHTED), painter):
            part.to(target).requires_grad_(False).eval()
        if _free_bytes(target) < AMPLE_BYTES:
            parts["vae"].enable_slicing()
            for unet in (parts["unet"], painter):
                unet.set_attention_slice("auto")
    distilled = any(word in place.name.casefold() for word in DISTILLED)
    return Diffusion(
        name=place.name,
        revision=place.revision,
        steps=DISTILLED_STEPS if distilled else STEPS,
        guidance=0.0 if distilled else GUIDANCE,
        painter=painter,
        **parts,
    )


def _load(at: Path, part: str, half: torch.dtype) -> Any:
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTokenizer

    if part == "tokenizer":
        return CLIPTokenizer.from_pretrained(at / part, local_files_only=True)
    if part == "scheduler":
        return _scheduler(at / part)
    whole = list((at / part).glob("*.fp16.safetensors"))
    variant = "fp16" if whole else None
    if part == "text_encoder":
        return CLIPTextModel.from_pretrained(
            at / part,
            dtype=half,
            use_safetensors=True,
            variant=variant,
            local_files_only=True,
        )
    kind: Any = AutoencoderKL if part == "vae" else UNet2DConditionModel
    return kind.from_pretrained(
        at / part,
        torch_dtype=half,
        use_safetensors=True,
        variant=variant,
        local_files_only=True,
        low_cpu_mem_usage=True,
    )


def _scheduler(at: Path) -> Any:
    """The folder's own, but DPM-Solver++ for models that would take PNDM, whose first
    steps run the UNet twice. DPM-Solver++: Lu and others 2022."""
    import diffusers

    config = json.loads((at / "scheduler_config.json").read_text("utf-8"))
    name = config["_class_name"]
    if name in ("PNDMScheduler", "DDIMScheduler"):
        name = "DPMSolverMultistepScheduler"
    kind = getattr(diffusers, name, None)
    if kind is None or not name.endswith("Scheduler"):
        raise ValueError(f"{name} is not a scheduler of diffusers")
    return kind.from_pretrained(at, local_files_only=True)


def _check_folder(at: Path) -> None:
    missing = [part for part in _PARTS if not (at / part).is_dir()]
    if missing:
        raise WeightsError(
            "not_a_diffusers_folder",
            f"{at} is not a diffusers folder of Stable Diffusion: it lacks "
            f"{', '.join(missing)}. A single checkpoint file is not enough.",
        )
    for part in _WEIGHTED:
        if not list((at / part).glob("*.safetensors")):
            others = [each.name for each in (at / part).iterdir()]
            raise WeightsError(
                "unsafe_weights",
                f"{at / part} has no .safetensors, only {', '.join(sorted(others))}. "
                "Pickled weights can run code and are not read: use a model saved with "
                "safe serialization.",
            )


def _digest(at: Path) -> str:
    """Of a local folder: over the names, sizes and headers of its weights."""
    digest = hashlib.sha256()
    for path in sorted(at.glob("*/*.safetensors")):
        digest.update(f"{path.relative_to(at)} {path.stat().st_size}".encode())
        with path.open("rb") as stream:
            digest.update(stream.read(1 << 16))
    return f"local-{digest.hexdigest()[:16]}"


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
        if device.type == "cuda" and not torch.cuda.is_available():
            raise RuntimeError("torch sees no CUDA device")
    except RuntimeError as error:
        raise WeightsError(
            "device_unknown",
            f"There is no device {name!r} ({_first_line(error)}). Use cpu, cuda or "
            "cuda:0.",
        ) from error
    return device


def _free_bytes(device: torch.device) -> int:
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES"))


@contextmanager
def _told(place: Place, device: str) -> Iterator[None]:
    """What loading may raise, in words."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise WeightsError(
            "out_of_memory",
            f"{place.name} does not fit into the memory of {device}. Close what else "
            "uses it, or use the CPU: LIKENESS_DIFFUSION_DEVICE=cpu.",
        ) from error
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise WeightsError(
            "weights_damaged",
            f"The model in {place.folder} cannot be read ({_first_line(error)}). Fetch "
            "it again.",
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


@contextmanager
def _quiet() -> Iterator[None]:
    """Both libraries print advice and bars; errors still come as exceptions."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import diffusers.utils.logging as ours
        import transformers.utils.logging as theirs

        for library in (ours, theirs):
            library.set_verbosity(logging.ERROR)
            library.disable_progress_bar()
        yield
