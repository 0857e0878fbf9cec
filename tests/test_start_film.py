"""The start page's film goes round without a jump."""

from pathlib import Path

import av
import numpy as np

from scripts.start_film import Frames, round_trip, write


def film(length: int) -> Frames:
    """Frames that get brighter, so that a jump would be seen."""
    levels = np.linspace(0, 200, length).astype(np.uint8)
    return np.broadcast_to(levels[:, None, None, None], (length, 64, 48, 3)).copy()


def test_the_end_melts_into_the_beginning() -> None:
    frames = film(100)
    loop = round_trip(frames, 20)
    assert loop.shape == (80, 64, 48, 3)
    assert (loop[:60] == frames[20:80]).all(), "what is not the seam stays as it was"
    # The end leads back to where the beginning goes on, with no step above a melt's.
    levels = np.append(loop[:, 0, 0, 0], loop[0, 0, 0, 0]).astype(int)
    assert np.abs(np.diff(levels)).max() <= 200 / 20 + 3


def test_it_is_a_silent_film_that_says_it_is_generated(tmp_path: Path) -> None:
    write(film(10), tmp_path / "a.webm")
    with av.open(str(tmp_path / "a.webm")) as container:
        assert not container.streams.audio
        video = container.streams.video[0]
        assert (video.width, video.height) == (48, 64)
        assert len(list(container.decode(video))) == 10
        told = {name.lower(): value for name, value in container.metadata.items()}
        assert "digitalsourcetype" in str(told).lower().replace("_", "")
