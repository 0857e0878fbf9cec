"""python -m scripts.contact_sheet PHOTO_OR_IDENTITY -o sheet.png: one portrait in many
poses, labelled, for judging by eye."""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from models.emotion import EMOTIONS, Expression
from models.errors import LikenessError
from models.identity import Identity, embedded_photo, enrol
from models.media import CHANNEL_INDEX, FRAME_RATE_HZ, MOTION_CHANNELS
from models.warp import WarpRenderer

COLUMNS = 7
LABEL_PX = 20

Pose = tuple[str, dict[str, float]]


def both(name: str, value: float) -> dict[str, float]:
    """A channel of the left and the right side."""
    return {name + "Left": value, name + "Right": value}


def lips(aperture: float, width: float, jaw: float, **more: float) -> dict[str, float]:
    """Absolute lips, as speech shows them."""
    shape = {"aperture": aperture, "width": width, "jawOpen": jaw, "speech": 1.0}
    return {**shape, **more}


VISEMES: list[Pose] = [
    ("the photo", {}),
    ("closed: p b m", lips(0.0, 0.47, 0.02, **both("mouthPress", 0.3))),
    ("slightly open: e", lips(0.08, 0.48, 0.07)),
    ("open: a", lips(0.24, 0.46, 0.27)),
    ("spread: i", lips(0.09, 0.56, 0.06, **both("mouthSmile", 0.35))),
    ("rounded: o", lips(0.15, 0.33, 0.18, mouthFunnel=0.6, mouthPucker=0.3)),
    ("rounded: u", lips(0.05, 0.27, 0.08, mouthPucker=0.9)),
    ("f v", lips(0.035, 0.47, 0.04, mouthRollLower=0.8, **both("mouthUpperUp", 0.3))),
    ("l", lips(0.13, 0.46, 0.12, tongueOut=0.6)),
    ("th", lips(0.08, 0.46, 0.07, tongueOut=1.0)),
    ("s z", lips(0.06, 0.50, 0.02, **both("mouthStretch", 0.3))),
    ("sh", lips(0.08, 0.37, 0.05, mouthFunnel=0.7)),
    ("wide open", lips(0.42, 0.48, 0.60)),
    ("half way to speech", {**lips(0.0, 0.47, 0.0), "speech": 0.5}),
]
EYES: list[Pose] = [
    ("blink", both("eyeBlink", 1.0)),
    ("half a blink", both("eyeBlink", 0.5)),
    ("wink", {"eyeBlinkLeft": 1.0}),
    ("wide", both("eyeWide", 1.0)),
    ("squint", both("eyeSquint", 1.0)),
    ("looks to her left", {"eyeLookOutLeft": 0.8, "eyeLookInRight": 0.8}),
    ("looks to her right", {"eyeLookOutRight": 0.8, "eyeLookInLeft": 0.8}),
    ("looks up", both("eyeLookUp", 0.8)),
    ("looks down", both("eyeLookDown", 0.8)),
]
FACES: list[Pose] = [
    ("sad", {**both("mouthFrown", 0.8), "browInnerUp": 0.8}),
    ("angry", {**both("browDown", 0.9), **both("noseSneer", 0.6)}),
    ("puffed, jaw left", {"cheekPuff": 1.0, "jawLeft": 1.0}),
]
HEAD: list[Pose] = [
    ("yaw -8", {"head_yaw": -8.0}),
    ("yaw 8", {"head_yaw": 8.0}),
    ("pitch -6", {"head_pitch": -6.0}),
    ("pitch 6", {"head_pitch": 6.0}),
    ("roll -5", {"head_roll": -5.0}),
    ("roll 5", {"head_roll": 5.0}),
    ("inhaled, speaking", {"breath": 1.0, "head_yaw": 5.0, **lips(0.2, 0.46, 0.22)}),
]


def emotions() -> list[Pose]:
    """Each emotion as usual, at its liveliest, and while an a is spoken."""
    spoken = motion_of([("", lips(0.18, 0.46, 0.18))]).numpy()
    still = np.zeros_like(spoken)
    poses: list[Pose] = []
    for emotion in EMOTIONS:
        for label, row, expressivity in (
            (emotion, still, 0.5),
            (f"{emotion}, lively", still, 1.0),
            (f"{emotion}, speaking", spoken, 0.5),
        ):
            expression = Expression()
            expression.set(emotion, expressivity)
            shown = expression.apply(row.repeat(FRAME_RATE_HZ, 0))[-1]
            poses.append(
                (label, dict(zip(MOTION_CHANNELS, shown.tolist(), strict=True)))
            )
    return poses


def motion_of(poses: list[Pose]) -> torch.Tensor:
    """float32 [len(poses), channels]."""
    motion = np.zeros((len(poses), len(MOTION_CHANNELS)), np.float32)
    for row, (_, values) in zip(motion, poses, strict=True):
        for name, value in values.items():
            row[CHANNEL_INDEX[name]] = value
    return torch.from_numpy(motion)


def _face_box(identity: Identity) -> tuple[int, int, int, int]:
    """A square round the face, within the picture as far as it goes."""
    points = identity.landmarks[:468, :2]
    middle = (points.min(0) + points.max(0)) / 2
    reach = 0.62 * float((points.max(0) - points.min(0)).max())
    left, top = np.round(middle - reach).astype(int).tolist()
    side = round(2 * reach)
    return left, top, left + side, top + side


def contact_sheet(identity: Identity, cell_px: int, close: bool) -> Image.Image:
    """All poses of one portrait, each cell_px wide with its label; close: the face
    alone."""
    poses = VISEMES + EYES + FACES + HEAD + emotions()
    rows = -(-len(poses) // COLUMNS)
    high = cell_px + LABEL_PX
    sheet = Image.new("RGB", (COLUMNS * cell_px, rows * high), (24, 24, 28))
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(13)
    renderer = WarpRenderer()
    with torch.inference_mode():
        for index, pose in enumerate(poses):
            frame = renderer([identity], motion_of([pose]))[0].numpy()
            picture = Image.fromarray(frame)
            if close:
                picture = picture.crop(_face_box(identity))
            picture = picture.resize((cell_px, cell_px), Image.Resampling.LANCZOS)
            x, y = index % COLUMNS * cell_px, index // COLUMNS * high
            sheet.paste(picture, (x, y + LABEL_PX))
            draw.text((x + 4, y + 2), pose[0], fill=(230, 230, 230), font=font)
    return sheet


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.contact_sheet", description=__doc__
    )
    parser.add_argument(
        "source", type=Path, nargs="?", help="a photo or an identity file"
    )
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--face", type=int, metavar="N")
    parser.add_argument("--close", action="store_true", help="show the face alone")
    parser.add_argument("--cell", type=int, default=256, help="pixels per pose")
    options = parser.parse_args(arguments)
    source = options.source or embedded_photo()
    try:
        if source.suffix == ".safetensors":
            identity = Identity.load(source)
        else:
            identity = enrol(source, face=options.face)
    except LikenessError as error:
        print(f"error ({error.code}): {error}", file=sys.stderr)
        return 1
    sheet = contact_sheet(identity, options.cell, options.close)
    sheet.save(options.output, quality=72, optimize=True)
    print(options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
