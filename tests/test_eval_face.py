"""The yardstick itself: turns, openings, and a bad photo among good ones."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from models.controls import jaw_weights, smoothstep
from models.eyes import eye_openings
from models.media import FloatArray
from models.probe import Probe, turn_between
from models.rig import HeadFrame
from models.warp import WarpRenderer
from scripts.eval_face import (
    HEADER,
    eyes_shown,
    gap_shown,
    main,
    measure,
    painted_over,
)
from scripts.face_drift import (
    EYES,
    FOLLOWED,
    HELD,
    NOSE,
    below_nose,
    drift_while_speaking,
    flow_while_speaking,
)
from scripts.pixel_flow import SHIFT, pixel_flow, sight
from tests.faces import grace, renderer


@pytest.fixture(autouse=True)
def _same_threads() -> Iterator[None]:
    """The script takes one thread; other tests compare bits with what they have."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def test_a_turn_of_known_size_is_measured() -> None:
    landmarks = grace().landmarks
    angle = np.radians(5)
    cos, sin = np.cos(angle), np.sin(angle)
    rolled = landmarks @ np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])
    yaw, pitch, roll = turn_between(landmarks, rolled.astype(np.float32))
    assert (yaw, pitch) == pytest.approx((0, 0), abs=0.01)
    assert abs(roll) == pytest.approx(5, abs=0.01)


def test_a_blink_closes_the_eyes() -> None:
    probe = Probe(grace(), renderer())
    shut = eye_openings(probe.landmarks(eyeBlinkLeft=1, eyeBlinkRight=1))
    assert (shut < 0.55 * eye_openings(probe.landmarks())).all()


def test_the_embedded_portrait_does_as_it_is_told() -> None:
    report = measure("grace", grace(), renderer())
    assert report.aperture[0] > 0.95 and report.width[0] > 0.9
    assert report.closed[0] < 0.03 and report.closed[1] == 0
    assert report.blink[2] == 0
    expected = [8, -8] * 3
    assert report.turns == pytest.approx(expected, abs=3)
    assert len(str(report).split("  ")) > 4
    assert max(report.flow[:3]) < 0.01  # eyes, nose and brows hold still
    assert 0.005 < report.flow[3] < 0.03  # nostrils go with the lips
    assert 0 < max(report.drift.own) < 0.05
    assert max(report.drift.alone) < 0.01
    assert 0.5 < report.drift.least <= report.drift.most < 1.5


def test_what_shows_between_lips_and_lids_is_counted_in_pixels() -> None:
    for aperture in (0.1, 0.2):
        shown = gap_shown(grace(), renderer(), 0.45, aperture)
        assert shown == pytest.approx(aperture / 0.45, rel=0.25)
    half = eyes_shown(grace(), renderer(), 0.4)
    assert 0.1 < half < 0.8
    assert eyes_shown(grace(), renderer(), 0.02) == pytest.approx(1, abs=0.03)


def test_the_mouth_lies_below_the_nose_and_the_nose_does_not() -> None:
    below = below_nose(grace().picture, grace().landmarks)
    columns, rows = grace().landmarks[[*NOSE, *EYES], :2].round().astype(int).T
    assert (below[rows, columns] == 0).all()
    columns, rows = grace().landmarks[[13, 14, 17, 61, 291], :2].round().astype(int).T
    assert (below[rows, columns] == 1).all()


def test_eyes_are_painted_over_and_nothing_else_is() -> None:
    picture, landmarks = grace().picture, grace().landmarks
    painted = painted_over(picture, landmarks).astype(int)
    for iris, corner in ((468, 33), (473, 263)):
        x, y = landmarks[iris, :2].round().astype(int)
        half = int(np.linalg.norm(landmarks[iris, :2] - landmarks[corner, :2]))
        eye = painted[y - half // 5 : y + 1, x - half // 3 : x + half // 3].mean(2)
        assert np.ptp(eye) < 40  # plain skin, no iris
        line = painted[y : y + half, x].mean(1)
        assert line.min() < 0.5 * np.median(eye)
    for elsewhere in (4, 13, 152, 10, 66, 296):
        x, y = landmarks[elsewhere, :2].round().astype(int)
        assert (painted[y, x] == picture[y, x]).all()


@pytest.mark.parametrize("pixels", [0, 1, 3])
def test_pixels_that_have_gone_are_found_where_they_went(pixels: int) -> None:
    first, points = grace().picture, grace().landmarks[:, :2]
    flow = pixel_flow(first, np.roll(first, pixels, axis=1), points, 100.0)
    assert flow[NOSE] * 100 == pytest.approx([pixels] * len(NOSE), abs=0.1)


def test_a_shift_of_one_percent_is_measured_at_every_point() -> None:
    points = grace().landmarks
    seen = sight(grace().picture, points[FOLLOWED, :2], HeadFrame.of(points).iod)
    assert 0.8 < seen.least <= seen.most < 1.2 and seen.lost == 0


def test_points_of_plain_pictures_and_of_others_are_lost() -> None:
    points, iod = grace().landmarks[:, :2], HeadFrame.of(grace().landmarks).iod
    plain = np.full_like(grace().picture, 128)
    assert np.isinf(pixel_flow(grace().picture, plain, points, iod)[NOSE]).all()
    noise = np.random.default_rng(0).integers(0, 255, plain.shape, np.uint8)
    assert np.isinf(pixel_flow(grace().picture, noise, points, iod)[EYES]).any()


def test_a_nose_alone_that_has_gone_is_found_and_eyes_have_not() -> None:
    picture, landmarks = grace().picture, grace().landmarks
    iod = HeadFrame.of(landmarks).iod
    tip = NOSE[4:]
    middle = landmarks[tip, :2].mean(0)
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]].astype(np.float32)
    away = np.hypot(columns - middle[0], rows - middle[1]) / iod
    down = SHIFT * iod * smoothstep(away, 0.35, 0.2)
    moved = cv2.remap(picture, columns, rows - down, cv2.INTER_CUBIC)
    flow = pixel_flow(picture, np.asarray(moved, np.uint8), landmarks[:, :2], iod)
    assert flow[tip] == pytest.approx([SHIFT] * len(tip), rel=0.15)
    assert flow[EYES].max() < 0.05 * SHIFT


def test_a_rig_whose_nose_hangs_on_the_jaw_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def hangs_lower(points: FloatArray) -> FloatArray:
        return jaw_weights(points + np.array([0, 0.08, 0], np.float32))

    rest, nose = grace().landmarks, HELD.index(NOSE)
    probe = Probe(grace(), renderer())
    held, still = (flow_while_speaking(probe, rest), drift_while_speaking(probe, rest))
    monkeypatch.setattr("models.rig.jaw_weights", hangs_lower)
    probe = Probe(grace(), WarpRenderer())
    hung, goes = (flow_while_speaking(probe, rest), drift_while_speaking(probe, rest))
    assert held[nose] < 0.007 and hung[nose] > 0.01
    assert still.alone[nose] < 0.007 and goes.alone[nose] > 0.009


def test_a_bad_photo_is_told_and_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no picture")
    assert main([str(bad)]) == 1
    shown = capsys.readouterr()
    assert HEADER in shown.out and "error (" in shown.err
