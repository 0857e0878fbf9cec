"""Calibration: the face shows what it is told, and what cannot be measured stays."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import save_file

from models.calibration import TURNS_DEG, calibrate, opener, turner, wider
from models.correction import (
    APERTURES,
    WIDTHS,
    calibrated,
    calibration_of,
    from_any_version,
    leaning,
    uncalibrated,
)
from models.identity import Identity
from models.lips import bounded
from models.media import CHANNEL_INDEX, FloatArray
from models.probe import Probe, turn_between
from tests.faces import grace, motion, renderer

WIDTH = CHANNEL_INDEX["width"]
APERTURE = CHANNEL_INDEX["aperture"]
TURNS = slice(CHANNEL_INDEX["head_yaw"], CHANNEL_INDEX["head_roll"] + 1)


def by(
    opened: float = 0.0, widened: float = 0.0, turns: float = 1.0, brows: float = 1.0
) -> FloatArray:
    """Lips drawn more open, unless they are closed, and wider, by the same."""
    table = np.zeros((len(APERTURES), len(WIDTHS), 2), np.float32)
    table[1:, :, 0], table[..., 1] = opened, widened
    return calibration_of([turns] * 3, brows, table)[None]


def told(**channels: float) -> FloatArray:
    return bounded(motion(**channels).numpy())


def test_a_head_told_wrong_gains_is_set_right() -> None:
    wrong = replace(grace(), calibration=by(0.05, 0.1, 0.5, 0.5)[0])
    right = calibrate(wrong, renderer())
    assert np.allclose(right.calibration, grace().calibration, atol=0.02)
    probe = Probe(right, renderer())
    rest = probe.landmarks()
    for axis, channel in enumerate(("head_yaw", "head_pitch")):
        turned = probe.landmarks(**{channel: 8.0})
        assert abs(turn_between(rest, turned)[axis] - 8) < 1.5


def test_glasses_hold_the_brows_and_bare_eyes_do_not() -> None:
    assert grace().calibration[3] < 0.5
    blurred = np.asarray(cv2.GaussianBlur(grace().picture, (0, 0), 9), np.uint8)
    soft = replace(grace(), picture=blurred)
    assert calibrate(soft, renderer()).calibration[3] == 1
    raised = told(browInnerUp=1.0)
    held = calibrated(raised, by(brows=0.3))
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
    assert np.allclose(calibrated(row, by()), row)


@settings(deadline=None, max_examples=50)
@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(0, 9), st.floats(0, 9))
def test_closed_lips_stay_closed_and_motion_stays_within_bounds(
    opened: float, widened: float, aperture: float, width: float
) -> None:
    most = by(opened, widened, turns=1.4)
    closed = calibrated(told(width=width, speech=1.0), most)
    assert float(closed[0, APERTURE]) == 0.0
    wild = told(aperture=aperture, width=width, head_yaw=99.0, head_pitch=-99.0)
    assert np.array_equal(bounded(calibrated(wild, most)), calibrated(wild, most))


@settings(deadline=None, max_examples=50)
@given(st.floats(0, 0.42), st.floats(0.2, 0.85))
def test_a_row_of_the_table_is_met_and_between_rows_is_between(
    aperture: float, width: float
) -> None:
    table = np.zeros((len(APERTURES), len(WIDTHS), 2), np.float32)
    table[..., 0], table[..., 1] = 0.3 * APERTURES[:, None], 0.2 * (WIDTHS - 0.43)
    row = told(aperture=aperture, width=width, speech=1.0)
    drawn = calibrated(row, calibration_of(lips=table)[None])[0]
    in_table = np.clip(aperture, 0, APERTURES[-1]), np.clip(width, *WIDTHS[[0, -1]])
    assert np.isclose(drawn[APERTURE], min(aperture + 0.3 * in_table[0], 0.42))
    wider_by = 0.2 * (in_table[1] - 0.43)
    wider_drawn = min(max(width + wider_by, min(width, 0.25)), 0.85)
    assert np.isclose(drawn[WIDTH], wider_drawn, atol=1e-6)


def test_what_is_seen_too_closed_is_drawn_more_open_and_the_reverse() -> None:
    seen = np.array([0.0, 0.05, 0.15, 0.30])[:, None] + np.zeros(len(WIDTHS))
    more = opener(seen.astype(np.float32))
    assert (more[0] == 0).all()
    assert (more[1] > 0.015).all()
    assert (more[1] <= 0.03).all()
    assert (more[2] > 0).all()
    assert (more[3] < 0).all()


def test_widths_are_drawn_in_a_straight_line_whatever_all_are_off_by() -> None:
    off = np.tile(WIDTHS + 0.1, (len(APERTURES), 1))
    assert np.allclose(wider(off), 0, atol=0.002)
    off[0, 0] += 0.06  # a narrow mouth that is seen too wide while it is closed
    more = wider(off)
    assert more[0, 0] < -0.02
    assert np.abs(more).max() <= 0.04


@settings(deadline=None, max_examples=50)
@given(st.floats(0.7, 1.4), st.floats(-0.25, 0.25), st.floats(-10, 10))
def test_a_head_that_turns_further_one_way_is_told_less_that_way(
    gain: float, lean: float, degrees: float
) -> None:
    ways = np.linspace(-30, 30, 601, dtype=np.float32)
    turned = gain * ways + lean * leaning(ways)
    assert (np.diff(turned) > 0).all()  # the head never goes back while it turns on
    seen = np.interp(TURNS_DEG, turned, ways).astype(np.float32)
    assert np.allclose(turner(seen), [gain, lean], atol=1e-3)
    row = told(head_yaw=degrees, head_pitch=-degrees, head_roll=degrees)
    drawn = calibrated(row, calibration_of(leans=[lean] * 2)[None])[0]
    more_yaw, more_pitch, more_roll = np.abs(drawn)[TURNS] - np.abs(row[0, TURNS])
    assert np.isclose(more_yaw, -more_pitch, atol=1e-5)
    assert more_yaw * lean * degrees >= 0
    assert more_roll == 0


def test_a_calibration_of_before_heads_leant_has_none() -> None:
    now = calibration_of([1.1, 0.9, 1.0], leans=[0.2, -0.1])
    before = from_any_version(now[:-2])
    assert (before == calibration_of([1.1, 0.9, 1.0])).all()


def test_a_calibration_of_before_there_was_a_table_still_corrects() -> None:
    old = from_any_version(np.array([1.1, 0.9, 1, 1.1, 1.3, 0.9, 0.1, 0.3], np.float32))
    row = told(aperture=0.16, width=0.39, head_yaw=5.0, speech=1.0)
    drawn = calibrated(row, old[None])[0]
    assert np.isclose(drawn[APERTURE], 0.16 * 1.1)
    gain = 1.3 - 0.4 * 0.16 / 0.30
    assert np.isclose(drawn[WIDTH], 0.43 - 0.04 * gain - 0.016)
    assert np.isclose(drawn[CHANNEL_INDEX["head_yaw"]], 5.5)


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
