"""Media through a real TURN server, with credentials that soon expire.

Debian's coturn on loopback: a viewer that may use nothing but its relay gets sound and
picture; whoever has no good credentials gets no relay.
"""

import asyncio
import contextlib
import os
import shutil
import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from aioice.stun import TransactionFailed
from aioice.turn import create_turn_endpoint
from aiortc import (
    RTCConfiguration,
    RTCIceServer,
    RTCIceTransportPolicy,
    RTCPeerConnection,
    RTCSessionDescription,
)

from server.app import create_app
from server.ice import IceServers, ephemeral
from tests.fakes import FAKE_PARTS, fake_settings
from tests.live_server import Live, serving
from tests.test_session import dead_offer

SECRET = "a secret that both servers know"
COTURN = shutil.which("turnserver")
needs_coturn = pytest.mark.skipif(
    COTURN is None and "LIKENESS_TURN_TEST" not in os.environ,
    reason="needs Debian's coturn (turnserver)",
)


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
async def turn_port(tmp_path: Path) -> AsyncIterator[int]:
    """The port of a TURN server that knows SECRET."""
    assert COTURN, "install Debian's coturn"
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(COTURN, "-n", f"--listening-port={port}"),
        *("--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1"),
        *("--use-auth-secret", f"--static-auth-secret={SECRET}", "--realm=test"),
        *("--allow-loopback-peers", "--no-tls", "--no-dtls", "--no-cli"),
        *("--simple-log", f"--log-file={tmp_path / 'turn.log'}"),
        f"--pidfile={tmp_path / 'turn.pid'}",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await answering(port)
        yield port
    finally:
        process.terminate()
        await process.wait()


async def answering(port: int) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                await allocate(port, *ephemeral(SECRET, int(time.time()) + 60, "probe"))
                return
            except (OSError, TransactionFailed):
                await asyncio.sleep(0.1)


async def allocate(port: int, name: str, password: str) -> None:
    """Get a relay and give it back; TransactionFailed: refused."""
    transport, _ = await create_turn_endpoint(
        asyncio.DatagramProtocol, ("127.0.0.1", port), name, password
    )
    transport.close()


@pytest.fixture
async def live(tmp_path: Path, turn_port: int) -> AsyncIterator[Live]:
    settings = fake_settings(
        tmp_path, ice_urls=(f"turn:127.0.0.1:{turn_port}",), turn_secret=SECRET
    )
    async with serving(create_app(settings, FAKE_PARTS)) as live:
        yield live


@contextlib.asynccontextmanager
async def relayed(servers: list[dict[str, Any]]) -> AsyncIterator[RTCPeerConnection]:
    """A viewer that may use nothing but a relay, with its offer made."""
    given = [RTCIceServer(**each) for each in servers]
    pc = RTCPeerConnection(RTCConfiguration(given, RTCIceTransportPolicy.RELAY))
    for kind in ("audio", "video"):
        pc.addTransceiver(kind, direction="recvonly")
    try:
        await pc.setLocalDescription(await pc.createOffer())
        yield pc
    finally:
        await pc.close()


def candidates(sdp: str) -> Iterator[str]:
    return (line for line in sdp.splitlines() if line.startswith("a=candidate:"))


@needs_coturn
async def test_media_flows_through_the_relay_alone(live: Live) -> None:
    made = (await live.http.post("/v1/sessions", json={})).json()
    joined = (await live.http.get(f"/v1/sessions/{made['session_id']}")).json()
    # Whoever joins by a link gets credentials too.
    assert joined["ice_servers"][0]["urls"] == made["ice_servers"][0]["urls"]
    async with relayed(joined["ice_servers"]) as pc:
        offer = pc.localDescription.sdp
        assert {line.split()[7] for line in candidates(offer)} == {"relay"}
        body = {"sdp": offer, "type": "offer"}
        answer = (await live.http.post(made["offer_url"], json=body)).json()
        # The server's own end has its relay as well.
        kinds = {line.split()[7] for line in candidates(answer["sdp"])}
        assert kinds == {"host", "relay"}
        await pc.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))
        for receiver in pc.getReceivers():
            async with asyncio.timeout(15):
                for _ in range(20):
                    await receiver.track.recv()
    assert (await live.http.get("/v1/sessions")).json()["sessions"]


