"""A visitor's microphone at its source: RTP packets in order, decoded, with nothing
held back. (aiortc's own way keeps four packets, and stops for sixteen where one is
lost.)
"""

import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

import av
import numpy as np
from aiortc import RTCRtpCodecParameters, RTCRtpReceiver
from aiortc.codecs import depayload, get_decoder
from aiortc.jitterbuffer import JitterFrame
from aiortc.rtp import RtpPacket
from av import AudioFrame
from av.audio.resampler import AudioResampler

from models.conceal import HISTORY_SAMPLES, LONGEST_SAMPLES, made_up
from models.media import MODEL_RATE_HZ, PLAYOUT_RATE_HZ, FloatArray
from models.performer import Decimator
from models.vad import VAD_SAMPLES, VadState, speech_probability
from server.arrivals import unwrapped

logger = logging.getLogger(__name__)

REORDER_PACKETS = 2  # a packet is lost once so many after it have come
RESTART_PACKETS = 1000  # a number so far off belongs to another stream
MAX_PACKET_S = 0.12  # RFC 6716: the longest packet of Opus
RESAMPLER_SAMPLES = 240  # a resampler may keep back so many of a stream's first
DECIMATION = PLAYOUT_RATE_HZ // MODEL_RATE_HZ  # whole samples for the models
UNREADABLE_SAMPLES = 960  # made up for a packet that cannot be decoded


@dataclass(frozen=True, eq=False)
class MicPacket:
    """sequence, timestamp: of RTP, as they came. arrived_s: monotonic."""

    source: int
    sequence: int
    timestamp: int
    payload: bytes
    codec: RTCRtpCodecParameters
    arrived_s: float


class _Nothing:
    """In the place of aiortc's jitter buffer: nothing comes out of it."""

    def add(self, packet: RtpPacket) -> tuple[bool, None]:
        return False, None


def tap(
    receiver: RTCRtpReceiver,
    codecs: Sequence[RTCRtpCodecParameters],
    hear: Callable[[MicPacket], None],
) -> None:
    """Tell each packet as it comes; aiortc goes on counting them for its reports, and
    decodes none."""
    on_rtp: Callable[[RtpPacket, int], Awaitable[None]] = receiver._handle_rtp_packet
    known = {codec.payloadType: codec for codec in codecs}

    async def tapped(packet: RtpPacket, arrival_time_ms: int) -> None:
        codec = known.get(packet.payload_type)
        if codec and packet.payload:
            hear(
                MicPacket(
                    packet.ssrc,
                    packet.sequence_number,
                    packet.timestamp,
                    packet.payload,
                    codec,
                    time.monotonic(),
                )
            )
        await on_rtp(packet, arrival_time_ms)

    receiver._handle_rtp_packet = tapped  # type: ignore[method-assign]
    receiver._RTCRtpReceiver__jitter_buffer = _Nothing()  # type: ignore[attr-defined]


@dataclass(frozen=True, eq=False)
class Ordered:
    """place: of its first sample, at 48 kHz. lost: packets missed just before it."""

    packet: MicPacket
    place: int
    lost: int
    restarts: bool


@dataclass(eq=False)
class Order:
    """Packets in the order they were sent in; none waits for long."""

    _source: int | None = None
    _next: int = 0
    _place: int = 0
    _timestamp: int = 0
    _waiting: dict[int, MicPacket] = field(default_factory=dict)
    late: int = 0  # packets that came too late, or twice

    def push(self, packet: MicPacket) -> list[Ordered]:
        """What can be heard now."""
        restarts = packet.source != self._source or self._is_far(packet)
        if restarts:
            self._source, self._next = packet.source, packet.sequence
            self._timestamp, self._place = packet.timestamp, 0
            self._waiting.clear()
        number = unwrapped(packet.sequence, self._next, 16)
        if number < self._next:
            self.late += 1
            return []
        self._waiting[number] = packet
        ordered: list[Ordered] = []
        while self._waiting and (
            self._next in self._waiting or len(self._waiting) > REORDER_PACKETS
        ):
            ordered.append(self._take(restarts=restarts and not ordered))
        return ordered

    def give_up(self) -> list[Ordered]:
        """What waits for a packet that is not to be waited for any longer."""
        ordered: list[Ordered] = []
        while self._waiting and (not ordered or self._next in self._waiting):
            ordered.append(self._take(restarts=False))
        return ordered

    def _take(self, *, restarts: bool) -> Ordered:
        first = min(self._waiting)
        packet = self._waiting.pop(first)
        lost, self._next = first - self._next, first + 1
        timestamp = unwrapped(packet.timestamp, self._timestamp, 32)
        ticks = timestamp - self._timestamp
        self._place += ticks * PLAYOUT_RATE_HZ // packet.codec.clockRate
        self._timestamp = timestamp
        return Ordered(packet, self._place, lost, restarts)

    def _is_far(self, packet: MicPacket) -> bool:
        number = unwrapped(packet.sequence, self._next, 16)
        return abs(number - self._next) > RESTART_PACKETS


