import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from models import audio2motion
from models.audio2motion import PRECEDING_FRAMES, AudioToMotion
from models.errors import WeightsError
from models.media import MODEL_SAMPLES_PER_FRAME, FloatArray
from models.mel import MEL_BANDS, TAIL
from models.mouth_motion import LOOK_AHEADS, finish
from models.visemes import SILENCE, VISEME_CLASSES, Phones, Shape, mouth_track
from scripts.mel_augmentation import augment
from scripts.motion_corpus import Stream
from scripts.motion_figures import Figures, evaluate
from scripts.motion_loss import loss_of, run_network
from scripts.train_audio2motion import Run, Source, main, read_streams, train
from scripts.training_crops import (
    LOOK_AHEAD_STEPS,
    SPARE_STEPS,
    TrainingOptions,
    crops,
    noise_first,
)

SMALL = TrainingOptions(
    steps=6,
    batch=4,
    crop=48,
    copies=1,
    noise_from=2,
    true_noise_from=4,
    varied_from=2,
)


def small_shard(path: Path, seed: int) -> None:
    """Ten utterances of buzzing vowels and silent stops, in the shards' format."""
    rng = np.random.default_rng(seed)
    audio, starts, ends, classes, counts = [], [], [], [], []
    for _ in range(10):
        kinds = rng.choice([1, 15, 18, 25], 8)
        kinds[[0, -1]] = SILENCE
        edges = np.arange(9) * 0.15
        times = np.arange(int(edges[-1] * 16_000)) / 16_000
        kind = np.repeat(kinds, 2400)
        hz = np.where(kind == 15, 700, np.where(kind == 18, 2200, 350))
        buzz = np.sin(2 * np.pi * hz * times) * (kind >= 15) * 0.3
        audio.append((buzz * 32767).astype(np.int16))
        starts += edges[:-1].tolist()
        ends += edges[1:].tolist()
        classes += kinds.tolist()
        counts.append(8)
    np.savez(
        path,
        audio=np.concatenate(audio),
        utterance_end=np.cumsum([len(sound) for sound in audio]),
        phone_start=np.array(starts, np.float32),
        phone_end=np.array(ends, np.float32),
        phone_class=np.array(classes, np.uint8),
        phone_count=np.array(counts),
        voices=np.array(json.dumps(["buzz"] * 10)),
    )


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    small_shard(folder / "espeak-0-0000.npz", 0)
    small_shard(folder / "flite_rms-0-0000.npz", 1)
    return folder


def new_run(folder: Path, options: TrainingOptions = SMALL) -> Run:
    return Run(folder, options, torch.device("cpu"))


def test_a_stopped_run_ends_as_one_that_was_not(tmp_path: Path, data: Path) -> None:
    whole = new_run(tmp_path / "whole")
    train(whole, data, 100, "command")
    half = new_run(tmp_path / "half")
    _train_until(half, data, 3)
    resumed = new_run(tmp_path / "half")
    train(resumed, data, 100, "command")
    for one, other in zip(
        whole.average.parameters(), resumed.average.parameters(), strict=True
    ):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)


def _train_until(run: Run, data: Path, step: int) -> None:
    streams = read_streams(data, held_out=False, copies=1)
    batches = crops(streams, run.options, 0)
    while run.step < step:
        run.train_step(*next(batches))
    run.save()


def _stream(steps: int = 200, seed: int = 0) -> Stream:
    rng = np.random.default_rng(seed)
    return Stream(
        rng.standard_normal((2 * steps, MEL_BANDS)).astype(np.float16),
        np.arange(steps)[:, None].repeat(len(Shape), 1).astype(np.float16),
        np.zeros(steps, np.uint8),
    )


