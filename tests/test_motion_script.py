import csv
import wave
from pathlib import Path

import numpy as np
import pytest
import soxr

from models.blendshapes import ARKIT_NAMES
from models.media import FloatArray
from scripts.motion import main
from tests.spoken import spoken


def write_wave(path: Path, samples: FloatArray, rate_hz: int = 16_000) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


def read_csv(path: Path) -> tuple[list[str], FloatArray]:
    with path.open(newline="") as file:
        header, *rows = csv.reader(file)
    return header, np.array(rows, np.float32)


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    samples = spoken("Papa, mama, baba. A papa and a mama.", "it+f2").samples
    return write_wave(tmp_path / "said.wav", samples)


def test_columns_and_times(sound: Path, tmp_path: Path) -> None:
    out = tmp_path / "motion.csv"
    assert main([str(sound), "-o", str(out)]) == 0
    header, values = read_csv(out)
    head = ["head_yaw", "head_pitch", "head_roll"]
    assert header == ["time_ms", "aperture", "width", *ARKIT_NAMES, *head]
    assert values[:, 0].tolist() == [40 * row for row in range(len(values))]
    assert not list(tmp_path.glob("*.part")) and not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(("samples", "frames"), [(640, 1), (641, 2), (64_000, 100)])
def test_a_row_for_each_frame_of_sound(
    tmp_path: Path, samples: int, frames: int
) -> None:
    path = write_wave(tmp_path / "noise.wav", np.zeros(samples, np.float32))
    out = tmp_path / "motion.csv"
    assert main([str(path), "-o", str(out)]) == 0
    assert len(read_csv(out)[1]) == frames


def test_lips_meet_when_the_sound_says_so(sound: Path, tmp_path: Path) -> None:
    """Nothing is late: the lips are closed at the bilabials, open at the vowels."""
    out = tmp_path / "motion.csv"
    main([str(sound), "-o", str(out)])
    aperture = read_csv(out)[1][:, 1]
    said = spoken("Papa, mama, baba. A papa and a mama.", "it+f2")

    def mean_at(middles_s: list[float], late_s: float) -> float:
        frames = [round((middle + late_s) * 25) for middle in middles_s]
        return float(aperture[frames].mean())

    bilabials, vowels = said.middles_s(vowels=False), said.middles_s(vowels=True)
    contrast = {
        late: mean_at(vowels, late / 1000) - mean_at(bilabials, late / 1000)
        for late in range(-200, 201, 40)
    }
    assert contrast[0] > 0.04
    assert max(contrast, key=lambda late: contrast[late]) in (-40, 0, 40)


@pytest.mark.parametrize("look_ahead_ms", [0, 40])
def test_a_shorter_look_ahead_has_as_many_rows_and_other_lips(
    sound: Path, tmp_path: Path, look_ahead_ms: int
) -> None:
    usual, other = tmp_path / "usual.csv", tmp_path / "other.csv"
    main([str(sound), "-o", str(usual)])
    option = ["--look-ahead-ms", str(look_ahead_ms)]
    assert main([str(sound), "-o", str(other), *option]) == 0
    lips, others = (read_csv(path)[1][:, 1] for path in (usual, other))
    assert lips.shape == others.shape
    assert 0.5 < np.corrcoef(lips, others)[0, 1] < 0.999


@pytest.mark.parametrize("rate_hz", [8_000, 22_050, 44_100, 48_000])
def test_sound_of_any_rate_moves_the_same_lips(
    sound: Path, tmp_path: Path, rate_hz: int
) -> None:
    samples = spoken("Papa, mama, baba. A papa and a mama.", "it+f2").samples
    converted = np.asarray(soxr.resample(samples, 16_000, rate_hz), np.float32)
    other = write_wave(tmp_path / "other.wav", converted, rate_hz)
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    assert main([str(sound), "-o", str(first)]) == 0
    assert main([str(other), "-o", str(second)]) == 0
    lips, others = (read_csv(path)[1][:, 1] for path in (first, second))
    assert abs(len(lips) - len(others)) <= 1
    count = min(len(lips), len(others))
    assert np.corrcoef(lips[:count], others[:count])[0, 1] > 0.9


def test_the_seed_decides(sound: Path, tmp_path: Path) -> None:
    texts = []
    for number, seed in enumerate(("1", "1", "2")):
        out = tmp_path / f"{number}.csv"
        main([str(sound), "-o", str(out), "--seed", seed])
        texts.append(out.read_text())
    assert texts[0] == texts[1] != texts[2]


@pytest.mark.parametrize("content", [None, b"", b"this is not a sound"])
def test_bad_sound_leaves_no_file(
    tmp_path: Path, content: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "in.wav", tmp_path / "motion.csv"
    if content is not None:
        path.write_bytes(content)
    assert main([str(path), "-o", str(out)]) == 1
    assert "audio_" in capsys.readouterr().err
    assert not out.exists()


def test_a_folder_that_is_not_there(
    sound: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(sound), "-o", str(tmp_path / "none" / "motion.csv")]) == 1
    assert "cannot be written" in capsys.readouterr().err
