"""Where identities are kept: a folder each, which appears and goes in one rename.

An identity is made in a draft beside the others. Its files are synced to the disk and
the draft takes the identity's name; to delete one, its folder loses that name before
anything in it goes. So whatever kills the process, and whenever, an identity is there
whole or not at all. The folders are the index: nothing else could disagree with them.
"""

import contextlib
import json
import logging
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

logger = logging.getLogger(__name__)

PORTRAIT, PREVIEW = "portrait.safetensors", "preview.png"
_FILES = (PORTRAIT, PREVIEW)
_RECORD = "record.json"
_PHOTO = "photo"
_FORMAT = 1
_DRAFT, _GONE = ".draft", ".gone"

Source = Literal["embedded", "photo", "prompt"]


@dataclass(frozen=True)
class Consent:
    """Who agreed to the making of a portrait, to which words, and when (RFC 3339)."""

    by: str
    statement: str
    at: str


@dataclass(frozen=True)
class Card:
    """What is kept of an identity beside its portrait.

    source: what it was made of. synthetic: it shows nobody who exists.
    refined: Stable Diffusion went over the photo.
    content: digest of what it was made of and how; the same again is not made again.
    notes: what the user should know about the photo.
    """

    identity_id: str
    name: str
    created_at: str
    source: Source = "photo"
    synthetic: bool = False
    refined: bool = False
    consent: Consent | None = None
    content: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Draft:
    """An identity in the making: what it is made of, and where its files go."""

    folder: Path

    @property
    def photo(self) -> Path:
        return self.folder / _PHOTO

    @property
    def portrait(self) -> Path:
        return self.folder / PORTRAIT

    @property
    def preview(self) -> Path:
        return self.folder / PREVIEW


class IdentityStore:
    """Every method blocks on the disk; each identity has one caller at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self) -> tuple[Card, ...]:
        """Sweep up what was left half-made or half-deleted; what is whole, oldest
        first."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for left in self._folder.glob(f".*{_DRAFT}"):
            if not _is_in_the_making(left):
                shutil.rmtree(left, ignore_errors=True)
        for left in self._folder.glob(f".*{_GONE}"):
            shutil.rmtree(left, ignore_errors=True)
        return tuple(sorted(self._whole(), key=lambda card: card.created_at))

    def begin(self, identity_id: str, photo: bytes = b"") -> Draft:
        """A draft that holds the photo.

        Raises:
            OSError: the disk is full, or not writable; nothing is left.
        """
        draft = self._draft(identity_id)
        draft.folder.mkdir(mode=0o700)
        try:
            draft.photo.write_bytes(photo)
        except OSError:
            self.discard(draft)
            raise
        return draft

    def publish(self, draft: Draft, card: Card) -> None:
        """The draft becomes the identity; its photo does not outlive it.

        Raises:
            OSError: a file is missing or cannot be written; nothing is left.
        """
        try:
            draft.photo.unlink(missing_ok=True)
            stored = asdict(card) | {
                "format": _FORMAT,
                "sizes": {
                    name: (draft.folder / name).stat().st_size for name in _FILES
                },
            }
            record = draft.folder / _RECORD
            record.write_text(json.dumps(stored, ensure_ascii=False), "utf-8")
            for name in (*_FILES, _RECORD):
                _sync(draft.folder / name)
            _sync(draft.folder)
            draft.folder.rename(self._folder / card.identity_id)
            _sync(self._folder)
        except OSError:
            self.discard(draft)
            raise

    def discard(self, draft: Draft) -> None:
        """Leave nothing of a draft, nor of one that is no longer there."""
        shutil.rmtree(draft.folder, ignore_errors=True)

    def delete(self, identity_id: str) -> None:
        """Leave nothing of an identity, whether it is made or still in the making.

        Raises:
            OSError: the disk refuses.
        """
        self.discard(self._draft(identity_id))
        gone = self._folder / f".{identity_id}{_GONE}"
        try:
            (self._folder / identity_id).rename(gone)
        except FileNotFoundError:
            return
        _sync(self._folder)
        with contextlib.suppress(FileNotFoundError):  # another process sweeps too
            shutil.rmtree(gone)
        _sync(self._folder)

    def portrait(self, identity_id: str) -> Path:
        return self._folder / identity_id / PORTRAIT

    def preview(self, identity_id: str) -> Path:
        return self._folder / identity_id / PREVIEW

    def _draft(self, identity_id: str) -> Draft:
        """Named after this process: another one that starts leaves it alone."""
        return Draft(self._folder / f".{identity_id}.{os.getpid()}{_DRAFT}")

    def _whole(self) -> Iterator[Card]:
        for folder in self._folder.iterdir():
            if folder.name.startswith(".") or not folder.is_dir():
                continue
            try:
                yield _read(folder)
            except (OSError, ValueError, KeyError, TypeError):
                logger.warning("identity %s is damaged and left out", folder.name)


def _read(folder: Path) -> Card:
    """Raises: OSError, ValueError, KeyError or TypeError: it is not whole."""
    stored: dict[str, Any] = json.loads((folder / _RECORD).read_text("utf-8"))
    for name in _FILES:
        if (folder / name).stat().st_size != stored["sizes"][name]:
            raise ValueError(name)
    consent = stored["consent"]
    return Card(
        identity_id=folder.name,
        name=str(stored["name"]),
        created_at=str(stored["created_at"]),
        source=stored["source"],
        synthetic=bool(stored["synthetic"]),
        refined=bool(stored["refined"]),
        consent=Consent(**consent) if consent else None,
        content=str(stored["content"]),
        notes=tuple(map(str, stored["notes"])),
    )


def _is_in_the_making(draft: Path) -> bool:
    """Whether the process that makes it is another one, and lives."""
    maker = draft.name.removesuffix(_DRAFT).rpartition(".")[2]
    if not maker.isdigit() or int(maker) == os.getpid():
        return False
    try:
        os.kill(int(maker), 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True


def _sync(path: Path) -> None:
    """Have a file, or a folder's names, on the disk itself."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
