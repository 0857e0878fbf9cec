"""The REST routes and the WebSocket of sessions."""

import asyncio
import math
import secrets
from dataclasses import asdict
from typing import Any, Literal

from fastapi import APIRouter, Depends, Response, WebSocket
from fastapi.requests import Request

from models.mark import text_for
from server.auth import Caller, bearer, check_origin
from server.control import (
    SESSION_OVER,
    TOKEN_OVER,
    TRY_LATER,
    Controller,
    EventSocket,
    execute,
    too_many_commands,
)
from server.errors import ApiError
from server.limits import Limits
from server.look import read_background
from server.openapi import refusals
from server.peer import Peer
from server.persona import Converse
from server.protocol import MAX_MESSAGE_BYTES, SessionToken, parse_command
from server.services import (
    Controlled,
    Served,
    Services,
    Visiting,
    controlled,
    need_key,
    read_body,
    services_of,
    visit,
)
from server.session import Session
from server.session_models import (
    Accepted,
    AiDisclosure,
    Answer,
    HearingInfo,
    IceServer,
    NewSession,
    NewToken,
    Offer,
    OwnSessionInfo,
    SessionCreated,
    SessionInfo,
    SessionList,
    TokenAnswer,
    Transcript,
    TranscriptLine,
    embed_url,
    iso,
)
from server.tokens import Claims, Grant, Scope, new_family

router = APIRouter(prefix="/v1/sessions", tags=["sessions"])
OFFERER = "offer"  # the viewer id of whoever names none in a JSON offer
_CLOSE_CODES = {403: 4403, 404: 4404, 410: SESSION_OVER, 429: 4429, 503: TRY_LATER}

ByKey = Depends(need_key)


@router.post("", status_code=201, responses=refusals(401, 404, 409, 415, 422, 503))
async def create_session(
    services: Served, wanted: NewSession | None = None, caller: Caller = ByKey
) -> SessionCreated:
    wanted = wanted or NewSession()
    services.check_ready()
    identity = await services.identities.load(wanted.identity)
    # What is wrong with a voice is said now rather than at the first word.
    loop = asyncio.get_running_loop()
    voice = await loop.run_in_executor(
        services.sessions.tts, services.voices.open, wanted.voice, wanted.language
    )
    background = read_background(wanted.video.background)
    services.sessions.check_room()
    width, height = wanted.video.size_for(identity)
    await services.media.ready(identity, (height, width))
    session = services.sessions.create(
        caller.subject,
        wanted.identity,
        identity,
        _converse(services, wanted, voice.info.language),
        (width, height),
        _limits(services, wanted),
        wanted.manner,
        _mark(services, wanted, voice.info.language),
    )
    try:
        await session.look.show_now(background)
    except BaseException:
        session.close("failed")
        raise
    return _created(services, session)


def _mark(services: Services, wanted: NewSession, language: str) -> str:
    """The operator may ask for a mark on all sessions, and none goes without then."""
    marked = wanted.video.mark or services.settings.mark_video
    return text_for(language) if marked else ""


def _created(services: Services, session: Session) -> SessionCreated:
    session_id = session.session_id
    path = f"/v1/sessions/{session_id}"
    control = _grant(services, session, "control")
    view = _grant(services, session, "view")
    return SessionCreated(
        session_id=session_id,
        token=control.token,
        expires_at=iso(control),
        expires_in_s=control.expires_in_s,
        identity=session.identity_id,
        whep_url=f"{path}/whep",
        offer_url=f"{path}/offer",
        ws_url=f"{path}/events",
        embed_url=embed_url(session_id, control.token),
        view_url=embed_url(session_id, view.token),
        ice_servers=_ice_servers(services, session),
        hearing=HearingInfo.model_validate(
            session.dialogue.hearing_event().model_dump()
        ),
        layout=session.look.layout,
        ai_disclosure=AiDisclosure.of(session),
    )


