"""How soon the client is there, and back again: python -m tests.browser.bench_client"""

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser

from tests.browser.conftest import chromium
from tests.browser.guest import Guest
from tests.browser.server_process import Server
from tests.browser.site import Site

KEY = "k" * 32
OPENINGS, LOSSES, KILLS = 5, 8, 3
DOWN_S = 10


def took_s(
    act: Callable[[], object], done: Callable[[], object], guest: Guest
) -> float:
    begin_s = time.monotonic()
    act()
    guest.until(done)
    return time.monotonic() - begin_s


def report(what: str, each_s: list[float]) -> None:
    figures = ", ".join(f"{each:.2f}" for each in sorted(each_s))
    median_s = statistics.median(each_s)
    sys.stdout.write(f"{what}: median {median_s:.2f} s of {figures}\n")


def opening(browser: Browser, site: Site) -> float:
    """From the call of connect until media flows."""
    guest = Guest(browser, site, connect=False)
    guest.until(lambda: guest.all("ready"))
    opened_s = took_s(lambda: guest.do("open()"), guest.is_live, guest)
    guest.close()
    return opened_s


def loss(guest: Guest) -> float:
    """From the end of a connection until media flows in the next."""
    guest.page.wait_for_timeout(1_500)
    lives = guest.all("phase").count("live")
    return took_s(
        lambda: guest.do("channels.at(-1).close()"),
        lambda: guest.all("phase").count("live") > lives,
        guest,
    )


def kill(guest: Guest, server: Server) -> None:
    noticed: list[float] = []
    back: list[float] = []
    for _ in range(KILLS):
        noticed.append(took_s(server.kill, lambda: not guest.is_live(), guest))
        guest.page.wait_for_timeout(1000 * DOWN_S)
        server.start()  # returns when it is ready
        back.append(took_s(lambda: None, guest.is_live, guest))
        guest.page.wait_for_timeout(2_000)
    report("killed server to noticed", noticed)
    report("server ready again to live", back)


def main() -> None:
    site = Site(KEY)
    site.start()
    keys = json.dumps({"shop": {"key": KEY, "origins": [site.url]}})
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        server = Server(Path(folder), LIKENESS_API_KEYS=keys)
        site.server_url = server.url
        server.start()
        try:
            report(
                "connect to media", [opening(browser, site) for _ in range(OPENINGS)]
            )
            guest = Guest(browser, site)
            guest.wait_live()
            report("lost to media again", [loss(guest) for _ in range(LOSSES)])
            kill(guest, server)
        finally:
            server.stop()
            site.stop()


if __name__ == "__main__":
    main()
