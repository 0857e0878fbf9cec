"""The film strip takes the frames it is asked for."""

from pathlib import Path

import pytest
from PIL import Image

from scripts import film_strip
from tests.test_film import write_film


def test_frames_at_their_times(tmp_path: Path) -> None:
    film, out = tmp_path / "film.mp4", tmp_path / "strip.png"
    write_film(film, 100)  # frame i is grey level 2 i
    arguments = [str(film), "--at", "0.8", "2.4", "--width", "64", "-o", str(out)]
    assert film_strip.main(arguments) == 0
    with Image.open(out) as strip:
        assert strip.size == (128, 48)
        levels = [strip.convert("L").getpixel((x, 24)) for x in (32, 96)]
    assert levels == pytest.approx([40, 120], abs=4)


def test_no_film_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(tmp_path / "none.mp4"), "-o", str(tmp_path / "strip.png")]
    assert film_strip.main(arguments) == 1
    assert "none.mp4" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
