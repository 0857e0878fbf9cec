"""The playout buffer: what is to be said, what the performer has heard, what has left.

Samples go pending -> leaving -> released. The performer hears a sample when it moves to
`leaving`, a few frames before it is released, since its motion needs to look ahead.
Barge-in replaces `pending`, fades `leaving`, and begins a new generation: whoever still
makes sound for an old one makes it for nobody.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from models.emotion import Emotion
from models.media import PLAYOUT_RATE_HZ, FloatArray

FADE_SAMPLES = PLAYOUT_RATE_HZ // 50  # 20 ms
LOWERED_GAIN = 0.1  # of a voice that may be cut into
RAISE_SAMPLES = PLAYOUT_RATE_HZ // 10
CAPACITY_SAMPLES = 10 * PLAYOUT_RATE_HZ  # producers wait above this


def to_ms(samples: int) -> int:
    return samples * 1000 // PLAYOUT_RATE_HZ


@dataclass(frozen=True)
class CaptionMark:
    """A clause of an utterance; places in samples since the start of the utterance."""

    text: str
    start: int
    end: int
    words: tuple[tuple[str, int, int], ...] = ()


@dataclass(eq=False)
class Utterance:
    """One thing said, from its first sample to its last."""

    utterance_id: str
    source_event_id: str | None = None
    emotion: Emotion | None = None  # of the face while it is said
    captions: deque[CaptionMark] = field(default_factory=deque)
    pushed: int = 0  # samples made
    taken: int = 0  # samples that the performer has heard
    released: int = 0  # samples that have left
    finished: bool = False  # no more samples will be made
    live: bool = False  # said by a live voice


@dataclass(frozen=True)
class Started:
    utterance: Utterance
    media_sample: int


@dataclass(frozen=True)
class Ended:
    utterance: Utterance
    media_sample: int


@dataclass(frozen=True)
class Captioned:
    """mark's places plus `offset` are samples of media time."""

    utterance: Utterance
    mark: CaptionMark
    offset: int


@dataclass(frozen=True)
class Interrupted:
    utterance: Utterance
    media_sample: int
    played_samples: int


PlayoutEvent = Started | Ended | Captioned


@dataclass(frozen=True, eq=False)
class Released:
    """samples: float32 [n], from media time `start` (in samples) on."""

    samples: FloatArray
    start: int
    events: tuple[PlayoutEvent, ...]


@dataclass(frozen=True, eq=False)
class Live:
    """A moment of a live voice: float32 [n]; utterance: None while it says nothing."""

    samples: FloatArray
    utterance: Utterance | None


class LiveVoice(Protocol):
    """Somebody who speaks for the portrait at this moment."""

    def take(self, n: int, *, text_waits: bool) -> Live:
        """The next n samples; text_waits: it shall pause, since something else is to
        be said or is being said."""
        ...

    def hush(self) -> None:
        """It was interrupted."""
        ...


@dataclass(eq=False)
class _Segment:
    """A run of samples of one utterance; None is silence."""

    utterance: Utterance | None
    samples: FloatArray


