"""What browsers are told to do with the server's pages, and not to do."""

from pathlib import Path

import httpx
import pytest

from server.app import create_app
from server.page_policy import PagePolicy
from tests.fakes import FAKE_PARTS, fake_settings
from tests.test_api import calling

SHOP = "https://shop.example"


def rules(headers: httpx.Headers) -> dict[str, list[str]]:
    text = headers["content-security-policy"]
    parts = [rule.split() for rule in text.split(";")]
    return {name: sources for name, *sources in parts}


async def ask(folder: Path, path: str, **settings: object) -> httpx.Response:
    app = create_app(fake_settings(folder, **settings), FAKE_PARTS)
    async with calling(app) as client:
        return await client.get(path)


@pytest.mark.parametrize("path", ["/", "/talk.html", "/v1/voices", "/missing"])
async def test_every_answer_lets_nothing_in_from_elsewhere(
    tmp_path: Path, path: str
) -> None:
    answer = await ask(tmp_path, path)
    told = rules(answer.headers)
    for name in ("default-src", "script-src", "style-src", "connect-src"):
        assert told[name] == ["'self'"]
    assert told["img-src"] == ["'self'", "data:", "blob:"]
    assert told["object-src"] == told["base-uri"] == ["'none'"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"


async def test_a_refused_page_is_told_too(tmp_path: Path) -> None:
    app = create_app(fake_settings(tmp_path), FAKE_PARTS)
    async with calling(app) as client:
        answer = await client.get("/", headers={"origin": "https://other.example"})
    assert answer.status_code == 403
    sites = rules(answer.headers)["frame-ancestors"]
    assert sites[0] == "'self'" and "https://other.example" not in sites
    assert "*" not in sites


async def test_sites_that_may_use_the_server_may_frame_it(tmp_path: Path) -> None:
    answer = await ask(tmp_path, "/", allowed_origins=(SHOP,))
    assert {"'self'", SHOP} <= set(rules(answer.headers)["frame-ancestors"])
    keys = {"shop": {"key": "k" * 20, "origins": [SHOP]}}
    answer = await ask(tmp_path, "/kiosk.html", api_keys=keys)
    assert {"'self'", SHOP} <= set(rules(answer.headers)["frame-ancestors"])


def framing(policy: PagePolicy, path: str, query: str = "") -> str:
    scope = {"type": "http", "path": path, "query_string": query.encode()}
    text = policy.headers(scope)["content-security-policy"]
    return text.rpartition("frame-ancestors ")[2]


def test_the_address_of_a_session_is_leave_to_frame_it_where_there_is_a_key() -> None:
    policy = PagePolicy([SHOP], is_open=False)
    assert framing(policy, "/talk.html", "session=ses_1") == "*"
    for path, query in (
        ("/talk.html", ""),
        ("/talk.html", "session="),
        ("/", "session=ses_1"),
        ("/v1/sessions", "session=ses_1"),
        ("/x/talk.html", "session=ses_1"),
    ):
        assert framing(policy, path, query) == f"'self' {SHOP}"


def test_on_an_open_server_only_this_machine_and_named_sites_may() -> None:
    policy = PagePolicy([SHOP], is_open=True)
    sources = framing(policy, "/talk.html", "session=ses_1").split()
    assert {"'self'", SHOP, "http://localhost:*", "http://127.0.0.1:*"} <= set(sources)
    assert "*" not in sources
