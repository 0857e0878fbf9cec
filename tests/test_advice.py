"""What is told of a photo: shut eyes, a turned head, a laugh; nothing of a good one."""

import numpy as np
import numpy.typing as npt
import pytest

from models.advice import advice
from models.identity import enrol
from models.landmarks import find_face
from models.media import FloatArray
from models.photo import embedded_photo, open_photo
from tests.faces import frame, grace


def told(picture: npt.NDArray[np.uint8]) -> tuple[str, ...]:
    return advice(find_face(picture))


def widened(lips_by: float, gap_by: float) -> FloatArray:
    """The embedded face with a mouth as wide and as open as is asked for."""
    landmarks = grace().landmarks.copy()
    iod = float(np.linalg.norm(landmarks[33] - landmarks[263]))
    landmarks[[78, 308], 0] += np.array([-0.5, 0.5]) * lips_by * iod
    landmarks[[14, 87, 317], 1] += gap_by * iod
    return landmarks


def test_nothing_is_told_of_a_good_photo() -> None:
    assert enrol(embedded_photo()).notes == ()
    assert told(open_photo(embedded_photo())) == ()


def test_shut_eyes_are_told_each() -> None:
    (both,) = told(frame(eyeBlinkLeft=1.0, eyeBlinkRight=1.0))
    assert "Both eyes are shut" in both and "camera" in both
    (one,) = told(frame(eyeBlinkLeft=1.0))
    assert "One eye is shut" in one


@pytest.mark.parametrize("blink", [0.0, 0.3])
def test_narrow_eyes_are_not_shut(blink: float) -> None:
    assert told(frame(eyeBlinkLeft=blink, eyeBlinkRight=blink)) == ()


def test_a_head_that_is_turned_far_is_told_how_far() -> None:
    landmarks = grace().landmarks
    for degrees in (25, -25, 5):
        angle = np.radians(degrees)
        cos, sin = np.cos(angle), np.sin(angle)
        turn = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]], np.float32)
        notes = advice((landmarks @ turn.T).astype(np.float32))
        assert bool(notes) == (abs(degrees) > 20)
        assert not notes or "degrees sideways" in notes[0]


def test_a_laugh_is_told_and_a_closed_smile_is_not() -> None:
    (laugh,) = advice(widened(0.25, 0.12))
    assert "laughs" in laugh and "relaxed" in laugh
    assert advice(widened(0.25, 0.0)) == advice(widened(0.0, 0.12)) == ()
