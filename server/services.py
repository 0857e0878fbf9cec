"""Everything a running server consists of, and how a route gets at it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from starlette.requests import HTTPConnection

from server.auth import Gate, RateLimit, bearer
from server.engine import Engine
from server.errors import ApiError
from server.identities import Identities
from server.media_loop import MediaLoop
from server.metrics import Metrics
from server.session import Session
from server.sessions import Sessions
from server.settings import Settings
from server.voices import VoiceSource


@dataclass(eq=False)
class Services:
    """ready: sessions can be made."""

    settings: Settings
    metrics: Metrics
    gate: Gate
    rate: RateLimit
    identities: Identities
    voices: VoiceSource
    sessions: Sessions
    media: MediaLoop
    engine: Engine
    ready: bool = False


def services_of(connection: HTTPConnection) -> Services:
    services = connection.app.state.services
    assert isinstance(services, Services)
    return services


Served = Annotated[Services, Depends(services_of)]


def need_key(request: Request, services: Served) -> None:
    services.gate.check_key(request)


def session_of(session_id: str, request: Request, services: Served) -> Session:
    """The session of the path, if the caller may use it."""
    session = services.sessions.get(session_id)
    services.gate.check_session(bearer(request), session)
    return session


Its = Annotated[Session, Depends(session_of)]


async def read_body(request: Request, limit: int) -> bytes:
    """The body, up to `limit` bytes.

    Raises:
        ApiError: 413, as soon as it is known to be larger.
    """
    parts: list[bytes] = []
    size = 0
    stream: AsyncIterator[bytes] = request.stream()
    async for part in stream:
        size += len(part)
        if size > limit:
            raise ApiError(413, "body_too_large", f"The body is over {limit} bytes.")
        parts.append(part)
    return b"".join(parts)
