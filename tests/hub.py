"""A small hub on this machine: serves files as Hugging Face does, and misbehaves."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Hub:
    """files: by path. cuts: the next answers break off after so many bytes.

    liar: state another digest than the file's. plain: no digest, no ranges.
    """

    files: dict[str, bytes]
    url: str = ""
    cuts: list[int] = field(default_factory=list)
    liar: bool = False
    plain: bool = False
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def sent(self, method: str) -> int:
        return sum(each[0] == method for each in self.asked)


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        hub = self.hub
        wanted = self.headers.get("Range", "")
        with hub.lock:
            hub.asked.append((self.command, self.path, wanted))
            cut = hub.cuts.pop(0) if body and hub.cuts else None
        data = hub.files.get(self.path)
        if data is None:
            self.send_error(404)
            return
        start = 0 if hub.plain else int(wanted[len("bytes=") : -1] or 0)
        if start >= len(data):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if not hub.plain:
            other = data + b"!" if hub.liar else data
            self.send_header("X-Linked-Etag", f'"{hashlib.sha256(other).hexdigest()}"')
            self.send_header("X-Linked-Size", str(len(data)))
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        if body:
            end = len(data) if cut is None else start + cut
            self.wfile.write(data[start:end])

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def running(files: dict[str, bytes]) -> Iterator[Hub]:
    hub = Hub(files)
    handler = type("Handler", (_Handler,), {"hub": hub})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        hub.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()
