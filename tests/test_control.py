"""The events WebSocket, with a real client on a real socket."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

from scripts.live_client import LiveClient
from server.app import create_app
from tests.fakes import FAKE_PARTS, fake_settings
from tests.live_server import Live, serving


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    async with serving(create_app(fake_settings(tmp_path), FAKE_PARTS)) as live:
        yield live


async def new_session(live: Live) -> dict[str, Any]:
    made: dict[str, Any] = (await live.http.post("/v1/sessions", json={})).json()
    return made


def address(live: Live, path: str) -> str:
    return live.url.replace("http", "ws") + path


async def receive(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """The next event of that type; others are passed over."""
    async with asyncio.timeout(10):
        while True:
            event: dict[str, Any] = json.loads(await socket.recv())
            if event["type"] == kind:
                return event


async def send(socket: ClientConnection, kind: str, **fields: object) -> None:
    await socket.send(json.dumps({"type": kind} | fields))


async def test_commands_and_events_of_a_watched_session(live: Live) -> None:
    async with LiveClient(live.url) as client:
        await client.ready()
        path = f"/v1/sessions/{client.session_id}/events"
        async with connect(address(live, path)) as socket:
            assert (await receive(socket, "session.state"))["state"] == "idle"
            await send(socket, "avatar.speak_text", text="one two", event_id="q")
            started = await receive(socket, "avatar.speech_started")
            assert started["source_event_id"] == "q"
            await send(socket, "avatar.interrupt")
            cut = await receive(socket, "avatar.speech_interrupted")
            assert cut["utterance_id"] == started["utterance_id"]
            await send(socket, "avatar.nothing")
            assert (await receive(socket, "error"))["code"] == "bad_message"
            await client.delete()
            assert (await receive(socket, "session.closed"))["reason"] == "deleted"
            with pytest.raises(ConnectionClosed) as caught:
                await socket.recv()
            assert caught.value.rcvd and caught.value.rcvd.code == 4410


async def test_own_voice_as_binary_and_as_base64(live: Live) -> None:
    async with LiveClient(live.url) as client:
        await client.ready()
        path = f"/v1/sessions/{client.session_id}/events"
        async with connect(address(live, path)) as socket:
            await socket.send(b"\0\0")
            assert (await receive(socket, "error"))["code"] == "no_open_utterance"
            await send(socket, "avatar.speak_audio", sample_rate=16_000, event_id="b")
            await socket.send(b"\0\x40" * 1_000 + b"\0")  # odd: half a sample
            await socket.send(b"\x40" + b"\0\x40" * 599)
            await send(socket, "avatar.speak_end")
            start = await receive(socket, "avatar.speech_started")
            end = await receive(socket, "avatar.speech_ended")
            assert end["media_ms"] - start["media_ms"] == pytest.approx(100, abs=1)
            audio = base64.b64encode(b"\0\x40" * 800).decode()
            await send(socket, "avatar.speak_audio", sample_rate=8_000, audio=audio)
            await send(socket, "avatar.speak_end")
            await receive(socket, "avatar.speech_ended")
        await client.delete()


async def test_a_text_is_heard_while_it_is_written(live: Live) -> None:
    async with LiveClient(live.url) as client:
        await client.ready()
        path = f"/v1/sessions/{client.session_id}"
        async with connect(address(live, f"{path}/events")) as socket:

            async def write(text: str, stream_id: str, **more: object) -> None:
                await send(
                    socket,
                    "avatar.speak_stream",
                    stream_id=stream_id,
                    text=text,
                    **more,
                )

            for token in ("Good", " morning", ",", " dear"):
                await write(token, "a", event_id="first")
            started = await receive(socket, "avatar.speech_started")
            assert started["source_event_id"] == "first"
            caption = await receive(socket, "avatar.caption")
            assert caption["text"] == "Good morning,"
            await send(socket, "avatar.interrupt")
            await receive(socket, "avatar.speech_interrupted")
            await write(" friend, this is late.", "a", end=True)
            await write("Something else.", "b", end=True, event_id="next")
            started = await receive(socket, "avatar.speech_started")
            assert started["source_event_id"] == "next"
            ended = await receive(socket, "avatar.speech_ended")
            assert ended["media_ms"] - started["media_ms"] == pytest.approx(400, abs=1)
        again = {"type": "avatar.speak_stream", "stream_id": "b", "text": "more"}
        answer = await live.http.post(f"{path}/commands", json=again)
        assert (answer.status_code, answer.json()["code"]) == (409, "stream_ended")
        assert not client.found("error")
        await client.delete()


async def test_tokens(live: Live) -> None:
    made = await new_session(live)
    url = address(live, made["ws_url"])
    protocols = [Subprotocol("likeness"), Subprotocol(made["token"])]
    async with connect(url, subprotocols=protocols) as socket:
        assert socket.subprotocol == "likeness"
        await receive(socket, "session.state")
    async with connect(f"{url}?token={made['token']}") as socket:
        await receive(socket, "session.state")
    for bad, code in ((f"{url}?token=wrong", 4401), (url.replace("ses_", "s"), 4404)):
        async with connect(bad) as socket:
            with pytest.raises(ConnectionClosed) as caught:
                await socket.recv()
            assert caught.value.rcvd and caught.value.rcvd.code == code


async def test_a_page_of_another_site_is_kept_out(live: Live) -> None:
    made = await new_session(live)
    url = address(live, made["ws_url"])
    async with connect(url, origin=Origin("https://evil.example")) as socket:
        with pytest.raises(ConnectionClosed) as caught:
            await socket.recv()
    assert caught.value.rcvd and caught.value.rcvd.code == 4403


async def test_one_that_does_not_read_is_closed_and_harms_nobody(live: Live) -> None:
    made = await new_session(live)
    session = live.services.sessions.get(made["session_id"])
    async with connect(address(live, made["ws_url"])) as socket:
        await receive(socket, "session.state")
        for _ in range(400):  # more than may wait, in one turn of the loop
            session.interrupt()
            session.dialogue.sound_began(0)
        with pytest.raises(ConnectionClosed) as caught:
            async with asyncio.timeout(5):
                while True:
                    await socket.recv()
    assert caught.value.rcvd and caught.value.rcvd.code == 1013
    assert not session.over
