"""How good pictures are where the machine is too slow, and when they get better again.

What gives way, in this order: the frame rate of sessions that do not speak, the size of
all pictures, the admission of new sessions. The voice never does. Decisions alone: the
media loop counts, and does what is decided.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """idle_every: of a session that does not speak, one picture in so many is drawn.
    share: of the width and height of every picture.
    admits: whether new sessions are let in.
    """

    name: str
    idle_every: int
    share: float
    admits: bool


STEPS = (
    Step("full", 1, 1.0, admits=True),
    Step("idle_12_fps", 2, 1.0, admits=True),
    Step("idle_6_fps", 4, 1.0, admits=True),
    Step("size_75", 4, 0.75, admits=True),
    Step("size_50", 4, 0.5, admits=True),
    Step("refuse", 4, 0.5, admits=False),
)

# Down: more than this share of a second's pictures came late or never, so many seconds
# in a row. Long enough that a hitch costs a few pictures and nothing else.
MISSED_SHARE, MISSED_SECONDS = 0.06, 2
# Up: the device rests for so much of the time, and nearly nothing was missed. A step
# that did not hold makes the next try wait twice as long.
BUSY_SHARE, FINE_SHARE = 0.6, 0.01
PATIENCE_S, LONGEST_PATIENCE_S = 8, 128
HELD_S = 20  # a step up that lasts so long has held
SETTLING_S = 2  # after a step, what is missed may still be the old step's


@dataclass(frozen=True)
class Second:
    """What was counted in a second.

    due: pictures that should have left; missed: of these, late or never.
    busy: the share of the time that the device worked.
    """

    due: int
    missed: int
    busy: float


class Ladder:
    """One step at a time; `hear` is called once a second."""

    def __init__(self, steps: Sequence[Step] = STEPS) -> None:
        self._steps = steps
        self._place = 0
        self._bad_s = self._good_s = 0
        self._since_step_s = HELD_S
        self._patience_s = PATIENCE_S
        self._went_up = False

    @property
    def step(self) -> Step:
        return self._steps[self._place]

    @property
    def place(self) -> int:
        """0 is the best step."""
        return self._place

    def hear(self, second: Second) -> Step:
        """Count a second; returns the step that holds from now on."""
        self._since_step_s += 1
        if self._since_step_s <= SETTLING_S:
            return self.step
        if self._went_up and self._since_step_s >= HELD_S:
            self._went_up = False
            self._patience_s = PATIENCE_S
        share = second.missed / second.due if second.due else 0.0
        self._bad_s = self._bad_s + 1 if share > MISSED_SHARE else 0
        fine = share <= FINE_SHARE and second.busy < BUSY_SHARE
        self._good_s = self._good_s + 1 if fine else 0
        if self._bad_s >= MISSED_SECONDS and self._place + 1 < len(self._steps):
            if self._went_up:
                self._patience_s = min(2 * self._patience_s, LONGEST_PATIENCE_S)
            self._move(1)
        elif self._good_s >= self._patience_s and self._place:
            self._move(-1)
        return self.step

    def _move(self, by: int) -> None:
        self._place += by
        self._went_up = by < 0
        self._bad_s = self._good_s = self._since_step_s = 0
