"""The routes: right answers, right refusals, never a stack trace."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from server.app import create_app
from tests.fakes import FAKE_PARTS, fake_settings


@contextlib.asynccontextmanager
async def calling(app: FastAPI, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an app that has started."""
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost", headers=headers
        ) as client:
            yield client


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with calling(create_app(fake_settings(tmp_path), FAKE_PARTS)) as client:
        yield client


def refused(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.json()["message"]


async def test_a_session_from_birth_to_death(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/sessions", json={})
    assert answer.status_code == 201
    made = answer.json()
    assert made["identity"] == "default" and made["ice_servers"] == []
    path = f"/v1/sessions/{made['session_id']}"
    assert made["offer_url"] == f"{path}/offer"
    state = (await client.get(path)).json()
    assert (state["state"], state["viewers"]) == ("idle", 0)
    listed = (await client.get("/v1/sessions")).json()
    assert [each["session_id"] for each in listed["sessions"]] == [made["session_id"]]
    command = {"type": "avatar.speak_text", "text": "hi", "event_id": "e"}
    answer = await client.post(f"{path}/commands", json=command)
    assert (answer.status_code, answer.json()) == (202, {"event_id": "e"})
    assert (await client.post(f"{path}/keepalive")).json()["expires_at"]
    for _ in range(2):
        assert (await client.delete(path)).status_code == 204
    await asyncio.sleep(0.05)
    refused(await client.get(path), 410, "session_gone")
    assert (await client.delete(path)).status_code == 204


async def test_parallel_requests_cannot_exceed_the_slots(tmp_path: Path) -> None:
    app = create_app(fake_settings(tmp_path, max_sessions=3), FAKE_PARTS)
    async with calling(app) as client:
        answers = await asyncio.gather(
            *(client.post("/v1/sessions", json={}) for _ in range(12))
        )
        codes = sorted(answer.status_code for answer in answers)
        assert codes == [201] * 3 + [503] * 9
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["code"]) == (503, "server_full")
        assert int(ready.headers["retry-after"]) > 0
        full = next(answer for answer in answers if answer.status_code == 503)
        refused(full, 503, "server_full")
        assert int(full.headers["retry-after"]) > 0


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"identity": "nobody"}, 404, "identity_unknown"),
        ({"identity": "../../etc/passwd"}, 404, "identity_unknown"),
        ({"voice": "nobody"}, 422, "voice_unknown"),
        ({"language": "tlh"}, 422, "voice_unknown"),
        ({"video": {"width": 64, "height": 64}}, 422, "bad_request"),
        ({"video": {"width": 511, "height": 511}}, 422, "bad_request"),
        ({"surprise": 1}, 422, "bad_request"),
        ({"idle_timeout_s": -1}, 422, "bad_request"),
    ],
)
async def test_sessions_that_cannot_be(
    client: httpx.AsyncClient, body: dict[str, Any], status: int, code: str
) -> None:
    refused(await client.post("/v1/sessions", json=body), status, code)
    assert (await client.get("/v1/sessions")).json()["sessions"] == []


async def test_unknown_sessions_and_routes(client: httpx.AsyncClient) -> None:
    refused(await client.get("/v1/sessions/ses_x"), 404, "session_unknown")
    refused(await client.delete("/v1/sessions/ses_x"), 404, "session_unknown")
    refused(await client.get("/v1/nothing"), 404, "not_found")
    refused(await client.put("/v1/sessions"), 405, "method_not_allowed")


async def test_bad_offers_and_commands(client: httpx.AsyncClient) -> None:
    made = (await client.post("/v1/sessions", json={})).json()
    offer, path = made["offer_url"], f"/v1/sessions/{made['session_id']}"
    for sdp in (
        "",
        "v=0",
        "v=0\r\nm=audio",
        "\0",
        "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n",
    ):
        answer = await client.post(offer, json={"sdp": sdp, "type": "offer"})
        refused(answer, 400, "bad_sdp")
    answer = await client.post(offer, json={"sdp": "v=0", "type": "answer"})
    refused(answer, 422, "bad_request")
    typed = {"content-type": "application/json"}
    answer = await client.post(offer, content=b'{"sdp": ', headers=typed)
    refused(answer, 422, "bad_request")
    assert answer.json()["message"] == "The body is no JSON, from character 8 on."
    long = {"type": "avatar.speak_text", "text": "x" * 20_001}
    refused(await client.post(f"{path}/commands", json=long), 413, "text_too_long")
    huge = b"x" * 1_000_001
    refused(await client.post(f"{path}/commands", content=huge), 413, "body_too_large")
    pcm = {"type": "avatar.speak_audio", "sample_rate": 8000, "audio": "?"}
    refused(await client.post(f"{path}/commands", json=pcm), 422, "bad_audio")
    assert (await client.get(path)).json()["viewers"] == 0


