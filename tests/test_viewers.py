"""Several viewers of one session: encoded once, and nobody at another's expense."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import numpy as np
import pytest

from scripts.live_client import LiveClient
from server.app import create_app
from server.broadcast import Broadcast
from tests.fakes import FAKE_PARTS, SIZE, fake_settings, mouth_light
from tests.live_server import Live, serving

SMALL = {"width": SIZE, "height": SIZE}


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    async with serving(create_app(fake_settings(tmp_path), FAKE_PARTS)) as live:
        yield live


def watching(live: Live, first: LiveClient) -> LiveClient:
    """One more viewer of the first one's session, by WHEP."""
    return LiveClient(live.url, mouth_light, session_id=first.session_id, whep=True)


async def test_what_many_watch_is_encoded_once(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[int] = []
    encode = Broadcast.encode_video

    def counted(self, picture, number, codecs, *, key):  # type: ignore[no-untyped-def]
        encoded.append(number)
        return encode(self, picture, number, codecs, key=key)

    monkeypatch.setattr(Broadcast, "encode_video", counted)
    async with AsyncExitStack() as stack:
        first = LiveClient(live.url, mouth_light, video=SMALL)
        clients = [await stack.enter_async_context(first)]
        await first.ready()
        for _ in range(3):
            clients.append(await stack.enter_async_context(watching(live, first)))
        for client in clients[1:]:
            await client.until(lambda c=client: len(c.pictures) > 30)  # type: ignore[misc]
        assert len(live.services.sessions) == 1
        await first.delete()
    assert len(encoded) == len(set(encoded)), "no picture is encoded twice"
    seen = [len(client.pictures) for client in clients[1:]]
    assert sum(seen) > 1.5 * len(encoded)


async def test_who_comes_late_sees_at_once_and_costs_the_others_nothing(
    live: Live,
) -> None:
    async with LiveClient(live.url, mouth_light, video=SMALL) as first:
        await first.ready()
        await first.until(lambda: len(first.pictures) > 40)
        async with watching(live, first) as late:
            await late.until(lambda: bool(late.pictures))
            waited_s = late.pictures[0].arrived_s - late.offered_s
            await late.until(lambda: len(late.pictures) > 25)
        await first.until(lambda: len(first.pictures) > 90)
        stamps = np.diff([sound.timestamp for sound in first.sounds])
        gaps = np.diff([picture.arrived_s for picture in first.pictures[5:]])
        await first.delete()
    assert waited_s < 1.0, "a key frame is made for whoever comes"
    assert set(stamps) == {960}
    assert gaps.max() < 0.2


async def test_a_viewer_whose_network_stands_still_harms_nobody(live: Live) -> None:
    async with AsyncExitStack() as stack:
        first = LiveClient(live.url, mouth_light, video=SMALL)
        await stack.enter_async_context(first)
        await first.ready()
        (session,) = live.services.sessions
        known = set(session.viewers)
        slow = watching(live, first)
        await stack.enter_async_context(slow)
        await slow.until(lambda: len(slow.pictures) > 10)
        (viewer_id,) = set(session.viewers) - known
        peer = session.viewers[viewer_id]
        transport = peer._pc.getTransceivers()[0].sender.transport
        send, moves = transport._send_rtp, asyncio.Event()

        async def stands_still(data: bytes) -> None:
            await moves.wait()
            await send(data)

        transport._send_rtp = stands_still  # type: ignore[method-assign]
        held = len(slow.pictures)
        before = len(first.pictures)
        await first.until(lambda: len(first.pictures) > before + 60)
        times = [picture.arrived_s for picture in first.pictures[before:]]
        stamps = np.diff([sound.timestamp for sound in first.sounds])
        assert len(slow.pictures) <= held + 8, "what was under way"
        assert len(peer._outlet.video._packets) <= 13, "half a second is kept"
        moves.set()
        await slow.until(lambda: len(slow.pictures) > held + 20)
        await first.delete()
    assert set(stamps) == {960}
    assert np.diff(times).max() < 0.2
    assert (len(times) - 1) / (times[-1] - times[0]) == pytest.approx(25, abs=1.5)