def _converse(services: Services, wanted: NewSession, own: str) -> Converse:
    """own: the language of the session's voice."""
    settings, persona = services.settings, wanted.persona

    def chosen(asked: Any, usual: Any) -> Any:
        return usual if asked is None else asked

    return Converse(
        mode=wanted.mode,
        interactivity=wanted.interactivity,
        keep_transcript=wanted.keep_transcript,
        voice=wanted.voice,
        language=wanted.language,
        own=own,
        prompt=chosen(persona.prompt, settings.brain_prompt),
        greeting=chosen(persona.greeting, settings.greeting),
        farewell=chosen(persona.farewell, settings.farewell),
        filler=chosen(persona.filler, settings.filler),
        silence_s=chosen(persona.silence_timeout_s, settings.silence_timeout_s),
    )


def _grant(
    services: Services, session: Session, scope: Scope, family: str | None = None
) -> Grant:
    """A token of that family; None: the first of one."""
    family = family or new_family()
    claims = Claims(session.owner, session.session_id, scope, family)
    return services.tokens.mint(claims)


def _ice_servers(services: Services, session: Session) -> list[IceServer]:
    return [IceServer.of(each) for each in services.ice.for_client(session.session_id)]


def _limits(services: Services, wanted: NewSession) -> Limits:
    settings = services.settings

    def shorter(own_s: float, wanted_s: float | None) -> float:
        return min(own_s or float("inf"), wanted_s) if wanted_s else own_s

    return Limits(
        connect_s=settings.connect_timeout_s,
        absent_s=settings.absent_timeout_s,
        silent_peer_s=settings.silent_peer_timeout_s,
        idle_s=shorter(settings.idle_timeout_s, wanted.idle_timeout_s),
        duration_s=shorter(settings.max_duration_s, wanted.max_duration_s),
        max_viewers=settings.max_viewers,
        max_sockets=settings.max_sockets,
        commands_per_s=settings.commands_per_second,
    )


@router.get("", responses=refusals(401))
async def list_sessions(services: Served, caller: Caller = ByKey) -> SessionList:
    own = [each for each in services.sessions if each.owner == caller.subject]
    return SessionList(
        sessions=[_info(each) for each in own],
        max_sessions=services.settings.max_sessions,
    )


@router.get("/{session_id}", responses=refusals(401, 404, 410))
async def get_session(visiting: Visiting, services: Served) -> OwnSessionInfo:
    return OwnSessionInfo(
        **_info(visiting.session).model_dump(),
        scope=visiting.caller.scope,
        ice_servers=_ice_servers(services, visiting.session),
    )


def _info(session: Session) -> SessionInfo:
    return SessionInfo(
        session_id=session.session_id,
        state=session.state,
        identity=session.identity_id,
        viewers=sum(peer.connected for peer in session.viewers.values()),
        media_ms=session.media_ms,
        queued_utterances=session.speech.queued,
        layout=session.look.layout,
        ai_disclosure=AiDisclosure.of(session),
    )


@router.get(
    "/{session_id}/transcript",
    responses=refusals(401, 404, 410) | {200: {"content": {"text/vtt": {}}}},
    response_model=Transcript,
)
async def transcript(
    session: Controlled,
    request: Request,
    format: Literal["json", "vtt"] | None = None,
) -> Response | Transcript:
    """JSON, or WebVTT if `format` or the Accept header asks for it."""
    spoken = session.dialogue.spoken
    if not spoken.keep:
        raise ApiError(
            404,
            "transcript_not_kept",
            "No transcript is kept: make the session with keep_transcript.",
        )
    wants_vtt = "text/vtt" in request.headers.get("accept", "")
    if format == "vtt" or (format is None and wants_vtt):
        return Response(spoken.to_vtt(), media_type="text/vtt")
    lines = [TranscriptLine(**asdict(line)) for line in spoken.lines]
    return Transcript(lines=lines)


