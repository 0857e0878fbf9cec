"""The device thread: what the engine does, one step after the other.

A thread that hangs cannot be stopped: it is given up, and another takes its place.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from server.engine import Engine, Job, Pictures

logger = logging.getLogger(__name__)

# A device that takes so long over a step will not come back. After so many the process
# itself is not to be trusted with new sessions.
HUNG_S = 3.0
MOST_LOST = 3

Made = list[list[Pictures]]  # of each job, of each of its frames


@dataclass(frozen=True, eq=False)
class Begun:
    """A step that a thread was given."""

    made: asyncio.Future[Made]
    thread: ThreadPoolExecutor
    began_s: float


@dataclass(frozen=True, eq=False)
class Ended:
    """made: fewer jobs than were asked for, or none, where the step failed."""

    made: Made
    seconds: float


class Device:
    def __init__(self, engine: Engine) -> None:
        self.hung_s = HUNG_S
        self._engine = engine
        self._lost = 0
        self._working_since_s: float | None = None
        self.thread = self._new_thread()

    def _new_thread(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(
            1, thread_name_prefix="device", initializer=self._engine.prepare_thread
        )

    @property
    def busy(self) -> bool:
        return self._working_since_s is not None

    @property
    def healthy(self) -> bool:
        """Whether it still does what it is told."""
        return self._lost < MOST_LOST

    def begin(self, jobs: Sequence[Job]) -> Begun:
        """Give it a step; it must not be busy."""
        now_s = self._working_since_s = time.perf_counter()
        loop = asyncio.get_running_loop()
        made = loop.run_in_executor(self.thread, self._engine.step, jobs)
        return Begun(made, self.thread, now_s)

    async def end(self, begun: Begun) -> Ended | None:
        """What the step made; None if its thread was given up meanwhile."""
        made: Made = []
        try:
            made = await begun.made
        except Exception:
            # The picture holds; the voice goes on.
            logger.exception("the device failed at a tick")
        if begun.thread is not self.thread:
            return None
        self._working_since_s = None
        return Ended(made, time.perf_counter() - begun.began_s)

    def gave_up(self) -> bool:
        """Give its thread up if that hangs. Whatever the step used may be in its hands
        still."""
        since_s = self._working_since_s
        if since_s is None or time.perf_counter() - since_s < self.hung_s:
            return False
        logger.error("the device hangs: its thread is given up")
        self._lost += 1
        self.thread.shutdown(wait=False, cancel_futures=True)
        self.thread = self._new_thread()
        self._working_since_s = None
        return True

    def close(self) -> None:
        self.thread.shutdown(wait=True, cancel_futures=True)
