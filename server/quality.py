"""How good pictures are where the machine is too slow, and when they get better again.

What gives way, in this order: the frame rate of sessions that do not speak, the size of
all pictures, the admission of new sessions. The voice never does. Decisions alone: the
media loop counts, and does what is decided.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from models.media import FRAME_RATE_HZ


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
LEAST_DUE = 20  # the first pictures of a viewer say nothing of the machine
# Up: nearly nothing was missed, and the device would still rest for a part of the time:
# a larger picture takes as much longer as it is larger. A step that did not hold makes
# the next try wait twice as long.
FINE_SHARE, BUSY_SHARE, BUSY_LARGER_SHARE = 0.01, 0.6, 0.8
PATIENCE_S, LONGEST_PATIENCE_S = 8, 128
HELD_S = 20  # a step up that lasts so long has held
SETTLING_S = 2  # after a step, what is missed may still be the old step's
# Who comes may be too much. Known from what a picture takes, before one is late: over
# the first share of the device's time it steps down, until the second suffices.
TOO_BUSY_SHARE, ENOUGH_ROOM_SHARE = 1.0, 0.9
LEAST_DRAWN = 10  # in a second, to tell from it what a picture takes


@dataclass(frozen=True)
class Second:
    """What was counted in a second.

    due: pictures that should have left; missed: of these, late or never.
    busy: the share of the time that the device worked. drawn: pictures it made.
    speaking, quiet: sessions that are watched, at its end.
    """

    due: int
    missed: int
    busy: float
    drawn: int = 0
    speaking: int = 0
    quiet: int = 1

    def busy_at(self, now: Step, other: Step) -> float:
        """The share of the time that the device would work at another step, for all who
        are there at its end."""
        wanted = FRAME_RATE_HZ * (self.speaking + self.quiet / other.idle_every)
        larger = (other.share / now.share) ** 2
        return wanted * larger * self.busy / max(1, self.drawn)


@dataclass(eq=False)
class Count:
    """Of the second that is not over yet; see Second."""

    due: int = 0
    missed: int = 0
    busy_s: float = 0.0
    drawn: int = 0

    def second(self, lasted_s: float, *, speaking: int, quiet: int) -> Second:
        """As if it had lasted a second."""
        return Second(
            round(self.due / lasted_s),
            round(self.missed / lasted_s),
            min(1.0, self.busy_s / lasted_s),
            round(self.drawn / lasted_s),
            speaking,
            quiet,
        )


class Ladder:
    """Mostly one step at a time; `hear` is called once a second."""

    def __init__(self, steps: Sequence[Step] = STEPS) -> None:
        self._steps = steps
        self._place = 0
        self._bad_s = self._good_s = 0
        self._since_step_s = HELD_S
        self._patience_s = PATIENCE_S
        self._went_up = False
        self._wanted = 0.0  # sessions' worth of pictures
        self._weighed = True  # whether the device is known to have time for them

    @property
    def step(self) -> Step:
        return self._steps[self._place]

    @property
    def next_share(self) -> float:
        """Of the picture, on the next step down that makes it smaller."""
        shares = [step.share for step in self._steps[self._place :]]
        return next((share for share in shares if share < shares[0]), shares[-1])

    @property
    def place(self) -> int:
        """0 is the best step."""
        return self._place

    def hear(self, second: Second) -> Step:
        """Count a second; returns the step that holds from now on."""
        self._since_step_s += 1
        if by := self._foreseen(second):
            self._move(by)
        if self._since_step_s <= SETTLING_S:
            return self.step
        if self._went_up and self._since_step_s >= HELD_S:
            self._went_up = False
            self._patience_s = PATIENCE_S
        share = second.missed / second.due if second.due >= LEAST_DUE else 0.0
        self._bad_s = self._bad_s + 1 if share > MISSED_SHARE else 0
        fine = share <= FINE_SHARE and self._has_room(second.busy)
        self._good_s = self._good_s + 1 if fine else 0
        if self._bad_s >= MISSED_SECONDS and self._place + 1 < len(self._steps):
            if self._went_up:
                self._patience_s = min(2 * self._patience_s, LONGEST_PATIENCE_S)
            self._move(self._down(second))
        elif self._good_s >= self._patience_s and self._place:
            self._move(-1)
        return self.step

    def _foreseen(self, second: Second) -> int:
        """How many steps down those who have come make necessary: one size at most."""
        wanted = second.speaking + second.quiet / self.step.idle_every
        self._weighed &= wanted <= self._wanted
        self._wanted = wanted
        settling = self._since_step_s <= SETTLING_S
        if self._weighed or settling or second.drawn < LEAST_DRAWN:
            return 0
        self._weighed = True
        if second.busy_at(self.step, self.step) <= TOO_BUSY_SHARE:
            return 0
        by = 0
        for step in self._steps[self._place + 1 :]:
            if not step.admits:  # for that, pictures must be missed
                break
            by += 1
            room = second.busy_at(self.step, step) <= ENOUGH_ROOM_SHARE
            if room or step.share < self.step.share:
                # What a picture takes while somebody connects may be too dark a view.
                self._weighed = room
                break
        return by

    def _has_room(self, busy: float) -> bool:
        """Whether the next better step is likely to hold."""
        better = self._steps[max(0, self._place - 1)]
        larger = (better.share / self.step.share) ** 2
        return busy * larger < (BUSY_LARGER_SHARE if larger > 1 else BUSY_SHARE)

    def _down(self, second: Second) -> int:
        """How many steps down is the next one that changes anything."""
        by = 1
        while not second.quiet and self._place + by + 1 < len(self._steps):
            worse = self._steps[self._place + by]
            if (worse.share, worse.admits) != (self.step.share, self.step.admits):
                break
            by += 1
        return by

    def _move(self, by: int) -> None:
        self._place += by
        self._went_up = by < 0
        self._bad_s = self._good_s = self._since_step_s = 0
