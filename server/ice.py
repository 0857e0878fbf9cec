"""The STUN and TURN servers that help two machines find a way to each other."""

import base64
import hashlib
import hmac
import time
from collections.abc import Callable

from aiortc import RTCIceServer

from server.settings import Settings


class IceServers:
    """Best first: aiortc takes one of a kind, clients take all."""

    def __init__(
        self, settings: Settings, *, time_s: Callable[[], float] = time.time
    ) -> None:
        self._settings = settings
        self._time_s = time_s

    def for_client(self, session_id: str) -> list[RTCIceServer]:
        """What a viewer of the session is told; its credentials soon expire."""
        return [self._server(url, session_id) for url in self._settings.ice_urls]

    def for_peer(self, session_id: str) -> list[RTCIceServer]:
        """What the server's own end of a connection uses."""
        if self._settings.ice_for_clients_only:
            return []
        return self.for_client(session_id)

    def _server(self, url: str, session_id: str) -> RTCIceServer:
        settings = self._settings
        if url.startswith("stun"):
            return RTCIceServer(url)
        if settings.turn_secret:
            expires = int(self._time_s() + settings.turn_ttl_s)
            secret = settings.turn_secret.get_secret_value()
            return RTCIceServer(url, *ephemeral(secret, expires, session_id))
        fixed = settings.turn_credential
        return RTCIceServer(
            url, settings.turn_username, fixed.get_secret_value() if fixed else None
        )


def ephemeral(secret: str, expires: int, user: str) -> tuple[str, str]:
    """A name and a password that a TURN server with the same secret takes until then.

    expires: seconds since 1970.
    See draft-uberti-behave-turn-rest-00, section 2.2; coturn's use-auth-secret.
    """
    name = f"{expires}:{user}"
    digest = hmac.new(secret.encode(), name.encode(), hashlib.sha1).digest()
    return name, base64.b64encode(digest).decode()
