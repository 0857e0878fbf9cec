"""What the microphone brings becomes probabilities: soon, and whoever spoke before."""

import numpy as np
import pytest

from models.media import MODEL_RATE_HZ, PLAYOUT_RATE_HZ, FloatArray
from models.vad import VAD_SAMPLES
from server.sensing import Ears
from tests.speech import Question, question, silence

PACKET = 960
MODEL_PACKET = PACKET * MODEL_RATE_HZ // PLAYOUT_RATE_HZ


def probabilities(sound: FloatArray) -> list[float]:
    ears, nothing = Ears(), silence(0.02, PLAYOUT_RATE_HZ)
    packets = np.split(sound[: len(sound) // PACKET * PACKET], len(sound) // PACKET)
    return [
        sensed.probability
        for packet in packets
        for sensed in ears.sense(packet, nothing, portrait_heard=False)
    ]


def first_sign_ms(before: Question, name: Question, shift: int) -> float:
    """Until 64 ms in a row are speech; shift: of the onset, in samples at 16 kHz."""
    quiet = silence(4 + shift / MODEL_RATE_HZ, PLAYOUT_RATE_HZ)
    earlier = np.concatenate([question(before, PLAYOUT_RATE_HZ), quiet])
    found = probabilities(np.concatenate([earlier, question(name, PLAYOUT_RATE_HZ)]))
    onset = len(earlier) * MODEL_PACKET // PACKET
    frame = onset // VAD_SAMPLES
    while not (found[frame] >= 0.5 and found[frame + 1] >= 0.35):
        frame += 1
    return ((frame + 2) * VAD_SAMPLES - onset) * 1000 / MODEL_RATE_HZ


@pytest.mark.parametrize("before", ["voice", "photo"])
def test_after_a_silence_a_voice_is_heard_as_soon_as_the_first_one(
    before: Question,
) -> None:
    """92 ms on average; 143 where the network has the earlier voice in mind."""
    names: list[Question] = ["voice", "card", "photo"]
    signs = [
        first_sign_ms(before, name, shift)
        for name in names
        for shift in range(0, VAD_SAMPLES, 64)
    ]
    assert float(np.mean(signs)) < 115
    assert max(signs) < 200


def test_packets_of_any_length_give_the_same() -> None:
    sound = np.concatenate([silence(1, PLAYOUT_RATE_HZ), question("card", 48_000)])
    sound = sound[: len(sound) // 1920 * 1920]
    ears = Ears()
    whole = ears.sense(sound, sound[:0], portrait_heard=False)
    np.testing.assert_allclose(
        probabilities(sound), [each.probability for each in whole], atol=1e-4
    )
