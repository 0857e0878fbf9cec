"""Encoders: a portrait of any shape is undistorted, its matte comes with it, and
silence costs nothing."""

import av
import numpy as np
import numpy.typing as npt
import pytest

from models.mark import make_mark
from models.media import PACKET_SAMPLES, FloatArray
from server.encoders import (
    LASTING_SILENCE_PACKETS,
    OpusEncoder,
    VideoCodec,
    VideoEncoder,
    VideoForm,
)

SPEECH_PACKETS = 50
Pixels = npt.NDArray[np.uint8]


def vp8(width: int, height: int) -> VideoEncoder:
    return VideoEncoder("VP8", VideoForm(width, height, 2_000_000))


def decoded(encoder: VideoEncoder, codec: VideoCodec, picture: Pixels) -> Pixels:
    """RGB [H, W, 3] of a key frame."""
    packet = encoder.encode(picture, 0, key=True)
    assert packet is not None
    decoder = av.VideoCodecContext.create("vp8" if codec == "VP8" else "h264", "r")
    frames = [*decoder.decode(packet), *decoder.decode(None)]
    return np.asarray(frames[0].to_ndarray(format="rgb24"), np.uint8)


@pytest.mark.parametrize(
    ("high", "wide"), [(256, 256), (512, 288), (288, 512), (144, 256), (301, 203)]
)
def test_a_circle_stays_a_circle(high: int, wide: int) -> None:
    """In a video of another size and shape: the middle is shown, as high as wide."""
    rows, columns = np.indices((high, wide))
    away = np.hypot(rows - (high - 1) / 2, columns - (wide - 1) / 2)
    picture = np.full((high, wide, 3), 20, np.uint8)
    picture[away < 0.3 * min(high, wide)] = 230
    packet = vp8(320, 180).encode(picture, 0, key=True)
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
    packet = vp8(256, 128).encode(picture, 0, key=True)
    assert packet is not None
    (frame,) = av.VideoCodecContext.create("vp8", "r").decode(packet)
    shown = frame.to_ndarray(format="gray")
    assert shown[:, :12].min() > 128 and shown[:, -12:].min() > 128
    assert shown[:, 24:-24].max() < 100


def somebody(high: int, wide: int) -> Pixels:
    """RGBA: a reddish disc, half a disc more of it that is half there."""
    rows, columns = np.indices((high, wide))
    away = np.hypot(rows - high / 2, columns - wide / 2) / min(high, wide)
    picture = np.full((high, wide, 4), (180, 90, 60, 0), np.uint8)
    picture[..., 3] = np.where(away < 0.25, 255, np.where(away < 0.4, 128, 0))
    return picture


@pytest.mark.parametrize("codec", ["VP8", "H264"])
@pytest.mark.parametrize(("width", "height"), [(256, 256), (182, 322), (128, 130)])
def test_a_matte_comes_below_its_portrait(
    codec: VideoCodec, width: int, height: int
) -> None:
    encoder = VideoEncoder(codec, VideoForm(width, height, 2_000_000, packed=True))
    sent = somebody(height, width)
    shown = decoded(encoder, codec, sent).astype(float)
    assert shown.shape == (2 * height, width, 3)
    matte = shown[height:].mean(-1, keepdims=True) / 255
    for behind in ((255, 255, 255), (0, 60, 200)):
        laid = shown[:height] * matte + (1 - matte) * behind
        share = sent[..., 3:] / 255
        true = sent[..., :3] * share + (1 - share) * behind
        assert np.abs(laid - true).mean() < 3
    middle = matte[height // 2, width // 2], matte[2, 2]
    assert middle[0] > 0.985 and middle[1] < 0.015  # all there, all away
    assert np.ptp(shown[height:], axis=-1).max() < 12  # grey


def test_a_picture_with_its_matte_is_made_smaller_and_marked() -> None:
    mark = make_mark("AI-generated", 128, 128)
    form = VideoForm(128, 128, 2_000_000, packed=True)
    shown = decoded(VideoEncoder("VP8", form, mark), "VP8", somebody(256, 256))
    assert shown.shape == (256, 128, 3)
    assert shown[192, 64].min() > 240
    marked = shown[128 + mark.top : 128 + mark.top + mark.alpha.shape[0], mark.left :]
    assert marked.max() > 140  # where nobody is, its plate is


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
