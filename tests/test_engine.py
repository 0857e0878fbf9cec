"""The engine: one batch per size, and a failing job harms no other."""

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import numpy as np

from models.identity import Identity
from models.media import FloatArray, Motion
from server.engine import Engine, Job, Memory, Models, Pictures
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
    performer: FakePerformer, level: float, *, frames: int = 1, wanted: int = 1
) -> Job:
    samples = np.full(1920, level, np.float32)
    return Job(performer, fake_identity(), samples, "idle", range(wanted))


def test_frame_i_shows_the_sound_of_frame_i() -> None:
    engine = Engine(fake_models())
    performer = FakePerformer()
    levels = [0.0, 0.3, 0.0, 0.1, 0.0, 0.0, 0.0]
    lights = []
    for level in levels:
        ((picture,),) = engine.step([job(performer, level)])
        lights.append(round(mouth_light(picture)))
    expected = [40 + round(600 * level) for level in levels]
    assert lights[DELAY_FRAMES:] == expected[:-DELAY_FRAMES]


def test_what_was_missed_is_heard_but_only_the_last_is_drawn() -> None:
    engine = Engine(fake_models())
    late, prompt = FakePerformer(), FakePerformer()
    for level in (0.1, 0.2, 0.3):
        ((expected,),) = engine.step([job(prompt, level)])
    first = np.repeat(np.array([0.1, 0.2, 0.3], np.float32), 1920)
    ((drawn,),) = engine.step([Job(late, fake_identity(), first, "idle", [2])])
    assert np.array_equal(expected, drawn)


def test_frames_drawn_together_are_those_drawn_one_by_one() -> None:
    engine = Engine(fake_models())
    alone, together = FakePerformer(), FakePerformer()
    levels = np.array([0.1, 0.2, 0.3, 0.1], np.float32)
    singly = [engine.step([job(alone, level)])[0][0] for level in levels]
    sound = np.repeat(levels, 1920)
    (batch,) = engine.step([Job(together, fake_identity(), sound, "idle", [1, 2, 3])])
    assert len(batch) == 3
    assert np.array_equal(batch, singly[1:])


def test_one_batch_for_each_size() -> None:
    batches: list[int] = []

    def render(identities: Sequence[Identity], motion: FloatArray) -> Pictures:
        batches.append(len(identities))
        return fake_render(identities, motion)

    engine = Engine(Models(DELAY_FRAMES, FakePerformer, render))
    small = FakeIdentity(size=(64, 64))
    jobs = [job(FakePerformer(), 0.1) for _ in range(3)]
    jobs.append(Job(FakePerformer(), small, jobs[0].samples, "idle", [0]))  # type: ignore[arg-type]
    jobs.append(job(FakePerformer(), 0.1, wanted=0))
    pictures = engine.step(jobs)
    assert sorted(batches) == [1, 3]
    heights = [[picture.shape[0] for picture in each] for each in pictures]
    assert heights == [[128], [128], [128], [64], []]


def test_one_batch_for_those_with_a_matte() -> None:
    drawn: list[list[bool]] = []

    def render(identities: Sequence[Identity], motion: FloatArray) -> Pictures:
        drawn.append([identity.transparent for identity in identities])
        return fake_render([fake_identity()] * len(identities), motion)

    engine = Engine(Models(DELAY_FRAMES, FakePerformer, render))
    clear = cast(Identity, FakeIdentity(transparent=True))
    samples = job(FakePerformer(), 0.1).samples
    jobs = [
        Job(FakePerformer(), identity, samples, "idle", [0])
        for identity in (fake_identity(), clear, fake_identity())
    ]
    pictures = engine.step(jobs)
    assert sorted(drawn) == [[False, False], [True]]
    assert [len(each) for each in pictures] == [1, 1, 1]


class BrokenPerformer(FakePerformer):
    def push_audio(self, samples: FloatArray) -> Motion:
        raise RuntimeError("broken")


def test_a_broken_performer_loses_its_own_picture_only() -> None:
    engine = Engine(fake_models())
    pictures = engine.step([job(BrokenPerformer(), 0.1), job(FakePerformer(), 0.1)])
    assert [len(each) for each in pictures] == [0, 1]


def test_a_broken_renderer_gives_no_picture_and_no_exception() -> None:
    def render(identities: Sequence[Identity], motion: FloatArray) -> Pictures:
        raise RuntimeError("broken")

    engine = Engine(Models(DELAY_FRAMES, FakePerformer, render))
    assert engine.step([job(FakePerformer(), 0.1)]) == [[]]


def test_sessions_move_together_and_each_by_itself_when_that_fails() -> None:
    calls = []

    def push(
        performers: Sequence[FakePerformer], sounds: Sequence[FloatArray]
    ) -> list[Motion]:
        calls.append(len(performers))
        heard = [
            one.push_audio(each) for one, each in zip(performers, sounds, strict=True)
        ]
        if len(calls) > 1:
            raise RuntimeError("broken")
        return heard

    engine = Engine(replace(fake_models(), push_together=push))
    performers = [FakePerformer() for _ in range(3)]
    alone = [FakePerformer() for _ in range(3)]
    one_by_one = Engine(fake_models())
    for level in (0.3, 0.1, 0.0, 0.0):
        jobs = [replace(job(each, level), memory=Memory()) for each in performers]
        together = engine.step(jobs)
        singly = [one_by_one.step([job(each, level)])[0] for each in alone]
        for (picture,), (expected,) in zip(together, singly, strict=True):
            assert np.array_equal(picture, expected)
    assert calls == [3, 3, 3, 3]
    engine.step([job(performers[0], 0.1)])
    assert len(calls) == 4
