"""Tracks are bounded: sound loses the oldest packet, picture waits for a key frame."""

import asyncio

import numpy as np
import pytest
from aiortc.mediastreams import MediaStreamError

from server.encoders import EncodedPacket, OpusEncoder, VideoEncoder, VideoForm
from server.tracks import PacketTrack


def voice(count: int) -> list[EncodedPacket]:
    opus = OpusEncoder(48_000)
    silence = np.zeros(960, np.float32)
    return [opus.encode(silence, 960 * i) for i in range(count)]


def pictures(keys: list[bool]) -> list[EncodedPacket]:
    encoder = VideoEncoder("VP8", VideoForm(64, 64, 500_000))
    rng = np.random.default_rng(0)
    made = []
    for number, key in enumerate(keys):
        picture = rng.integers(0, 255, (64, 64, 3)).astype(np.uint8)
        packet = encoder.encode(picture, number, key=key)
        assert packet is not None
        made.append(packet)
    return made


async def test_sound_keeps_the_newest_half_second() -> None:
    track = PacketTrack("audio")
    for packet in voice(40):
        track.put(packet, 0.0)
    received = [(await track.recv()).pts for _ in range(25)]
    assert received == [960 * i for i in range(15, 40)]
    assert track.dropped == 15


async def test_picture_begins_with_a_key_frame() -> None:
    track = PacketTrack("video")
    first, second, third = pictures([True, False, True])
    track.put(second, 0.0)
    track.put(third, 0.0)
    assert (await track.recv()).pts == third.pts
    assert first.is_keyframe


async def test_a_slow_viewer_resumes_at_a_key_frame_it_asks_for() -> None:
    asked = []
    track = PacketTrack("video", lambda: asked.append(1))
    made = pictures([True] + [False] * 15 + [True, False])
    for packet in made[:16]:
        track.put(packet, 0.0)
    assert asked == [1]
    for packet in made[16:]:
        track.put(packet, 0.0)
    assert (await track.recv()).is_keyframe
    assert (await track.recv()).pts == made[17].pts


async def test_stop_wakes_the_reader() -> None:
    track = PacketTrack("audio")
    reading = asyncio.create_task(track.recv())
    await asyncio.sleep(0)
    track.stop()
    with pytest.raises(MediaStreamError):
        await reading
    track.put(voice(1)[0], 0.0)
    with pytest.raises(MediaStreamError):
        await track.recv()
