"""Puppet mode: a visitor's own voice is the portrait's, a moment later.

The microphone's packets are put in order and decoded; what they hold waits here until
it is due (see server/arrivals.py), while a thread finds out what is speech. The media
clock takes it from here, 40 ms at a time. Sender's clock and media clock drift apart,
and the network's delay changes: pauses are shortened or lengthened by what that
makes, words are played up to 0.5 % faster or slower, and only what is far off is cut.
"""

import asyncio
import logging
import secrets
import statistics
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from typing import Protocol

import numpy as np

from models.conceal import (
    BLEND_SAMPLES,
    HISTORY_SAMPLES,
    LONGEST_SAMPLES,
    blended,
    made_up,
)
from models.gate import ROOM_GAIN, Gate
from models.media import FRAME_MS, PLAYOUT_RATE_HZ, FloatArray
from models.stretch import Stretch
from server.arrivals import Arrivals
from server.metrics import Metrics
from server.microphone import (
    Heard,
    MicPacket,
    Order,
    Ordered,
    PacketDecoder,
    Span,
    VoiceActivity,
)
from server.playout import Live, PlayoutBuffer, Utterance, to_ms
from server.protocol import Event, PuppetDelay, PuppetMicrophone

logger = logging.getLogger(__name__)

MAX_UNJUDGED = 100  # packets of which it is not known whether they are speech
MAX_SOUND_SAMPLES = PLAYOUT_RATE_HZ  # decoded, and not taken yet
ABSENT_S = 2.0  # without a packet; a silent sender (DTX) sends one each 0.4 s
# The gate looks so far ahead; half of all words are known for words within 54 ms. The
# lag gives it that: a packet brings up to 20 ms at once.
AHEAD_MS = 60
LEAST_LAG_MS = 50
# From a microphone to the sound that leaves: 20 ms until its packet is full, 40 of the
# frame that is taken at once, 20 of the media loop's lead, 6.5 that Opus looks ahead at
# either end, the look-ahead, and the lag.
MOST_DELAY_MS = 200
FIXED_MS = 93
TEXT_WAITS_S = 4.0  # for a pause of the speaker; then it is said all the same

_TOLERANCE = PLAYOUT_RATE_HZ * 5 // 1000  # samples that a place may be off
_MOST_EARLY = PLAYOUT_RATE_HZ * 30 // 1000  # and that are put right within a word
_MOST_LATE = PLAYOUT_RATE_HZ * 40 // 1000
_REMEMBERED = 5  # takes, of which the middle one tells how far it is off
_STRETCH_PER_SAMPLE = 0.25 / PLAYOUT_RATE_HZ  # a quarter of it within a second
_MOST_STRETCH = 0.005
_TAKES_PER_REPORT = 25
_TOLD_MS = 10  # a change of the delay that is worth telling


class Speaker(Protocol):
    """Whose microphone it is: a viewer's connection."""

    closed: bool


