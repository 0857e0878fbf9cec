"""The engine: the only place where the server meets the models.

Everything here blocks and runs in one device thread; the media loop calls it. (Two
threads would draw hardly more on two cores: drawing is many small steps, and each
waits for Python's lock. Drawing several pictures in one call takes a third less each.)
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import cv2
import numpy as np
import numpy.typing as npt
import torch

from models.audio2motion import AudioToMotion
from models.emotion import Emotion
from models.identity import Identity
from models.media import (
    FRAME_MS,
    MOTION_CHANNELS,
    PLAYOUT_SAMPLES_PER_FRAME,
    FloatArray,
    Motion,
)
from models.performer import Performer
from models.shrunk import shrunk
from models.warp import WarpRenderer

logger = logging.getLogger(__name__)

Posture = Literal["idle", "listening", "thinking", "speaking"]
Pictures = npt.NDArray[np.uint8]  # RGB [B, H, W, 3], with a matte [B, H, W, 4]


class Performing(Protocol):
    """models.performer.Performer, or a fake.

    state: setting it later unhears what was heard since.
    """

    state: Any

    def push_audio(self, samples: FloatArray) -> Motion: ...

    def set_posture(self, posture: Posture) -> None: ...

    def set_expression(
        self, emotion: Emotion, expressivity: float, articulation: float
    ) -> None: ...


# Performers, each another, and what each is to hear.
PushTogether = Callable[[Sequence[Any], Sequence[FloatArray]], Sequence[Motion]]


@dataclass(frozen=True, eq=False)
class Models:
    """What the engine needs of models/.

    delay_frames: row j of a performer is the motion of frame j - delay_frames.
    live_performer: of live voices, which are `live_delay_frames` late; None: as others.
    render: identities and motion float32 [B, C] -> pictures.
    push_together: what push_audio of each performer gives, quicker, or None.
    prepare_thread: to be called once in each thread that uses the others.
    prepare: what render would do with an identity that it sees for the first time.
    shrink: an identity to a picture of height x width.
    """

    delay_frames: int
    performer: Callable[[int], Performing]
    render: Callable[[Sequence[Identity], FloatArray], Pictures]
    prepare_thread: Callable[[], None] = lambda: None
    prepare: Callable[[Identity], object] = lambda identity: None
    shrink: Callable[[Identity, int, int], Identity] = shrunk
    live_performer: Callable[[int], Performing] | None = None
    live_delay_frames: int = 0
    push_together: PushTogether | None = None


def load_models(
    device: str, threads: int, look_ahead_ms: int, live_look_ahead_ms: int
) -> Models:
    """Load the networks and prepare the device.

    look_ahead_ms: 80, 40 or 0; a smaller one shows live sound earlier, and knows less.
    """
    network = AudioToMotion.load().with_look_ahead(look_ahead_ms // FRAME_MS)
    live_network = network.with_look_ahead(live_look_ahead_ms // FRAME_MS)
    # Of the whole process. OpenCV would wake a pool for each picture's colours, which
    # costs three times what the colours do.
    cv2.setNumThreads(threads)
    renderer = WarpRenderer(device)
    silence, live_silence = network.initial_state(1), live_network.initial_state(1)

    def render(identities: Sequence[Identity], motion: FloatArray) -> Pictures:
        with torch.inference_mode():
            pictures: Pictures = (
                renderer(identities, torch.from_numpy(motion)).cpu().numpy()
            )
        return pictures

    return Models(
        delay_frames=network.look_ahead_frames,
        performer=lambda seed: Performer(network, seed=seed, audio=silence),
        render=render,
        # With OpenMP the number holds for the thread that sets it; others would share
        # each small step between all cores, and wait for those that are busy.
        prepare_thread=lambda: torch.set_num_threads(threads),
        prepare=renderer.prepared,
        live_performer=lambda seed: Performer(
            live_network, seed=seed, audio=live_silence
        ),
        live_delay_frames=live_network.look_ahead_frames,
        push_together=Performer.push_together,
    )


@dataclass(eq=False)
class Memory:
    """A performer's state before a job, once the engine has begun it."""

    state: Any = None


@dataclass(frozen=True, eq=False)
class Job:
    """One session's part of a tick.

    samples: float32 [1920 n], what the performer hears.
    wanted: which of the n rows are to be drawn, in order.
    rewind: go back to this state first. memory: where to keep the state before it.
    """

    performer: Performing
    identity: Identity
    samples: FloatArray
    posture: Posture
    wanted: Sequence[int]
    rewind: Memory | None = None
    memory: Memory | None = None


