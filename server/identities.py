"""The portraits on this server: a folder of identity files, and their enrolment."""

import asyncio
import functools
import hashlib
import json
import logging
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from models.crop import PictureSize
from models.identity import Identity
from models.photo import embedded_photo
from server.errors import ApiError
from server.metrics import Metrics
from server.settings import Settings

logger = logging.getLogger(__name__)

DEFAULT_ID = "default"
DEFAULT_NAME = "Grace Hopper"
KEEP_FAILED_S = 600
NICENESS = 10  # of enrolments while others speak
LOADED_IDENTITIES = 32  # kept in memory for the next session

Status = Literal["enrolling", "ready", "failed"]


@dataclass(frozen=True)
class Problem:
    """Why an enrolment failed."""

    code: str
    message: str


@dataclass(frozen=True)
class Record:
    """What is known of an identity; progress runs from 0 to 1."""

    identity_id: str
    name: str
    status: Status
    created_at: str
    stage: str = ""
    progress: float = 0.0
    error: Problem | None = None
    notes: tuple[str, ...] = ()  # what the user should know about the photo


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@functools.cache
def models_version() -> str:
    """A digest of the code that enrols: a new release enrols the default anew."""
    digest = hashlib.sha256()
    folder = Path(sys.modules[Identity.__module__].__file__ or "").parent
    for name in ("identity", "landmarks", "rig", "mouth", "photo", "crop", "warp"):
        path = folder / f"{name}.py"
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@dataclass(frozen=True)
class Framing:
    """face: which, counted from 1, where the photo shows several."""

    face: int | None = None
    size: PictureSize = PictureSize(512, 512)

    def arguments(self) -> list[str]:
        """Of the enrolment process."""
        size = f"--size={self.size.width}x{self.size.height}"
        return [size] if self.face is None else [size, f"--face={self.face}"]


@dataclass(eq=False)
class _Job:
    identity_id: str
    photo: Path
    framing: Framing
    done: asyncio.Event = field(default_factory=asyncio.Event)


