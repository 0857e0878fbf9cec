"""Rubbish of every kind: no internal error, and nothing left behind.

A short form for every run; HYPOTHESIS_EXAMPLES=5000 makes a long one.
"""

import asyncio
import base64
import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.sync.client import connect

from models.media import PLAYOUT_RATE_HZ
from tests.fuzzed_server import Fuzzed, fuzzed_server
from tests.test_session import dead_offer

EXAMPLES = int(os.environ.get("HYPOTHESIS_EXAMPLES", "60"))
fuzz = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
SDP = {"content-type": "application/sdp"}
FRAGMENT = {"content-type": "application/trickle-ice-sdpfrag"}
OFFER = asyncio.run(dead_offer()).splitlines()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzed]:
    with fuzzed_server(tmp_path_factory.mktemp("fuzz")) as server:
        path = server.new_session()  # what is made once is there before it is counted
        server.http.post(f"{path}/whep", content="\r\n".join(OFFER), headers=SDP)
        server.end_all()
        yield server


@pytest.fixture
def path(server: Fuzzed) -> Iterator[str]:
    """A session; afterwards everything that it had must be gone."""
    tasks = server.tasks()
    yield server.new_session()
    server.end_all()
    server.until(lambda: server.tasks() <= tasks)
    metrics = server.http.get("/metrics").text
    assert "likeness_sessions 0.0" in metrics
    assert "likeness_viewers 0.0" in metrics
    assert 'likeness_refused_total{code="internal"}' not in metrics


words = st.text(max_size=30)
numbers = st.one_of(st.integers(), st.integers(-1, 70_000)).map(str)
junk = st.one_of(
    words, numbers, st.sampled_from(["", "0", "-1", "*", "a=", "m=video 9"])
)


@st.composite
def descriptions(draw: st.DrawFn) -> bytes:
    """An offer with some of its lines lost, doubled, garbled, or replaced."""
    lines = list(OFFER)
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(lines) - 1))
        match draw(st.integers(0, 4)):
            case 0:
                del lines[at]
            case 1:
                lines.insert(at, lines[at])
            case 2:
                lines[at] = draw(junk)
            case 3:
                fields = lines[at].split(" ")
                fields[draw(st.integers(0, len(fields) - 1))] = draw(junk)
                lines[at] = " ".join(fields)
            case _:
                name, colon, _ = lines[at].partition(":")
                lines[at] = f"{name}{colon}{draw(junk)}"
        lines = lines or [""]
    end = draw(st.sampled_from(["\r\n", "\n"]))
    return (end.join(lines) + end).encode("utf-8", "surrogatepass")


@fuzz
@given(st.one_of(descriptions(), st.binary(max_size=200)))
def test_session_descriptions(server: Fuzzed, path: str, sdp: bytes) -> None:
    answer = server.http.post(f"{path}/whep", content=sdp, headers=SDP)
    assert answer.status_code in (201, 400), answer.text
    if answer.status_code == 201:
        gone = server.http.delete(answer.headers["location"])
        assert gone.status_code == 200
    body = {"sdp": sdp.decode(errors="replace"), "type": "offer"}
    answer = server.http.post(f"{path}/offer", json=body)
    assert answer.status_code in (200, 400), answer.text


candidates = st.builds(
    "a=candidate:{} {} {} {} {} {} typ {} {}".format,
    *(junk, junk, st.sampled_from(["udp", "tcp", "x"]), numbers),
    st.sampled_from(["127.0.0.1", "::1", "a.local", "evil.example", "999.1.1.1", ""]),
    *(numbers, st.sampled_from(["host", "srflx", "relay", "x"]), junk),
)
fragments = st.lists(
    st.one_of(
        candidates,
        st.sampled_from(["a=mid:0", "a=mid:7", "a=end-of-candidates", "a=ice-pwd:x"]),
        st.builds("a=ice-ufrag:{}".format, words),
        junk,
    ),
    max_size=20,
).map("\r\n".join)


def new_viewer(server: Fuzzed, path: str) -> tuple[str, str]:
    """Where a WHEP viewer is, and its tag."""
    sdp = "\r\n".join(x for x in OFFER if "candidate" not in x) + "\r\n"
    answer = server.http.post(f"{path}/whep", content=sdp, headers=SDP)
    assert answer.status_code == 201, answer.text
    return answer.headers["location"], answer.headers["etag"]


@fuzz
@given(st.one_of(fragments.map(str.encode), st.binary(max_size=200)))
def test_trickled_fragments(server: Fuzzed, path: str, fragment: bytes) -> None:
    where, tag = new_viewer(server, path)
    headers = FRAGMENT | {"if-match": tag}
    answer = server.http.patch(where, content=fragment, headers=headers)
    assert answer.status_code in (204, 400, 422), answer.text
    # Whoever sends rubbish may still go on, unless it said that no more comes.
    good = server.http.patch(where, content="a=mid:0\r\n", headers=headers)
    assert good.status_code == 204 or b"end-of-candidates" in fragment
    assert server.http.delete(where).status_code in (200, 404)


