"""Phones to mouth shapes: viseme classes, their shapes, and coarticulation.

A phone's class says what its sound does to the lips; the dominance model of Cohen and
Massaro ("Modeling coarticulation in synthetic visual speech", 1993) blends the classes
in time. `mouth_track` gives the track that the audio-to-motion network learns.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from models.media import FloatArray

VISEME_CLASSES = (
    *("SIL", "P", "F", "TH", "T", "S", "SH", "C", "L", "R", "RR", "K", "H", "W", "J"),
    *("a", "ae", "e", "i", "I", "@", "V", "3", "o", "O", "u", "U", "y", "oe"),
)
CLASS_INDEX = {name: index for index, name in enumerate(VISEME_CLASSES)}
SILENCE, BILABIAL = CLASS_INDEX["SIL"], CLASS_INDEX["P"]
FIRST_VOWEL = CLASS_INDEX["a"]


class Shape(IntEnum):
    """Columns of a mouth track.

    APERTURE, WIDTH: inner lips in table units (an open [a] is about 1; a spread vowel
    +.8, a rounded one -1). CLOSE: 1 while the lips must touch. SPEECH: 1 around speech.
    The others are ARKit blendshapes, or a share of them, 0 to 1.
    """

    APERTURE = 0
    WIDTH = 1
    JAW = 2
    FUNNEL = 3
    PUCKER = 4
    UPPER_UP = 5
    LOWER_DOWN = 6
    ROLL = 7
    TONGUE = 8
    CLOSE = 9
    SPEECH = 10


# jaw, funnel, pucker, upper up, lower down, roll, tongue | dominance of the jaw group
# and of the rounding group | aperture, width. The last two were fitted by linear
# regression on real talking faces; the others are set by hand from phonetics.
_TABLE = """
SIL  .02   0   0   0   0   0   0  .30 .15  .25  .43
P    .10   0 .05   0   0   0   0  3.0 .15  .00 -.57
F    .12   0   0 .25   0   1   0  1.2 .30  .09 -.03
TH   .22   0   0 .10 .25   0   1  .60 .15  .28 -.02
T    .20   0   0 .05 .15   0 .20  .30 .12  .37  .37
S    .10 .05   0 .15 .30   0   0  .65 .30  .36  .42
SH   .14 .75 .25 .25 .30   0   0  .65 .60  .45 -.40
C    .12 .10   0 .15 .30   0   0  .55 .30  .38  .30
L    .30   0   0 .05 .15   0 .60  .30 .12  .32 -.32
R    .20 .40 .30 .05 .10   0   0  .40 .40  .24 -.75
RR   .22   0   0 .05 .10   0 .20  .25 .08  .41  .09
K    .28   0   0 .05 .10   0   0  .15 .06  .45  .13
H    .35   0   0   0 .05   0   0  .06 .03  .71  .12
W    .14 .25 .95   0   0   0   0  1.0 1.2  .08 -.98
J    .15   0   0 .05 .15   0   0  .45 .40  .44  .22
a   1.00   0   0 .15 .35   0   0  .80 .55  .97  .17
ae   .80   0   0 .25 .45   0   0  .80 .55  .98  .81
e    .50   0   0 .20 .35   0   0  .65 .50  .79  .67
i    .20   0   0 .20 .30   0   0  .65 .65  .49  .29
I    .30   0   0 .15 .25   0   0  .50 .40  .62  .67
@    .35 .05   0 .05 .15   0   0  .40 .20  .51  .09
V    .60   0   0 .10 .25   0   0  .65 .40  .45  .06
3    .30 .35 .20 .05 .15   0   0  .55 .50  .33 -.24
o    .45 .60 .45   0 .10   0   0  .75 .90  .49 -.64
O    .70 .60 .20   0 .15   0   0  .80 .80  .63 -.65
u    .20 .30 1.0   0   0   0   0  .85 1.1  .19 -.65
U    .30 .30 .50   0 .05   0   0  .60 .70  .31 -.55
y    .20 .45 .90   0   0   0   0  .80 1.0  .32 -.71
oe   .45 .60 .50   0 .10   0   0  .75 .90  .51 -.57
"""
_NUMBERS = np.array(
    [[float(cell) for cell in row.split()[1:]] for row in _TABLE.strip().splitlines()]
)
_JAW_DOMINANCE, _ROUND_DOMINANCE = _NUMBERS[:, 7], _NUMBERS[:, 8]
_APERTURE, _WIDTH = _NUMBERS[:, 9], _NUMBERS[:, 10]

# Time constants (s) of dominance, before and after the phone. Aperture and width were
# fitted with the table.
_TAU_APERTURE = (0.030, 0.030)
_TAU_WIDTH = (0.060, 0.060)
_TAU_JAW = (0.045, 0.045)
_TAU_ROUND = (0.075, 0.060)

_LONG_SILENCE_S = 0.3
_LONG_SILENCE_APERTURE = 0.10
_CLOSE_SHARE = 0.75  # of p b m: the rest is the release
_CLOSE_RAMP_S = (0.040, 0.050)
_SPEECH_LEAD_S, _SPEECH_TAIL_S = 0.06, 0.06


@dataclass(frozen=True, eq=False)
class Phones:
    """One utterance's phones, in time order.

    start_s, end_s: float64 [K]. classes: int64 [K], indices of VISEME_CLASSES.
    loudness: float32 [K], relative to the utterance's loud vowels, 0 to 1.2.
    """

    start_s: npt.NDArray[np.float64]
    end_s: npt.NDArray[np.float64]
    classes: npt.NDArray[np.int64]
    loudness: FloatArray


def _dominance(
    times_s: npt.NDArray[np.float64],
    phones: Phones,
    alpha: npt.NDArray[np.float64],
    tau_s: tuple[float, float],
) -> npt.NDArray[np.float64]:
    """Normalised weights [T, K]: alpha exp(-max(0, |t - centre| - .3 d) / tau)."""
    duration = phones.end_s - phones.start_s
    offset = times_s[:, None] - (phones.start_s + phones.end_s) / 2
    distance = np.maximum(0, np.abs(offset) - 0.3 * duration)
    tau = np.where(offset < 0, tau_s[0], tau_s[1])
    weights = np.asarray(alpha * np.exp(-distance / tau) + 1e-12 * np.exp(-distance))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float64)


def _closure(times_s: npt.NDArray[np.float64], phones: Phones) -> FloatArray:
    """Lip contact of p b m, 0 to 1 [T], with its ramps."""
    bilabial = phones.classes == BILABIAL
    if not bilabial.any():
        return np.zeros(len(times_s), np.float32)
    start, end = phones.start_s[bilabial], phones.end_s[bilabial]
    end = start + _CLOSE_SHARE * (end - start)
    before = (start - times_s[:, None]) / _CLOSE_RAMP_S[0]
    after = (times_s[:, None] - end) / _CLOSE_RAMP_S[1]
    contact = 1 - np.maximum(before, after).clip(0, 1)
    return np.asarray(contact.max(axis=1), np.float32)


def _speech(times_s: npt.NDArray[np.float64], phones: Phones) -> FloatArray:
    """1 in and around speech [T]; pauses shorter than a long silence are speech too."""
    pause = phones.end_s - phones.start_s > _LONG_SILENCE_S
    voiced = ~((phones.classes == SILENCE) & pause)
    voiced[[0, -1]] &= phones.classes[[0, -1]] != SILENCE
    inside = (times_s[:, None] > phones.start_s[voiced] - _SPEECH_LEAD_S) & (
        times_s[:, None] < phones.end_s[voiced] + _SPEECH_TAIL_S
    )
    return np.asarray(inside.any(axis=1), np.float32)


def mouth_track(phones: Phones, times_s: npt.NDArray[np.float64]) -> FloatArray:
    """The mouth's shape at each time, float32 [T, len(Shape)]; K must not be 0."""
    classes, duration = phones.classes, phones.end_s - phones.start_s
    vowel = classes >= FIRST_VOWEL
    stretch = np.where(vowel, (0.5 + 0.5 * duration / 0.12).clip(0.5, 1.3), 1.0)
    aperture = _APERTURE[classes] * np.where(vowel, 0.65 + 0.4 * phones.loudness, 1.0)
    long_silence = (classes == SILENCE) & (duration > _LONG_SILENCE_S)
    aperture = np.where(long_silence, _LONG_SILENCE_APERTURE, aperture)
    jaw_alpha = _JAW_DOMINANCE[classes] * stretch
    round_alpha = _ROUND_DOMINANCE[classes] * stretch

    track = np.zeros((len(times_s), len(Shape)), np.float32)
    close = _closure(times_s, phones)
    weights = _dominance(times_s, phones, jaw_alpha, _TAU_APERTURE)
    track[:, Shape.APERTURE] = (weights @ aperture) * (1 - close)
    weights = _dominance(times_s, phones, round_alpha, _TAU_WIDTH)
    track[:, Shape.WIDTH] = weights @ _WIDTH[classes]
    weights = _dominance(times_s, phones, jaw_alpha, _TAU_JAW)
    jaw_group = [0, 3, 4, 5, 6]
    columns = [Shape.JAW, Shape.UPPER_UP, Shape.LOWER_DOWN, Shape.ROLL, Shape.TONGUE]
    track[:, columns] = weights @ _NUMBERS[classes][:, jaw_group]
    weights = _dominance(times_s, phones, round_alpha, _TAU_ROUND)
    columns = [Shape.FUNNEL, Shape.PUCKER]
    track[:, columns] = weights @ _NUMBERS[classes][:, [1, 2]]
    track[:, Shape.CLOSE] = close
    track[:, Shape.SPEECH] = _speech(times_s, phones)
    return track


def class_track(
    phones: Phones, times_s: npt.NDArray[np.float64]
) -> npt.NDArray[np.int64]:
    """The class sounding at each time, int64 [T]; silence outside the phones."""
    index = np.searchsorted(phones.start_s, times_s, side="right") - 1
    inside = (index >= 0) & (times_s < phones.end_s[np.maximum(index, 0)])
    found = phones.classes[np.maximum(index, 0)]
    return np.asarray(np.where(inside, found, SILENCE), np.int64)


def split_phone(
    start_s: float, end_s: float, names: Sequence[str]
) -> list[tuple[float, float, int]]:
    """A phone of one class or, for a diphthong, of several in equal shares of time."""
    edges = np.linspace(start_s, end_s, len(names) + 1)
    return [
        (float(edges[i]), float(edges[i + 1]), CLASS_INDEX[name])
        for i, name in enumerate(names)
    ]
