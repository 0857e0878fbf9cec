"""A machine that is too slow gives up pictures in the stated order, never the voice;
a device that hangs is replaced."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from models.identity import Identity
from models.media import FloatArray, Motion
from scripts.live_client import LiveClient
from server.app import Parts, create_app
from server.engine import Models, Pictures
from server.quality import STEPS
from tests.fakes import (
    FAKE_PARTS,
    SIZE,
    FakePerformer,
    fake_models,
    fake_render,
    fake_settings,
)
from tests.live_server import Live, serving

SMALL = {"width": SIZE, "height": SIZE}
LONG_TONE = (
    (0.3 * np.sin(np.arange(48_000 * 12) * 0.04) * 32767).astype("<i2").tobytes()
)


def parts_that_draw(
    render: Callable[[Sequence[Identity], FloatArray], Pictures],
) -> Parts:
    def models(device: str, threads: int, *look_ahead_ms: int) -> Models:
        return replace(fake_models(), render=render)

    return replace(FAKE_PARTS, load_models=models)


def slow_render(identities: Sequence[Identity], motion: FloatArray) -> Pictures:
    """A full picture takes 60 ms: one of two can be drawn, or all of 3/4 the side."""
    height, width = identities[0].size
    time.sleep(0.06 * len(identities) * height * width / SIZE**2)
    return fake_render(identities, motion)


def steps(client: LiveClient) -> list[str]:
    return [event["code"] for event in client.found("warning")]


async def test_idle_pictures_give_way_first_then_size_and_never_the_voice(
    tmp_path: Path,
) -> None:
    app = create_app(fake_settings(tmp_path), parts_that_draw(slow_render))
    async with serving(app) as live:
        live.services.media.review_frames = 6
        sizes: list[int] = []

        def look(picture: Pictures) -> float:
            sizes.append(picture.shape[0])
            return 0.0

        async with LiveClient(live.url, look, video=SMALL) as client:
            await client.ready()
            await client.until(lambda: bool(steps(client)))
            await asyncio.sleep(1)
            idle = [p.timestamp for p in client.pictures[-8:]]
            assert set(sizes) == {SIZE}, "size does not give way while rate suffices"
            sent_s = client.send_pcm(LONG_TONE, 48_000)
            await client.until(lambda: sizes[-1] < SIZE)
            await client.until(lambda: len(steps(client)) >= 2)
            await asyncio.sleep(1.5)
            spoken = [p.timestamp for p in client.pictures[-20:]]
            stamps = np.diff([sound.timestamp for sound in client.sounds])
            arrivals = [s.arrived_s for s in client.sounds if s.arrived_s > sent_s]
            metrics = (await live.http.get("/metrics")).text
            await client.delete()
    assert set(np.diff(idle)) == {7200}, "12.5 pictures a second"
    assert np.median(np.diff(spoken)) == 3600, "and 25 of a smaller size"
    assert sizes[-1] in (96, 64), "three quarters, or on busy cores a half"
    assert set(stamps) == {960}
    assert np.diff(arrivals).max() < 0.3
    assert set(steps(client)) == {"quality_lowered"}
    step = float(metrics.split("\nlikeness_quality_step ")[1].split("\n")[0])
    assert STEPS[int(step)].share < 1


async def test_the_last_step_refuses_all_but_the_only_session(tmp_path: Path) -> None:
    app = create_app(fake_settings(tmp_path), FAKE_PARTS)
    async with serving(app) as live:
        ladder = live.services.media._ladder
        ladder._place = len(STEPS) - 1
        async with LiveClient(live.url, lambda _: 0.0, video=SMALL) as client:
            await client.ready()
            ladder._place = len(STEPS) - 1
            refused = await live.http.post("/v1/sessions", json={})
            assert refused.status_code == 503
            assert refused.json()["code"] == "server_overloaded"
            assert int(refused.headers["retry-after"]) > 0
            kept = await live.http.get(f"/v1/sessions/{client.session_id}")
            assert kept.status_code == 200
            await client.delete()


class HangingDevice:
    """Draws a second, then hangs in the middle of a tick until it is let go."""

    def __init__(self) -> None:
        self.calls = 0
        self.let_go = threading.Event()

    def render(self, identities: Sequence[Identity], motion: FloatArray) -> Pictures:
        self.calls += 1
        if self.calls == 25:
            self.let_go.wait(20)
        return fake_render(identities, motion)


async def speak_through(live: Live, client: LiveClient) -> None:
    await client.ready()
    client.send_pcm(LONG_TONE, 48_000)
    await client.event("error")
    await client.until(lambda: "pictures_back" in steps(client))
    before = len(client.pictures)
    await client.until(lambda: len(client.pictures) > before + 25)


async def test_a_device_that_hangs_is_replaced_and_the_voice_goes_on(
    tmp_path: Path,
) -> None:
    device = HangingDevice()
    app = create_app(fake_settings(tmp_path), parts_that_draw(device.render))
    async with serving(app) as live:
        live.services.media.device.hung_s = 0.5
        try:
            async with LiveClient(live.url, video=SMALL) as client:
                await speak_through(live, client)
                stamps = np.diff([sound.timestamp for sound in client.sounds])
                arrivals = np.diff([sound.arrived_s for sound in client.sounds])
                gaps = np.diff([picture.arrived_s for picture in client.pictures])
                await client.delete()
        finally:
            device.let_go.set()
    (error,) = client.found("error")
    assert error["code"] == "pictures_failed" and error["retryable"]
    assert set(stamps) == {960} and arrivals.max() < 0.3
    assert 0.2 < gaps.max() < 1.5, "until it is found to hang, less what was ahead"


class BreakingPerformer(FakePerformer):
    """The first one made breaks after a second, for good."""

    made = 0

    def __init__(self, seed: int = 0) -> None:
        super().__init__(seed)
        BreakingPerformer.made += 1
        self.breaks = BreakingPerformer.made == 2  # the first warms up
        self.heard = 0

    def push_audio(self, samples: FloatArray) -> Motion:
        self.heard += len(samples)
        if self.breaks and self.heard > 48_000:
            raise RuntimeError("broken")
        return super().push_audio(samples)


async def test_a_performer_that_breaks_is_replaced(tmp_path: Path) -> None:
    BreakingPerformer.made = 0

    def models(device: str, threads: int, *look_ahead_ms: int) -> Models:
        return replace(fake_models(), performer=BreakingPerformer)

    parts = replace(FAKE_PARTS, load_models=models)
    async with serving(create_app(fake_settings(tmp_path), parts)) as live:
        async with LiveClient(live.url, video=SMALL) as client:
            await client.ready()
            client.send("avatar.set", emotion="happy", expressivity=0.8)
            await client.event("error")
            await client.until(lambda: "pictures_back" in steps(client))
            (session,) = live.services.sessions
            performer = session.lane.performer
            before = len(client.pictures)
            await client.until(lambda: len(client.pictures) > before + 25)
            stamps = np.diff([sound.timestamp for sound in client.sounds])
            await client.delete()
    assert client.found("error")[0]["code"] == "pictures_failed"
    assert set(stamps) == {960}
    assert isinstance(performer, BreakingPerformer) and not performer.breaks
    assert performer.expressions[-1][0] == "happy", "it looks as the other one did"
