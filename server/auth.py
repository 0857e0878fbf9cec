"""Who may call: an API key for the operator's own systems, tokens for viewers."""

import hmac
from dataclasses import dataclass

from starlette.requests import HTTPConnection

from server.errors import ApiError
from server.session import Session
from server.settings import LOCAL, Settings, is_loopback
from server.tokens import Scope, Tokens

# Our own browser extension, by the id that the key in its manifest gives it. No page
# can say that it is of this origin.
EXTENSION_ORIGIN = "chrome-extension://gnicnepmjhllmgdaejgmeppicjdpaogj"


@dataclass(frozen=True)
class Caller:
    """subject: the name of the key that stands behind the call.

    family: of the token; None for who calls by the key itself, or on a server that is
        open.
    """

    subject: str
    scope: Scope
    family: str | None = None

    @property
    def is_owner(self) -> bool:
        return self.family is None


def bearer(connection: HTTPConnection) -> str | None:
    """The credential of an Authorization header."""
    scheme, _, value = connection.headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" and value.strip() else None


def check_origin(connection: HTTPConnection, settings: Settings) -> None:
    """An open server on loopback must not obey any web page its user visits.

    Raises:
        ApiError: 403, the page's site is not this server's own nor an allowed one, or
            the server is open and was called by a name that is not local (the sign of
            DNS rebinding).
    """
    if not settings.keys and not is_loopback(_host_name(_host(connection))):
        raise ApiError(
            403, "host_not_allowed", "This server answers to localhost only."
        )
    if not _is_of(connection, all_origins(settings)):
        raise _foreign_page()


def all_origins(settings: Settings) -> tuple[str, ...]:
    """Every site whose pages may use some key."""
    own = (origin for key in settings.keys.values() for origin in key.origins)
    return (EXTENSION_ORIGIN, *settings.allowed_origins, *own)


def _is_of(connection: HTTPConnection, origins: tuple[str, ...]) -> bool:
    """Whether no page calls, or one of these sites or of our own."""
    origin = connection.headers.get("origin")
    if origin in (None, EXTENSION_ORIGIN) or origin in origins:
        return True
    return origin.partition("://")[2] == _host(connection)


def _host(connection: HTTPConnection) -> str:
    return connection.headers.get("host", "")


def _host_name(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0][1:]
    return host.partition(":")[0]


def _foreign_page() -> ApiError:
    return ApiError(
        403,
        "origin_not_allowed",
        "Pages of this origin may not call the server: see LIKENESS_ALLOWED_ORIGINS.",
    )


class Gate:
    """Checks keys and tokens; open where no key is set (loopback only)."""

    def __init__(self, settings: Settings, tokens: Tokens) -> None:
        self._settings = settings
        self._keys = settings.keys
        self._tokens = tokens

    def check_key(self, connection: HTTPConnection) -> Caller:
        """The caller may make sessions and identities.

        Raises:
            ApiError: 401 no key or a wrong one, 403 a token instead of a key, or a page
                of a site that may not use this key.
        """
        if not self._keys:
            return Caller(LOCAL, "control")
        credential = bearer(connection)
        if credential is None:
            raise ApiError(401, "key_missing", "Send Authorization: Bearer <API key>.")
        name = self._name_of(credential)
        if name is not None:
            self._check_page(connection, name)
            return Caller(name, "control")
        if credential.count(".") == 2:  # a JSON Web Token
            self._tokens.read(credential)
            raise ApiError(
                403, "key_needed", "A session's token is not enough: send the API key."
            )
        raise ApiError(401, "key_wrong", "The API key is not right.")

    def check_session(
        self,
        connection: HTTPConnection,
        credential: str | None,
        session: Session,
    ) -> Caller:
        """The caller may watch this session; its scope says what more.

        Raises:
            ApiError: 401 no token, an expired or an invalid one; 403 one of another
                session, another key's session, or a page of a foreign site.
        """
        caller = self._caller(credential, session)
        self._check_page(connection, caller.subject)
        return caller

    def _caller(self, credential: str | None, session: Session) -> Caller:
        if credential is None:
            if not self._keys:
                return Caller(LOCAL, "control")
            raise ApiError(
                401, "token_missing", "Send Authorization: Bearer <session token>."
            )
        name = self._name_of(credential)
        if name is not None:
            if name != session.owner:
                raise ApiError(
                    403, "session_foreign", "The session belongs to another key."
                )
            return Caller(name, "control")
        claims = self._tokens.read(credential)
        if self._keys and claims.subject not in self._keys:
            raise ApiError(401, "token_invalid", "The token's key is no longer known.")
        if claims.session_id != session.session_id:
            raise ApiError(403, "token_wrong", "The token is not of this session.")
        return Caller(claims.subject, claims.scope, claims.family)

    def _name_of(self, credential: str) -> str | None:
        """The name of a key; all are compared, so that time tells nothing."""
        found = None
        for name, each in self._keys.items():
            expected = each.key.get_secret_value().encode()
            if hmac.compare_digest(credential.encode(), expected):
                found = name
        return found

    def _check_page(self, connection: HTTPConnection, subject: str) -> None:
        key = self._keys.get(subject)
        own = key.origins if key else ()
        if not _is_of(connection, (*self._settings.allowed_origins, *own)):
            raise _foreign_page()


def scope_missing() -> ApiError:
    return ApiError(
        403, "scope_missing", "This token is for watching: it cannot do that."
    )
