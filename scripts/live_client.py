"""A viewer made of aiortc: what arrives, when, and what it says.

aiortc's own jitter buffer holds sound back by four packets, so times are taken where a
packet arrives; what it holds is read from the decoded frame of the same RTP timestamp.
(aiortc counts decoded frames from the first one received.)
"""

import asyncio
import base64
import contextlib
import json
import queue
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np
import numpy.typing as npt
from aiortc import (
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from aiortc.rtp import AnyRtcpPacket, RtcpSrPacket, RtpPacket

PCM_CHUNK_BYTES = 100_000  # in base64 well under what a data channel takes at once


@dataclass(frozen=True, eq=False)
class Sound:
    """20 ms of sound. arrived_s is monotonic; level is RMS, 0 to 1."""

    timestamp: int
    arrived_s: float
    level: float
    samples: npt.NDArray[np.int16]


@dataclass(frozen=True, eq=False)
class Picture:
    """What `look` made of a frame."""

    timestamp: int
    arrived_s: float
    value: float


@dataclass(frozen=True)
class Report:
    """A sender report: this RTP time is that wall time."""

    timestamp: int
    wall_s: float


NO_SAMPLES = np.zeros(0, np.int16)


def leave_undecoded(receiver: RTCRtpReceiver) -> None:
    """Let nothing of a receiver through to aiortc's decoder but its end."""
    decoder: queue.Queue[object] = getattr(receiver, "_RTCRtpReceiver__decoder_queue")  # noqa: B009
    put = decoder.put

    def put_end(item: object) -> None:
        if item is None:
            put(item)

    decoder.put = put_end  # type: ignore[method-assign,assignment]


Look = Callable[[npt.NDArray[np.uint8]], float]


def http(method: str, url: str, body: object | None = None) -> Any:
    """One JSON request; blocks."""
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data, {"content-type": "application/json"}, method=method)
    try:
        with urlopen(request, timeout=30) as response:
            text = response.read()
    except HTTPError as error:
        with error:
            raise RuntimeError(f"{method} {url}: {error.read().decode()}") from None
    return json.loads(text) if text else None


