"""A viewer that stays: one session of a server, kept alive through what happens to it.

Made for programs that show a portrait on (scripts/virtual_camera.py). When the
connection breaks it comes back to the same session, or makes another one where that is
gone; meanwhile the presentation holds its last picture.
"""

import asyncio
import contextlib
import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from aiortc import (
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from aiortc.rtp import AnyRtcpPacket, RtcpSrPacket, RtpPacket

from models.media import PLAYOUT_RATE_HZ, VIDEO_CLOCK_HZ
from scripts.live_client import leave_undecoded
from scripts.presentation import Presentation
from server.microphone import MicPacket, Order, PacketDecoder, tap

VIEWER_ID = "virtual-camera"
CONNECT_S = 15.0
STALLED_S = 5.0  # without a packet of sound, which comes in silence too
LONGEST_WAIT_S = 8.0
REQUEST_S = 10.0
RATES_HZ = {"audio": PLAYOUT_RATE_HZ, "video": VIDEO_CLOCK_HZ}


class Refused(Exception):
    """What a server answered. status: of HTTP. code: for programs."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


@dataclass(frozen=True)
class Server:
    """url: of its root. key: of its operator, where it needs one."""

    url: str
    key: str = ""

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """One JSON request; blocks.

        Raises:
            Refused: the server says no, or what came is no answer of such a server.
            OSError: it cannot be reached.
        """
        headers = {"content-type": "application/json"}
        if self.key:  # unlike the session's token it does not expire
            headers["authorization"] = f"Bearer {self.key}"
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.url.rstrip("/") + path, data, headers, method=method)
        try:
            with urlopen(request, timeout=REQUEST_S) as response:
                text = response.read()
                return json.loads(text) if text else None
        except HTTPError as error:
            with error:
                raise _refusal(error) from None
        except ValueError:
            raise Refused(0, "no_server", f"{self.url} is no such server.") from None


def _refusal(error: HTTPError) -> Refused:
    try:
        told = json.loads(error.read())
        return Refused(error.code, str(told["code"]), str(told["message"]))
    except (ValueError, KeyError, TypeError):
        return Refused(error.code, "http", f"The server answered {error.code}.")


class CommonClock:
    """RTP times of both tracks as seconds of this machine's clock.

    Sender reports say which RTP times belong together; before they have come, what
    arrived earliest for its time does.
    """

    def __init__(self) -> None:
        self._bases_s: dict[str, float] = {}
        self._reports: dict[str, tuple[int, float]] = {}
        self._offset_s: float | None = None

    def note(self, kind: str, timestamp: int, now_s: float) -> None:
        """A packet has come."""
        base_s = now_s - timestamp / RATES_HZ[kind]
        self._bases_s[kind] = min(base_s, self._bases_s.get(kind, base_s))

    def report(self, kind: str, timestamp: int, wall_s: float) -> None:
        """A sender report has come."""
        self._reports[kind] = timestamp, wall_s
        if self._offset_s is None and kind in self._bases_s:
            local_s = self._bases_s[kind] + timestamp / RATES_HZ[kind]
            self._offset_s = local_s - wall_s

    def local_s(self, kind: str, timestamp: int) -> float:
        """When something of that time belongs."""
        if self._offset_s is None or len(self._reports) < len(RATES_HZ):
            return self._bases_s[kind] + timestamp / RATES_HZ[kind]
        reported, wall_s = self._reports[kind]
        ticks = (timestamp - reported + 2**31) % 2**32 - 2**31
        return float(wall_s + ticks / RATES_HZ[kind] + self._offset_s)


class LiveViewer:
    """One session, for as long as `run` runs."""

    def __init__(
        self,
        server: Server,
        wish: dict[str, object],
        show: Presentation,
        microphone: Callable[[], MediaStreamTrack] | None,
        tell: Callable[[str], None],
    ) -> None:
        """wish: the body of POST /v1/sessions. tell: what happens, for people.

        microphone: makes a track for each connection.
        """
        self._server = server
        self._wish = wish
        self._show = show
        self._microphone = microphone
        self.tell = tell
        self._session: dict[str, Any] = {}
        self._failures = 0
        self.connected = False
        self.reconnects = 0

    async def run(self) -> None:
        """Until cancelled; then the session is ended.

        Raises:
            Refused: for a reason that will not pass: a wrong key, an unknown identity.
        """
        try:
            while True:
                try:
                    await self._visit()
                except Refused as refusal:
                    if refusal.status in (404, 410) and self._session:
                        self._session = {}
                    elif refusal.status not in (0, 409, 410, 429, 500, 502, 503, 504):
                        raise
                    self.tell(str(refusal))
                except (OSError, TimeoutError, ConnectionError) as error:
                    self.tell(f"No connection ({error or type(error).__name__}).")
                self.connected = False
                await asyncio.sleep(self._pause_s())
                self.reconnects += 1
        finally:
            if self._session:
                end = partial(self._ask, "DELETE", "")
                with contextlib.suppress(Refused, OSError):
                    await asyncio.shield(asyncio.to_thread(end))

    async def command(self, kind: str, **fields: object) -> None:
        """Send a command.

        Raises:
            Refused: it cannot be done, or there is no session at the moment.
            OSError: the server cannot be reached.
        """
        if not self._session:
            raise Refused(0, "not_connected", "There is no connection at the moment.")
        body = {"type": kind} | fields
        await asyncio.to_thread(self._ask, "POST", "/commands", body)

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        whole = f"/v1/sessions/{self._session['session_id']}{path}"
        return self._server.ask(method, whole, body)

    def _pause_s(self) -> float:
        """Longer after each failure, and never the same for all."""
        self._failures += 1
        most_s = min(LONGEST_WAIT_S, 0.5 * 2.0 ** min(self._failures - 1, 10))
        return most_s * random.uniform(0.5, 1)

    async def _visit(self) -> None:
        """One connection, from its offer to its end."""
        if not self._session:
            ask = self._server.ask
            self._session = await asyncio.to_thread(
                ask, "POST", "/v1/sessions", self._wish
            )
        microphone = self._microphone() if self._microphone else None
        visit = _Visit(self._show, self._session, microphone, self._told)
        try:
            async with asyncio.timeout(CONNECT_S):
                offer = await visit.offer()
                answer = await asyncio.to_thread(self._ask, "POST", "/offer", offer)
                await visit.take(answer)
                await visit.flowing.wait()
            self.connected, self._failures = True, 0
            self.tell("Connected.")
            await visit.until_over()
            self.tell("The connection broke.")
        finally:
            await visit.close()

    def _told(self, event: dict[str, Any]) -> None:
        """What people should know of the server's events."""
        kind = event["type"]
        if kind in ("error", "warning"):
            self.tell(event["message"])
        elif kind == "puppet.delay":
            self.tell(f"Your voice is {event['delay_ms']} ms late.")
        elif kind == "session.closed":
            self._session = {}


class _Visit:
    """One peer connection. flowing: sound has come."""

    def __init__(
        self,
        show: Presentation,
        session: dict[str, Any],
        microphone: MediaStreamTrack | None,
        told: Callable[[dict[str, Any]], None],
    ) -> None:
        self.flowing = asyncio.Event()
        self._show = show
        self._told = told
        servers = [RTCIceServer(**each) for each in session.get("ice_servers", ())]
        self._pc = RTCPeerConnection(RTCConfiguration(iceServers=servers))
        self._clock = CommonClock()
        self._order, self._decoder = Order(), PacketDecoder()
        self._origin: int | None = None  # RTP time of the first picture
        self._heard_s = time.monotonic()
        self._over = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._microphone = microphone
        show.restart()

    async def offer(self) -> dict[str, str]:
        pc = self._pc
        if self._microphone:
            audio = pc.addTransceiver(self._microphone, direction="sendrecv")
        else:
            audio = pc.addTransceiver("audio", direction="recvonly")
        video = pc.addTransceiver("video", direction="recvonly")
        self._audio = audio
        leave_undecoded(audio.receiver)
        self._note("audio", audio.receiver)
        self._note("video", video.receiver)
        channel = pc.createDataChannel("events")
        channel.on("message", lambda message: self._told(json.loads(message)))
        pc.on("track", self._on_track)
        pc.on("connectionstatechange", self._on_state)
        await pc.setLocalDescription(await pc.createOffer())
        sdp = pc.localDescription.sdp
        return {"sdp": sdp, "type": "offer", "viewer_id": VIEWER_ID}

    async def take(self, answer: dict[str, str]) -> None:
        await self._pc.setRemoteDescription(
            RTCSessionDescription(answer["sdp"], "answer")
        )
        tap(self._audio.receiver, self._audio._codecs, self._hear)

    async def until_over(self) -> None:
        """Return when it has broken, or nothing comes any more."""
        while not self._over.is_set() and not self._stalled:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.5):
                    await self._over.wait()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self._pc.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def _stalled(self) -> bool:
        return time.monotonic() - self._heard_s > STALLED_S

    def _on_state(self) -> None:
        if self._pc.connectionState in ("failed", "closed"):
            self._over.set()

    def _note(self, kind: str, receiver: RTCRtpReceiver) -> None:
        on_rtp, on_rtcp = receiver._handle_rtp_packet, receiver._handle_rtcp_packet

        async def rtp(packet: RtpPacket, arrival_time_ms: int) -> None:
            self._clock.note(kind, packet.timestamp, time.monotonic())
            if kind == "video" and self._origin is None:
                self._origin = packet.timestamp
            await on_rtp(packet, arrival_time_ms)

        async def rtcp(packet: AnyRtcpPacket) -> None:
            if isinstance(packet, RtcpSrPacket):
                info = packet.sender_info
                wall_s = info.ntp_timestamp / 2**32
                self._clock.report(kind, info.rtp_timestamp, wall_s)
            await on_rtcp(packet)

        receiver._handle_rtp_packet = rtp  # type: ignore[method-assign]
        receiver._handle_rtcp_packet = rtcp  # type: ignore[method-assign]

    def _hear(self, packet: MicPacket) -> None:
        self._heard_s = time.monotonic()
        self.flowing.set()
        self._clock.note("audio", packet.timestamp, self._heard_s)
        for ordered in self._order.push(packet):
            heard = self._decoder.hear(ordered)
            at_s = self._clock.local_s("audio", ordered.packet.timestamp)
            at_s -= heard.made_up / PLAYOUT_RATE_HZ
            self._show.push_sound(at_s, heard.samples)

    def _on_track(self, track: MediaStreamTrack) -> None:
        read = self._watch if track.kind == "video" else self._drain
        self._tasks.append(asyncio.create_task(read(track)))

    async def _watch(self, track: MediaStreamTrack) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                frame: Any = await track.recv()
                assert self._origin is not None
                timestamp = (self._origin + frame.pts) % 2**32
                at_s = self._clock.local_s("video", timestamp)
                self._show.push_picture(at_s, frame.to_ndarray(format="rgb24"))

    async def _drain(self, track: MediaStreamTrack) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                await track.recv()


assert issubclass(URLError, OSError)
