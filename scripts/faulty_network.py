"""A network that fails on demand, between a browser and a server on this machine.

HTTP goes through a TCP relay, media through UDP relays; faulty_network.js makes the
page take those instead of the server's own ports, and tells the server nothing of the
browser's, so that no packet finds another way. What fails is the network alone: neither
server nor page knows of it.
"""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import cast

from aioice.ice import get_host_addresses

INIT_SCRIPT = Path(__file__).with_suffix(".js")
HERE = "127.0.0.1"
CHUNK = 65_536
OPUS = 111  # the payload type that Chromium gives to Opus
POLL_S = 0.05


class FaultyNetwork:
    """Of one server's port and media ports; use as a context manager.

    url: where the browser finds the server. ports: media port of the server -> of the
    relay, on `address`.
    """

    def __init__(self, port: int, media_ports: Sequence[int]) -> None:
        self._port = port
        self._media_ports = media_ports
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._up = True
        self._relays: list[_Relay] = []
        self._links: set[asyncio.Task[None]] = set()
        self.address = get_host_addresses(use_ipv4=True, use_ipv6=False)[0]
        self.ports: dict[int, int] = {}
        self.url = ""

    def __enter__(self) -> "FaultyNetwork":
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def cut(self) -> None:
        """From now on nothing passes, in either direction."""
        self._up = False

    def mend(self) -> None:
        """What TCP has to say is said now; datagrams of meanwhile are lost."""
        self._up = True

    def freeze_video(self) -> None:
        """Pictures of the connections that there are pass no more; sound does, and
        whatever is connected later."""
        for relay in self._relays:
            relay.freeze()

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._serve, HERE, 0)
        self.url = f"http://{HERE}:{self._server.sockets[0].getsockname()[1]}"
        for port in self._media_ports:
            relay = _Relay(self, (self.address, port))
            transport, _ = await self._loop.create_datagram_endpoint(
                lambda relay=relay: relay,  # type: ignore[misc]
                (self.address, 0),
            )
            self.ports[port] = transport.get_extra_info("sockname")[1]
            self._relays.append(relay)

    async def _close(self) -> None:
        self._server.close()
        for relay in self._relays:
            relay.close()
        for task in self._links:
            task.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)

    @property
    def up(self) -> bool:
        return self._up

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """One connection of the browser."""
        task = asyncio.current_task()
        assert task
        self._links.add(task)
        try:
            await self._passing()
            far_reader, far_writer = await asyncio.open_connection(HERE, self._port)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, far_writer))
                group.create_task(self._pump(far_reader, writer))
        except (OSError, ExceptionGroup):
            pass  # the server is not there, or has gone: the browser is told by the end
        finally:
            writer.close()
            self._links.discard(task)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            while data := await reader.read(CHUNK):
                await self._passing()
                if reader.at_eof():
                    break  # it gave up while nothing passed: its words are lost
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()

    async def _passing(self) -> None:
        while not self._up:  # noqa: ASYNC110
            await asyncio.sleep(POLL_S)


@dataclass(eq=False)
class _Flow(asyncio.DatagramProtocol):
    """From the server back to one port of the browser."""

    relay: "_Relay"
    client: tuple[str, int]
    frozen: bool = False
    transport: asyncio.DatagramTransport | None = None
    waiting: list[bytes] = field(default_factory=list)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)
        for packet in self.waiting:
            self.transport.sendto(packet)
        self.waiting.clear()

    def send(self, packet: bytes) -> None:
        if self.transport:
            self.transport.sendto(packet)
        elif len(self.waiting) < 50:
            self.waiting.append(packet)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if not (self.frozen and is_video(data)):
            self.relay.answer(data, self.client)

    def error_received(self, exc: Exception) -> None:
        pass  # the server's port is closed: packets to it are lost, as anywhere


class _Relay(asyncio.DatagramProtocol):
    """One media port of the server, as the browser sees it."""

    def __init__(self, network: FaultyNetwork, server: tuple[str, int]) -> None:
        self._network = network
        self._server = server
        self._flows: dict[tuple[str, int], _Flow] = {}
        self._opening: set[asyncio.Task[object]] = set()
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if not self._network.up:
            return
        flow = self._flows.get(addr)
        if flow is None:
            flow = self._flows[addr] = _Flow(self, addr)
            opening = asyncio.get_running_loop().create_datagram_endpoint(
                lambda: flow, (self._server[0], 0), self._server
            )
            task: asyncio.Task[object] = asyncio.ensure_future(opening)
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)
        flow.send(data)

    def answer(self, data: bytes, client: tuple[str, int]) -> None:
        if self._network.up and self._transport:
            self._transport.sendto(data, client)

    def freeze(self) -> None:
        for flow in self._flows.values():
            flow.frozen = True

    def close(self) -> None:
        for flow in self._flows.values():
            if flow.transport:
                flow.transport.close()
        if self._transport:
            self._transport.close()


def is_video(packet: bytes) -> bool:
    """An RTP packet (RFC 7983: first byte 128 to 191) that is neither RTCP nor sound.

    With one bundle of sound and pictures, every other payload type is the pictures'.
    """
    if len(packet) < 12 or not 128 <= packet[0] <= 191:
        return False
    rtcp = 192 <= packet[1] <= 223  # RFC 5761
    return not rtcp and packet[1] & 0x7F != OPUS
