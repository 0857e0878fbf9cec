"""From the visitor's own photo to a speaking portrait, on the real page."""

import io
import json
import re
import urllib.request
from typing import Any

import numpy as np
from matplotlib.cbook import get_sample_data
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser.server_process import Server
from tests.browser.visitor import open_page, say, wait_live, wait_speaking


def photo_of_a_face() -> bytes:
    """The sample portrait as another picture: cropped, mirrored, encoded anew."""
    with Image.open(str(get_sample_data("grace_hopper.jpg", asfileobj=False))) as file:
        width, height = file.size
        picture = file.convert("RGB").crop((20, 10, width - 30, height - 90))
    picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def photo_of_nobody() -> bytes:
    rows = np.linspace(60, 220, 640, dtype=np.uint8)
    picture = np.stack([np.tile(rows, (480, 1))] * 3, axis=2)
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG")
    return buffer.getvalue()


def choose(page: Page, photo: bytes, kind: str = "image/jpeg") -> None:
    page.click("#portrait-button")
    page.check("#portrait-agree")
    page.set_input_files(
        "#photo-file", {"name": "me.jpg", "mimeType": kind, "buffer": photo}
    )


def test_an_uploaded_photo_speaks_and_can_be_deleted(
    browser: Browser, server: Server
) -> None:
    page = open_page(browser, server.talk)
    wait_live(page)
    first = page.get_attribute("#poster", "src")
    choose(page, photo_of_a_face())
    expect(page.locator("#progress")).to_be_visible()
    expect(page.locator("#portrait-dialog")).not_to_be_visible(timeout=40_000)
    wait_live(page)
    assert page.get_attribute("#poster", "src") != first
    say(page, "It is me.")
    wait_speaking(page, True)

    page.reload()
    wait_live(page)
    assert page.get_attribute("#poster", "src") != first, "remembered"
    page.click("#portrait-button")
    page.click("#delete-portrait")
    expect(page.locator("#poster")).to_have_attribute("src", str(first))
    wait_live(page)
    assert [each["identity_id"] for each in kept(server)] == ["default"]
    page.context.close()


def kept(server: Server) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{server.url}/v1/identities", timeout=10) as answer:
        identities: list[dict[str, Any]] = json.load(answer)["identities"]
    return identities


def test_no_photo_leaves_before_its_visitor_agrees(
    browser: Browser, server: Server
) -> None:
    page = open_page(browser, server.talk)
    wait_live(page)
    page.click("#portrait-button")
    page.set_input_files(
        "#photo-file",
        {"name": "me.jpg", "mimeType": "image/jpeg", "buffer": photo_of_a_face()},
    )
    expect(page.locator("#portrait-problem")).to_contain_text("tick the box")
    expect(page.locator("#portrait-agree")).to_be_focused()
    expect(page.locator("#well-photo")).to_be_visible()
    page.wait_for_timeout(300)
    assert len(kept(server)) == 1
    page.keyboard.press("Space")
    expect(page.locator("#portrait-dialog")).not_to_be_visible(timeout=40_000)
    consent = kept(server)[1]["consent"]
    assert consent["statement"].startswith("This photo shows me")
    assert re.fullmatch("visitor [0-9a-f]{12}", consent["by"])
    page.click("#portrait-button")
    expect(page.locator("#portrait-agree")).not_to_be_checked()
    page.click("#delete-portrait")
    page.context.close()


def test_a_photo_without_a_face_gets_a_plain_answer(page: Page) -> None:
    choose(page, photo_of_nobody())
    problem = page.locator("#portrait-problem")
    expect(problem).to_contain_text(re.compile("face", re.IGNORECASE), timeout=40_000)
    expect(page.locator("#choices")).to_be_visible()
    page.keyboard.press("Escape")


def test_a_file_that_is_no_picture_gets_a_plain_answer(page: Page) -> None:
    choose(page, b"not a picture at all", "image/png")
    problem = page.locator("#portrait-problem")
    expect(problem).not_to_be_empty(timeout=40_000)
    assert "{" not in problem.inner_text()
    page.keyboard.press("Escape")


def test_a_file_may_be_dropped_anywhere(page: Page) -> None:
    drop = """(kind) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File(["hello"], "hello.txt", { type: "text/plain" }));
      const given = { dataTransfer: transfer, bubbles: true, cancelable: true };
      document.body.dispatchEvent(new DragEvent(kind, given));
    }"""
    page.evaluate(drop, "dragenter")
    expect(page.locator("#drop")).to_be_visible()
    page.evaluate(drop, "drop")
    expect(page.locator("#drop")).not_to_be_visible()
    expect(page.locator("#portrait-problem")).to_contain_text("not a picture")
    page.keyboard.press("Escape")
