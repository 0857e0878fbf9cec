"""WHEP: any standard player may watch a session (draft-ietf-wish-whep)."""

import re
import secrets

from aiortc import RTCIceServer
from fastapi import APIRouter, Request, Response

from server.errors import ApiError
from server.peer import MAX_SDP_BYTES, Peer
from server.services import Served, Viewed, read_body
from server.session import Session

router = APIRouter(prefix="/v1/sessions/{session_id}/whep")

SDP_TYPE = "application/sdp"
FRAGMENT_TYPE = "application/trickle-ice-sdpfrag"
MAX_FRAGMENT_BYTES = 20_000
MAX_CANDIDATES = 64
_ENTITY_TAG = re.compile(r'(?:W/)?"([^"]*)"|(\*)')


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _need_type(request: Request, expected: str) -> None:
    if _content_type(request) != expected:
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


@router.options("")
async def options() -> Response:
    return Response(
        status_code=204,
        headers={
            "accept-post": SDP_TYPE,
            "access-control-allow-methods": "OPTIONS, POST",
        },
    )


@router.post("")
async def post(session: Viewed, services: Served, request: Request) -> Response:
    _need_type(request, SDP_TYPE)
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
        "etag": f'"{peer.ice_ufrag()}"',
        "accept-patch": FRAGMENT_TYPE,
    }
    links = [_link(server) for server in services.ice.for_client(session.session_id)]
    if links:
        headers["link"] = ", ".join(links)
    return Response(answer, 201, headers, media_type=SDP_TYPE)


def _viewer(session: Session, viewer_id: str) -> Peer:
    peer = session.viewers.get(viewer_id)
    if peer is None or not viewer_id.startswith("whep_"):
        raise ApiError(404, "viewer_unknown", "There is no such viewer.")
    return peer


@router.get("/{viewer_id}")
async def get(viewer_id: str, session: Viewed) -> Response:
    _viewer(session, viewer_id)
    return Response(status_code=200)


@router.head("/{viewer_id}")
async def head(viewer_id: str, session: Viewed) -> Response:
    _viewer(session, viewer_id)
    return Response(status_code=200, media_type=SDP_TYPE)


@router.delete("/{viewer_id}")
async def delete(viewer_id: str, session: Viewed) -> Response:
    _viewer(session, viewer_id)
    session.disconnect(viewer_id)
    return Response(status_code=200)


@router.patch("/{viewer_id}")
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
    if "*" not in tags and peer.ice_ufrag() not in tags:
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
