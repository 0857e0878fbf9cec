"""Identity: one photo made ready to talk, enrolled once, kept in one file."""

import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from models.background import fill_background, refine_matte
from models.crop import PictureSize, crop_to_face
from models.errors import IdentityError
from models.eyes import eyeballs
from models.landmarks import find_again, find_face
from models.media import FloatArray
from models.mouth import LAYER_HEIGHT, LAYER_WIDTH, paint_mouth, shows_inside
from models.photo import embedded_photo, open_photo
from models.rig import rest_lips

__all__ = ["Identity", "embedded_photo", "enrol"]

FORMAT = "likeness-identity"
FORMAT_VERSION = 1

UintArray = npt.NDArray[np.uint8]
Progress = Callable[[str, float], None]


@dataclass(frozen=True, eq=False)
class Identity:
    """Everything the renderer needs of one photo, on the CPU.

    picture: uint8 RGB [H, W, 3], the photo's crop: the frame at rest.
    background: uint8 RGB [H, W, 3], the picture without the person.
    eyeballs: uint8 RGB [H, W, 3], the picture with eyeballs continued under the lids.
    matte: uint8 [H, W], 0 to 255, the person's share.
    mouth: uint8 RGBA [4, LAYER_HEIGHT, LAYER_WIDTH, 4], see models.mouth.
    landmarks: float32 [478, 3], pixels of the picture.
    name: as the user wrote it. refined: whether Stable Diffusion went over the photo.
    notes: what the user should know about this photo, in sentences.
    consent: who agreed to be shown, and when; empty where nobody said so.
    """

    picture: UintArray
    background: UintArray
    eyeballs: UintArray
    matte: UintArray
    mouth: UintArray
    landmarks: FloatArray
    name: str = ""
    refined: bool = False
    notes: tuple[str, ...] = ()
    consent: str = ""

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

    @property
    def own_teeth(self) -> bool:
        """Whether the inside of the mouth is the photo's own."""
        return shows_inside(self.landmarks)

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
        """Reads what save wrote.

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
                tensors = {name: file.get_tensor(name) for name in _TENSORS}
            identity = cls(
                **tensors,
                name=metadata.get("name", ""),
                refined=bool(json.loads(metadata.get("refined", "false"))),
                notes=tuple(json.loads(metadata.get("notes", "[]"))),
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


_TENSORS = tuple(
    field.name
    for field in fields(Identity)
    if field.name not in ("name", "refined", "notes", "consent")
)


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
    }
    for name, shape in expected.items():
        tensor = getattr(identity, name)
        kind = np.float32 if name == "landmarks" else np.uint8
        if tensor.shape != shape or tensor.dtype != kind:
            raise IdentityError(
                "damaged",
                f"The identity file {path} is damaged: {name} has shape "
                f"{tensor.shape}, expected {shape}. Enrol the photo again.",
            )
    if not np.isfinite(identity.landmarks).all():
        raise IdentityError(
            "damaged",
            f"The identity file {path} is damaged: landmarks are not numbers. "
            "Enrol the photo again.",
        )


def enrol(
    photo: bytes | Path,
    *,
    size: int | PictureSize = 512,
    face: int | None = None,
    name: str = "",
    on_progress: Progress | None = None,
) -> Identity:
    """Photo -> Identity.

    size: of its picture; a number is a square.
    face: which face, counted from 1, where the photo shows several.
    on_progress: called with what is being done and the share done, 0 to 1.

    Raises:
        PhotoError: see open_photo, find_face, PictureSize and crop_to_face.
    """
    wanted = PictureSize(size, size) if isinstance(size, int) else size
    report = on_progress or (lambda _what, _share: None)
    report("Opening the photo", 0.0)
    opened = open_photo(photo)
    report("Finding the face", 0.1)
    found = find_face(opened, face)
    report("Cropping", 0.4)
    crop = crop_to_face(opened, found, wanted)
    picture, landmarks = crop.picture, crop.landmarks
    again = find_again(picture, landmarks)
    landmarks = landmarks if again is None else again
    report("Separating person and background", 0.55)
    matte = refine_matte(picture, landmarks)
    background = fill_background(picture, matte)
    report("Painting eyes and mouth", 0.85)
    identity = Identity(
        picture=picture,
        background=background,
        eyeballs=eyeballs(picture, landmarks),
        matte=matte,
        mouth=paint_mouth(picture, landmarks),
        landmarks=landmarks,
        name=name,
        notes=crop.notes,
    )
    report("Done", 1.0)
    return identity
