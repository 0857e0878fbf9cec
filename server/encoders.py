"""Sound and pictures -> packets, once per session whatever the number of viewers.

aiortc would encode once per peer, and rebuilds its encoder whenever an estimate moves.
Its packetizers take packets made here as they are.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.audio.codeccontext import AudioCodecContext
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from models.mark import Mark
from models.media import (
    FRAME_RATE_HZ,
    PACKET_SAMPLES,
    PLAYOUT_RATE_HZ,
    VIDEO_CLOCK_HZ,
    VIDEO_TICKS_PER_FRAME,
    FloatArray,
)

AUDIO_TIME_BASE = Fraction(1, PLAYOUT_RATE_HZ)
VIDEO_TIME_BASE = Fraction(1, VIDEO_CLOCK_HZ)

if TYPE_CHECKING:  # generic for the type checker alone
    EncodedPacket: TypeAlias = Packet[Any]
else:
    EncodedPacket = Packet
VideoCodec = Literal["VP8", "H264"]

# A lost key frame is asked for anew by the receiver (PLI), so none comes unasked; this
# only bounds the damage where no feedback arrives.
MAX_KEY_INTERVAL_FRAMES = 60 * FRAME_RATE_HZ


_RGB_TO_PLANES, _RGBA_TO_PLANES = cv2.COLOR_RGB2YUV_I420, cv2.COLOR_RGBA2YUV_I420
NO_CHROMA = 128
# Limited range: black is 16, white 235.
_LUMA_OF_MATTE = np.round(16 + np.arange(256) * 219 / 255).astype(np.uint8)

# After so much silence one of its packets is as good as the next.
LASTING_SILENCE_PACKETS = 50


class OpusEncoder:
    """Mono speech; forward error correction for lossy networks.

    Lasting silence is encoded once: its packet is sent again and again, which costs
    nothing, until there is something to hear.
    """

    def __init__(self, bitrate_bps: int) -> None:
        codec = av.CodecContext.create("libopus", "w")
        assert isinstance(codec, AudioCodecContext)
        codec.sample_rate = PLAYOUT_RATE_HZ
        codec.format = av.AudioFormat("s16")
        codec.layout = av.AudioLayout("mono")
        codec.bit_rate = bitrate_bps
        codec.time_base = AUDIO_TIME_BASE
        codec.options = {
            "application": "voip",
            "frame_duration": "20",
            "fec": "1",
            "packet_loss": "5",
            "compression_level": "5",
        }
        self._codec = codec
        self._silence = b""
        self._silent = 0  # packets in a row

    def lasts_silent(self, samples: FloatArray) -> bool:
        """Whether encoding these samples takes no time."""
        return self._silent >= LASTING_SILENCE_PACKETS and not samples.any()

    def encode(self, samples: FloatArray, start: int) -> EncodedPacket:
        """samples: float32 [960] from media time `start` in samples -> one packet."""
        assert len(samples) == PACKET_SAMPLES, len(samples)
        if self.lasts_silent(samples):
            packet = Packet(self._silence)
        else:
            packet = self._encoded(samples, start)
            self._silent = 0 if samples.any() else self._silent + 1
            if self._silent == LASTING_SILENCE_PACKETS:
                self._silence = bytes(packet)
        packet.pts = start  # libopus counts from its own pre-skip
        packet.time_base = AUDIO_TIME_BASE
        return packet

    def _encoded(self, samples: FloatArray, start: int) -> EncodedPacket:
        pcm = (np.clip(samples, -1.0, 1.0) * 32767.0).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(pcm[None], format="s16", layout="mono")
        frame.sample_rate = PLAYOUT_RATE_HZ
        frame.pts = start
        frame.time_base = AUDIO_TIME_BASE
        (packet,) = self._codec.encode(frame)
        return packet


def _vp8_options(bitrate_bps: int) -> dict[str, str]:
    rate = str(bitrate_bps)
    return {
        "deadline": "realtime",
        "cpu-used": "-8",
        "lag-in-frames": "0",
        # Blocks that differ by less are not coded again: an eighth to a third less time
        # than at 100 and as many bits fewer, for 0.1 to 0.9 dB of 42 to 45.
        "static-thresh": "800",
        "minrate": rate,  # minrate = maxrate is constant bitrate
        "maxrate": rate,
        "bufsize": rate,
        "undershoot-pct": "100",
        "overshoot-pct": "15",
        # Finer than this nobody sees, and its bits are paid for by every encryption
        # and every socket: it caps 512x512 at about 1.1 Mbit/s (36.9 dB against 37.4
        # at 1.5), and takes a quarter less time than the 3 Mbit/s that a fast network
        # would ask for.
        "qmin": "12",
        "qmax": "56",
    }


def _h264_options(bitrate_bps: int) -> dict[str, str]:
    return {
        "preset": "veryfast",
        "tune": "zerolatency",
        "profile": "baseline",
        "maxrate": str(bitrate_bps),
        "bufsize": str(bitrate_bps // 2),
        "forced-idr": "1",
    }


def _of_shape(
    picture: npt.NDArray[np.uint8], width: int, height: int
) -> npt.NDArray[np.uint8]:
    """The middle of a picture [H, W, C] in the shape of width x height: what is too
    much at the sides, or below and above, is left out."""
    high, wide = picture.shape[:2]
    kept_wide = min(wide, max(round(high * width / height), 1))
    kept_high = min(high, max(round(wide * height / width), 1))
    left, top = (wide - kept_wide) // 2, (high - kept_high) // 2
    return picture[top : top + kept_high, left : left + kept_wide]


@dataclass(frozen=True)
class VideoForm:
    """What a video encoder is made for.

    width, height: of the portrait, pixels, even.
    packed: its matte comes with it, below it: the picture is twice as high.
    """

    width: int
    height: int
    bitrate_bps: int
    packed: bool = False

    @property
    def rows(self) -> int:
        """Height of the picture that is sent."""
        return 2 * self.height if self.packed else self.height


class VideoEncoder:
    """One picture size, one bitrate: make another for a change."""

    def __init__(
        self, codec: VideoCodec, form: VideoForm, mark: Mark | None = None
    ) -> None:
        name = "libvpx" if codec == "VP8" else "libx264"
        context = av.CodecContext.create(name, "w")
        assert isinstance(context, VideoCodecContext)
        context.width, context.height = form.width, form.rows
        context.pix_fmt = "yuv420p"
        context.bit_rate = form.bitrate_bps
        context.time_base = VIDEO_TIME_BASE
        context.framerate = Fraction(FRAME_RATE_HZ)
        context.gop_size = MAX_KEY_INTERVAL_FRAMES
        context.thread_count = 1
        context.options = (
            _vp8_options(form.bitrate_bps)
            if codec == "VP8"
            else _h264_options(form.bitrate_bps)
        )
        self._context = context
        self._mark = mark
        self.form = form

    def encode(
        self, picture: npt.NDArray[np.uint8], number: int, *, key: bool
    ) -> EncodedPacket | None:
        """picture: uint8 RGB [H, W, 3], or with its matte [H, W, 4] if the form is
        packed, scaled where needed; number: of the frame.

        Returns None where the encoder left the frame out to keep its bitrate.
        """
        # A frame that is encoded twice keeps its picture type: always a fresh one.
        frame = av.VideoFrame.from_ndarray(self._planes(picture), format="yuv420p")
        frame.pts = number * VIDEO_TICKS_PER_FRAME
        frame.time_base = VIDEO_TIME_BASE
        if key:
            frame.pict_type = PictureType.I
        packets = self._context.encode(frame)
        if not packets:
            return None
        (packet,) = packets
        packet.pts = frame.pts
        packet.time_base = VIDEO_TIME_BASE
        return packet

    def _planes(self, picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """RGB -> I420 (BT.601, limited range); swscale takes four times as long."""
        size = self.form.width, self.form.height
        if picture.shape[1::-1] != size:
            picture = _of_shape(picture, *size)
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        planes: npt.NDArray[np.uint8]
        to_planes = _RGBA_TO_PLANES if self.form.packed else _RGB_TO_PLANES
        planes = cv2.cvtColor(picture, to_planes)  # type: ignore[assignment]
        if self._mark:
            self._mark.draw_i420(planes)
        if self.form.packed:
            matte = np.ascontiguousarray(picture[..., 3])
            if self._mark:
                self._mark.draw_matte(matte)
            planes = _packed(planes, matte)
        return planes


def _packed(
    colours: npt.NDArray[np.uint8], matte: npt.NDArray[np.uint8]
) -> npt.NDArray[np.uint8]:
    """An I420 picture [H * 3 / 2, W], and below it its matte [H, W] as grey."""
    height, width = matte.shape
    planes = np.full((3 * height, width), NO_CHROMA, np.uint8)
    planes[:height] = colours[:height]
    planes[height : 2 * height] = cv2.LUT(matte, _LUMA_OF_MATTE)
    chroma = planes[2 * height :].reshape(2, height, width // 2)
    chroma[:, : height // 2] = colours[height:].reshape(2, height // 2, width // 2)
    return planes