@needs_coturn
async def test_the_relay_is_reached_from_the_ports_that_are_open(
    tmp_path: Path, turn_port: int
) -> None:
    settings = fake_settings(
        tmp_path,
        ice_urls=(f"turn:127.0.0.1:{turn_port}",),
        turn_secret=SECRET,
        udp_ports="21100-21119",
    )
    async with serving(create_app(settings, FAKE_PARTS)) as live:
        made = (await live.http.post("/v1/sessions", json={})).json()
        body = {"sdp": await dead_offer(), "type": "offer"}
        answer = (await live.http.post(made["offer_url"], json=body)).json()
        relays = [x for x in candidates(answer["sdp"]) if x.split()[7] == "relay"]
        assert relays
        # A relay's related address is the one that asked for it (RFC 8445, 5.1.2.1)
        # as the TURN server saw it.
        for line in relays:
            assert line.split()[10] == "rport"
            assert 21_100 <= int(line.split()[11]) < 21_120


@needs_coturn
async def test_no_relay_without_good_credentials(live: Live, turn_port: int) -> None:
    made = (await live.http.post("/v1/sessions", json={})).json()
    (server,) = made["ice_servers"]
    expires, _, user = server["username"].partition(":")
    assert user == made["session_id"]
    good = server["username"], server["credential"]
    await allocate(turn_port, *good)
    refused = [
        (good[0], "wrong"),
        (f"{int(expires) + 1}:{user}", good[1]),
        (f"{expires}:ses_other", good[1]),
        ephemeral(SECRET, int(time.time()) - 60, user),
        ephemeral("another secret", int(expires), user),
    ]
    for name, password in refused:
        with pytest.raises(TransactionFailed):
            await allocate(turn_port, name, password)
    async with relayed([server | {"credential": "wrong"}]) as pc:
        assert not list(candidates(pc.localDescription.sdp))


@needs_coturn
async def test_who_has_no_relay_costs_no_session(live: Live) -> None:
    """The offer of a viewer whose credentials have expired is answered all the same."""
    made = (await live.http.post("/v1/sessions", json={})).json()
    old = ephemeral(SECRET, 1, made["session_id"])
    (server,) = made["ice_servers"]
    stale = server | {"username": old[0], "credential": old[1]}
    async with relayed([stale]) as pc:
        body = {"sdp": pc.localDescription.sdp, "type": "offer"}
        answer = await live.http.post(made["offer_url"], json=body)
        assert answer.status_code == 200, answer.text


def test_credentials_are_of_a_session_and_a_time(tmp_path: Path) -> None:
    settings = fake_settings(
        tmp_path,
        ice_urls=("stun:stun.example", "turn:turn.example?transport=tcp"),
        turn_secret="north",
        turn_ttl_s=60,
    )
    servers = IceServers(settings, time_s=lambda: 1000.9)
    stun, turn = servers.for_client("ses_a")
    assert (stun.urls, stun.username, stun.credential) == (
        "stun:stun.example",
        None,
        None,
    )
    assert turn.username == "1060:ses_a"
    # openssl dgst -sha1 -hmac north -binary | base64, of the name
    assert turn.credential == "kLeFjkx3GmNBZBsfNUyhtP2nX3U="
    assert servers.for_peer("ses_a") == servers.for_client("ses_a")


def test_a_fixed_name_serves_all(tmp_path: Path) -> None:
    settings = fake_settings(
        tmp_path,
        ice_urls=("turn:turn.example",),
        turn_username="u",
        turn_credential="c",
        ice_for_clients_only=True,
    )
    servers = IceServers(settings)
    (turn,) = servers.for_client("ses_a")
    assert (turn.username, turn.credential) == ("u", "c")
    assert servers.for_peer("ses_a") == []
