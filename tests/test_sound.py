from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.container import OutputContainer

from models import sound
from models.errors import AudioError
from models.media import FloatArray
from models.sound import read_audio

TONE_HZ = 440


def tone(seconds: float, rate_hz: int, channels: int = 1) -> FloatArray:
    time = np.arange(int(seconds * rate_hz)) / rate_hz
    wave = 0.25 * np.sin(2 * np.pi * TONE_HZ * time)
    return np.tile(wave.astype(np.float32), (channels, 1))


def add_picture(container: OutputContainer) -> None:
    video = container.add_stream("mpeg4", rate=25)
    video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
    blank = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8))
    container.mux(video.encode(blank))
    container.mux(video.encode(None))


def write(
    path: Path,
    codec: str,
    *,
    seconds: float = 1.0,
    rate_hz: int = 48_000,
    layout: str = "mono",
    picture: bool = False,
) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate_hz, layout=layout)
        assert isinstance(stream, av.AudioStream)
        if picture:
            add_picture(container)
        channels = av.AudioLayout(layout).nb_channels
        frame = av.AudioFrame.from_ndarray(
            tone(seconds, rate_hz, channels), format="fltp", layout=layout
        )
        frame.rate, frame.pts, frame.time_base = rate_hz, 0, Fraction(1, rate_hz)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("name", "codec", "rate_hz", "layout"),
    [
        ("a.wav", "pcm_s16le", 8000, "mono"),
        ("a.wav", "pcm_s16le", 44_100, "stereo"),
        ("a.wav", "pcm_f32le", 192_000, "mono"),
        ("a.wav", "pcm_s24le", 96_000, "5.1"),
        ("a.flac", "flac", 48_000, "stereo"),
        ("a.mp3", "libmp3lame", 44_100, "stereo"),
        ("a.m4a", "aac", 44_100, "mono"),
        ("a.ogg", "libopus", 48_000, "stereo"),
        ("a.webm", "libopus", 48_000, "mono"),
    ],
)
def test_any_format_becomes_the_same_mono_tone(
    tmp_path: Path, name: str, codec: str, rate_hz: int, layout: str
) -> None:
    samples = read_audio(write(tmp_path / name, codec, rate_hz=rate_hz, layout=layout))
    assert samples.dtype == np.float32 and samples.ndim == 1
    assert len(samples) == pytest.approx(48_000, abs=3500)
    middle = samples[12_000:36_000]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    peak_hz = np.argmax(spectrum) * 48_000 / len(middle)
    assert peak_hz == pytest.approx(TONE_HZ, abs=3)
    assert 0.05 < np.abs(middle).max() < 0.9


def test_the_sound_of_a_film(tmp_path: Path) -> None:
    samples = read_audio(write(tmp_path / "f.mp4", "aac", picture=True))
    assert len(samples) == pytest.approx(48_000, abs=3500)


def test_a_lossless_file_keeps_its_samples(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", "pcm_f32le")
    assert np.abs(read_audio(path) - tone(1, 48_000)[0]).max() < 1e-6


def test_the_wanted_rate(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", "pcm_s16le")
    assert len(read_audio(path, 16_000)) == pytest.approx(16_000, abs=40)


def test_nan_and_infinity_become_silence(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", "pcm_f32le")
    broken = np.array([np.nan, np.inf, -np.inf, 0.5] * 100, "<f4").tobytes()
    path.write_bytes(path.read_bytes()[:-1600] + broken)
    assert np.isfinite(read_audio(path)).all()


def code_of(path: Path) -> str:
    with pytest.raises(AudioError) as caught:
        read_audio(path)
    assert path.name in caught.value.message
    return caught.value.code


def test_errors(tmp_path: Path) -> None:
    assert code_of(tmp_path / "none.wav") == "audio_missing"
    assert code_of(tmp_path) == "audio_missing"
    (tmp_path / "empty.wav").touch()
    assert code_of(tmp_path / "empty.wav") == "audio_empty"
    (tmp_path / "garbage.mp3").write_bytes(bytes(range(7, 200)) * 50)
    assert code_of(tmp_path / "garbage.mp3") in {"audio_unreadable", "audio_damaged"}
    (tmp_path / "text.wav").write_text("RIFF this is not")
    assert code_of(tmp_path / "text.wav") == "audio_unreadable"


def test_a_header_without_sound(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", "pcm_s16le")
    path.write_bytes(path.read_bytes()[:44])
    assert code_of(path) in {"audio_empty", "audio_unreadable"}


def test_a_truncated_m4a_has_lost_its_index(tmp_path: Path) -> None:
    path = write(tmp_path / "a.m4a", "aac")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert code_of(path) in {"audio_unreadable", "audio_damaged"}


def test_a_truncated_wav_keeps_what_is_there(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", "pcm_s16le")
    path.write_bytes(path.read_bytes()[:48_044])
    assert len(read_audio(path)) == pytest.approx(24_000, abs=50)


def test_a_film_without_sound(tmp_path: Path) -> None:
    path = tmp_path / "silent.mp4"
    with av.open(str(path), "w") as container:
        add_picture(container)
    assert code_of(path) == "audio_no_stream"


def test_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound, "MAX_DURATION_S", 2)
    path = write(tmp_path / "a.wav", "pcm_s16le", seconds=2.5)
    assert code_of(path) == "audio_too_long"


def test_names_are_never_addresses(tmp_path: Path) -> None:
    path = tmp_path / "concat:a|b.wav"
    write(tmp_path / "a.wav", "pcm_s16le").rename(path)
    assert len(read_audio(path)) == pytest.approx(48_000, abs=50)
