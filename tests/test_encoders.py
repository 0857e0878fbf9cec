"""Encoders: a portrait of any shape is undistorted, and silence costs nothing."""

import av
import numpy as np
import pytest

from models.media import PACKET_SAMPLES, FloatArray
from server.encoders import LASTING_SILENCE_PACKETS, OpusEncoder, VideoEncoder

SPEECH_PACKETS = 50


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


def voice_like() -> FloatArray:
    """A buzz with syllables, 1 s."""
    at = np.arange(SPEECH_PACKETS * PACKET_SAMPLES) / 48_000
    buzz = np.sign(np.sin(2 * np.pi * 120 * at)) * np.sin(2 * np.pi * 500 * at)
    voice: FloatArray = 0.3 * buzz * np.sin(2 * np.pi * 2 * at) ** 2
    return voice.astype(np.float32)


def test_lasting_silence_is_silent_and_speech_after_it_is_whole() -> None:
    silent = 3 * LASTING_SILENCE_PACKETS
    silence = np.zeros(silent * PACKET_SAMPLES, np.float32)
    sound = np.concatenate([voice_like(), silence, voice_like()])
    encoder = OpusEncoder(48_000)
    decoder = av.AudioCodecContext.create("libopus", "r")
    decoder.sample_rate, decoder.layout = 48_000, av.AudioLayout("mono")
    heard, costless = [], 0
    for number, samples in enumerate(np.split(sound, len(sound) // PACKET_SAMPLES)):
        costless += encoder.lasts_silent(samples)
        packet = encoder.encode(samples, number * PACKET_SAMPLES)
        assert packet.pts == number * PACKET_SAMPLES
        heard += [frame.to_ndarray().ravel() for frame in decoder.decode(packet)]
    assert costless == silent - LASTING_SILENCE_PACKETS
    levels = np.concatenate(heard).astype(np.float32) / 32768
    middle = (SPEECH_PACKETS + silent // 2) * PACKET_SAMPLES
    assert np.abs(levels[middle : middle + silence.size // 3]).max() < 1e-3
    first, second = levels[: 48_000 - 960], levels[-48_000:-960]
    assert np.std(second) == pytest.approx(np.std(first), rel=0.05)
    assert np.corrcoef(first, second)[0, 1] > 0.9