class Puppet:
    """The live voice of one session. on: whether the microphone is used at all."""

    def __init__(
        self,
        playout: PlayoutBuffer,
        delay_frames: int,
        voice_activity: Executor,
        tell: Callable[[Event], None],
        metrics: Metrics,
        *,
        on: bool,
        time_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """delay_frames: the look-ahead of the performer that hears it."""
        self.on = on
        self._playout = playout
        self._voice_activity = voice_activity
        self._tell = tell
        self._metrics = metrics
        self._time_s = time_s
        self._fixed_ms = FIXED_MS + delay_frames * FRAME_MS
        most_ms = max(MOST_DELAY_MS - self._fixed_ms, 0)
        least_ms = min(LEAST_LAG_MS, most_ms)
        self._arrivals = Arrivals(least_ms / 1000, most_ms / 1000)
        self._gate = Gate(AHEAD_MS * PLAYOUT_RATE_HZ // 1000)
        self._speaker: Speaker | None = None
        self._heard_s = 0.0  # when its last packet came
        self._order = Order()
        self._decoder = PacketDecoder()
        self._unjudged: deque[Span] = deque()
        self._begun = 0  # stretches that do not go on from those before
        self._arrived = asyncio.Event()
        self._utterance: Utterance | None = None
        self._hushed = False  # until the speaker pauses
        self._text_waited = 0
        self._history = np.zeros(HISTORY_SAMPLES, np.float32)  # of what has been taken
        self._made: FloatArray | None = None  # what goes on where nothing has come
        self._made_samples = 0
        self._takes = 0
        self._delay: PuppetDelay | None = None  # as told last
        self._present = False  # sound of a microphone comes
        self._begin()

    def _begin(self) -> None:
        """Of a stretch of the stream that does not go on from the one before."""
        self._sound = np.zeros(0, np.float32)
        self._at: int | None = None  # the place of its first sample
        self._off: deque[int] = deque(maxlen=_REMEMBERED)
        self._stretch = Stretch()

    # What comes in.

    def receive(self, speaker: Speaker, packet: MicPacket) -> None:
        """The microphone's next packet, as the network brings it.

        Of several who send sound the first is the voice, until it is gone or silent.
        """
        silent_s = packet.arrived_s - self._heard_s
        if self._speaker is None or self._speaker.closed or silent_s > ABSENT_S:
            self._speaker = speaker
        if self._speaker is not speaker:
            return
        self._heard_s = packet.arrived_s
        late = self._order.late
        ordered = self._order.push(packet)
        self._metrics.puppet_packets.labels("late").inc(self._order.late - late)
        self._decode(ordered)

    def _decode(self, ordered: Sequence[Ordered]) -> None:
        self._metrics.puppet_packets.labels("lost").inc(sum(x.lost for x in ordered))
        self._metrics.puppet_packets.labels("played").inc(len(ordered))
        for each in ordered:
            try:
                heard = self._decoder.hear(each)
            except Exception:  # what a hostile packet makes a decoder raise
                logger.exception("a microphone's packet was passed over")
                continue
            self.hear(heard, each.packet.arrived_s)

    def hear(self, heard: Heard, arrived_s: float) -> None:
        """Decoded sound has come."""
        if heard.restarts or self._arrivals.is_far(heard.place, arrived_s):
            self._arrivals.restart()
        self._arrivals.note(heard.place, arrived_s)
        if len(self._unjudged) >= MAX_UNJUDGED:  # the thread is stuck: begin anew
            heard = replace(heard, jumps=True)
        if heard.jumps:
            self._begin()
            self._gate.restart()
            self._at = heard.place
            self._begun += 1
            self._unjudged.clear()
        self._unjudged.append(Span(heard.samples, heard.jumps))
        self._arrived.set()
        self._sound = np.concatenate([self._sound, heard.samples])
        self._metrics.puppet_made_up_s.inc(heard.made_up / PLAYOUT_RATE_HZ)
        self._skip(len(self._sound) - MAX_SOUND_SAMPLES)

    def unjudged(self) -> list[Span]:
        """What has come since this was asked last: is it speech? See `decide`."""
        spans = list(self._unjudged)
        self._unjudged.clear()
        return spans

    def decide(self, probabilities: Sequence[float]) -> None:
        """The next of 32 ms are speech with these probabilities."""
        for probability in probabilities:
            self._gate.decide(probability)

    async def run(self) -> None:
        """Find out what is speech, until cancelled."""
        activity = VoiceActivity()
        loop = asyncio.get_running_loop()
        while True:
            self._arrived.clear()
            try:
                async with asyncio.timeout(ABSENT_S if self._present else None):
                    await self._arrived.wait()
            except TimeoutError:
                self._present = False
                self._tell(self._microphone_event())
                continue
            if not self._present:
                self._present = True
                self._tell(self._microphone_event())
            begun = self._begun
            judge = partial(activity.hear, self.unjudged())
            found = await loop.run_in_executor(self._voice_activity, judge)
            if begun == self._begun:
                self.decide(found)

    def standing(self) -> list[Event]:
        """What whoever comes has to know."""
        delay = [self._delay] if self._delay else []
        return [self._microphone_event(), *delay]

    def _microphone_event(self) -> PuppetMicrophone:
        media_ms = to_ms(self._playout.media_samples)
        return PuppetMicrophone(present=self._present, media_ms=media_ms)

    # What goes out.

    def take(self, n: int, *, text_waits: bool) -> Live:
        """See playout.LiveVoice."""
        while len(self._sound) < n and (ordered := self._order.give_up()):
            self._decode(ordered)
        speech = self._gate.opens_within(n)
        self._hushed = self._hushed and speech
        self._text_waited = self._text_waited + n if text_waits else 0
        yields = text_waits and (
            self._utterance is None
            or self._text_waited > TEXT_WAITS_S * PLAYOUT_RATE_HZ
        )
        silent = self._hushed or not self.on
        samples, spoken = self._play(n, speech, shut=yields or silent, silent=silent)
        if spoken and not self._utterance:
            self._utterance = Utterance(f"utt_{secrets.token_urlsafe(9)}", live=True)
        elif not spoken:
            self._end()
        return Live(samples, self._utterance)

    def hush(self) -> None:
        """Say nothing before the speaker has paused."""
        self._hushed = True
        self._gate.gain = 0.0  # what has left already fades by itself
        self._end()

    def mute(self) -> None:
        """The microphone is not used from now on."""
        self.on = False

    def _end(self) -> None:
        if self._utterance:
            self._utterance.finished = True
        self._utterance = None

    def _play(
        self, n: int, speech: bool, *, shut: bool, silent: bool
    ) -> tuple[FloatArray, bool]:
        """The next n samples, and whether they are spoken."""
        held, ratio = self._keep_time(n, paused=not speech)
        filled = self._fill(held) * self._gate.gain
        raw, consumed = self._read(n - held, ratio)
        room = 0.0 if silent else ROOM_GAIN
        passage = self._gate.push(consumed, shut=shut, room=room)
        self._advance(consumed)
        missing = self._fill(n - held - len(raw)) * self._gate.gain
        goes_on = self._utterance is not None and 0 < self._made_samples
        goes_on = goes_on and self._made_samples < LONGEST_SAMPLES and not shut
        played = raw * _spread(passage.gain, len(raw))
        self._report()
        samples = np.concatenate([filled, played, missing])
        return samples, passage.speech or goes_on

    def _keep_time(self, n: int, *, paused: bool) -> tuple[int, float]:
        """How many samples to wait, and how fast to play what follows; what is far
        too late is left out."""
        due = self._arrivals.due(self._time_s())
        if due is None or self._at is None:
            return n, 1.0
        self._off.append(due - (self._at + n))
        off = int(statistics.median(self._off))
        if off > (_TOLERANCE if paused else _MOST_LATE):
            left_out = max(0, min(off, len(self._sound) - n))
            if left_out:
                self._made = made_up(self._history, BLEND_SAMPLES)
            self._skip(left_out)
            self._move(-left_out)
        elif off < -(_TOLERANCE if paused else _MOST_EARLY):
            held = min(-off, n)
            self._move(held)
            return held, 1.0
        if paused or abs(off) <= _TOLERANCE:
            return 0, 1.0
        stretch = off * _STRETCH_PER_SAMPLE
        return 0, 1 + min(max(stretch, -_MOST_STRETCH), _MOST_STRETCH)

    def _move(self, by: int) -> None:
        self._off = deque((each + by for each in self._off), maxlen=_REMEMBERED)

    def _read(self, n: int, ratio: float) -> tuple[FloatArray, int]:
        """Up to n samples, fewer where no more have come, and what they took."""
        if n and len(self._sound) < self._stretch.needs(n, ratio):
            self._stretch, ratio = Stretch(), 1.0
            n = min(n, len(self._sound))
        if not n:
            return np.zeros(0, np.float32), 0
        raw, consumed = self._stretch.push(self._sound, n, ratio)
        if self._made is not None:
            raw = blended(np.pad(self._made, (0, BLEND_SAMPLES)), raw)
            self._made, self._made_samples = None, 0
        self._history = np.concatenate([self._history, raw])[-HISTORY_SAMPLES:]
        return raw, consumed

    def _fill(self, n: int) -> FloatArray:
        """Something in the place of n samples that have not come."""
        if not n:
            return np.zeros(0, np.float32)
        if self._made is None:
            self._made = made_up(self._history, LONGEST_SAMPLES)
        if self._utterance:
            self._metrics.puppet_made_up_s.inc(n / PLAYOUT_RATE_HZ)
        part, self._made = self._made[:n], self._made[n:]
        self._made_samples += n
        return np.pad(part, (0, n - len(part)))

    def _skip(self, n: int) -> None:
        """Leave out samples that have come."""
        if n > 0:
            self._gate.skip(n)
            self._advance(n)

    def _advance(self, n: int) -> None:
        self._sound = self._sound[n:]
        if self._at is not None:
            self._at += n

    def _report(self) -> None:
        """Once a second: how late the voice is."""
        self._takes += 1
        if self._takes % _TAKES_PER_REPORT or self._at is None or self._made_samples:
            return
        waited_s = self._arrivals.waited_s(self._at, self._time_s())
        delay_ms = round(waited_s * 1000) + self._fixed_ms
        self._metrics.puppet_delay_s.observe(delay_ms / 1000)
        if self._delay is None or abs(delay_ms - self._delay.delay_ms) >= _TOLD_MS:
            self._delay = PuppetDelay(
                delay_ms=delay_ms,
                jitter_ms=round(self._arrivals.jitter_s * 1000),
                media_ms=to_ms(self._playout.media_samples),
            )
            self._tell(self._delay)


def _spread(gain: FloatArray, n: int) -> FloatArray:
    """Of samples that were read, for those that were made of them."""
    if len(gain) == n or not n:
        return gain
    places = np.linspace(0, len(gain) - 1, n)
    return np.interp(places, np.arange(len(gain)), gain).astype(np.float32)
