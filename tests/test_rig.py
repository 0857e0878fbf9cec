"""The rig: what channels do to controls, and how controls move the skin."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models import controls
from models.blendshapes import ARKIT_NAMES
from models.controls import LIP_POINTS, LIPS, SKIN, SKIN_CHANNELS, channel_table
from models.lips import MAX_APERTURE, LipRig, bounded, displace
from models.media import FloatArray
from models.rig import HeadFrame, build_rig, rest_lips, seam_masks
from tests.faces import grace, motion

NOT_LIPS = ("eye", "tongueOut", "mouthClose", "jawOpen")


def lip_rig() -> LipRig:
    rig = build_rig(grace().landmarks)
    lips = len(LIPS)
    table = rig.table[:, :lips].flatten(1)
    parts = (rig.rest, table, rig.jaw[:lips], rig.rest_gap)
    return LipRig(*(part[None].numpy() for part in parts))


def lips_of(**channels: float) -> FloatArray:
    """Lips as placed, [4, 11, 3]."""
    rig = lip_rig()
    moved = displace(rig, bounded(motion(**channels).numpy()))
    lips: FloatArray = (rig.rest + moved)[0]
    return lips.reshape(4, LIP_POINTS, 3)


@settings(deadline=None, max_examples=40)
@given(
    st.floats(0, MAX_APERTURE), st.floats(0.25, 0.7), st.floats(0, 1), st.floats(0, 1),
    st.floats(0, 1),
)  # fmt: skip
def test_in_speech_lips_stand_exactly_as_commanded(
    aperture: float, width: float, jaw: float, smile: float, pucker: float
) -> None:
    placed = lips_of(
        aperture=aperture, width=width, jawOpen=jaw, speech=1.0,
        mouthSmileLeft=smile, mouthPucker=pucker,
    )  # fmt: skip
    middle = LIP_POINTS // 2
    assert abs(float(placed[1, middle, 1] - placed[0, middle, 1]) - aperture) < 1e-4
    assert abs(float(placed[0, -1, 0] - placed[0, 0, 0]) - width) < 1e-4
    assert bool((placed[1, :, 1] - placed[0, :, 1] > -1e-4).all())


def test_without_speech_the_commanded_lips_do_nothing() -> None:
    rest = lip_rig()
    moved = displace(rest, bounded(motion(aperture=0.4, width=0.7).numpy()))
    assert np.abs(moved).max() < 1e-5


def test_speech_blends_without_a_jump() -> None:
    gaps = [
        float(p[1, 5, 1] - p[0, 5, 1])
        for s in np.linspace(0, 1, 21)
        for p in [lips_of(aperture=0.2, width=0.4, speech=float(s))]
    ]
    assert np.abs(np.diff(gaps, 2)).max() < 1e-3
    assert np.all(np.diff(gaps) > 0)


@settings(deadline=None, max_examples=30)
@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.03, 0.2), st.floats(0.3, 0.6))
def test_lips_roll_in_over_the_teeth_and_never_fold(
    upper: float, lower: float, aperture: float, width: float
) -> None:
    spoken = {"aperture": aperture, "width": width, "jawOpen": aperture, "speech": 1.0}
    plain = lips_of(**spoken)
    rolled = lips_of(**spoken, mouthRollUpper=upper, mouthRollLower=lower)
    for lip, roll in ((0, upper), (1, lower)):
        seen = np.abs((rolled[2 + lip] - rolled[lip])[3:-3, 1])
        whole = np.abs((plain[2 + lip] - plain[lip])[3:-3, 1])
        assert np.allclose(seen / whole, 1 - 0.62 * roll, atol=0.02)
    # The lips stand as commanded.
    assert np.allclose(rolled[1] - rolled[0], plain[1] - plain[0], atol=1e-4)


def test_every_channel_of_the_face_moves_something() -> None:
    rig = build_rig(grace().landmarks)
    for row, name in enumerate(ARKIT_NAMES):
        if not name.startswith(NOT_LIPS):
            assert float(rig.table[row].abs().max()) > 0.01, name


def test_the_table_tells_of_every_channel() -> None:
    table = controls.__doc__ or ""
    for name in ARKIT_NAMES:
        kind = name.removesuffix("Left").removesuffix("Right")
        told = {name} if kind in ("jaw", "mouth") else {kind}
        assert told & set(re.findall(r"\w+", table)), name


# Of a corner or the middle of a lip: what goes where at 1.0; x to the left, y down.
DIRECTIONS = {
    "mouthSmileLeft": (10, 0, 1, -1),
    "mouthFrownLeft": (10, 0, 0, 1),
    "mouthStretchLeft": (10, 0, 1, 0),
    "mouthDimpleLeft": (10, 0, 1, 0),
    "mouthLeft": (10, 0, 1, 0),
    "mouthRight": (10, 0, -1, 0),
    "jawLeft": (5, 1, 1, 0),
    "jawRight": (5, 1, -1, 0),
    "mouthUpperUpLeft": (7, 0, 0, -1),
    "mouthLowerDownLeft": (7, 1, 0, 1),
    "mouthShrugUpper": (5, 0, 0, -1),
    "mouthShrugLower": (5, 1, 0, -1),
    "mouthPucker": (10, 0, -1, 0),
}


@pytest.mark.parametrize("name", DIRECTIONS)
def test_channels_do_what_their_names_say(name: str) -> None:
    point, curve, x, y = DIRECTIONS[name]
    rig = build_rig(grace().landmarks)
    lips = rig.table[ARKIT_NAMES.index(name), : len(LIPS)].reshape(4, LIP_POINTS, 3)
    for axis, sign in enumerate((x, y)):
        if sign:
            assert sign * float(lips[curve, point, axis]) > 0.015


@pytest.mark.parametrize("name", ["noseSneerLeft", "jawForward", "cheekPuff"])
def test_closed_lips_stay_closed_where_nobody_opens_them(name: str) -> None:
    rig = build_rig(grace().landmarks)
    lips = rig.table[ARKIT_NAMES.index(name), : len(LIPS)].reshape(4, LIP_POINTS, 3)
    assert float((lips[1, :, 1] - lips[0, :, 1]).max()) < 0.01


def test_a_small_mouth_is_rounded_less() -> None:
    row = ARKIT_NAMES.index("mouthPucker")
    skin = np.zeros((len(SKIN), 3), np.float32)
    small, large = (channel_table(skin, width)[row, 0, 0] for width in (0.30, 0.55))
    assert 0 < small < 0.75 * large


def test_the_channels_that_pull_at_the_skin_are_those_that_are_told_of() -> None:
    rig = build_rig(grace().landmarks)
    moves = rig.table[:, len(LIPS) :].abs().amax((1, 2)) > 0
    pulling = {name for name, pulls in zip(ARKIT_NAMES, moves, strict=True) if pulls}
    assert pulling == set(SKIN_CHANNELS)


def test_left_and_right_mirror_each_other() -> None:
    rig = build_rig(grace().landmarks)
    for row, name in enumerate(ARKIT_NAMES):
        if name.startswith(("mouthSmile", "mouthStretch")) and name.endswith("Left"):
            left = rig.table[row, :LIP_POINTS, 0]
            right = rig.table[row + 1, :LIP_POINTS, 0]
            assert torch.allclose(left, -right.flip(0), atol=1e-6)


def test_controls_carry_the_skin_with_them() -> None:
    rig = build_rig(grace().landmarks)
    frame = HeadFrame.of(grace().landmarks)
    shift = torch.zeros(rig.controls)
    shift[LIP_POINTS + 5] = 1.0  # the lower inner lip's middle
    shift[3 * LIP_POINTS + 5] = 1.0
    spread = (rig.spread_lower @ shift).reshape(68, 60)
    left, top, right, bottom = rig.box.tolist()
    x, y = grace().landmarks[17, :2]
    row = round((y - top) / (bottom - top) * 67)
    column = round((x - left) / (right - left) * 59)
    assert 0.6 < float(spread[row, column]) < 1.3
    rim = torch.cat([spread[0], spread[-1], spread[:, 0], spread[:, -1]])
    assert float(rim.abs().max()) == 0.0
    assert frame.iod > 50


def test_the_head_frame_undoes_itself() -> None:
    frame = HeadFrame.of(grace().landmarks)
    points = np.array([[0.1, -0.2], [-0.4, 0.5]], np.float32)
    assert np.allclose(frame.flat(frame.unflat(points)), points, atol=1e-4)
    gap, width = rest_lips(grace().landmarks)
    assert 0 <= gap < 0.03 and 0.3 < width < 0.7


def test_the_seam_parts_the_lips() -> None:
    landmarks = grace().landmarks
    upper, lower, *_ = seam_masks(landmarks, np.array([0, 0, 383, 383]))
    x, y = landmarks[0, :2].round().astype(int)
    assert upper[y, x] == 1.0
    x, y = landmarks[17, :2].round().astype(int)
    assert upper[y, x] == 0.0 and lower[y, x] == 1.0


def near_the_corner(**channels: float) -> float:
    """The gap at nine tenths of the way to a corner, of the middle's."""
    placed = lips_of(speech=1.0, width=0.46, **channels)
    gap = placed[1, :, 1] - placed[0, :, 1]
    middle = placed[0, [0, -1], 0].mean()
    there = np.interp(middle + 0.9 * 0.23, placed[0, :, 0], gap)
    return float(there / gap[LIP_POINTS // 2])


def test_wide_and_rounded_mouths_are_oval_and_small_ones_pointed() -> None:
    small = near_the_corner(aperture=0.05, jawOpen=0.05)
    wide = near_the_corner(aperture=0.32, jawOpen=0.3)
    rounded = near_the_corner(
        aperture=0.05, jawOpen=0.05, mouthPucker=0.6, mouthFunnel=0.5
    )
    assert min(wide, rounded) > small + 0.015


def test_rounded_lips_open_as_far_above_their_corners_as_below() -> None:
    """However the photo's own lips are bent."""
    rig = lip_rig()
    bent = rig.rest.copy().reshape(4, LIP_POINTS, 3)
    bent[..., 1] -= 0.06 * (1 - np.linspace(-1, 1, LIP_POINTS) ** 2)
    spoken = {"aperture": 0.08, "width": 0.32, "jawOpen": 0.08, "speech": 1.0}
    shares = []
    for pucker in (0.0, 1.0):
        row = bounded(motion(**spoken, mouthPucker=pucker).numpy())
        arched = replace(rig, rest=bent.reshape(rig.rest.shape))
        placed = (arched.rest + displace(arched, row)).reshape(bent.shape)
        upper, lower = placed[0, LIP_POINTS // 2, 1], placed[1, LIP_POINTS // 2, 1]
        corners = placed[0, [0, -1], 1].mean()
        shares.append(float((corners - upper) / (lower - upper)))
    assert shares[0] > 0.9 and abs(shares[1] - 0.5) < 0.25


@pytest.mark.parametrize("nearer", [0.0, 0.04, 0.08])
def test_a_nose_near_the_mouth_holds_still_too(nearer: float) -> None:
    """As of a child, or of a head tipped back: its base lies lower. IOD."""
    landmarks = grace().landmarks.copy()
    nose = list(controls.NOSE) + [5, 195]
    landmarks[nose] += HeadFrame.of(landmarks).axes[1] * nearer * iod_of(landmarks)
    rig = build_rig(landmarks)
    tip = len(LIPS) + SKIN.index(1)
    follow = rig.follow[SKIN.index(1)].sum()
    assert float(rig.jaw[tip].abs().max()) < 0.02
    assert float(follow) < 0.12


def iod_of(landmarks: FloatArray) -> float:
    return HeadFrame.of(landmarks).iod
