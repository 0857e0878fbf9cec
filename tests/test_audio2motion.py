from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from models.audio2motion import EMBEDDED_WEIGHTS, AudioToMotion
from models.errors import WeightsError
from models.media import FRAME_RATE_HZ, MODEL_SAMPLES_PER_FRAME, FloatArray
from models.mel import MEL_BANDS
from models.mouth_motion import LOOK_AHEADS, MOUTH_CHANNELS, finish, mouths_at_rest
from models.mouth_net import OneFrame
from models.visemes import Shape
from scripts.motion_corpus import not_speech
from tests.spoken import spoken

PAPA = "Papa, mama, baba. A papa and a mama."
VOICES = ("en-us+f3", "en-gb-x-rp+m3", "it+f2")
APERTURE, WIDTH, SPEECH = (
    MOUTH_CHANNELS.index(name) for name in ("aperture", "width", "speech")
)


@pytest.fixture(scope="module")
def network() -> AudioToMotion:
    return AudioToMotion.load()


@pytest.fixture(scope="module")
def random_network() -> AudioToMotion:
    """Untrained, but speaking with open lips, so that no gate hides a difference."""
    torch.manual_seed(7)
    network = AudioToMotion().ready()
    for head in network.net.heads:
        head.weight.mul_(0.3)
        head.bias.fill_(0.7)
        head.bias[Shape.CLOSE] = -3.0
        head.bias[Shape.SPEECH] = 5.0
    return network


def sound(frames: int, batch: int = 1, seed: int = 0) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    loudness = rng.uniform(0, 0.4, (batch, frames)).repeat(MODEL_SAMPLES_PER_FRAME, 1)
    noise = rng.standard_normal((batch, frames * MODEL_SAMPLES_PER_FRAME))
    return torch.from_numpy((noise * loudness).astype(np.float32))


def hear(network: AudioToMotion, samples: FloatArray) -> FloatArray:
    """Rows of the frames of a sound of whole frames, none late."""
    late = network.look_ahead_frames
    padded = np.pad(samples, (0, late * MODEL_SAMPLES_PER_FRAME))
    audio = torch.from_numpy(padded).unsqueeze(0)
    motion, _ = network.step(audio, network.initial_state())
    return motion.mouth[0, late:]


def around(rows: FloatArray, time_s: float, frames: int = 1) -> FloatArray:
    frame = round(time_s * FRAME_RATE_HZ)
    return rows[max(0, frame - frames) : frame + frames + 1]


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 100),
    cuts=st.lists(st.integers(1, 29), max_size=8, unique=True),
)
def test_any_chunking_gives_the_same_motion(
    random_network: AudioToMotion, seed: int, cuts: list[int]
) -> None:
    audio = sound(30, seed=seed)
    whole, _ = random_network.step(audio, random_network.initial_state())
    state, parts = random_network.initial_state(), []
    edges = [0, *sorted(cuts), 30]
    for first, last in zip(edges, edges[1:], strict=False):
        chunk = audio[:, first * 640 : last * 640]
        motion, state = random_network.step(chunk, state)
        assert motion.mouth.shape == (1, last - first, len(MOUTH_CHANNELS))
        parts.append(motion)
    for name in ("mouth", "energy", "stress", "speaking"):
        joined = np.concatenate([getattr(part, name) for part in parts], 1)
        np.testing.assert_allclose(joined, getattr(whole, name), atol=1e-4, rtol=0)
    assert whole.mouth[..., APERTURE].std() > 1e-4


def test_sessions_in_a_batch_do_not_touch_each_other(
    random_network: AudioToMotion,
) -> None:
    audio = sound(12, batch=3)
    together, _ = random_network.step(audio, random_network.initial_state(3))
    for session in range(3):
        alone, _ = random_network.step(
            audio[session : session + 1], random_network.initial_state()
        )
        np.testing.assert_allclose(
            together.mouth[session], alone.mouth[0], atol=1e-5, rtol=1e-4
        )


def test_rows_are_causal(random_network: AudioToMotion) -> None:
    audio = sound(20)
    changed = audio.clone()
    changed[:, 12 * 640 :] = 0.3
    first, _ = random_network.step(audio, random_network.initial_state())
    second, _ = random_network.step(changed, random_network.initial_state())
    assert np.allclose(first.mouth[:, :12], second.mouth[:, :12], atol=1e-6)
    assert not np.allclose(first.mouth[:, 12:], second.mouth[:, 12:], atol=1e-6)


@pytest.mark.parametrize("samples", [0, 639, 641])
def test_part_frames_are_refused(random_network: AudioToMotion, samples: int) -> None:
    with pytest.raises(ValueError, match="whole number of frames"):
        random_network.step(torch.zeros(1, samples), random_network.initial_state())


def test_a_stream_begins_as_one_that_was_silent_so_far(
    random_network: AudioToMotion,
) -> None:
    audio = sound(10)
    after_silence = torch.cat([torch.zeros(1, 640 * 25), audio], 1)
    fresh, _ = random_network.step(audio, random_network.initial_state())
    later, _ = random_network.step(after_silence, random_network.initial_state())
    # The gates move on in silence; the shapes behind them must not.
    pucker = MOUTH_CHANNELS.index("mouthPucker")
    np.testing.assert_allclose(
        fresh.mouth[:, 4:, pucker], later.mouth[:, 29:, pucker], atol=1e-5, rtol=0
    )


