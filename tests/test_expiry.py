"""A token's end is the end of what was opened with it, unless it was renewed."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiortc import (
    RTCConfiguration,
    RTCDataChannel,
    RTCPeerConnection,
    RTCSessionDescription,
)
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from server.app import create_app
from tests.fakes import FAKE_PARTS, fake_settings
from tests.live_server import Live, serving
from tests.test_auth import bearer, new_session, token_of
from tests.test_control import address, receive, send
from tests.test_virtual_camera import desk

TTL_S = 2  # until the end of the second in which they are over: up to 3


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    settings = fake_settings(tmp_path, api_key="k", token_ttl_s=TTL_S)
    async with serving(create_app(settings, FAKE_PARTS)) as live:
        yield live


async def closing(socket: ClientConnection) -> tuple[int, str]:
    """The code and the reason with which the server closes it."""
    with pytest.raises(ConnectionClosed) as caught:
        async with asyncio.timeout(10):
            while True:
                await socket.recv()
    assert caught.value.rcvd
    return caught.value.rcvd.code, caught.value.rcvd.reason


async def is_open(socket: ClientConnection) -> bool:
    with contextlib.suppress(ConnectionClosed):
        await send(socket, "avatar.interrupt", event_id="still here")
        await socket.ping()
        return True
    return False


def socket_of(live: Live, made: dict[str, Any], token: str) -> connect:
    return connect(f"{address(live, made['ws_url'])}?token={token}")


async def test_a_socket_ends_with_its_token_and_says_why(live: Live) -> None:
    made = await new_session(live.http, "k")
    assert TTL_S <= made["expires_in_s"] <= TTL_S + 1
    async with (
        socket_of(live, made, made["token"]) as control,
        socket_of(live, made, token_of(made["view_url"])) as view,
    ):
        for socket in (control, view):
            error = await receive(socket, "error")
            assert error["code"] == "token_expired" and not error["retryable"]
            assert "source_event_id" not in error
            assert await closing(socket) == (4401, "token_expired")
    assert len(live.services.sessions) == 1, "the session is still there"


async def test_a_renewed_token_keeps_its_socket(live: Live) -> None:
    made = await new_session(live.http, "k")
    path = f"/v1/sessions/{made['session_id']}/keepalive"
    async with (
        socket_of(live, made, made["token"]) as spoken,
        socket_of(live, made, token_of(made["view_url"])) as posted,
        socket_of(live, made, token_of(made["embed_url"])) as same,
        connect(address(live, made["ws_url"]), additional_headers=bearer("k")) as keys,
    ):
        view = token_of(made["view_url"])
        for _ in range(4):
            await asyncio.sleep(1)
            await send(spoken, "session.keep_alive")
            renewed = await receive(spoken, "session.token")
            assert renewed["expires_in_s"] >= TTL_S
            # Over REST, the family of another token.
            answer = await live.http.post(path, headers=bearer(view))
            view = answer.json()["token"]
        assert await is_open(spoken) and await is_open(posted) and await is_open(keys)
        assert await is_open(same), "it has the same token"
        assert (await closing(spoken))[0] == 4401, "renewed no longer"
        assert await is_open(keys), "a key does not expire"


async def test_nobody_is_obeyed_with_a_token_that_is_over(live: Live) -> None:
    """Not even in the moment in which its socket is being closed."""
    made = await new_session(live.http, "k")
    (session,) = live.services.sessions
    async with socket_of(live, made, made["token"]) as socket:
        await receive(socket, "session.state")
        live.services.tokens._ends.clear()
        await send(socket, "session.keep_alive", event_id="late")
        error = await receive(socket, "error")
        assert (error["code"], error["source_event_id"]) == ("token_expired", "late")
    assert not session.over


@contextlib.asynccontextmanager
async def viewing(live: Live, made: dict[str, Any]) -> AsyncIterator[RTCDataChannel]:
    """The events channel of a viewer that came with the session's token."""
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    channel = pc.createDataChannel("events")
    for kind in ("audio", "video"):
        pc.addTransceiver(kind, direction="recvonly")
    opened = asyncio.Event()
    channel.on("open", opened.set)
    await pc.setLocalDescription(await pc.createOffer())
    body = {"sdp": pc.localDescription.sdp, "type": "offer"}
    headers = bearer(made["token"])
    try:
        answer = await live.http.post(made["offer_url"], json=body, headers=headers)
        await pc.setRemoteDescription(RTCSessionDescription(**answer.json()))
        async with asyncio.timeout(10):
            await opened.wait()
        yield channel
    finally:
        await pc.close()


async def test_a_connection_ends_with_its_token_and_the_session_goes_on(
    live: Live,
) -> None:
    made = await new_session(live.http, "k")
    path = f"/v1/sessions/{made['session_id']}"
    (session,) = live.services.sessions
    async with viewing(live, made) as channel:
        told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        closed = asyncio.Event()
        channel.on("message", lambda text: told.put_nowait(json.loads(text)))
        channel.on("close", closed.set)
        await asyncio.sleep(1)
        channel.send(json.dumps({"type": "session.keep_alive"}))
        async with asyncio.timeout(10):
            while (event := await told.get())["type"] != "session.token":
                pass
            renewed = time.monotonic()
            while (event := await told.get())["type"] != "error":
                pass
            assert event["code"] == "token_expired"
            assert time.monotonic() - renewed > TTL_S - 0.1
            await closed.wait()
        assert not session.viewers
    # Its owner may let it go on: with a new token it is taken up again.
    answer = await live.http.post(
        f"{path}/tokens", json={"scope": "control"}, headers=bearer("k")
    )
    assert answer.json()["session_id"] == made["session_id"]
    async with viewing(live, made | {"token": answer.json()["token"]}):
        assert len(session.viewers) == 1


async def test_a_virtual_camera_outlives_its_sessions_token(live: Live) -> None:
    """It has the key, which does not expire."""
    async with desk(live.url, key="k") as at:
        await at.until(lambda: at.viewer.connected)
        await asyncio.sleep(TTL_S + 1.5)
        await at.viewer.command("avatar.interrupt")
        assert at.viewer.connected and not at.viewer.reconnects
        assert at.said == ["Connected."]
