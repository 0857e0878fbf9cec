"""Identity: one photo made ready to talk, and the one file that keeps it."""

import json
import os
import tempfile
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from models.correction import from_any_version, uncalibrated
from models.errors import IdentityError
from models.media import FloatArray
from models.mouth import LAYER_HEIGHT, LAYER_WIDTH
from models.refine import Refinement
from models.rig import rest_lips

FORMAT = "likeness-identity"
FORMAT_VERSION = 1

UintArray = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Identity:
    """Everything the renderer needs of one photo, on the CPU.

    picture: uint8 RGB [H, W, 3], the photo's crop: the frame at rest.
    background: uint8 RGB [H, W, 3], the picture without the person.
    eyeballs: uint8 RGB [H, W, 3], the picture with eyeballs continued under the lids.
    matte: uint8 [H, W], 0 to 255, the person's share.
    mouth: uint8 RGBA [4, LAYER_HEIGHT, LAYER_WIDTH, 4], see models.mouth.
    landmarks: float32 [478, 3], pixels of the picture.
    latent: float32 [4, h, w], Stable Diffusion's of the picture, before it was scaled
        and laid over the photo's background; [0] where it was not refined.
    calibration: float32 [38], what motion is corrected by so that the face shows what
        it says; see models.correction.
    name: as the user wrote it. notes: what the user should know, in sentences.
    refinement: how it was refined, or None.
    synthetic: it was made of a prompt and shows nobody who exists.
    consent: who agreed to be shown, and when; empty where nobody said so.
    transparent: frames have a matte; of a session, never in a file.
    """

    picture: UintArray
    background: UintArray
    eyeballs: UintArray
    matte: UintArray
    mouth: UintArray
    landmarks: FloatArray
    latent: FloatArray = field(default_factory=lambda: np.zeros(0, np.float32))
    calibration: FloatArray = field(default_factory=uncalibrated)
    name: str = ""
    notes: tuple[str, ...] = ()
    refinement: Refinement | None = None
    synthetic: bool = False
    consent: str = ""
    transparent: bool = False

    @property
    def refined(self) -> bool:
        """Whether Stable Diffusion made the picture what it is."""
        return self.refinement is not None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the picture, pixels."""
        return self.picture.shape[0], self.picture.shape[1]

    @property
    def rest_aperture(self) -> float:
        """The photo's own inner-lip gap, IOD."""
        return rest_lips(self.landmarks)[0]

    @property
    def rest_width(self) -> float:
        """The photo's own inner-lip width, IOD."""
        return rest_lips(self.landmarks)[1]

    def preview(self) -> Image.Image:
        """The portrait at rest."""
        return Image.fromarray(self.picture)

    def save(self, path: Path) -> None:
        """Writes one safetensors file; an interrupted write leaves nothing behind.

        Raises:
            IdentityError: not_writable.
        """
        metadata = {
            "format": FORMAT,
            "version": str(FORMAT_VERSION),
            "name": self.name,
            "refined": json.dumps(self.refined),
            "refinement": json.dumps(
                asdict(self.refinement) if self.refinement else None
            ),
            "synthetic": json.dumps(self.synthetic),
            "notes": json.dumps(self.notes),
            "consent": self.consent,
        }
        tensors = {name: np.ascontiguousarray(getattr(self, name)) for name in _TENSORS}
        path = Path(path)
        draft = ""
        try:
            handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            os.close(handle)
            save_file(tensors, draft, metadata)
            os.chmod(draft, 0o644)
            os.replace(draft, path)
        except (OSError, SafetensorError) as error:
            if draft:
                Path(draft).unlink(missing_ok=True)
            raise IdentityError(
                "not_writable",
                f"The identity cannot be written to {path} ({error}). "
                "Check that the folder exists, is writable and has room.",
            ) from error

    @classmethod
    def load(cls, path: Path) -> "Identity":
        """Reads what save wrote, also before it knew of refinement and calibration.

        Raises:
            IdentityError: not_found, not_an_identity, other_version, damaged.
        """
        path = Path(path)
        if not path.is_file():
            raise IdentityError(
                "not_found", f"There is no identity file {path}. Check the path."
            )
        try:
            with safe_open(path, framework="numpy") as file:
                metadata = file.metadata() or {}
                _check_format(path, metadata)
                there = set(file.keys())
                wanted = [each for each in _TENSORS if each in there | _REQUIRED]
                tensors = {name: file.get_tensor(name) for name in wanted}
            if "calibration" in tensors:
                tensors["calibration"] = from_any_version(tensors["calibration"])
            identity = cls(
                **tensors,
                name=metadata.get("name", ""),
                notes=tuple(json.loads(metadata.get("notes", "[]"))),
                refinement=_read_refinement(metadata.get("refinement", "null")),
                synthetic=bool(json.loads(metadata.get("synthetic", "false"))),
                consent=metadata.get("consent", ""),
            )
        except (SafetensorError, OSError, ValueError, TypeError) as error:
            raise IdentityError(
                "damaged",
                f"The identity file {path} is damaged or cut short. Enrol the photo "
                "again: python -m scripts.enrol PHOTO -o FILE",
            ) from error
        _check_shapes(path, identity)
        return identity


_WORDS = ("name", "notes", "refinement", "synthetic", "consent", "transparent")
_TENSORS = tuple(each.name for each in fields(Identity) if each.name not in _WORDS)
_REQUIRED = set(_TENSORS) - {"latent", "calibration"}


def _read_refinement(text: str) -> Refinement | None:
    stored = json.loads(text)
    return None if stored is None else Refinement(**stored)


def _check_format(path: Path, metadata: dict[str, str]) -> None:
    if metadata.get("format") != FORMAT:
        raise IdentityError(
            "not_an_identity",
            f"{path} is a safetensors file, but not an identity. "
            "Make one with: python -m scripts.enrol PHOTO -o FILE",
        )
    if metadata.get("version") != str(FORMAT_VERSION):
        raise IdentityError(
            "other_version",
            f"{path} has identity format {metadata.get('version')}; this program reads "
            f"{FORMAT_VERSION}. Enrol the photo again.",
        )


def _check_shapes(path: Path, identity: Identity) -> None:
    height, width = identity.picture.shape[:2]
    expected = {
        "picture": (height, width, 3),
        "background": (height, width, 3),
        "eyeballs": (height, width, 3),
        "matte": (height, width),
        "mouth": (4, LAYER_HEIGHT, LAYER_WIDTH, 4),
        "landmarks": (478, 3),
        "calibration": uncalibrated().shape,
    }
    for name, shape in expected.items():
        tensor = getattr(identity, name)
        kind = np.float32 if name in ("landmarks", "calibration") else np.uint8
        if tensor.shape != shape or tensor.dtype != kind:
            raise IdentityError(
                "damaged",
                f"The identity file {path} is damaged: {name} has shape "
                f"{tensor.shape}, expected {shape}. Enrol the photo again.",
            )
    latent = identity.latent
    numbers = (identity.landmarks, identity.calibration, latent)
    sound = all(bool(np.isfinite(each).all()) for each in numbers)
    if not sound or latent.dtype != np.float32 or bool(latent.size) != identity.refined:
        raise IdentityError(
            "damaged",
            f"The identity file {path} is damaged: its landmarks or its latent are not "
            "what they should be. Enrol the photo again.",
        )
