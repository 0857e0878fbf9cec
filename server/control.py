"""Commands, from wherever they come, and the events WebSocket."""

import asyncio
import base64
import binascii
import contextlib
import logging
from collections.abc import Callable

from fastapi import WebSocket, WebSocketDisconnect

from server.errors import ApiError
from server.look import read_background
from server.protocol import (
    AnyCommand,
    ErrorEvent,
    Interrupt,
    KeepAlive,
    SetAvatar,
    SpeakAudio,
    SpeakEnd,
    SpeakStream,
    SpeakText,
    parse_command,
)
from server.session import Session

logger = logging.getLogger(__name__)

MAX_BINARY_BYTES = 1_000_000
MAX_WAITING_EVENTS = 256  # of one WebSocket; a slower reader is closed

TOO_SLOW = 1013  # RFC 6455 registry: try again later
SESSION_OVER = 4410


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
            session.speech.speak_audio(
                command.sample_rate,
                _decode(command.audio),
                command.event_id,
                command.stream_id,
            )
        case SpeakEnd():
            session.speech.speak_end()
        case Interrupt():
            session.interrupt()
        case SetAvatar():
            if command.background is not None:
                session.look.show(read_background(command.background), command.event_id)
            session.look.express(command.emotion, command.expressivity)
        case KeepAlive():
            pass


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


def receive(
    session: Session,
    data: str | bytes,
    reply: Callable[[str], None],
    *,
    max_text_chars: int,
) -> None:
    """A message of a channel: do it, or tell its sender why not."""
    source: str | None = None
    try:
        if isinstance(data, bytes):
            if len(data) > MAX_BINARY_BYTES:
                raise ApiError(
                    413,
                    "message_too_large",
                    f"A binary message is at most {MAX_BINARY_BYTES} bytes.",
                )
            session.touch()
            session.speech.append_audio(data)
            return
        command = parse_command(data)
        source = command.event_id
        execute(session, command, max_text_chars=max_text_chars)
    except ApiError as error:
        event = ErrorEvent(
            code=error.code,
            message=error.message,
            retryable=error.retryable,
            source_event_id=source,
        )
        reply(session.numbered(event))


class EventSocket:
    """One WebSocket of a session: commands in, events out."""

    def __init__(
        self, session: Session, socket: WebSocket, *, max_text_chars: int
    ) -> None:
        self._session = session
        self._socket = socket
        self._max_text_chars = max_text_chars
        self._events: asyncio.Queue[str] = asyncio.Queue(MAX_WAITING_EVENTS)
        self._too_slow = asyncio.Event()

    async def run(self) -> None:
        """Until either side closes or the session is over."""
        self._session.subscribe(self._queue)
        tasks = [
            asyncio.create_task(each)
            for each in (self._receive(), self._send(), self._too_slow.wait())
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            code = TOO_SLOW if self._too_slow.is_set() else SESSION_OVER
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await self._socket.close(code)
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

    async def _send(self) -> None:
        while not (self._session.over and self._events.empty()):
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
                receive(
                    self._session,
                    data,
                    self._queue,
                    max_text_chars=self._max_text_chars,
                )
