"""The film: lengths, rates and nothing half-made."""

from pathlib import Path

import av
import numpy as np
import pytest

from models.media import PLAYOUT_RATE_HZ, PLAYOUT_SAMPLES_PER_FRAME
from models.mp4 import Mp4Writer


def write_film(path: Path, frames: int) -> None:
    """Grey that brightens, under a tone."""
    time_s = np.arange(frames * PLAYOUT_SAMPLES_PER_FRAME) / PLAYOUT_RATE_HZ
    tone = (0.5 * np.sin(2 * np.pi * 440 * time_s)).astype(np.float32)
    with Mp4Writer(path, 64, 48) as mp4:
        for index, sound in enumerate(tone.reshape(frames, -1)):
            mp4.write(np.full((48, 64, 3), 2 * index, np.uint8), sound)


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
    with Mp4Writer(path, 64, 64) as mp4:
        for _ in range(5):
            mp4.write(frame, np.zeros(PLAYOUT_SAMPLES_PER_FRAME, np.float32))
    with av.open(str(path)) as film:
        picture = next(film.decode(video=0))
    assert picture.colorspace == av.video.reformatter.Colorspace.ITU709
    shown = picture.reformat(format="rgb24", src_colorspace="ITU709").to_ndarray()
    assert np.abs(shown.astype(int) - frame).max() <= 4


def test_failure_leaves_nothing_and_keeps_the_old_film(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"the old film")
    with pytest.raises(RuntimeError), Mp4Writer(path, 64, 64) as mp4:
        sound = np.zeros(PLAYOUT_SAMPLES_PER_FRAME, np.float32)
        mp4.write(np.zeros((64, 64, 3), np.uint8), sound)
        raise RuntimeError
    assert path.read_bytes() == b"the old film"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Mp4Writer(tmp_path / "no" / "film.mp4", 64, 64)
