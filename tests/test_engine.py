"""The engine: one batch per size, and a failing job harms no other."""

from collections.abc import Sequence

import numpy as np

from models.identity import Identity
from models.media import FloatArray, Motion
from server.engine import Engine, Job, Models, Pictures
from tests.fakes import (
    DELAY_FRAMES,
    FakeIdentity,
    FakePerformer,
    fake_identity,
    fake_models,
    fake_render,
    mouth_light,
)


def job(
    performer: FakePerformer, level: float, *, frames: int = 1, wanted: bool = True
) -> Job:
    samples = np.full(1920, level, np.float32)
    return Job(performer, fake_identity(), samples, "idle", wanted)


def test_frame_i_shows_the_sound_of_frame_i() -> None:
    engine = Engine(fake_models())
    performer = FakePerformer()
    levels = [0.0, 0.3, 0.0, 0.1, 0.0, 0.0, 0.0]
    lights = []
    for level in levels:
        (picture,) = engine.step([job(performer, level)])
        assert picture is not None
        lights.append(round(mouth_light(picture)))
    expected = [40 + round(600 * level) for level in levels]
    assert lights[DELAY_FRAMES:] == expected[:-DELAY_FRAMES]


def test_what_was_missed_is_heard_but_only_the_last_is_drawn() -> None:
    engine = Engine(fake_models())
    late, prompt = FakePerformer(), FakePerformer()
    for level in (0.1, 0.2, 0.3):
        (expected,) = engine.step([job(prompt, level)])
    first = np.repeat(np.array([0.1, 0.2, 0.3], np.float32), 1920)
    (drawn,) = engine.step([Job(late, fake_identity(), first, "idle", True)])
    assert expected is not None and drawn is not None
    assert np.array_equal(expected, drawn)


def test_one_batch_for_each_size() -> None:
    batches: list[int] = []

    def render(identities: Sequence[Identity], motion: FloatArray) -> Pictures:
        batches.append(len(identities))
        return fake_render(identities, motion)

    engine = Engine(Models(DELAY_FRAMES, FakePerformer, render))
    small = FakeIdentity(size=(64, 64))
    jobs = [job(FakePerformer(), 0.1) for _ in range(3)]
    jobs.append(Job(FakePerformer(), small, jobs[0].samples, "idle", True))  # type: ignore[arg-type]
    jobs.append(job(FakePerformer(), 0.1, wanted=False))
    pictures = engine.step(jobs)
    assert sorted(batches) == [1, 3]
    assert [None if p is None else p.shape[0] for p in pictures] == [
        128,
        128,
        128,
        64,
        None,
    ]


class BrokenPerformer(FakePerformer):
    def push_audio(self, samples: FloatArray) -> Motion:
        raise RuntimeError("broken")


def test_a_broken_performer_loses_its_own_picture_only() -> None:
    engine = Engine(fake_models())
    pictures = engine.step([job(BrokenPerformer(), 0.1), job(FakePerformer(), 0.1)])
    assert pictures[0] is None and pictures[1] is not None


def test_a_broken_renderer_gives_no_picture_and_no_exception() -> None:
    def render(identities: Sequence[Identity], motion: FloatArray) -> Pictures:
        raise RuntimeError("broken")

    engine = Engine(Models(DELAY_FRAMES, FakePerformer, render))
    assert engine.step([job(FakePerformer(), 0.1)]) == [None]