TYPES = (
    "avatar.speak_text",
    "avatar.speak_stream",
    "avatar.speak_audio",
    "avatar.speak_end",
    "avatar.respond",
    "avatar.interrupt",
    "avatar.start_listening",
    "avatar.stop_listening",
    "avatar.set",
    "session.keep_alive",
    "x",
)
values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=60),
        st.sampled_from(["happy", "blur", "#fff", "data:image/png;base64,AAAA", "a1"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(words, inner, max_size=3)
    ),
    max_leaves=5,
)
commands = st.fixed_dictionaries(
    {"type": st.sampled_from(TYPES)},
    optional={
        "text": st.one_of(st.text(max_size=200), values),
        "event_id": values,
        "stream_id": st.one_of(st.sampled_from(["a1", "b2"]), values),
        "end": st.one_of(st.booleans(), values),
        "sample_rate": st.one_of(st.integers(7_000, 49_000), values),
        "audio": st.one_of(st.binary(max_size=90).map(base64.b64encode), values),
        "emotion": values,
        "expressivity": st.one_of(st.floats(-1, 2), values),
        "background": values,
        "voice": values,
        "language": values,
        "more": values,
    },
)


def as_json(command: Any) -> str:
    def known(value: Any) -> str:
        return bytes(value).decode()

    return json.dumps(command, default=known)


@fuzz
@given(st.one_of(commands.map(as_json), values.map(as_json), st.text(max_size=90)))
def test_commands_by_http(server: Fuzzed, path: str, command: str) -> None:
    content = command.encode("utf-8", "surrogatepass")
    answer = server.http.post(f"{path}/commands", content=content)
    assert answer.status_code == 202 or 400 <= answer.status_code < 500, answer.text
    body = server.http.post(
        "/v1/sessions", content=content, headers={"content-type": "application/json"}
    )
    assert body.status_code in (201, 422), body.text
    if body.status_code == 201:
        session_id = body.json()["session_id"]
        server.http.delete(f"/v1/sessions/{session_id}")


@settings(fuzz, max_examples=max(5, EXAMPLES // 6))
@given(
    st.lists(
        st.one_of(commands.map(as_json), st.text(max_size=60), st.binary(max_size=200)),
        max_size=40,
    )
)
def test_messages_by_websocket(
    server: Fuzzed, path: str, messages: list[str | bytes]
) -> None:
    url = f"{server.live.url.replace('http', 'ws')}{path}/events"
    with connect(url) as socket:
        for message in messages:
            if isinstance(message, str):
                message = message.encode("utf-8", "replace").decode()
            socket.send(message)
        socket.send('{"type": "session.keep_alive"}')
        while json.loads(socket.recv(10))["type"] != "session.token":
            pass


@settings(fuzz, max_examples=max(10, EXAMPLES // 2))
@given(
    st.integers(8_000, 48_000),
    st.lists(st.binary(max_size=4_000), max_size=6),
    st.booleans(),
)
def test_sound_of_any_rate_in_any_chunks(
    server: Fuzzed, path: str, rate_hz: int, chunks: list[bytes], cut: bool
) -> None:
    """It is played to its end, however odd; what is cut is cut."""
    session = server.session(path)

    async def play() -> None:
        session.speech.viewer_came()
        session.speech.speak_audio(rate_hz, b"", "fuzz")
        for chunk in chunks:
            session.speech.append_audio(chunk)
        if cut:
            session.interrupt()
        session.speech.speak_end()

    server.run(play())
    server.until(lambda: not session.speech.busy)
    assert not session.over
    seconds = sum(map(len, chunks)) / 2 / rate_hz
    assert session.playout.media_samples >= (0 if cut else seconds * PLAYOUT_RATE_HZ)


names = st.sampled_from(
    [
        "authorization",
        "accept",
        "content-type",
        "if-match",
        "origin",
        "host",
        "sec-websocket-protocol",
        "access-control-request-method",
        "access-control-request-headers",
        "x-forwarded-for",
        "x-forwarded-proto",
        "range",
        "cookie",
    ]
)
header_values = st.one_of(
    st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60),
    st.sampled_from(["Bearer a.b.c", "Bearer", "*", '"', "null", "bytes=9-1", "[::1"]),
).map(str.strip)


@fuzz
@given(
    st.dictionaries(names, header_values, max_size=4),
    st.sampled_from(["GET", "POST", "PATCH", "DELETE", "OPTIONS", "HEAD", "PUT"]),
    st.sampled_from(["", "/whep", "/offer", "/commands", "/tokens", "/keepalive"]),
)
def test_headers(
    server: Fuzzed, path: str, headers: dict[str, str], method: str, route: str
) -> None:
    if method == "DELETE" and not route:
        route = "/whep"
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    answer = server.http.request(method, f"{path}{route}", headers=raw, content=b"x")
    assert answer.status_code < 500, answer.text
    assert server.http.get(path).status_code == 200
