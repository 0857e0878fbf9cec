"""One session's way through the media loop: what was taken in, drawn, and left.

Pictures are made ahead where the sound is known ahead, so that a machine that is busy
for a moment does not hold the picture up. Silence counts as known, but somebody may
speak into it: what was made ahead of it is taken back then, so that being ahead never
delays a word, and the performer unhears it. A word that breaks a silence takes 40 ms
more of it, whose pictures are certain already: they show nothing of the word that
follows them, and it is heard so much sooner.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from models.emotion import Emotion
from models.identity import Identity
from models.media import PLAYOUT_SAMPLES_PER_FRAME, FloatArray
from server.broadcast import Broadcast
from server.clock import PACKETS_PER_FRAME
from server.encoders import EncodedPacket, VideoCodec
from server.engine import Job, Memory, Performing, Pictures, Posture
from server.playout import PlayoutBuffer, Released
from server.protocol import Event


@dataclass(eq=False)
class Frame:
    """40 ms of sound, and the number of the picture that hearing it makes.

    number: negative while the performer hears what it must look ahead to.
    revoked: other sound takes its place.
    pictured: a picture is made of it; False where its number has one for good, or where
    another frame will make it.
    """

    number: int
    samples: FloatArray
    revoked: bool = False
    pictured: bool = True


@dataclass(frozen=True, eq=False)
class Take:
    """What a performer heard in one job, and its state before."""

    frames: Sequence[Frame]
    memory: Memory


@dataclass(frozen=True, eq=False)
class Work:
    """A job for the device, and the frames whose pictures it gives.

    left_out: pictures whose time has passed while a later one can be drawn.
    """

    job: Job
    frames: Sequence[Frame]
    left_out: int


async def _ready_at_once(identity: Identity) -> None:
    pass


@dataclass(eq=False)
class Lane:
    """tell: what happens to its pictures, to whoever watches.
    make_ready: returns when another identity can be drawn without a pause.
    delay_frames, live, seed: of its performer.
    losses: jobs in a row whose pictures could not be drawn.
    frames_in, packets_out: of this session, since it joined.

    first_packet: the packet of the clock with which frame 0 leaves.
    open_number: up to this picture, what is drawn may be encoded, for good.
    idle_every: while nobody speaks, one picture in so many is drawn.
    unheard: taken in and not yet pushed into the performer.
    drawn: pictures that wait to be encoded, ready: encoded ones that wait for their
    packet of sound, both by number.
    """

    playout: PlayoutBuffer
    performer: Performing
    identity: Identity
    broadcast: Broadcast
    on_released: Callable[[Released], None]
    tell: Callable[[Event], None] = lambda event: None
    make_ready: Callable[[Identity], Awaitable[None]] = _ready_at_once
    delay_frames: int = 2
    live: bool = False
    seed: int = 0
    losses: int = 0
    posture: Posture = "idle"
    idle_every: int = 1
    frames_in: int = 0
    packets_out: int = 0
    first_packet: int = 0
    open_number: int = -1
    unheard: deque[Frame] = field(default_factory=deque)
    drawn: dict[int, Pictures] = field(default_factory=dict)
    ready: dict[int, dict[VideoCodec, EncodedPacket]] = field(default_factory=dict)
    encoding: bool = False
    _taken: deque[Frame] = field(default_factory=deque)
    _takes: deque[Take] = field(default_factory=deque)
    _rewind: Take | None = None
    _generation: int = 0
    _expression: tuple[Emotion, float, float] | None = None
    _last_kept: int = -1  # up to this number, pictures were made before a word came

    @property
    def quiet(self) -> bool:
        """Whether nothing is said or waits to be."""
        return self.posture != "speaking" and not self.playout.active

    @property
    def next_number(self) -> int:
        """The first picture whose time to leave has not come."""
        return -(-self.packets_out // PACKETS_PER_FRAME)

    @property
    def next_shown(self) -> int:
        """The first picture that can still leave in time."""
        return self.packets_out // PACKETS_PER_FRAME

    def take_in(self, ahead: int, at_once: int) -> None:
        """Take what the next picture needs, and more of what is known.

        ahead: so many frames more are taken before they are needed, and then, at
        the same time, so many that `at_once` can be drawn together.
        """
        delay = self.delay_frames
        interrupted = self._generation != self.playout.generation
        self._generation = self.playout.generation
        if interrupted or self.playout.pending_samples:
            self._take_back()
        first = self.next_number
        while self._taken and self._taken[0].number < first:
            self._taken.popleft()
        while self._takes and self._takes[0].frames[-1].number < first:
            self._takes.popleft()
        needed = first + delay + 1
        goal = needed
        if self.frames_in < needed + ahead:
            goal += ahead + at_once - 1
        while self.frames_in < needed or (
            self.frames_in < goal and self.playout.foreseen(PLAYOUT_SAMPLES_PER_FRAME)
        ):
            samples = self.playout.look_ahead(PLAYOUT_SAMPLES_PER_FRAME)
            number = self.frames_in - delay
            frame = Frame(number, samples, pictured=number > self._last_kept)
            self._taken.append(frame)
            self.unheard.append(frame)
            self.frames_in += 1
        self.open_number = max(self.open_number, first)

    def _take_back(self) -> None:
        """Make room for new sound where silence was foreseen."""
        keep = max(self.next_number, self.open_number + 1)
        most = max(0, self.frames_in - self.delay_frames - keep + self._sooner())
        count = self.playout.take_back(most, PLAYOUT_SAMPLES_PER_FRAME)
        for _ in range(count):
            frame = self._taken.pop()
            frame.revoked = True
            if frame.number < keep and frame not in self.unheard:
                self._last_kept = max(self._last_kept, frame.number)
                continue
            frame.pictured = False
            self.drawn.pop(frame.number, None)
        self.frames_in -= count
        self._unhear()
        self.unheard = deque(each for each in self.unheard if not each.revoked)

    def _sooner(self) -> int:
        """How many frames of silence a word may take whose pictures are certain.

        Of what the performer looks ahead, half remains: the word's own pictures hear
        all of it. None, where the word's next sound may not come in time.
        """
        if not self.playout.pending_samples:
            return 0
        enough = self.playout.foreseen(2 * PLAYOUT_SAMPLES_PER_FRAME)
        return min(1, self.delay_frames) if enough else 0

    def _unhear(self) -> None:
        """Let the performer go back to before the first job with a revoked frame."""
        while self._takes and self._takes[-1].frames[-1].revoked:
            self._rewind = self._takes.pop()

    def next_work(self, at_once: int, portrait: Identity | None = None) -> Work:
        """What to hear and draw next; some must be unheard.

        A picture that is needed at the next release is drawn alone, else up to
        `at_once`. portrait: what is drawn, if it is not the identity.
        """
        first = self.next_shown
        rewind, self._rewind = self._rewind, None
        heard = [each for each in rewind.frames if not each.revoked] if rewind else []
        wanted: list[int] = []
        left_out, most = 0, at_once
        while self.unheard and len(wanted) < most:
            frame = self.unheard.popleft()
            heard.append(frame)
            if not self._is_shown(frame):
                continue
            if frame.number < first and self.unheard:
                left_out += 1
                continue
            if not wanted and frame.number <= first:
                most = 1
            wanted.append(len(heard) - 1)
        take = Take(tuple(heard), Memory())
        self._takes.append(take)
        job = Job(
            self.performer,
            portrait or self.identity,
            np.concatenate([frame.samples for frame in heard]),
            self.posture,
            wanted,
            rewind.memory if rewind else None,
            take.memory,
        )
        return Work(job, [heard[row] for row in wanted], left_out)

    def _is_shown(self, frame: Frame) -> bool:
        if not self.broadcast.watched or not frame.pictured or frame.number < 0:
            return False
        return not (self.quiet and frame.number % self.idle_every)

    def express(
        self, emotion: Emotion, expressivity: float, articulation: float
    ) -> None:
        """From the next row on; see emotion.Expression.set."""
        self._expression = emotion, expressivity, articulation
        self.performer.set_expression(*self._expression)

    def lose_performer(self, performer: Performing) -> None:
        """Go on with another one, which has heard nothing."""
        if self._expression:
            performer.set_expression(*self._expression)
        self.performer = performer
        self._takes.clear()
        self._rewind = None

    def next_drawn(self) -> tuple[int, Pictures] | None:
        """The next picture to be encoded, if its turn has come."""
        number = min(self.drawn, default=self.open_number + 1)
        if number > self.open_number:
            return None
        return number, self.drawn.pop(number)
