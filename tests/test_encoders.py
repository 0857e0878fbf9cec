"""Encoders show a portrait of any shape undistorted."""

import av
import numpy as np
import pytest

from server.encoders import VideoEncoder


@pytest.mark.parametrize(
    ("high", "wide"), [(256, 256), (512, 288), (288, 512), (144, 256), (301, 203)]
)
def test_a_circle_stays_a_circle(high: int, wide: int) -> None:
    """In a video of another size and shape: the middle is shown, as high as wide."""
    rows, columns = np.indices((high, wide))
    away = np.hypot(rows - (high - 1) / 2, columns - (wide - 1) / 2)
    picture = np.full((high, wide, 3), 20, np.uint8)
    picture[away < 0.3 * min(high, wide)] = 230
    packet = VideoEncoder("VP8", 320, 180, 2_000_000).encode(picture, 0, key=True)
    assert packet is not None
    (frame,) = av.VideoCodecContext.create("vp8", "r").decode(packet)
    shown = frame.to_ndarray(format="gray") > 128
    assert shown.shape == (180, 320)
    height, width = shown.any(1).sum(), shown.any(0).sum()
    assert height == pytest.approx(width, rel=0.06) or height == 180
    assert shown[88:92, 158:162].all()


def test_what_is_left_out_is_at_the_edges_alone() -> None:
    """A square in a wide video: full width, top and bottom cut alike."""
    picture = np.full((256, 256, 3), 20, np.uint8)
    picture[:, :16] = picture[:, -16:] = 230
    packet = VideoEncoder("VP8", 256, 128, 2_000_000).encode(picture, 0, key=True)
    assert packet is not None
    (frame,) = av.VideoCodecContext.create("vp8", "r").decode(packet)
    shown = frame.to_ndarray(format="gray")
    assert shown[:, :12].min() > 128 and shown[:, -12:].min() > 128
    assert shown[:, 24:-24].max() < 100
