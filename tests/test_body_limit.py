"""Bodies that are too large, on a real socket: in one piece, in many, said or not."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.app import create_app
from server.edge import MAX_FORM_BYTES, MAX_JSON_BYTES
from tests.fakes import FAKE_PARTS, fake_settings
from tests.live_server import Live, serving
from tests.test_api import refused

PIECE = b"x" * 100_000
MAX_PHOTO_BYTES = 500_000


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    settings = fake_settings(tmp_path, max_photo_bytes=MAX_PHOTO_BYTES)
    async with serving(create_app(settings, FAKE_PARTS)) as live:
        yield live


async def pieces(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // len(PIECE)):
        yield PIECE


@pytest.mark.parametrize("route", ["", "/{id}/commands", "/{id}/offer", "/{id}/whep"])
@pytest.mark.parametrize("says", [True, False])
async def test_no_route_of_sessions_reads_on(
    live: Live, route: str, says: bool
) -> None:
    made = (await live.http.post("/v1/sessions", json={})).json()
    path = "/v1/sessions" + route.format(id=made["session_id"])
    kind = "application/sdp" if path.endswith("whep") else "application/json"
    size = 2 * MAX_JSON_BYTES
    headers = {"content-type": kind} | ({"content-length": str(size)} if says else {})
    answer = await live.http.post(path, content=pieces(size), headers=headers)
    refused(answer, 413, "body_too_large")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert (await live.http.get("/healthz")).status_code == 200


@pytest.mark.parametrize("says", [True, False])
async def test_a_photo_far_too_large(live: Live, says: bool) -> None:
    edge = b"--x"
    named = b'content-disposition: form-data; name="photo"; filename="a"'
    head = edge + b"\r\n" + named + b"\r\n\r\n"
    size = 2 * (MAX_PHOTO_BYTES + MAX_FORM_BYTES)

    async def form() -> AsyncIterator[bytes]:
        yield head
        async for piece in pieces(size):
            yield piece
        yield b"\r\n" + edge + b"--\r\n"

    headers = {"content-type": "multipart/form-data; boundary=x"}
    if says:
        headers["content-length"] = str(len(head) + size + 9)
    answer = await live.http.post("/v1/identities", content=form(), headers=headers)
    refused(answer, 413, "body_too_large")
    answer = await live.http.post(
        "/v1/identities",
        files={"photo": b"x" * (MAX_PHOTO_BYTES + 1)},
        data={"consent": "I agree.", "consent_by": "Ada"},
    )
    refused(answer, 413, "photo_too_large")
