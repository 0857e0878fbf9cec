"""Everything a running server consists of, and how a route gets at it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from starlette.requests import ClientDisconnect, HTTPConnection

from server.auth import Caller, Gate, bearer, scope_missing
from server.engine import Engine
from server.errors import ApiError
from server.ice import IceServers
from server.identities import Identities
from server.media_loop import MediaLoop
from server.metrics import Metrics
from server.rate import RateLimit
from server.senses import Senses
from server.session import Session
from server.sessions import Sessions
from server.settings import Settings
from server.tokens import Tokens
from server.voices import VoiceSource


@dataclass(eq=False)
class Services:
    """ready: sessions can be made."""

    settings: Settings
    metrics: Metrics
    tokens: Tokens
    ice: IceServers
    gate: Gate
    rate: RateLimit
    identities: Identities
    voices: VoiceSource
    sessions: Sessions
    senses: Senses
    media: MediaLoop
    engine: Engine
    ready: bool = False

    def check_ready(self) -> None:
        """Sessions can be made.

        Raises:
            ApiError: 503.
        """
        if not self.ready:
            raise ApiError(
                503, "starting", "The server is getting ready.", retry_after_s=1
            )


def services_of(connection: HTTPConnection) -> Services:
    services = connection.app.state.services
    assert isinstance(services, Services)
    return services


Served = Annotated[Services, Depends(services_of)]


def need_key(request: Request, services: Served) -> Caller:
    return services.gate.check_key(request)


@dataclass(frozen=True)
class Visit:
    """The session of the path, and who came to it."""

    session: Session
    caller: Caller


def visit(session_id: str, request: Request, services: Served) -> Visit:
    session = services.sessions.get(session_id)
    caller = services.gate.check_session(request, bearer(request), session)
    return Visit(session, caller)


Visiting = Annotated[Visit, Depends(visit)]


def viewed(visit: Visiting) -> Session:
    return visit.session


def controlled(visit: Visiting) -> Session:
    if visit.caller.scope != "control":
        raise scope_missing()
    return visit.session


Viewed = Annotated[Session, Depends(viewed)]  # by whoever may watch it
Controlled = Annotated[Session, Depends(controlled)]  # by whoever may let it speak


def content_type(request: Request) -> str:
    """Of a body, without its parameters and in small letters; empty if it says none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_body(request: Request, limit: int) -> bytes:
    """The body, up to `limit` bytes.

    Raises:
        ApiError: 413, as soon as it is known to be larger.
    """
    parts: list[bytes] = []
    size = 0
    stream: AsyncIterator[bytes] = request.stream()
    try:
        async for part in stream:
            size += len(part)
            if size > limit:
                raise ApiError(
                    413, "body_too_large", f"The body is over {limit} bytes."
                )
            parts.append(part)
    except ClientDisconnect:  # nobody is there to read this, but it is no fault of ours
        raise ApiError(400, "body_cut_off", "The body broke off.") from None
    return b"".join(parts)
