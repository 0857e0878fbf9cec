"""scripts.render, end to end on the embedded portrait, and bad input."""

from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

from models.audio2motion import AudioToMotion
from models.media import PLAYOUT_SAMPLES_PER_FRAME, FloatArray
from models.offline import perform, whole_frames
from models.performer import Performer
from scripts import render
from tests.test_film import decoded_alpha, write_film


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "out.mp4"
    assert render.main(["--text", "Good morning, papa.", "-o", str(path)]) == 0
    return path


def babble(frames: int) -> FloatArray:
    noise = np.random.default_rng(1).normal(0, 0.1, frames * PLAYOUT_SAMPLES_PER_FRAME)
    return noise.astype(np.float32)


def test_a_text_becomes_a_film(film: Path) -> None:
    with av.open(str(film)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec.name, audio.codec.name) == ("h264", "aac")
        assert (video.width, video.height) == (512, 512)
        assert video.average_rate == 25
        times = [picture.time for picture in container.decode(video=0)]
        container.seek(0)
        sound = np.concatenate(
            [chunk.to_ndarray()[0] for chunk in container.decode(audio=0)]
        )
    assert np.allclose(np.diff(times), 0.04)
    assert abs(len(sound) / 48_000 - len(times) / 25) < 0.04
    assert len(times) / 25 > 1.0
    assert np.sqrt(np.mean(sound**2)) > 0.01


def test_the_picture_moves_while_it_speaks(film: Path) -> None:
    with av.open(str(film)) as container:
        frames = [p.to_ndarray(format="gray") for p in container.decode(video=0)]
    change = [
        np.abs(a.astype(int) - b).mean()
        for a, b in zip(frames, frames[1:], strict=False)
    ]
    assert np.mean(np.array(change) > 0.02) > 0.9  # never a frozen picture


def test_the_same_seed_gives_the_same_motion() -> None:
    def motion(seed: int) -> bytes:
        performer = Performer(AudioToMotion.load(), seed=seed)
        return perform(performer, babble(50)).values.tobytes()

    assert motion(3) == motion(3)
    assert motion(3) != motion(4)


def test_motion_has_a_row_for_every_frame() -> None:
    samples = whole_frames(babble(10)[:-1])
    assert len(samples) == 10 * PLAYOUT_SAMPLES_PER_FRAME
    assert len(perform(Performer(AudioToMotion.load(), seed=0), samples)) == 10


def test_the_sound_of_a_film_can_be_spoken_with(tmp_path: Path) -> None:
    source, out = tmp_path / "source.mp4", tmp_path / "out.mp4"
    write_film(source, 20)
    arguments = ["--audio", str(source), "--size", "256", "-o", str(out)]
    assert render.main(arguments) == 0
    with av.open(str(out)) as container:
        assert abs(sum(1 for _ in container.decode(video=0)) - 20) <= 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--text", ""], "text"),
        (["--text", "hello", "--voice", "no-such-voice"], "no-such-voice"),
        (["--text", "hello", "--language", "qqq"], "qqq"),
        (["--text-file", "missing.txt"], "missing.txt"),
        (["--text-file", "latin1.txt"], "UTF-8"),
        (["--audio", "missing.wav"], "missing.wav"),
        (["--audio", "latin1.txt"], "latin1.txt"),
        (["--text", "hello", "--photo", "latin1.txt"], "latin1.txt"),
        (["--text", "hello", "--identity", "latin1.txt"], "latin1.txt"),
        (["--text", "hello", "--identity", "missing"], "missing"),
        (["--text", "hello", "--size", "64"], "64x64"),
        (["--text", "hello", "--size", "large"], "720x1280"),
        (["--text", "hello", "--size", "511x512"], "even"),
        (["--text", "hello", "--background", "#12345"], "#rrggbb"),
        (["--text", "hello", "--background", "beach"], "beach"),
        (["--text", "hello", "--background", "beach.jpg"], "beach.jpg"),
        (["--text", "hello", "--background", "latin1.txt"], "latin1.txt"),
        (["--text", "hello", "--background", "alpha"], ".webm"),
    ],
)
def test_bad_input_is_named_and_leaves_nothing(
    arguments: list[str],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("latin1.txt").write_bytes("déjà vu".encode("latin-1"))
    assert render.main([*arguments, "-o", "out.mp4"]) == 1
    assert says.lower() in capsys.readouterr().err.lower()
    assert [path.name for path in tmp_path.iterdir()] == ["latin1.txt"]


@pytest.mark.parametrize(
    "arguments",
    [["--expressivity", "1.5"], ["--articulation", "2"], ["--emotion", "mad"]],
)
def test_an_expression_that_does_not_exist_is_a_usage_error(
    arguments: list[str], tmp_path: Path
) -> None:
    out = ["--text", "hello", "-o", str(tmp_path / "out.mp4")]
    with pytest.raises(SystemExit) as stop:
        render.main([*arguments, *out])
    assert stop.value.code == 2
    assert list(tmp_path.iterdir()) == []


def rendered(tmp_path: Path, name: str, *arguments: str) -> Path:
    """A film of a second of noise with these options."""
    source, out = tmp_path / "source.mp4", tmp_path / name
    write_film(source, 25)
    head = ["--audio", str(source), "--size", "256", "-o", str(out)]
    assert render.main([*head, *arguments]) == 0
    return out


def last_frame(path: Path) -> npt.NDArray[np.uint8]:
    """uint8 RGB [H, W, 3]."""
    with av.open(str(path)) as container:
        *_, last = container.decode(video=0)
    shown = last.reformat(format="rgb24", src_colorspace="ITU709").to_ndarray()
    return np.asarray(shown, np.uint8)


def test_an_emotion_shows(tmp_path: Path) -> None:
    plain = last_frame(rendered(tmp_path, "plain.mp4")).astype(int)
    happy = last_frame(rendered(tmp_path, "happy.mp4", "--emotion", "happy"))
    assert np.abs(happy - plain)[100:180, 80:180].mean() > 1.0


def test_a_green_screen_is_green_to_the_corners(tmp_path: Path) -> None:
    shown = last_frame(rendered(tmp_path, "green.mp4", "--background", "green"))
    corner = shown[:16, :16].reshape(-1, 3).astype(int)
    assert np.abs(corner - (0, 255, 155)).max() <= 6
    face = shown[96:160, 96:160].reshape(-1, 3).astype(int)
    assert (face[:, 0] >= face[:, 1]).mean() > 0.95


@pytest.mark.parametrize("name", ["out.webm", "out.mov"])
def test_alpha_is_nobody_at_the_corner_and_all_person_in_the_face(
    tmp_path: Path, name: str
) -> None:
    planes = decoded_alpha(rendered(tmp_path, name, "--background", "alpha"))
    assert abs(len(planes) - 25) <= 1  # AAC pads the sound that it was made from
    for plane in planes:
        assert plane.shape == (256, 256)
        assert plane[:16, :16].max() <= 4
        assert plane[96:160, 96:160].min() >= 250


def test_a_film_has_the_size_that_was_asked_for(tmp_path: Path) -> None:
    shown = last_frame(rendered(tmp_path, "tall.mp4", "--size", "288x512"))
    assert shown.shape == (512, 288, 3)
