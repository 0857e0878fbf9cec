"""An upper lip that a moustache hides is seen when the lips close."""

from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from models.controls import INNER_UPPER, OUTER_UPPER
from models.hidden_lip import hidden_lip
from models.identity import Identity
from models.probe import Probe
from tests.faces import grace, renderer

SHUT = {"width": 0.45, "speech": 1.0}


@cache
def bearded() -> Identity:
    """The embedded portrait with a black band over its upper lip."""
    picture, landmarks = grace().picture.copy(), grace().landmarks
    upper = landmarks[[*INNER_UPPER, *OUTER_UPPER[::-1]], :2].round()
    hair = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillPoly(hair, [upper.astype(np.int32)], (255,))
    share = cv2.GaussianBlur(cv2.dilate(hair, np.ones((5, 3))), (0, 0), 1.5)
    dark = picture * (1 - share[..., None] / 255.0) + share[..., None] / 255.0 * 18
    return replace(grace(), picture=dark.astype(np.uint8))


def test_a_lip_that_is_seen_is_left_alone() -> None:
    assert hidden_lip(grace().picture, grace().landmarks)[3] == 0


def test_of_a_hidden_lip_more_is_let_through_the_darker_it_is() -> None:
    picture, landmarks = grace().picture.astype(np.float32), grace().landmarks
    outline = landmarks[[*INNER_UPPER, *OUTER_UPPER[::-1]], :2].round()
    hair = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillPoly(hair, [outline.astype(np.int32)], (1,))
    shares = []
    for light in (1.0, 0.4, 0.2, 0.0):
        dimmed = picture * (1 - (1 - light) * hair[..., None])
        shares.append(float(hidden_lip(dimmed.astype(np.uint8), landmarks)[3]))
    assert shares[0] == 0 < shares[1] < shares[2] < shares[3] < 0.5


def test_it_shows_in_closed_lips_and_never_in_the_photo() -> None:
    dark = bearded()
    assert hidden_lip(dark.picture, dark.landmarks)[3] > 0.1
    probe = Probe(dark, renderer())
    assert (probe.frame() == dark.picture).all()
    shown, plain = probe.frame(**SHUT).astype(int), _plain(dark).astype(int)
    lighter = (shown - plain).sum(2)
    assert (lighter >= 0).all() and lighter.max() > 20
    assert (lighter > 10).mean() < 0.01  # a narrow lip, nothing else
    wide = {"aperture": 0.3, "jawOpen": 0.3}
    opened = probe.frame(**{**SHUT, **wide}), _plain(dark, **wide)
    assert (opened[0] == opened[1]).all()


def _plain(identity: Identity, **more: float) -> npt.NDArray[np.uint8]:
    """A frame of closed lips, nothing let through."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("models.mouth_patch._let_through", lambda lip, *_: lip)
        return Probe(identity, renderer()).frame(**{**SHUT, **more})
