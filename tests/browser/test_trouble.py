"""What the page does when something is in its way."""

import re

from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.server_process import Server
from tests.browser.visitor import new_page, say, wait_live, wait_speaking

# A browser's autoplay policy: no sound before the visitor has touched the page.
REFUSE_SOUND = """
  const play = HTMLMediaElement.prototype.play;
  let touched = false;
  addEventListener("pointerdown", () => (touched = true), { capture: true });
  HTMLMediaElement.prototype.play = function () {
    if (touched || this.muted) return play.call(this);
    return Promise.reject(new DOMException("no gesture yet", "NotAllowedError"));
  };
"""


def test_media_that_cannot_pass_is_said_in_plain_words(
    browser: Browser, server: Server
) -> None:
    """An answer without addresses is what a blocked UDP port looks like from here."""
    page = new_page(browser)

    def block(route: Route) -> None:
        answer = route.fetch().json()
        sdp = re.sub(r"a=candidate:.*\r\n", "", answer["sdp"])
        route.fulfill(json=answer | {"sdp": sdp})

    page.route("**/offer", block)
    page.goto(server.talk)
    expect(page.locator("#notice-text")).to_contain_text("firewall", timeout=40_000)
    page.unroute_all(behavior="ignoreErrors")  # one may be on its way
    page.context.close()


def test_a_full_server_is_said_in_plain_words(browser: Browser, server: Server) -> None:
    page = new_page(browser)
    refused = {"code": "server_full", "message": "All sessions are in use."}

    def refuse(route: Route) -> None:
        route.fulfill(status=503, json=refused, headers={"retry-after": "1"})

    page.route("**/v1/sessions", refuse)
    page.goto(server.talk)
    expect(page.locator("#status-text")).to_contain_text("places are taken")
    page.unroute("**/v1/sessions")
    wait_live(page)
    page.context.close()


def test_without_leave_to_play_sound_it_begins_muted(
    browser: Browser, server: Server
) -> None:
    page = new_page(browser)
    page.add_init_script(REFUSE_SOUND)
    page.goto(server.talk)
    wait_live(page)
    expect(page.locator("#hear")).to_be_visible()
    assert page.evaluate("document.getElementById('video').muted")
    page.click("#hear")
    expect(page.locator("#hear")).not_to_be_visible()
    assert not page.evaluate("document.getElementById('video').muted")
    page.context.close()


def test_it_comes_back_after_the_server_was_killed(page: Page, server: Server) -> None:
    server.kill()
    server.start()
    page.wait_for_selector("body:not([data-phase=live])", timeout=15_000)
    page.wait_for_selector("body[data-phase=live]", timeout=40_000)
    wait_live(page)
    say(page, "Here I am again.")
    wait_speaking(page, True)
