"""A visitor who has gone, or says nothing more: farewell, and the end."""

import asyncio
import time
from collections.abc import Callable

WATCH_S = 0.25


class Silence:
    """Runs from `run` until it is cancelled."""

    def __init__(
        self,
        limit_s: float | None,
        busy: Callable[[], bool],
        say_farewell: Callable[[], None],
        end: Callable[[], None],
    ) -> None:
        """limit_s: how long nobody need say anything; None or 0 is for ever.

        busy: whether something is said or thought of right now.
        end: called again and again from when farewell has been said.
        """
        self._limit_s = limit_s
        self._busy = busy
        self._say_farewell = say_farewell
        self._end = end
        self._broken_s = time.monotonic()
        self._leaving = False

    def broken(self) -> None:
        """Something has happened, though perhaps only the farewell."""
        self._broken_s = time.monotonic()

    def visitor_stays(self) -> None:
        """Even if farewell has been said."""
        self._leaving = False

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(WATCH_S)
            if self._busy():
                self.broken()
            elif self._leaving:
                self._end()
            elif self._limit_s and time.monotonic() - self._broken_s > self._limit_s:
                self._leaving = True
                self._say_farewell()
                self.broken()
