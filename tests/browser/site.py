"""Somebody else's web site: its own pages, and a back end that holds the key."""

import http.server
import json
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path

HERE = Path(__file__).parent
TYPES = {".html": "text/html", ".js": "text/javascript"}


@dataclass(frozen=True)
class Refusal:
    """What the back end answers instead of a session."""

    status: int
    code: str
    headers: dict[str, str] = field(default_factory=dict)


class Site:
    """On an origin of its own; `POST /session` mints a session with the key, `?known=`
    a new token of one."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.server_url = ""
        self.pages = {
            f"/{name}": (HERE / name).read_text() for name in ("host.html", "host.js")
        }
        self.refusals: list[Refusal] = []  # each is given once, the first first
        self.minted: list[str] = []  # the sessions of the back end
        self.renewed: list[str] = []  # those that it gave another token
        self.wish: dict[str, object] = {}
        handler = type("Handler", (_Handler,), {"site": self})
        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._http.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def forget(self) -> None:
        """As it was at first."""
        for each in (self.minted, self.renewed, self.refusals):
            each.clear()

    def mint(self, known: str = "") -> tuple[int, dict[str, str], bytes]:
        """The server's answer, passed on as it is. known: a session to go on in."""
        if self.refusals:
            refusal = self.refusals.pop(0)
            body = json.dumps({"code": refusal.code, "message": "Not now."}).encode()
            return refusal.status, refusal.headers, body
        path = f"/v1/sessions/{known}/tokens" if known else "/v1/sessions"
        wanted = {"scope": "control"} if known else self.wish
        try:
            body = self.ask("POST", path, wanted)
        except urllib.error.HTTPError as error:
            return error.code, _retry_after(error.headers), error.read()
        except OSError:
            return 502, {}, b""
        made = json.loads(body)["session_id"]
        (self.renewed if known else self.minted).append(made)
        return 201, {}, body

    def ask(self, method: str, path: str, body: object = None) -> bytes:
        """A request of the back end, with its key.

        Raises:
            OSError: it was refused, or nobody answers.
        """
        request = urllib.request.Request(
            f"{self.server_url}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Content-Type": "application/json",
                "Authorization": f"Bearer {self.key}",
            },
            method=method,
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            told: bytes = answer.read()
        return told


def _retry_after(headers: Message) -> dict[str, str]:
    value = headers.get("retry-after")
    return {"retry-after": value} if value else {}


class _Handler(http.server.BaseHTTPRequestHandler):
    site: Site

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        page = self.site.pages.get(path)
        kind = TYPES.get(Path(path).suffix, "text/plain")
        self._answer(
            200 if page else 404, {"content-type": kind}, (page or "").encode()
        )

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        status, headers, body = self.site.mint(self.path.partition("?known=")[2])
        self._answer(status, {"content-type": "application/json", **headers}, body)

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass
