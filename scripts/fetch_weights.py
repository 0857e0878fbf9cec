"""python -m scripts.fetch_weights NAME...: weights that this project can use.

They are resumed after a cut, checked against their checksums, and lie in
LIKENESS_WEIGHTS_DIR, else in the data folder.
"""

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from models.errors import WeightsError
from models.weights import (
    Weights,
    all_weights,
    find,
    is_present,
    readable,
    weights_root,
)
from models.weights_fetch import fetch
from models.weights_place import copy_from


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.fetch_weights", description=__doc__
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="see --list")
    parser.add_argument("--list", action="store_true", help="what there is, and leave")
    parser.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="DIR",
        help="take the files from a folder, without a network",
    )
    options = parser.parse_args(arguments)
    if not (options.names or options.list):
        parser.error("name what to fetch; --list says what there is")
    return options


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    root = weights_root()
    if options.list:
        show(root)
        return 0
    try:
        # An unknown name is told before gigabytes of a known one are fetched.
        for weights in _with_needs([find(name) for name in options.names]):
            get(weights, root, options.source)
    except WeightsError as error:
        print(f"error ({error.code}): {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


def show(root: Path) -> None:
    """A line for each model, and one for what it gives and may be used for."""
    for weights in all_weights():
        here = "here" if is_present(weights, root) else readable(weights.size)
        print(f"{weights.name:26} {here:12} {weights.licence}")
        commercial = f"commercial use: {weights.commercial}"
        print(f"    {weights.gives}; {commercial}. {weights.terms}")


def get(weights: Weights, root: Path, source: Path | None) -> None:
    print(f"{weights.name}: {weights.licence}. {weights.terms}")
    with tqdm(unit="B", unit_scale=True, disable=None) as bar:
        shown = ""

        def progress(file: str, done: int, size: int) -> None:
            nonlocal shown
            if file != shown:
                shown = file
                bar.reset(size or None)
                bar.set_description(file)
            bar.update(done - bar.n)

        if source:
            folder = copy_from(weights, source, root, progress)
        else:
            folder = fetch(weights, root, on_progress=progress)
    print(f"{weights.name}: in {folder}")


def _with_needs(wanted: list[Weights]) -> list[Weights]:
    """What is asked for, each after what it works with."""
    order: list[Weights] = []
    for weights in wanted:
        for each in (*(find(name) for name in weights.needs), weights):
            if each not in order:
                order.append(each)
    return order


if __name__ == "__main__":
    sys.exit(main())
