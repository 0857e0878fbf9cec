"""The doctor's look at the software: packages, libraries, voice, weights."""

import os
import re
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from models.weights import (
    all_weights,
    fetch_command,
    find,
    is_present,
    readable,
    weights_root,
)
from scripts.finding import ROOT, Finding, attempt

REINSTALL = "make clean run installs the pinned versions again"
# What each of them needs from the system, as Debian names it; mediapipe brings its own
# EGL and GLES.
SYSTEM_PACKAGES = {
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libGLESv2.so.2": "libgles2",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libX11.so.6": "libx11-6",
    "libxcb.so.1": "libxcb1",
    "libgomp.so.1": "libgomp1",
    "libstdc++.so.6": "libstdc++6",
}
_IMPORTS = {
    "cv2": "import cv2",
    "mediapipe": (
        "import mediapipe as mp\n"
        "mp.solutions.face_mesh.FaceMesh(refine_landmarks=True).close()\n"
        "mp.solutions.selfie_segmentation.SelfieSegmentation().close()"
    ),
    "torch": "import torch; torch.ones(2).sum().item()",
    "av": "import av",
    "aiortc": "import aiortc",
    "onnxruntime": "import onnxruntime",
}
_VOICE = """
from models.tts.catalogue import list_voices, open_voice
sound = [chunk.samples for chunk in open_voice(None, None).speak("Hello.")]
assert any(abs(samples).max(initial=0) > 0.05 for samples in sound), "it is silent"
print(len({voice.language for voice in list_voices()}), "languages")
"""
_WEIGHTS = """
from models.audio2motion import AudioToMotion
network = AudioToMotion.load()
print(f"{sum(p.numel() for p in network.parameters()):,} parameters")
"""
_PORTRAIT = """
from PIL import Image
from models.identity import embedded_photo
with Image.open(embedded_photo()) as photo:
    photo.load()
    print(f"{photo.width} x {photo.height}")
"""
_PIPER = """
from pathlib import Path
from models.tts.piper import Piper
print(Piper(Path({model!r})).info.name)
"""


def packages() -> Iterator[Finding]:
    """The packages that pyproject.toml asks for, against constraints.txt's pins."""
    try:
        from packaging.requirements import Requirement
    except ImportError:
        yield Finding("missing", "packaging", "not installed", REINSTALL)
        return
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    pins = _pins()
    for line in project["dependencies"]:
        requirement = Requirement(line)
        name = requirement.name
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            yield Finding("missing", name, "not installed", REINSTALL)
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            yield Finding("missing", name, f"{version}, not {line}", REINSTALL)
            continue
        pin = pins.get(_plain(name), version)
        public = version.partition("+")[0]
        note = "" if pin == public or pin == version else f" (tested with {pin})"
        yield Finding("ok", name, f"{version}{note}")


def shared_libraries() -> Iterator[Finding]:
    for name, code in _IMPORTS.items():
        trial = attempt(code)
        if trial.worked:
            yield Finding("ok", f"import {name}", "loads with its libraries")
            continue
        lost = re.search(r"(lib[\w+.-]+\.so[.\d]*): cannot open", trial.said)
        package = SYSTEM_PACKAGES.get(lost[1]) if lost else None
        remedy = f"Debian: apt-get install {package}" if package else REINSTALL
        yield Finding("missing", f"import {name}", trial.said, remedy)


def embedded_voice() -> Iterator[Finding]:
    trial = attempt(_VOICE)
    if trial.worked:
        yield Finding("ok", "voice (espeak-ng)", trial.said)
    else:
        remedy = "pip install --force-reinstall espeakng-loader"
        yield Finding("missing", "voice (espeak-ng)", trial.said, remedy)


def embedded_weights() -> Iterator[Finding]:
    restore = "git checkout -- models/assets, or python -m scripts.train_audio2motion"
    for name, code, remedy in (
        ("motion weights", _WEIGHTS, restore),
        ("embedded portrait", _PORTRAIT, "pip install --force-reinstall matplotlib"),
    ):
        trial = attempt(code)
        if trial.worked:
            yield Finding("ok", name, trial.said)
        else:
            yield Finding("missing", name, trial.said, remedy)


def optional_weights() -> Iterator[Finding]:
    """What of the manifest lies where fetch_weights puts it, or in the hub's cache."""
    root = weights_root()
    for name, kind, pattern, first, gain in (
        (
            "faster-whisper",
            "hearing",
            "models--*faster-whisper*",
            "whisper-base",
            "the portrait hears and answers",
        ),
        (
            "Stable Diffusion",
            "diffusion",
            "models--*stable-diffusion*",
            "sd15",
            "portraits are refined",
        ),
    ):
        known = [weights for weights in all_weights() if weights.kind == kind]
        here = [weights.name for weights in known if is_present(weights, root)]
        cached = sorted(_hub_cache().glob(pattern))
        here += [path.name.rpartition("--")[2] for path in cached]
        if here:
            yield Finding("ok", name, ", ".join(here))
        else:
            size = readable(find(first).size)
            missing = f"no weights; with them {gain}"
            yield Finding("optional", name, missing, f"{fetch_command(first)} ({size})")


def piper_voices(folder: Path) -> Iterator[Finding]:
    models = sorted(folder.glob("*.onnx"))
    if not models:
        yield Finding(
            "optional",
            "Piper voices",
            "none; with them speech sounds natural",
            f"{fetch_command('en_US-ljspeech-high')}, or put NAME.onnx and "
            f"NAME.onnx.json in {folder}.",
        )
    for model in models:
        trial = attempt(_PIPER.format(model=str(model)))
        if trial.worked:
            yield Finding("ok", f"Piper {model.stem}", trial.said)
        else:
            yield Finding("optional", f"Piper {model.stem}", trial.said)


def _hub_cache() -> Path:
    """Where huggingface_hub keeps weights, by the variables that it documents."""
    home = os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface"
    return Path(os.environ.get("HF_HUB_CACHE") or Path(home) / "hub")


def _pins() -> dict[str, str]:
    path = ROOT / "constraints.txt"
    if not path.is_file():
        return {}
    pairs = (line.split("==") for line in path.read_text("utf-8").split("\n"))
    return {_plain(pair[0]): pair[1].strip() for pair in pairs if len(pair) == 2}


def _plain(name: str) -> str:
    """A package's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()
