"""An upper lip that the photo hides, under a moustache or in its shade.

A lower lip that borders on black looks like an open mouth, however well it is closed.
So where hardly anything of the upper lip is seen, some of the lower one's colour is
let through along its edge, as lips that press on each other push it out.
"""

import numpy as np
import numpy.typing as npt

from models.controls import INNER_LOWER, INNER_UPPER, OUTER_LOWER, OUTER_UPPER
from models.media import LUMA, FloatArray
from models.own_teeth import pixels_within

SEEN = 0.42  # of the lower lip's light: an upper one that is seen has as much


def hidden_lip(picture: npt.NDArray[np.uint8], landmarks: FloatArray) -> FloatArray:
    """The colour of the lips, RGB 0 to 255, and how much of it is let through, 0 to 1:
    float32 [4]. It is 0 where the upper lip is seen.

    picture: uint8 [H, W, 3]. landmarks: [478, 3], pixels.
    """
    upper, lower = (
        np.median(pixels_within(picture, landmarks[[*inner, *outer[::-1]], :2]), axis=0)
        for inner, outer in ((INNER_UPPER, OUTER_UPPER), (INNER_LOWER, OUTER_LOWER))
    )
    dark, light = float(upper @ LUMA), float(lower @ LUMA)
    lacking = max(SEEN * light - dark, 0.0) / max(light - dark, 1.0)
    return np.array([*lower, lacking], np.float32)
