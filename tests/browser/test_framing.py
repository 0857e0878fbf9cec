"""Who may show the server's pages in a frame: a real browser holds to it."""

from playwright.sync_api import Browser, Frame, Page

from tests.browser.server_process import Server
from tests.browser.test_embed import new_session
from tests.browser.visitor import sessions


def framed(page: Page, address: str) -> Frame:
    """The frame with that page, or with what stands in for it."""
    page.evaluate(
        """(address) => new Promise((resolve) => {
            const frame = document.createElement("iframe");
            frame.onload = resolve;
            frame.src = address;
            document.body.append(frame);
        })""",
        address,
    )
    return page.frames[-1]


def test_a_session_can_be_shown_on_another_page_of_this_machine(
    browser: Browser, server: Server, files_url: str
) -> None:
    grant = new_session(server)
    page = browser.new_page()
    page.goto(f"{files_url}/tsconfig.json")
    frame = framed(page, server.url + grant["embed_url"])
    frame.wait_for_selector("body[data-phase=live]", timeout=30_000)
    assert grant["session_id"] in sessions(server)
    page.close()


def test_other_pages_of_the_server_cannot_be_framed(
    browser: Browser, server: Server, files_url: str
) -> None:
    page = browser.new_page()
    page.goto(f"{files_url}/tsconfig.json")
    for path in ("/", "/talk.html"):
        address = framed(page, server.url + path).url
        assert address.startswith("chrome-error:"), address
    page.close()


def test_the_policy_lets_a_page_have_the_websocket(
    browser: Browser, server: Server
) -> None:
    grant = new_session(server)
    page = browser.new_page()
    page.goto(f"{server.url}/healthz")
    told = page.evaluate(
        """(address) => new Promise((resolve) => {
            const socket = new WebSocket(address.replace("http", "ws"));
            socket.onmessage = ({ data }) => resolve(JSON.parse(data).type);
            socket.onerror = () => resolve("refused");
        })""",
        f"{server.url}{grant['ws_url']}?token={grant['token']}",
    )
    assert told == "session.state"
    page.close()
