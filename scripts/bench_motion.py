"""How long the motion of a second of sound takes: network alone and whole performer.

    python -m scripts.bench_motion [--seconds 20] [--sessions 1 8] [--device cpu]

One thread, steps of 40 ms as the live server makes them; medians and 95th percentiles.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import torch

from models.audio2motion import AudioToMotion
from models.media import (
    FRAME_RATE_HZ,
    MODEL_SAMPLES_PER_FRAME,
    PLAYOUT_SAMPLES_PER_FRAME,
)
from models.performer import Performer

WARM_UP_STEPS = 20


def timed(step: Callable[[], None], count: int) -> list[float]:
    """Milliseconds of each step."""
    for _ in range(WARM_UP_STEPS):
        step()
    times = []
    for _ in range(count):
        began = time.perf_counter()
        step()
        times.append((time.perf_counter() - began) * 1000)
    return times


def report(name: str, times: list[float]) -> None:
    median, p95 = statistics.median(times), statistics.quantiles(times, n=20)[-1]
    print(
        f"{name:32} step {median:.2f} ms (p95 {p95:.2f}), "
        f"{median * FRAME_RATE_HZ:.1f} ms per second of sound"
    )


def network_step(network: AudioToMotion, batch: int, device: str) -> Callable[[], None]:
    audio = torch.randn(batch, MODEL_SAMPLES_PER_FRAME, device=device) * 0.1
    state = network.initial_state(batch)

    def step() -> None:
        nonlocal state
        _, state = network.step(audio, state)

    return step


def performer_step(network: AudioToMotion) -> Callable[[], None]:
    performer = Performer(network)
    rng = np.random.default_rng(0)
    samples = rng.standard_normal(PLAYOUT_SAMPLES_PER_FRAME).astype(np.float32) * 0.1

    def step() -> None:
        performer.push_audio(samples)

    return step


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--sessions", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args(argv)
    torch.set_num_threads(1)
    network = AudioToMotion.load(device=options.device)
    count = max(2, int(options.seconds * FRAME_RATE_HZ))
    for batch in options.sessions:
        times = timed(network_step(network, batch, options.device), count)
        report(f"network, {batch} session(s)", times)
    report("performer, with gestures", timed(performer_step(network), count))
    return 0


if __name__ == "__main__":
    sys.exit(main())
