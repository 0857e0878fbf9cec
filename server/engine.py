"""The engine: the only place where the server meets the models.

Everything here blocks and runs in device threads; the media loop calls it.
"""

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
import torch

from models.audio2motion import AudioToMotion
from models.emotion import Emotion
from models.identity import Identity
from models.media import (
    MOTION_CHANNELS,
    PLAYOUT_SAMPLES_PER_FRAME,
    FloatArray,
    Motion,
)
from models.performer import Performer
from models.warp import WarpRenderer

logger = logging.getLogger(__name__)

Posture = Literal["idle", "listening", "thinking", "speaking"]
Pictures = npt.NDArray[np.uint8]  # RGB [B, H, W, 3]


class Performing(Protocol):
    """models.performer.Performer, or a fake."""

    def push_audio(self, samples: FloatArray) -> Motion: ...

    def set_posture(self, posture: Posture) -> None: ...

    def set_expression(self, emotion: Emotion, expressivity: float) -> None: ...


@dataclass(frozen=True, eq=False)
class Models:
    """What the engine needs of models/.

    delay_frames: row j of a performer is the motion of frame j - delay_frames.
    render: identities and motion float32 [B, C] -> pictures.
    threads: so many may call at a time.
    mixed: whether a call should draw different identities, as a GPU likes it; a CPU
        would only copy them into one place first.
    """

    delay_frames: int
    performer: Callable[[int], Performing]
    render: Callable[[Sequence[Identity], FloatArray], Pictures]
    threads: int = 1
    mixed: bool = True


def load_models(device: str, threads: int) -> Models:
    """Load the networks and prepare the device."""
    torch.set_num_threads(threads)
    network = AudioToMotion.load().eval()
    renderer = WarpRenderer(device)
    on_cpu = renderer.device.type == "cpu"

    def render(identities: Sequence[Identity], motion: FloatArray) -> Pictures:
        with torch.inference_mode():
            pictures: Pictures = (
                renderer(identities, torch.from_numpy(motion)).cpu().numpy()
            )
        return pictures

    return Models(
        delay_frames=Performer.DELAY_FRAMES,
        performer=lambda seed: Performer(network, seed=seed),
        render=render,
        threads=(os.cpu_count() or 1) if on_cpu else 1,
        mixed=not on_cpu,
    )


@dataclass(frozen=True, eq=False)
class Job:
    """One session's part of a tick.

    samples: float32 [1920 n], all the performer has not heard yet.
    wanted: whether the last frame is to be drawn.
    """

    performer: Performing
    identity: Identity
    samples: FloatArray
    posture: Posture
    wanted: bool


class Engine:
    """Moves and draws sessions, in one batch per picture size.

    May be called from several threads, each with other performers.
    """

    def __init__(self, models: Models) -> None:
        self._models = models

    @property
    def delay_frames(self) -> int:
        return self._models.delay_frames

    @property
    def threads(self) -> int:
        """How many may call `step` at a time."""
        return self._models.threads

    def performer(self, seed: int) -> Performing:
        return self._models.performer(seed)

    def warm_up(self, identity: Identity) -> None:
        """Do everything once, so that the first viewer does not pay for it."""
        silence = np.zeros(PLAYOUT_SAMPLES_PER_FRAME, np.float32)
        performer = self.performer(0)
        for _ in range(3):
            self.step([Job(performer, identity, silence, "idle", wanted=True)])

    def step(self, jobs: Sequence[Job]) -> list[Pictures | None]:
        """One picture uint8 RGB [H, W, 3] for each job; None where none is wanted.

        A job that fails has no picture, and the others keep theirs.
        """
        rows = [self._move(job) for job in jobs]
        pictures: list[Pictures | None] = [None] * len(jobs)
        batches: dict[object, list[tuple[int, FloatArray]]] = {}
        for place, (job, row) in enumerate(zip(jobs, rows, strict=True)):
            if row is not None and job.wanted:
                like = job.identity.size if self._models.mixed else job.identity
                batches.setdefault(like, []).append((place, row))
        for batch in batches.values():
            self._draw(jobs, batch, pictures)
        return pictures

    def _move(self, job: Job) -> FloatArray | None:
        try:
            job.performer.set_posture(job.posture)
            last: FloatArray = job.performer.push_audio(job.samples).values[-1]
            return last
        except Exception:
            logger.exception("a performer failed")
            return None

    def _draw(
        self,
        jobs: Sequence[Job],
        batch: Sequence[tuple[int, FloatArray]],
        pictures: list[Pictures | None],
    ) -> None:
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
            pictures[place] = picture
