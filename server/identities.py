"""The portraits on this server, and their making."""

import asyncio
import functools
import hashlib
import logging
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, ParamSpec, TypeVar

from models.identity import Identity
from models.photo import embedded_photo
from server.enroller import Enroller, EnrolmentFailed, Outcome, Problem
from server.errors import ApiError
from server.metrics import Metrics
from server.order import Order, now
from server.settings import Settings
from server.store import Card, Draft, IdentityStore

logger = logging.getLogger(__name__)

DEFAULT_ID = "default"
DEFAULT_NAME = "Grace Hopper"
KEEP_FAILED_S = 600
NICENESS = 10  # of enrolments while others speak
LOADED_IDENTITIES = 32  # kept in memory for the next session

Status = Literal["enrolling", "ready", "failed"]
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Record:
    """What is known of an identity; progress runs from 0 to 1."""

    identity_id: str
    card: Card
    status: Status
    stage: str = ""
    progress: float = 0.0
    error: Problem | None = None


@dataclass(frozen=True, eq=False)
class _Job:
    """order: without its photo, which the draft holds once it is written."""

    identity_id: str
    order: Order
    draft: asyncio.Future[Draft]


@functools.cache
def models_version() -> str:
    """A digest of the code that enrols: a new release enrols the default anew."""
    digest = hashlib.sha256()
    folder = Path(sys.modules[Identity.__module__].__file__ or "").parent
    # All of it, needed there or not: once more than was necessary costs four seconds.
    for path in sorted(folder.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


class Identities:
    """Enrols one at a time; the store is used by one thread, in order."""

    def __init__(
        self,
        settings: Settings,
        metrics: Metrics,
        load: Callable[[Path], Identity],
        module: str,
    ) -> None:
        """load: reads an identity file; module: is run for each enrolment."""
        self._load_file = load
        self._settings = settings
        self._metrics = metrics
        self._enroller = Enroller(
            module, settings.enrol_timeout_s, settings.refine_timeout_s
        )
        self._store = IdentityStore(settings.data_dir / "identities")
        self._disk_thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._records: dict[str, Record] = {}
        self._defaults: dict[str, Card] = {}
        self._failed_s: dict[str, float] = {}
        self._loaded: dict[str, Identity] = {}
        self._queue: asyncio.Queue[_Job] = asyncio.Queue(settings.max_queued_enrolments)
        self._enrolling: dict[str, asyncio.Task[None]] = {}

    def close(self) -> None:
        """Give the store's thread back, when what it was told to write is written."""
        self._disk_thread.shutdown(wait=False)

    def open(self) -> None:
        """Find the identities of earlier runs; sweep up what was left half-made."""
        for card in self._store.open():
            if card.source == "embedded":
                self._defaults[card.identity_id] = card
            else:
                self._keep(card.identity_id, card)

    async def run(self) -> None:
        """Enrol what is queued, until cancelled."""
        while True:
            job = await self._queue.get()
            if job.identity_id not in self._records:
                continue  # deleted while it waited
            work = asyncio.create_task(self._enrol(job))
            self._enrolling[job.identity_id] = work
            try:
                await asyncio.wait([work])
            finally:
                work.cancel()
                await asyncio.wait([work])
                del self._enrolling[job.identity_id]

    async def ensure_default(self) -> None:
        """Enrol the embedded portrait, unless this release has done so before."""
        stem = self._stem(DEFAULT_ID)
        card = Card(stem, DEFAULT_NAME, now(), "embedded")
        known = self._defaults.pop(stem, None)
        if known:
            self._keep(DEFAULT_ID, known)
            return
        for old in self._defaults:
            await self._on_disk(self._store.delete, old)
        self._records[DEFAULT_ID] = Record(DEFAULT_ID, card, "enrolling")
        photo = await asyncio.to_thread(embedded_photo().read_bytes)
        draft = await self._on_disk(self._store.begin, stem, photo)
        # Nobody can be speaking to anyone yet, so it need not be nice.
        await self._make(DEFAULT_ID, Order(b"", source="embedded"), draft, niceness=0)

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
        return self._store.preview(self._stem(identity_id))

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
            path = self._store.portrait(self._stem(identity_id))
            identity = await asyncio.to_thread(self._load_file, path)
            self.get(identity_id)  # it may have been deleted meanwhile
            while len(self._loaded) >= LOADED_IDENTITIES:
                del self._loaded[next(iter(self._loaded))]
            self._loaded[identity_id] = identity
        return identity

    async def add(self, order: Order) -> Record:
        """Queue what is asked for, or find it where it was asked for before.

        Raises:
            ApiError: 429 too many wait, 507 too many are kept, or the disk is full.
        """
        content = await asyncio.to_thread(lambda: order.content)
        for record in self:
            if record.card.content == content and record.status != "failed":
                return record
        if len(self._records) >= self._settings.max_identities:
            raise ApiError(
                507, "identities_full", "No more portraits can be kept: delete some."
            )
        if self._queue.full():
            raise ApiError(
                429,
                "enrolments_full",
                "Many portraits are being made: try again in a moment.",
                retry_after_s=5,
            )
        identity_id = f"idn_{secrets.token_urlsafe(12)}"
        card = Card(
            identity_id,
            order.name,
            now(),
            order.source,
            consent=order.consent,
            content=content,
        )
        record = Record(identity_id, card, "enrolling", "waiting")
        self._records[identity_id] = record
        await self._begin(identity_id, order)
        return record

    async def delete(self, identity_id: str) -> None:
        """Forget an identity and its files, also while it is being made.

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
        work = self._enrolling.get(identity_id)
        if work:
            work.cancel()
            await asyncio.wait([work])
        await self._on_disk(self._store.delete, identity_id)

    def _stem(self, identity_id: str) -> str:
        if identity_id == DEFAULT_ID:
            return f"{DEFAULT_ID}-{models_version()}"
        return identity_id

    async def _on_disk(
        self,
        call: Callable[Arguments, Result],
        *arguments: Arguments.args,
        **named: Arguments.kwargs,
    ) -> Result:
        """In the store's thread, after all that was begun before, even if nobody
        waits for that any more."""
        bound = functools.partial(call, *arguments, **named)
        return await asyncio.get_running_loop().run_in_executor(
            self._disk_thread, bound
        )

    async def _begin(self, identity_id: str, order: Order) -> None:
        """Queue the job first: its place is taken before anything is awaited."""
        draft: asyncio.Future[Draft] = asyncio.get_running_loop().create_future()
        job = _Job(identity_id, replace(order, photo=b""), draft)
        self._queue.put_nowait(job)
        try:
            draft.set_result(
                await self._on_disk(self._store.begin, identity_id, order.photo)
            )
        except BaseException as error:
            draft.cancel()
            self._records.pop(identity_id, None)
            if isinstance(error, OSError):
                raise ApiError(
                    507, "storage_failed", f"Nothing can be kept: {error.strerror}."
                ) from error
            raise

    def _keep(self, identity_id: str, card: Card) -> None:
        self._records[identity_id] = Record(identity_id, card, "ready", progress=1.0)

    def _update(self, identity_id: str, changed: Callable[[Record], Record]) -> None:
        record = self._records.get(identity_id)
        if record:  # it may have been deleted meanwhile
            self._records[identity_id] = changed(record)

    def _forget_failed(self) -> None:
        now_s = time.monotonic()
        for identity_id, since_s in list(self._failed_s.items()):
            if now_s - since_s > KEEP_FAILED_S:
                del self._failed_s[identity_id]
                self._records.pop(identity_id, None)

    async def _enrol(self, job: _Job) -> None:
        draft = await job.draft
        await self._make(job.identity_id, job.order, draft, NICENESS)

    async def _make(
        self, identity_id: str, order: Order, draft: Draft, niceness: int
    ) -> None:
        """From a draft to an identity, or to nothing."""

        def on_progress(stage: str, progress: float) -> None:
            self._update(
                identity_id,
                lambda record: replace(record, stage=stage, progress=progress),
            )

        problem: Problem | None = None
        try:
            outcome = await self._enroller.enrol(draft, order, niceness, on_progress)
            await self._publish(identity_id, draft, outcome)
        except EnrolmentFailed as failed:
            problem = failed.problem
        except OSError as error:
            problem = Problem(
                "storage_failed", f"The portrait cannot be kept: {error.strerror}."
            )
        finally:
            await self._on_disk(self._store.discard, draft)
        if problem:
            self._fail(identity_id, problem)
        self._metrics.enrolments.labels("failed" if problem else "done").inc()

    async def _publish(self, identity_id: str, draft: Draft, outcome: Outcome) -> None:
        card = replace(
            self._records[identity_id].card,
            notes=outcome.notes,
            refined=outcome.refined,
            synthetic=outcome.synthetic,
        )
        await self._on_disk(self._store.publish, draft, card)
        self._keep(identity_id, card)

    def _fail(self, identity_id: str, problem: Problem) -> None:
        self._update(
            identity_id, lambda record: replace(record, status="failed", error=problem)
        )
        if identity_id != DEFAULT_ID:
            self._failed_s[identity_id] = time.monotonic()
