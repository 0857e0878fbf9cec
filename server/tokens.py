"""Session tokens: JSON Web Tokens that say which session, what for, and until when."""

import math
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, get_args

import jwt

from server.errors import ApiError

Scope = Literal["control", "view"]  # control may do whatever view may

ALGORITHM = "HS256"
ISSUER = "likeness"
_REQUIRED = ["iss", "sub", "sid", "scope", "fam", "exp"]


@dataclass(frozen=True)
class Claims:
    """subject: the name of the key that asked for the session.

    family: what a token and those that renew it have in common.
    """

    subject: str
    session_id: str
    scope: Scope
    family: str


@dataclass(frozen=True)
class Grant:
    """A token, until when it is good, and how long that is in seconds."""

    token: str
    expires_at: datetime
    expires_in_s: int


class Tokens:
    """Mints and reads the tokens of one server.

    Without a secret of the operator's they are good until the server ends.
    """

    def __init__(self, secret: str | None, ttl_s: float) -> None:
        self._secret = secret or secrets.token_urlsafe(32)
        self._ttl_s = ttl_s
        self._ends: OrderedDict[str, int] = OrderedDict()  # of each family, since 1970

    def mint(self, claims: Claims) -> Grant:
        now_s = time.time()
        expires = math.ceil(now_s + self._ttl_s)  # NumericDate, whole seconds
        content = {
            "iss": ISSUER,
            "sub": claims.subject,
            "sid": claims.session_id,
            "scope": claims.scope,
            "fam": claims.family,
            "iat": int(now_s),
            "exp": expires,
        }
        self._remember(claims.family, expires)
        token = jwt.encode(content, self._secret, algorithm=ALGORITHM)
        expires_at = datetime.fromtimestamp(expires, UTC)
        return Grant(token, expires_at, int(expires - now_s))

    def left_s(self, family: str) -> float:
        """How long the last token of a family is still good; none if it is not."""
        return self._ends.get(family, 0) - time.time()

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
            raise token_expired() from None
        except (jwt.InvalidTokenError, ValueError):
            raise ApiError(
                401, "token_invalid", "This is not a token of this server."
            ) from None
        if content["scope"] not in get_args(Scope):
            raise ApiError(401, "token_invalid", "The token's scope is unknown.")
        claims = Claims(
            content["sub"], str(content["sid"]), content["scope"], str(content["fam"])
        )
        self._remember(claims.family, int(content["exp"]))
        return claims

    def _remember(self, family: str, expires: int) -> None:
        self._ends[family] = max(expires, self._ends.pop(family, 0))
        oldest = next(iter(self._ends))
        if oldest != family and self._ends[oldest] < time.time():
            del self._ends[oldest]


def new_family() -> str:
    return secrets.token_urlsafe(12)


def token_expired() -> ApiError:
    return ApiError(
        401,
        "token_expired",
        "The token has expired: renew it while it is good, or ask for a new one.",
    )
