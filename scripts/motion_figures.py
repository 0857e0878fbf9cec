"""How a network that is being trained does on voices it does not learn from."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy.ndimage import maximum_filter1d

from models.audio2motion import AudioToMotion
from models.media import FloatArray
from models.mouth_net import STEPS_PER_FRAME
from models.visemes import BILABIAL, Shape
from scripts.motion_corpus import Stream
from scripts.motion_loss import run_network
from scripts.training_crops import LOOK_AHEAD_STEPS


@dataclass(frozen=True)
class Figures:
    """On the held-out voices. r: Pearson correlation with the target tracks.

    closed: share of p b m with the close channel over 0.5 within 40 ms of it.
    false_closed: share of wide open steps with it over 0.5. told_apart: share of p b m
    that would be closed with the threshold that 4 % of the wide open steps are over.
    class_accuracy: of visemes.
    """

    aperture_r: float
    width_r: float
    closed: float
    false_closed: float
    told_apart: float
    speech_accuracy: float
    class_accuracy: float

    @property
    def score(self) -> float:
        """The higher the better: what the best weights so far are chosen by."""
        return self.aperture_r + self.width_r + self.told_apart


@torch.inference_mode()
def evaluate(network: AudioToMotion, streams: list[Stream]) -> Figures:
    """The figures on whole streams, in the sound as it was synthesised."""
    rows = []
    for stream in streams:
        count = len(stream.classes) // STEPS_PER_FRAME * STEPS_PER_FRAME
        mel = torch.from_numpy(stream.mel[: 2 * count]).float()[None]
        shapes, logits = run_network(network, mel)
        late = LOOK_AHEAD_STEPS
        said = shapes[-1, 0, late:].numpy()
        rows.append(
            _figures(
                said,
                logits[0, late:].argmax(-1).numpy(),
                stream.track[: len(said)].astype(np.float32),
                stream.classes[: len(said)],
            )
        )
    means = np.mean(rows, axis=0)
    return Figures(*(round(float(mean), 4) for mean in means))


def _figures(
    said: FloatArray,
    heard: npt.NDArray[np.int64],
    track: FloatArray,
    classes: npt.NDArray[np.uint8],
) -> tuple[float, ...]:
    speaking = track[:, Shape.SPEECH] > 0.5
    r = [
        float(np.corrcoef(said[speaking, column], track[speaking, column])[0, 1])
        for column in (Shape.APERTURE, Shape.WIDTH)
    ]
    close = said[:, Shape.CLOSE]
    near = maximum_filter1d(close, 5)
    begins = np.flatnonzero((classes[1:] == BILABIAL) & (classes[:-1] != BILABIAL)) + 2
    begins = begins[begins < len(near)]
    is_open = speaking & (track[:, Shape.APERTURE] > 0.35)
    heard_speech = (said[:, Shape.SPEECH] > 0) == speaking
    return (
        *r,
        float((near[begins] > 0).mean()),
        float((close[is_open] > 0).mean()),
        float((near[begins] > np.quantile(close[is_open], 0.96)).mean()),
        float(heard_speech.mean()),
        float((heard == classes)[speaking].mean()),
    )
