"""Connects that end badly: `python -m scripts.soak --connects 300`.

Each takes a session and then, at one stage or another, is gone without a word. What it
held must come back: slots, memory, threads, descriptors. Exit status 1 if it does not.
"""

import argparse
import asyncio
import itertools
import json
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiortc import RTCConfiguration, RTCPeerConnection

from scripts.live_client import LiveClient, http
from scripts.live_process import LiveProcess, Usage, server

AT_ONCE = 4
FREED_S = 30.0
UNREACHABLE = "192.0.2.1"  # RFC 5737: an address of documentation, where nobody is
# Python's allocator and glibc's arenas take a while to settle; a leak goes on.
MOST_GROWTH_MIB = 24.0
SETTINGS = {
    "CONNECT_TIMEOUT_S": "3",
    "ABSENT_TIMEOUT_S": "0.5",
    "SILENT_PEER_TIMEOUT_S": "4",
}

Stage = Callable[[str], Awaitable[None]]


def _session(url: str) -> str:
    created = http("POST", f"{url}/v1/sessions", {})
    return f"/v1/sessions/{created['session_id']}"


async def _offer(*, candidates: bool) -> str:
    """An SDP offer; without candidates, or with one that leads nowhere."""
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    try:
        for kind in ("audio", "video"):
            pc.addTransceiver(kind, direction="recvonly")
        await pc.setLocalDescription(await pc.createOffer())
        sdp = pc.localDescription.sdp
    finally:
        await pc.close()
    told = ("a=candidate:", "a=end-of-candidates")
    lines = [line for line in sdp.splitlines() if not line.startswith(told)]
    if candidates:
        dead = f"a=candidate:1 1 udp 2130706431 {UNREACHABLE} 9 typ host"
        at = next(n for n, line in enumerate(lines) if line.startswith("a=ice-ufrag"))
        lines.insert(at, dead)
    return "\r\n".join(lines) + "\r\n"


