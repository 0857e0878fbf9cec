"""The server with a flash in the place of the portrait, to measure sync with.

`python -m scripts.flash_server`, with the settings of `python -m server`.

A frame is white where its sound is loud and black where it is not, so that whoever
receives both can say to the millisecond how far they are apart. All else, from the
clock to the encoders and the network, is the server as it is.
"""

import sys
from collections.abc import Sequence

import numpy as np

from models.emotion import Emotion
from models.identity import Identity
from models.media import (
    CHANNEL_INDEX,
    MOTION_CHANNELS,
    PLAYOUT_SAMPLES_PER_FRAME,
    FloatArray,
    Motion,
)
from server.__main__ import main
from server.app import Parts
from server.engine import Models, Pictures, Posture

DELAY_FRAMES = 2  # as late as the real performer
LIVE_DELAY_FRAMES = 1  # and the one of live voices
LOUD = 0.02
DARK, WHITE = 16, 235
_APERTURE = CHANNEL_INDEX["aperture"]


class FlashPerformer:
    """The aperture of frame i is the loudness of its samples."""

    def __init__(self, seed: int = 0, delay_frames: int = DELAY_FRAMES) -> None:
        self.state = [0.0] * delay_frames

    def push_audio(self, samples: FloatArray) -> Motion:
        frames = samples.reshape(-1, PLAYOUT_SAMPLES_PER_FRAME)
        levels = self.state + np.sqrt((frames**2).mean(1)).tolist()
        rows = np.zeros((len(frames), len(MOTION_CHANNELS)), np.float32)
        rows[:, _APERTURE] = levels[: len(frames)]
        self.state = levels[len(frames) :]
        return Motion(rows)

    def set_posture(self, posture: Posture) -> None:
        pass

    def set_expression(
        self, emotion: Emotion, expressivity: float, articulation: float
    ) -> None:
        pass


def flash(identities: Sequence[Identity], motion: FloatArray) -> Pictures:
    height, width = identities[0].size
    light = np.where(motion[:, _APERTURE] > LOUD, WHITE, DARK).astype(np.uint8)
    return np.tile(light[:, None, None, None], (1, height, width, 3))


def load_models(
    device: str, threads: int, look_ahead_ms: int, live_look_ahead_ms: int
) -> Models:
    return Models(
        DELAY_FRAMES,
        FlashPerformer,
        flash,
        live_performer=lambda seed: FlashPerformer(seed, LIVE_DELAY_FRAMES),
        live_delay_frames=LIVE_DELAY_FRAMES,
    )


if __name__ == "__main__":
    sys.exit(main(Parts(load_models=load_models)))
