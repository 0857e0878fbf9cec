"""A stream of sound played a little faster or slower, to follow another clock."""

import math

import numpy as np

from models.media import FloatArray

_BEFORE, _AFTER = 1, 2  # samples that a cubic needs on either side of a place


class Stretch:
    """Reads a stream at any rate near 1, by Catmull-Rom cubics; at exactly 1, from its
    start on, samples pass as they are.

    Any chunking gives the same samples: the state is a place between two samples.
    """

    def __init__(self) -> None:
        self._place = 0.0  # of the next sample, in samples after the stream's first
        self._before = np.zeros(_BEFORE, np.float32)

    def needs(self, n: int, ratio: float) -> int:
        """How many samples `push` must be given to make n at that rate."""
        if self._passes(ratio):
            return n
        return math.floor(self._place + (n - 1) * ratio) + _AFTER + 1

    def push(self, samples: FloatArray, n: int, ratio: float) -> tuple[FloatArray, int]:
        """Make n samples; ratio: samples read for each one made.

        samples: float32 [at least needs(n, ratio)], from the first not yet consumed.
        Returns float32 [n] and how many were consumed: what is left is to be given
        again.
        """
        if self._passes(ratio):
            self._before = samples[n - _BEFORE : n].copy()
            return samples[:n].copy(), n
        places = self._place + np.arange(n) * ratio
        whole = np.floor(places).astype(np.int64)
        t = (places - whole).astype(np.float32)
        held = np.concatenate([self._before, samples])
        a, b, c, d = (held[whole + step] for step in range(4))
        bend, twist = a - 2.5 * b + 2 * c - d / 2, (d - a + 3 * (b - c)) / 2
        made = b + t * ((c - a) / 2 + t * (bend + t * twist))
        end = self._place + n * ratio
        consumed = math.floor(end)
        self._place = end - consumed
        if consumed:
            self._before = held[consumed : consumed + _BEFORE].copy()
        return made.astype(np.float32), consumed

    def _passes(self, ratio: float) -> bool:
        return ratio == 1.0 and self._place == 0.0
