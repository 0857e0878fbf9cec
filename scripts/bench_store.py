"""How long the store of identities takes: python -m scripts.bench_store [--count N].

Prints the median and 95th percentile of keeping and deleting an identity of the usual
size, synced to the disk, and the time to find all of them at a start.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from server.store import Card, IdentityStore

PORTRAIT_BYTES, PREVIEW_BYTES = 2_900_000, 400_000


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="bench_store")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--dir", type=Path, help="on the disk to be measured")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(dir=options.dir) as folder:
        measure(IdentityStore(Path(folder)), options.count)


def measure(store: IdentityStore, count: int) -> None:
    store.open()
    portrait, preview = bytes(PORTRAIT_BYTES), bytes(PREVIEW_BYTES)

    def keep(number: int) -> None:
        draft = store.begin(f"idn_{number}", preview)
        draft.portrait.write_bytes(portrait)
        draft.preview.write_bytes(preview)
        store.publish(draft, Card(f"idn_{number}", "Ada", f"{number:09}"))

    told("keep", keep, count)
    began = time.perf_counter()
    assert len(store.open()) == count
    print(f"find {count}, ms: {(time.perf_counter() - began) * 1e3:.1f}")
    told("delete", lambda number: store.delete(f"idn_{number}"), count)


def told(what: str, work: Callable[[int], None], count: int) -> None:
    times_ms = []
    for number in range(count):
        began = time.perf_counter()
        work(number)
        times_ms.append((time.perf_counter() - began) * 1e3)
    p95 = np.percentile(times_ms, 95)
    print(f"{what}, ms: p50 {np.median(times_ms):.1f}, p95 {p95:.1f}")


if __name__ == "__main__":
    main()
