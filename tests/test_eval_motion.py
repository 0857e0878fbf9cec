"""The measure of the audio-to-motion network: it must tell good lips from bad ones."""

import json
from pathlib import Path

import numpy as np
import pytest

from models.audio2motion import AudioToMotion
from models.media import FRAME_RATE_HZ, FloatArray
from models.mouth_motion import MOUTH_CHANNELS, rendered
from models.visemes import CLASS_INDEX, Phones
from scripts.eval_motion import (
    CONDITIONS,
    Figures,
    hear,
    main,
    measure,
    targets,
    whispered,
)
from tests.test_train import small_shard

FRAMES = 250
APERTURE = MOUTH_CHANNELS.index("aperture")


@pytest.fixture
def phones() -> Phones:
    """Ten times "pause, ma, na", each phone 0.2 s, pauses 0.4 s."""
    names = ["SIL", "SIL", "P", "a", "T"] * 10
    edges = np.arange(len(names) + 1) * 0.2
    classes = np.array([CLASS_INDEX[name] for name in names])
    return Phones(edges[:-1], edges[1:], classes, np.ones(len(names), np.float32))


@pytest.fixture
def perfect(phones: Phones) -> FloatArray:
    return rendered(targets(phones, FRAMES))


def figures(rows: FloatArray, phones: Phones) -> Figures:
    silent = np.zeros(FRAMES, np.float32)
    silent.reshape(10, 25)[:, 3:7] = 1
    return measure(rows, targets(phones, FRAMES), phones, silent)


def test_perfect_lips_have_perfect_figures(phones: Phones, perfect: FloatArray) -> None:
    found = figures(perfect, phones)
    assert found.aperture_r == pytest.approx(1, abs=0.01)
    assert found.width_r > 0.9
    assert found.closed == 1
    assert found.false_closed == 0
    assert found.silent_motion < 0.02


def test_lips_that_never_meet_are_found_out(
    phones: Phones, perfect: FloatArray
) -> None:
    perfect[:, APERTURE] = perfect[:, APERTURE].clip(0.1)
    assert figures(perfect, phones).closed == 0


def test_lips_that_meet_for_n_are_found_out(
    phones: Phones, perfect: FloatArray
) -> None:
    for start, name in zip(phones.start_s, phones.classes, strict=True):
        if name == CLASS_INDEX["T"]:
            first = round(start * FRAME_RATE_HZ)
            perfect[first : first + 5, APERTURE] = 0
    assert figures(perfect, phones).false_closed > 0.2


def test_late_lips_are_found_out(phones: Phones, perfect: FloatArray) -> None:
    late = figures(np.roll(perfect, 4, axis=0), phones)
    assert late.aperture_r < 0.7
    assert late.false_closed > 0.1


def test_lips_that_move_in_silence_are_found_out(
    phones: Phones, perfect: FloatArray
) -> None:
    perfect.reshape(10, 25, -1)[:, 3:7:2, APERTURE] = 0.2
    assert figures(perfect, phones).silent_motion > 0.1


@pytest.mark.parametrize("name", CONDITIONS)
def test_conditions_keep_time_and_sound(name: str) -> None:
    seconds = np.arange(16_000) / 16_000
    tone = (0.2 * np.sin(2 * np.pi * 700 * seconds)).astype(np.float32)
    heard = CONDITIONS[name].heard(tone)
    assert heard.shape == tone.shape and heard.dtype == np.float32
    assert np.isfinite(heard).all() and np.abs(heard).max() > 1e-3


def test_a_whisper_has_no_pitch() -> None:
    pulses = np.zeros(16_000, np.float32)
    pulses[::100] = 1  # a voice of 160 Hz

    def periodicity(sound: FloatArray) -> float:
        return float(np.corrcoef(sound[4000:-100], sound[4100:])[0, 1])

    assert periodicity(pulses) > 0.9
    assert periodicity(whispered(pulses)) < 0.3


def test_the_script_measures_each_condition(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small_shard(tmp_path / "flite_rms-0-0000.npz", 1)
    assert main([str(tmp_path), "--minutes", "0.1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found["mean"]) == set(CONDITIONS)
    assert all(0 <= share <= 1 for share in found["moved_by"].values())


def test_no_held_out_voice_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path)]) == 1
    assert "held-out" in capsys.readouterr().err


def test_rows_are_not_late() -> None:
    network = AudioToMotion.load().with_look_ahead(1)
    assert hear(network, np.zeros(640 * 12, np.float32)).shape[0] == 12
