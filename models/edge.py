"""What colours say about the edge of a person: each pixel's share by the colours that
are near, and how far those of person and background can be told apart."""

import cv2
import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from models.controls import smoothstep
from models.matting import Wish
from models.media import FloatArray

NOISE = 0.035  # of colours from 0 to 1: as near are the same
SAMPLES, MIXED = 24, 6  # colours of either side a pixel is held against, and mixed of
STRIP = 0.05  # of the width: from so far beyond the edge
THINNED = 8  # of that strip's pixels one is enough
CELL = 3  # px, whose pixels are held against the same: samples lie as far apart
FEWER = 12  # of those one, for colours from further about
NEAR, WIDE = 0.10, 0.25  # of the width: whose colours are told apart
APART, CLEARLY_APART = 2.0, 5.0  # standard deviations
_AT_ONCE = 4096
_SMALLER = 4

Mask = npt.NDArray[np.bool_]


def by_colours(
    colours: FloatArray, person: Mask, behind: Mask, likely: Mask | None = None
) -> Wish:
    """The share of pixels that are neither person nor behind, [H, W], by sampled
    colours of both; its weight, 0 to 1, says how sure they are.

    A pixel like a colour of one side, and like none of the other, is that side's. One
    like both says nothing. Any other is taken for a mixture of two. What is likely
    behind is not known to be, but has its colours.
    After Wang, Cohen, Optimized Color Sampling for Robust Matting, CVPR 2007.
    """
    unknown = ~(person | behind)
    share, weight = np.zeros((2, *unknown.shape), np.float32)
    if unknown.any() and person.any() and behind.any():
        likely = behind if likely is None else behind | likely
        ours, theirs = (_sampled(colours, unknown, side) for side in (person, likely))
        at = np.argwhere(unknown)
        found = [
            _mixture(colours[tuple(part.T)], ours(part), theirs(part))
            for part in np.array_split(at, len(at) // _AT_ONCE + 1)
        ]
        share[unknown] = np.concatenate([each[0] for each in found])
        weight[unknown] = np.concatenate([each[1] for each in found])
    return Wish(share, weight)


class _Samples:
    """Colours of a side's pixels near what is unknown, found by place: half of them
    the nearest, half from further about."""

    def __init__(self, colours: FloatArray, places: npt.NDArray[np.int64]) -> None:
        self._parts = [
            (cKDTree(part), colours[tuple(part.T)], min(SAMPLES // 2, len(part)))
            for part in (places, places[: len(places) // FEWER + 1])
        ]

    def __call__(self, at: npt.NDArray[np.int64]) -> FloatArray:
        """Of places [N, 2]: [N, samples, 3]; the same of all in a small cell."""
        cells = at // CELL
        _, first, cell = np.unique(
            cells[:, 0] * (cells[:, 1].max() + 1) + cells[:, 1],
            return_index=True,
            return_inverse=True,
        )
        middles = cells[first] * CELL + CELL // 2
        found = [
            colours[tree.query(middles, count, workers=-1)[1].reshape(len(first), -1)]
            for tree, colours, count in self._parts
        ]
        return np.asarray(np.concatenate(found, 1)[cell])


def _sampled(colours: FloatArray, unknown: Mask, side: Mask) -> _Samples:
    reach = max(round(STRIP * unknown.shape[1]), 3)
    places = np.argwhere(side & (grown(unknown, reach)))
    if not len(places):
        places = np.argwhere(side)
    # The same of the same photo; no grid, which could fall in with a pattern's.
    order = np.random.default_rng(0).permutation(len(places))
    count = max(len(places) // THINNED, min(len(places), 200))
    return _Samples(colours, places[order[:count]])


def grown(mask: Mask, radius: int) -> Mask:
    """A mask with all that is within radius of it, pixels."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2)
    return np.asarray(cv2.dilate(mask.astype(np.uint8), disc) > 0)


def _mixture(
    colours: FloatArray, ours: FloatArray, theirs: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Share and weight of colours [N, 3] by samples [N, samples, 3] of both sides."""
    like_ours, like_theirs = (
        _like(_squared(colours[:, None] - side).min(1)) for side in (ours, theirs)
    )
    length, along, missed = _between(colours, ours[:, :MIXED], theirs[:, :MIXED])
    # Of two colours that are alike everything is a mixture.
    fits = _like(missed) * np.minimum(length / (6 * NOISE) ** 2, 1)
    fits, along = (each.reshape(len(colours), -1) for each in (fits, along))
    best = fits**4
    mixed = (best * along).sum(1) / np.maximum(best.sum(1), 1e-9)
    pure = like_ours * (1 - like_theirs)
    none = like_theirs * (1 - like_ours)
    both = (1 - like_ours) * (1 - like_theirs) * fits.max(1)
    weight = pure + none + both
    return (pure + both * mixed) / np.maximum(weight, 1e-6), weight


def _between(
    colours: FloatArray, ours: FloatArray, theirs: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Of colours [N, 3] and lines between samples [N, MIXED, 3] of both sides: squared
    lengths, the colours' places along them from 0 to 1, and squared distances; [N,
    MIXED, MIXED] each."""
    person, behind = (side - colours[:, None] for side in (ours, theirs))
    far_person, far_behind = _squared(person), _squared(behind)
    both = person @ behind.transpose(0, 2, 1)
    far_person, far_behind = far_person[:, :, None], far_behind[:, None]
    length = far_person - 2 * both + far_behind + 1e-6
    along = ((far_behind - both) / length).clip(0, 1)
    missed = far_behind + along * (2 * (both - far_behind) + along * length)
    return length, along, np.maximum(missed, 0)


def _squared(apart: FloatArray) -> FloatArray:
    """Squared lengths of [..., 3]; a sum over so short an axis takes thrice as long."""
    return np.asarray(np.einsum("...c,...c->...", apart, apart))


def _like(apart: FloatArray) -> FloatArray:
    """Of squared distances of colours: 1 where they are the same."""
    return np.asarray(np.exp(-apart / (2 * NOISE**2)))


def told_apart(colours: FloatArray, person: Mask, behind: Mask) -> FloatArray:
    """Whether the colours of person and background near each pixel can be told apart:
    float32 [H, W], 0 to 1.

    Source: Fisher, The Use of Multiple Measurements in Taxonomic Problems, 1936 (the
    distance of the means by the spread about them).
    """
    height, width = person.shape
    size = max(width // _SMALLER, 1), max(height // _SMALLER, 1)
    small, ours, theirs = (
        np.asarray(cv2.resize(each, size, interpolation=cv2.INTER_NEAREST), np.float32)
        for each in (colours, person.astype(np.float32), behind.astype(np.float32))
    )
    deviations = np.maximum(
        _deviations(small, ours, theirs, NEAR),
        # Further away they say less of what is here.
        0.8 * _deviations(small, ours, theirs, WIDE),
    )
    large = cv2.resize(smoothstep(deviations, APART, CLEARLY_APART), (width, height))
    return np.asarray(large, np.float32)


def _deviations(
    colours: FloatArray, ours: FloatArray, theirs: FloatArray, near: float
) -> FloatArray:
    side = 2 * max(round(near * ours.shape[1] / 2), 2) + 1
    mean, spread, seen = _spread(colours, ours, side)
    other, other_spread, other_seen = _spread(colours, theirs, side)
    apart = (mean - other)[..., None]
    both = spread + other_spread + NOISE**2 * np.eye(3, dtype=np.float32)
    squared = (apart * np.linalg.solve(both, apart)).sum((2, 3))
    known = np.minimum(seen, other_seen) > 0.1  # of the window: a few are no crowd
    return np.asarray(np.sqrt(squared) * known, np.float32)


def _spread(
    colours: FloatArray, weight: FloatArray, side: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Mean [h, w, 3], covariance [h, w, 3, 3] and weight [h, w] of colours near."""
    planes = [weight]
    planes += [weight * colours[..., i] for i in range(3)]
    pairs = [(i, j) for i in range(3) for j in range(3)]
    planes += [weight * colours[..., i] * colours[..., j] for i, j in pairs]
    near: FloatArray = np.stack(
        [np.asarray(cv2.blur(plane, (side, side)), np.float32) for plane in planes], -1
    )
    total = near[..., :1] + 1e-4
    mean = near[..., 1:4] / total
    square = (near[..., 4:] / total).reshape(*weight.shape, 3, 3)
    return mean, square - mean[..., None] * mean[..., None, :], near[..., 0]
