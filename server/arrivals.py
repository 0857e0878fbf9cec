"""When packets of a live stream come, and when each sample is due because of it.

The sender's clock is known by its fastest packets of late: they show when a sample was
there at the earliest. A sample is due a lag later, which nearly all packets meet. Both
follow the network, and with them the sender's clock, which is never quite ours.
"""

from collections import deque

import numpy as np

from models.media import PLAYOUT_RATE_HZ

WINDOW_S = 6.0  # 200 ppm of drift are 1 ms in it
MOST_NOTED = 400
FAR_S = 1.0
_MET = 0.98  # share of packets that the lag waits for
_REVIEW = 5  # packets between two looks at the window


def unwrapped(value: int, near: int, bits: int) -> int:
    """A counter of RTP that wraps round, as the one nearest to an earlier value."""
    size = 1 << bits
    return near + (value - near + size // 2) % size - size // 2


class Arrivals:
    """Times are monotonic seconds, places samples at 48 kHz on the sender's clock."""

    def __init__(self, least_lag_s: float, most_lag_s: float) -> None:
        self._least_s, self._most_s = least_lag_s, most_lag_s
        self._noted: deque[tuple[float, float]] = deque(maxlen=MOST_NOTED)
        self._since_review = 0
        self.earliest_s: float | None = None  # arrival of place 0, by fast packets
        self.jitter_s = 0.0

    @property
    def lag_s(self) -> float:
        """How long after its earliest arrival a sample is due."""
        return min(max(self.jitter_s, self._least_s), self._most_s)

    def note(self, place: int, arrived_s: float) -> None:
        """A packet whose first sample is `place` has come."""
        transit_s = arrived_s - place / PLAYOUT_RATE_HZ
        self._noted.append((arrived_s, transit_s))
        if self.earliest_s is None or transit_s < self.earliest_s:
            self.earliest_s = transit_s
        self._since_review += 1
        if self._since_review >= _REVIEW:
            self._review(arrived_s)

    def is_far(self, place: int, arrived_s: float) -> bool:
        """Whether a packet's time has nothing to do with those before: a microphone
        that is replaced may count anew."""
        if self.earliest_s is None:
            return False
        late_s = arrived_s - place / PLAYOUT_RATE_HZ - self.earliest_s
        return abs(late_s) > FAR_S

    def due(self, now_s: float) -> int | None:
        """The place up to which samples are due; None before any packet."""
        if self.earliest_s is None:
            return None
        return round((now_s - self.earliest_s - self.lag_s) * PLAYOUT_RATE_HZ)

    def waited_s(self, place: int, now_s: float) -> float:
        """How long a place that leaves now has waited since its earliest arrival."""
        assert self.earliest_s is not None
        return now_s - self.earliest_s - place / PLAYOUT_RATE_HZ

    def restart(self) -> None:
        """Another stream: its places have nothing to do with those before."""
        self._noted.clear()
        self.earliest_s = None
        self.jitter_s = 0.0
        self._since_review = 0

    def _review(self, now_s: float) -> None:
        self._since_review = 0
        while self._noted[0][0] < now_s - WINDOW_S:
            self._noted.popleft()
        transits_s = np.array([transit_s for _, transit_s in self._noted])
        self.earliest_s = float(transits_s.min())
        self.jitter_s = float(np.quantile(transits_s, _MET)) - self.earliest_s
