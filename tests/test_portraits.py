"""Portraits are drawn no larger than is shown, and made ready beside the stream."""

import asyncio
import os
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from models.identity import Identity
from models.shrunk import shrunk
from server.engine import Engine
from server.portraits import Portraits, Size, drawn_size
from tests.faces import grace, motion, renderer
from tests.fakes import fake_identity, fake_models


@pytest.mark.parametrize(
    ("own", "video", "share", "expected"),
    [
        ((512, 512), (512, 512), 1.0, (512, 512)),
        ((512, 512), (1024, 1024), 1.0, (512, 512)),
        ((512, 512), (256, 256), 1.0, (256, 256)),
        ((512, 512), (480, 480), 1.0, (512, 512)),  # hardly smaller
        ((512, 512), (180, 320), 1.0, (320, 320)),  # of which the middle is shown
        ((1280, 720), (1280, 720), 0.5, (640, 360)),
        ((512, 512), (512, 512), 0.75, (384, 384)),
        ((1280, 720), (640, 360), 0.75, (480, 272)),
    ],
)
def test_a_portrait_is_drawn_as_small_as_covers_the_video(
    own: Size, video: Size, share: float, expected: Size
) -> None:
    assert drawn_size(own, video, share) == expected


def test_a_smaller_portrait_looks_and_moves_the_same() -> None:
    height, width = (side * 3 // 4 for side in grace().size)
    smaller = shrunk(grace(), height, width)
    row = motion(speech=1.0, aperture=0.25, width=0.5, head_yaw=4.0, eyeBlinkLeft=0.5)
    with torch.inference_mode():
        large = renderer()([grace()], row).numpy()
        small = renderer()([smaller], row).numpy()
    assert small.shape == (1, height, width, 3)
    seen = shrunk(replace(grace(), picture=large[0]), height, width).picture
    off = np.abs(seen.astype(int) - small[0].astype(int))
    assert off.mean() < 3


class Counting:
    """Models that take their time, and remember where they took it."""

    def __init__(self) -> None:
        self.made: list[Size] = []
        self.threads: set[str] = set()
        self.priorities: set[int] = set()

    def shrink(self, identity: Identity, height: int, width: int) -> Identity:
        time.sleep(0.05)
        self.made.append((height, width))
        self.threads.add(threading.current_thread().name)
        thread = threading.get_native_id()
        self.priorities.add(os.getpriority(os.PRIO_PROCESS, thread))
        return fake_models().shrink(identity, height, width)


async def test_a_smaller_portrait_is_made_once_while_the_other_is_shown() -> None:
    counting, identity = Counting(), fake_identity()
    portraits = Portraits(Engine(replace(fake_models(), shrink=counting.shrink)))
    try:
        for _ in range(5):
            assert portraits.of(identity, (64, 64)) is identity
        async with asyncio.timeout(5):
            while portraits.of(identity, (64, 64)) is identity:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert portraits.of(identity, (64, 64)).size == (64, 64)
        await portraits.ready(identity, (64, 64))
        assert counting.made == [(64, 64)]
        assert all(name.startswith("portraits") for name in counting.threads)
        own = os.getpriority(os.PRIO_PROCESS, 0)
        assert all(each > own for each in counting.priorities), "behind the pictures"
    finally:
        await portraits.close()


async def test_a_portrait_that_cannot_be_made_smaller_is_drawn_as_it_is() -> None:
    def fail(identity: Identity, height: int, width: int) -> Identity:
        raise RuntimeError("no memory")

    portraits = Portraits(Engine(replace(fake_models(), shrink=fail)))
    identity = fake_identity()
    try:
        for _ in range(10):
            assert portraits.of(identity, (64, 64)) is identity
            await asyncio.sleep(0.01)
    finally:
        await portraits.close()
