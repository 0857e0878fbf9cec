"""A session ends for every reason there is, and gives everything back."""

import asyncio
import contextlib
import gc
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection

from scripts.live_client import LiveClient
from server.app import create_app
from tests.fakes import FAKE_PARTS, fake_settings
from tests.live_server import Live, serving
from tests.threads import strange_threads

Serve = Callable[..., contextlib.AbstractAsyncContextManager[Live]]


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    def make(**changes: object) -> contextlib.AbstractAsyncContextManager[Live]:
        settings = fake_settings(tmp_path, **{"absent_timeout_s": 0.4} | changes)
        return serving(create_app(settings, FAKE_PARTS))

    return make


async def ended(live: Live, reason: str, within_s: float = 5) -> None:
    """Wait until no session is left, and the reason was counted."""
    async with asyncio.timeout(within_s):
        while len(live.services.sessions):  # noqa: ASYNC110 a count has no event
            await asyncio.sleep(0.02)
    metrics = (await live.http.get("/metrics")).text
    assert f'likeness_sessions_closed_total{{reason="{reason}"}} 1.0' in metrics
    assert "likeness_sessions 0.0" in metrics
    assert "likeness_viewers 0.0" in metrics


async def new_session(live: Live, **body: object) -> str:
    made = (await live.http.post("/v1/sessions", json=body)).json()
    return f"/v1/sessions/{made['session_id']}"


async def dead_offer() -> str:
    """An offer nobody stands behind: its ICE will never succeed."""
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    pc.addTransceiver("audio", direction="recvonly")
    pc.addTransceiver("video", direction="recvonly")
    await pc.setLocalDescription(await pc.createOffer())
    sdp: str = pc.localDescription.sdp
    await pc.close()
    return sdp


async def test_no_viewer_ever_came(serve: Serve) -> None:
    async with serve(connect_timeout_s=0.3) as live:
        await new_session(live)
        await ended(live, "connect_timeout")


async def test_an_offer_that_never_connects(serve: Serve) -> None:
    async with serve(connect_timeout_s=0.5) as live:
        path = await new_session(live)
        body = {"sdp": await dead_offer(), "type": "offer"}
        assert (await live.http.post(f"{path}/offer", json=body)).status_code == 200
        await ended(live, "connect_timeout")


async def test_its_time_is_up(serve: Serve) -> None:
    async with serve(connect_timeout_s=9) as live:
        await new_session(live, max_duration_s=0.3)
        await ended(live, "max_duration")


async def test_nobody_uses_it(serve: Serve) -> None:
    async with serve(connect_timeout_s=9) as live:
        path = await new_session(live, idle_timeout_s=0.6)
        for _ in range(4):
            await asyncio.sleep(0.25)
            assert (await live.http.post(f"{path}/keepalive")).status_code == 200
        await ended(live, "idle")


async def test_deleted_while_watched(serve: Serve) -> None:
    async with serve() as live, LiveClient(live.url) as client:
        await client.ready()
        await client.delete()
        closed = await client.event("session.closed")
        assert closed["reason"] == "deleted"
        await ended(live, "deleted")


async def test_a_silent_peer_is_given_up(serve: Serve) -> None:
    """A viewer whose machine died says nothing: aiortc would take 30 s to notice."""
    async with serve(silent_peer_timeout_s=0.5) as live:
        async with LiveClient(live.url) as client:
            await client.ready()
            (session,) = live.services.sessions
            (peer,) = session.viewers.values()
            async with asyncio.timeout(5):
                while not peer.closed:
                    peer.heard_s -= 1
                    await asyncio.sleep(0.05)
            await ended(live, "absent")


async def test_a_new_offer_takes_up_the_session_and_its_speech(serve: Serve) -> None:
    async with serve(absent_timeout_s=3) as live:
        async with LiveClient(live.url) as first:
            await first.ready()
            first.send("avatar.speak_text", text="word " * 20)
            await first.event("avatar.speech_started")
        async with LiveClient(live.url, session_id=first.session_id) as second:
            await second.ready()
            state = second.found("session.state")[0]
            assert state["state"] == "speaking"
            await second.event("avatar.speech_ended")
            assert len(live.services.sessions) == 1
            await second.delete()


async def test_viewers_share_one_stream_and_leave_alone(serve: Serve) -> None:
    async with serve() as live, LiveClient(live.url) as first:
        await first.ready()
        async with LiveClient(
            live.url, session_id=first.session_id, whep=True
        ) as second:
            await second.until(lambda: len(second.pictures) > 10)
            (session,) = live.services.sessions
            assert len(session.viewers) == 2
            assert len(session.broadcast.codecs()) == 1
        async with asyncio.timeout(5):
            while len(session.viewers) > 1:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        seen = len(first.pictures)
        await first.until(lambda: len(first.pictures) > seen + 10)
        await first.delete()


async def test_connects_and_kills_leave_nothing(serve: Serve) -> None:
    """A short form of the long run: every stage of a connection is cut once."""
    before = set(threading.enumerate())
    async with serve(connect_timeout_s=1.0, absent_timeout_s=0.1) as live:
        for attempt in range(6):
            path = await new_session(live)
            body = {"sdp": await dead_offer(), "type": "offer"}
            if attempt % 2:
                await live.http.post(f"{path}/offer", json=body)
            async with LiveClient(live.url) as client:
                await client.ready()
            async with asyncio.timeout(5):
                while len(live.services.sessions):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
        assert strange_threads(before) == []
        gc.collect()
        left = [each for each in gc.get_objects() if type(each).__name__ == "Lane"]
        assert left == []
        tasks = [t.get_name() for t in asyncio.all_tasks()]
        assert len(tasks) < 20, tasks
