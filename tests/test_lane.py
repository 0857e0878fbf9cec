"""Being ahead: as much as is known, and never at a word's expense."""

from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.identity import Identity
from models.media import PLAYOUT_SAMPLES_PER_FRAME as FRAME
from models.media import FloatArray, Motion
from server.broadcast import Broadcast, Outlet, VideoFormat
from server.engine import Engine
from server.lane import Lane
from server.playout import PlayoutBuffer, Utterance
from server.tracks import PacketTrack
from tests.fakes import FakePerformer, fake_identity, fake_models

DELAY, AHEAD, AT_ONCE = 2, 2, 4


@pytest.fixture
def lane() -> Lane:
    return make_lane(FakePerformer())


def make_lane(performer: FakePerformer) -> Lane:
    broadcast = Broadcast(VideoFormat(128, 128, 500_000, 250_000, 900_000), 48_000)
    broadcast.add(Outlet(PacketTrack("audio"), PacketTrack("video"), "VP8"))
    return Lane(
        PlayoutBuffer(),
        performer,
        fake_identity(),
        broadcast,
        on_released=lambda released: None,
    )


def take_in(lane: Lane) -> None:
    lane.take_in(AHEAD, AT_ONCE)


def release(lane: Lane) -> float:
    """One frame leaves; returns its loudest sample."""
    released = lane.playout.release(FRAME)
    lane.packets_out += 2
    return float(np.abs(released.samples).max())


def say(lane: Lane, frames: int, *, finished: bool = True) -> None:
    utterance = Utterance("u")
    generation = lane.playout.generation
    lane.playout.begin(generation, utterance)
    lane.playout.push(generation, utterance, np.ones(frames * FRAME, np.float32))
    if finished:
        lane.playout.finish(generation, utterance)


def test_silence_is_made_ahead_in_batches(lane: Lane) -> None:
    take_in(lane)
    assert lane.frames_in == DELAY + 1 + AHEAD + AT_ONCE - 1
    first = lane.next_work(AT_ONCE)
    assert [frame.number for frame in first.frames] == [0]
    second = lane.next_work(AT_ONCE)
    assert [frame.number for frame in second.frames] == [1, 2, 3, 4]
    assert len(second.job.samples) == 4 * FRAME
    assert list(second.job.wanted) == [0, 1, 2, 3]


def test_a_word_into_silence_waits_for_half_of_what_is_looked_ahead(lane: Lane) -> None:
    take_in(lane)
    work = [lane.next_work(AT_ONCE), lane.next_work(AT_ONCE)]
    release(lane)
    say(lane, 3)
    take_in(lane)
    frames = [frame for each in work for frame in each.frames]
    assert [frame.number for frame in frames if frame.revoked] == [0, 1, 2, 3, 4]
    assert [frame.number for frame in frames if frame.pictured] == [0], "it is certain"
    again = lane.next_work(AT_ONCE)
    assert [frame.number for frame in again.frames] == [1]
    levels = again.job.samples.reshape(-1, FRAME).max(1).tolist()
    assert levels == [0.0] * DELAY + [1.0, 1.0], "all from the start, and the word"
    assert [release(lane) for _ in range(DELAY + 2)] == [0.0] * (DELAY - 1) + [1.0] * 3


def test_a_word_waits_longer_if_its_next_sound_may_be_late(lane: Lane) -> None:
    take_in(lane)
    lane.next_work(AT_ONCE)
    release(lane)
    say(lane, 1, finished=False)
    take_in(lane)
    assert [release(lane) for _ in range(DELAY + 1)] == [0.0] * DELAY + [1.0]


def test_a_picture_that_was_not_begun_is_made_of_the_word(lane: Lane) -> None:
    take_in(lane)
    say(lane, 3)
    take_in(lane)
    work = lane.next_work(AT_ONCE)
    assert [frame.number for frame in work.frames] == [0]
    assert work.job.samples[-1] == 1.0


def test_without_look_ahead_a_word_takes_no_silence_that_is_certain() -> None:
    lane = make_lane(FakePerformer())
    lane.delay_frames = 0
    take_in(lane)
    lane.next_work(AT_ONCE)
    say(lane, 3)
    take_in(lane)
    assert [release(lane) for _ in range(3)] == [0.0, 1.0, 1.0]


def test_sound_that_is_not_made_yet_is_not_taken_for_silence(lane: Lane) -> None:
    say(lane, 4, finished=False)
    take_in(lane)
    assert lane.frames_in == 4
    release(lane)
    take_in(lane)
    assert lane.frames_in == 4, "frame 1 needs no more, and more is not known"


