"""What the load test makes of arrivals."""

import numpy as np
import pytest

from scripts.live_client import NO_SAMPLES, LiveClient, Picture, Sound
from scripts.loadtest import leads_s, moved_s, pace


@pytest.fixture
def client() -> LiveClient:
    """Ten seconds of a perfect stream, whose RTP times wrap round."""
    client = LiveClient("http://nobody")
    client.pictures = [
        Picture((2**32 - 9000 + 3600 * n) % 2**32, 100 + 0.04 * n, 0.0)
        for n in range(250)
    ]
    client.sounds = [
        Sound((2**32 - 9600 + 960 * n) % 2**32, 100 + 0.02 * n, 0.0, NO_SAMPLES)
        for n in range(500)
    ]
    return client


def test_a_perfect_stream_has_nothing_wrong(client: LiveClient) -> None:
    measured = pace(client, 100, 110)
    assert measured.fps == pytest.approx(25)
    assert measured.longest_ms == pytest.approx(40)
    assert measured.freezes == measured.holes == 0
    assert measured.late_ms == pytest.approx(0, abs=0.01)
    assert measured.drift_ms == pytest.approx(0, abs=0.01)


def test_what_is_wrong_is_found(client: LiveClient) -> None:
    del client.pictures[100:104]  # a freeze of 200 ms
    del client.sounds[200]
    late = client.sounds[300]
    client.sounds[300] = Sound(late.timestamp, late.arrived_s + 0.015, 0.0, NO_SAMPLES)
    measured = pace(client, 100, 110)
    assert measured.fps == pytest.approx(24.6)
    assert measured.longest_ms == pytest.approx(200)
    assert (measured.freezes, measured.holes) == (1, 1)
    assert measured.late_ms == pytest.approx(15, abs=0.01)


def test_drift_is_how_far_pictures_move_against_sound(client: LiveClient) -> None:
    client.pictures = [
        Picture(p.timestamp, p.arrived_s + 0.1 * n / 250, 0.0)
        for n, p in enumerate(client.pictures)
    ]
    assert pace(client, 100, 111).drift_ms == pytest.approx(80, abs=1)
    assert moved_s(leads_s(client.sounds, 48_000)) == pytest.approx(0, abs=1e-5)
    assert np.isnan(moved_s([]))
