"""The film: lengths, rates and nothing half-made."""

from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

from models.film import ALPHA_MOV, ALPHA_WEBM, FilmFormat, FilmWriter
from models.media import PLAYOUT_RATE_HZ, PLAYOUT_SAMPLES_PER_FRAME


def write_film(path: Path, frames: int) -> None:
    """Grey that brightens, under a tone."""
    time_s = np.arange(frames * PLAYOUT_SAMPLES_PER_FRAME) / PLAYOUT_RATE_HZ
    tone = (0.5 * np.sin(2 * np.pi * 440 * time_s)).astype(np.float32)
    with FilmWriter(path, 64, 48) as film:
        for index, sound in enumerate(tone.reshape(frames, -1)):
            film.write(np.full((48, 64, 3), 2 * index, np.uint8), sound)


@pytest.mark.parametrize("frames", [1, 7, 100])
def test_sound_and_picture_have_one_length(tmp_path: Path, frames: int) -> None:
    path = tmp_path / "film.mp4"
    write_film(path, frames)
    with av.open(str(path)) as film:
        pictures = list(film.decode(video=0))
        film.seek(0)
        samples = sum(frame.samples for frame in film.decode(audio=0))
        video, audio = film.streams.video[0], film.streams.audio[0]
        assert (video.codec.name, audio.codec.name) == ("h264", "aac")
        assert video.average_rate == 25
    assert len(pictures) == frames
    assert [picture.time for picture in pictures] == pytest.approx(
        [index / 25 for index in range(frames)]
    )
    assert abs(samples / PLAYOUT_RATE_HZ - frames / 25) < 0.04


def test_colours_survive(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    frame = np.zeros((64, 64, 3), np.uint8)
    frame[:] = (200, 120, 80)
    with FilmWriter(path, 64, 64) as film:
        for _ in range(5):
            film.write(frame, np.zeros(PLAYOUT_SAMPLES_PER_FRAME, np.float32))
    with av.open(str(path)) as film:
        picture = next(film.decode(video=0))
    assert picture.colorspace == av.video.reformatter.Colorspace.ITU709
    shown = picture.reformat(format="rgb24", src_colorspace="ITU709").to_ndarray()
    assert np.abs(shown.astype(int) - frame).max() <= 4


def test_failure_leaves_nothing_and_keeps_the_old_film(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"the old film")
    with pytest.raises(RuntimeError), FilmWriter(path, 64, 64) as film:
        sound = np.zeros(PLAYOUT_SAMPLES_PER_FRAME, np.float32)
        film.write(np.zeros((64, 64, 3), np.uint8), sound)
        raise RuntimeError
    assert path.read_bytes() == b"the old film"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FilmWriter(tmp_path / "no" / "film.mp4", 64, 64)


def decoded_alpha(path: Path) -> list[npt.NDArray[np.uint8]]:
    """The alpha planes of a film, uint8 [H, W] each."""
    with av.open(str(path)) as film:
        stream = film.streams.video[0]
        codec = stream.codec_context
        if codec.name.startswith(("vp9", "libvpx")):  # FFmpeg's own drops the alpha
            codec = av.VideoCodecContext.create("libvpx-vp9", "r")
        assert isinstance(codec, av.VideoCodecContext)
        frames = [f for packet in film.demux(stream) for f in codec.decode(packet)]
    return [
        np.asarray(frame.to_ndarray(format="rgba")[..., 3], np.uint8)
        for frame in frames
    ]


@pytest.mark.parametrize(
    ("name", "form", "codecs"),
    [
        ("film.webm", ALPHA_WEBM, ("vp9", "opus")),
        ("film.mov", ALPHA_MOV, ("prores", "pcm_s16le")),
    ],
)
def test_alpha_survives(
    tmp_path: Path, name: str, form: FilmFormat, codecs: tuple[str, str]
) -> None:
    path = tmp_path / name
    frame = np.full((64, 96, 4), 180, np.uint8)
    frame[..., 3] = np.linspace(0, 255, 96).astype(np.uint8)
    time_s = np.arange(10 * PLAYOUT_SAMPLES_PER_FRAME) / PLAYOUT_RATE_HZ
    tone = (0.5 * np.sin(2 * np.pi * 440 * time_s)).astype(np.float32)
    with FilmWriter(path, 96, 64, form) as film:
        for sound in tone.reshape(10, -1):
            film.write(frame, sound)
    planes = decoded_alpha(path)
    assert len(planes) == 10
    for plane in planes:
        assert np.abs(plane.astype(int) - frame[..., 3]).mean() < 3
    with av.open(str(path)) as shown:
        video, audio = shown.streams.video[0], shown.streams.audio[0]
        assert (video.codec.name, audio.codec.name) == codecs
        heard = np.concatenate(
            [chunk.to_ndarray().ravel() for chunk in shown.decode(audio=0)]
        )
    level = heard.astype(np.float64) / (32768 if heard.dtype == np.int16 else 1)
    assert abs(len(heard) / PLAYOUT_RATE_HZ - 0.4) < 0.04
    assert np.sqrt(np.mean(level**2)) == pytest.approx(0.354, abs=0.03)