@router.delete("/{session_id}", status_code=204, responses=refusals(401, 404))
async def delete_session(
    session_id: str, request: Request, services: Served
) -> Response:
    if not services.sessions.gone(session_id):
        controlled(visit(session_id, request, services)).close("deleted")
    return Response(status_code=204)


@router.post(
    "/{session_id}/tokens", status_code=201, responses=refusals(401, 404, 410, 415)
)
async def make_token(
    visiting: Visiting, services: Served, wanted: NewToken | None = None
) -> TokenAnswer:
    if not visiting.caller.is_owner:
        raise ApiError(403, "key_needed", "Only the API key makes more tokens.")
    scope = wanted.scope if wanted else "view"
    return _token(services, visiting.session, Caller(visiting.caller.subject, scope))


@router.post("/{session_id}/keepalive", responses=refusals(401, 404, 410))
async def keep_alive(visiting: Visiting, services: Served) -> TokenAnswer:
    if visiting.caller.scope == "control":
        visiting.session.touch()
    return _token(services, visiting.session, visiting.caller)


def _token(services: Services, session: Session, caller: Caller) -> TokenAnswer:
    grant = _grant(services, session, caller.scope, caller.family)
    return TokenAnswer(
        session_id=session.session_id,
        token=grant.token,
        scope=caller.scope,
        expires_at=iso(grant),
        expires_in_s=grant.expires_in_s,
        embed_url=embed_url(session.session_id, grant.token),
        ice_servers=_ice_servers(services, session),
    )


@router.post(
    "/{session_id}/offer", responses=refusals(400, 401, 404, 410, 415, 422, 503)
)
async def offer(visiting: Visiting, services: Served, wanted: Offer) -> Answer:
    session, scope = visiting.session, visiting.caller.scope
    controller = _controller(services, session, visiting.caller)

    def on_message(peer: Peer, data: str | bytes) -> None:
        controller.receive(data, peer.send)

    viewer_id = wanted.viewer_id or OFFERER
    if scope == "view":  # who may only watch takes nobody else's place
        viewer_id = f"view_{wanted.viewer_id or secrets.token_urlsafe(12)}"
    _, answer = await session.connect(
        wanted.sdp,
        viewer_id=viewer_id,
        sendonly=False,
        on_message=on_message,
        heard=scope == "control",
        left_s=controller.left_s,
    )
    return Answer(sdp=answer)


def _controller(services: Services, session: Session, caller: Caller) -> Controller:
    def renew() -> SessionToken:
        grant = _grant(services, session, caller.scope, caller.family)
        return SessionToken(
            token=grant.token,
            expires_at=iso(grant),
            expires_in_s=grant.expires_in_s,
        )

    def left_s() -> float:
        return services.tokens.left_s(caller.family) if caller.family else math.inf

    limit = services.settings.max_text_chars
    return Controller(session, caller.scope, renew, left_s, max_text_chars=limit)


@router.post(
    "/{session_id}/commands",
    status_code=202,
    responses=refusals(401, 404, 409, 410, 422),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/Command"}}
            },
        }
    },
)
async def command(session: Controlled, services: Served, request: Request) -> Accepted:
    if not session.commands.take():
        raise too_many_commands()
    parsed = parse_command(await read_body(request, MAX_MESSAGE_BYTES))
    execute(session, parsed, max_text_chars=services.settings.max_text_chars)
    return Accepted(event_id=parsed.event_id)


@router.websocket("/{session_id}/events")
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
        services.rate.check(socket.client.host if socket.client else "")
        session = services.sessions.get(session_id)
        caller = services.gate.check_session(socket, token or bearer(socket), session)
        controller = _controller(services, session, caller)
        await EventSocket(session, socket, controller).run()
    except ApiError as error:
        await socket.close(_CLOSE_CODES.get(error.status, TOKEN_OVER), error.code)