def test_a_batch_of_another_size_is_refused(random_network: AudioToMotion) -> None:
    with pytest.raises(ValueError, match="another number"):
        random_network.step(torch.zeros(2, 640), random_network.initial_state(3))


def test_missing_weights_say_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="train_audio2motion") as error:
        AudioToMotion.load(tmp_path / "none.safetensors")
    assert error.value.code == "weights_missing"


@pytest.mark.parametrize("damage", ["truncated", "text", "other network", "empty"])
def test_damaged_weights_are_refused(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "damaged.safetensors"
    whole = EMBEDDED_WEIGHTS.read_bytes()
    if damage == "other network":
        save_file({"net.front.bias": torch.zeros(8)}, path)
    else:
        content = {"truncated": whole[:-100], "text": b"weights", "empty": b""}
        path.write_bytes(content[damage])
    with pytest.raises(WeightsError) as error:
        AudioToMotion.load(path)
    assert error.value.code == "weights_damaged"


def test_the_embedded_weights_are_small() -> None:
    assert EMBEDDED_WEIGHTS.stat().st_size < 8_000_000


# What only a trained network can do -------------------------------------------


def papa_figures(network: AudioToMotion, voice: str) -> tuple[float, float, float]:
    """Share of closed p b m, share of closed vowels, articulation range in IOD."""
    said = spoken(PAPA, voice)
    rows = hear(network, said.samples)[:, [APERTURE]]
    threshold = 0.15 * np.quantile(rows, 0.95)
    closed = [
        bool((around(rows, at) <= threshold).any())
        for at in said.middles_s(vowels=False)
    ]
    shut = [
        bool((around(rows, at) <= threshold).all())
        for at in said.middles_s(vowels=True)
    ]
    spread = float(np.quantile(rows, 0.95) - np.quantile(rows, 0.05))
    return float(np.mean(closed)), float(np.mean(shut)), spread


def articulates(closed: float, shut: float, spread: float) -> bool:
    """What papa_figures must be for lips that can be read."""
    return closed >= 0.8 and shut <= 0.2 and 0.05 < spread < 0.35


@pytest.mark.parametrize("voice", VOICES)
def test_lips_meet_in_papa_mama_baba(network: AudioToMotion, voice: str) -> None:
    figures = papa_figures(network, voice)
    assert articulates(*figures), figures


@pytest.mark.parametrize("voice", VOICES)
def test_an_untrained_network_does_not_pass(
    random_network: AudioToMotion, voice: str
) -> None:
    for seed in range(3):
        torch.manual_seed(seed)
        plain = AudioToMotion().ready()
        assert not articulates(*papa_figures(plain, voice))
    assert not articulates(*papa_figures(random_network, voice))


@pytest.mark.parametrize("look_ahead", LOOK_AHEADS)
def test_each_look_ahead_moves_lips_with_the_sound(
    network: AudioToMotion, look_ahead: int
) -> None:
    """Less is known with less of it, but at the same time, or half a frame later."""
    samples = spoken(PAPA, "it+f2").samples
    best = hear(network, samples)[:, APERTURE]
    rows = hear(network.with_look_ahead(look_ahead), samples)[:, APERTURE]
    r = {
        shift: np.corrcoef(best[3:-3], np.roll(rows, shift)[3:-3])[0, 1]
        for shift in range(-3, 4)
    }
    assert r[0] > 0.6
    assert r[0] > max(value for shift, value in r.items() if shift not in (-1, 0))
    assert r[0] > r[-1] - (0.1 if look_ahead == 0 else 0)
    assert articulates(*papa_figures(network.with_look_ahead(look_ahead), "it+f2"))


@pytest.mark.parametrize("look_ahead", [-1, 3])
def test_other_look_aheads_are_refused(network: AudioToMotion, look_ahead: int) -> None:
    with pytest.raises(ValueError, match="look-ahead"):
        network.with_look_ahead(look_ahead)


def same_lips(network: AudioToMotion, other: AudioToMotion) -> None:
    samples = spoken("Many people buy a new map before they move.", "en-us+f3").samples
    whole, half = hear(network, samples), hear(other, samples)
    assert half.dtype == np.float32
    assert np.corrcoef(whole[:, APERTURE], half[:, APERTURE])[0, 1] > 0.98
    assert np.abs(whole[:, APERTURE] - half[:, APERTURE]).mean() < 0.005


def test_bfloat16_moves_the_same_lips(network: AudioToMotion) -> None:
    half = AudioToMotion.load(dtype=torch.bfloat16)
    assert half.net.front.weight.dtype == torch.bfloat16
    same_lips(network, half)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_cuda_moves_the_same_lips(network: AudioToMotion, dtype: torch.dtype) -> None:
    there = AudioToMotion.load(device="cuda", dtype=dtype)
    samples = spoken("Many people buy a new map before they move.", "en-us+f3").samples
    audio = torch.from_numpy(samples).unsqueeze(0)
    near, _ = network.step(audio, network.initial_state())
    far, _ = there.step(audio.cuda(), there.initial_state())
    assert np.abs(near.mouth - far.mouth)[..., APERTURE].mean() < 0.005


@pytest.mark.parametrize("batch", [1, 3])
def test_one_frame_is_what_the_network_says_of_it(
    random_network: AudioToMotion, batch: int
) -> None:
    net = random_network.net
    one_frame = OneFrame(net)
    state = again = net.initial_state(batch, net.front.bias)
    features = torch.randn(40, batch, 4, MEL_BANDS)
    for frame in features:
        hidden, state = net(frame, state)
        other, again = one_frame(frame, again)
        torch.testing.assert_close(hidden, other, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(state.past, again.past, atol=1e-5, rtol=1e-5)


def test_vowels_look_different(network: AudioToMotion) -> None:
    said = {
        vowel: hear(network, spoken(text, "it+f2").samples)
        for vowel, text in {"a": "la la la la", "u": "lu lu lu lu"}.items()
    }
    loud = {vowel: rows[rows[:, SPEECH] > 0.9] for vowel, rows in said.items()}
    means = {vowel: rows[:, [APERTURE, WIDTH]].mean(0) for vowel, rows in loud.items()}
    assert means["a"][0] > 1.3 * means["u"][0]
    assert means["a"][1] > means["u"][1] + 0.01
    pucker = MOUTH_CHANNELS.index("mouthPucker")
    assert loud["u"][:, pucker].mean() > loud["a"][:, pucker].mean() + 0.1


def test_the_tongue_stays_up_from_th_to_l_and_comes_down_after() -> None:
    shapes = np.zeros((1, 40, len(Shape)), np.float32)
    shapes[..., Shape.CLOSE], shapes[..., Shape.SPEECH] = -9, 9
    for frame in (4, 5, 8, 9):  # a schwa of two frames between
        shapes[0, 2 * frame : 2 * frame + 2, Shape.TONGUE] = 0.8
    level = np.zeros((1, 20), np.float32)
    motion, _ = finish(shapes, level, level, mouths_at_rest(1, 0))
    tongue = motion.mouth[0, :, MOUTH_CHANNELS.index("tongueOut")]
    assert tongue[5] > 0.6 and tongue[6:8].min() > 0.45 * tongue[5]
    assert tongue[9] > 0.6 and tongue[15:].max() == 0


def test_silence_leaves_the_mouth_at_rest(network: AudioToMotion) -> None:
    rows = hear(network, np.zeros(16_000 * 8, np.float32))
    assert np.abs(rows[:, SPEECH]).max() == 0
    assert np.ptp(rows[:, APERTURE]) < 1e-6
    assert np.ptp(rows[:, WIDTH]) < 1e-6


def test_sounds_that_are_no_speech_leave_the_mouth_at_rest(
    network: AudioToMotion,
) -> None:
    """Noise that swells like breath, chords and knocks: 40 s of them."""
    rng = np.random.default_rng(3)
    sounds = np.concatenate([not_speech(2.0, rng) for _ in range(20)])
    moved = hear(network, sounds)[:, SPEECH] > 0.05
    assert moved.mean() < 0.1


def test_the_mouth_comes_to_rest_after_speech(network: AudioToMotion) -> None:
    said = spoken("Good morning to you all.", "en-us+f3")
    rows = hear(network, np.pad(said.samples, (0, 16_000 * 3)))
    end_s = said.phones[said.phones[:, 2] > 0, 1].max()
    assert rows[round(end_s * 25) + 18 :, SPEECH].max() == 0
    assert around(rows, end_s - 0.3)[:, SPEECH].min() == 1


def test_speech_blends_in_and_out(network: AudioToMotion) -> None:
    speech = hear(network, spoken("Good morning.", "en-us+f3").samples)[:, SPEECH]
    assert speech[:5].max() == 0
    assert speech.max() == 1
    change = np.diff(speech)
    assert change.max() == pytest.approx(1 / 3, abs=1e-3)
    assert change.min() == pytest.approx(-1 / 8, abs=1e-3)


@pytest.mark.parametrize("gain_db", [-25, -12, 6])
def test_whisper_and_shout_move_the_same_lips(
    network: AudioToMotion, gain_db: float
) -> None:
    samples = spoken("Many people buy a new map before they move.", "en-us+f3").samples
    plain = hear(network, samples)[:, APERTURE]
    other = hear(network, samples * np.float32(10 ** (gain_db / 20)))[:, APERTURE]
    assert np.corrcoef(plain, other)[0, 1] > 0.95
    assert np.abs(plain - other).mean() < 0.01


def test_non_numbers_do_not_stay_in_the_state(network: AudioToMotion) -> None:
    state = network.initial_state()
    motion, state = network.step(sound(5) * 1e4, state)
    assert np.isfinite(motion.mouth).all()
    assert torch.isfinite(state.level).all()
