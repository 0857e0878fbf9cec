"""python -m scripts.bench_alpha: what a transparent portrait costs.

The same motion before the photo's own background, before a colour, and before nothing
(its matte below it in the same picture): milliseconds to draw and to encode a frame, in
one thread, and kbit/s.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch

from models.backdrop import read_backdrop, with_backdrop
from models.crop import parse_size
from models.identity import Identity, embedded_photo, enrol
from models.media import FRAME_RATE_HZ
from models.warp import WarpRenderer
from scripts.bench_frames import speaking
from server.encoders import VideoCodec, VideoEncoder, VideoForm
from server.settings import Settings

WARM_UP = 5  # frames
BATCH = 4  # frames drawn together, as the live loop does at best

Frames = npt.NDArray[np.uint8]


def drawn(identity: Identity, motion: torch.Tensor) -> tuple[Frames, float]:
    """Frames, and the median time of one in milliseconds."""
    renderer = WarpRenderer()
    frames, spent = [], []
    with torch.inference_mode():
        for rows in torch.split(motion, BATCH):
            began_s = time.process_time()
            frames.append(renderer([identity] * len(rows), rows).numpy())
            spent.append((time.process_time() - began_s) * 1000 / len(rows))
    return np.concatenate(frames), statistics.median(spent[1:])


def encoded(frames: Frames, codec: VideoCodec) -> tuple[float, float]:
    """Median time of a frame in milliseconds; kbit/s."""
    height, width, channels = frames.shape[1:]
    rate = Settings().video_bitrate_bps
    encoder = VideoEncoder(codec, VideoForm(width, height, rate, packed=channels == 4))
    spent, size = [], 0
    for number, frame in enumerate(frames):
        began_s = time.process_time()
        packet = encoder.encode(frame, number, key=number == 0)
        spent.append((time.process_time() - began_s) * 1000)
        size += packet.size if packet else 0
    kbit = size * 8 / 1000 * FRAME_RATE_HZ / len(frames)
    return statistics.median(spent[WARM_UP:]), kbit


def main(arguments: list[str] | None = None, say: Callable[[str], None] = print) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.bench_alpha", description=__doc__
    )
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--size", type=parse_size, default=parse_size("512"))
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    identity = enrol(embedded_photo(), size=options.size)
    motion = speaking(options.frames, head=True)
    for name in ("keep", "#204060", "alpha"):
        frames, draw_ms = drawn(with_backdrop(identity, read_backdrop(name)), motion)
        say(f"{name}: drawn in {draw_ms:.2f} ms")
        codecs: tuple[VideoCodec, ...] = ("VP8", "H264")
        for codec in codecs:
            encode_ms, kbit = encoded(frames, codec)
            say(f"  {codec}: encoded in {encode_ms:.2f} ms, {kbit:.0f} kbit/s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
