"""How far eyes, nose and brows move while only the mouth does: by landmarks, by pixels.

Landmarks of the whole face hang together: MediaPipe's go with a mouth that opens where
no pixel of theirs changes. So they are asked three times: about the frames as they are;
about frames that change below the nose's base alone (their own drift); and about frames
that change above it alone, with the closed mouth put back, where they can tell a nose
that moves from a mouth that does. The last is shown what it should see, too: all above
the nose's base, moved by 1 %.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from models.controls import BROWS, smoothstep
from models.media import FloatArray
from models.probe import Probe
from models.rig import HeadFrame
from scripts.pixel_flow import SHIFT, WAYS, pixel_flow, shifted

# Aperture and width of lips that speak, held against closed ones.
SPOKEN = (0.2, 0.42), (0.2, 0.3), (0.3, 0.45), (0.05, 0.55)
SHUT = {"width": 0.45, "speech": 1.0}
EYES = [33, 133, 159, 145, 362, 263, 386, 374]
NOSE = [168, 6, 197, 195, 5, 4, 1]  # bridge and tip
BASE = [2, 98, 327]  # of the nose
NOSTRILS = [*BASE, 64, 294]  # with its wings, which the upper lip takes along
RAMP = 0.04  # IOD
HELD = EYES, NOSE, list(BROWS)
FOLLOWED = [*EYES, *NOSE, *BROWS, *NOSTRILS]

UintArray = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Drift:
    """The furthest that eyes, nose and brows go, all of a part together, IOD."""

    seen: tuple[float, ...]  # in frames as they are
    own: tuple[float, ...]  # where only what is below the nose's base changes
    alone: tuple[float, ...]  # where only what is above it does
    # What is read of a shift by SHIFT on purpose of all above the base, of it: the
    # least and the most of the three parts and of the ways that it goes.
    least: float
    most: float

    def __str__(self) -> str:
        parts = "  ".join(
            " ".join(f"{100 * drift:.2f}" for drift in each)
            for each in (self.seen, self.own, self.alone)
        )
        return f"{parts} % {self.least:.2f}-{self.most:.2f}"


def drift_while_speaking(probe: Probe, rest: FloatArray) -> Drift:
    """rest: landmarks of the photo, float32 [478, 3], pixels."""
    shut = probe.frame(**SHUT)
    landmarks = probe.landmarks_of(shut)
    iod = HeadFrame.of(landmarks).iod
    below = below_nose(shut, rest)[..., None]
    speaks = spoken_frames(probe)
    step = SHIFT * iod
    moved = [shifted(shut, right * step, down * step) for right, down in WAYS]
    seen, own, alone, told = (
        _gone(probe.landmarks_each(frames), landmarks, iod)
        for frames in (
            speaks,
            [_put(shut, each, below) for each in speaks],
            [_put(each, shut, below) for each in speaks],
            [_put(each, shut, below) for each in moved],
        )
    )
    told /= SHIFT * np.linalg.norm(WAYS, axis=1)[:, None]
    return Drift(
        seen=tuple(seen.max(0).tolist()),
        own=tuple(own.max(0).tolist()),
        alone=tuple(alone.max(0).tolist()),
        least=float(told.min()),
        most=float(told.max()),
    )


def flow_while_speaking(probe: Probe, rest: FloatArray) -> tuple[float, ...]:
    """The furthest that any point of eyes, nose, brows and nostrils goes, IOD, by its
    pixels: from the photo and from closed lips to lips that speak. One that is lost has
    gone infinitely far, but of the nostrils, at the edge of what moves. rest: landmarks
    of the photo."""
    still, shut, iod = probe.frame(), probe.frame(**SHUT), HeadFrame.of(rest).iod
    pairs = [(still, shut)]
    pairs += [(one, spoken) for spoken in spoken_frames(probe) for one in (still, shut)]
    flows = np.array([pixel_flow(*pair, rest[:, :2], iod) for pair in pairs])
    nostrils = flows[:, NOSTRILS]
    furthest = [float(flows[:, part].max()) for part in HELD]
    return *furthest, float(nostrils[np.isfinite(nostrils)].max(initial=0))


def spoken_frames(probe: Probe) -> list[UintArray]:
    return [
        probe.frame(aperture=aperture, width=width, jawOpen=0.95 * aperture, speech=1)
        for aperture, width in SPOKEN
    ]


def below_nose(picture: UintArray, landmarks: FloatArray) -> FloatArray:
    """1 below the nose's base in the face's own direction, 0 from there upwards, with
    a short ramp between: [H, W] of a picture [H, W, 3]."""
    frame = HeadFrame.of(landmarks)
    height, width = picture.shape[:2]
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    y = frame.flat(np.stack([columns, rows], -1).reshape(-1, 2))[:, 1]
    base = float(frame.flat(landmarks[BASE, :2])[:, 1].max())
    return smoothstep(y, base, base + RAMP).reshape(height, width)


def _put(above: UintArray, under: UintArray, below: FloatArray) -> UintArray:
    """One picture with another's part where `below` [H, W, 1] is 1."""
    mixed = cv2.add(above * (1 - below), under * below)
    return np.asarray(np.round(mixed), np.uint8)


def _gone(found: FloatArray, first: FloatArray, iod: float) -> FloatArray:
    """How far each part of HELD has gone, all of it together, IOD: [frames, parts]."""
    away = (found - first)[..., :2] / iod
    parts: Sequence[FloatArray] = [away[:, part].mean(1) for part in HELD]
    return np.asarray(np.linalg.norm(parts, axis=2).T, np.float32)