async def test_what_is_no_json_is_told_so(client: httpx.AsyncClient) -> None:
    """As curl -d sends it where nobody names a type."""
    body = b'{"language": "en-US"}'
    for kind in ("application/x-www-form-urlencoded", "text/plain", None):
        headers = {"content-type": kind} if kind else {}
        answer = await client.post("/v1/sessions", content=body, headers=headers)
        refused(answer, 415, "wrong_content_type")
        assert "application/json" in answer.json()["message"]
    photo = await client.post("/v1/identities", json={"prompt": "A woman"})
    refused(photo, 415, "wrong_content_type")
    assert (await client.get("/v1/sessions")).json()["sessions"] == []


async def test_allow_names_what_a_path_takes(client: httpx.AsyncClient) -> None:
    answer = await client.put("/v1/sessions")
    assert answer.headers.get_list("allow") == ["GET, POST"]
    answer = await client.post("/healthz")
    refused(answer, 405, "method_not_allowed")
    assert answer.headers.get_list("allow") == ["GET, HEAD"]
    refused(await client.post("/talk.html"), 405, "method_not_allowed")


async def test_with_a_key_only_those_who_have_it(tmp_path: Path) -> None:
    settings = fake_settings(tmp_path, host="0.0.0.0", api_key="hunter2")
    key = {"authorization": "Bearer hunter2"}
    async with calling(create_app(settings, FAKE_PARTS)) as client:
        for path in ("/v1/sessions", "/v1/voices", "/v1/identities"):
            answer = await client.get(path)
            refused(answer, 401, "key_missing")
            assert answer.headers["www-authenticate"] == "Bearer"
        wrong = {"authorization": "Bearer wrong"}
        refused(await client.get("/v1/voices", headers=wrong), 401, "key_wrong")
        made, other = [
            (await client.post("/v1/sessions", json={}, headers=key)).json()
            for _ in range(2)
        ]
        path = f"/v1/sessions/{made['session_id']}"
        refused(await client.get(path), 401, "token_missing")
        foreign = {"authorization": f"Bearer {other['token']}"}
        refused(await client.get(path, headers=foreign), 403, "token_wrong")
        own = {"authorization": f"Bearer {made['token']}"}
        assert (await client.get(path, headers=own)).status_code == 200
        refused(await client.get("/v1/sessions", headers=own), 403, "key_needed")
        assert (await client.delete(path, headers=key)).status_code == 204


async def test_tokens_expire_and_are_renewed(tmp_path: Path) -> None:
    settings = fake_settings(tmp_path, api_key="k", token_ttl_s=2)
    async with calling(create_app(settings, FAKE_PARTS)) as client:
        key = {"authorization": "Bearer k"}
        made = (await client.post("/v1/sessions", json={}, headers=key)).json()
        path = f"/v1/sessions/{made['session_id']}"
        own = {"authorization": f"Bearer {made['token']}"}
        await asyncio.sleep(1.5)
        answer = await client.post(f"{path}/keepalive", headers=own)
        renewed = {"authorization": f"Bearer {answer.json()['token']}"}
        assert answer.json()["expires_at"] >= made["expires_at"]
        await asyncio.sleep(1.51)
        refused(await client.get(path, headers=own), 401, "token_expired")
        assert (await client.get(path, headers=renewed)).status_code == 200


async def test_other_sites_and_names_are_kept_out(client: httpx.AsyncClient) -> None:
    evil = {"origin": "https://evil.example"}
    answer = await client.post("/v1/sessions", json={}, headers=evil)
    refused(answer, 403, "origin_not_allowed")
    rebound = {"host": "evil.example"}
    answer = await client.get("/v1/sessions", headers=rebound)
    refused(answer, 403, "host_not_allowed")
    own = {"origin": "http://localhost"}
    assert (await client.get("/v1/sessions", headers=own)).status_code == 200


