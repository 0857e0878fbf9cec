import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.audio2motion import AudioToMotion
from models.gestures import GESTURE_CHANNELS
from models.media import MOTION_CHANNELS, FloatArray, Motion
from models.mouth_motion import MOUTH_CHANNELS
from models.performer import Decimator, Performer
from tests.spoken import spoken

FRAME = 1920


@pytest.fixture(scope="module")
def network() -> AudioToMotion:
    return AudioToMotion.load()


@pytest.fixture(scope="module")
def speech() -> FloatArray:
    """Speech at 48 kHz, float32 [1920 n]."""
    samples = spoken("Maybe people will come back tomorrow.", "en-us+f3").samples
    held = np.interp(
        np.arange(len(samples) * 3) / 3, np.arange(len(samples)), samples
    ).astype(np.float32)
    return held[: len(held) // FRAME * FRAME]


def perform(network: AudioToMotion, samples: FloatArray, seed: int = 0) -> Motion:
    return Performer(network, seed=seed).push_audio(samples)


def test_mouth_and_gestures_share_no_channel() -> None:
    assert not set(MOUTH_CHANNELS) & set(GESTURE_CHANNELS)


def test_a_row_for_each_frame_of_every_channel(
    network: AudioToMotion, speech: FloatArray
) -> None:
    motion = perform(network, speech)
    assert motion.values.shape == (len(speech) // FRAME, len(MOTION_CHANNELS))
    assert motion.values.dtype == np.float32
    assert np.isfinite(motion.values).all()
    assert motion.channel("aperture").max() > 0.05
    assert 0.3 < motion.channel("width").min() <= motion.channel("width").max() < 0.65
    assert motion.channel("jawOpen").max() > 0.08
    assert motion.channel("eyeBlinkLeft").min() >= 0


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("A lovely lily, a lullaby, a little lamp.", 0.35, 0.62),
        ("Think of the path, both of these things.", 0.62, 1.0),
        ("Mama may buy a bee, Bob may be a boy.", 0.0, 0.3),
    ],
)
def test_the_tongue_comes_up_in_l_and_out_in_th(
    network: AudioToMotion, text: str, least: float, most: float
) -> None:
    sound = spoken(text, "en-us+f3").samples
    at = np.arange(len(sound) * 3) / 3
    held = np.interp(at, np.arange(len(sound)), sound).astype(np.float32)
    motion = perform(network, held[: len(held) // FRAME * FRAME])
    furthest = np.sort(motion.channel("tongueOut"))[-3:].mean()
    assert least <= furthest <= most


@settings(deadline=None, max_examples=15)
@given(cuts=st.lists(st.integers(1, 40), max_size=6, unique=True))
def test_any_chunking_gives_the_same_motion(
    network: AudioToMotion, speech: FloatArray, cuts: list[int]
) -> None:
    total = len(speech) // FRAME
    performer = Performer(network, seed=3)
    edges = [0, *sorted(cut for cut in cuts if cut < total), total]
    parts = [
        performer.push_audio(speech[first * FRAME : last * FRAME])
        for first, last in zip(edges, edges[1:], strict=False)
    ]
    whole = perform(network, speech, seed=3)
    np.testing.assert_allclose(Motion.concat(parts).values, whole.values, atol=2e-4)


def test_going_back_to_a_state_unhears_what_came_after(
    network: AudioToMotion, speech: FloatArray
) -> None:
    """Silence that speech takes the place of leaves no trace in any channel."""
    performer = Performer(network, seed=3, audio=network.initial_state(1))
    performer.set_expression("happy", 0.8)
    first, second = speech[: FRAME * 10], speech[FRAME * 10 : FRAME * 40]
    performer.push_audio(first)
    state = performer.state
    performer.set_posture("listening")
    performer.push_audio(np.zeros(FRAME * 30, np.float32))
    performer.state = state
    after = performer.push_audio(second)
    straight = Performer(network, seed=3)
    straight.set_expression("happy", 0.8)
    straight.push_audio(first)
    np.testing.assert_array_equal(after.values, straight.push_audio(second).values)


def test_long_sounds_are_heard_in_parts(network: AudioToMotion) -> None:
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(FRAME * 260).astype(np.float32) * 0.05
    performer = Performer(network)
    parts = [performer.push_audio(noise[: FRAME * 7])]
    parts.append(performer.push_audio(noise[FRAME * 7 :]))
    whole = perform(network, noise)
    np.testing.assert_allclose(Motion.concat(parts).values, whole.values, atol=2e-4)


def test_the_seed_decides_the_gestures_and_not_the_mouth(
    network: AudioToMotion, speech: FloatArray
) -> None:
    first, again = perform(network, speech, 1), perform(network, speech, 1)
    other = perform(network, speech, 2)
    assert np.array_equal(first.values, again.values)
    assert np.array_equal(first.channel("aperture"), other.channel("aperture"))
    assert not np.array_equal(first.channel("head_yaw"), other.channel("head_yaw"))


def test_silence_is_alive_above_the_mouth(network: AudioToMotion) -> None:
    motion = perform(network, np.zeros(FRAME * 25 * 10, np.float32))
    assert np.ptp(motion.channel("aperture")) < 1e-6
    assert motion.channel("speech").max() == 0
    assert motion.channel("eyeBlinkLeft").max() > 0.5
    assert motion.channel("breath").std() > 0.05


@pytest.mark.parametrize("samples", [1, 1919, 1921])
def test_part_frames_are_refused(network: AudioToMotion, samples: int) -> None:
    with pytest.raises(ValueError, match="whole frames"):
        Performer(network).push_audio(np.zeros(samples, np.float32))


def test_no_sound_gives_no_rows(network: AudioToMotion) -> None:
    assert len(Performer(network).push_audio(np.zeros(0, np.float32))) == 0


def test_samples_that_are_no_numbers_do_no_lasting_harm(network: AudioToMotion) -> None:
    performer = Performer(network)
    hostile = np.full(FRAME * 2, np.nan, np.float32)
    hostile[:100], hostile[100:200] = np.inf, 1e30
    assert np.isfinite(performer.push_audio(hostile).values).all()
    quiet = performer.push_audio(np.zeros(FRAME * 100, np.float32))
    assert np.isfinite(quiet.values).all()
    assert quiet.channel("speech")[-1] == 0
    assert np.ptp(quiet.channel("aperture")[-10:]) < 1e-6


def test_postures_are_checked(network: AudioToMotion) -> None:
    performer = Performer(network)
    performer.set_posture("thinking")
    with pytest.raises(ValueError, match="posture"):
        performer.set_posture("asleep")  # type: ignore[arg-type]


@settings(deadline=None, max_examples=20)
@given(cuts=st.lists(st.integers(1, 99), max_size=6, unique=True))
def test_decimation_in_chunks_equals_the_whole(cuts: list[int]) -> None:
    samples = torch.randn(300, generator=torch.Generator().manual_seed(1)).numpy()
    decimator = Decimator()
    edges = [0, *(3 * cut for cut in sorted(cuts)), 300]
    parts = [
        decimator.push(samples[first:last])
        for first, last in zip(edges, edges[1:], strict=False)
    ]
    whole = Decimator().push(samples)
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-6)


@pytest.mark.parametrize(("hz", "gain"), [(1000, 1.0), (6000, 1.0), (11_000, 0.0)])
def test_decimation_keeps_what_16_khz_can_hold(hz: float, gain: float) -> None:
    tone = np.sin(2 * np.pi * hz * np.arange(9600) / 48_000).astype(np.float32)
    heard = Decimator().push(tone)[100:]
    assert np.sqrt(2 * (heard**2).mean()) == pytest.approx(gain, abs=0.01)


def test_performers_that_hear_together_move_as_each_would_alone(
    network: AudioToMotion, speech: FloatArray
) -> None:
    """Also where one hears more, or through another look-ahead, than the others."""
    networks = [network, network, network.with_look_ahead(0), network]
    alone = [Performer(net, seed=seed) for seed, net in enumerate(networks)]
    together = [Performer(net, seed=seed) for seed, net in enumerate(networks)]
    for step in range(12):
        counts = (1, 1, 1, 2 if step % 3 == 0 else 1)
        sounds = [
            speech[(5 * who + 2 * step) * FRAME :][: count * FRAME]
            for who, count in enumerate(counts)
        ]
        motions = Performer.push_together(together, sounds)
        for performer, sound, motion in zip(alone, sounds, motions, strict=True):
            expected = performer.push_audio(sound).values
            np.testing.assert_allclose(motion.values, expected, atol=2e-4)


def test_a_sound_that_is_no_whole_frame_stops_all_before_any_has_heard(
    network: AudioToMotion, speech: FloatArray
) -> None:
    one, other = Performer(network), Performer(network)
    with pytest.raises(ValueError, match="whole frames"):
        Performer.push_together([one, other], [speech[:FRAME], speech[:100]])
    fresh = Performer(network).push_audio(speech[: 9 * FRAME])
    assert np.array_equal(one.push_audio(speech[: 9 * FRAME]).values, fresh.values)
