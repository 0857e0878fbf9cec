"""The one clock: absolute deadlines on a grid of 40 ms frames and 20 ms packets.

Nothing here accumulates: every deadline is computed from the start of the clock, so a
late step does not move those after it.
"""

import asyncio
import time
from collections.abc import Callable

from models.media import FRAME_RATE_HZ, PACKET_SAMPLES, PLAYOUT_RATE_HZ

PACKETS_PER_FRAME = PLAYOUT_RATE_HZ // FRAME_RATE_HZ // PACKET_SAMPLES
PACKET_RATE_HZ = FRAME_RATE_HZ * PACKETS_PER_FRAME

# A machine that was stopped for so long does not make good for it: catching up would
# send seconds of sound in one burst.
MAX_BACKLOG_S = 1.0
LATE_S = 0.002


class MediaClock:
    """Frame deadlines for intake, packet deadlines for release.

    Frame k is taken in at start + 40 k ms; packet p leaves at start + lead + 20 p ms.
    `time_s` is any monotonic clock in seconds.
    """

    def __init__(
        self, lead_s: float, *, time_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._time_s = time_s
        self._lead_s = lead_s
        self._start_s = time_s()

    def now_s(self) -> float:
        return self._time_s()

    def frame_deadline_s(self, frame: int) -> float:
        return self._start_s + frame / FRAME_RATE_HZ

    def packet_deadline_s(self, packet: int) -> float:
        return self._start_s + self._lead_s + packet / PACKET_RATE_HZ

    def lateness_s(self, deadline_s: float) -> float:
        """How long ago the deadline was; negative while it is to come."""
        return self._time_s() - deadline_s

    async def until(self, deadline_s: float) -> float:
        """Wait for a deadline; returns how late it was met.

        After a stall of more than MAX_BACKLOG_S the whole grid moves, and media time
        goes on from where it was.
        """
        wait_s = deadline_s - self._time_s()
        # Even a deadline in the past lets the others run for a turn.
        await asyncio.sleep(max(0.0, wait_s))
        if self.lateness_s(deadline_s) > LATE_S:
            # Timers come before the network: what has come meanwhile is taken first.
            await asyncio.sleep(0)
        late_s = self.lateness_s(deadline_s)
        if late_s > MAX_BACKLOG_S:
            self._start_s += late_s
        return late_s
