"""A site that is not the server's: its page has a widget and a strict policy, its back
end the key."""

import contextlib
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from typing import Any

import pytest

from scripts.example_backend import Site

# Broad stripes, so that any pixel tells whether it is the page or the portrait.
STYLE = """
html {
  background: repeating-linear-gradient(90deg, #00c800 0 40px, #0000ff 40px 80px);
}
body { margin: 0; min-height: 100vh; }
"""
PAGE = """<!doctype html><html lang="{language}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Somebody’s shop</title><link rel="stylesheet" href="/style.css">
<script type="module" src="{server}/widget/likeness-avatar.js"></script></head>
<body><main><h1>Shop</h1><button id="before">Before</button></main>
<likeness-avatar {attributes}></likeness-avatar></body></html>"""
POLICY = (
    "default-src 'none'; script-src {server}; connect-src 'self' {server}; "
    "style-src 'self'; base-uri 'none'; form-action 'none'; "
    "require-trusted-types-for 'script'"
)


class ForeignSite:
    """attributes: of its widget, from the next loading on. server: of the portrait."""

    def __init__(self, web: ThreadingHTTPServer, server: str) -> None:
        self.attributes = 'grant-url="/likeness/session" name="Grace"'
        self.language = "en"
        self.server = server
        self.policy = POLICY
        self.url = f"http://127.0.0.1:{web.server_address[1]}"

    @property
    def page(self) -> str:
        return PAGE.format(**vars(self))


@contextlib.contextmanager
def foreign_site(server: str, key: str) -> Iterator[ForeignSite]:
    """server: its address. key: what its back end mints sessions with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIKENESS_SERVER", server)
        patch.setenv("LIKENESS_API_KEY", key)

        class Shop(Site):
            def do_GET(self) -> None:
                pages = {
                    "/": ("text/html", site.page),
                    "/style.css": ("text/css", STYLE),
                }
                kind, text = pages.get(self.path, ("text/plain", ""))
                self.send_response(200)
                self.send_header("content-type", f"{kind}; charset=utf-8")
                policy = site.policy.format(server=site.server)
                self.send_header("content-security-policy", policy)
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, format: str, *args: Any) -> None:
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Shop) as web:
            site = ForeignSite(web, server)
            thread = threading.Thread(target=web.serve_forever, daemon=True)
            thread.start()
            try:
                yield site
            finally:
                web.shutdown()
                thread.join()
