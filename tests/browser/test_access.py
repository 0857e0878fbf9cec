"""The page by keyboard, on a phone, and without a word to anybody else."""

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.server_process import Server
from tests.browser.visitor import (
    new_page,
    open_page,
    overhear,
    say,
    tab_to,
    wait_live,
    wait_speaking,
)


def test_the_keyboard_is_enough(page: Page) -> None:
    page.evaluate("document.activeElement?.blur()")
    tab_to(page, "voice-button")
    page.keyboard.press("Enter")
    expect(page.locator("#voice-search")).to_be_focused()
    page.keyboard.type("french")
    page.keyboard.press("Enter")
    expect(page.locator("#voice-dialog")).not_to_be_visible()
    expect(page.locator("#voice-name")).to_contain_text("French")

    tab_to(page, "mode-ask")
    page.keyboard.press("ArrowRight")
    tab_to(page, "text")
    page.keyboard.type("Bonjour,")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("nous parlons encore un moment, et puis encore un moment.")
    assert "\n" in page.input_value("#text")
    page.keyboard.press("Enter")
    assert page.input_value("#text") == ""
    wait_speaking(page, True)
    page.keyboard.press("Escape")
    wait_speaking(page, False)


def test_focus_can_be_seen(page: Page) -> None:
    page.evaluate("document.activeElement?.blur()")
    for element_id in ("voice-button", "portrait-button", "mute-button"):
        tab_to(page, element_id)
        width = page.evaluate(
            "parseFloat(getComputedStyle(document.activeElement).outlineWidth)"
        )
        assert width >= 2, element_id


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_a_phone_has_room_for_everything(
    browser: Browser, server: Server, scheme: Any
) -> None:
    page = open_page(
        browser,
        server.talk,
        viewport={"width": 320, "height": 568},
        color_scheme=scheme,
        is_mobile=True,
        has_touch=True,
        locale="zh-CN" if scheme == "light" else "en-US",
    )
    wait_live(page)
    for opener in (None, "#voice-button", "#portrait-button"):
        if opener:
            page.click(opener)
        outside = page.evaluate(
            """() => [...document.querySelectorAll("button, textarea, input, label")]
              .filter((each) => each.checkVisibility() && !each.closest(".samples"))
              .filter((each) => !each.matches(".unseen"))
              .filter((each) => {
                const { left, right, top } = each.getBoundingClientRect();
                return left < 0 || right > innerWidth || top < 0;
              }).map((each) => each.id)"""
        )
        assert outside == []
        wide = "(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)"
        assert not page.evaluate(f"{wide}(document.documentElement)")
        if opener:
            page.keyboard.press("Escape")
    assert page.evaluate("document.documentElement.lang") == (
        "zh-CN" if scheme == "light" else "en"
    )
    page.context.close()


def test_nothing_is_asked_of_other_sites_and_no_rule_is_broken(
    browser: Browser, server: Server
) -> None:
    page = new_page(browser)
    heard = overhear(page)
    page.goto(server.talk)
    wait_live(page)
    say(page, "Hello.")
    wait_speaking(page, True)
    wait_speaking(page, False)
    assert len(heard.asked) > 5
    assert [url for url in heard.asked if not url.startswith(server.url)] == []
    assert heard.complaints == []
    page.context.close()