async def test_any_page_may_load_the_client_and_read_why_it_may_do_no_more(
    client: httpx.AsyncClient,
) -> None:
    evil = {"origin": "https://evil.example"}
    script = await client.get("/widget/likeness-avatar.js", headers=evil)
    assert script.status_code == 200 and "javascript" in script.headers["content-type"]
    assert script.headers["access-control-allow-origin"] == "*"
    for path in ("/v1/voices", "/v1/x.js", "/index.html"):
        answer = await client.get(path, headers=evil)
        refused(answer, 403, "origin_not_allowed")
        assert answer.headers["access-control-allow-origin"] == "*"
    answer = await client.post("/widget/likeness-avatar.js", headers=evil)
    refused(answer, 403, "origin_not_allowed")


async def test_allowed_origins_get_cors(tmp_path: Path) -> None:
    settings = fake_settings(tmp_path, allowed_origins=("https://shop.example",))
    async with calling(create_app(settings, FAKE_PARTS)) as client:
        shop = {"origin": "https://shop.example"}
        answer = await client.get("/v1/sessions", headers=shop)
        assert answer.headers["access-control-allow-origin"] == "https://shop.example"
        assert "location" in answer.headers["access-control-expose-headers"]


async def test_too_many_requests(tmp_path: Path) -> None:
    app = create_app(fake_settings(tmp_path, requests_per_minute=5), FAKE_PARTS)
    async with calling(app) as client:
        answers = [await client.get("/v1/sessions") for _ in range(8)]
    assert [answer.status_code for answer in answers[:5]] == [200] * 5
    refused(answers[-1], 429, "too_many_requests")


async def test_figures_are_for_those_with_a_key(tmp_path: Path) -> None:
    closed = {"host": "0.0.0.0", "api_key": "k"}
    app = create_app(fake_settings(tmp_path, **closed), FAKE_PARTS)
    async with calling(app) as client:
        refused(await client.get("/metrics"), 401, "key_missing")
        wrong = {"authorization": "Bearer wrong"}
        refused(await client.get("/metrics", headers=wrong), 401, "key_wrong")
        key = {"authorization": "Bearer k"}
        made = (await client.post("/v1/sessions", json={}, headers=key)).json()
        token = {"authorization": f"Bearer {made['token']}"}
        refused(await client.get("/metrics", headers=token), 403, "key_needed")
        assert "likeness_sessions" in (await client.get("/metrics", headers=key)).text
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/readyz")).status_code == 200
    settings = fake_settings(tmp_path, **closed, metrics_open=True)
    async with calling(create_app(settings, FAKE_PARTS)) as client:
        assert "likeness_sessions" in (await client.get("/metrics")).text


async def test_keys_cannot_be_guessed_where_the_figures_are(tmp_path: Path) -> None:
    settings = fake_settings(tmp_path, api_key="k", requests_per_minute=3)
    async with calling(create_app(settings, FAKE_PARTS)) as client:
        answers = [await client.get("/metrics") for _ in range(5)]
    refused(answers[-1], 429, "too_many_requests")


async def test_operations(client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz")).json() == {"status": "alive"}
    ready = (await client.get("/readyz")).json()
    assert ready["ready"] and ready["code"] is None and not ready["draining"]
    for path in ("/healthz", "/readyz"):  # as some load balancers ask
        answer = await client.head(path)
        assert (answer.status_code, answer.content) == (200, b"")
    await client.post("/v1/sessions", json={})
    await asyncio.sleep(0.02)
    metrics = (await client.get("/metrics")).text
    assert "likeness_sessions 1.0" in metrics
    assert "likeness_sessions_begun_total 1.0" in metrics
    for name in (
        "connect_seconds_bucket",
        "first_audio_seconds_bucket",
        "frames_late_total",
        "frames_dropped_total",
        "stage_seconds",
        "queued_utterances 0.0",
        "queued_audio_seconds 0.0",
        "queued_pictures",
        "round_trip_seconds_bucket",
        "packet_loss_ratio_bucket",
    ):
        assert f"likeness_{name}" in metrics
    voices = (await client.get("/v1/voices")).json()
    assert voices["default"] == "fake:en"
    assert [each["language"] for each in voices["voices"]] == ["en-US", "de-DE"]
    page = await client.get("/")
    assert page.headers["x-content-type-options"] == "nosniff"
    schema = (await client.get("/openapi.json")).json()
    assert "/v1/sessions/{session_id}/whep" in schema["paths"]
