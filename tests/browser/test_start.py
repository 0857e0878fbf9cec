"""The start page: what a stranger sees first, and where it leads."""

import re
import urllib.error
import urllib.request

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.server_process import Server
from tests.browser.visitor import (
    new_page,
    open_page,
    overhear,
    sessions,
    wait_live,
    wait_until,
)


def status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_every_link_leads_to_a_page(browser: Browser, server: Server) -> None:
    page = open_page(browser, server.url)
    links = page.locator("a[href]:not([href^='#'])").evaluate_all(
        "(links) => links.map((link) => link.getAttribute('href'))"
    )
    assert len(set(links)) >= 6
    for link in sorted(set(links)):
        assert status(f"{server.url}/{link}") == 200, link
    page.context.close()


def test_it_holds_no_session_and_asks_no_other_site(
    browser: Browser, server: Server
) -> None:
    page = new_page(browser)
    heard = overhear(page)
    before = set(sessions(server))
    page.goto(server.url)
    wait_until(page, lambda: seconds_shown(page) > 0.2)
    assert set(sessions(server)) <= before
    assert heard.complaints == []
    assert [url for url in heard.asked if not url.startswith(server.url)] == []
    assert [url for url in heard.asked if "/v1/" in url] == []
    page.context.close()


def test_the_great_button_leads_to_the_portrait(
    browser: Browser, server: Server
) -> None:
    page = open_page(browser, server.url)
    page.get_by_role("link", name="Talk to it").click()
    wait_live(page)
    assert page.url == server.talk
    page.context.close()


def test_the_chosen_language_stays(browser: Browser, server: Server) -> None:
    page = open_page(browser, server.url, locale="fr-FR")
    expect(page.locator("h1")).to_have_text("A photograph that talks with you")
    page.get_by_text("中文").click()
    expect(page.locator("h1")).to_have_text("一张会和你聊天的照片")
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    page.reload()
    expect(page.locator("h1")).to_have_text("一张会和你聊天的照片")
    expect(page.locator("#language-zh")).to_be_checked()
    page.click("#talk")
    expect(page.locator("#interrupt")).to_have_attribute("aria-label", "打断")
    page.context.close()


def test_a_chinese_visitor_is_met_in_chinese(browser: Browser, server: Server) -> None:
    page = open_page(browser, server.url, locale="zh-CN")
    expect(page.locator("#talk")).to_have_text("和它聊聊")
    page.context.close()


def seconds_shown(page: Page) -> float:
    return float(page.evaluate("document.getElementById('film').currentTime"))


def is_paused(page: Page) -> bool:
    return bool(page.evaluate("document.getElementById('film').paused"))


def test_the_film_can_be_stopped_and_goes_on(browser: Browser, server: Server) -> None:
    page = open_page(browser, server.url)
    wait_until(page, lambda: seconds_shown(page) > 0.2)
    page.get_by_role("button", name="Pause the film").click()
    wait_until(page, lambda: is_paused(page))
    page.get_by_role("button", name="Play the film").click()
    wait_until(page, lambda: not is_paused(page))
    page.context.close()


def test_nothing_moves_for_whom_motion_is_too_much(
    browser: Browser, server: Server
) -> None:
    page = open_page(browser, server.url, reduced_motion="reduce")
    expect(page.get_by_role("button", name="Play the film")).to_be_visible()
    page.wait_for_timeout(500)
    assert seconds_shown(page) == 0
    page.context.close()


def test_a_key_in_the_address_is_kept_and_taken_out_of_it(
    browser: Browser, server: Server
) -> None:
    page = open_page(browser, f"{server.url}/#key=abc")
    expect(page.locator("#film-button")).to_be_visible()
    assert page.url == f"{server.url}/"
    assert page.evaluate("localStorage.getItem('likeness.key')") == "abc"
    page.context.close()


@pytest.mark.parametrize("width", [320, 360, 768, 1440])
def test_nothing_is_wider_than_the_window(
    browser: Browser, server: Server, width: int
) -> None:
    page = open_page(browser, server.url, viewport={"width": width, "height": 800})
    expect(page.locator("#film-button")).to_be_visible()
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width
    low = page.locator("#talk").bounding_box()
    assert low and low["y"] + low["height"] < 800, "the button is in the first view"
    page.context.close()


def test_the_words_say_what_readers_of_the_page_hear(
    browser: Browser, server: Server
) -> None:
    page = open_page(browser, server.url)
    name = page.locator("#film").get_attribute("aria-label")
    assert name and re.search("Grace Hopper", name)
    headings = page.locator("h1, h2, h3").evaluate_all(
        "(all) => all.map((each) => each.tagName)"
    )
    assert headings == ["H1", "H2", *["H3"] * 6]
    page.context.close()
