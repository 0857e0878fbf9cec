"""Pages that everybody can use: axe-core finds nothing serious, in light and dark."""

from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser.axe import faults
from tests.browser.server_process import Server
from tests.browser.visitor import open_page, wait_live

schemes = pytest.mark.parametrize("scheme", ["light", "dark"])


@schemes
def test_the_conversation(browser: Browser, server: Server, scheme: Any) -> None:
    page = open_page(
        browser,
        server.talk,
        color_scheme=scheme,
        reduced_motion="reduce",
        viewport={"width": 800, "height": 600},
    )
    wait_live(page)
    assert faults(page) == []
    for button, sheet in (
        ("#voice-button", "#voice-dialog"),
        ("#portrait-button", "#portrait-dialog"),
        ("#talk-button", "#talk"),
    ):
        page.click(button)
        page.wait_for_selector(sheet)
        assert faults(page, sheet) == []
        page.keyboard.press("Escape")
    page.context.close()


@schemes
def test_the_start_page(browser: Browser, server: Server, scheme: Any) -> None:
    page = open_page(browser, server.url, color_scheme=scheme, reduced_motion="reduce")
    page.wait_for_selector("#film-button")
    assert faults(page) == []
    page.context.close()


@schemes
@pytest.mark.parametrize("path", ["docs/", "call.html"])
def test_what_is_to_be_read(
    browser: Browser, server: Server, path: str, scheme: Any
) -> None:
    page = open_page(browser, f"{server.url}/{path}", color_scheme=scheme)
    page.wait_for_selector("article, #address:not(:empty)")
    assert faults(page) == []
    page.context.close()


@schemes
def test_the_playground(browser: Browser, server: Server, scheme: Any) -> None:
    page = open_page(
        browser,
        f"{server.url}/playground.html",
        color_scheme=scheme,
        reduced_motion="reduce",
    )
    page.wait_for_selector("body[data-phase=live]", timeout=30_000)
    page.click("#send")
    page.fill("#json", '{"type": "avatar.sing"}')
    page.click("#send")
    page.wait_for_selector("#rows [data-failed]")
    page.fill("#json", "{")
    page.locator("summary").last.click()
    for fold in page.locator(".card > details > summary").all():
        fold.click()
    assert faults(page) == []
    page.context.close()


def test_a_fault_is_found(browser: Browser, files_url: str) -> None:
    page = open_page(browser, f"{files_url}/")
    page.wait_for_selector("#film-button")
    page.evaluate("document.querySelector('#talk').replaceChildren()")
    assert [fault.partition(":")[0] for fault in faults(page)] == ["link-name"]
    page.context.close()
