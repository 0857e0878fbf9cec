"""A real Chromium, and the real server as a process of its own."""

import contextlib
import functools
import http.server
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from scripts.browser_viewer import BARE_ARGUMENTS
from scripts.browser_viewer import CHROMIUM as CHROMIUM
from scripts.browser_viewer import SOUND_AT_ONCE as SOUND_AT_ONCE
from tests.browser.evaluating import Evaluate
from tests.browser.server_process import Server
from tests.browser.visitor import open_page, wait_live, wait_speaking

CLIENT_WEB = Path(__file__).parent.parent.parent / "client_web"
ARGUMENTS = list(BARE_ARGUMENTS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if not CHROMIUM.exists():
                reason = f"{CHROMIUM} is missing: apt-get install chromium"
                item.add_marker(pytest.mark.skip(reason=reason))


@contextlib.contextmanager
def chromium(*more: str, without: tuple[str, ...] = ()) -> Iterator[Browser]:
    """more: arguments beside the usual ones; without: some of Playwright's own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[*ARGUMENTS, *more],
            # Muted, no sample would be played.
            ignore_default_args=["--mute-audio", *without],
        )
        try:
            yield browser
        finally:
            browser.close()


# Playwright's event loop runs as long as its fixture lives, and asyncio tests cannot
# run beside it: so it lives for one module, not for the whole run.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium(SOUND_AT_ONCE) as browser:
        yield browser


@pytest.fixture(scope="package")
def server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="likeness-browser-") as folder:
        server = Server(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@contextlib.contextmanager
def site(folder: Path) -> Iterator[str]:
    """A web site of these files."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def files_url() -> Iterator[str]:
    """client_web alone, without a server behind it."""
    with site(CLIENT_WEB) as url:
        yield url


@pytest.fixture(scope="module")
def shared(browser: Browser, server: Server) -> Iterator[Page]:
    """One page for all tests that leave it as they found it."""
    # Small, since without a GPU every pixel of it is painted by the CPU.
    page = open_page(browser, server.talk, viewport={"width": 800, "height": 600})
    wait_live(page)
    yield page
    page.context.close()


@pytest.fixture
def page(shared: Page) -> Page:
    """The portrait is live and silent, and the visitor's hands are off the page."""
    wait_live(shared)
    if shared.locator("body[data-speaking]").count():
        shared.keyboard.press("Escape")
        wait_speaking(shared, False)
    return shared


@pytest.fixture(scope="module")
def evaluate(browser: Browser, files_url: str) -> Iterator[Evaluate]:
    """Run the body of an async function of one argument."""
    page = browser.new_page()
    page.goto(f"{files_url}/favicon.svg")

    def run(body: str, argument: Any = None) -> Any:
        return page.evaluate(f"async (given) => {{ {body} }}", argument)

    yield run
    page.close()