class LiveClient:
    """One session and its viewer; use as an async context manager."""

    def __init__(
        self,
        base_url: str,
        look: Look | None = None,
        *,
        video: Mapping[str, int | str] | None = None,
        session_id: str = "",
        whep: bool = False,
        decode: bool = True,
        microphone: MediaStreamTrack | None = None,
    ) -> None:
        """look: what to note of each picture, uint8 RGB [H, W, 3].

        session_id: watch that session instead of making one. whep: come by WHEP.
        decode: else only arrivals are noted, which costs a tenth of the CPU; sounds
        then have no samples. microphone: what the visitor says.
        """
        self._microphone = microphone
        self._base_url = base_url.rstrip("/")
        self._look = look
        self._video = video
        self._whep = whep
        self._decode = decode
        self.sounds: list[Sound] = []
        self.pictures: list[Picture] = []
        self.events: list[tuple[float, dict[str, Any]]] = []
        self.reports: dict[str, Report] = {}
        self._arrivals: dict[str, dict[int, float]] = {"audio": {}, "video": {}}
        self._origins: dict[str, int] = {}
        self._changed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.offered_s = 0.0
        self.session_id = session_id

    async def __aenter__(self) -> "LiveClient":
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        if not self.session_id:
            wanted = {"video": dict(self._video)} if self._video else {}
            created = await asyncio.to_thread(
                http, "POST", f"{self._base_url}/v1/sessions", wanted
            )
            self.session_id = created["session_id"]
        self._session_url = f"{self._base_url}/v1/sessions/{self.session_id}"
        try:
            await self._connect()
        except BaseException:
            await self.peer.close()
            raise
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.peer.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connect(self) -> None:
        pc = self.peer
        for kind in ("audio", "video"):
            if kind == "audio" and self._microphone:
                both = pc.addTransceiver(self._microphone, direction="sendrecv")
                self._tap(kind, both.receiver)
            else:
                one_way = pc.addTransceiver(kind, direction="recvonly")
                self._tap(kind, one_way.receiver)
        self._channel = pc.createDataChannel("events")
        self._channel.on("message", self._on_message)
        pc.on("track", self._on_track)
        self.offered_s = time.monotonic()
        await pc.setLocalDescription(await pc.createOffer())
        sdp = await asyncio.to_thread(self._exchange, pc.localDescription.sdp)
        await pc.setRemoteDescription(RTCSessionDescription(sdp, "answer"))

    def _exchange(self, sdp: str) -> str:
        """Offer to answer; blocks."""
        if not self._whep:
            offer = {"sdp": sdp, "type": "offer"}
            return str(http("POST", f"{self._session_url}/offer", offer)["sdp"])
        request = Request(
            f"{self._session_url}/whep",
            sdp.encode(),
            {"content-type": "application/sdp"},
        )
        with urlopen(request, timeout=30) as response:
            return str(response.read().decode())

    def _tap(self, kind: str, receiver: RTCRtpReceiver) -> None:
        on_rtp, on_rtcp = receiver._handle_rtp_packet, receiver._handle_rtcp_packet
        arrivals = self._arrivals[kind]
        if not self._decode:
            leave_undecoded(receiver)

        async def rtp(packet: RtpPacket, arrival_time_ms: int) -> None:
            self._origins.setdefault(kind, packet.timestamp)
            if self._decode:
                arrivals[packet.timestamp] = time.monotonic()
            else:
                self._note(kind, packet)
            await on_rtp(packet, arrival_time_ms)

        async def rtcp(packet: AnyRtcpPacket) -> None:
            if isinstance(packet, RtcpSrPacket):
                info = packet.sender_info
                wall_s = info.ntp_timestamp / 2**32
                self.reports[kind] = Report(info.rtp_timestamp, wall_s)
            await on_rtcp(packet)

        receiver._handle_rtp_packet = rtp  # type: ignore[method-assign]
        receiver._handle_rtcp_packet = rtcp  # type: ignore[method-assign]

    def _note(self, kind: str, packet: RtpPacket) -> None:
        now_s = time.monotonic()
        if kind == "audio":
            self.sounds.append(Sound(packet.timestamp, now_s, 0.0, NO_SAMPLES))
        elif packet.marker:  # the last packet of a picture
            self.pictures.append(Picture(packet.timestamp, now_s, 0.0))
        self._changed.set()

    def _on_message(self, message: str) -> None:
        self.events.append((time.monotonic(), json.loads(message)))
        self._changed.set()

    def _on_track(self, track: MediaStreamTrack) -> None:
        read = self._hear if track.kind == "audio" else self._watch
        self._tasks.append(asyncio.create_task(read(track)))

    async def _hear(self, track: MediaStreamTrack) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                frame: Any = await track.recv()
                samples = frame.to_ndarray().reshape(-1, 2)[:, 0]
                level = float(np.sqrt(np.mean((samples / 32768.0) ** 2)))
                timestamp, arrived_s = self._arrival("audio", frame.pts)
                self.sounds.append(Sound(timestamp, arrived_s, level, samples))
                self._changed.set()

    async def _watch(self, track: MediaStreamTrack) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                frame: Any = await track.recv()
                value = 0.0
                if self._look:
                    value = self._look(frame.to_ndarray(format="rgb24"))
                timestamp, arrived_s = self._arrival("video", frame.pts)
                self.pictures.append(Picture(timestamp, arrived_s, value))
                self._changed.set()

    def _arrival(self, kind: str, pts: int) -> tuple[int, float]:
        timestamp = (self._origins[kind] + pts) % 2**32
        return timestamp, self._arrivals[kind].pop(timestamp)

    async def until(self, done: Callable[[], bool], timeout_s: float = 15) -> None:
        """Wait for something to arrive; TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while not done():
                self._changed.clear()
                await self._changed.wait()

    async def event(self, kind: str, timeout_s: float = 15) -> dict[str, Any]:
        """The first event of that type; waits for it."""
        await self.until(lambda: bool(self.found(kind)), timeout_s)
        return self.found(kind)[0]

    def found(self, kind: str) -> list[dict[str, Any]]:
        """All events of a type so far."""
        return [event for _, event in self.events if event["type"] == kind]

    async def ready(self) -> None:
        """Connected, with sound, picture and the data channel."""
        await self.event("stream.ready")
        await self.until(lambda: bool(self.pictures and self.sounds))

    def send(self, kind: str, **fields: object) -> float:
        """Send a command; returns the monotonic time of it."""
        self._channel.send(json.dumps({"type": kind} | fields))
        return time.monotonic()

    def send_pcm(self, pcm: bytes, sample_rate: int, *, last: bool = True) -> float:
        """Speak PCM16, the last of an utterance or more of it."""
        sent_s = time.monotonic()
        for first in range(0, len(pcm), PCM_CHUNK_BYTES):
            audio = base64.b64encode(pcm[first : first + PCM_CHUNK_BYTES]).decode()
            self.send("avatar.speak_audio", sample_rate=sample_rate, audio=audio)
        if last:
            self.send("avatar.speak_end")
        return sent_s

    async def delete(self) -> None:
        """Free the session."""
        await asyncio.to_thread(http, "DELETE", self._session_url)
