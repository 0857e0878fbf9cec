"""How often something may be done."""

import time
from collections import OrderedDict

from server.errors import ApiError

MAX_CLIENTS = 10_000  # counted at a time; the longest unseen are forgotten


class Bucket:
    """A token bucket: `burst` at once, `per_s` for ever."""

    def __init__(self, per_s: float, burst: float) -> None:
        self._per_s = per_s
        self._burst = self._tokens = burst
        self._since_s = time.monotonic()

    def take(self) -> bool:
        """Count one; False if it is one too many."""
        now_s = time.monotonic()
        refill = (now_s - self._since_s) * self._per_s
        self._tokens = min(self._burst, self._tokens + refill)
        self._since_s = now_s
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class RateLimit:
    """A bucket for each client address."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def check(self, client: str) -> None:
        """Count one request.

        Raises:
            ApiError: 429.
        """
        bucket = self._buckets.pop(client, None)
        bucket = bucket or Bucket(self._per_minute / 60, self._per_minute)
        self._buckets[client] = bucket
        if len(self._buckets) > MAX_CLIENTS:
            self._buckets.popitem(last=False)
        if not bucket.take():
            raise ApiError(
                429,
                "too_many_requests",
                "Too many requests: slow down.",
                retry_after_s=1,
            )
