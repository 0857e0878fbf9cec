"""What a visitor does with the widget on somebody's page, and what comes of it."""

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser.foreign_site import ForeignSite

WAIT_MS = 30_000
# What the page's policy stopped, and what the widget told the page.
WATCH = """
globalThis.stopped = [];
globalThis.told = [];
document.addEventListener("securitypolicyviolation", (event) =>
  stopped.push(`${event.violatedDirective} ${event.blockedURI}`));
for (const name of ["open", "close", "message", "handover", "phase", "error"]) {
  document.addEventListener(`likeness-${name}`, (event) =>
    told.push([name, event.detail]));
}
"""
IN = "document.querySelector('likeness-avatar')"


def visit(browser: Browser, site: ForeignSite, *scripts: str, **context: Any) -> Page:
    """The site's page, in a browser of its own. scripts: run before the page's own."""
    page = browser.new_context(**context).new_page()
    page.set_default_timeout(WAIT_MS)
    for script in (WATCH, *scripts):
        page.add_init_script(script)
    page.goto(site.url)
    page.locator(".bubble").wait_for()
    return page


def open_panel(page: Page) -> None:
    page.locator(".bubble").click()
    wait_live(page)


def wait_live(page: Page) -> None:
    expect(page.locator(".stage.alive")).to_be_visible(timeout=WAIT_MS)
    expect(page.locator(".panel")).to_have_attribute(
        "data-state", "idle", timeout=WAIT_MS
    )


def ask(page: Page, text: str) -> None:
    page.locator("#question").fill(text)
    page.locator("#question").press("Enter")


def answered(page: Page, words: str) -> None:
    """Wait until something was said that has these words."""
    line = page.locator(".lines .portrait").filter(has_text=words)
    expect(line.first).to_be_visible(timeout=WAIT_MS)


def speaking(page: Page, is_speaking: bool) -> None:
    panel = page.locator(".panel[data-state=speaking]")
    expect(panel).to_have_count(1 if is_speaking else 0, timeout=WAIT_MS)


def said(page: Page, who: str) -> list[str]:
    lines: list[dict[str, str]] = page.evaluate(f"{IN}.messages")
    return [line["text"] for line in lines if line["who"] == who]


def told(page: Page, name: str) -> list[dict[str, Any]]:
    """What the widget's events of one name have told the page."""
    return [detail for kind, detail in page.evaluate("told") if kind == name]


def pixels(page: Page, selector: str) -> npt.NDArray[np.int16]:
    """What can be seen where an element is: RGB [h, w, 3], of one CSS pixel each."""
    box = page.locator(selector).bounding_box()
    assert box
    shot = page.screenshot(
        clip={name: round(box[name]) for name in ("x", "y", "width", "height")},  # type: ignore[arg-type]
        scale="css",
    )
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"), np.int16)
