"""Keys, tokens and pages: who may do what, and nobody more than that."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from websockets.asyncio.client import connect

from server.app import create_app
from server.auth import EXTENSION_ORIGIN
from server.rate import Bucket
from server.tokens import Claims, Tokens
from tests.fakes import FAKE_PARTS, fake_settings
from tests.live_server import Live, serving
from tests.test_api import calling, refused
from tests.test_control import address, receive, send

SECRET = "s" * 32
KEYS = {
    "shop": {"key": "shop-key", "origins": ["https://shop.example"]},
    "wall": {"key": "wall-key", "origins": ["https://wall.example"]},
}


def bearer(credential: str, **more: str) -> dict[str, str]:
    return {"authorization": f"Bearer {credential}", **more}


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    settings = fake_settings(
        tmp_path, host="0.0.0.0", api_keys=KEYS, token_secret=SECRET
    )
    async with calling(create_app(settings, FAKE_PARTS)) as client:
        yield client


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    settings = fake_settings(tmp_path, api_key="k", commands_per_second=20)
    async with serving(create_app(settings, FAKE_PARTS)) as live:
        yield live


async def new_session(client: httpx.AsyncClient, key: str) -> dict[str, Any]:
    answer = await client.post("/v1/sessions", json={}, headers=bearer(key))
    assert answer.status_code == 201
    made: dict[str, Any] = answer.json()
    return made


def token_of(url: str) -> str:
    return url.partition("#token=")[2]


async def test_a_token_says_whose_which_and_until_when(
    client: httpx.AsyncClient,
) -> None:
    made = await new_session(client, "shop-key")
    content = jwt.decode(made["token"], SECRET, algorithms=["HS256"])
    assert content["sub"] == "shop" and content["sid"] == made["session_id"]
    assert content["scope"] == "control"
    assert 3590 < content["exp"] - time.time() <= 3601


async def test_forged_tokens(client: httpx.AsyncClient) -> None:
    made = await new_session(client, "shop-key")
    path = f"/v1/sessions/{made['session_id']}"
    good = jwt.decode(made["token"], SECRET, algorithms=["HS256"])
    without_end = {k: v for k, v in good.items() if k != "exp"}
    without_family = {k: v for k, v in good.items() if k != "fam"}
    forged = [
        jwt.encode(good, "x" * 32, "HS256"),
        jwt.encode(good, "", "none"),
        jwt.encode(without_end, SECRET, "HS256"),
        jwt.encode(without_family, SECRET, "HS256"),
        jwt.encode(good | {"iss": "other"}, SECRET, "HS256"),
        jwt.encode(good | {"scope": "all"}, SECRET, "HS256"),
        jwt.encode(good | {"scope": 1}, SECRET, "HS256"),
        jwt.encode(good | {"sub": "nobody"}, SECRET, "HS256"),
        jwt.encode(good | {"sub": 1}, SECRET, "HS256"),
        made["token"][:-4] + "AAAA",
        "a.b.c",
        "rubbish",
    ]
    for token in forged:
        answer = await client.get(path, headers=bearer(token))
        refused(answer, 401, "token_invalid")
    old = jwt.encode(good | {"exp": 1}, SECRET, "HS256")
    refused(await client.get(path, headers=bearer(old)), 401, "token_expired")
    assert (await client.get(path, headers=bearer(made["token"]))).status_code == 200


async def test_who_may_only_watch(client: httpx.AsyncClient) -> None:
    made = await new_session(client, "shop-key")
    path = f"/v1/sessions/{made['session_id']}"
    view = bearer(token_of(made["view_url"]))
    seen = (await client.get(path, headers=view)).json()
    assert seen["scope"] == "view" and seen["state"] == "idle"
    for _ in range(2):
        command = {"type": "avatar.speak_text", "text": "no"}
        answer = await client.post(f"{path}/commands", json=command, headers=view)
        refused(answer, 403, "scope_missing")
        refused(await client.delete(path, headers=view), 403, "scope_missing")
        answer = await client.post(f"{path}/tokens", headers=view)
        refused(answer, 403, "key_needed")
        # What it renews does not become more.
        renewed = (await client.post(f"{path}/keepalive", headers=view)).json()
        assert renewed["scope"] == "view"
        view = bearer(renewed["token"])


async def test_the_key_makes_tokens_of_either_scope(client: httpx.AsyncClient) -> None:
    made = await new_session(client, "shop-key")
    path = f"/v1/sessions/{made['session_id']}"
    answer = await client.post(
        f"{path}/tokens", json={"scope": "view"}, headers=bearer("shop-key")
    )
    assert answer.status_code == 201 and answer.json()["scope"] == "view"
    token = answer.json()["token"]
    assert token == token_of(answer.json()["embed_url"])
    assert (await client.get(path, headers=bearer(token))).json()["scope"] == "view"
    bad = {"scope": "everything"}
    answer = await client.post(f"{path}/tokens", json=bad, headers=bearer("shop-key"))
    refused(answer, 422, "bad_request")


async def test_keys_do_not_see_each_others_sessions(client: httpx.AsyncClient) -> None:
    made = await new_session(client, "shop-key")
    path = f"/v1/sessions/{made['session_id']}"
    other = bearer("wall-key")
    refused(await client.get(path, headers=other), 403, "session_foreign")
    refused(await client.delete(path, headers=other), 403, "session_foreign")
    assert (await client.get("/v1/sessions", headers=other)).json()["sessions"] == []
    theirs = await new_session(client, "wall-key")
    answer = await client.get(path, headers=bearer(theirs["token"]))
    refused(answer, 403, "token_wrong")


async def test_each_key_serves_the_pages_of_its_own_sites(
    client: httpx.AsyncClient,
) -> None:
    shop = {"origin": "https://shop.example"}
    wall = {"origin": "https://wall.example"}
    answer = await client.options(
        "/v1/sessions", headers=shop | {"access-control-request-method": "POST"}
    )
    assert answer.headers["access-control-allow-origin"] == shop["origin"]
    assert (
        await client.get("/v1/sessions", headers=bearer("shop-key", **shop))
    ).status_code == 200
    answer = await client.get("/v1/sessions", headers=bearer("shop-key", **wall))
    refused(answer, 403, "origin_not_allowed")
    made = await new_session(client, "shop-key")
    path = f"/v1/sessions/{made['session_id']}"
    answer = await client.get(path, headers=bearer(made["token"], **shop))
    assert answer.status_code == 200
    answer = await client.get(path, headers=bearer(made["token"], **wall))
    refused(answer, 403, "origin_not_allowed")


async def test_our_own_extension_is_no_foreign_site(client: httpx.AsyncClient) -> None:
    ours = bearer("shop-key", origin=EXTENSION_ORIGIN)
    made = await client.post("/v1/sessions", json={}, headers=ours)
    assert made.status_code == 201
    path = f"/v1/sessions/{made.json()['session_id']}"
    answer = await client.get(
        path, headers=bearer(made.json()["token"], origin=EXTENSION_ORIGIN)
    )
    assert answer.status_code == 200
    other = "chrome-extension://abcdefghijklmnopabcdefghijklmnop"
    answer = await client.post(
        "/v1/sessions", json={}, headers=bearer("shop-key", origin=other)
    )
    refused(answer, 403, "origin_not_allowed")


async def test_a_watching_socket_hears_and_cannot_speak(live: Live) -> None:
    made = await new_session(live.http, "k")
    url = address(live, made["ws_url"])
    async with (
        connect(f"{url}?token={token_of(made['view_url'])}") as watcher,
        connect(f"{url}?token={made['token']}") as owner,
    ):
        await send(watcher, "avatar.interrupt")
        assert (await receive(watcher, "error"))["code"] == "scope_missing"
        await watcher.send(b"\0\0")
        assert (await receive(watcher, "error"))["code"] == "scope_missing"
        await send(watcher, "session.keep_alive")
        token = (await receive(watcher, "session.token"))["token"]
        content = jwt.decode(token, options={"verify_signature": False})
        assert content["scope"] == "view"
        await send(owner, "avatar.speak_text", text="hello")
        await send(owner, "avatar.interrupt")
        assert await receive(watcher, "avatar.speech_interrupted")


async def test_a_flood_of_commands_is_refused_once(live: Live) -> None:
    made = await new_session(live.http, "k")
    url = f"{address(live, made['ws_url'])}?token={made['token']}"
    async with connect(url) as socket:
        for _ in range(150):
            await send(socket, "avatar.interrupt")
        assert (await receive(socket, "error"))["code"] == "too_many_commands"
        command = {"type": "avatar.interrupt"}
        path = f"/v1/sessions/{made['session_id']}/commands"
        answer = await live.http.post(path, json=command, headers=bearer("k"))
        refused(answer, 429, "too_many_commands")
        assert answer.headers["retry-after"] == "1"


def test_a_family_lives_as_long_as_its_last_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now_s = 1_000.5
    monkeypatch.setattr("server.tokens.time.time", lambda: now_s)
    tokens = Tokens(SECRET, 10)
    one, two = (Claims("local", "ses_a", "control", name) for name in "ab")
    grant = tokens.mint(one)
    assert (grant.expires_at.timestamp(), grant.expires_in_s) == (1_011, 10)
    assert tokens.left_s("a") == 10.5 and tokens.left_s("b") < 0
    tokens.mint(two)
    now_s = 1_008
    tokens.mint(two)
    now_s = 1_012
    assert tokens.left_s("a") < 0 < tokens.left_s("b")
    for n in range(100):
        now_s += 11
        tokens.mint(Claims("local", "ses_a", "view", str(n)))
    assert len(tokens._ends) < 5, "what is over is forgotten"


def test_another_servers_token_of_the_same_secret_has_its_own_end() -> None:
    claims = Claims("local", "ses_a", "control", "a")
    token = Tokens(SECRET, 60).mint(claims).token
    restarted = Tokens(SECRET, 3_600)
    assert restarted.read(token) == claims
    assert 50 < restarted.left_s("a") <= 61


def test_tokens_without_a_secret_are_of_one_server_alone() -> None:
    claims = Claims("local", "ses_a", "control", "a")
    one, other = Tokens(None, 60), Tokens(None, 60)
    token = one.mint(claims).token
    assert one.read(token) == claims
    with pytest.raises(Exception, match="not a token of this server"):
        other.read(token)


def test_a_bucket_fills_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 0.0
    monkeypatch.setattr("server.rate.time.monotonic", lambda: now_s)
    bucket = Bucket(per_s=2, burst=3)
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    now_s = 1.0
    assert [bucket.take() for _ in range(3)] == [True, True, False]
