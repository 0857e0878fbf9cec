"""A Chromium whose camera plays a film: somebody comes to the kiosk, or nobody does."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, Request

from tests.browser.conftest import SOUND_AT_ONCE, chromium
from tests.browser.server_process import Server
from tests.browser.visitor import new_page, sessions, wait_until

WIDTH, HEIGHT, RATE_HZ = 320, 240, 10
LONG_MS = 40_000
LARGEST_REQUEST_BYTES = 20_000  # an SDP offer is the largest; a picture is larger
RANDOM = np.random.default_rng(5)
ROOM = np.kron(RANDOM.uniform(40, 150, (12, 16)), np.ones((20, 20)))

Shot = tuple[float, Callable[[float], tuple[float | None, float]]]


def film(path: Path, *shots: Shot) -> Path:
    """Grey Y4M of a room. shots: seconds, and at each of them where a person stands (0
    to 1, None for nobody) and how bright the lamp is."""
    with path.open("wb") as file:
        file.write(
            f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{RATE_HZ}:1 Ip A1:1 C420jpeg\n".encode()
        )
        grey = bytes([128]) * (WIDTH * HEIGHT // 2)
        for seconds, scene in shots:
            for n in range(round(seconds * RATE_HZ)):
                file.write(b"FRAME\n" + picture(*scene(n / RATE_HZ)).tobytes() + grey)
    return path


def picture(
    person: float | None, light: float
) -> "np.ndarray[tuple[int, int], np.dtype[np.uint8]]":
    shown = ROOM.copy()
    if person is not None:
        y, x = np.mgrid[:HEIGHT, :WIDTH]
        middle = 60 + person * (WIDTH - 120)
        head = ((x - middle) / 32) ** 2 + ((y - 80) / 42) ** 2 < 1
        body = (np.abs(x - middle) < 70) & (y > 130)
        shown[head], shown[body] = 200, 25
    noise = RANDOM.normal(0, 5, shown.shape)
    return np.clip(shown * light + noise, 16, 235).astype(np.uint8)


def nobody(light: float = 1.0) -> Callable[[float], tuple[float | None, float]]:
    return lambda s: (None, light)


def sways(s: float) -> tuple[float | None, float]:
    return 0.5 + 0.04 * float(np.sin(2 * s)), 1.0


def comes(s: float) -> tuple[float | None, float]:
    return 0.5 * min(1.0, s / 1.5), 1.0


def flags(path: Path) -> tuple[str, ...]:
    return (
        SOUND_AT_ONCE,
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={path}",
    )


def watched(page: Page) -> list[Request]:
    """The page's requests from now on."""
    seen: list[Request] = []
    page.on("request", lambda request: seen.append(request))
    return seen


def state(page: Page) -> str:
    return str(page.evaluate("document.body.dataset.state"))


def test_somebody_who_comes_is_greeted_and_let_go_and_no_picture_is_sent(
    server: Server, tmp_path: Path
) -> None:
    path = film(
        tmp_path / "visit.y4m",
        (5, nobody()),
        (1.5, comes),
        (12, sways),
        (25, nobody()),
    )
    with chromium(*flags(path)) as browser:
        page = new_page(browser, reduced_motion="reduce")
        seen = watched(page)
        page.goto(f"{server.url}/kiosk.html?languages=en&away_s=2")
        page.wait_for_timeout(2_000)
        assert state(page) == "attract" and not sessions(server)
        page.wait_for_selector("body[data-state=visiting]", timeout=LONG_MS)
        page.wait_for_selector("body[data-speaking]", timeout=LONG_MS)
        senders = page.evaluate(
            """probe.peers.flatMap((peer) => peer.getTransceivers()).map(
              (each) => [each.receiver.track.kind, each.currentDirection,
                each.sender.track?.kind ?? null])"""
        )
        assert ["video", "recvonly", None] in senders
        assert "video" not in [sent for _, _, sent in senders]
        page.wait_for_selector("body[data-state=leaving]", timeout=LONG_MS)
        page.wait_for_selector("body[data-state=attract]", timeout=LONG_MS)
        wait_until(page, lambda: not sessions(server), LONG_MS)
        for request in seen:
            body = request.post_data_buffer or b""
            assert len(body) < LARGEST_REQUEST_BYTES, request.url
            kind = request.headers.get("content-type", "application/json")
            assert kind == "application/json", request.url
            assert request.url.startswith((server.url, f"blob:{server.url}"))


def test_a_lamp_in_an_empty_room_begins_nothing(server: Server, tmp_path: Path) -> None:
    path = film(
        tmp_path / "room.y4m", (3, nobody()), (3, nobody(0.5)), (3, nobody(1.6))
    )
    with chromium(*flags(path)) as browser:
        page = new_page(browser, reduced_motion="reduce")
        page.goto(f"{server.url}/kiosk.html?languages=en")
        states = set()
        for _ in range(25):
            states.add(state(page))
            page.wait_for_timeout(500)
        assert states == {"attract"}
        assert not sessions(server)
