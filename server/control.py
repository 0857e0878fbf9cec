"""Commands, from wherever they come, and the events WebSocket."""

import asyncio
import base64
import binascii
import contextlib
import logging
from collections.abc import Callable

from fastapi import WebSocket, WebSocketDisconnect

from server.auth import scope_missing
from server.errors import ApiError
from server.look import read_background
from server.protocol import (
    AnyCommand,
    ErrorEvent,
    Interrupt,
    KeepAlive,
    Respond,
    SessionToken,
    SetAvatar,
    SpeakAudio,
    SpeakEnd,
    SpeakStream,
    SpeakText,
    StartListening,
    StopListening,
    parse_command,
)
from server.session import Session
from server.tokens import Scope, token_expired

logger = logging.getLogger(__name__)

MAX_BINARY_BYTES = 1_000_000
MAX_WAITING_EVENTS = 256  # of one WebSocket; a slower reader is closed

TRY_LATER = 1013  # RFC 6455 registry: try again later
TOKEN_OVER = 4401
SESSION_OVER = 4410
LAST_WORDS_S = 2  # the event that says why may take so long to leave
LONGEST_WAIT_S = 60  # between looks at the clock, which may be set


def execute(session: Session, command: AnyCommand, *, max_text_chars: int) -> None:
    """Carry out a command.

    Raises:
        ApiError: it cannot be done; nothing has changed then.
    """
    session.touch()
    match command:
        case SpeakText():
            _check_length(command.text, max_text_chars)
            session.speech.speak_text(
                command.text,
                voice=command.voice,
                language=command.language,
                source=command.event_id,
                emotion=command.emotion,
            )
        case SpeakStream():
            _check_length(command.text, max_text_chars)
            session.speech.speak_stream(
                command.stream_id,
                command.text,
                end=command.end,
                voice=command.voice,
                language=command.language,
                source=command.event_id,
                emotion=command.emotion,
            )
        case SpeakAudio():
            session.dialogue.refuse_sound("avatar.speak_audio")
            session.speech.speak_audio(
                command.sample_rate,
                _decode(command.audio),
                command.event_id,
                command.stream_id,
            )
        case SpeakEnd():
            session.dialogue.refuse_sound("avatar.speak_end")
            session.speech.speak_end()
        case Respond():
            _check_length(command.text, max_text_chars)
            session.dialogue.respond(command.text, command.event_id)
        case StartListening():
            session.dialogue.start_listening(held=command.hold)
        case StopListening():
            session.dialogue.stop_listening()
        case Interrupt():
            session.interrupt()
        case SetAvatar():
            if command.background is not None:
                session.look.show(read_background(command.background), command.event_id)
            if command.voice or command.language:
                session.speak_as(command.voice, command.language, command.event_id)
            session.look.express(
                command.emotion, command.expressivity, command.articulation
            )
        case KeepAlive():
            pass


def too_many_commands() -> ApiError:
    return ApiError(
        429,
        "too_many_commands",
        "Too many messages: send fewer, or larger ones.",
        retry_after_s=1,
    )


def _check_length(text: str, max_chars: int) -> None:
    if len(text) > max_chars:
        raise ApiError(
            413,
            "text_too_long",
            f"A text is at most {max_chars} characters: send it in parts.",
        )


def _decode(audio: str) -> bytes:
    try:
        return base64.b64decode(audio, validate=True)
    except (binascii.Error, ValueError):
        raise ApiError(
            422, "bad_audio", "audio is not base64 of mono 16-bit PCM."
        ) from None


class Controller:
    """Whoever sends messages over a channel: what they may do, and its answers."""

    def __init__(
        self,
        session: Session,
        scope: Scope,
        renew: Callable[[], SessionToken],
        left_s: Callable[[], float],
        *,
        max_text_chars: int,
    ) -> None:
        """renew: mints a token of the same family. left_s: how long it may stay."""
        self.left_s = left_s
        self._session = session
        self._scope = scope
        self._renew = renew
        self._max_text_chars = max_text_chars
        self._flooding = False

    def receive(self, data: str | bytes, reply: Callable[[str], None]) -> None:
        """A message of a channel: do it, or tell its sender why not."""
        source: str | None = None
        try:
            if not self._may_pass():
                return
            if isinstance(data, bytes):
                self._receive_sound(data)
                return
            command = parse_command(data)
            source = command.event_id
            self._execute(command, reply)
        except ApiError as error:
            reply(self._session.numbered(ErrorEvent.of(error, source)))

    def _may_pass(self) -> bool:
        """False for what comes too fast, which is told once a flood."""
        if self._session.commands.take():
            self._flooding = False
            return True
        if not self._flooding:
            self._flooding = True
            raise too_many_commands()
        return False

    def _check_token(self) -> None:
        if self.left_s() <= 0:
            raise token_expired()

    def _execute(self, command: AnyCommand, reply: Callable[[str], None]) -> None:
        self._check_token()
        if isinstance(command, KeepAlive):
            reply(self._session.numbered(self._renew()))
            if self._scope != "control":
                return
        elif self._scope != "control":
            raise scope_missing()
        execute(self._session, command, max_text_chars=self._max_text_chars)

    def _receive_sound(self, data: bytes) -> None:
        self._check_token()
        if self._scope != "control":
            raise scope_missing()
        if len(data) > MAX_BINARY_BYTES:
            raise ApiError(
                413,
                "message_too_large",
                f"A binary message is at most {MAX_BINARY_BYTES} bytes.",
            )
        self._session.touch()
        self._session.dialogue.refuse_sound("Binary sound")
        self._session.speech.append_audio(data)


class EventSocket:
    """One WebSocket of a session: commands in, events out."""

    def __init__(
        self, session: Session, socket: WebSocket, controller: Controller
    ) -> None:
        self._session = session
        self._socket = socket
        self._controller = controller
        self._events: asyncio.Queue[str] = asyncio.Queue(MAX_WAITING_EVENTS)
        self._too_slow = asyncio.Event()
        self._outstayed = False

    async def run(self) -> None:
        """Until either side closes or the session is over.

        Raises:
            ApiError: 503, too many listen already.
        """
        self._session.subscribe(self._queue)
        ends = (self._receive(), self._send(), self._too_slow.wait(), self._outstay())
        tasks = [asyncio.create_task(each) for each in ends]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await self._socket.close(*self._ending())
        finally:
            self._session.unsubscribe(self._queue)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _queue(self, message: str) -> None:
        try:
            self._events.put_nowait(message)
        except asyncio.QueueFull:
            self._too_slow.set()

    def _ending(self) -> tuple[int, str]:
        """The close code, and its reason."""
        if self._too_slow.is_set():
            return TRY_LATER, ""
        if self._outstayed and not self._session.over:
            return TOKEN_OVER, token_expired().code
        return SESSION_OVER, ""

    async def _outstay(self) -> None:
        """Until the token is good no more and whoever listens has been told."""
        while (left_s := self._controller.left_s()) > 0:  # noqa: ASYNC110 it may be renewed
            await asyncio.sleep(min(left_s, LONGEST_WAIT_S))
        self._outstayed = True
        self._queue(self._session.numbered(ErrorEvent.of(token_expired())))
        await asyncio.sleep(LAST_WORDS_S)

    async def _send(self) -> None:
        while not ((self._session.over or self._outstayed) and self._events.empty()):
            message = await self._events.get()
            await self._socket.send_text(message)

    async def _receive(self) -> None:
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                message = await self._socket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                data = message.get("text")
                if data is None:
                    data = message.get("bytes") or b""
                self._controller.receive(data, self._queue)
