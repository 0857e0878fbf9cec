"""Media stays within the ports that the operator opened."""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aioice import Connection

from server.app import create_app
from server.udp_ports import PortRange
from tests.fakes import FAKE_PARTS, fake_settings
from tests.live_server import serving
from tests.test_session import dead_offer

FIRST = 21_000  # below the ports that systems give out by themselves


@pytest.fixture
async def connection() -> AsyncIterator[Connection]:
    connection = Connection(ice_controlling=False)
    yield connection
    await connection.close()


async def test_aioice_gathers_within_the_range(connection: Connection) -> None:
    loop = asyncio.get_running_loop()
    before = loop.create_datagram_endpoint
    with PortRange(range(FIRST, FIRST + 3)).serving(loop):
        await connection.gather_candidates()
    ports = {each.port for each in connection.local_candidates}
    assert ports and ports <= set(range(FIRST, FIRST + 3))
    assert loop.create_datagram_endpoint == before


async def test_a_turn_server_is_reached_from_within_the_range() -> None:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as turn:
        turn.bind(("127.0.0.1", 0))
        turn.setblocking(False)
        with PortRange(range(FIRST, FIRST + 2)).serving(loop):
            taken = []
            for host in ("127.0.0.1", "localhost"):
                transport, _ = await loop.create_datagram_endpoint(
                    asyncio.DatagramProtocol, remote_addr=(host, turn.getsockname()[1])
                )
                taken.append(transport)
            with pytest.raises(OSError) as caught:
                await loop.create_datagram_endpoint(
                    asyncio.DatagramProtocol, remote_addr=("127.0.0.1", 9)
                )
            assert caught.value.errno == errno.EADDRINUSE
            taken[0].sendto(b"allocate")
            sent, sender = await loop.sock_recvfrom(turn, 100)
            assert sent == b"allocate" and sender[1] in (FIRST, FIRST + 1)
            for transport in taken:
                transport.close()
            await asyncio.sleep(0)  # it is closed in the next turn of the loop
            transport, _ = await loop.create_datagram_endpoint(
                asyncio.DatagramProtocol, remote_addr=("127.0.0.1", 9)
            )
            transport.close()


async def test_a_port_is_used_once_and_then_again() -> None:
    ports = PortRange(range(FIRST, FIRST + 2))
    bound = [ports.bind("127.0.0.1") for _ in range(2)]
    assert {each.getsockname()[1] for each in bound} == {FIRST, FIRST + 1}
    with pytest.raises(OSError) as caught:
        ports.bind("127.0.0.1")
    assert caught.value.errno == errno.EADDRINUSE
    for each in bound:
        each.close()
    ports.bind("127.0.0.1").close()
    with pytest.raises(OSError):
        ports.bind("192.0.2.1")  # not an address of ours


async def test_no_port_left_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    sdp = await dead_offer()
    settings = fake_settings(tmp_path, udp_ports=f"{FIRST}-{FIRST}")
    async with serving(create_app(settings, FAKE_PARTS)) as live:
        made = (await live.http.post("/v1/sessions", json={})).json()
        url = made["offer_url"]
        body = {"sdp": sdp, "type": "offer", "viewer_id": "a"}
        answer = await live.http.post(url, json=body)
        assert f" {FIRST} typ host" in answer.json()["sdp"]
        full = await live.http.post(url, json=body | {"viewer_id": "b"})
        assert (full.status_code, full.json()["code"]) == (503, "no_media_port")
        assert int(full.headers["retry-after"]) > 0
        (session,) = live.services.sessions
        assert set(session.viewers) == {"a"}
        session.disconnect("a")  # whoever goes gives its port back
        await asyncio.sleep(0.2)
        assert (await live.http.post(url, json=body)).status_code == 200
