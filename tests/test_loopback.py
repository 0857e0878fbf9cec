"""What a real WebRTC viewer receives from the real server.

Sync: the test speaks bursts of tone by avatar.speak_audio; the fake portrait's mouth is
as bright as the sound of its frame is loud. At the receiver, the first loud packet and
the first bright picture of each burst are mapped to the sender's wall clock by the RTCP
sender reports, as a browser does for lip sync, and compared.
"""

import asyncio
import itertools
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.identity import Identity
from models.media import FloatArray
from scripts.live_client import LiveClient
from server.app import create_app
from server.engine import Models, Pictures
from tests.fakes import (
    FAKE_PARTS,
    fake_models,
    fake_render,
    fake_settings,
    mouth_light,
)
from tests.live_server import Live, serving

LOUD = 0.05
BRIGHT = 90.0
RATE_HZ = 48_000
SMALL = {"width": 128, "height": 128}  # as the fake portrait is


def bursts(count: int) -> bytes:
    """0.2 s of tone, 0.61 s of silence, again: each begins elsewhere in its frame."""
    tone = 0.3 * np.sin(np.arange(RATE_HZ // 5) * 2 * np.pi * 300 / RATE_HZ)
    one = np.concatenate([tone, np.zeros(RATE_HZ * 61 // 100)])
    return (np.tile(one, count) * 32767).astype("<i2").tobytes()


def onsets(rows: list[tuple[float, bool]]) -> list[float]:
    """Times at which a run of True begins."""
    return [
        time
        for (time, on), (_, before) in zip(rows[1:], rows, strict=False)
        if on and not before
    ]


def skews_ms(client: LiveClient) -> list[float]:
    """Picture minus sound of every burst, positive when the picture is late."""
    audio, video = client.reports["audio"], client.reports["video"]
    heard = [
        (audio.wall_s + (s.timestamp - audio.timestamp) / 48_000, s.level > LOUD)
        for s in client.sounds
    ]
    seen = [
        (video.wall_s + (p.timestamp - video.timestamp) / 90_000, p.value > BRIGHT)
        for p in client.pictures
    ]
    sounds, lights = onsets(heard), onsets(seen)
    assert len(sounds) == len(lights)
    return [(light - sound) * 1000 for sound, light in zip(sounds, lights, strict=True)]


@pytest.fixture
async def live(tmp_path: Path):  # type: ignore[no-untyped-def]
    settings = fake_settings(tmp_path, absent_timeout_s=0.5, video_bitrate_bps=500_000)
    async with serving(create_app(settings, FAKE_PARTS)) as live:
        yield live


async def test_picture_and_sound_agree_within_40_ms(live: Live) -> None:
    async with LiveClient(live.url, mouth_light, video=SMALL) as client:
        await client.ready()
        client.send_pcm(bursts(5), RATE_HZ)
        await client.event("avatar.speech_ended")
        await client.until(lambda: {"audio", "video"} <= client.reports.keys())
        await asyncio.sleep(0.3)
        skews = skews_ms(client)
        stamps = [sound.timestamp for sound in client.sounds]
        await client.delete()
    assert len(skews) == 5
    # A burst that begins inside a frame is shown by that frame, up to 40 ms early.
    assert all(-40 <= skew <= 40 for skew in skews), skews
    assert {b - a for a, b in zip(stamps, stamps[1:], strict=False)} == {960}


async def test_pictures_come_25_times_a_second(live: Live) -> None:
    async with LiveClient(live.url) as client:
        await client.ready()
        await client.until(lambda: len(client.pictures) > 75)
        ticks = np.diff([picture.timestamp for picture in client.pictures[:75]])
        times = [picture.arrived_s for picture in client.pictures]
        await client.delete()
    assert np.median(ticks) == 3600
    assert (ticks == 3600).mean() > 0.9
    assert (len(times) - 1) / (times[-1] - times[0]) == pytest.approx(25, abs=1.5)


async def test_speech_is_heard_captioned_and_ended(live: Live) -> None:
    async with LiveClient(live.url) as client:
        await client.ready()
        client.send("avatar.speak_text", text="one two three", event_id="q1")
        started = await client.event("avatar.speech_started")
        ended = await client.event("avatar.speech_ended")
        await client.until(lambda: client.found("session.state")[-1]["state"] == "idle")
        (caption,) = client.found("avatar.caption")
        states = [event["state"] for event in client.found("session.state")]
        # The jitter buffer still holds the end of the sound when the event comes.
        await client.until(
            lambda: all(sound.level <= LOUD for sound in client.sounds[-10:])
        )
        loud = sum(sound.level > LOUD for sound in client.sounds)
        await client.delete()
    assert started["source_event_id"] == ended["source_event_id"] == "q1"
    assert ended["media_ms"] - started["media_ms"] == pytest.approx(600, abs=1)
    assert caption["text"] == "one two three"
    assert caption["start_ms"] == started["media_ms"]
    assert caption["end_ms"] == ended["media_ms"]
    assert [word["text"] for word in caption["words"]] == ["one", "two", "three"]
    assert states == ["idle", "speaking", "idle"]
    assert loud == pytest.approx(30, abs=4)


async def test_interrupt_silences_within_300_ms(live: Live) -> None:
    async with LiveClient(live.url) as client:
        await client.ready()
        client.send("avatar.speak_text", text="word " * 50)
        await client.event("avatar.speech_started")
        await asyncio.sleep(0.5)
        cut_s = client.send("avatar.interrupt")
        cut = await client.event("avatar.speech_interrupted")
        await asyncio.sleep(0.6)
        late = [s for s in client.sounds if s.arrived_s > cut_s and s.level > 0.005]
        loud_ms = 20 * sum(s.level > LOUD for s in client.sounds)
        await client.delete()
    assert not late or late[-1].arrived_s - cut_s < 0.3
    assert client.sounds[-1].arrived_s - cut_s > 0.4, "sound must go on, silent"
    assert cut["playback_ms"] == pytest.approx(loud_ms, abs=80)
    assert not client.found("avatar.speech_ended")


async def test_a_viewer_that_goes_frees_the_session(live: Live) -> None:
    async with LiveClient(live.url) as client:
        await client.ready()
        assert len(live.services.sessions) == 1
    async with asyncio.timeout(5):
        while len(live.services.sessions):  # noqa: ASYNC110 a count has no event
            await asyncio.sleep(0.05)
    gone = await live.http.get(f"/v1/sessions/{client.session_id}")
    assert gone.status_code == 410 and gone.json()["code"] == "session_gone"


async def test_bad_messages_are_told_and_harm_nothing(live: Live) -> None:
    async with LiveClient(live.url) as client:
        await client.ready()
        client.send("avatar.fly", event_id="x")
        client.send("avatar.speak_text", text="", event_id="y")
        await client.until(lambda: len(client.found("error")) == 2)
        client.send("avatar.speak_text", text="still here")
        await client.event("avatar.speech_ended")
        await client.delete()
    assert [e["code"] for e in client.found("error")] == ["bad_message", "text_empty"]


def slow_models(device: str, threads: int, *look_ahead_ms: int) -> Models:
    """A device that takes three ticks for each."""

    def render(identities: Sequence[Identity], motion: FloatArray) -> Pictures:
        time.sleep(0.12)
        return fake_render(identities, motion)

    return replace(fake_models(), render=render)


async def test_an_overloaded_device_costs_pictures_never_voice(tmp_path: Path) -> None:
    parts = replace(FAKE_PARTS, load_models=slow_models)
    async with serving(create_app(fake_settings(tmp_path), parts)) as live:
        async with LiveClient(live.url, mouth_light, video=SMALL) as client:
            await client.ready()
            client.send_pcm(bursts(4), RATE_HZ)
            await client.event("avatar.speech_ended")
            await client.until(lambda: {"audio", "video"} <= client.reports.keys())
            stamps = np.diff([sound.timestamp for sound in client.sounds])
            arrivals = np.diff([sound.arrived_s for sound in client.sounds])
            pictures = np.diff([picture.timestamp for picture in client.pictures])
            late = np.abs(skews_ms(client))
            await client.delete()
    assert set(stamps) == {960}
    assert arrivals.max() < 0.1
    assert np.median(pictures) in (3 * 3600, 4 * 3600), "three or four ticks a picture"
    assert (pictures % 3600 == 0).all()
    # What is shown carries its own time, however late it was drawn.
    assert late.max() <= 4 * 40


def broken_models(device: str, threads: int, *look_ahead_ms: int) -> Models:
    """Draws a second of pictures, then fails for a second, then draws again."""
    frames = itertools.count()

    def render(identities: Sequence[Identity], motion: FloatArray) -> Pictures:
        last = [next(frames) for _ in motion][-1]
        if 25 < last < 55:
            raise RuntimeError("the device is gone")
        return fake_render(identities, motion)

    return replace(fake_models(), render=render)


async def test_a_device_that_fails_comes_back(tmp_path: Path) -> None:
    parts = replace(FAKE_PARTS, load_models=broken_models)
    async with serving(create_app(fake_settings(tmp_path), parts)) as live:
        async with LiveClient(live.url, mouth_light) as client:
            await client.ready()
            await client.until(lambda: len(client.pictures) > 60)
            stamps = np.diff([sound.timestamp for sound in client.sounds])
            pictures = np.diff([picture.timestamp for picture in client.pictures])
            await client.delete()
    assert set(stamps) == {960}
    assert pictures.max() >= 20 * 3600, "the picture held"
