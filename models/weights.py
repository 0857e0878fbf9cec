"""Weights that users may download: what there is, where it lies, what it may do.

Nothing here opens the network: `python -m scripts.fetch_weights NAME` does, through
models.weights_fetch. They lie below one root, LIKENESS_WEIGHTS_DIR, else the data
folder:

    diffusion/sd15/...           a diffusers folder
    hearing/whisper-base/...     what faster_whisper.WhisperModel takes as a path
    voices/NAME.onnx, .json      Piper voices, all in one folder
"""

import os
from pathlib import Path

from models.errors import WeightsError
from models.weights_manifest import MANIFEST, Weights, WeightsFile

__all__ = [
    "MissingWeightsError",
    "Weights",
    "WeightsFile",
    "all_weights",
    "default_data_dir",
    "fetch_command",
    "find",
    "is_path",
    "folder",
    "is_present",
    "readable",
    "weights_root",
]


class MissingWeightsError(WeightsError):
    """Weights that are not on this machine; the message has the command to get them."""

    def __init__(self, weights: Weights, root: Path) -> None:
        folder = root / weights.folder
        files = ", ".join(
            f"{file.path} ({readable(file.size)})" if file.size else file.path
            for file in weights.files
            if not (folder / file.path).is_file()
        )
        super().__init__(
            "weights_missing",
            f"The weights {weights.name} are not here ({readable(weights.size)}, "
            f"licence {weights.licence}). Fetch them: {fetch_command(weights.name)} "
            f"(or put into {folder}: {files}).",
        )
        self.name = weights.name


def default_data_dir() -> Path:
    """Where a user's data lies by default (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_DATA_HOME", "")
    root = Path(base) if base.startswith("/") else Path.home() / ".local" / "share"
    return root / "likeness"


def weights_root() -> Path:
    """Where weights lie: LIKENESS_WEIGHTS_DIR, else the data folder."""
    for variable in ("LIKENESS_WEIGHTS_DIR", "LIKENESS_DATA_DIR"):
        if os.environ.get(variable):
            return Path(os.environ[variable])
    return default_data_dir()


def all_weights() -> tuple[Weights, ...]:
    """Every model of the manifest."""
    return MANIFEST


def find(name: str) -> Weights:
    """The manifest's entry of a name; a voice may be written as its id, "piper:NAME".

    Raises:
        WeightsError: weights_unknown, with the names there are.
    """
    for weights in all_weights():
        if weights.name == name.removeprefix("piper:"):
            return weights
    names = ", ".join(weights.name for weights in all_weights())
    raise WeightsError(
        "weights_unknown", f"There are no weights {name[:80]!r}. There are: {names}."
    )


def is_present(weights: Weights, root: Path | None = None) -> bool:
    """Whether every file is there. Each comes into its place whole and checked, so to
    be there is enough."""
    folder = (root or weights_root()) / weights.folder
    return all((folder / file.path).is_file() for file in weights.files)


def folder(name: str, root: Path | None = None) -> Path:
    """The folder that holds all files of these weights; never downloads.

    For "whisper-base" it is what faster_whisper.WhisperModel(str(folder)) takes, for
    "sd15" a diffusers folder, for a voice the folder with NAME.onnx in it.

    Raises:
        WeightsError: weights_unknown.
        MissingWeightsError: weights_missing: what, how large, how to get it and where
            to put it.
    """
    weights, root = find(name), root or weights_root()
    if not is_present(weights, root):
        raise MissingWeightsError(weights, root)
    return root / weights.folder


def is_path(model: str) -> bool:
    """Whether a model is named by where it lies, not by the manifest's name."""
    return os.sep in model or Path(model).is_dir()


def fetch_command(*names: str) -> str:
    """What a user types to get weights."""
    return f"python -m scripts.fetch_weights {' '.join(names)}"


def readable(size: int) -> str:
    """Bytes for people: 75.5 MB."""
    for limit, unit in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size >= limit:
            return f"{size / limit:.1f} {unit}"
    return f"{size} bytes" if size else "size unknown"
