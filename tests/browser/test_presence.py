"""Whether somebody stands before the kiosk, as its camera sees it."""

from typing import Any

import numpy as np
import pytest

from tests.browser.evaluating import Evaluate

COLUMNS, ROWS = 32, 24
LOOKS_HZ = 5


class Room:
    """What the camera sees: a room with noise, and a person who may be in it."""

    def __init__(self, seed: int = 1) -> None:
        self._random = np.random.default_rng(seed)
        self._room = self._random.uniform(40, 160, (ROWS, COLUMNS))

    def look(self, person: float | None = None, light: float = 1.0) -> list[float]:
        """person: where they stand, 0 to 1 from left to right."""
        picture = self._room.copy()
        if person is not None:
            left = round(person * (COLUMNS - 8))
            picture[6:, left : left + 8] = np.linspace(200, 30, 18)[:, None]
        noise = self._random.normal(0, 2, picture.shape)
        return [
            float(cell) for cell in np.clip(picture * light + noise, 0, 255).ravel()
        ]


def watch(evaluate: Evaluate, looks: list[list[float]], face: Any = None) -> list[bool]:
    seen: list[bool] = evaluate(
        """const { Presence } = await import("/kiosk/presence.js");
        const presence = new Presence();
        return given.looks.map((look, i) =>
          presence.observe(look, given.face, i * given.stepMs));""",
        {"looks": looks, "face": face, "stepMs": 1000 / LOOKS_HZ},
    )
    return seen


def sway(n: int) -> float:
    return 0.5 + 0.03 * float(np.sin(n))


def test_somebody_who_comes_and_stays_is_seen_and_then_missed(
    evaluate: Evaluate,
) -> None:
    room = Room()
    empty = [room.look() for _ in range(25)]
    comes = [room.look(n / 20) for n in range(10)]
    stays = [room.look(sway(n)) for n in range(150)]
    gone = [room.look() for _ in range(75)]
    seen = watch(evaluate, [*empty, *comes, *stays, *gone])
    assert not any(seen[:25])
    assert all(seen[40:180]), "whoever stands and listens for half a minute is there"
    assert not any(seen[-30:])


def test_who_walks_past_is_nobody(evaluate: Evaluate) -> None:
    room = Room()
    passes = [room.look(n / 4) for n in range(5)]  # a second
    looks = [room.look() for _ in range(20)]
    assert not any(watch(evaluate, [*looks, *passes, *looks]))


@pytest.mark.parametrize("light", [0.4, 0.8, 1.3, 2.0])
def test_a_lamp_is_nobody(evaluate: Evaluate, light: float) -> None:
    room = Room()
    before = [room.look() for _ in range(20)]
    slowly = [room.look(light=1 + (light - 1) * n / 20) for n in range(20)]
    after = [room.look(light=light) for _ in range(40)]
    assert not any(watch(evaluate, [*before, *after, *before, *slowly, *after]))


def test_a_chair_that_was_moved_is_nobody(evaluate: Evaluate) -> None:
    room = Room()
    before = [room.look() for _ in range(20)]
    after = [room.look(0.3) for _ in range(100)]
    assert not any(watch(evaluate, [*before, *after]))


def test_where_the_browser_finds_faces_one_has_to_be_there(evaluate: Evaluate) -> None:
    room = Room()
    looks = [room.look() for _ in range(10)]
    looks += [room.look(sway(n)) for n in range(30)]
    assert not any(watch(evaluate, looks, face=0))
    assert watch(evaluate, looks, face=0.2)[-1]
