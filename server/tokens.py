"""Session tokens: JSON Web Tokens that say which session, what for, and until when."""

import math
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

import jwt

from server.errors import ApiError

Scope = Literal["control", "view"]  # control may do whatever view may

ALGORITHM = "HS256"
ISSUER = "likeness"
_REQUIRED = ["iss", "sub", "sid", "scope", "exp"]


@dataclass(frozen=True)
class Claims:
    """subject: the name of the key that asked for the session."""

    subject: str
    session_id: str
    scope: Scope


@dataclass(frozen=True)
class Grant:
    """A token, and until when it is good."""

    token: str
    expires_at: datetime


class Tokens:
    """Mints and reads the tokens of one server.

    Without a secret of the operator's they are good until the server ends.
    """

    def __init__(self, secret: str | None, ttl_s: float) -> None:
        self._secret = secret or secrets.token_urlsafe(32)
        self._ttl = timedelta(seconds=ttl_s)

    def mint(self, claims: Claims) -> Grant:
        now = datetime.now(UTC)
        expires = math.ceil((now + self._ttl).timestamp())  # NumericDate, whole seconds
        content = {
            "iss": ISSUER,
            "sub": claims.subject,
            "sid": claims.session_id,
            "scope": claims.scope,
            "iat": int(now.timestamp()),
            "exp": expires,
        }
        token = jwt.encode(content, self._secret, algorithm=ALGORITHM)
        return Grant(token, datetime.fromtimestamp(expires, UTC))

    def read(self, token: str) -> Claims:
        """What a token says, if it is one of ours and still good.

        Raises:
            ApiError: 401.
        """
        try:
            content = jwt.decode(
                token,
                self._secret,
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                options={"require": _REQUIRED},
            )
        except jwt.ExpiredSignatureError:
            raise ApiError(
                401, "token_expired", "The token has expired: make a new session."
            ) from None
        except (jwt.InvalidTokenError, ValueError):
            raise ApiError(
                401, "token_invalid", "This is not a token of this server."
            ) from None
        if content["scope"] not in get_args(Scope):
            raise ApiError(401, "token_invalid", "The token's scope is unknown.")
        return Claims(content["sub"], str(content["sid"]), content["scope"])
