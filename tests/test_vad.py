"""Voice activity: speech is found, other sounds are not, and chunks change nothing."""

import numpy as np
import pytest
from faster_whisper.vad import get_vad_model

from models.media import FloatArray
from models.vad import VAD_FRAME_MS, VAD_SAMPLES, VadState, speech_probability
from tests.speech import question, silence


def probabilities(sound: FloatArray) -> FloatArray:
    state = VadState.fresh()
    values = []
    for first in range(0, len(sound) - VAD_SAMPLES + 1, VAD_SAMPLES):
        value, state = speech_probability(sound[first : first + VAD_SAMPLES], state)
        values.append(value)
    return np.array(values, np.float32)


def test_speech_is_found_where_it_is() -> None:
    voice = question("voice")
    sound = np.concatenate([silence(0.5), voice, silence(1)])
    found = probabilities(sound) > 0.5
    begin, end = np.flatnonzero(found)[[0, -1]] * VAD_FRAME_MS / 1000
    assert begin == pytest.approx(0.5, abs=0.2)
    assert end == pytest.approx(0.5 + len(voice) / 16_000, abs=0.25)
    assert found.sum() * VAD_FRAME_MS / 1000 > 0.7 * len(voice) / 16_000


def test_frame_by_frame_equals_all_at_once() -> None:
    voice = question("photo")
    voice = voice[: len(voice) // VAD_SAMPLES * VAD_SAMPLES]
    whole = get_vad_model()(voice.copy()).ravel()
    np.testing.assert_allclose(probabilities(voice), whole, atol=0.01)


@pytest.mark.parametrize("kind", ["silence", "noise", "chord", "clicks", "broken"])
def test_what_is_no_speech(kind: str) -> None:
    rng = np.random.default_rng(0)
    time_s = np.arange(32_000) / 16_000
    tones = [np.sin(2 * np.pi * hz * time_s) for hz in (220, 277, 330)]
    sound = {
        "silence": np.zeros(32_000),
        "noise": 0.1 * rng.standard_normal(32_000),
        "chord": 0.2 * np.sum(tones, axis=0),
        "clicks": np.where(np.arange(32_000) % 8_000 < 8, 0.9, 0.0),
        "broken": np.where(np.arange(32_000) % 7, np.nan, np.inf),
    }[kind]
    found = probabilities(sound.astype(np.float32)) > 0.5
    assert found.mean() < 0.05
