"""One session's stream, encoded once and fanned out to all its viewers."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.mark import make_mark
from models.media import FloatArray
from server.encoders import (
    EncodedPacket,
    OpusEncoder,
    VideoCodec,
    VideoEncoder,
    VideoForm,
)
from server.tracks import PacketTrack

# REMB moves with every breath of the network, and a new bitrate needs a new encoder
# and a key frame: follow only what is large and lasts.
LOWER_BELOW, LOWER_AFTER_S = 0.8, 1.0
RAISE_ABOVE, RAISE_AFTER_S = 1.3, 4.0


@dataclass(frozen=True)
class VideoFormat:
    """What the viewers of a session are sent.

    mark: words shown in a corner of the picture, or none.
    """

    width: int
    height: int
    bitrate_bps: int
    min_bitrate_bps: int
    max_bitrate_bps: int
    mark: str = ""


class BitrateChoice:
    """A target with hysteresis, from what the best viewer can take.

    The best, not the worst: a slow viewer loses frames, the others lose nothing.
    """

    def __init__(
        self, video: VideoFormat, *, time_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._video = video
        self._time_s = time_s
        self._since_s: float | None = None
        self.target_bps = video.bitrate_bps

    def update(self, estimate_bps: int) -> int:
        """Hear an estimate; returns the target in bits per second."""
        video = self._video
        wanted = min(max(estimate_bps, video.min_bitrate_bps), video.max_bitrate_bps)
        ratio = wanted / self.target_bps
        if LOWER_BELOW <= ratio <= RAISE_ABOVE:
            self._since_s = None
            return self.target_bps
        now_s = self._time_s()
        self._since_s = self._since_s or now_s
        patience_s = LOWER_AFTER_S if ratio < 1 else RAISE_AFTER_S
        if now_s - self._since_s >= patience_s:
            self.target_bps = wanted
            self._since_s = None
        return self.target_bps


@dataclass(frozen=True, eq=False)
class Outlet:
    """One viewer's two tracks and the codec it agreed to."""

    audio: PacketTrack
    video: PacketTrack
    codec: VideoCodec


class Broadcast:
    """The encoders of a session and the tracks they feed.

    encode_audio and encode_video run in executors, each in one thread at a time; all
    else runs on the event loop.
    """

    def __init__(self, video: VideoFormat, audio_bitrate_bps: int) -> None:
        self._video = video
        self._opus = OpusEncoder(audio_bitrate_bps)
        self._encoders: dict[VideoCodec, VideoEncoder] = {}
        self._outlets: set[Outlet] = set()
        self._key_wanted = True
        self._bitrate = BitrateChoice(video)
        self._estimates: dict[Outlet, int] = {}
        self._share = 1.0

    @property
    def video_size(self) -> tuple[int, int]:
        """Height and width that were asked for."""
        return self._video.height, self._video.width

    @property
    def mark(self) -> str:
        """The words in the picture's corner, or none."""
        return self._video.mark

    def show(self, share: float) -> None:
        """From the next picture on, so much of the width and height."""
        self._share = share

    @property
    def watched(self) -> bool:
        return bool(self._outlets)

    def add(self, outlet: Outlet) -> None:
        self._outlets.add(outlet)
        self._key_wanted = True

    def remove(self, outlet: Outlet) -> None:
        self._outlets.discard(outlet)
        self._estimates.pop(outlet, None)

    def request_key(self) -> None:
        """The next picture is a key frame."""
        self._key_wanted = True

    def estimate(self, outlet: Outlet, bitrate_bps: int) -> None:
        """A viewer's receiver-estimated maximum bitrate (REMB)."""
        if outlet in self._outlets:
            self._estimates[outlet] = bitrate_bps
            self._bitrate.update(max(self._estimates.values()))

    def take_key_request(self) -> bool:
        wanted, self._key_wanted = self._key_wanted, False
        return wanted

    def encode_audio(self, samples: FloatArray, start: int) -> EncodedPacket:
        return self._opus.encode(samples, start)

    def encode_audio_at_once(
        self, samples: FloatArray, start: int
    ) -> EncodedPacket | None:
        """The packet, where there is nothing to encode; may run on the event loop."""
        if self._opus.lasts_silent(samples):
            return self._opus.encode(samples, start)
        return None

    def encode_video(
        self,
        picture: npt.NDArray[np.uint8],
        number: int,
        codecs: frozenset[VideoCodec],
        *,
        key: bool,
    ) -> dict[VideoCodec, EncodedPacket]:
        """Encode for each codec that some viewer wants; a picture with a matte, uint8
        [H, W, 4], as one of twice the height."""
        packed = picture.shape[2] == 4
        packets: dict[VideoCodec, EncodedPacket] = {}
        for codec in codecs:
            packet = self._encoder(codec, packed).encode(picture, number, key=key)
            if packet is not None:
                packets[codec] = packet
        for codec in self._encoders.keys() - codecs:
            del self._encoders[codec]
        return packets

    def codecs(self) -> frozenset[VideoCodec]:
        return frozenset(outlet.codec for outlet in self._outlets)

    def send_audio(self, packet: EncodedPacket, scheduled_s: float) -> None:
        for outlet in self._outlets:
            outlet.audio.put(packet, scheduled_s)

    def send_video(
        self, packets: dict[VideoCodec, EncodedPacket], scheduled_s: float
    ) -> None:
        for outlet in self._outlets:
            packet = packets.get(outlet.codec)
            if packet is not None:
                outlet.video.put(packet, scheduled_s)

    def _encoder(self, codec: VideoCodec, packed: bool) -> VideoEncoder:
        encoder = self._encoders.get(codec)
        width, height = (
            round(side * self._share / 2) * 2
            for side in (self._video.width, self._video.height)
        )
        wanted = VideoForm(width, height, self._bitrate.target_bps, packed)
        if encoder is None or encoder.form != wanted:
            text = self._video.mark
            mark = make_mark(text, height, width) if text else None
            encoder = VideoEncoder(codec, wanted, mark)
            self._encoders[codec] = encoder
        return encoder
