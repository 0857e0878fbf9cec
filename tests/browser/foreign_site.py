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
STRIPES = ((0, 200, 0), (0, 0, 255))
STYLE = """
html {
  background: repeating-linear-gradient(90deg, #00c800 0 40px, #0000ff 40px 80px);
}
body { margin: 0; min-height: 100vh; }
main { width: 200px; background: #fff; }
"""
PAGE = """<!doctype html><html {html}><head><meta charset="utf-8">
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
WIDGET = 'grant-url="/likeness/session" name="Grace"'


class ForeignSite:
    """attributes, html: of its page, from the next loading on.

    called: what was POSTed to /handover, which stands for the site's own people.
    """

    def __init__(self, port: int, server: str) -> None:
        self.server = server
        self.url = f"http://127.0.0.1:{port}"
        self.called: list[bytes] = []
        self.attributes = WIDGET
        self.html = 'lang="en"'

    def files(self) -> dict[str, tuple[str, str]]:
        page = PAGE.format(
            html=self.html, server=self.server, attributes=self.attributes
        )
        return {"/": ("html", page), "/style.css": ("css", STYLE)}

    @property
    def policy(self) -> str:
        return POLICY.format(server=self.server)


@contextlib.contextmanager
def foreign_site(server: str, key: str, port: int = 0) -> Iterator[ForeignSite]:
    """server: its address. key: what its back end mints sessions with."""

    class Shop(Site):
        def do_GET(self) -> None:
            kind, text = site.files().get(self.path, ("plain", ""))
            self.send_response(200)
            self.send_header("content-type", f"text/{kind}; charset=utf-8")
            self.send_header("content-security-policy", site.policy)
            self.end_headers()
            self.wfile.write(text.encode())

        def do_POST(self) -> None:
            if self.path != "/handover":
                super().do_POST()
                return
            site.called.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIKENESS_SERVER", server)
        patch.setenv("LIKENESS_SERVER_KEY", key)
        with ThreadingHTTPServer(("127.0.0.1", port), Shop) as web:
            site = ForeignSite(web.server_port, server)
            thread = threading.Thread(target=web.serve_forever, daemon=True)
            thread.start()
            try:
                yield site
            finally:
                web.shutdown()
                thread.join()
