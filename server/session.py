"""One session: a portrait, its speech, its viewers, and its end."""

import asyncio
import logging
import math
import secrets
import time
from collections.abc import Callable
from typing import Any

from aiortc import RTCIceServer

from models.errors import LikenessError
from server.broadcast import Broadcast
from server.dialogue import Dialogue
from server.errors import ApiError, api_error
from server.lane import Lane
from server.limits import Limits
from server.look import Look
from server.metrics import Metrics
from server.narration import Narration
from server.peer import Hooks, Peer
from server.persona import Converse
from server.pipeline import Speech
from server.playout import PlayoutBuffer, to_ms
from server.protocol import ErrorEvent, Event, SessionClosed, State, StreamReady
from server.rate import Bucket
from server.reports import Network
from server.senses import Senses
from server.tokens import token_expired

logger = logging.getLogger(__name__)

Subscriber = Callable[[str], None]
OnMessage = Callable[[Peer, str | bytes], None]


class Session:
    """Runs from `run` until `close` is asked for; then it has freed everything."""

    def __init__(
        self,
        owner: str,
        identity_id: str,
        lane: Lane,
        speech: Callable[[PlayoutBuffer, Callable[[Event], None]], Speech],
        senses: Senses,
        how: Converse,
        limits: Limits,
        ice_servers: Callable[[str], list[RTCIceServer]],
        metrics: Metrics,
    ) -> None:
        """owner: the name of the key that asked for it.

        ice_servers: those of the server's own end, for a session's id.
        """
        self.session_id = f"ses_{secrets.token_urlsafe(15)}"
        self.owner = owner
        self.identity_id = identity_id
        self.lane = lane
        self.playout = lane.playout
        self.speech = speech(lane.playout, self.tell)
        self.look = Look(lane, self.tell)
        self.viewers: dict[str, Peer] = {}
        self.commands = Bucket(limits.commands_per_s, 2 * limits.commands_per_s)
        self._limits = limits
        self._ice_servers = ice_servers
        self._metrics = metrics
        self._subscribers: set[Subscriber] = set()
        self._events = 0
        self._reason: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._born_s = self._touched_s = self._absent_s = time.monotonic()
        self._ever_connected = False
        self._closing: set[asyncio.Task[None]] = set()
        self.dialogue = Dialogue(
            self.session_id,
            how,
            senses,
            lane,
            self.speech,
            self.look,
            self.tell,
            self.close,
            self.touch,
            metrics,
        )
        self.narration = Narration(
            lane.playout, self.speech, self.dialogue, self.look, self.tell, metrics
        )

    @property
    def state(self) -> State:
        return self.dialogue.state

    @property
    def broadcast(self) -> Broadcast:
        return self.lane.broadcast

    @property
    def media_ms(self) -> int:
        return to_ms(self.playout.media_samples)

    @property
    def over(self) -> bool:
        return self._reason.done()

    def touch(self) -> None:
        """Somebody uses this session: begin the idle time-out anew."""
        self._touched_s = time.monotonic()

    def close(self, reason: str) -> None:
        """Ask the session to end; `run` does it."""
        if not self._reason.done():
            self._reason.set_result(reason)

    async def run(self) -> str:
        """Live until something ends the session; returns the reason."""
        speaking = asyncio.create_task(self.speech.run())
        watching = asyncio.create_task(self._watch())
        talking = asyncio.create_task(self.dialogue.run())
        tasks = (speaking, watching, talking)
        try:
            running: list[asyncio.Future[Any]] = [self._reason, *tasks]
            await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done() and task.exception():
                    logger.error("a session failed", exc_info=task.exception())
            self.close("failed")
        finally:
            self.close("server_stopped")
            reason = self._reason.result()
            self.tell(SessionClosed(reason=reason))
            for task in tasks:
                task.cancel()
            for peer in list(self.viewers.values()):
                self._close_peer(peer)
            await self.look.close()
            await asyncio.gather(*tasks, *self._closing, return_exceptions=True)
            self._subscribers.clear()
        return reason

    async def connect(
        self,
        sdp: str,
        *,
        viewer_id: str,
        sendonly: bool,
        on_message: OnMessage,
        heard: bool = False,
        left_s: Callable[[], float] = lambda: math.inf,
    ) -> tuple[Peer, str]:
        """Answer an offer; a viewer of the same id gives way.

        heard: whether its microphone is the visitor's. left_s: how long it may stay.

        Raises:
            ApiError: the offer is not usable, or there are too many viewers.
        """
        self.touch()
        old = self.viewers.pop(viewer_id, None)
        if old:
            self._close_peer(old)
        if len(self.viewers) >= self._limits.max_viewers:
            raise ApiError(
                503,
                "viewers_full",
                f"This session has {self._limits.max_viewers} viewers already.",
                retry_after_s=5,
            )
        hooks = Hooks(
            connected=self._on_connected,
            gone=self._on_gone,
            message=on_message,
            channel_open=self._on_channel,
            network=self._on_network,
            key_wanted=self._metrics.key_requests.inc,
            microphone=self.dialogue.microphone if heard else None,
            packets=self.dialogue.packets if heard else None,
        )
        servers = self._ice_servers(self.session_id)
        peer = Peer(self.broadcast, servers, hooks, sendonly, left_s=left_s)
        self.viewers[viewer_id] = peer
        try:
            answer = await peer.answer(sdp)
        except BaseException:
            self._forget(peer)
            raise
        if self.over or peer.closed:
            await peer.close()
            raise ApiError(410, "session_gone", "The session is over.")
        return peer, answer

    def disconnect(self, viewer_id: str) -> None:
        """A viewer says that it goes."""
        peer = self.viewers.get(viewer_id)
        if peer:
            self._on_gone(peer)

    def subscribe(self, subscriber: Subscriber) -> None:
        """Send every event to `subscriber` too, beginning with the state.

        Raises:
            ApiError: 503, too many listen already.
        """
        if len(self._subscribers) >= self._limits.max_sockets:
            raise ApiError(
                503,
                "sockets_full",
                f"{self._limits.max_sockets} listen to this session already.",
                retry_after_s=5,
            )
        self._subscribers.add(subscriber)
        for event in self.dialogue.standing():
            subscriber(self.numbered(event))
        subscriber(self.numbered(self.look.layout_event()))

    def unsubscribe(self, subscriber: Subscriber) -> None:
        self._subscribers.discard(subscriber)

    def tell(self, event: Event) -> None:
        """Send an event to all who listen."""
        message = self.numbered(event)
        for subscriber in tuple(self._subscribers):
            subscriber(message)
        for peer in self.viewers.values():
            peer.send(message)

    def interrupt(self) -> None:
        """Barge-in: silence within 20 ms, and everything queued forgotten."""
        self.dialogue.interrupt()

    def speak_as(
        self, voice: str | None, language: str | None, source: str | None
    ) -> None:
        """Speak so from now on; what cannot be is told as an error event."""
        opening = asyncio.create_task(self._speak_as(voice, language, source))
        self._closing.add(opening)
        opening.add_done_callback(self._closing.discard)

    async def _speak_as(
        self, voice: str | None, language: str | None, source: str | None
    ) -> None:
        try:
            info = await self.speech.try_voice(voice, language)
        except LikenessError as error:
            self.tell(ErrorEvent.of(api_error(error), source))
            return
        self.dialogue.speak_as(voice, language, info.language)

    def numbered(self, event: Event) -> str:
        """An event as JSON with the next event_id."""
        self._events += 1
        return event.model_copy(update={"event_id": f"evt_{self._events}"}).to_json()

    def _on_connected(self, peer: Peer) -> None:
        if not self._ever_connected:
            self.dialogue.greet()
        self._ever_connected = True
        self._metrics.viewers.inc()
        self._metrics.connect_s.observe(time.monotonic() - peer.offered_s)
        self.speech.viewer_came()
        self.tell(StreamReady(media_ms=self.media_ms))

    def _on_channel(self, peer: Peer) -> None:
        for event in self.dialogue.standing():
            peer.send(self.numbered(event))
        peer.send(self.numbered(self.look.layout_event()))
        if peer.connected:
            peer.send(self.numbered(StreamReady(media_ms=self.media_ms)))

    def _on_network(self, network: Network) -> None:
        self._metrics.loss.observe(network.loss)
        if network.round_trip_s is not None:
            self._metrics.round_trip_s.observe(network.round_trip_s)

    def _on_gone(self, peer: Peer) -> None:
        self._forget(peer)
        self._close_peer(peer)

    def _forget(self, peer: Peer) -> None:
        for viewer_id, each in list(self.viewers.items()):
            if each is peer:
                del self.viewers[viewer_id]
        if not self.viewers:
            self._absent_s = time.monotonic()

    def _close_peer(self, peer: Peer) -> None:
        if peer.closed:
            return
        if peer.connected:
            peer.connected = False  # counted once, however often it is said to go
            self._metrics.viewers.dec()
        task = asyncio.create_task(peer.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _watch(self) -> None:
        """End the session when its time is up or its viewers are gone."""
        while True:
            await asyncio.sleep(0.25)
            now_s = time.monotonic()
            for peer in list(self.viewers.values()):
                if peer.left_s() <= 0:
                    peer.send(self.numbered(ErrorEvent.of(token_expired())))
                    self._on_gone(peer)
                elif self._peer_is_dead(peer, now_s):
                    self._on_gone(peer)
            reason = self._time_is_up(now_s)
            if reason:
                self.close(reason)
                return

    def _peer_is_dead(self, peer: Peer, now_s: float) -> bool:
        if peer.connected:
            return now_s - peer.heard_s > self._limits.silent_peer_s
        # ICE never fails in aiortc when no usable candidate comes.
        return now_s - peer.offered_s > self._limits.connect_s

    def _time_is_up(self, now_s: float) -> str | None:
        limits = self._limits
        if limits.duration_s and now_s - self._born_s > limits.duration_s:
            return "max_duration"
        if limits.idle_s and now_s - self._touched_s > limits.idle_s:
            return "idle"
        if self.viewers:
            return None
        if not self._ever_connected:
            waited_s = now_s - max(self._born_s, self._absent_s)
            return "connect_timeout" if waited_s > limits.connect_s else None
        return "absent" if now_s - self._absent_s > limits.absent_s else None
