"""A range of UDP ports for media, so that a firewall need not open them all.

aioice asks its event loop for a random port of each address, and for one more to reach
a TURN server from, and has no option to choose among some. While a range is in use the
loop gives it sockets that are bound within.
"""

import asyncio
import contextlib
import errno
import itertools
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import Any


class PortRange:
    """Each port of the range may be used once for each address of this machine."""

    def __init__(self, ports: range) -> None:
        self._ports = ports
        self._turn = itertools.cycle(ports)

    def bind(self, host: str) -> socket.socket:
        """A UDP socket on a free port of the range.

        Raises:
            OSError: EADDRINUSE, none is free; or the address is not ours.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        for port in itertools.islice(self._turn, len(self._ports)):
            bound = socket.socket(family, socket.SOCK_DGRAM)
            try:
                bound.bind((host, port))
            except OSError as error:
                bound.close()
                if error.errno != errno.EADDRINUSE:
                    raise
            except BaseException:
                bound.close()
                raise
            else:
                bound.setblocking(False)
                return bound
        raise self._none_free()

    async def connect(
        self,
        create: Callable[..., Awaitable[Any]],
        protocol_factory: Any,
        remote_addr: Any,
        options: dict[str, Any],
    ) -> Any:
        """What `create` makes of a port of the range that speaks to one address alone.

        Raises:
            OSError: as above.
        """
        for port in itertools.islice(self._turn, len(self._ports)):
            try:
                return await create(
                    protocol_factory,
                    (None, port),  # of whichever address leads there
                    remote_addr,
                    **{"flags": socket.AI_PASSIVE, **options},
                )
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
        raise self._none_free()

    def _none_free(self) -> OSError:
        return OSError(errno.EADDRINUSE, f"no UDP port of {self._ports} is free")

    @contextlib.contextmanager
    def serving(self, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
        """Give whoever asks `loop` for a random UDP port one of the range."""
        create = loop.create_datagram_endpoint

        async def within(
            protocol_factory: Any,
            local_addr: Any = None,
            remote_addr: Any = None,
            **options: Any,
        ) -> Any:
            if remote_addr is not None and local_addr is None:
                return await self.connect(
                    create, protocol_factory, remote_addr, options
                )
            if local_addr is None or local_addr[1] != 0 or remote_addr is not None:
                return await create(
                    protocol_factory, local_addr, remote_addr, **options
                )
            bound = self.bind(local_addr[0])
            try:
                return await create(protocol_factory, sock=bound)
            except BaseException:
                bound.close()
                raise

        loop.create_datagram_endpoint = within  # type: ignore[method-assign]
        try:
            yield
        finally:
            loop.create_datagram_endpoint = create  # type: ignore[method-assign]
