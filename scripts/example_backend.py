"""python -m scripts.example_backend FOLDER: a web site with a `<likeness-avatar>`.

It serves the site's files, and at POST /likeness/session makes sessions for its
visitors: the API key stays here, and their browsers only ever see the token of their
own session. LIKENESS_SERVER_KEY is the key, LIKENESS_SERVER where the server is. A real
site would also ask who the visitor is, and how many sessions they have had today.
"""

import argparse
import json
import os
import urllib.error
import urllib.request
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

MINT = "/likeness/session"  # what the element has as its grant-url
MOST_BYTES = 10_000
VISITORS_MAY_CHOOSE = ("language", "video")  # the rest, such as the prompt, is ours


def mint(server: str, key: str, wish: dict[str, object]) -> tuple[int, bytes]:
    """Ask the server for a session; its answer is passed on as it is."""
    wanted = {name: wish[name] for name in VISITORS_MAY_CHOOSE if wish.get(name)}
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    data = json.dumps(wanted | {"max_duration_s": 900}).encode()
    request = urllib.request.Request(f"{server}/v1/sessions", data, headers)
    try:
        with urllib.request.urlopen(request, timeout=15) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()
    except OSError:
        return 503, b'{"code": "unreachable", "message": "The assistant is away."}'


class Site(SimpleHTTPRequestHandler):
    def do_POST(self) -> None:
        size = int(self.headers.get("content-length") or 0)
        if self.path != MINT or size > MOST_BYTES:
            self.send_error(404 if self.path != MINT else 413)
            return
        try:
            wish = json.loads(self.rfile.read(size) or b"{}")
            server, key = (
                os.environ["LIKENESS_SERVER"],
                os.environ["LIKENESS_SERVER_KEY"],
            )
            status, answer = mint(server.rstrip("/"), key, dict(wish))
        except (ValueError, TypeError):
            status, answer = 422, b'{"code": "bad_request", "message": "Not JSON."}'
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("cache-control", "no-store")
        self.end_headers()
        self.wfile.write(answer)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", help="of the site's files")
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args()
    site = partial(Site, directory=options.folder)
    with ThreadingHTTPServer(("127.0.0.1", options.port), site) as web:
        print(f"http://127.0.0.1:{web.server_port}")
        web.serve_forever()


if __name__ == "__main__":
    main()
