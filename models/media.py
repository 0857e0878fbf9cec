"""The vocabulary that flows: rates, audio chunks, speech marks and motion.

Media time is a sample count, never a float clock. Frame i of the picture belongs to
samples [1920 i, 1920 (i + 1)) of the playout audio.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
import numpy.typing as npt

from models.blendshapes import ARKIT_NAMES

FRAME_RATE_HZ = 25
PLAYOUT_RATE_HZ = 48_000  # what Opus and the browser play
MODEL_RATE_HZ = 16_000  # what the audio-to-motion network hears
VIDEO_CLOCK_HZ = 90_000  # the RTP clock of every video codec (RFC 6184, RFC 7741)

FRAME_MS = 1000 // FRAME_RATE_HZ
PLAYOUT_SAMPLES_PER_FRAME = PLAYOUT_RATE_HZ // FRAME_RATE_HZ  # 1920
MODEL_SAMPLES_PER_FRAME = MODEL_RATE_HZ // FRAME_RATE_HZ  # 640
VIDEO_TICKS_PER_FRAME = VIDEO_CLOCK_HZ // FRAME_RATE_HZ  # 3600
PACKET_SAMPLES = PLAYOUT_SAMPLES_PER_FRAME // 2  # one 20 ms Opus packet

LIP_CHANNELS = ("aperture", "width", "speech")
HEAD_CHANNELS = ("head_yaw", "head_pitch", "head_roll")
MOTION_CHANNELS = (*LIP_CHANNELS, *ARKIT_NAMES, *HEAD_CHANNELS, "breath")
CHANNEL_INDEX = {name: column for column, name in enumerate(MOTION_CHANNELS)}

FloatArray = npt.NDArray[np.float32]

# The light of red, green and blue (ITU-R BT.601).
LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class SpeechMark:
    """When a word or a phoneme sounds, for captions.

    start, end: samples since the start of the utterance, at the rate of the chunk
    that carries the mark.
    text: the word as written, or the phoneme in IPA.
    """

    kind: Literal["word", "phoneme"]
    text: str
    start: int
    end: int


@dataclass(frozen=True, eq=False)
class AudioChunk:
    """A stretch of mono sound.

    samples: float32 [n], -1 to 1.
    marks: what is said in or near this chunk, in order of start.
    """

    samples: FloatArray
    rate_hz: int
    marks: tuple[SpeechMark, ...] = ()

    @property
    def duration_s(self) -> float:
        return len(self.samples) / self.rate_hz


@dataclass(frozen=True, eq=False)
class Motion:
    """What the portrait does, 25 rows a second.

    values: float32 [T, len(MOTION_CHANNELS)], columns in the order of MOTION_CHANNELS:

    aperture, width: the inner-lip gap (13 to 14) and inner-lip width (78 to 308) to be
        shown, in IOD (the photo's distance between the outer eye corners), whatever the
        photo's own mouth does; head pose excluded.
    speech: 0 the photo's own mouth, 1 the absolute aperture and width; a blend between.
    ARKit names: 0 to 1; Left and Right are the subject's own.
    head_yaw, head_pitch, head_roll: degrees from the photo's pose. Positive yaw moves
        the nose to the picture's right, positive pitch lifts it, positive roll leans
        the head clockwise as the viewer sees it.
    breath: -1 exhaled to 1 inhaled.
    """

    values: FloatArray

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, rows: slice) -> Self:
        return type(self)(self.values[rows])

    def channel(self, name: str) -> FloatArray:
        """One column, float32 [T]; KeyError for a name not in MOTION_CHANNELS."""
        return self.values[:, CHANNEL_INDEX[name]]

    @classmethod
    def still(cls, frames: int) -> Self:
        """The photo as it is, for that many frames."""
        return cls(np.zeros((frames, len(MOTION_CHANNELS)), np.float32))

    @classmethod
    def concat(cls, parts: Sequence[Self]) -> Self:
        return cls(np.concatenate([part.values for part in parts]))
