"""Shares between person and background that follow single hairs.

Near any pixel, colours of a person lie on a line, and so do those of a background: then
a share is a linear function of colour in each small window, and the shares of all
pixels are one sparse system of equations.
Source: Levin, Lischinski, Weiss, A Closed-Form Solution to Natural Image Matting, IEEE
PAMI 2008. (PyMatting has it too, but needs half a minute to compile itself.)
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, diags
from scipy.sparse.linalg import cg

from models.media import FloatArray

MOST_STEPS = 300
RESIDUAL = 1e-3
_SMOOTH = 1e-6  # of colours from 0 to 1: what is noise, squared
_WINDOW = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
_AT_ONCE = 2048  # windows: more no longer fit into the cache
_REACH = [(down, right) for down in range(-2, 3) for right in range(-2, 3)]

Mask = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Wish:
    """What each pixel's share is thought to be, without its neighbours.

    share: float32 [H, W], 0 to 1; weight: float32 [H, W], how sure that is; what the
    neighbours say has a weight of 1 or so.
    """

    share: FloatArray
    weight: FloatArray


def shares(
    colours: FloatArray, known: FloatArray, unknown: Mask, wish: Wish
) -> FloatArray:
    """The person's share of each pixel: float32 [H, W], 0 to 1.

    colours: [H, W, 3], 0 to 1. known: [H, W], the share of those that are not unknown.
    """
    result = known.astype(np.float32)
    if not unknown.any():
        return result
    rows, numbers = _equations(colours, unknown)
    padded = np.pad(np.where(unknown, 0, known), 2).ravel()
    places = _places(np.pad(unknown, 2))
    there = numbers[places] >= 0
    weight = wish.weight[unknown].astype(np.float64)
    wanted = wish.share[unknown].astype(np.float64)
    right = weight * wanted - (rows * padded[places]).sum(1)
    rows[:, len(_REACH) // 2] += weight
    ends = np.concatenate([[0], np.cumsum(there.sum(1))])
    system = csr_matrix((rows[there], numbers[places][there], ends))
    ease = diags(1 / system.diagonal())
    found, _ = cg(system, right, wanted, rtol=RESIDUAL, maxiter=MOST_STEPS, M=ease)
    result[unknown] = found.clip(0, 1)
    return result


def _places(unknown: Mask) -> Indices:
    """The neighbourhood of each unknown pixel, in a picture that has a margin of two:
    [N, 25]."""
    width = unknown.shape[1]
    steps = np.array([down * width + right for down, right in _REACH])
    return np.asarray(np.flatnonzero(unknown)[:, None] + steps)


def _equations(colours: FloatArray, unknown: Mask) -> tuple[Doubles, Indices]:
    """The matting Laplacian's rows of unknown pixels, [N, 25] of their neighbourhood,
    and each pixel's number among them, or -1, in a picture with a margin of two."""
    height, width = unknown.shape
    wide = np.pad(colours.astype(np.float64), ((2, 2), (2, 2), (0, 0)), "edge")
    there = np.pad(unknown, 2)
    middles = cv2.dilate(there.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    middles[:3] = middles[-3:] = middles[:, :3] = middles[:, -3:] = False
    numbers = np.full(there.size, -1, np.int64)
    numbers[there.ravel()] = np.arange(there.sum())
    row = width + 4
    windows = np.flatnonzero(middles)[:, None] + [d * row + r for d, r in _WINDOW]
    rows = np.zeros((int(there.sum()), len(_REACH)))
    for part in np.array_split(windows, len(windows) // _AT_ONCE + 1):
        _add(rows, numbers[part], _alike(wide.reshape(-1, 3)[part]))
    return rows, numbers


def _add(rows: Doubles, numbers: Indices, alike: Doubles) -> None:
    """Adds what windows say to the rows of their unknown pixels, which have numbers
    [N, 9], others -1."""
    for i, (down, right) in enumerate(_WINDOW):
        ours = numbers[:, i] >= 0
        mine, likeness = numbers[ours, i], alike[ours, i]
        rows[mine, len(_REACH) // 2] += 1
        for j, (other_down, other_right) in enumerate(_WINDOW):
            place = 5 * (other_down - down + 2) + other_right - right + 2
            rows[mine, place] -= likeness[:, j]


def _alike(windows: Doubles) -> Doubles:
    """How much of one pixel's share goes for another's, in windows of colours
    [N, 9, 3]: [N, 9, 9]."""
    apart = windows - windows.mean(1, keepdims=True)
    across = apart.transpose(0, 2, 1)
    spread = across @ apart / 9 + _SMOOTH / 9 * np.eye(3)
    alike = 1 + (apart @ _inverses(spread)) @ across
    return np.asarray(alike / 9)


def _inverses(spreads: Doubles) -> Doubles:
    """Of symmetric matrices [N, 3, 3], by cofactors: many times as fast as by LAPACK,
    which is called for each."""
    first, second, third = spreads.transpose(1, 0, 2)
    cofactors = np.stack(
        [np.cross(second, third), np.cross(third, first), np.cross(first, second)], 1
    )
    areas = np.einsum("nc,nc->n", first, cofactors[:, 0])
    return np.asarray(cofactors / areas[:, None, None])