def _begin(job: Job) -> None:
    """Bring a job's performer to where it is to go on from."""
    if job.rewind and job.rewind.state is not None:
        job.performer.state = job.rewind.state
    if job.memory:
        job.memory.state = job.performer.state
    job.performer.set_posture(job.posture)


def _form(job: Job) -> tuple[tuple[int, int], bool]:
    """What the pictures of one batch have in common."""
    return job.identity.size, job.identity.transparent


class Engine:
    """Moves and draws sessions, in one batch per picture size."""

    def __init__(self, models: Models) -> None:
        self._models = models

    def delay_frames(self, *, live: bool) -> int:
        """Of the performer of a session, whose voice may be live."""
        if live and self._models.live_performer:
            return self._models.live_delay_frames
        return self._models.delay_frames

    def prepare_thread(self) -> None:
        """To be called once in each thread that calls anything else here."""
        self._models.prepare_thread()

    def performer(self, seed: int, *, live: bool = False) -> Performing:
        if live and self._models.live_performer:
            return self._models.live_performer(seed)
        return self._models.performer(seed)

    def prepare(self, identity: Identity) -> None:
        """Make ready what drawing an identity needs: takes a while, the first time."""
        self._models.prepare(identity)

    def shrink(self, identity: Identity, height: int, width: int) -> Identity:
        """The same portrait in another size, ready to be drawn."""
        smaller = self._models.shrink(identity, height, width)
        self._models.prepare(smaller)
        return smaller

    def warm_up(self, identity: Identity) -> None:
        """Do everything once, so that the first viewer does not pay for it."""
        silence = np.zeros(PLAYOUT_SAMPLES_PER_FRAME, np.float32)
        performer = self.performer(0)
        for _ in range(3):
            self.step([Job(performer, identity, silence, "idle", wanted=[0])])

    def step(self, jobs: Sequence[Job]) -> list[list[Pictures]]:
        """The wanted pictures of each job, uint8 RGB [H, W, 3], in order; with their
        matte, [H, W, 4], where its identity is transparent.

        A job that fails has no pictures, and the others keep theirs.
        """
        rows = self._move(jobs)
        pictures: list[list[Pictures]] = [[] for _ in jobs]
        for form in sorted({_form(job) for job in jobs}):
            batch = [
                (place, row)
                for place, job in enumerate(jobs)
                for row in rows[place]
                if _form(job) == form
            ]
            self._draw(jobs, batch, pictures)
        return pictures

    def _move(self, jobs: Sequence[Job]) -> list[FloatArray]:
        """The rows to be drawn of each, float32 [len(wanted), C]."""
        together = self._models.push_together
        performers = [job.performer for job in jobs]
        if together and 1 < len(jobs) == len(set(map(id, performers))):
            try:
                for job in jobs:
                    _begin(job)
                motions = together(performers, [job.samples for job in jobs])
                pairs = zip(jobs, motions, strict=True)
                return [motion.values[list(job.wanted)] for job, motion in pairs]
            except Exception:
                logger.exception("performers failed together, so each by itself")
            for job in jobs:
                if job.memory and job.memory.state is not None:
                    job.performer.state = job.memory.state
        return [self._move_alone(job) for job in jobs]

    def _move_alone(self, job: Job) -> FloatArray:
        try:
            _begin(job)
            values: FloatArray = job.performer.push_audio(job.samples).values
            return values[list(job.wanted)]
        except Exception:
            logger.exception("a performer failed")
            return np.zeros((0, len(MOTION_CHANNELS)), np.float32)

    def _draw(
        self,
        jobs: Sequence[Job],
        batch: Sequence[tuple[int, FloatArray]],
        pictures: list[list[Pictures]],
    ) -> None:
        if not batch:
            return
        motion = np.stack([row for _, row in batch])
        assert motion.shape[1] == len(MOTION_CHANNELS), motion.shape
        try:
            drawn = self._models.render(
                [jobs[place].identity for place, _ in batch], motion
            )
        except Exception:
            logger.exception("a batch of %d could not be drawn", len(batch))
            return
        for (place, _), picture in zip(batch, drawn, strict=True):
            pictures[place].append(picture)