@dataclass(frozen=True, eq=False)
class Heard:
    """A stretch of the stream: float32 [n] at 48 kHz.

    place: of the packet's first sample. made_up: samples before it that replace what
    was lost. jumps: it does not go on from the stretch before, and if it restarts, nor
    do its places.
    """

    samples: FloatArray
    place: int
    made_up: int
    jumps: bool
    restarts: bool


class PacketDecoder:
    """Packets in order -> sound, whole; used by one thread at a time.

    What was lost is made up, and so is what the codec refuses.
    """

    def __init__(self) -> None:
        self._codec = ""
        self._next: int | None = None  # place
        self._history: FloatArray = np.zeros(HISTORY_SAMPLES, np.float32)

    def hear(self, ordered: Ordered) -> Heard:
        packet = ordered.packet
        gap = 0 if self._next is None else ordered.place - self._next
        jumps = self._next is None or ordered.restarts
        if abs(gap) <= RESAMPLER_SAMPLES:
            gap = 0
        # Without a packet lost, a gap is a sender that was silent (DTX).
        silent = gap > 0 and not ordered.lost
        jumps = jumps or silent or not 0 <= gap <= LONGEST_SAMPLES
        gap = 0 if jumps else gap - gap % DECIMATION
        lost = self._conceal(packet, gap) if gap else None
        samples = self._decode(packet)
        if lost is not None:
            samples = np.concatenate([lost, samples])
        self._next = ordered.place + len(samples) - gap
        self._history = np.concatenate([self._history, samples])[-HISTORY_SAMPLES:]
        return Heard(samples, ordered.place, gap, jumps, ordered.restarts)

    def _conceal(self, packet: MicPacket, n: int) -> FloatArray:
        """float32 [n] in the place of what was lost before a packet.

        Opus does it itself, and goes on from it, when it is given a frame of no bytes
        (RFC 6716, sections 3.2.1 and 4.4): the header of the next packet alone.
        """
        if packet.codec.name.lower() != "opus":
            return made_up(self._history, n)
        header = bytes([packet.payload[0] & 0xFC])
        parts, length = [np.zeros(0, np.float32)], 0
        while length < n:
            parts.append(self._decode(replace(packet, payload=header)))
            length += len(parts[-1])
        return np.concatenate(parts)[:n]

    def _decode(self, packet: MicPacket) -> FloatArray:
        """float32 [3 n] at 48 kHz."""
        if packet.codec.mimeType != self._codec:
            self._codec = packet.codec.mimeType
            self._decoder = get_decoder(packet.codec)
            self._mono = AudioResampler(
                format="flt", layout="mono", rate=PLAYOUT_RATE_HZ
            )
        try:
            data = depayload(packet.codec, packet.payload)
            frames = self._decoder.decode(JitterFrame(data, packet.timestamp))
            parts = [
                part.to_ndarray()[0]
                for frame in frames
                if isinstance(frame, AudioFrame)
                for part in self._mono.resample(frame)
            ]
        except (av.FFmpegError, ValueError):
            parts = []
        samples = np.concatenate([np.zeros(0, np.float32), *parts])
        most = int(MAX_PACKET_S * PLAYOUT_RATE_HZ)
        if not len(samples):
            return made_up(self._history, UNREADABLE_SAMPLES)
        kept = samples[: min(len(samples) - len(samples) % DECIMATION, most)]
        clean: FloatArray = np.nan_to_num(
            kept.astype(np.float32), posinf=0.0, neginf=0.0
        )
        return clean


class Unpacked:
    """One microphone's packets -> its sound, as soon as they come."""

    def __init__(self, hear: Callable[[FloatArray], None]) -> None:
        """hear: called with float32 [n] at 48 kHz."""
        self._hear = hear
        self._order = Order()
        self._decoder = PacketDecoder()

    def receive(self, packet: MicPacket) -> None:
        for each in self._order.push(packet):
            try:
                heard = self._decoder.hear(each)
            except Exception:  # what a hostile packet makes a decoder raise
                logger.exception("a microphone's packet was passed over")
                continue
            self._hear(heard.samples)


@dataclass(frozen=True, eq=False)
class Span:
    """Sound of a stream: float32 [3 n] at 48 kHz; begins: nothing was before it."""

    samples: FloatArray
    begins: bool


class VoiceActivity:
    """Sound -> how likely each 32 ms of it is speech; for one thread at a time."""

    def __init__(self) -> None:
        self._rest: FloatArray
        self._vad: VadState
        self._begin()

    def hear(self, spans: Sequence[Span]) -> list[float]:
        """Of those that have become whole since the last one that begins."""
        found: list[float] = []
        for span in spans:
            if span.begins:
                self._begin()
                found.clear()
            heard = self._decimator.push(span.samples)
            self._rest = np.concatenate([self._rest, heard])
            while len(self._rest) >= VAD_SAMPLES:
                frame, self._rest = self._rest[:VAD_SAMPLES], self._rest[VAD_SAMPLES:]
                probability, self._vad = speech_probability(frame, self._vad)
                found.append(probability)
        return found

    def _begin(self) -> None:
        self._decimator = Decimator()
        self._vad = VadState.fresh()
        self._rest = np.zeros(0, np.float32)
