"""What browsers are told about every answer: where its content may come from, who may
frame it.

Pages of the server load nothing from elsewhere and have nothing inline (Content
Security Policy Level 3). Their own <meta> policies are narrower still; both hold.
"""

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs

from starlette.types import Scope

# 'self' of connect-src is also the WebSocket of this host (CSP 3, section 6.7.2.8).
_CONTENT = (
    "default-src 'self'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'"
)
_HEADERS = {
    "x-content-type-options": "nosniff",
    # Tokens are in fragments, which are in no Referer; ids of sessions need not leave.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
_SHARED_PAGE = "/talk.html"  # where embed_url and view_url lead, with ?session=
_OWN_MACHINE = ("http://localhost:*", "http://127.0.0.1:*", "https://localhost:*")


class PagePolicy:
    """The headers for the answer to a request.

    origins: the sites that may use the server, which may frame its pages too.
    is_open: without a key. Then every site's visitor could be led to frame a page that
        begins sessions, so that only pages of this machine may frame; with a key,
        whoever has the address of a session (`embed_url`) may show it anywhere.
    """

    def __init__(self, origins: Sequence[str], *, is_open: bool) -> None:
        self._usual = _framed_by("'self'", *origins)
        own = _framed_by("'self'", *_OWN_MACHINE, *origins)
        self._shared = own if is_open else _framed_by("*")

    def headers(self, scope: Scope) -> Mapping[str, str]:
        shared = scope["path"] == _SHARED_PAGE and _names_session(scope)
        framing = self._shared if shared else self._usual
        return {**_HEADERS, "content-security-policy": f"{_CONTENT}; {framing}"}


def _framed_by(*sources: str) -> str:
    return f"frame-ancestors {' '.join(sources)}"


def _names_session(scope: Scope) -> bool:
    query: bytes = scope.get("query_string", b"")
    return bool(parse_qs(query.decode("latin-1")).get("session"))