def test_what_may_be_encoded_is_never_taken_back(lane: Lane) -> None:
    take_in(lane)
    lane.next_work(AT_ONCE)
    lane.drawn[0] = np.zeros((2, 2, 3), np.uint8)
    lane.drawn[1] = np.zeros((2, 2, 3), np.uint8)
    drawn = lane.next_drawn()
    assert drawn and drawn[0] == 0
    assert lane.next_drawn() is None, "its turn has not come"
    say(lane, 1)
    take_in(lane)
    assert not lane.drawn
    shown = [frame.number for frame in lane.unheard if frame.pictured]
    assert shown == [1, 2, 3, 4, 5]


def test_after_an_interrupt_what_was_ahead_is_made_anew(lane: Lane) -> None:
    say(lane, 20)
    take_in(lane)
    ahead = lane.next_work(AT_ONCE), lane.next_work(AT_ONCE)
    release(lane)
    lane.playout.interrupt()
    take_in(lane)
    assert [frame.revoked for each in ahead for frame in each.frames][1:] == [True] * 4
    assert release(lane) > 0, "the fade"
    assert [release(lane) for _ in range(3)] == [0.0] * 3


def test_pictures_whose_time_has_passed_are_left_out(lane: Lane) -> None:
    take_in(lane)
    for _ in range(3):
        release(lane)
    work = lane.next_work(AT_ONCE)
    assert work.left_out == 3
    assert work.frames[0].number == 3
    assert len(work.job.samples) == (DELAY + 4) * FRAME


def test_nothing_is_drawn_for_nobody(lane: Lane) -> None:
    lane.broadcast._outlets.clear()
    lane.take_in(0, 1)
    work = lane.next_work(AT_ONCE)
    assert not work.frames
    assert not work.job.wanted
    assert not lane.unheard


class Witness(FakePerformer):
    """Remembers all that it heard, a level a frame; unhears it when it goes back."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[float] = []

    @property
    def state(self) -> list[float]:
        return list(self.heard)

    @state.setter
    def state(self, state: list[float]) -> None:
        self.heard = list(state)

    def push_audio(self, samples: FloatArray) -> Motion:
        self.heard += np.abs(samples.reshape(-1, FRAME)).max(1).tolist()
        return super().push_audio(samples)


Deed = Literal["tick", "draw", "say", "say_on", "cut"]


@given(st.lists(st.sampled_from(["tick", "tick", "draw", "say", "say_on", "cut"])))
def test_the_performer_has_heard_what_is_played_and_nothing_else(
    deeds: list[Deed],
) -> None:
    """However often silence is taken back; sound that an interruption cuts may have
    been heard, for so long as it was certain."""
    performer = Witness()
    lane, engine = make_lane(performer), Engine(fake_models())
    played: list[float] = []
    cut_at: list[int] = []
    for deed in [*deeds, "tick", "draw", "draw", "draw"]:
        if deed == "tick":
            take_in(lane)
            played.append(release(lane))
        elif deed == "draw" and lane.unheard:
            engine.step([lane.next_work(AT_ONCE).job])
        elif deed in ("say", "say_on"):
            say(lane, 2, finished=deed == "say")
        elif deed == "cut":
            lane.playout.interrupt()
            cut_at.append(len(played))
        # What was taken back is heard anew with what takes its place.
        if deed == "draw" and lane._rewind is None:
            known = min(len(performer.heard), len(played))
            certain = {n + k for n in cut_at for k in range(DELAY + AT_ONCE)}
            for frame in set(range(known)) - certain:
                assert performer.heard[frame] == played[frame], frame
            assert len(performer.heard) == lane.frames_in - len(lane.unheard)


def test_a_quiet_session_may_be_drawn_less_often(lane: Lane) -> None:
    lane.idle_every = 2
    take_in(lane)
    work = [lane.next_work(AT_ONCE), lane.next_work(AT_ONCE)]
    assert [frame.number for frame in work[0].frames] == [0]
    assert [frame.number for frame in work[1].frames] == [2, 4]
    assert sum(len(each.job.samples) for each in work) == lane.frames_in * FRAME
    assert not sum(each.left_out for each in work)


def test_a_speaking_session_is_drawn_in_full(lane: Lane) -> None:
    lane.idle_every = 4
    say(lane, 20)
    take_in(lane)
    work = [lane.next_work(AT_ONCE), lane.next_work(AT_ONCE)]
    assert [f.number for each in work for f in each.frames] == [0, 1, 2, 3, 4]


def test_what_is_drawn_may_be_smaller(lane: Lane) -> None:
    smaller: Identity = fake_identity()
    take_in(lane)
    assert lane.next_work(AT_ONCE, smaller).job.identity is smaller
    assert lane.next_work(AT_ONCE).job.identity is lane.identity
