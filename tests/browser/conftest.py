"""A real Chromium, and the real server as a process of its own."""

import contextlib
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from scripts.browser_viewer import BARE_ARGUMENTS
from scripts.browser_viewer import CHROMIUM as CHROMIUM
from scripts.browser_viewer import SOUND_AT_ONCE as SOUND_AT_ONCE
from tests.browser.evaluating import Evaluate
from tests.browser.guest import Guest, held
from tests.browser.server_process import Server
from tests.browser.site import Site
from tests.browser.static_site import static_site
from tests.browser.visitor import open_page, wait_live, wait_speaking

CLIENT_WEB = Path(__file__).parent.parent.parent / "client_web"
ARGUMENTS = list(BARE_ARGUMENTS)
TOKEN_TTL_S = 6  # of the server that has a key


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


@pytest.fixture(scope="module")
def guest_browser() -> Iterator[Browser]:
    """With the autoplay policy that visitors have, and the page cache."""
    with chromium(
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        without=("--disable-back-forward-cache",),
    ) as browser:
        yield browser


@pytest.fixture(scope="package")
def own_site() -> Iterator[Site]:
    site = Site("k" * 32)
    site.start()
    yield site
    site.stop()


@pytest.fixture(scope="package")
def keyed(own_site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that serves the pages of that site, by its key alone."""
    keys = {"shop": {"key": own_site.key, "origins": [own_site.url]}}
    server = Server(
        tmp_path_factory.mktemp("keyed"),
        LIKENESS_API_KEYS=json.dumps(keys),
        LIKENESS_TOKEN_TTL_S=str(TOKEN_TTL_S),
        LIKENESS_ABSENT_TIMEOUT_S="20",  # a busy machine may take long to come back
    )
    own_site.server_url = server.url
    server.start()
    yield server
    server.stop()


@pytest.fixture
def site(own_site: Site, keyed: Server) -> Iterator[Site]:
    """Somebody else's; afterwards no session of its pages may be left."""
    own_site.forget()
    yield own_site
    end_s = time.monotonic() + 40
    while held(own_site):
        assert time.monotonic() < end_s, "sessions outlive their pages"
        time.sleep(0.1)


@pytest.fixture
def visit(guest_browser: Browser, site: Site) -> Iterator[Callable[..., Guest]]:
    """Open the site's page, with options of Likeness; it is closed in the end."""
    guests: list[Guest] = []

    def open_page(**options: Any) -> Guest:
        guests.append(Guest(guest_browser, site, **options))
        return guests[-1]

    yield open_page
    for guest in guests:
        guest.close()


@pytest.fixture(scope="module")
def files_url() -> Iterator[str]:
    """client_web alone, without a server behind it."""
    with static_site(CLIENT_WEB) as url:
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
