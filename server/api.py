"""The REST routes: identities, voices, sessions."""

import asyncio
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import (
    APIRouter,
    Depends,
    File,
    Form,
    Query,
    Response,
    UploadFile,
    WebSocket,
)
from fastapi.requests import Request
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field

from models.crop import parse_size
from models.identity import Identity
from server.auth import bearer, check_origin
from server.control import SESSION_OVER, EventSocket, execute, receive
from server.errors import ApiError
from server.identities import DEFAULT_ID, Record
from server.look import read_background
from server.order import Framing, Order, read_consent, read_name
from server.peer import MAX_SDP_BYTES, Peer
from server.protocol import MAX_MESSAGE_BYTES, Background, parse_command
from server.services import (
    Its,
    Served,
    need_key,
    read_body,
    services_of,
)
from server.session import Limits, Session

router = APIRouter(prefix="/v1")
KEYED = [Depends(need_key)]
OFFERER = "offer"  # the viewer id of whoever came by the JSON offer
MAX_LISTED = 1_000  # identities in one answer
DEFAULT_SIDE = 512  # of the video of a square portrait, pixels
BAD_TOKEN, FORBIDDEN, NO_SESSION = 4401, 4403, 4404


class Video(BaseModel):
    """Scaled from the portrait's own size; of another shape, its middle.

    Without a width or a height the video has the portrait's shape.
    """

    model_config = ConfigDict(extra="forbid")

    width: int | None = Field(default=None, ge=128, le=1280, multiple_of=2)
    height: int | None = Field(default=None, ge=128, le=1280, multiple_of=2)
    background: Background = "keep"

    def size_for(self, identity: Identity) -> tuple[int, int]:
        """Width and height, in pixels."""
        high, wide = identity.size
        if self.width and self.height:
            return self.width, self.height
        if self.width:
            return self.width, _even(self.width * high / wide)
        if self.height:
            return _even(self.height * wide / high), self.height
        return (DEFAULT_SIDE, DEFAULT_SIDE) if wide == high else (wide, high)


def _even(pixels: float) -> int:
    return min(max(2 * round(pixels / 2), 128), 1280)


class NewSession(BaseModel):
    model_config = ConfigDict(extra="forbid")

    identity: str = Field(default=DEFAULT_ID, max_length=128)
    voice: str | None = Field(default=None, max_length=128)
    language: str | None = Field(default=None, max_length=128)
    video: Video = Video()
    max_duration_s: float | None = Field(default=None, gt=0)
    idle_timeout_s: float | None = Field(default=None, gt=0)


class Offer(BaseModel):
    sdp: str = Field(max_length=MAX_SDP_BYTES)
    type: str = Field(default="offer", pattern="^offer$")


@router.get("/voices", dependencies=KEYED)
async def voices(services: Served) -> dict[str, Any]:
    known = await asyncio.to_thread(services.voices.list)
    default = await asyncio.to_thread(services.voices.open, None, None)
    return {"default": default.info.id, "voices": [asdict(each) for each in known]}


@router.post("/identities", status_code=202, dependencies=KEYED)
async def add_identity(
    request: Request,
    services: Served,
    response: Response,
    photo: Annotated[UploadFile, File()],
    name: Annotated[str, Form()] = "",
    consent: Annotated[str, Form()] = "",
    consent_by: Annotated[str, Form()] = "",
    face: Annotated[int | None, Form(ge=1, le=100)] = None,
    size: Annotated[str, Form(max_length=20)] = "512",
) -> dict[str, Any]:
    framing = Framing(face, parse_size(size))
    agreed = read_consent(consent, consent_by)
    limit = services.settings.max_photo_bytes
    data = await photo.read(limit + 1)
    if len(data) > limit:
        raise ApiError(
            413, "photo_too_large", f"A photo is at most {limit // 1_000_000} MB."
        )
    order = Order(data, read_name(name), framing, agreed)
    record = await services.identities.add(order)
    if record.status == "ready":
        response.status_code = 200  # it was made before
    return _identity(record)


@router.get("/identities", dependencies=KEYED)
async def list_identities(
    services: Served,
    limit: Annotated[int, Query(ge=1, le=MAX_LISTED)] = 100,
    after: Annotated[str, Query(max_length=128)] = "",
) -> dict[str, Any]:
    records = list(services.identities)
    if after:
        services.identities.get(after)
        ids = [each.identity_id for each in records]
        records = records[ids.index(after) + 1 :]
    more = len(records) > limit
    page = [_identity(each) for each in records[:limit]]
    return {"identities": page, "next": page[-1]["identity_id"] if more else None}


@router.get("/identities/{identity_id}", dependencies=KEYED)
async def get_identity(identity_id: str, services: Served) -> dict[str, Any]:
    return _identity(services.identities.get(identity_id))


@router.get("/identities/{identity_id}/preview.png")
async def preview(identity_id: str, services: Served) -> FileResponse:
    # Open to whoever knows the id, so that <img> can show it; ids cannot be guessed.
    path = services.identities.preview(identity_id)
    age = 60 if identity_id == DEFAULT_ID else 86_400
    return FileResponse(
        path,
        media_type="image/png",
        headers={"cache-control": f"private, max-age={age}"},
    )


@router.delete("/identities/{identity_id}", status_code=204, dependencies=KEYED)
async def delete_identity(identity_id: str, services: Served) -> Response:
    await services.identities.delete(identity_id)
    return Response(status_code=204)


