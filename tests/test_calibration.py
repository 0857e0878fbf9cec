"""Calibration: the face shows what it is told, and what cannot be measured stays."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import save_file

from models.calibration import calibrate
from models.identity import Identity
from models.lips import bounded, calibrated, uncalibrated
from models.media import CHANNEL_INDEX, FloatArray
from models.probe import Probe, turn_between
from tests.faces import grace, motion, renderer

WIDTH = CHANNEL_INDEX["width"]
APERTURE = CHANNEL_INDEX["aperture"]


def by(*values: float) -> FloatArray:
    return np.array([values], np.float32)


def told(**channels: float) -> FloatArray:
    return bounded(motion(**channels).numpy())


def test_a_head_told_wrong_gains_is_set_right() -> None:
    wrong = replace(grace(), calibration=uncalibrated() * np.float32(0.5))
    right = calibrate(wrong, renderer())
    assert np.allclose(right.calibration, grace().calibration, atol=0.02)
    probe = Probe(right, renderer())
    rest = probe.landmarks()
    for axis, channel in enumerate(("head_yaw", "head_pitch")):
        turned = probe.landmarks(**{channel: 8.0})
        assert abs(turn_between(rest, turned)[axis] - 8) < 1.5


def test_glasses_hold_the_brows_and_bare_eyes_do_not() -> None:
    assert grace().calibration[-1] < 0.5
    blurred = np.asarray(cv2.GaussianBlur(grace().picture, (0, 0), 9), np.uint8)
    soft = replace(grace(), picture=blurred)
    assert calibrate(soft, renderer()).calibration[-1] == 1
    raised = told(browInnerUp=1.0)
    held = calibrated(raised, by(1, 1, 1, 1, 1, 1, 0, 0.3))
    assert float(held[0, CHANNEL_INDEX["browInnerUp"]]) == np.float32(0.3)


def test_without_a_face_nothing_is_corrected() -> None:
    blank = replace(grace(), picture=np.full_like(grace().picture, 128))
    nobody = replace(blank, matte=np.zeros_like(blank.matte))
    found = calibrate(replace(nobody, background=blank.picture), renderer())
    assert (found.calibration == uncalibrated()).all()


@settings(deadline=None, max_examples=50)
@given(st.floats(-99, 99), st.floats(-9, 9), st.floats(-9, 9))
def test_uncalibrated_motion_is_the_motion(turn: float, a: float, w: float) -> None:
    row = told(head_yaw=turn, aperture=a, width=w, speech=1.0)
    assert np.allclose(calibrated(row, by(1, 1, 1, 1, 1, 1, 0, 1)), row)


def test_closed_lips_stay_closed_and_motion_stays_within_bounds() -> None:
    most = by(1.4, 1.4, 1, 1.15, 1.4, 1.4, 0.45, 1)
    closed = calibrated(told(width=0.5, speech=1.0), most)
    assert float(closed[0, APERTURE]) == 0.0
    wild = told(aperture=9.0, width=9.0, head_yaw=99.0, head_pitch=-99.0)
    assert np.array_equal(bounded(calibrated(wild, most)), calibrated(wild, most))
    narrow = told(aperture=0.4, width=0.0, speech=1.0)
    assert np.array_equal(bounded(calibrated(narrow, most)), calibrated(narrow, most))


def test_an_opening_mouth_is_drawn_narrower_by_as_much_as_it_looks_wider() -> None:
    row = told(aperture=0.2, width=0.43, speech=1.0)
    drawn = calibrated(row, by(1, 1, 1, 1, 1.3, 0.9, 0.1, 1))
    assert float(drawn[0, WIDTH]) == np.float32(0.43 - 0.02)


def test_a_file_from_before_calibration_is_read(tmp_path: Path) -> None:
    path = tmp_path / "grace.safetensors"
    grace().save(path)
    again = Identity.load(path)
    assert (again.calibration == grace().calibration).all()
    with safe_open(path, framework="numpy") as file:
        kept = {k: file.get_tensor(k) for k in file.keys() if k != "calibration"}
        save_file(kept, tmp_path / "old.safetensors", file.metadata())
    old = Identity.load(tmp_path / "old.safetensors")
    assert (old.calibration == uncalibrated()).all()
