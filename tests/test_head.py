"""A head that turns takes its hair and its glasses along as they are."""

import numpy as np
import numpy.typing as npt
import pytest

from models.glasses import lenses
from models.head import HEAD_GRID, PITCH_GAIN, build_head
from models.landmarks import FOREHEAD
from models.media import FloatArray
from models.rig import HeadFrame
from tests.faces import grace

MOST_DEG = 12 * PITCH_GAIN  # a deep nod


def ball(landmarks: FloatArray, above_iod: float) -> npt.NDArray[np.uint8]:
    """Somebody whose hair goes so far beyond the forehead, uint8 [H, W]."""
    height, width = grace().size
    y, x = np.indices((height, width))
    middle = landmarks[:468, :2].mean(0)
    top = landmarks[FOREHEAD, 1] - above_iod * HeadFrame.of(landmarks).iod
    person = np.hypot(x - middle[0], y - middle[1]) < middle[1] - top
    return np.where(person | (y > middle[1]), np.uint8(255), np.uint8(0))


def lowered(iods: float) -> FloatArray:
    """Landmarks of a face whose forehead lies so far below the picture's border."""
    landmarks = grace().landmarks.copy()
    by = iods * HeadFrame.of(landmarks).iod - landmarks[FOREHEAD, 1]
    return landmarks + np.array([0, by, 0], np.float32)


def depth_above(
    landmarks: FloatArray, matte: npt.NDArray[np.uint8], *above_iod: float
) -> FloatArray:
    """Of places so far above the forehead, from the axis: IOD, nearer negative."""
    depth = build_head(landmarks, matte)[2]
    rows, columns = (np.linspace(0, side - 1, HEAD_GRID) for side in matte.shape)
    x, y = landmarks[FOREHEAD, :2]
    iod = HeadFrame.of(landmarks).iod
    column = depth[:, np.abs(columns - x).argmin()]
    found = np.interp(y - np.array(above_iod) * iod, rows, column) / iod
    return np.asarray(found, np.float32)


@pytest.mark.parametrize(("above_iod", "share"), [(0.8, 0.8), (1.0, 0.92)])
def test_a_hairline_goes_with_the_forehead(above_iod: float, share: float) -> None:
    landmarks = lowered(1.3)
    forehead, hairline, outline = depth_above(
        landmarks, ball(landmarks, above_iod), 0.0, 0.25, above_iod
    )
    assert forehead < -0.5
    assert hairline < share * forehead
    assert abs(outline) < 0.25 * abs(forehead)  # a ball's outline stays


def test_hair_that_is_cut_off_does_not_fall_back_before_the_border() -> None:
    landmarks = lowered(1.0)
    whole = np.full(grace().size, 255, np.uint8)
    forehead, hair = depth_above(landmarks, whole, 0.0, 0.6)
    assert hair < 0.5 * forehead
    assert depth_above(landmarks, ball(landmarks, 0.6), 0.6)[0] > 0.3 * forehead


@pytest.mark.parametrize("above_iod", [0.1, 0.4, 0.7, 1.2])
def test_hair_is_never_folded(above_iod: float) -> None:
    landmarks = lowered(1.3)
    _, down, away, _ = build_head(landmarks, ball(landmarks, above_iod))
    raised = down * np.cos(np.radians(MOST_DEG)) + away * np.sin(np.radians(MOST_DEG))
    assert np.diff(raised, axis=0)[: HEAD_GRID // 2].min() > 0


def test_a_head_cut_off_at_its_forehead_turns_about_a_nearer_axis() -> None:
    """Else all of the way a bowed face goes down is drawn out of the forehead."""
    whole = np.full(grace().size, 255, np.uint8)
    roomy, tight = lowered(1.2), lowered(0.4)
    far = depth_above(roomy, whole, 0.0)[0]
    near = depth_above(tight, whole, 0.0)[0]
    assert near > far + 0.3
    alone = whole.copy()
    alone[: int(0.2 * HeadFrame.of(tight).iod)] = 0
    assert depth_above(tight, alone, 0.0)[0] < near - 0.3  # nothing is cut off


def test_lenses_are_flat() -> None:
    """Else, as the face curves away at its temples, round ones are eggs."""
    landmarks = grace().landmarks
    height, width = grace().size
    columns, rows = (np.linspace(0, side - 1, HEAD_GRID) for side in (width, height))
    spots = np.stack(np.meshgrid(columns, rows), -1).reshape(-1, 2)
    either = lenses(landmarks, spots.astype(np.float32)).reshape(2, HEAD_GRID, -1)
    bare, worn = (
        build_head(landmarks, grace().matte, glasses=glasses)[2]
        for glasses in (False, True)
    )
    for lens in either > 0.95:
        within = lens[:, :-2] & lens[:, 1:-1] & lens[:, 2:]
        assert within.sum() > 20
        bends, flat = (np.diff(d, 2, axis=1)[within] for d in (bare, worn))
        assert np.abs(bends).max() > 0.5  # pixels
        assert np.abs(flat).max() < 0.2
    beside = either.max(0) == 0
    assert np.array_equal(bare[beside], worn[beside])


def test_large_lenses_reach_beyond_a_turned_face() -> None:
    """The far eye is narrow then, its lens is not."""
    landmarks = grace().landmarks.copy()
    middle = landmarks[168, 0]
    landmarks[:, 0] = np.where(
        landmarks[:, 0] > middle,
        (landmarks[:, 0] - middle) * 0.5 + middle,
        landmarks[:, 0],
    )
    near, far = landmarks[[33, 133, 362, 263], :2].reshape(2, 2, 2)
    half = np.linalg.norm(near[1] - near[0]) / 2
    beside = near.mean(0) - [2.3 * half, 0], far.mean(0) + [2.1 * half, 0]
    shares = lenses(landmarks, np.array(beside, np.float32))
    assert shares.max(1).min() > 0.5
