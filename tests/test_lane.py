"""Being ahead: as much as is known, and never at a word's expense."""

import numpy as np
import pytest

from models.media import PLAYOUT_SAMPLES_PER_FRAME as FRAME
from server.broadcast import Broadcast, Outlet, VideoFormat
from server.lane import Lane
from server.playout import PlayoutBuffer, Utterance
from server.tracks import PacketTrack
from tests.fakes import FakePerformer, fake_identity

DELAY, AHEAD, AT_ONCE = 2, 2, 4


@pytest.fixture
def lane() -> Lane:
    broadcast = Broadcast(VideoFormat(128, 128, 500_000, 250_000, 900_000), 48_000)
    broadcast.add(Outlet(PacketTrack("audio"), PacketTrack("video"), "VP8"))
    return Lane(
        PlayoutBuffer(),
        FakePerformer(),
        fake_identity(),
        broadcast,
        on_released=lambda released: None,
    )


def take_in(lane: Lane) -> None:
    lane.take_in(DELAY, AHEAD, AT_ONCE)


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
    assert second.job.wanted == 4


def test_a_word_into_silence_made_ahead_waits_no_longer(lane: Lane) -> None:
    take_in(lane)
    work = [lane.next_work(AT_ONCE), lane.next_work(AT_ONCE)]
    release(lane)
    say(lane, 3)
    take_in(lane)
    revoked = [frame.number for each in work for frame in each.frames if frame.revoked]
    assert revoked == [1, 2, 3, 4]
    again = lane.next_work(AT_ONCE)
    assert [frame.number for frame in again.frames] == [1]
    assert again.job.samples.max() == 1.0
    levels = [release(lane) for _ in range(DELAY + 3)]
    assert levels == [0.0] * DELAY + [1.0] * 3


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
    assert [frame.number for frame in lane.unheard] == [1, 2, 3, 4, 5]


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
    lane.take_in(DELAY, 0, 1)
    work = lane.next_work(AT_ONCE)
    assert not work.frames
    assert work.job.wanted == 0
    assert not lane.unheard