class PlayoutBuffer:
    """Not thread-safe: the event loop alone touches it."""

    def __init__(self) -> None:
        self.generation = 0
        self.media_samples = 0  # released so far
        self._pending: deque[_Segment] = deque()
        self._pending_samples = 0
        self._leaving: deque[_Segment] = deque()
        self._active: deque[Utterance] = deque()
        self.live: LiveVoice | None = None  # heard while nothing else is
        self.lowered = False  # the voice gives way, until this is taken back
        self._gain = 1.0  # of the sample that left last

    @property
    def pending_samples(self) -> int:
        return self._pending_samples

    @property
    def room_samples(self) -> int:
        """How much more may be pushed; the producer must wait at 0."""
        return max(0, CAPACITY_SAMPLES - self._pending_samples)

    @property
    def speaking(self) -> bool:
        """Whether an utterance has started and not yet ended."""
        return any(utterance.released > 0 for utterance in self._active)

    @property
    def active(self) -> bool:
        """Whether anything is being said or waits to be."""
        return bool(self._active)

    def begin(self, generation: int, utterance: Utterance) -> bool:
        """Put an utterance after all the others; False if the generation is over."""
        if generation != self.generation:
            return False
        self._active.append(utterance)
        return True

    def push(self, generation: int, utterance: Utterance, samples: FloatArray) -> bool:
        """Append samples of an utterance that has begun; False if it is over."""
        if generation != self.generation:
            return False
        if len(samples):
            self._pending.append(_Segment(utterance, samples))
            self._pending_samples += len(samples)
            utterance.pushed += len(samples)
        return True

    def finish(self, generation: int, utterance: Utterance) -> None:
        """No more samples will come; an utterance without any is forgotten."""
        utterance.finished = True
        if generation == self.generation and not utterance.pushed:
            self._active.remove(utterance)

    def look_ahead(self, n: int) -> FloatArray:
        """What the performer hears next, float32 [n]; silence where nothing is said."""
        live = self._hear_live(n)
        if live and live.utterance:
            taken = [_Segment(live.utterance, live.samples)]
        else:
            taken = _take(self._pending, n)
            count = sum(len(segment.samples) for segment in taken)
            self._pending_samples -= count
            if count < n:
                rest = live.samples[count:] if live else np.zeros(n - count, np.float32)
                taken.append(_Segment(None, rest))
        for segment in taken:
            if segment.utterance:
                segment.utterance.taken += len(segment.samples)
        self._leaving.extend(taken)
        return _concat([_for_performer(segment) for segment in taken])

    def _hear_live(self, n: int) -> Live | None:
        if self.live is None:
            return None
        under_way = any(0 < each.taken and not _all_taken(each) for each in self._texts)
        waits = under_way or self._pending_samples > 0
        live = self.live.take(n, text_waits=waits)
        utterance = live.utterance
        if utterance:
            utterance.pushed += n
            if utterance not in self._active:
                # Before all that waits, after all that is on its way out.
                place = sum(each.taken > 0 for each in self._active)
                self._active.insert(place, utterance)
        return live

    @property
    def _texts(self) -> list[Utterance]:
        """What is active besides the live voice."""
        return [each for each in self._active if not each.live]

    def foreseen(self, n: int) -> bool:
        """Whether the next n samples are known: made already, or silence for now."""
        if self.live:
            return False
        made = all(utterance.finished for utterance in self._active)
        return made or self._pending_samples >= n

    def take_back(self, most: int, unit: int) -> int:
        """Undo the last look_aheads of silence; returns how many.

        most: so many at most, each of `unit` samples.
        """
        silent = 0
        for segment in reversed(self._leaving):
            if segment.utterance or segment.samples.any():
                break
            silent += len(segment.samples)
        count = min(most, silent // unit)
        left = count * unit
        while left:
            last = self._leaving.pop()
            if len(last.samples) > left:
                rest = last.samples[: len(last.samples) - left]
                self._leaving.append(_Segment(None, rest))
            left -= min(left, len(last.samples))
        return count

    def release(self, n: int) -> Released:
        """The next n samples to be sent, and what happens while they sound.

        Only what the performer has heard can leave: call look_ahead first.
        """
        start = self.media_samples
        events = self._ended()  # a live voice ends when it is heard to have paused
        taken = _take(self._leaving, n)
        for segment in taken:
            if segment.utterance:
                events.extend(self._advance(segment.utterance, len(segment.samples)))
            self.media_samples += len(segment.samples)
            events.extend(self._ended())
        return Released(self._softened(_concat(taken)), start, tuple(events))

    def interrupt(self) -> list[Interrupted]:
        """Fall silent within FADE_SAMPLES; begin a new generation."""
        self.generation += 1
        self._pending.clear()
        self._pending_samples = 0
        self._fade_leaving()
        if self.live:
            self.live.hush()
        interrupted = [
            Interrupted(utterance, self.media_samples, utterance.released)
            for utterance in self._active
        ]
        self._active.clear()
        return interrupted

    def _softened(self, samples: FloatArray) -> FloatArray:
        """As loud as it may leave; it moves the lips as if it were loud."""
        before, goal = self._gain, LOWERED_GAIN if self.lowered else 1.0
        if before == goal:
            return samples if goal == 1.0 else samples * np.float32(goal)
        steps = np.arange(1, len(samples) + 1, dtype=np.float32)
        slope = -1 / FADE_SAMPLES if self.lowered else 1 / RAISE_SAMPLES
        gains = np.clip(before + slope * steps, min(before, goal), max(before, goal))
        self._gain = float(gains[-1]) if len(gains) else before
        return samples * gains.astype(np.float32)

    def _advance(self, utterance: Utterance, n: int) -> list[PlayoutEvent]:
        events: list[PlayoutEvent] = []
        if utterance.released == 0:
            events.append(Started(utterance, self.media_samples))
        offset = self.media_samples - utterance.released
        utterance.released += n
        while utterance.captions and utterance.captions[0].start < utterance.released:
            events.append(Captioned(utterance, utterance.captions.popleft(), offset))
        return events

    def _ended(self) -> list[PlayoutEvent]:
        events: list[PlayoutEvent] = []
        while self._active:
            first = self._active[0]
            if not first.finished or first.released < first.pushed:
                break
            self._active.popleft()
            offset = self.media_samples - first.released
            events.extend(Captioned(first, mark, offset) for mark in first.captions)
            if first.released:
                events.append(Ended(first, self.media_samples))
        return events

    def _fade_leaving(self) -> None:
        total = sum(len(segment.samples) for segment in self._leaving)
        ramp = np.zeros(total, np.float32)
        fade = min(FADE_SAMPLES, total)
        if self.speaking or self.live:
            half_turn = np.arange(fade, dtype=np.float32) * np.pi / FADE_SAMPLES
            ramp[:fade] = 0.5 + 0.5 * np.cos(half_turn)
        faded = _concat(self._leaving) * ramp
        parts = faded[:fade], faded[fade:]
        self._leaving = deque(_Segment(None, part) for part in parts if len(part))


def _all_taken(utterance: Utterance) -> bool:
    return utterance.finished and utterance.taken >= utterance.pushed


def _for_performer(segment: _Segment) -> _Segment:
    """The room of a live voice is sent, but moves no lips."""
    if segment.utterance:
        return segment
    return _Segment(None, np.zeros(len(segment.samples), np.float32))


def _take(segments: deque[_Segment], n: int) -> list[_Segment]:
    """Remove up to n samples from the left."""
    taken: list[_Segment] = []
    while n and segments:
        first = segments[0]
        if len(first.samples) <= n:
            taken.append(segments.popleft())
        else:
            taken.append(_Segment(first.utterance, first.samples[:n]))
            segments[0] = _Segment(first.utterance, first.samples[n:])
        n -= len(taken[-1].samples)
    return taken


def _concat(segments: Sequence[_Segment] | deque[_Segment]) -> FloatArray:
    if not segments:
        return np.zeros(0, np.float32)
    return np.concatenate([segment.samples for segment in segments])
