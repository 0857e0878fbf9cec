"""Shares of pixels whose colours are mixed of two."""

import numpy as np
import numpy.typing as npt
import pytest

from models.edge import by_colours, told_apart
from models.matting import Wish, shares

Floats = npt.NDArray[np.float32]
SIDE = 64
OURS, THEIRS = np.array([0.9, 0.7, 0.5]), np.array([0.1, 0.3, 0.6])


def mixture(share: Floats) -> Floats:
    mixed = share[..., None] * OURS + (1 - share[..., None]) * THEIRS
    noise = np.random.default_rng(0).normal(0, 0.004, mixed.shape)
    return np.asarray(mixed + noise, np.float32)


def hairs() -> Floats:
    """A person at the left, hairs in the middle, nobody at the right."""
    x = np.linspace(0, 1, SIDE, dtype=np.float32)[None].repeat(SIDE, 0)
    waves = 0.5 + 0.5 * np.sin(np.arange(SIDE, dtype=np.float32))[:, None]
    middle = (x > 0.3) & (x < 0.7)
    return np.asarray(np.where(middle, waves, (x < 0.5).astype(np.float32)))


def known_sides() -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    x = np.linspace(0, 1, SIDE)[None].repeat(SIDE, 0)
    return x < 0.25, x > 0.75


def nothing() -> Wish:
    return Wish(*np.zeros((2, SIDE, SIDE), np.float32))


def test_hairs_are_found_by_their_neighbours() -> None:
    person, behind = known_sides()
    true = hairs()
    found = shares(
        mixture(true), person.astype(np.float32), ~(person | behind), nothing()
    )
    assert np.abs(found - true).mean() < 0.03
    assert found[person].min() == 1 and found[behind].max() == 0
    assert found.min() >= 0 and found.max() <= 1


def test_what_is_known_stays_and_nothing_unknown_is_no_error() -> None:
    known = hairs()
    unknown = np.zeros(known.shape, np.bool_)
    assert np.array_equal(shares(mixture(known), known, unknown, nothing()), known)


def test_a_strong_wish_is_fulfilled() -> None:
    """Also at the picture's border, and where all is unknown."""
    unknown = np.ones((SIDE, SIDE), np.bool_)
    wanted = np.full((SIDE, SIDE), 0.4, np.float32)
    wish = Wish(wanted, np.full((SIDE, SIDE), 100.0, np.float32))
    found = shares(mixture(hairs()), np.zeros_like(wanted), unknown, wish)
    assert np.abs(found - 0.4).max() < 0.02


def test_colours_tell_the_share() -> None:
    person, behind = known_sides()
    true = hairs()
    said = by_colours(mixture(true), person, behind)
    unknown = ~(person | behind)
    assert np.abs(said.share - true)[unknown].mean() < 0.04
    assert said.weight[unknown].mean() > 0.8
    assert not said.weight[person].any()


def test_a_colour_of_both_sides_says_nothing() -> None:
    person, behind = known_sides()
    same = np.full((SIDE, SIDE, 3), 0.5, np.float32)
    said = by_colours(same, person, behind)
    assert said.weight.max() < 0.01


def test_what_is_likely_behind_lends_its_colours() -> None:
    """A light between hair and a dark wall, that nothing known to be behind has."""
    person, behind = known_sides()
    colours = mixture(hairs())
    unknown = ~(person | behind)
    light = unknown & (np.indices(unknown.shape)[0] > SIDE // 2)
    colours[light] = (0.98, 0.95, 0.2)
    doubted = by_colours(colours, person, behind)
    assert doubted.weight[light].mean() < 0.3
    likely = light & (np.indices(light.shape)[0] > 3 * SIDE // 4)
    said = by_colours(colours, person, behind, likely)
    assert said.weight[light].mean() > 0.7
    assert (said.share * said.weight)[light].mean() < 0.1


@pytest.mark.parametrize("side", [0, 1])
def test_without_one_side_colours_say_nothing(side: int) -> None:
    sides = list(known_sides())
    sides[side] = np.zeros((SIDE, SIDE), np.bool_)
    assert not by_colours(mixture(hairs()), *sides).weight.any()


def test_likeness_is_known() -> None:
    side = 512
    x = np.linspace(0, 1, side)[None].repeat(side, 0)
    person, behind = x < 0.48, x > 0.52
    edge = slice(side // 2 - 4, side // 2 + 4)
    halves = mixture(np.asarray(x < 0.5, np.float32))
    assert told_apart(halves, person, behind)[:, edge].min() > 0.9
    rng = np.random.default_rng(0)
    same = rng.uniform(0, 1, (side, side, 3)).astype(np.float32)
    assert told_apart(same, person, behind)[:, edge].max() < 0.2
