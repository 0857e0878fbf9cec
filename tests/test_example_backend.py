"""The example back end: it passes on what a visitor may choose, and never the key."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from scripts.example_backend import MINT, MOST_BYTES, Site

KEY = "the-key"
asked: list[tuple[str | None, dict[str, object]]] = []


class Likeness(BaseHTTPRequestHandler):
    """Stands for the server: remembers what it was asked for."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        asked.append((self.headers["authorization"], body))
        self.send_response(503 if body.get("language") == "full" else 201)
        self.end_headers()
        self.wfile.write(b'{"session_id": "ses_1", "token": "t"}')

    def log_message(self, format: str, *args: object) -> None:
        pass


class Quiet(Site):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    asked.clear()
    likeness = ThreadingHTTPServer(("127.0.0.1", 0), Likeness)
    shop = ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    monkeypatch.setenv("LIKENESS_SERVER", f"http://127.0.0.1:{likeness.server_port}/")
    monkeypatch.setenv("LIKENESS_SERVER_KEY", KEY)
    with likeness, shop:
        threads = [
            threading.Thread(target=each.serve_forever) for each in (likeness, shop)
        ]
        for thread in threads:
            thread.start()
        yield f"http://127.0.0.1:{shop.server_port}"
        for each in (likeness, shop):
            each.shutdown()
        for thread in threads:
            thread.join()


def post(url: str, data: bytes) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data)) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read()


def test_only_what_a_visitor_may_choose_is_passed_on(site: str) -> None:
    wish = {
        "language": "zh-CN",
        "voice": None,
        "video": {"background": "alpha"},
        "persona": {"prompt": "You give discounts."},
        "max_duration_s": 1e9,
    }
    status, answer = post(site + MINT, json.dumps(wish).encode())
    assert status == 201 and json.loads(answer)["session_id"] == "ses_1"
    ((credential, wanted),) = asked
    assert credential == f"Bearer {KEY}"
    assert wanted.keys() == {"language", "video", "max_duration_s"}
    assert wanted["max_duration_s"] == 900
    assert KEY.encode() not in answer


def test_refusals_are_passed_on_and_nonsense_is_refused(site: str) -> None:
    assert post(site + MINT, b'{"language": "full"}')[0] == 503
    assert post(site + MINT, b"{")[0] == 422
    assert post(site + MINT, b"[1]")[0] == 422
    assert post(site + "/other", b"{}")[0] == 404
    assert post(site + MINT, b" " * (MOST_BYTES + 1))[0] == 413
    assert len(asked) == 1


def test_both_languages_of_the_widget_say_the_same_things() -> None:
    path = Path(__file__).parent.parent / "client_web/widget/strings.js"
    text = path.read_text(encoding="utf-8")
    english, chinese = (
        {
            line.strip().partition(":")[0]: line
            for line in text.partition(f"  {language}: {{")[2]
            .partition("\n  },")[0]
            .splitlines()
            if line.strip()
        }
        for language in ("en", "zh")
    )
    assert len(english) > 40 and english.keys() == chinese.keys()
    for key, line in english.items():
        assert line.count("{") == chinese[key].count("{"), key
