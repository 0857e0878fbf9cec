"""Frames and sound -> one film file, constant 25 fps.

MP4 (H.264, AAC) plays everywhere. With an alpha channel: WebM (VP9, Opus) for
browsers, MOV (ProRes 4444, PCM) for editing.
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

from models.disclosure import OF_A_PHOTO, Disclosure
from models.media import FRAME_RATE_HZ, PLAYOUT_RATE_HZ, FloatArray

# ITU-T H.273: 1 is BT.709 for primaries, transfer and matrix; range 1 is "limited".
BT709 = 1
LIMITED_RANGE = 1


@dataclass(frozen=True)
class FilmFormat:
    """A container and its codecs, by their names in FFmpeg.

    source: of the frames given: "rgb24", or "rgba" with an alpha channel.
    """

    container: str
    video: str
    pixels: str
    video_options: tuple[tuple[str, str], ...]
    audio: str
    samples: str
    source: str = "rgb24"
    container_options: tuple[tuple[str, str], ...] = ()

    @property
    def with_alpha(self) -> bool:
        return self.source == "rgba"


MP4 = FilmFormat(
    "mp4",
    "libx264",
    "yuv420p",
    # veryfast and CRF 18: visually lossless at 3 ms per 512x512 frame
    (("preset", "veryfast"), ("crf", "18")),
    "aac",
    "fltp",
    container_options=(("movflags", "+faststart"),),
)
ALPHA_WEBM = FilmFormat(
    "webm",
    "libvpx-vp9",
    "yuva420p",
    # A second stream of the alpha plane needs both look-ahead tricks off.
    (
        ("crf", "18"),
        ("b", "0"),
        ("deadline", "good"),
        ("cpu-used", "5"),
        ("row-mt", "1"),
        ("auto-alt-ref", "0"),
        ("lag-in-frames", "0"),
    ),
    "libopus",
    "flt",
    source="rgba",
)
ALPHA_MOV = FilmFormat(
    "mov",
    "prores_ks",
    "yuva444p10le",
    (("profile", "4444"), ("alpha_bits", "8"), ("vendor", "apl0")),
    "pcm_s16le",
    "s16",
    source="rgba",
    container_options=(("movflags", "+use_metadata_tags"),),
)


class FilmWriter:
    """Writes beside the goal and takes its name only when all is well.

    A context manager: after an exception nothing is left behind.
    """

    def __init__(
        self,
        path: Path,
        width: int,
        height: int,
        form: FilmFormat = MP4,
        disclosure: Disclosure = OF_A_PHOTO,
    ) -> None:
        """Raises: OSError when the folder cannot be written."""
        self._path = path
        self._disclosure = disclosure
        self._form = form
        self._part = path.with_name(f".{path.name}.part")
        self._part.touch()  # a folder that cannot be written is told at once
        self._container = av.open(
            str(self._part),
            "w",
            format=form.container,
            options=dict(form.container_options),
        )
        self._container.metadata.update(disclosure.tags())
        self._video = self._open_video(width, height)
        audio = self._container.add_stream(
            form.audio, rate=PLAYOUT_RATE_HZ, layout="mono"
        )
        assert isinstance(audio, AudioStream)
        self._audio = audio
        if not form.audio.startswith("pcm"):
            self._audio.bit_rate = 128_000
        self._frames = 0
        self._samples = 0

    def _open_video(self, width: int, height: int) -> VideoStream:
        form = self._form
        stream = self._container.add_stream(
            form.video, rate=FRAME_RATE_HZ, options=dict(form.video_options)
        )
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, form.pixels
        codec = stream.codec_context
        codec.colorspace = codec.color_primaries = codec.color_trc = BT709
        codec.color_range = LIMITED_RANGE
        if form is ALPHA_WEBM:
            stream.metadata["alpha_mode"] = "1"  # browsers look for it
        return stream

    def write(self, frame: npt.NDArray[np.uint8], samples: FloatArray) -> None:
        """One frame, uint8 RGB [H, W, 3] or RGBA [H, W, 4] as the format wants it, and
        its sound, float32 [1920] at 48 kHz."""
        form = self._form
        picture = av.VideoFrame.from_ndarray(frame, format=form.source)
        picture = picture.reformat(format=form.pixels, dst_colorspace="ITU709")
        picture.pts, picture.time_base = self._frames, Fraction(1, FRAME_RATE_HZ)
        self._frames += 1
        self._container.mux(self._video.encode(picture))

        if form.samples == "s16":
            samples = (samples.clip(-1, 1) * 32767).round().astype(np.int16)
        sound = av.AudioFrame.from_ndarray(
            samples[None], format=form.samples, layout="mono"
        )
        sound.sample_rate = PLAYOUT_RATE_HZ
        sound.pts, sound.time_base = self._samples, Fraction(1, PLAYOUT_RATE_HZ)
        self._samples += sound.samples
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
                if self._form.container == "mp4":
                    self._disclosure.append_to_mp4(self._part)
                self._part.replace(self._path)
        finally:
            self._part.unlink(missing_ok=True)
