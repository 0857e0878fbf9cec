"""Tracks that hand encoded packets to aiortc as they are released."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Literal

from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from models.media import FRAME_RATE_HZ
from server.clock import PACKET_RATE_HZ
from server.encoders import EncodedPacket


class PacketTrack(MediaStreamTrack):
    """A bounded queue of packets of one viewer, half a second long.

    The clock decides when a packet is put; the sender takes it at once. A viewer that
    does not take them loses the oldest: sound loses that packet, picture loses all up
    to the next key frame, which it asks for.

    scheduled_s: when the packet received last was due, whenever it really left.
    """

    def __init__(
        self,
        kind: Literal["audio", "video"],
        request_key: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__()
        self.kind = kind
        rate_hz = PACKET_RATE_HZ if kind == "audio" else FRAME_RATE_HZ
        self._limit = rate_hz // 2
        self._packets: deque[tuple[EncodedPacket, float]] = deque()
        self._arrived = asyncio.Event()
        self._request_key = request_key
        self._awaits_key = kind == "video"
        self.dropped = 0
        self.scheduled_s: float | None = None

    @property
    def awaits_key(self) -> bool:
        """Whether nothing can be shown before the next key frame."""
        return self._awaits_key

    def put(self, packet: EncodedPacket, scheduled_s: float) -> None:
        """Queue a packet that is due at monotonic `scheduled_s`; never waits."""
        if self.readyState != "live":
            return
        if self._awaits_key and not packet.is_keyframe:
            return
        self._awaits_key = False
        if len(self._packets) >= self._limit:
            self._overflow(packet)
            if self._awaits_key:
                return
        self._packets.append((packet, scheduled_s))
        self._arrived.set()

    def _overflow(self, packet: EncodedPacket) -> None:
        if self.kind == "audio":
            self._packets.popleft()
            self.dropped += 1
            return
        self.dropped += len(self._packets)
        self._packets.clear()
        if not packet.is_keyframe:
            self.dropped += 1
            self._awaits_key = True
            self._request_key()

    async def recv(self) -> EncodedPacket:
        """The next packet.

        Raises:
            MediaStreamError: the track has been stopped.
        """
        while not self._packets:
            if self.readyState != "live":
                raise MediaStreamError
            self._arrived.clear()
            await self._arrived.wait()
        packet, self.scheduled_s = self._packets.popleft()
        return packet

    def stop(self) -> None:
        super().stop()
        self._packets.clear()
        self._arrived.set()
