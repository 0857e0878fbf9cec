"""Sound and pictures as they come -> sound and pictures as devices take them, in step.

Sound is the master: a device takes it by its own clock, from a buffer that is kept
about 120 ms deep by playing up to 0.5 % faster or slower. A picture is shown when the
sound of its moment is; the last one is held while nothing comes.
"""

import threading
import time
from collections import deque
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from models.media import FRAME_RATE_HZ, PLAYOUT_RATE_HZ, FloatArray
from models.stretch import Stretch

Picture = npt.NDArray[np.uint8]  # RGB [H, W, 3]

# Of the buffer, when it begins to play and on average: a picture comes 20 ms after the
# first packet of its sound, and decoded when the next picture comes, 40 ms later.
DEPTH_S = 0.12
MOST_S = 0.4  # more than this is left out: the device was away
MAX_PICTURES = 2 * FRAME_RATE_HZ
SILENT_S = 0.5  # without sound, pictures go by their own time
_LONGEST_GAP_S = 0.2  # of lost sound that is filled with silence
_STRETCH_PER_S, _MOST_STRETCH, _TOLERANCE_S = 0.25, 0.005, 0.02
_EARLY_S = 0.5 / FRAME_RATE_HZ  # a picture is shown so much early rather than late


class Presentation:
    """Times of what comes are seconds of one clock for sound and picture alike.

    Thread-safe: devices take sound in threads of their own.
    """

    def __init__(self, time_s: Callable[[], float] = time.monotonic) -> None:
        self.latency_s = 0.0  # of the sound device
        self.underruns = 0
        self._time_s = time_s
        self._lock = threading.Lock()
        self._pictures: deque[tuple[float, Picture]] = deque(maxlen=MAX_PICTURES)
        self._shown: Picture | None = None
        self._anew()

    def _anew(self) -> None:
        self._sound = np.zeros(0, np.float32)
        self._at_s: float | None = None  # of the first sample in the buffer
        self._playing = False
        self._stretch = Stretch()
        self._pulled_s = -SILENT_S

    def restart(self) -> None:
        """Another connection: its times have nothing to do with those before."""
        with self._lock:
            self._anew()
            self._pictures.clear()

    def push_sound(self, at_s: float, samples: FloatArray) -> None:
        """float32 [n] at 48 kHz that belongs to `at_s` of the common clock."""
        with self._lock:
            gap_s = 0.0 if self._at_s is None else at_s - self._end_s
            if self._at_s is None or not -_LONGEST_GAP_S < gap_s < _LONGEST_GAP_S:
                self._sound = np.zeros(0, np.float32)
                self._at_s, gap_s = at_s, 0.0
            missing = round(gap_s * PLAYOUT_RATE_HZ) if gap_s > 0.005 else 0
            filler = np.zeros(missing, np.float32)
            self._sound = np.concatenate([self._sound, filler, samples])
            over = len(self._sound) - round(MOST_S * PLAYOUT_RATE_HZ)
            if over > 0:
                self._drop(len(self._sound) - round(DEPTH_S * PLAYOUT_RATE_HZ))

    def push_picture(self, at_s: float, picture: Picture) -> None:
        with self._lock:
            self._pictures.append((at_s, picture))

    def pull(self, n: int) -> FloatArray:
        """The next n samples for the device, silence where there are none."""
        with self._lock:
            self._pulled_s = self._time_s()
            depth_s = len(self._sound) / PLAYOUT_RATE_HZ
            if not self._playing:
                self._playing = depth_s >= DEPTH_S
            if not self._playing:
                return np.zeros(n, np.float32)
            off_s = depth_s - n / PLAYOUT_RATE_HZ - DEPTH_S
            ratio = 1.0
            if abs(off_s) > _TOLERANCE_S:
                stretch = off_s * _STRETCH_PER_S
                ratio += min(max(stretch, -_MOST_STRETCH), _MOST_STRETCH)
            if len(self._sound) < self._stretch.needs(n, ratio):
                return self._run_out(n)
            samples, consumed = self._stretch.push(self._sound, n, ratio)
            self._drop(consumed)
            return samples

    def picture(self) -> Picture | None:
        """What is to be seen now; None before the first."""
        with self._lock:
            now_s = self._heard_s()
            while self._pictures:
                at_s, picture = self._pictures[0]
                if now_s is not None and at_s > now_s + _EARLY_S:
                    break
                self._shown = picture
                self._pictures.popleft()
            return self._shown

    @property
    def _end_s(self) -> float:
        assert self._at_s is not None
        return self._at_s + len(self._sound) / PLAYOUT_RATE_HZ

    def _heard_s(self) -> float | None:
        """Which moment is heard now; None while no sound is played."""
        since_s = self._time_s() - self._pulled_s
        if self._at_s is None or not self._playing or since_s > SILENT_S:
            return None
        return self._at_s - self.latency_s + since_s

    def _run_out(self, n: int) -> FloatArray:
        """All that is left, and silence; then wait until there is enough again."""
        self.underruns += 1
        rest = self._sound[:n]
        self._drop(len(rest))
        self._playing = False
        self._stretch = Stretch()
        fade = np.linspace(1, 0, len(rest), dtype=np.float32)
        return np.pad(rest * fade, (0, n - len(rest)))

    def _drop(self, n: int) -> None:
        self._sound = self._sound[n:]
        if self._at_s is not None:
            self._at_s += n / PLAYOUT_RATE_HZ


def fitted(picture: Picture, width: int, height: int) -> Picture:
    """A picture in the middle of one of another size; beside it, its edges' colour.

    picture: not larger than that; what is larger is cut at its edges.
    """
    high, wide = picture.shape[:2]
    picture = picture[max(0, high - height) // 2 :][:height]
    picture = picture[:, max(0, wide - width) // 2 :][:, :width]
    high, wide = picture.shape[:2]
    if (high, wide) == (height, width):
        return picture
    canvas = np.empty((height, width, 3), np.uint8)
    canvas[:, : width // 2] = picture[:, :1].mean((0, 1))
    canvas[:, width // 2 :] = picture[:, -1:].mean((0, 1))
    top, left = (height - high) // 2, (width - wide) // 2
    canvas[top : top + high, left : left + wide] = picture
    return canvas
