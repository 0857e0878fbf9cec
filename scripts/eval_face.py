"""python -m scripts.eval_face PHOTO...: does the face do as it is told?

Landmarks are found again on rendered frames and held against what was commanded:
correlation and slope of aperture and width, the gap that closed lips leave (of the
mouth's width), the opening that a blink leaves (of the open eye), degrees that the head
turns for 8.
"""

import argparse
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from models.errors import LikenessError
from models.identity import Identity, embedded_photo, enrol
from models.landmarks import FaceBox, find_landmarks
from models.media import CHANNEL_INDEX, MOTION_CHANNELS, FloatArray
from models.rig import rest_lips
from models.warp import WarpRenderer

SHAPES = 14  # lip shapes tried per photo
TURN_DEG = 8.0
# Brow, nose bridge, eye corners, temples: parts that no expression moves.
RIGID = [1, 4, 5, 6, 168, 197, 33, 133, 263, 362, 10, 151, 9, 127, 356, 234, 454, 195]
# Three pairs of upper and lower lid, both corners; the subject's right eye, then left.
LIDS = (
    ((160, 144), (159, 145), (158, 153)),
    ((385, 380), (386, 374), (387, 373)),
)
CORNERS = ((33, 133), (362, 263))


@dataclass(frozen=True)
class Report:
    """What one photo shows. Lengths in IOD, angles in degrees."""

    name: str
    aperture: tuple[float, float]  # correlation, slope
    width: tuple[float, float]
    closed: float  # gap over width, the worse of two widths
    blink: tuple[float, float]  # opening left, of the open eye's, right and left
    turns: tuple[float, ...]  # for yaw, pitch, roll, each up and down

    def __str__(self) -> str:
        turns = " ".join(f"{turn:5.1f}" for turn in self.turns)
        return (
            f"{self.name[:28]:28s} {self.aperture[0]:.3f} {self.aperture[1]:5.2f}  "
            f"{self.width[0]:.3f} {self.width[1]:5.2f}  {100 * self.closed:5.1f} %  "
            f"{self.blink[0]:.2f} {self.blink[1]:.2f}  {turns}"
        )


HEADER = (
    f"{'photo':28s} {'aperture':11s}  {'width':11s}  {'closed':7s}  {'blink':9s}  "
    "yaw +-8      pitch +-8   roll +-8"
)


class Probe:
    """Renders one identity and finds the landmarks again."""

    def __init__(self, identity: Identity, renderer: WarpRenderer) -> None:
        self._identity, self._renderer = identity, renderer
        low = identity.landmarks[:468, :2].min(0)
        wide, high = identity.landmarks[:468, :2].max(0) - low
        self._box = FaceBox(float(low[0]), float(low[1]), float(wide), float(high))

    def landmarks(self, **channels: float) -> FloatArray:
        """float32 [478, 3] of the frame that the channels give; LikenessError where
        no face is found in it."""
        motion = torch.zeros(1, len(MOTION_CHANNELS))
        for name, value in channels.items():
            motion[0, CHANNEL_INDEX[name]] = value
        with torch.inference_mode():
            frame = self._renderer([self._identity], motion)[0].numpy()
        found = find_landmarks(frame, self._box)
        if found is None:
            raise LikenessError(
                "no_face", f"No face is seen in the frame of {channels}."
            )
        return found


def eye_openings(landmarks: FloatArray) -> FloatArray:
    """Height over width of both eyes: [2].

    The height is taken across the eye, since landmarks of the two lids also slide along
    it past each other, and over three pairs, as the eye aspect ratio of Soukupova and
    Cech (2016) does over two.
    """
    shapes = []
    for pairs, (first, last) in zip(LIDS, CORNERS, strict=True):
        x, y = landmarks[last, :2] - landmarks[first, :2]
        upper, lower = landmarks[np.array(pairs).T, :2].mean(1)
        across = (lower - upper) @ np.array([-y, x]) / (x * x + y * y)
        shapes.append(max(float(across), 0.0))
    return np.array(shapes, np.float32)


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


def measure(name: str, identity: Identity, renderer: WarpRenderer) -> Report:
    probe = Probe(identity, renderer)
    chance = np.random.default_rng(0)
    commanded, shown = [], []
    for _ in range(SHAPES):
        aperture = float(chance.choice([0, chance.uniform(0, 0.3)], p=[0.2, 0.8]))
        width = float(chance.uniform(0.3, 0.56))
        jaw = 0.95 * aperture
        found = probe.landmarks(aperture=aperture, width=width, jawOpen=jaw, speech=1)
        commanded.append((aperture, width))
        shown.append(rest_lips(found))
    gaps = []
    for width in (0.42, 0.50):
        gap, wide = rest_lips(probe.landmarks(aperture=0, width=width, speech=1))
        gaps.append(gap / wide)
    rest = probe.landmarks()
    shut = probe.landmarks(eyeBlinkLeft=1, eyeBlinkRight=1)
    left_open = eye_openings(shut) / eye_openings(rest)
    turns = []
    for axis, channel in enumerate(("head_yaw", "head_pitch", "head_roll")):
        for degrees in (TURN_DEG, -TURN_DEG):
            turned = probe.landmarks(**{channel: degrees})
            turns.append(turn_between(rest, turned)[axis])
    (a, w), (a_shown, w_shown) = np.array(commanded).T, np.array(shown).T
    return Report(
        name,
        _fit(a, a_shown),
        _fit(w, w_shown),
        max(gaps),
        (float(left_open[0]), float(left_open[1])),
        tuple(turns),
    )


def _fit(told: FloatArray, shown: FloatArray) -> tuple[float, float]:
    """Correlation and slope."""
    slope = np.polyfit(told, shown, 1)[0]
    return float(np.corrcoef(told, shown)[0, 1]), float(slope)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.eval_face",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("photos", type=Path, nargs="*", default=[embedded_photo()])
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    renderer = WarpRenderer()
    reports = []
    print(HEADER)
    failed = False
    for photo in options.photos:
        try:
            report = measure(photo.stem, enrol(photo, face=1), renderer)
        except LikenessError as error:
            print(f"{photo}: error ({error.code}): {error}", file=sys.stderr)
            failed = True
            continue
        reports.append(report)
        print(report, flush=True)
    if reports:
        blink = statistics.median(max(report.blink) for report in reports)
        closed = max(report.closed for report in reports)
        print(f"median blink {blink:.2f}, widest closed gap {100 * closed:.1f} %")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
