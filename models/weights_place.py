"""A file of weights comes into its place checked, whole and in one step."""

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from models.errors import WeightsError
from models.weights import Weights, WeightsFile, readable

CHUNK_BYTES = 1 << 20
RESERVE_BYTES = 50_000_000  # left free on the disk
LOCK_TIMEOUT_S = 24 * 3600.0

Progress = Callable[[str, int, int], None]
"""Told which file, how many of its bytes are here, how many it has (0: unknown)."""


@contextmanager
def locked(weights: Weights, root: Path) -> Iterator[Path]:
    """The folder of the weights, for one process at a time; the next one waits.

    Raises:
        WeightsError: not_writable, disk_full, also for what is done inside; locked.
    """
    folder = root / weights.folder
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(folder / f".{weights.name}.lock", timeout=LOCK_TIMEOUT_S):
                yield folder
        except Timeout as error:
            raise WeightsError(
                "locked", f"Another fetch of {weights.name} has not ended for a day."
            ) from error


@contextmanager
def disk_errors(target: Path) -> Iterator[None]:
    """The system's errors of writing, in words."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise disk_full(target) from error
        raise WeightsError(
            "not_writable",
            f"{target} cannot be written ({error.strerror or error}). Choose another "
            "folder with LIKENESS_WEIGHTS_DIR.",
        ) from error


def check_room(target: Path, size: int) -> None:
    """Refuses early what the disk cannot hold.

    Raises:
        WeightsError: disk_full.
    """
    if size > 0 and shutil.disk_usage(target.parent).free < size + RESERVE_BYTES:
        raise disk_full(target, size)


def disk_full(target: Path, size: int = 0) -> WeightsError:
    free = readable(shutil.disk_usage(target.parent).free)
    need = f"{readable(size)} more are needed, " if size else ""
    return WeightsError(
        "disk_full",
        f"The disk is full: {need}{free} are free for {target}. Make room, or choose "
        "another folder with LIKENESS_WEIGHTS_DIR; what came is kept.",
    )


def part_of(target: Path) -> Path:
    """Where a file grows before it is whole."""
    return target.with_name(f"{target.name}.part")


def place(file: WeightsFile, target: Path, digest: str) -> None:
    """Checks the part of a file and renames it into its place.

    digest: hexadecimal, 64 digits of sha256 or 40 of git's blob hash; empty: nothing is
    known of it, and only what a safetensors file says of itself is checked.

    Raises:
        WeightsError: wrong_checksum; the part is gone then.
    """
    part = part_of(target)
    wanted = file.sha256 or digest
    found = digest_of(part, git=len(wanted) == 40) if wanted else ""
    if found != wanted or not _opens(part, target.suffix):
        part.unlink()
        raise WeightsError(
            "wrong_checksum",
            f"{file.path} came damaged, or is another file"
            + (f" (checksum {found[:12]}..., not {wanted[:12]}...)" if wanted else "")
            + ". It was thrown away: fetch it again.",
        )
    os.replace(part, target)


def digest_of(path: Path, *, git: bool = False) -> str:
    """sha256 of a file, or the hash by which git names it."""
    hasher = hashlib.sha1() if git else hashlib.sha256()
    if git:
        hasher.update(b"blob %d\0" % path.stat().st_size)
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            hasher.update(chunk)
    return hasher.hexdigest()


def _opens(path: Path, suffix: str) -> bool:
    """Whether a safetensors file is whole by its own header."""
    if suffix != ".safetensors":
        return True
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy"):
            return True
    except SafetensorError:
        return False


def copy_from(
    weights: Weights, source: Path, root: Path, on_progress: Progress | None = None
) -> Path:
    """Takes the files from a folder, for machines without a network; gives the folder
    they are in now.

    source: holds them as the hub's repository does, or as our own folder of them.

    Raises:
        WeightsError: not_in_folder, wrong_checksum, disk_full, not_writable, locked.
    """
    report = on_progress or (lambda _file, _done, _size: None)
    with locked(weights, root) as folder:
        missing = [f for f in weights.files if not (folder / f.path).is_file()]
        found = [(file, _look_for(weights, file, source)) for file in missing]
        lost = [file.path for file, path in found if path is None]
        if lost:
            raise WeightsError(
                "not_in_folder",
                f"{source} lacks {', '.join(lost)} of {weights.name}. Copy there what "
                f"https://huggingface.co/{weights.repository}/tree/{weights.revision} "
                "holds.",
            )
        for file, path in found:
            if path is not None:
                _copy(file, path, folder / file.path, report)
    return folder


def _look_for(weights: Weights, file: WeightsFile, source: Path) -> Path | None:
    ours = Path(weights.folder, file.path)
    theirs = file.source or file.path
    for candidate in (file.path, theirs, Path(weights.name, file.path), ours):
        if (source / candidate).is_file():
            return source / candidate
    return None


def _copy(file: WeightsFile, path: Path, target: Path, report: Progress) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    size = path.stat().st_size
    check_room(target, size)
    with path.open("rb") as origin, part_of(target).open("wb") as part:
        while chunk := origin.read(CHUNK_BYTES):
            part.write(chunk)
            report(file.path, part.tell(), size)
    place(file, target, "")
