"""Identities as they are drawn: made ready before their first picture, and smaller
where the video or the machine asks for it."""

import asyncio
import logging
import os
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

from models.identity import Identity
from server.engine import Engine

logger = logging.getLogger(__name__)

MULTIPLE_PX = 8  # of the sides of a smaller picture
# As of nice(1): pictures that are due come first. Not further behind: a thread that is
# kept from the processor while it holds Python's lock keeps the voice waiting.
BEHIND_THE_OTHERS = 10
WORTH_IT = 0.9  # of the side; a picture that is hardly smaller is not made

Size = tuple[int, int]  # height, width


def drawn_size(own: Size, video: Size, share: float) -> Size:
    """The size in which a picture of size `own` is drawn for a video.

    As small as covers the video, of which only `share` is shown, and never larger
    than it is.
    """
    cover = min(1.0, max(video[0] / own[0], video[1] / own[1])) * share
    if cover > WORTH_IT:
        return own
    height, width = (
        max(MULTIPLE_PX, round(side * cover / MULTIPLE_PX) * MULTIPLE_PX)
        for side in own
    )
    return height, width


class Portraits:
    """Used on the event loop; the work is done in a thread of its own, since it takes
    long enough to hold up the pictures of everybody else."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._thread = ThreadPoolExecutor(
            1, thread_name_prefix="portraits", initializer=self._begin
        )
        self._smaller: weakref.WeakKeyDictionary[Identity, dict[Size, Identity]] = (
            weakref.WeakKeyDictionary()
        )
        self._making: dict[tuple[int, Size], asyncio.Task[None]] = {}

    def _begin(self) -> None:
        self._engine.prepare_thread()
        if sys.platform == "linux":  # where a thread has a priority of its own
            thread = threading.get_native_id()
            ours = os.getpriority(os.PRIO_PROCESS, os.getpid())
            os.setpriority(os.PRIO_PROCESS, thread, min(ours + BEHIND_THE_OTHERS, 19))

    async def ready(self, identity: Identity, size: Size) -> None:
        """Return when the identity can be drawn in that size at once."""
        loop = asyncio.get_running_loop()
        if size == identity.size:
            await loop.run_in_executor(self._thread, self._engine.prepare, identity)
        elif size not in self._smaller.get(identity, {}):
            made = await loop.run_in_executor(
                self._thread, self._engine.shrink, identity, *size
            )
            self._smaller.setdefault(identity, {})[size] = made

    def of(self, identity: Identity, size: Size) -> Identity:
        """The identity in that size; another size as long as that is being made."""
        if size == identity.size:
            return identity
        made = self._smaller.get(identity, {})
        if size in made:
            return made[size]
        key = id(identity), size
        if key not in self._making:
            task = asyncio.create_task(self._make(identity, size))
            self._making[key] = task
            task.add_done_callback(lambda _: self._making.pop(key))
        return identity

    async def _make(self, identity: Identity, size: Size) -> None:
        try:
            await self.ready(identity, size)
        except Exception:
            logger.exception("a smaller portrait could not be made")
            # Drawn as it is from now on: asking again each tick would not help.
            self._smaller.setdefault(identity, {})[size] = identity

    async def close(self) -> None:
        """Give the thread back."""
        for task in tuple(self._making.values()):
            task.cancel()
        await asyncio.gather(*self._making.values(), return_exceptions=True)
        self._thread.shutdown(wait=True, cancel_futures=True)
