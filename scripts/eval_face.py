"""python -m scripts.eval_face PHOTO...: does the face do as it is told?

Landmarks are found again on rendered frames and held against what was commanded:
correlation and slope of aperture and width, the gap that closed lips leave (of the
mouth's width), the opening that a blink leaves (of the open eye), degrees that the head
turns for 8; and how far eyes and nose move while only the mouth does (of the distance
between the eyes).
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
from models.media import FloatArray
from models.probe import Probe, eye_openings, turn_between
from models.rig import rest_lips
from models.warp import WarpRenderer

SHAPES = 14  # lip shapes tried per photo
# Aperture and width of lips that speak, held against closed ones.
SPOKEN = (0.2, 0.42), (0.2, 0.3), (0.3, 0.45), (0.05, 0.55)
EYES = [33, 133, 159, 145, 362, 263, 386, 374]
NOSE = [168, 6, 197, 195]
TURN_DEG = 8.0


@dataclass(frozen=True)
class Report:
    """What one photo shows. Lengths in IOD, angles in degrees."""

    name: str
    aperture: tuple[float, float]  # correlation, slope
    width: tuple[float, float]
    closed: float  # gap over width, the worse of two widths
    blink: tuple[float, float]  # opening left, of the open eye's, right and left
    turns: tuple[float, ...]  # for yaw, pitch, roll, each up and down
    drift: tuple[float, float]  # of the eyes and of the nose, while the mouth speaks

    def __str__(self) -> str:
        turns = " ".join(f"{turn:5.1f}" for turn in self.turns)
        return (
            f"{self.name[:28]:28s} {self.aperture[0]:.3f} {self.aperture[1]:5.2f}  "
            f"{self.width[0]:.3f} {self.width[1]:5.2f}  {100 * self.closed:5.1f} %  "
            f"{self.blink[0]:.2f} {self.blink[1]:.2f}  {turns}  "
            f"{100 * self.drift[0]:.2f} {100 * self.drift[1]:.2f} %"
        )


HEADER = (
    f"{'photo':28s} {'aperture':11s}  {'width':11s}  {'closed':7s}  {'blink':9s}  "
    "yaw +-8      pitch +-8   roll +-8     drift"
)


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
        drift_while_speaking(probe),
    )


def drift_while_speaking(probe: Probe) -> tuple[float, float]:
    """The furthest that the eyes and the nose are seen to go, IOD, while the lips alone
    move."""
    shut = probe.landmarks(width=0.45, speech=1)
    iod = float(np.linalg.norm(shut[33] - shut[263]))
    found = []
    for aperture, width in SPOKEN:
        jaw = 0.95 * aperture
        spoken = probe.landmarks(aperture=aperture, width=width, jawOpen=jaw, speech=1)
        moved = (spoken - shut)[:, :2] / iod
        found.append([np.linalg.norm(moved[part].mean(0)) for part in (EYES, NOSE)])
    eyes, nose = np.array(found).max(0).tolist()
    return eyes, nose


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
