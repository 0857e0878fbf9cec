"""Skin never folds: a small square of a frame comes from a small square of the photo,
turned and stretched, but not flipped."""

import numpy as np
import numpy.typing as npt
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.face_map import face_map
from models.inverse import inverse_sheared
from models.lips import bounded
from models.media import CHANNEL_INDEX, MOTION_CHANNELS
from models.pose import pose_of
from models.rig import GRID_HEIGHT, GRID_WIDTH
from models.sampling import nodes_of, sample
from tests.faces import grace, motion, renderer

UNIT = st.floats(0, 1)
NUMBER = st.floats(-3, 3)


def areas(row: torch.Tensor) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Of the face's grid cells, upper and lower layer: how large the photo's part is
    (negative where it is flipped), and whether the layer is seen there: [2, h, w]."""
    batch = renderer().prepared(grace())
    with torch.inference_mode():
        face = face_map(batch, pose_of(batch.rig, bounded(row.numpy())))
        layers = (face.back / batch.box_share).unbind(2)
        nodes = nodes_of(GRID_HEIGHT, GRID_WIDTH, face.back.device)
        above = sample(batch.seam[:, :1], batch.seam_places(nodes + layers[0]))
        below = sample(batch.seam[:, 2:3], batch.seam_places(nodes + layers[1]))
    upper, lower = above[0, 0] > 0.5, below[0, 0] > 0.5
    cell = nodes[0, :, 1, 1] - nodes[0, :, 0, 0]
    found = []
    for (layer,) in layers:
        by_x = ((layer[:, :-1, 1:] - layer[:, :-1, :-1]) / cell[0]).numpy()
        by_y = ((layer[:, 1:, :-1] - layer[:, :-1, :-1]) / cell[1]).numpy()
        found.append((1 + by_x[0]) * (1 + by_y[1]) - by_x[1] * by_y[0])
    seen = torch.stack([upper, lower & ~upper])[:, :-1, :-1].numpy()
    return np.stack(found), seen


@settings(max_examples=40, deadline=None)
@given(
    aperture=st.floats(0, 0.42),
    width=st.floats(0.26, 0.60),
    jaw=UNIT,
    pucker=UNIT,
    smile=UNIT,
    brow=UNIT,
)
def test_speaking_faces_do_not_fold(
    aperture: float, width: float, jaw: float, pucker: float, smile: float, brow: float
) -> None:
    area, seen = areas(
        motion(
            aperture=aperture,
            width=width,
            speech=1.0,
            jawOpen=max(0.6 * jaw, aperture),
            mouthPucker=pucker,
            mouthSmileLeft=smile,
            browInnerUp=brow,
        )
    )
    assert area[seen].min() > 0


@settings(max_examples=40, deadline=None)
@given(st.lists(NUMBER, min_size=52, max_size=52), UNIT)
def test_no_numbers_fold_more_than_a_spot(values: list[float], speech: float) -> None:
    row = motion(speech=speech, aperture=abs(values[0]), width=abs(values[1]))
    first = CHANNEL_INDEX[MOTION_CHANNELS[3]]
    row[0, first : first + len(values)] = torch.tensor(values)
    area, seen = areas(row)
    assert (area[seen] <= 0).mean() < 0.002
    assert np.isfinite(area).all()


def test_the_way_back_undoes_the_way_there() -> None:
    """Also at the widest opening, where fixed-point steps would diverge."""
    height, width = GRID_HEIGHT, GRID_WIDTH
    y, x = torch.meshgrid(
        torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij"
    )
    hill = torch.exp(-8 * (x**2 + y**2))
    forward = torch.stack([-0.13 * x * hill, 0.35 * hill])[None].repeat(2, 1, 1, 1)
    back = inverse_sheared(forward, height)
    there = sample(forward, nodes_of(height, width, forward.device) + back)
    inner = slice(8, -8)
    assert (back + there)[..., inner, inner].abs().max() < 0.0035