def test_the_end_of_a_run_is_weights_that_load_and_a_card(
    tmp_path: Path, data: Path
) -> None:
    run = tmp_path / "run"
    options = ["--run", str(run), "--steps", "3", "--batch", "4", "--crop", "48"]
    assert main([str(data), *options, "--copies", "1", "--export-every", "2"]) == 0
    network = AudioToMotion.load(run / "audio2motion.safetensors")
    motion, _ = network.step(
        torch.zeros(1, MODEL_SAMPLES_PER_FRAME), network.initial_state()
    )
    assert np.isfinite(motion.mouth).all()
    card = (run / "audio2motion.md").read_text()
    assert "--steps 3 --batch 4 --crop 48" in card and "Limits" in card
    log = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log] == [2, 3]


def test_training_learns(data: Path, tmp_path: Path) -> None:
    options = TrainingOptions(steps=60, batch=8, crop=64, copies=1, noise_from=1000)
    run = new_run(tmp_path / "run", options)
    streams = read_streams(data, held_out=False, copies=1)
    batches = crops(streams, options, 0)
    losses = [run.train_step(*next(batches)) for _ in range(60)]
    assert np.mean(losses[-10:]) < 0.6 * np.mean(losses[:5])


def test_products_may_be_half_as_precise(data: Path, tmp_path: Path) -> None:
    options = replace(SMALL, precision="bfloat16", varied_from=0)
    losses = []
    for each in (options, replace(options, precision="float32")):
        run = new_run(tmp_path / each.precision, each)
        streams = read_streams(data, held_out=False, copies=1)
        batches = crops(streams, each, 0)
        losses.append([run.train_step(*next(batches)) for _ in range(3)])
    np.testing.assert_allclose(losses[0], losses[1], rtol=0.1)
    assert losses[0] != losses[1]


def test_recorded_voices_have_their_share_of_the_crops() -> None:
    espeak, person = _stream(3000), replace(_stream(300, seed=1), recorded=True)
    options = TrainingOptions(batch=200, crop=40, recorded_share=0.5, noise_from=10**9)
    mel, _, _ = next(crops([espeak, person], options, 0))
    known = torch.from_numpy(person.mel).float()
    voices = (mel[:, :1] == known[None]).all(2).any(1)
    assert 0.4 < voices.float().mean() < 0.6


def test_a_run_can_begin_with_other_weights(tmp_path: Path, data: Path) -> None:
    first = new_run(tmp_path / "first")
    _train_until(first, data, 2)
    start = tmp_path / "start.safetensors"
    save_file(first.network.state_dict(), start)
    second = Run(tmp_path / "second", SMALL, torch.device("cpu"), start)
    for one, other in zip(
        first.network.parameters(), second.network.parameters(), strict=True
    ):
        assert torch.equal(one, other)
    with pytest.raises(WeightsError):
        Run(tmp_path / "third", SMALL, torch.device("cpu"), tmp_path / "none")


def test_the_best_weights_so_far_are_kept(tmp_path: Path) -> None:
    run = new_run(tmp_path / "run")
    good = Figures(0.8, 0.8, 0.9, 0.04, 0.9, 0.98, 0.6)
    source = Source(8.0, 24.0, "command")
    path = run.export(good, source)
    kept = path.read_bytes()
    with torch.no_grad():
        run.average.net.front.bias.add_(1)
    run.export(replace(good, told_apart=0.8), source)
    assert path.read_bytes() == kept
    run.export(replace(good, told_apart=0.95), source)
    assert path.read_bytes() != kept


def test_data_that_is_not_there_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "none").mkdir()
    assert main([str(tmp_path / "none"), "--run", str(tmp_path / "run")]) == 1
    assert "synth_speech" in capsys.readouterr().err


def test_crops_ask_for_the_mouth_of_a_look_ahead_before() -> None:
    stream = _stream()
    options = TrainingOptions(batch=3, crop=40, noise_from=10**9)
    mel, track, _ = next(crops([stream], options, 0))
    assert mel.shape == (3, 80, MEL_BANDS)
    assert track.shape[:2] == (3, 40 + SPARE_STEPS)
    for row in range(3):
        first = int(track[row, 0, 0])
        begin = 2 * (first + LOOK_AHEAD_STEPS)
        wanted = torch.from_numpy(stream.mel[begin : begin + 80]).float()
        assert torch.equal(mel[row], wanted)


