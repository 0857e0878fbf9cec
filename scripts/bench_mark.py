"""What the visible mark costs a frame: python -m scripts.bench_mark [--size 512]."""

import argparse
import time
from collections.abc import Callable

import cv2
import numpy as np

from models.mark import make_mark, text_for

FRAMES = 2_000


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="bench_mark")
    parser.add_argument("--size", type=int, default=512)
    size = parser.parse_args(argv).size
    picture = np.random.default_rng(0).integers(0, 255, (size, size, 3), np.uint8)
    planes = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420), np.uint8)
    mark = make_mark(text_for("en"), size, size)
    mark.draw_i420(planes)
    print(f"live (I420), us: p50 {median_us(lambda: mark.draw_i420(planes)):.0f}")
    print(f"films (RGB), us: p50 {median_us(lambda: mark.draw(picture)):.0f}")


def median_us(work: Callable[[], None]) -> float:
    times = []
    for _ in range(FRAMES):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return float(np.median(times)) * 1e6


if __name__ == "__main__":
    main()