class Identities:
    """Enrols one at a time; keeps files as <id>.safetensors, .png and .json."""

    def __init__(
        self,
        settings: Settings,
        metrics: Metrics,
        load: Callable[[Path], Identity],
        module: str,
    ) -> None:
        """load: reads an identity file; module: is run for each enrolment."""
        self._load_file = load
        self._module = module
        self._settings = settings
        self._metrics = metrics
        self._folder = settings.data_dir / "identities"
        self._records: dict[str, Record] = {}
        self._failed_s: dict[str, float] = {}
        self._loaded: dict[str, Identity] = {}
        self._queue: asyncio.Queue[_Job] = asyncio.Queue(settings.max_queued_enrolments)

    def open(self) -> None:
        """Find the identities of earlier runs; sweep up what was left half-made."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for photo in self._folder.glob("*.photo"):
            photo.unlink(missing_ok=True)
        for path in self._folder.glob("idn_*.json"):
            try:
                stored = json.loads(path.read_text())
                record = Record(
                    path.stem,
                    str(stored["name"]),
                    "ready",
                    str(stored["created_at"]),
                    notes=tuple(map(str, stored.get("notes", ()))),
                )
            except (OSError, ValueError, KeyError, TypeError):
                logger.warning("%s is damaged and left out", path.name)
                continue
            if self._file(path.stem).is_file():
                self._records[path.stem] = replace(record, progress=1.0)

    async def run(self) -> None:
        """Enrol what is queued, until cancelled."""
        while True:
            job = await self._queue.get()
            try:
                await self._enrol(job)
            finally:
                job.photo.unlink(missing_ok=True)
                job.done.set()

    async def ensure_default(self) -> None:
        """Enrol the embedded portrait, unless this release has done so before."""
        stem = f"{DEFAULT_ID}-{models_version()}"
        if not self._file(stem).is_file():
            for old in self._folder.glob(f"{DEFAULT_ID}-*"):
                old.unlink(missing_ok=True)
        name = DEFAULT_NAME
        self._records[DEFAULT_ID] = Record(DEFAULT_ID, name, "enrolling", _now())
        if not (self._file(stem).is_file() and self._preview(stem).is_file()):
            await self._work(DEFAULT_ID, stem, embedded_photo(), Framing())
        else:
            self._update(DEFAULT_ID, status="ready", progress=1.0)

    def __iter__(self) -> Iterator[Record]:
        self._forget_failed()
        return iter(tuple(self._records.values()))

    def get(self, identity_id: str) -> Record:
        """What is known of an identity.

        Raises:
            ApiError: 404.
        """
        self._forget_failed()
        record = self._records.get(identity_id)
        if record is None:
            raise ApiError(404, "identity_unknown", "There is no such identity.")
        return record

    def preview(self, identity_id: str) -> Path:
        """The picture of an identity.

        Raises:
            ApiError: 404, also while it is being enrolled.
        """
        if self.get(identity_id).status != "ready":
            raise ApiError(404, "preview_not_ready", "There is no preview yet.")
        return self._preview(self._stem(identity_id))

    async def load(self, identity_id: str) -> Identity:
        """Read an identity's file, in a thread.

        Raises:
            ApiError: 404, 409 not ready, or its file is damaged.
        """
        record = self.get(identity_id)
        if record.status != "ready":
            raise ApiError(
                409,
                "identity_not_ready",
                "The portrait is still being made."
                if record.status == "enrolling"
                else "The portrait could not be made.",
                retry_after_s=1 if record.status == "enrolling" else None,
            )
        identity = self._loaded.get(identity_id)
        if identity is None:
            path = self._file(self._stem(identity_id))
            identity = await asyncio.to_thread(self._load_file, path)
            while len(self._loaded) >= LOADED_IDENTITIES:
                del self._loaded[next(iter(self._loaded))]
            self._loaded[identity_id] = identity
        return identity

    def add(self, photo: bytes, name: str, framing: Framing) -> Record:
        """Queue a photo for enrolment.

        Raises:
            ApiError: 429 too many wait, 507 too many are kept.
        """
        if len(self._records) >= self._settings.max_identities:
            raise ApiError(
                507, "identities_full", "No more portraits can be kept: delete some."
            )
        identity_id = f"idn_{secrets.token_urlsafe(12)}"
        path = self._folder / f"{identity_id}.photo"
        job = _Job(identity_id, path, framing)
        try:
            self._queue.put_nowait(job)
        except asyncio.QueueFull:
            raise ApiError(
                429,
                "enrolments_full",
                "Many portraits are being made: try again in a moment.",
                retry_after_s=5,
            ) from None
        path.write_bytes(photo)
        record = Record(identity_id, name, "enrolling", _now(), "waiting")
        self._records[identity_id] = record
        return record

    def delete(self, identity_id: str) -> None:
        """Forget an identity and its files.

        Raises:
            ApiError: 403 the default, 404.
        """
        if identity_id == DEFAULT_ID:
            raise ApiError(
                403, "identity_protected", "The default portrait cannot be deleted."
            )
        self.get(identity_id)
        del self._records[identity_id]
        self._loaded.pop(identity_id, None)
        self._failed_s.pop(identity_id, None)
        self._remove_files(identity_id)

    def _stem(self, identity_id: str) -> str:
        if identity_id == DEFAULT_ID:
            return f"{DEFAULT_ID}-{models_version()}"
        return identity_id

    def _file(self, stem: str) -> Path:
        return self._folder / f"{stem}.safetensors"

    def _preview(self, stem: str) -> Path:
        return self._folder / f"{stem}.png"

    def _remove_files(self, stem: str) -> None:
        for suffix in ("safetensors", "png", "json"):
            (self._folder / f"{stem}.{suffix}").unlink(missing_ok=True)

    def _update(self, identity_id: str, **changes: object) -> None:
        record = self._records.get(identity_id)
        if record:  # it may have been deleted meanwhile
            self._records[identity_id] = replace(record, **changes)  # type: ignore[arg-type]

    def _forget_failed(self) -> None:
        now_s = time.monotonic()
        for identity_id, since_s in list(self._failed_s.items()):
            if now_s - since_s > KEEP_FAILED_S:
                del self._failed_s[identity_id]
                self._records.pop(identity_id, None)

    def _fail(self, identity_id: str, problem: Problem) -> None:
        self._update(identity_id, status="failed", error=problem)
        if identity_id != DEFAULT_ID:
            self._failed_s[identity_id] = time.monotonic()

    async def _enrol(self, job: _Job) -> None:
        record = self._records.get(job.identity_id)
        if record is None:
            return
        await self._work(job.identity_id, job.identity_id, job.photo, job.framing)
        record = self._records.get(job.identity_id)
        if record is None:
            self._remove_files(job.identity_id)
        elif record.status == "ready":
            stored = {
                "name": record.name,
                "created_at": record.created_at,
                "notes": record.notes,
            }
            path = self._folder / f"{job.identity_id}.json"
            path.write_text(json.dumps(stored))

    async def _work(
        self, identity_id: str, stem: str, photo: Path, framing: Framing
    ) -> None:
        """Run the enrolment process and follow its lines."""
        problem: Problem | None
        try:
            async with asyncio.timeout(self._settings.enrol_timeout_s):
                problem = await self._run_process(identity_id, stem, photo, framing)
        except TimeoutError:
            problem = Problem(
                "enrolment_timeout", "Making the portrait took too long: try again."
            )
        if problem is None:
            self._update(identity_id, status="ready", progress=1.0, stage="")
        else:
            self._remove_files(stem)
            self._fail(identity_id, problem)
        self._metrics.enrolments.labels("failed" if problem else "done").inc()

    def _command(
        self, identity_id: str, stem: str, photo: Path, framing: Framing
    ) -> Sequence[str]:
        command = [
            *(sys.executable, "-m", self._module),
            *(str(photo), str(self._file(stem)), str(self._preview(stem))),
            f"--name={self._records[identity_id].name}",
            *framing.arguments(),
        ]
        if identity_id != DEFAULT_ID:  # which nobody can be speaking to yet
            command.append(f"--niceness={NICENESS}")
        return command

    async def _run_process(
        self, identity_id: str, stem: str, photo: Path, framing: Framing
    ) -> Problem | None:
        process = await asyncio.create_subprocess_exec(
            *self._command(identity_id, stem, photo, framing),
            cwd=Path(__file__).parent.parent,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert process.stdout
        problem: Problem | None = Problem(
            "enrolment_failed", "The portrait could not be made from this picture."
        )
        try:
            async for line in process.stdout:
                said = json.loads(line)
                if said["kind"] == "progress":
                    self._update(
                        identity_id, stage=said["stage"], progress=said["progress"]
                    )
                elif said["kind"] == "error":
                    problem = Problem(said["code"], said["message"])
                elif said["kind"] == "done":
                    problem = None
                    self._update(identity_id, notes=tuple(said["notes"]))
        except ValueError:
            logger.error("the enrolment process spoke nonsense")
        finally:
            if process.returncode is None:
                try:
                    process.kill()
                except ProcessLookupError:
                    pass
            await process.wait()
        return problem
