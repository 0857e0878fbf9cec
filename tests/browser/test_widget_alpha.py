"""A portrait that stands on a foreign page: the page shows where nobody is, and only
there; with WebGL, without it, and after its context was lost."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.foreign_site import STRIPES, WIDGET, ForeignSite, foreign_site
from tests.browser.server_process import Server, free_port
from tests.browser.visitor import wait_until
from tests.browser.widget import IN, WAIT_MS, open_panel, pixels, visit, wait_live

KEY = "another-key-of-the-shop"
# Counts what is drawn; what was drawn last is kept for screenshots in any case.
COUNT = """
globalThis.draws = 0;
for (const [kind, name] of [[WebGLRenderingContext, "drawArrays"],
                            [CanvasRenderingContext2D, "putImageData"]]) {
  const draw = kind.prototype[name];
  kind.prototype[name] = function (...given) {
    globalThis.draws += 1;
    return draw.apply(this, given);
  };
}
"""
NO_WEBGL = """
const get = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
  return kind.startsWith("webgl") ? null : get.call(this, kind, ...more);
};
"""
CANVAS = f"{IN}.shadowRoot.querySelector('.stage canvas')"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForeignSite]:
    port = free_port()
    server = Server(
        tmp_path_factory.mktemp("alpha"),
        LIKENESS_API_KEY=KEY,
        LIKENESS_ALLOWED_ORIGINS=f'["http://127.0.0.1:{port}"]',
    )
    with foreign_site(server.url, KEY, port) as site:
        site.attributes = f"{WIDGET} transparent captions='off'"
        server.start()
        try:
            yield site
        finally:
            server.stop()


def from_stripes(picture: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
    """How far each pixel is from the nearer of the page's two colours."""
    apart = [np.abs(picture - np.array(each)).max(-1) for each in STRIPES]
    return np.asarray(np.minimum(*apart), np.int16)


def person_stands_on_the_page(page: Page) -> None:
    stage = from_stripes(pixels(page, ".stage"))
    high, wide = stage.shape
    # Beside the head the page is as if nobody were there.
    for beside in (stage[: high // 2, : wide // 6], stage[: high // 2, -wide // 6 :]):
        assert beside.max() <= 4
    # In the face there is nothing of it: brow to chin, cheek to cheek.
    face = stage[
        int(0.36 * high) : int(0.62 * high), int(0.42 * wide) : int(0.58 * wide)
    ]
    assert face.min() > 45
    there = (stage > 20).mean()
    assert 0.25 < there < 0.75


def drawn(page: Page, more: int = 5) -> None:
    """Wait until so many more pictures were drawn."""
    before = page.evaluate("draws")
    wait_until(page, lambda: page.evaluate("draws") >= before + more, WAIT_MS)


@pytest.mark.parametrize("how", ["webgl", "2d"])
def test_the_person_stands_on_the_page(
    browser: Browser, site: ForeignSite, how: str
) -> None:
    scripts = [COUNT] if how == "webgl" else [NO_WEBGL, COUNT]
    page = visit(browser, site, *scripts)
    open_panel(page)
    drawn(page)
    page.wait_for_timeout(600)  # it fades in
    person_stands_on_the_page(page)
    video = page.evaluate(
        f"""(({{ videoWidth, videoHeight }}) => [videoWidth, videoHeight])(
          {IN}.shadowRoot.querySelector("video"))"""
    )
    assert video[1] == 2 * video[0]
    assert page.evaluate("stopped") == []
    page.keyboard.press("Escape")
    page.wait_for_timeout(300)
    before = page.evaluate("draws")
    page.wait_for_timeout(1000)
    assert page.evaluate("draws") == before, "nothing is drawn that nobody sees"
    page.context.close()


def test_what_the_graphics_forget_is_drawn_again(
    browser: Browser, site: ForeignSite
) -> None:
    page = visit(browser, site, COUNT)
    open_panel(page)
    drawn(page)
    page.evaluate(
        f"""(() => {{
          globalThis.lose = {CANVAS}.getContext("webgl")
            .getExtension("WEBGL_lose_context");
          lose.loseContext();
        }})()"""
    )
    page.wait_for_timeout(300)
    page.evaluate("lose.restoreContext()")
    drawn(page)
    page.wait_for_timeout(600)
    person_stands_on_the_page(page)
    page.context.close()


def test_the_background_comes_back_and_goes(
    browser: Browser, site: ForeignSite
) -> None:
    page = visit(browser, site, COUNT, device_scale_factor=2)
    open_panel(page)
    page.evaluate(f"{IN}.likeness.setManner({{ background: '#ff0000' }})")
    expect(page.locator(".stage canvas")).to_be_hidden(timeout=WAIT_MS)
    video = f"{IN}.shadowRoot.querySelector('video')"
    wait_until(
        page,
        lambda: page.evaluate(f"{video}.videoHeight === {video}.videoWidth"),
        WAIT_MS,
    )
    page.wait_for_timeout(600)
    corner = pixels(page, ".stage")[4:20, 100:116]
    assert (corner[..., 0] > 200).all() and (corner[..., 1:] < 60).all()
    page.evaluate(f"{IN}.likeness.setManner({{ background: 'alpha' }})")
    expect(page.locator(".stage canvas")).to_be_visible(timeout=WAIT_MS)
    drawn(page, 15)
    wait_live(page)
    page.wait_for_timeout(600)
    person_stands_on_the_page(page)
    page.context.close()