async def _post_and_cut(
    url: str, path: str, kind: str, body: str, share: float
) -> None:
    """Send a part of a request, and close the socket without reading the answer."""
    place = urlsplit(url)
    _, writer = await asyncio.open_connection(place.hostname, place.port)
    head = (
        f"POST {path} HTTP/1.1\r\nhost: {place.netloc}\r\ncontent-type: {kind}\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body.encode()[: round(len(body) * share)])
    await writer.drain()
    await asyncio.sleep(0.02)
    writer.transport.abort()


async def never_connects(url: str) -> None:
    await asyncio.to_thread(_session, url)


async def no_patch(url: str) -> None:
    """An offer without candidates, which never come."""
    path = await asyncio.to_thread(_session, url)
    offer = {"type": "offer", "sdp": await _offer(candidates=False)}
    await asyncio.to_thread(http, "POST", f"{url}{path}/offer", offer)


async def dead_ice(url: str) -> None:
    """The only candidate leads nowhere."""
    path = await asyncio.to_thread(_session, url)
    offer = {"type": "offer", "sdp": await _offer(candidates=True)}
    await asyncio.to_thread(http, "POST", f"{url}{path}/offer", offer)


async def socket_closed_in_offer(url: str) -> None:
    path = await asyncio.to_thread(_session, url)
    sdp = await _offer(candidates=True)
    await _post_and_cut(url, f"{path}/whep", "application/sdp", sdp, 0.5)


async def socket_closed_before_answer(url: str) -> None:
    path = await asyncio.to_thread(_session, url)
    sdp = await _offer(candidates=True)
    await _post_and_cut(url, f"{path}/whep", "application/sdp", sdp, 1.0)


async def _vanish(client: LiveClient) -> None:
    """Close the client's UDP sockets, so that nothing tells the server."""
    for transceiver in client.peer.getTransceivers():
        ice = transceiver.receiver.transport.transport._connection
        for protocol in ice._protocols:
            protocol.transport.abort()


async def no_delete(url: str) -> None:
    """Connected and receiving, then gone like a process that was killed."""
    async with LiveClient(url, decode=False) as client:
        await client.until(lambda: bool(client.pictures))
        await _vanish(client)


async def killed_in_speech(url: str) -> None:
    async with LiveClient(url, decode=False) as client:
        await client.ready()
        client.send("avatar.speak_text", text="One two three four five. " * 20)
        await client.event("avatar.speech_started")
        await _vanish(client)


async def says_goodbye(url: str) -> None:
    async with LiveClient(url, decode=False, whep=True) as client:
        await client.until(lambda: bool(client.pictures))
        await client.delete()


STAGES: Sequence[Stage] = (
    never_connects,
    no_patch,
    dead_ice,
    socket_closed_in_offer,
    socket_closed_before_answer,
    no_delete,
    killed_in_speech,
    says_goodbye,
)


async def _admitted(stage: Stage, url: str) -> bool:
    """Go through a stage; False where the server says that it has no room just now."""
    try:
        async with asyncio.timeout(60):
            await stage(url)
    except RuntimeError as error:
        if any(code in str(error) for code in ("server_full", "server_overloaded")):
            return False
        raise
    return True


async def run(url: str, connects: int) -> None:
    """That many connects, the stages in turn, a few at a time.

    Raises:
        ExceptionGroup: the server refused what it should not have refused.
    """
    places = asyncio.Semaphore(AT_ONCE)

    async def one(stage: Stage) -> None:
        async with places:
            while not await _admitted(stage, url):  # noqa: ASYNC110 not an event
                await asyncio.sleep(1)

    async with asyncio.TaskGroup() as tasks:
        for stage in itertools.islice(itertools.cycle(STAGES), connects):
            tasks.create_task(one(stage))


async def freed(url: str, timeout_s: float = FREED_S) -> int:
    """Wait until no session is left; returns how many are."""
    end_s = time.monotonic() + timeout_s
    while True:
        left = await asyncio.to_thread(http, "GET", f"{url}/v1/sessions")
        count = len(left["sessions"])
        if not count or time.monotonic() > end_s:
            return count
        await asyncio.sleep(0.2)


@dataclass(frozen=True)
class Rest:
    """What a server without sessions holds after so many connects."""

    connects: int
    sessions: int
    usage: Usage


def at_rest(live: LiveProcess, connects: int) -> Rest:
    left = asyncio.run(freed(live.url))
    time.sleep(1)
    rest = Rest(connects, left, live.usage())
    print(
        f"{connects:8}  {left:8}  {rest.usage.resident / 2**20:8.1f}"
        f"  {rest.usage.threads:7}  {rest.usage.descriptors:11}",
        flush=True,
    )
    return rest


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--connects", type=int, default=300)
    parser.add_argument(
        "--rounds", type=int, default=6, help="looks in between, 2 at least"
    )
    arguments = parser.parse_args()
    arguments.rounds = max(2, arguments.rounds)
    each = max(1, arguments.connects // arguments.rounds)
    with server(**SETTINGS) as live:
        print("connects  sessions  resident  threads  descriptors", flush=True)
        asyncio.run(run(live.url, 3 * len(STAGES)))
        rests = [at_rest(live, 0)]
        for done in range(each, arguments.connects + 1, each):
            asyncio.run(run(live.url, each))
            rests.append(at_rest(live, done))
    # The first round still fills caches, of sizes of portraits among others.
    first, last = rests[min(1, len(rests) - 2)], rests[-1]
    grown = (last.usage.resident - first.usage.resident) / 2**20
    problems = {
        "sessions left": last.sessions,
        "threads more": max(0, last.usage.threads - first.usage.threads),
        "descriptors more": max(0, last.usage.descriptors - first.usage.descriptors),
        "MiB grown over the limit": max(0.0, grown - MOST_GROWTH_MIB),
    }
    found = {name: count for name, count in problems.items() if count}
    print(json.dumps(found) if found else f"all freed; {grown:+.1f} MiB", flush=True)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
