"""A gate for a live voice: speech passes, the room does not.

What decides is the voice activity of each 32 ms (models/vad.py), so that a fan, a
keyboard or music stay out however loud they are. The gate opens before the speech it
has found, as far as the stream's delay lets it look ahead, and closes well after it.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np

from models.media import MODEL_RATE_HZ, PLAYOUT_RATE_HZ, FloatArray
from models.vad import VAD_SAMPLES

FRAME_SAMPLES = VAD_SAMPLES * PLAYOUT_RATE_HZ // MODEL_RATE_HZ  # of a decision: 1536
ROOM_GAIN = 10 ** (-24 / 20)  # of what is not speech
BLOCK_SAMPLES = PLAYOUT_RATE_HZ // 100

# Speech begins at _ON and is certain at _SURE: from then on a pause of _HANG_FRAMES
# (0.29 s) belongs to it; without being certain, one frame does. Below _OFF it pauses.
_ON, _SURE, _OFF = 0.35, 0.6, 0.3
_HANG_FRAMES, _UNSURE_FRAMES = 9, 1
_OPENING_BLOCKS, _CLOSING_BLOCKS = 1, 10  # 10 ms up, 100 ms down


@dataclass(eq=False)
class SpeechDetector:
    """Hysteresis and hang-over on the probabilities of speech, frame by frame."""

    speaking: bool = False
    sure: bool = False
    quiet_frames: int = 0

    def push(self, probability: float) -> bool:
        """Whether this frame belongs to speech."""
        self.sure = self.speaking and self.sure or probability >= _SURE
        if probability >= (_OFF if self.speaking else _ON):
            self.speaking, self.quiet_frames = True, 0
        elif self.speaking:
            self.quiet_frames += 1
            most = _HANG_FRAMES if self.sure else _UNSURE_FRAMES
            self.speaking = self.quiet_frames <= most
        return self.speaking


@dataclass(frozen=True, eq=False)
class Passage:
    """gain: float32 [n], how loud each sample passes. speech: whether any is speech."""

    gain: FloatArray
    speech: bool


class Gate:
    """Decisions go in as the sound comes; gains come out when it leaves."""

    def __init__(self, ahead_samples: int) -> None:
        """ahead_samples: speech so far ahead opens the gate."""
        self._ahead = ahead_samples
        self._detector = SpeechDetector()
        self._frames: deque[bool] = deque()  # decided, the last `_decided` of all
        self._decided = 0
        self._first = 0  # the frame of the next sample that leaves
        self._place = 0  # of that sample within it
        self.gain = ROOM_GAIN  # of the sample that left last

    def decide(self, probability: float) -> None:
        """The next 32 ms of the stream are speech with that probability.

        Where decisions come later than their sound leaves, the last one holds.
        """
        self._frames.append(self._detector.push(probability))
        self._decided += 1
        self._forget()

    def opens_within(self, n: int) -> bool:
        """Whether any of the next n samples, or what follows at once, is speech."""
        return any(self._open(start) for start in range(0, n, BLOCK_SAMPLES))

    def push(self, n: int, *, shut: bool = False, room: float = ROOM_GAIN) -> Passage:
        """The next n samples of the stream leave.

        shut: whatever they are, they are no speech. room: the gain of what is none.
        """
        gains, speech = [np.zeros(0, np.float32)], False
        for start in range(0, n, BLOCK_SAMPLES):
            is_open = not shut and self._open(start)
            speech |= is_open
            block = min(BLOCK_SAMPLES, n - start)
            gains.append(self._ramp(block, 1.0 if is_open else room))
        self.skip(n)
        return Passage(np.concatenate(gains), speech)

    def skip(self, n: int) -> None:
        """The next n samples of the stream are left out."""
        self._place += n
        while self._place >= FRAME_SAMPLES:
            self._place -= FRAME_SAMPLES
            self._first += 1
        self._forget()

    def _forget(self) -> None:
        """Decisions on frames that have left, but the last."""
        while len(self._frames) > 1 and self._decided - len(self._frames) < self._first:
            self._frames.popleft()

    def restart(self) -> None:
        """Another stream begins."""
        self._detector = SpeechDetector()
        self._frames.clear()
        self._decided = self._first = self._place = 0

    def _open(self, start: int) -> bool:
        """Whether the block that begins `start` samples on is speech, or nearly."""
        if not self._frames:
            return False
        end = start + BLOCK_SAMPLES - 1 + self._ahead
        first = self._first + (self._place + start) // FRAME_SAMPLES
        last = self._first + (self._place + end) // FRAME_SAMPLES
        earliest = self._decided - len(self._frames)
        first = max(min(first, self._decided - 1), earliest) - earliest
        last = max(min(last, self._decided - 1), earliest) - earliest
        return any(self._frames[number] for number in range(first, last + 1))

    def _ramp(self, n: int, goal: float) -> FloatArray:
        """How loud the next n samples are."""
        before = self.gain
        quick = goal > before or goal == 0
        blocks = _OPENING_BLOCKS if quick else _CLOSING_BLOCKS
        step = n / BLOCK_SAMPLES / blocks
        self.gain = before + min(max(goal - before, -step), step)
        return np.linspace(before, self.gain, n, endpoint=False, dtype=np.float32)
