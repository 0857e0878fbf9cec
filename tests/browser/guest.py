"""A page that uses the client alone, and what it tells of it."""

import contextlib
import json
import urllib.parse
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Error, Page

from tests.browser.site import Site
from tests.browser.visitor import wait_until

PATIENCE_MS = 60_000  # a busy machine may refuse a session at first
SOON_MS = 12_000  # a session that is given back is gone, long before it is missed


class Guest:
    """host.html of a site, in a context of its own."""

    def __init__(self, browser: Browser, site: Site, **options: Any) -> None:
        """options: of Likeness; `connect=False` leaves it closed."""
        self.told: list[tuple[str, Any]] = []
        self.complaints: list[str] = []
        self.page: Page = browser.new_context().new_page()
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        given = {"server": site.server_url, "connect": True, **options}
        fragment = urllib.parse.quote(json.dumps(given))
        self.page.goto(f"{site.url}/host.html#{fragment}")

    def _hear(self, message: ConsoleMessage) -> None:
        with contextlib.suppress(json.JSONDecodeError):
            told = json.loads(message.text)
            self.told.append((told["type"], told.get("detail")))

    def all(self, kind: str) -> list[Any]:
        """The details of what was told of this kind, oldest first."""
        return [detail for told, detail in self.told if told == kind]

    def events(self, kind: str) -> list[Any]:
        """The server's events of this type."""
        return [each for each in self.all("event") if each["type"] == kind]

    def until(self, condition: Callable[[], object], ms: int = PATIENCE_MS) -> None:
        wait_until(self.page, condition, ms)

    def is_live(self) -> bool:
        return self.all("phase")[-1:] == ["live"]

    def wait_live(self) -> None:
        self.until(self.is_live)

    def do(self, script: str, argument: Any = None) -> Any:
        """Run this in the page, as if in a visitor's gesture."""
        return self.page.evaluate(script, argument)

    def close(self) -> None:
        """Its session too: a page that goes cannot always say so."""
        with contextlib.suppress(Error):
            self.page.evaluate("globalThis.likeness?.close()")
        self.page.close(run_before_unload=False)
        self.page.context.close()


def held(site: Site) -> list[dict[str, Any]]:
    """The sessions that the pages of this site hold."""
    found: list[dict[str, Any]] = json.loads(site.ask("GET", "/v1/sessions"))[
        "sessions"
    ]
    return found