def _identity(record: Record) -> dict[str, Any]:
    ready = record.status == "ready"
    url = f"/v1/identities/{record.identity_id}/preview.png"
    known = asdict(record)
    card: dict[str, Any] = known.pop("card")
    del card["content"]  # so that nobody learns whose photo it is by trying photos
    return card | {
        **known,
        "identity_id": record.identity_id,
        "preview_url": url if ready else None,
    }


@router.post("/sessions", status_code=201, dependencies=KEYED)
async def create_session(
    services: Served, wanted: NewSession | None = None
) -> dict[str, Any]:
    wanted = wanted or NewSession()
    if not services.ready:
        raise ApiError(503, "starting", "The server is getting ready.", retry_after_s=1)
    identity = await services.identities.load(wanted.identity)
    if wanted.voice or wanted.language:
        # Said now rather than at the first word.
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(
            services.sessions.tts, services.voices.open, wanted.voice, wanted.language
        )
    background = read_background(wanted.video.background)
    services.sessions.check_room()
    width, height = wanted.video.size_for(identity)
    await services.media.ready(identity, (height, width))
    session = services.sessions.create(
        wanted.identity,
        identity,
        (wanted.voice, wanted.language),
        (width, height),
        _limits(services, wanted),
    )
    try:
        await session.look.show_now(background)
    except BaseException:
        session.close("failed")
        raise
    path = f"/v1/sessions/{session.session_id}"
    return {
        "session_id": session.session_id,
        "token": session.token,
        "expires_at": session.expires_at,
        "identity": session.identity_id,
        "whep_url": f"{path}/whep",
        "offer_url": f"{path}/offer",
        "ws_url": f"{path}/events",
        # A fragment never leaves the browser.
        "embed_url": f"/?session={session.session_id}#token={session.token}",
        "ice_servers": [
            {
                key: value
                for key, value in asdict(each).items()
                if value and key != "credentialType"
            }
            for each in services.sessions.ice_servers
        ],
    }


def _limits(services: Served, wanted: NewSession) -> Limits:
    settings = services.settings

    def shorter(own_s: float, wanted_s: float | None) -> float:
        return min(own_s or float("inf"), wanted_s) if wanted_s else own_s

    return Limits(
        connect_s=settings.connect_timeout_s,
        absent_s=settings.absent_timeout_s,
        silent_peer_s=settings.silent_peer_timeout_s,
        idle_s=shorter(settings.idle_timeout_s, wanted.idle_timeout_s),
        duration_s=shorter(settings.max_duration_s, wanted.max_duration_s),
        token_ttl_s=settings.token_ttl_s,
        max_viewers=settings.max_viewers,
    )


@router.get("/sessions", dependencies=KEYED)
async def list_sessions(services: Served) -> dict[str, Any]:
    return {
        "sessions": [_session(each) for each in services.sessions],
        "max_sessions": services.settings.max_sessions,
    }


@router.get("/sessions/{session_id}")
async def get_session(session: Its) -> dict[str, Any]:
    return _session(session)


def _session(session: Session) -> dict[str, Any]:
    return {
        "session_id": session.session_id,
        "state": session.state,
        "identity": session.identity_id,
        "viewers": sum(peer.connected for peer in session.viewers.values()),
        "media_ms": session.media_ms,
        "expires_at": session.expires_at,
        "queued_utterances": session.speech.queued,
    }


@router.delete("/sessions/{session_id}", status_code=204)
async def delete_session(
    session_id: str, request: Request, services: Served
) -> Response:
    if services.sessions.gone(session_id):
        return Response(status_code=204)
    session = services.sessions.get(session_id)
    services.gate.check_session(bearer(request), session)
    session.close("deleted")
    return Response(status_code=204)


@router.post("/sessions/{session_id}/keepalive")
async def keep_alive(session: Its) -> dict[str, Any]:
    session.touch()
    return {"expires_at": session.expires_at}


@router.post("/sessions/{session_id}/offer")
async def offer(session: Its, services: Served, wanted: Offer) -> dict[str, str]:
    limit = services.settings.max_text_chars

    def on_message(peer: Peer, data: str | bytes) -> None:
        receive(session, data, peer.send, max_text_chars=limit)

    _, answer = await session.connect(
        wanted.sdp, viewer_id=OFFERER, sendonly=False, on_message=on_message
    )
    return {"sdp": answer, "type": "answer"}


@router.post("/sessions/{session_id}/commands", status_code=202)
async def command(
    session: Its, services: Served, request: Request
) -> dict[str, str | None]:
    parsed = parse_command(await read_body(request, MAX_MESSAGE_BYTES))
    execute(session, parsed, max_text_chars=services.settings.max_text_chars)
    return {"event_id": parsed.event_id}


@router.websocket("/sessions/{session_id}/events")
async def events(socket: WebSocket, session_id: str) -> None:
    services = services_of(socket)
    protocols = socket.scope.get("subprotocols") or []
    named = "likeness" if "likeness" in protocols else None
    token = socket.query_params.get("token")
    if named and len(protocols) > 1:
        token = protocols[1]
    await socket.accept(named)
    try:
        check_origin(socket, services.settings)
        session = services.sessions.get(session_id)
        services.gate.check_session(token, session)
    except ApiError as error:
        codes = {403: FORBIDDEN, 404: NO_SESSION, 410: SESSION_OVER}
        await socket.close(codes.get(error.status, BAD_TOKEN), error.code)
        return
    await EventSocket(
        session, socket, max_text_chars=services.settings.max_text_chars
    ).run()
