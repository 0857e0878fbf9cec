"""Frames and sound -> one MP4 file: H.264 and AAC, constant 25 fps."""

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

from models.media import FRAME_RATE_HZ, PLAYOUT_RATE_HZ, FloatArray

# ITU-T H.273: 1 is BT.709 for primaries, transfer and matrix; range 1 is "limited".
BT709 = 1
LIMITED_RANGE = 1


class Mp4Writer:
    """Writes beside the goal and takes its name only when all is well.

    A context manager: after an exception nothing is left behind.
    """

    def __init__(self, path: Path, width: int, height: int) -> None:
        """Raises: OSError when the folder cannot be written."""
        self._path = path
        self._part = path.with_name(f".{path.name}.part")
        self._part.touch()  # a folder that cannot be written is told at once
        self._container = av.open(
            str(self._part), "w", format="mp4", options={"movflags": "+faststart"}
        )
        self._video = self._open_video(width, height)
        self._audio: AudioStream = self._container.add_stream(
            "aac", rate=PLAYOUT_RATE_HZ, layout="mono", bit_rate=128_000
        )
        self._frames = 0
        self._samples = 0

    def _open_video(self, width: int, height: int) -> VideoStream:
        # veryfast and CRF 18: visually lossless at 3 ms per 512x512 frame
        stream = self._container.add_stream(
            "libx264",
            rate=FRAME_RATE_HZ,
            options={"preset": "veryfast", "crf": "18"},
        )
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        codec = stream.codec_context
        codec.colorspace = codec.color_primaries = codec.color_trc = BT709
        codec.color_range = LIMITED_RANGE
        return stream

    def write(self, frame: npt.NDArray[np.uint8], samples: FloatArray) -> None:
        """One frame, uint8 RGB [H, W, 3], and its sound, float32 [1920] at 48 kHz."""
        picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
        picture = picture.reformat(format="yuv420p", dst_colorspace="ITU709")
        picture.pts, picture.time_base = self._frames, Fraction(1, FRAME_RATE_HZ)
        self._frames += 1
        self._container.mux(self._video.encode(picture))

        sound = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        sound.sample_rate = PLAYOUT_RATE_HZ
        sound.pts, sound.time_base = self._samples, Fraction(1, PLAYOUT_RATE_HZ)
        self._samples += len(samples)
        self._container.mux(self._audio.encode(sound))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._container.mux(self._video.encode(None))
                self._container.mux(self._audio.encode(None))
            self._container.close()
            if kind is None:
                self._part.replace(self._path)
        finally:
            self._part.unlink(missing_ok=True)
