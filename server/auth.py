"""Who may call: an API key for the operator's own systems, tokens for viewers."""

import hmac
import time
from collections import OrderedDict

from fastapi import Request
from starlette.requests import HTTPConnection

from server.errors import ApiError
from server.session import Session
from server.settings import Settings, is_loopback

MAX_CLIENTS = 10_000  # counted at a time; the longest unseen are forgotten


def bearer(request: Request) -> str | None:
    """The credential of an Authorization header."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" and value.strip() else None


def check_origin(connection: HTTPConnection, settings: Settings) -> None:
    """An open server on loopback must not obey any web page its user visits.

    Raises:
        ApiError: 403, the page's site is not this server's own nor an allowed one, or
            the server is open and was called by a name that is not local (the sign of
            DNS rebinding).
    """
    host = connection.headers.get("host", "")
    origin = connection.headers.get("origin")
    if settings.api_key is None and not is_loopback(_host_name(host)):
        raise ApiError(
            403, "host_not_allowed", "This server answers to localhost only."
        )
    if origin is None or origin in settings.allowed_origins:
        return
    if origin.partition("://")[2] != host:
        raise ApiError(
            403,
            "origin_not_allowed",
            "Pages of this origin may not call the server: see "
            "LIKENESS_ALLOWED_ORIGINS.",
        )


def _host_name(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0][1:]
    return host.partition(":")[0]


class Gate:
    """Checks keys and tokens; open where no key is set (loopback only)."""

    def __init__(self, settings: Settings) -> None:
        self._key = settings.api_key

    def has_key(self, credential: str | None) -> bool:
        if self._key is None or credential is None:
            return False
        expected = self._key.get_secret_value().encode()
        return hmac.compare_digest(credential.encode(), expected)

    def check_key(self, request: Request) -> None:
        """The caller may make sessions and identities.

        Raises:
            ApiError: 401 no key, 403 a wrong one.
        """
        if self._key is None:
            return
        credential = bearer(request)
        if credential is None:
            raise ApiError(401, "key_missing", "Send Authorization: Bearer <API key>.")
        if not self.has_key(credential):
            raise ApiError(403, "key_wrong", "The API key is not right.")

    def check_session(self, credential: str | None, session: Session) -> None:
        """The caller may use this session.

        Raises:
            ApiError: 401 no token or an expired one, 403 a wrong one.
        """
        if credential is None:
            if self._key is None:
                return
            raise ApiError(
                401, "token_missing", "Send Authorization: Bearer <session token>."
            )
        if self.has_key(credential) or session.admits(credential):
            return
        if hmac.compare_digest(credential.encode(), session.token.encode()):
            raise ApiError(
                401, "token_expired", "The token has expired: make a new session."
            )
        raise ApiError(403, "token_wrong", "The token is not of this session.")


class RateLimit:
    """A token bucket for each client address."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def check(self, client: str) -> None:
        """Count one request.

        Raises:
            ApiError: 429.
        """
        now_s = time.monotonic()
        tokens, since_s = self._buckets.pop(client, (float(self._per_minute), now_s))
        refill = (now_s - since_s) * self._per_minute / 60
        tokens = min(float(self._per_minute), tokens + refill)
        self._buckets[client] = (max(0.0, tokens - 1), now_s)
        if len(self._buckets) > MAX_CLIENTS:
            self._buckets.popitem(last=False)
        if tokens < 1:
            raise ApiError(
                429,
                "too_many_requests",
                "Too many requests: slow down.",
                retry_after_s=1,
            )
