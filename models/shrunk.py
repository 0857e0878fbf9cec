"""An identity in a smaller picture, for a smaller video or a machine in need."""

from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from models.identity_file import Identity


def shrunk(identity: Identity, height: int, width: int) -> Identity:
    """The same portrait in a picture of height x width, hardly another shape.

    The inside of the mouth is in units of the face and stays as it is.
    """
    high, wide = identity.size

    def smaller(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        made: npt.NDArray[np.uint8]
        made = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        return made

    # Depth is in pixels of the width, as MediaPipe has it.
    scale = np.array([width / wide, height / high, width / wide], np.float32)
    return replace(
        identity,
        picture=smaller(identity.picture),
        background=smaller(identity.background),
        eyeballs=smaller(identity.eyeballs),
        matte=smaller(identity.matte),
        landmarks=identity.landmarks * scale,
    )
