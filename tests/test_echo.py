"""The portrait's own voice is known for what it is, at any level and delay."""

import numpy as np
import pytest

from models.echo import PLAYED_SAMPLES, WINDOW_SAMPLES, echo_share
from models.media import MODEL_RATE_HZ, FloatArray
from tests.speech import question, silence

IS_ECHO = 0.5  # as server.hearing asks
END = int(2.2 * MODEL_RATE_HZ)  # of the sound that is looked at


def portrait() -> FloatArray:
    """Some 3 s of speech."""
    parts = [silence(0.5), question("card"), question("photo")]
    whole: FloatArray = np.concatenate(parts) * np.float32(0.5)
    return whole


def level(sound: FloatArray) -> float:
    return float(np.sqrt(np.mean(sound[sound != 0] ** 2)))


def room(seed: int = 0) -> FloatArray:
    """An impulse response: direct sound, and a tail of 150 ms that is 12 dB weaker."""
    rng = np.random.default_rng(seed)
    tail = rng.standard_normal(2_400) * np.exp(-np.arange(2_400) / 500)
    tail *= 0.25 / np.linalg.norm(tail)
    tail[0] = 1.0
    response: FloatArray = tail.astype(np.float32)
    return response


def share(delay_ms: float, gain_db: float, visitor: FloatArray | None = None) -> float:
    """What is judged at END, noise of -66 dBFS included."""
    played = portrait()
    echo = np.convolve(played, room())[: len(played)]
    echo *= 10 ** (gain_db / 20)
    heard = np.concatenate([silence(delay_ms / 1000), echo])[: len(played)]
    heard = heard + 0.0005 * np.random.default_rng(1).standard_normal(len(heard))
    if visitor is not None:
        heard[END - len(visitor) : END] += visitor
    end = heard[END - WINDOW_SAMPLES : END].astype(np.float32)
    before = np.concatenate([silence(2), played])
    at = END + 2 * MODEL_RATE_HZ
    return echo_share(end, before[at - PLAYED_SAMPLES : at].astype(np.float32))


@pytest.mark.parametrize("delay_ms", [0, 35, 140, 420, 900, 1_300])
@pytest.mark.parametrize("gain_db", [0, -12, -24])
def test_echo_is_known_as_echo(delay_ms: float, gain_db: float) -> None:
    assert share(delay_ms, gain_db) > IS_ECHO


@pytest.mark.parametrize("delay_ms", [35, 420])
@pytest.mark.parametrize("ratio_db", [6, 12, 20])
def test_a_visitor_over_the_echo_is_heard(delay_ms: float, ratio_db: float) -> None:
    echo_db = -12.0
    visitor = question("voice")[4_000 : 4_000 + WINDOW_SAMPLES]
    wanted = level(portrait()) * 10 ** ((echo_db + ratio_db) / 20)
    assert share(delay_ms, echo_db, visitor * wanted / level(visitor)) < IS_ECHO


def test_a_visitor_without_echo_is_no_echo() -> None:
    """The browser has cancelled it: a visitor alone is heard."""
    at = 4_000
    shares = []
    for name in ("voice", "photo"):
        heard = question(name)[at : at + WINDOW_SAMPLES]
        shares.append(echo_share(heard, portrait()[:PLAYED_SAMPLES][-PLAYED_SAMPLES:]))
    assert max(shares) < 0.3


def test_silence_on_either_side_is_no_echo() -> None:
    voice = question("voice")[:WINDOW_SAMPLES]
    assert echo_share(voice, silence(2)) == 0.0
    assert echo_share(silence(0.5), portrait()[:PLAYED_SAMPLES]) == 0.0
    broken = np.full(WINDOW_SAMPLES, np.nan, np.float32)
    assert 0 <= echo_share(broken, portrait()[:PLAYED_SAMPLES]) <= 1