def test_noise_before_speech_keeps_the_mouth_still() -> None:
    stream = _stream(100)
    for seed in range(8):
        rng = np.random.default_rng(seed)
        mel, track, classes = noise_first(
            stream.mel, stream.track, stream.classes, rng, seed % 2 == 0
        )
        assert mel.shape == stream.mel.shape and np.isfinite(mel).all()
        assert track[:25, Shape.SPEECH].max() == 0
        assert classes[:25].max() == SILENCE
        changed = (track != stream.track).any(axis=1)
        assert changed[:25].all() and (changed.all() or not changed[60:].any())


def test_a_perfect_answer_has_a_smaller_loss_than_any_other() -> None:
    rng = np.random.default_rng(0)
    classes = rng.integers(0, len(VISEME_CLASSES), 20)
    edges = np.arange(21) * 0.1
    phones = Phones(edges[:-1], edges[1:], classes, np.ones(20, np.float32))
    track = torch.from_numpy(mouth_track(phones, np.arange(100) * 0.02)).unsqueeze(0)
    steps = 100 - SPARE_STEPS
    logits = torch.zeros(1, steps, len(VISEME_CLASSES))
    heard = torch.zeros(1, 100, dtype=torch.long)
    answer = track.clone()
    answer[..., Shape.CLOSE :] = track[..., Shape.CLOSE :] * 12 - 6
    later = [(max(LOOK_AHEADS) - frames) * 2 for frames in LOOK_AHEADS]
    said = torch.stack([answer[:, first : first + steps] for first in later])
    best = loss_of(said, logits, track, heard)
    worse = said.clone()
    worse[..., Shape.APERTURE] = worse[..., Shape.APERTURE].mean()
    assert best < loss_of(worse, logits, track, heard)
    assert best < loss_of(said.roll(2, dims=2), logits, track, heard)
    assert best < loss_of(said.roll(1, dims=0), logits, track, heard)


def test_augmentation_changes_the_sound_and_is_seeded() -> None:
    mel = torch.from_numpy(_stream().mel).float().unsqueeze(0).repeat(8, 1, 1)
    first = augment(mel, torch.Generator().manual_seed(1), true_noise=True)
    again = augment(mel, torch.Generator().manual_seed(1), true_noise=True)
    assert torch.equal(first, again)
    assert torch.isfinite(first).all()
    assert not torch.allclose(first[0], first[1])


@pytest.mark.parametrize("look_ahead", LOOK_AHEADS)
def test_training_and_run_time_agree(
    monkeypatch: pytest.MonkeyPatch, look_ahead: int
) -> None:
    """run_network on the mel of a sound says what step says, before finishing; but for
    the tongue, which a running network takes from its classes."""
    torch.manual_seed(0)
    network = AudioToMotion().eval()
    audio = torch.randn(1, 640 * 20) * 0.1
    silence = torch.zeros(1, TAIL + PRECEDING_FRAMES * MODEL_SAMPLES_PER_FRAME)
    mel = network.log_mel(torch.cat([silence, audio], 1))
    shapes, _ = run_network(network, mel)
    heard: list[FloatArray] = []

    def overheard(*args: Any) -> Any:
        heard.append(args[0])
        return finish(*args)

    monkeypatch.setattr(audio2motion, "finish", overheard)
    network = network.with_look_ahead(look_ahead)
    network.step(audio, network.initial_state())
    wanted = shapes[look_ahead, :, -40:].detach().numpy()
    trained = [shape for shape in Shape if shape != Shape.TONGUE]
    np.testing.assert_allclose(
        heard[-1][..., trained], wanted[..., trained], atol=1e-5, rtol=1e-5
    )


def test_figures_of_a_stream_are_numbers(data: Path) -> None:
    figures = evaluate(AudioToMotion().eval(), read_streams(data, True, 1))
    assert -1 <= figures.aperture_r <= 1
    assert 0 <= figures.closed <= 1
