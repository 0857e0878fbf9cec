"""One viewer: a peer connection, its two tracks and its data channel."""

import asyncio
import contextlib
import logging
import math
import secrets
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from aiortc import (
    RTCConfiguration,
    RTCDataChannel,
    RTCIceServer,
    RTCPeerConnection,
    RTCRtpSender,
    RTCRtpTransceiver,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from aiortc.rtp import (
    RTCP_PSFB_APP,
    RTCP_PSFB_FIR,
    RTCP_PSFB_PLI,
    AnyRtcpPacket,
    RtcpPsfbPacket,
    RtcpRrPacket,
    unpack_remb_fci,
)
from aiortc.sdp import candidate_from_sdp

from models.media import FloatArray
from server.broadcast import Broadcast, Outlet
from server.dtls import meet_everybody
from server.encoders import VideoCodec
from server.errors import ApiError
from server.microphone import MicPacket, Unpacked, tap
from server.offer import bad_sdp, is_mdns, parse_offer, without_mdns
from server.reports import Network, report_schedule
from server.tracks import PacketTrack

logger = logging.getLogger(__name__)

# VP8 first: every browser has it, and H264 costs four times as much to encode.
VIDEO_CODECS: tuple[VideoCodec, ...] = ("VP8", "H264")
EVENTS_LABEL = "events"
MAX_CHANNEL_BACKLOG_BYTES = 1_000_000


@dataclass(frozen=True)
class Hooks:
    """What a session wants to hear of a peer."""

    connected: Callable[["Peer"], None]
    gone: Callable[["Peer"], None]
    message: Callable[["Peer", str | bytes], None]
    channel_open: Callable[["Peer"], None]
    network: Callable[[Network], None]
    key_wanted: Callable[[], None]
    microphone: Callable[[FloatArray], None] | None = None  # float32 [n] at 48 kHz
    packets: Callable[["Peer", MicPacket], None] | None = None  # of the microphone


@dataclass(eq=False)
class Peer:
    """A connection from its offer to its end; close() is always safe."""

    broadcast: Broadcast
    ice_servers: list[RTCIceServer]
    hooks: Hooks
    sendonly: bool = False
    left_s: Callable[[], float] = lambda: math.inf  # it may stay so long
    connected: bool = False
    closed: bool = False
    offered_s: float = field(default_factory=time.monotonic)
    heard_s: float = field(default_factory=time.monotonic)  # last RTCP
    channel: RTCDataChannel | None = None
    codec: VideoCodec = "VP8"
    tag: str = field(default_factory=lambda: secrets.token_hex(8))  # of its ICE session
    _reachable: bool = False  # some candidate of the viewer's is known
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        # Without a configuration aiortc would ask a public STUN server.
        self._pc = RTCPeerConnection(RTCConfiguration(iceServers=self.ice_servers))
        meet_everybody(self._pc)
        self._outlet = Outlet(
            PacketTrack("audio"),
            PacketTrack("video", self.broadcast.request_key),
            self.codec,
        )

    async def answer(self, sdp: str) -> str:
        """Take an offer, gather all candidates, and answer.

        Raises:
            ApiError: 400, the offer cannot be used; 503, no UDP port is free. The peer
                is closed then.
        """
        offer = parse_offer(sdp)
        try:
            self._prepare({media.kind for media in offer.media})
            known = without_mdns(sdp)
            self._reachable = "\na=candidate:" in known
            await self._pc.setRemoteDescription(RTCSessionDescription(known, "offer"))
            self._settle()
            await self._pc.setLocalDescription(await self._pc.createAnswer())
        except asyncio.CancelledError:
            await self.close()
            raise
        except Exception as error:  # aiortc raises what a hostile offer makes it raise
            await self.close()
            logger.info("an offer was refused: %s", type(error).__name__)
            raise bad_sdp("it cannot be answered") from None
        answer: str = self._pc.localDescription.sdp
        if "\na=candidate:" not in answer:
            await self.close()
            raise ApiError(
                503,
                "no_media_port",
                "No UDP port is free for one more viewer (LIKENESS_UDP_PORTS).",
                retry_after_s=5,
            )
        return answer

    async def add_candidates(self, candidates: list[tuple[str, str | None]]) -> None:
        """Trickled candidates, (mid, candidate line); None ends them.

        What cannot be decoded is dropped (draft-ietf-wish-whep, 4.4.2).
        """
        for mid, line in candidates:
            try:
                if line is None:
                    if self._reachable:  # as for an offer: see without_mdns
                        await self._pc.addIceCandidate(None)
                    continue
                if is_mdns(line):
                    continue
                candidate = candidate_from_sdp(line)
                candidate.sdpMid = mid
                await self._pc.addIceCandidate(candidate)
                self._reachable = True
            except Exception as error:  # see above
                logger.debug("a candidate was dropped: %s", type(error).__name__)

    def ice_ufrag(self) -> str | None:
        """The remote ICE user name, to tell a restart from a trickle."""
        remote = self._pc.remoteDescription
        for line in remote.sdp.splitlines() if remote else ():
            if line.startswith("a=ice-ufrag:"):
                return line.partition(":")[2]
        return None

    def send(self, message: str) -> None:
        """Send on the data channel; a peer that does not read is left behind."""
        channel = self.channel
        if channel is None or channel.readyState != "open":
            return
        if channel.bufferedAmount > MAX_CHANNEL_BACKLOG_BYTES:
            logger.info("a viewer does not read its events: closing its channel")
            self.channel = None
            channel.close()
            return
        channel.send(message)

    async def close(self) -> None:
        """Free everything; safe to call twice."""
        if self.closed:
            return
        self.closed = True
        self.connected = False
        self.broadcast.remove(self._outlet)
        self._outlet.audio.stop()
        self._outlet.video.stop()
        for task in self._tasks:
            task.cancel()
        try:
            await self._pc.close()
        except Exception:  # what a hostile offer made of it; the caller goes on
            logger.exception("a connection did not close cleanly")
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _prepare(self, kinds: set[str]) -> None:
        pc = self._pc
        pc.on("connectionstatechange", self._on_state)
        pc.on("datachannel", self._on_channel)
        pc.on("track", self._on_track)
        for kind, track in (
            ("audio", self._outlet.audio),
            ("video", self._outlet.video),
        ):
            if kind in kinds:
                pc.addTrack(track)
        for transceiver in pc.getTransceivers():
            if self.sendonly:
                transceiver.direction = "sendonly"
            if transceiver.kind == "video":
                offered = RTCRtpSender.getCapabilities("video").codecs
                transceiver.setCodecPreferences(
                    [
                        each
                        for name in (*VIDEO_CODECS, "rtx")
                        for each in offered
                        if each.name.upper() == name.upper()
                    ]
                )

    def _settle(self) -> None:
        """Learn the agreed codec and listen to the receiver's feedback."""
        for transceiver in self._pc.getTransceivers():
            if transceiver.kind == "video" and transceiver._codecs:
                name = transceiver._codecs[0].name.upper()
                self.codec = "H264" if name == "H264" else "VP8"
            track = self._outlet.audio
            if transceiver.kind == "video":
                track = self._outlet.video
            else:
                self._hear(transceiver)
            self._listen(transceiver.sender)
            report_schedule(transceiver.sender, track)
        self._outlet = Outlet(self._outlet.audio, self._outlet.video, self.codec)

    def _hear(self, transceiver: RTCRtpTransceiver) -> None:
        """The microphone, for whoever wants it packet by packet, or as sound."""
        receiver, codecs = transceiver.receiver, transceiver._codecs
        if self.hooks.packets:
            tap(receiver, codecs, partial(self.hooks.packets, self))
        elif self.hooks.microphone:
            tap(receiver, codecs, Unpacked(self.hooks.microphone).receive)

    def _listen(self, sender: RTCRtpSender) -> None:
        """aiortc gives feedback to its own encoder only; ours needs it too."""
        handle: Callable[[AnyRtcpPacket], Coroutine[Any, Any, None]]
        handle = sender._handle_rtcp_packet

        async def tapped(packet: AnyRtcpPacket) -> None:
            self.heard_s = time.monotonic()
            if isinstance(packet, RtcpPsfbPacket):
                self._feedback(packet)
            elif isinstance(packet, RtcpRrPacket) and sender.kind == "audio":
                for report in packet.reports:
                    self.hooks.network(Network.of(report))
            await handle(packet)

        sender._handle_rtcp_packet = tapped  # type: ignore[method-assign]

    def _feedback(self, packet: RtcpPsfbPacket) -> None:
        if packet.fmt in (RTCP_PSFB_PLI, RTCP_PSFB_FIR):
            self.hooks.key_wanted()
            self.broadcast.request_key()
        elif packet.fmt == RTCP_PSFB_APP:
            with contextlib.suppress(ValueError):
                bitrate_bps, _ = unpack_remb_fci(packet.fci)
                self.broadcast.estimate(self._outlet, bitrate_bps)

    def _on_state(self) -> None:
        state = self._pc.connectionState
        if state == "connected" and not self.connected and not self.closed:
            self.connected = True
            self.heard_s = time.monotonic()
            self.broadcast.add(self._outlet)
            self.hooks.connected(self)
        elif state in ("failed", "closed"):
            self.hooks.gone(self)

    def _on_channel(self, channel: RTCDataChannel) -> None:
        if channel.label != EVENTS_LABEL:
            return
        self.channel = channel
        channel.on("message", lambda message: self.hooks.message(self, message))
        self.hooks.channel_open(self)

    def _on_track(self, track: MediaStreamTrack) -> None:
        """Read what is received: aiortc would keep it in memory for ever."""
        task = asyncio.create_task(_drain(track))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _drain(track: MediaStreamTrack) -> None:
    with contextlib.suppress(MediaStreamError):
        while True:
            await track.recv()
