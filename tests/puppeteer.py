"""Somebody who speaks for the portrait, on a network and a clock that are made up."""

import heapq
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from models.gate import FRAME_SAMPLES
from models.media import PLAYOUT_RATE_HZ, PLAYOUT_SAMPLES_PER_FRAME, FloatArray
from server.metrics import Metrics
from server.microphone import Heard
from server.playout import PlayoutBuffer, PlayoutEvent
from server.protocol import Event
from server.puppet import Puppet

PACKET = 960
FRAME = PLAYOUT_SAMPLES_PER_FRAME
LEAVES_S = 0.06  # the lead and the frame of look-ahead, after it is taken


@dataclass(eq=False)
class Stage:
    """A puppet and a playout buffer, cranked frame by frame.

    sent: what the microphone heard, by the sender's own clock. rate_ppm: how much
    faster that clock is. delay_s: of each packet on its way; None: it is lost.
    """

    sent: FloatArray
    speech: Callable[[int], bool]
    rate_ppm: float = 0.0
    delay_s: Callable[[int], float | None] = lambda number: 0.01
    now_s: float = 100.0
    told: list[Event] = field(default_factory=list)
    heard: list[FloatArray] = field(default_factory=list)
    left: list[FloatArray] = field(default_factory=list)
    lags_ms: list[float] = field(default_factory=list)
    events: list[PlayoutEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.playout = PlayoutBuffer()
        self.metrics = Metrics()
        self.puppet = self.playout.live = Puppet(
            self.playout,
            1,
            ThreadPoolExecutor(1),
            self.told.append,
            self.metrics,
            on=True,
            time_s=lambda: self.now_s,
        )
        self._began_s = self.now_s
        self._number = 0
        self._decided = 0
        self._coming: list[tuple[float, int]] = []
        self._schedule()

    def _schedule(self) -> None:
        """When each packet comes."""
        per_s = PLAYOUT_RATE_HZ * (1 + self.rate_ppm / 1e6)
        for number in range(len(self.sent) // PACKET):
            delay_s = self.delay_s(number)
            if delay_s is not None:
                full_s = (number + 1) * PACKET / per_s
                heapq.heappush(self._coming, (self._began_s + full_s + delay_s, number))

    def crank(self, seconds: float) -> None:
        for _ in range(round(seconds * 25)):
            self._receive()
            self.heard.append(self.playout.look_ahead(FRAME))
            released = self.playout.release(FRAME)
            self.left.append(released.samples)
            self.events += released.events
            self.now_s += 0.04

    def _receive(self) -> None:
        """All packets that have come; what is missing before one is made up."""
        while self._coming and self._coming[0][0] <= self.now_s:
            arrived_s, number = heapq.heappop(self._coming)
            if number < self._number:
                continue
            first = self._number if self._number else number
            samples = self.sent[first * PACKET : (number + 1) * PACKET]
            end = (number + 1) * PACKET // FRAME_SAMPLES
            probabilities = [
                float(self.speech(frame * FRAME_SAMPLES))
                for frame in range(self._decided, end)
            ]
            self._decided = end
            jumps = self._number == 0
            self._number = number + 1
            heard = Heard(samples, number * PACKET, 0, jumps, jumps)
            self.puppet.hear(heard, arrived_s)
            self.puppet.unjudged()
            self.puppet.decide(probabilities)

    @property
    def output(self) -> FloatArray:
        return np.concatenate(self.left)
