"""What a rendered face shows: landmarks found again on frames, and measures of them."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from models.errors import LikenessError
from models.identity_file import Identity
from models.landmarks import FaceBox, find_landmarks_each
from models.media import CHANNEL_INDEX, MOTION_CHANNELS, FloatArray
from models.warp import WarpRenderer

# Brow, nose bridge, eye corners, temples: parts that no expression moves.
RIGID = [1, 4, 5, 6, 168, 197, 33, 133, 263, 362, 10, 151, 9, 127, 356, 234, 454, 195]


class Probe:
    """Renders one identity and finds the landmarks again."""

    def __init__(self, identity: Identity, renderer: WarpRenderer) -> None:
        self._identity, self._renderer = identity, renderer
        low = identity.landmarks[:468, :2].min(0)
        wide, high = identity.landmarks[:468, :2].max(0) - low
        self._box = FaceBox(float(low[0]), float(low[1]), float(wide), float(high))

    def frame(self, **channels: float) -> npt.NDArray[np.uint8]:
        """uint8 [H, W, 3]."""
        motion = torch.zeros(1, len(MOTION_CHANNELS))
        for name, value in channels.items():
            motion[0, CHANNEL_INDEX[name]] = value
        with torch.inference_mode():
            frame: npt.NDArray[np.uint8] = self._renderer([self._identity], motion)[
                0
            ].numpy()
        return frame

    def landmarks(self, **channels: float) -> FloatArray:
        """float32 [478, 3] of the frame that the channels give; LikenessError where
        no face is found in it."""
        return self.landmarks_of(self.frame(**channels))

    def landmarks_of(self, frame: npt.NDArray[np.uint8]) -> FloatArray:
        """The same of a frame that was made of others."""
        found: FloatArray = self.landmarks_each([frame])[0]
        return found

    def landmarks_each(self, frames: Sequence[npt.NDArray[np.uint8]]) -> FloatArray:
        """The same of several frames: [N, 478, 3]."""
        found = find_landmarks_each(frames, self._box)
        if any(each is None for each in found):
            raise LikenessError("no_face", "No face is seen in a frame.")
        return np.array(found, np.float32)


def turn_between(first: FloatArray, second: FloatArray) -> tuple[float, float, float]:
    """Yaw, pitch and roll of the best rotation from one set of landmarks to another.

    Source: Kabsch, A solution for the best rotation to relate two sets of vectors,
    1976.
    """
    a = first[RIGID] - first[RIGID].mean(0)
    b = second[RIGID] - second[RIGID].mean(0)
    u, _, v = np.linalg.svd(a.T.astype(np.float64) @ b)
    rotation = (u @ np.diag([1, 1, np.sign(np.linalg.det(u @ v))]) @ v).T
    yaw = np.arctan2(rotation[2, 0], rotation[0, 0])
    pitch = np.arctan2(-rotation[2, 1], rotation[1, 1])
    roll = np.arctan2(rotation[1, 0], rotation[0, 0])
    return float(np.degrees(yaw)), float(np.degrees(pitch)), float(np.degrees(roll))
