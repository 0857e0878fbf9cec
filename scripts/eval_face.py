"""python -m scripts.eval_face PHOTO...: does the face do as it is told?

Landmarks are found again on rendered frames and held against what was commanded:
correlation and slope of aperture and width, the gap that closed lips leave (of the
mouth's width), the opening that a blink leaves (of the open eye), degrees that the head
turns for 8; and how far eyes, nose and brows move while only the mouth does (of the
distance between the eyes).

Landmarks guess at what they cannot see: lips under a moustache, lids behind sunglasses,
a nose that is the same to the bit while the mouth below it opens. So what pixels say is
told beside it: how much of what lies between closed lips and lids still shows, and the
optical flow of eyes, nose (bridge and tip) and brows, and that of nostrils and wings,
which the upper lip takes along; and how open landmarks see eyes that are painted over
by hand, with skin and one dark line. How far eyes, nose and brows go by landmarks is
told three times (scripts.face_drift): in frames as they are, where only what is below
the nose changes, and where only what is above it does. After that and after the optical
flow comes what each says of a shift by 1 % on purpose; last, how many points are lost.
"""

import argparse
import statistics
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch

from models.errors import LikenessError
from models.eyes import (
    SIDES,
    around_eye,
    build_eyes,
    eye_coordinates,
    eye_openings,
    lid_height,
)
from models.identity import Identity, embedded_photo, enrol
from models.media import FloatArray
from models.probe import Probe, turn_between
from models.rig import HeadFrame, rest_lips
from models.warp import WarpRenderer
from scripts.face_drift import (
    FOLLOWED,
    Drift,
    drift_while_speaking,
    flow_while_speaking,
)
from scripts.pixel_flow import Sight, sight

CLOSED = 0.42, 0.50  # widths at which lips are closed
SHAPES = 14  # lip shapes tried per photo
BLACK_WHITE = 0, 255  # what lies behind lips or lids, to see how much of it shows
CLEARLY = 64  # levels
LEAST = 0.01  # of a blink: eyes that do not move at all are the photo's, not drawn
LEAST_OPEN = 0.01  # of its width, that an eye is taken to be open in a photo
# Half eye widths: what is painted over beyond the lids and beside them, and the line.
OVER_LIDS, OVER_SIDES, LINE, LINE_THICK = 0.35, 1.3, 0.15, 0.06
TURN_DEG = 8.0


@dataclass(frozen=True)
class Report:
    """What one photo shows. Lengths in IOD, angles in degrees."""

    name: str
    aperture: tuple[float, float]  # correlation, slope
    width: tuple[float, float]
    closed: tuple[float, float]  # gap over width, the worse of two; the same in pixels
    # Opening left, of the open eye's, right and left; the share of the eyeballs shown.
    blink: tuple[float, float, float]
    by_hand: float  # the worse eye's opening left, painted over by hand
    turns: tuple[float, ...]  # for yaw, pitch, roll, each up and down
    drift: Drift  # while the mouth speaks, by landmarks
    # The same by pixels, and of the nostrils, as far as they are found again.
    flow: tuple[float, ...]
    sight: Sight  # of the flow's points

    def __str__(self) -> str:
        turns = " ".join(f"{turn:5.1f}" for turn in self.turns)
        return (
            f"{self.name[:28]:28s} {self.aperture[0]:.3f} {self.aperture[1]:5.2f}  "
            f"{self.width[0]:.3f} {self.width[1]:5.2f}  "
            f"{100 * self.closed[0]:.1f} {100 * self.closed[1]:.1f} %  "
            + " ".join(f"{left:.2f}" for left in (*self.blink, self.by_hand))
            + f"  {turns}  {self.drift}  "
            + " ".join(f"{100 * flow:.2f}" for flow in self.flow)
            + f" %  {self.sight.least:.2f}-{self.sight.most:.2f} {self.sight.lost}"
        )


