"""python -m scripts.bench_frames: milliseconds per frame of the warp renderer.

One CPU thread, 512 x 512 or another --size; batches of 1, of 4 as the server draws one
session, of 8 and 64, and the same on CUDA where there is a device, its copy to the host
included. Also the memory that a portrait takes, and the time of an enrolment, but for
one that is already enrolled: a .safetensors file, which keeps its own size and needs no
landmark model.
"""

import argparse
import resource
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import torch

from models.crop import PictureSize, parse_size
from models.errors import LikenessError
from models.identity import Identity, embedded_photo, enrol
from models.media import CHANNEL_INDEX, MOTION_CHANNELS
from models.warp import WarpRenderer

WARM_UP = 5  # calls
BATCHES = (1, 4, 8, 64)
PARTS = {
    "only the face moves": (False, False),
    "it looks about": (True, False),
    "head and breath too": (True, True),
}


def speaking(frames: int, *, eyes: bool = False, head: bool = False) -> torch.Tensor:
    """A mouth that opens and closes four times a second, with a blink now and then.

    eyes: they look about all the time. head: it turns and breathes.
    """
    seconds = np.arange(frames) / 25
    motion = np.zeros((frames, len(MOTION_CHANNELS)), np.float32)
    opening = 0.5 - 0.5 * np.cos(2 * np.pi * 4 * seconds)
    columns = {
        "speech": np.ones(frames),
        "aperture": 0.22 * opening,
        "jawOpen": 0.2 * opening,
        "width": 0.45 + 0.06 * np.sin(2 * np.pi * seconds),
        "eyeBlinkLeft": (seconds % 3 < 0.2).astype(float),
        "eyeBlinkRight": (seconds % 3 < 0.2).astype(float),
    }
    if eyes:
        look = 0.1 + 0.05 * np.sin(2 * np.pi * seconds)
        columns |= {"eyeLookOutLeft": look, "eyeLookInRight": look}
    if head:
        columns["head_yaw"] = 5 * np.sin(seconds) + 0.1
        columns["breath"] = np.sin(2 * seconds)
    for name, values in columns.items():
        motion[:, CHANNEL_INDEX[name]] = values
    return torch.from_numpy(motion)


def measure(identity: Identity, motion: torch.Tensor, device: str, batch: int) -> str:
    """Median and 95th percentile of the time per frame."""
    renderer = WarpRenderer(device)
    spent = []
    calls = range(0, len(motion) - batch + 1, batch)
    with torch.inference_mode():
        for first in calls:
            rows = motion[first : first + batch]
            started = time.perf_counter()
            renderer([identity] * batch, rows).cpu()  # waits for a device
            spent.append((time.perf_counter() - started) * 1000 / batch)
    spent = sorted(spent[min(WARM_UP, len(spent) // 2) :])
    p95 = spent[int(0.95 * (len(spent) - 1))]
    return f"p50 {statistics.median(spent):.2f} ms, p95 {p95:.2f} ms"


def portrait(path: Path, size: PictureSize) -> Identity:
    """An enrolled portrait, or a photo that is enrolled now, and how long that took."""
    if path.suffix == ".safetensors":
        return Identity.load(path)
    enrol(path, size=size)  # loads the models
    started = time.perf_counter()
    identity = enrol(path, size=size)
    print(f"enrolment, models loaded: {time.perf_counter() - started:.2f} s")
    return identity


def held_mb(identity: Identity) -> float:
    """Memory of one prepared identity, MB."""
    prepared = WarpRenderer().prepared(identity)
    tables = [*vars(prepared).values(), *vars(prepared.rig).values()]
    held: int = sum(t.nbytes for t in tables if hasattr(t, "nbytes"))
    return held / 1e6


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.bench_frames", description=__doc__
    )
    parser.add_argument(
        "portrait",
        type=Path,
        nargs="?",
        default=embedded_photo(),
        metavar="PHOTO_OR_IDENTITY",
    )
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--size", type=parse_size, default=parse_size("512"))
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    try:
        identity = portrait(options.portrait, options.size)
    except LikenessError as error:
        print(f"error ({error.code}): {error}", file=sys.stderr)
        return 1
    height, width = identity.size
    print(
        f"memory of one prepared identity, {width}x{height}: {held_mb(identity):.1f} MB"
    )
    devices = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
    for device in devices:
        for what, (eyes, head) in PARTS.items():
            for batch in BATCHES:
                frames = max(options.frames, (WARM_UP + 3) * batch)
                motion = speaking(frames, eyes=eyes, head=head)
                spent = measure(identity, motion, device, batch)
                print(f"{device}, batch {batch}, {what}: {spent}")
    if "cuda" in devices:
        print(f"device: {torch.cuda.get_device_name()}")
        peak_mb = torch.cuda.max_memory_allocated() / 1e6
        print(f"peak memory on the device: {peak_mb:.0f} MB")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of this process: {peak:.0f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
