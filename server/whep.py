"""WHEP: any standard player may watch a session (draft-ietf-wish-whep)."""

import re
import secrets

from aiortc import RTCIceServer
from fastapi import APIRouter, Request, Response

from server.errors import ApiError
from server.offer import MAX_SDP_BYTES
from server.openapi import answer_of, body_of, refusals
from server.peer import Peer
from server.services import Served, Viewed, content_type, read_body
from server.session import Session

router = APIRouter(prefix="/v1/sessions/{session_id}/whep", tags=["WHEP"])

SDP_TYPE = "application/sdp"
FRAGMENT_TYPE = "application/trickle-ice-sdpfrag"
MAX_FRAGMENT_BYTES = 20_000
MAX_CANDIDATES = 64
_ENTITY_TAG = re.compile(r'(?:W/)?"([^"]*)"|(\*)')


class SdpResponse(Response):
    media_type = SDP_TYPE


def _need_acceptance(request: Request) -> None:
    """The answer is SDP: somebody who says what he takes must take that."""
    accepted = request.headers.get("accept", "*/*")
    kinds = [each.partition(";")[0].strip().lower() for each in accepted.split(",")]
    if not {SDP_TYPE, "application/*", "*/*"} & set(kinds):
        raise ApiError(406, "not_acceptable", f"The answer is {SDP_TYPE}.")


def _need_type(request: Request, expected: str) -> None:
    if content_type(request) != expected:
        raise ApiError(415, "wrong_content_type", f"Send Content-Type: {expected}.")


def _link(server: RTCIceServer) -> str:
    link = f'<{server.urls}>; rel="ice-server"'
    if server.username:
        link += (
            f'; username="{server.username}"; credential="{server.credential}"'
            '; credential-type="password"'
        )
    return link


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise ApiError(400, "bad_sdp", "The body is not UTF-8.") from None


@router.options("", status_code=204, responses=refusals())
async def options() -> Response:
    return Response(
        status_code=204,
        headers={
            "accept-post": SDP_TYPE,
            "access-control-allow-methods": "OPTIONS, POST",
        },
    )


@router.post(
    "",
    status_code=201,
    response_class=Response,
    responses={
        **refusals(400, 401, 404, 406, 410, 415, 503),
        201: answer_of(SDP_TYPE, "The answer.", "location", "etag", "link"),
    },
    openapi_extra=body_of(SDP_TYPE),
)
async def post(session: Viewed, services: Served, request: Request) -> Response:
    _need_type(request, SDP_TYPE)
    _need_acceptance(request)
    sdp = _text(await read_body(request, MAX_SDP_BYTES))
    viewer_id = f"whep_{secrets.token_urlsafe(12)}"
    peer, answer = await session.connect(
        sdp,
        viewer_id=viewer_id,
        sendonly=True,
        on_message=lambda peer, data: None,
    )
    headers = {
        "location": f"/v1/sessions/{session.session_id}/whep/{viewer_id}",
        "etag": f'"{peer.tag}"',
        "accept-patch": FRAGMENT_TYPE,
    }
    links = [_link(server) for server in services.ice.for_client(session.session_id)]
    if links:
        headers["link"] = ", ".join(links)
    return SdpResponse(answer, 201, headers)


def _viewer(session: Session, viewer_id: str) -> Peer:
    peer = session.viewers.get(viewer_id)
    if peer is None or not viewer_id.startswith("whep_"):
        raise ApiError(404, "viewer_unknown", "There is no such viewer.")
    return peer


FOUND = refusals(401, 404, 410)


@router.get("/{viewer_id}", responses=FOUND)
async def get(viewer_id: str, session: Viewed) -> Response:
    _viewer(session, viewer_id)
    return Response(status_code=200)


@router.head("/{viewer_id}", responses=FOUND)
async def head(viewer_id: str, session: Viewed) -> Response:
    _viewer(session, viewer_id)
    return SdpResponse(status_code=200)


@router.delete("/{viewer_id}", responses=FOUND)
async def delete(viewer_id: str, session: Viewed) -> Response:
    _viewer(session, viewer_id)
    session.disconnect(viewer_id)
    return Response(status_code=200)


@router.patch(
    "/{viewer_id}",
    status_code=204,
    responses=refusals(400, 401, 404, 410, 412, 415, 422, 428),
    openapi_extra=body_of(FRAGMENT_TYPE),
)
async def patch(viewer_id: str, session: Viewed, request: Request) -> Response:
    peer = _viewer(session, viewer_id)
    _need_type(request, FRAGMENT_TYPE)
    _check_tag(request, peer)
    fragment = _text(await read_body(request, MAX_FRAGMENT_BYTES))
    ufrag, candidates = parse_fragment(fragment)
    if ufrag is not None and ufrag != peer.ice_ufrag():
        raise ApiError(
            422, "ice_restart_unsupported", "To restart ICE, POST a new offer."
        )
    await peer.add_candidates(candidates)
    return Response(status_code=204)


def _check_tag(request: Request, peer: Peer) -> None:
    header = request.headers.get("if-match")
    if header is None:
        raise ApiError(428, "if_match_missing", "Send If-Match with the ETag.")
    tags = [tag or star for tag, star in _ENTITY_TAG.findall(header)]
    if "*" not in tags and peer.tag not in tags:
        raise ApiError(412, "etag_stale", "If-Match is not the current ETag.")


def parse_fragment(
    fragment: str,
) -> tuple[str | None, list[tuple[str, str | None]]]:
    """A trickle-ice-sdpfrag (RFC 8840) -> ICE user name, and (mid, candidate or None).

    Lines that mean nothing to us are passed over.
    """
    ufrag: str | None = None
    mid = "0"
    candidates: list[tuple[str, str | None]] = []
    for line in fragment.splitlines()[: 4 * MAX_CANDIDATES]:
        name, _, value = line.strip().partition(":")
        if name == "a=ice-ufrag":
            ufrag = value
        elif name == "a=mid":
            mid = value
        elif name == "a=candidate":
            candidates.append((mid, value))
        elif name == "a=end-of-candidates":
            candidates.append((mid, None))
    return ufrag, candidates[:MAX_CANDIDATES]
