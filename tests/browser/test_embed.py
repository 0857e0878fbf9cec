"""A session's embed_url: the page as one more viewer of somebody else's session."""

import json
import time
import urllib.request

from playwright.sync_api import Browser

from tests.browser.server_process import Server
from tests.browser.visitor import open_page, sessions, wait_live


def test_the_page_joins_a_session_and_leaves_it_running(
    browser: Browser, server: Server
) -> None:
    owner = open_page(browser, server.url)
    wait_live(owner)
    (begun,) = sessions(server)
    guest = open_page(browser, f"{server.url}/?session={begun}")
    wait_live(guest)
    assert sessions(server) == [begun]
    owner.wait_for_timeout(1_000)
    assert viewers(server, begun) == 2, "neither gives way to the other"
    guest.goto("about:blank")
    guest.context.close()
    owner.wait_for_timeout(500)
    assert sessions(server) == [begun]
    owner.context.close()
    assert_ends(server, begun)


def test_the_address_that_a_session_gives_is_enough(
    browser: Browser, server: Server
) -> None:
    request = urllib.request.Request(
        f"{server.url}/v1/sessions",
        data=b"{}",
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        grant = json.load(answer)
    page = open_page(browser, server.url + grant["embed_url"])
    wait_live(page)
    assert grant["session_id"] in sessions(server)
    page.context.close()


def viewers(server: Server, session_id: str) -> int:
    url = f"{server.url}/v1/sessions/{session_id}"
    with urllib.request.urlopen(url, timeout=10) as answer:
        return int(json.load(answer)["viewers"])


def assert_ends(server: Server, session_id: str) -> None:
    end_s = time.monotonic() + 15
    while session_id in sessions(server):
        assert time.monotonic() < end_s, "the session outlives its owner"
        time.sleep(0.1)