HEADER = (
    f"{'photo':28s} {'aperture':11s}  {'width':11s}  {'closed, px':10s} "
    f"{'blink, px, hand':18s}  yaw +-8      pitch +-8   roll +-8     "
    "drift of eyes, nose, brows; their own; alone; 1 % seen   "
    "px, nostrils; 1 % seen, lost"
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
    for width in CLOSED:
        gap, wide = rest_lips(probe.landmarks(aperture=0, width=width, speech=1))
        gaps.append(gap / wide)
    rest = probe.landmarks()
    shut = probe.landmarks(eyeBlinkLeft=1, eyeBlinkRight=1)
    open_ = np.maximum(eye_openings(rest), LEAST_OPEN)
    left_open = eye_openings(shut) / open_
    by_hand = painted_over(probe.frame(), identity.landmarks)
    turns = []
    for axis, channel in enumerate(("head_yaw", "head_pitch", "head_roll")):
        for degrees in (TURN_DEG, -TURN_DEG):
            turned = probe.landmarks(**{channel: degrees})
            turns.append(turn_between(rest, turned)[axis])
    points = identity.landmarks
    (a, w), (a_shown, w_shown) = np.array(commanded).T, np.array(shown).T
    return Report(
        name,
        _fit(a, a_shown),
        _fit(w, w_shown),
        (max(gaps), max(gap_shown(identity, renderer, width) for width in CLOSED)),
        (float(left_open[0]), float(left_open[1]), eyes_shown(identity, renderer)),
        float(np.max(eye_openings(probe.landmarks_of(by_hand)) / open_)),
        tuple(turns),
        drift_while_speaking(probe, points),
        flow_while_speaking(probe, points),
        sight(probe.frame(), points[FOLLOWED, :2], HeadFrame.of(points).iod),
    )


def gap_shown(
    identity: Identity, renderer: WarpRenderer, width: float, aperture: float = 0.0
) -> float:
    """How high the mouth's inside shows at the most, over the width, IOD, of lips that
    are told how far to open."""
    lips = {"aperture": aperture, "width": width, "speech": 1.0}
    frames = []
    for level in BLACK_WHITE:
        inside = np.full_like(identity.mouth, level)
        inside[..., 3] = 255
        probe = Probe(replace(identity, mouth=inside), renderer)
        frames.append(probe.frame(**lips).astype(np.int16))
    iod = HeadFrame.of(identity.landmarks).iod
    shown = (frames[1] - frames[0]).mean(2) > CLEARLY
    return float(shown.sum(0).max()) / (width * iod)


def eyes_shown(identity: Identity, renderer: WarpRenderer, blink: float = 1.0) -> float:
    """How much of the eyeballs shows in a blink, of what shows with open eyes."""
    open_, shut = [], []
    for level in BLACK_WHITE:
        balls = np.full_like(identity.eyeballs, level)
        probe = Probe(replace(identity, eyeballs=balls), renderer)
        open_.append(probe.frame(eyeBlinkLeft=LEAST, eyeBlinkRight=LEAST).astype(float))
        shut.append(probe.frame(eyeBlinkLeft=blink, eyeBlinkRight=blink).astype(float))
    shown = [float((white - black).sum()) for black, white in (open_, shut)]
    return shown[1] / max(shown[0], 1.0)


def painted_over(
    frame: npt.NDArray[np.uint8], landmarks: FloatArray
) -> npt.NDArray[np.uint8]:
    """A frame with both eyes painted over, whatever lies in front of them too: the
    skin's colour, and one dark line where lids meet."""
    eyes, painted = build_eyes(landmarks), frame.astype(np.float32)
    for eye, basis in enumerate(eyes.frame.numpy()):
        half = float(np.linalg.norm(basis[2:4]))
        here = around_eye(basis, 2 * half, *frame.shape[:2])
        s, t = eye_coordinates(basis, here)
        upper, lower = (lid_height(lid, s).numpy() for lid in eyes.lids[eye])
        below, beside = t.numpy() - lower, np.abs(s.numpy())
        skin = (below > OVER_LIDS) & (below < OVER_LIDS + 0.25) & (beside < 0.9)
        over = (t.numpy() > upper - OVER_LIDS) & (below < OVER_LIDS)
        share = (over & (beside < OVER_SIDES)).astype(np.float32)
        share = cv2.GaussianBlur(share, (0, 0), 1.2)[..., None]
        drop = LINE * (1 + s.numpy() * SIDES[eye])
        line = np.exp(-(((below - drop) / LINE_THICK) ** 2)) * (beside < 1)
        colour = np.median(painted[here][skin], 0) if skin.any() else 0
        flat = painted[here] + (colour - painted[here]) * share
        painted[here] = flat * (1 - 0.8 * line[..., None])
    return np.asarray(painted.clip(0, 255), np.uint8)


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
        closed = max(report.closed[0] for report in reports)
        print(f"median blink {blink:.2f}, widest closed gap {100 * closed:.1f} %")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
