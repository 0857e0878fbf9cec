"""A session's embed_url: the page as one more viewer of somebody else's session."""

import json
import time
import urllib.error
import urllib.request

from playwright.sync_api import Browser, expect

from tests.browser.server_process import Server
from tests.browser.visitor import open_page, sessions, wait_live


def test_the_page_joins_a_session_and_leaves_it_running(
    browser: Browser, server: Server
) -> None:
    others = set(sessions(server))  # that tests before left to end by themselves
    owner = open_page(browser, server.talk)
    wait_live(owner)
    (begun,) = set(sessions(server)) - others
    guest = open_page(browser, f"{server.talk}?session={begun}")
    wait_live(guest)
    assert set(sessions(server)) - others == {begun}
    owner.wait_for_timeout(1_000)
    assert viewers(server, begun) == 2, "neither gives way to the other"
    guest.goto("about:blank")
    guest.context.close()
    owner.wait_for_timeout(500)
    assert set(sessions(server)) - others == {begun}
    owner.context.close()
    assert_ends(server, begun)


def new_session(server: Server) -> dict[str, str]:
    """Asked for again while the machine is too busy for one more."""
    end_s = time.monotonic() + 30
    while True:
        try:
            return asked_session(server)
        except urllib.error.HTTPError as error:
            if error.code != 503 or time.monotonic() > end_s:
                raise
        time.sleep(1)


def asked_session(server: Server) -> dict[str, str]:
    request = urllib.request.Request(
        f"{server.url}/v1/sessions",
        data=b"{}",
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        grant: dict[str, str] = json.load(answer)
    return grant


def test_a_link_for_watching_shows_the_portrait_and_no_controls(
    browser: Browser, server: Server
) -> None:
    page = open_page(browser, server.url + new_session(server)["view_url"])
    wait_live(page)
    for control in ("#composer", "#voice-button", "#portrait-button"):
        expect(page.locator(control)).not_to_be_visible()
    expect(page.locator("#mute-button")).to_be_visible()
    page.context.close()


def test_the_address_that_a_session_gives_is_enough(
    browser: Browser, server: Server
) -> None:
    grant = new_session(server)
    page = open_page(browser, server.url + grant["embed_url"])
    wait_live(page)
    expect(page.locator("#composer")).to_be_visible()
    assert grant["session_id"] in sessions(server)
    page.context.close()


def test_a_link_from_before_the_start_page_still_leads_to_its_session(
    browser: Browser, server: Server
) -> None:
    grant = new_session(server)
    page = open_page(browser, server.url + grant["embed_url"].replace("talk.html", ""))
    wait_live(page)
    assert page.url == server.url + grant["embed_url"]
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
