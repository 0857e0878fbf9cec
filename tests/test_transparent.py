"""A portrait before nothing: its matte comes with it, whoever watches, and stops when
it is before something again."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.backdrop import ALPHA, with_backdrop
from models.shrunk import shrunk
from scripts.live_client import LiveClient
from server.app import create_app
from server.engine import Models, Pictures
from tests.faces import grace
from tests.fakes import FAKE_PARTS, fake_models, fake_settings
from tests.live_server import Live, serving

SIDE = 256
ALPHA_VIDEO: dict[str, int | str] = {
    "width": SIDE,
    "height": SIDE,
    "background": "alpha",
}


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    def models(device: str, threads: int, look_ahead_ms: int, live_ms: int) -> Models:
        return replace(fake_models(), shrink=shrunk)

    parts = replace(FAKE_PARTS, load_identity=lambda path: grace(), load_models=models)
    async with serving(create_app(fake_settings(tmp_path), parts)) as live:
        yield live


class Watch:
    """What has come of a stream: the shapes of its pictures, and the last one."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []
        self.last = np.zeros((1, 1, 3), np.uint8)

    def __call__(self, picture: Pictures) -> float:
        self.shapes.append(picture.shape[:2])
        self.last = picture
        return 0.0

    def matte(self) -> Pictures:
        """Of the last picture, which must be a packed one."""
        height, width = self.last.shape[:2]
        assert height == 2 * width
        return np.asarray(self.last[width:].mean(-1), np.uint8)


def assert_it_is_grace(watch: Watch) -> None:
    matte = watch.matte()
    size = matte.shape[0]
    true = with_backdrop(grace(), ALPHA).matte
    near = np.asarray(cv2.resize(true, (size, size), interpolation=cv2.INTER_AREA))
    assert np.abs(matte.astype(int) - near).mean() < 8
    assert matte[: size // 12, : size // 12].max() < 8
    nose = (grace().landmarks[1, :2] / true.shape[0] * size).round().astype(int)
    assert matte[nose[1], nose[0]] > 248


async def test_every_viewer_gets_the_matte_also_who_comes_late(live: Live) -> None:
    first, second = Watch(), Watch()
    async with LiveClient(live.url, first, video=ALPHA_VIDEO) as client:
        await client.ready()
        told = await client.event("stream.layout")
        assert told["layout"] == "alpha_below"
        assert (told["width"], told["height"]) == (SIDE, SIDE)
        path = f"/v1/sessions/{client.session_id}"
        assert (await live.http.get(path)).json()["layout"] == "alpha_below"
        late = LiveClient(live.url, second, session_id=client.session_id, whep=True)
        async with late:
            await late.ready()
            assert (await late.event("stream.layout"))["layout"] == "alpha_below"
            await late.until(lambda: len(second.shapes) > 10)
            await client.until(lambda: len(first.shapes) > 10)
    for watch in (first, second):
        assert set(watch.shapes) == {(2 * SIDE, SIDE)}
        assert_it_is_grace(watch)


async def test_the_background_comes_and_goes_in_mid_stream(live: Live) -> None:
    watch = Watch()
    async with LiveClient(live.url, watch, video={"width": SIDE}) as client:
        await client.ready()
        assert (await client.event("stream.layout"))["layout"] == "plain"
        client.send("avatar.set", background="alpha")
        await client.until(lambda: watch.shapes[-1] == (2 * SIDE, SIDE))
        client.send("avatar.set", background="#204060")
        await client.until(lambda: watch.shapes[-1] == (SIDE, SIDE))
        client.send("avatar.set", background="keep")
        await asyncio.sleep(0.5)
        layouts = [event["layout"] for event in client.found("stream.layout")]
        assert layouts == ["plain", "alpha_below", "plain"]


async def test_a_smaller_picture_keeps_its_matte_below_it(live: Live) -> None:
    """As a busy machine sends it: any share, the same shape."""
    watch = Watch()
    async with LiveClient(live.url, watch, video=ALPHA_VIDEO) as client:
        await client.ready()
        session = live.services.sessions.get(client.session_id)
        for share in (0.75, 0.53, 0.5):
            session.broadcast.show(share)
            side = round(SIDE * share / 2) * 2
            await client.until(lambda: watch.shapes[-1] == (2 * side, side))  # noqa: B023
            assert_it_is_grace(watch)
