"""The reference at /docs/: what the server says of itself, to be read."""

import json
import urllib.request

from playwright.sync_api import Browser, expect

from tests.browser.server_process import Server
from tests.browser.visitor import open_page


def test_it_has_every_route_command_and_event(browser: Browser, server: Server) -> None:
    with urllib.request.urlopen(f"{server.url}/openapi.json", timeout=10) as answer:
        description = json.load(answer)
    page = open_page(browser, f"{server.url}/docs")
    assert page.url == f"{server.url}/docs/"
    expect(page.locator("#event-list article").first).to_be_visible()
    schemas = description["components"]["schemas"]
    for family, place in (("Command", "#command-list"), ("Event", "#event-list")):
        shown = page.locator(f"{place} h3 code").all_text_contents()
        assert shown == list(schemas[family]["discriminator"]["mapping"])
    routes = {
        f"{method.upper()} {path}"
        for path, operations in description["paths"].items()
        for method in operations
        if method != "head"
    }
    shown = page.locator("#route-list h3").all_text_contents()
    assert set(shown) == routes
    page.get_by_role("link", name="avatar.speak_text").click()
    fields = page.locator("[id='avatar.speak_text'] th").all_text_contents()
    assert fields[0] == "text" and {"voice", "language", "emotion"} < set(fields)
    expect(page.locator("[id='avatar.speak_text']")).to_be_in_viewport()
    page.context.close()
