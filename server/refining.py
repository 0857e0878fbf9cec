"""What is asked of Stable Diffusion, to and from the options of a command."""

import argparse
from pathlib import Path

from models.refine import STRENGTH
from models.refining import Ground, Mode, Refining
from server.settings import Settings


def refining_of(
    settings: Settings,
    *,
    mode: Mode = "auto",
    prompt: str = "",
    seed: int = 0,
    strength: float = STRENGTH,
    background: Ground = "keep",
) -> Refining:
    """With the model, the device and the weights of this server.

    Raises:
        RefineError: see Refining.
    """
    return Refining(
        mode,
        settings.diffusion_model,
        settings.diffusion_device or settings.device,
        prompt,
        seed,
        strength,
        background,
        settings.weights,
    )


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that to_options writes and from_options reads."""
    group = parser.add_argument_group("Stable Diffusion")
    group.add_argument(
        "--refine",
        choices=("auto", "on", "off"),
        default="auto",
        help="auto: where its weights are here",
    )
    group.add_argument(
        "--prompt", default="", help="what the picture shows, or, without one, shall"
    )
    group.add_argument("--seed", type=int, default=0, help="the same gives the same")
    group.add_argument(
        "--strength", type=float, default=STRENGTH, help="0 to 1; %(default)s"
    )
    group.add_argument(
        "--refined-background",
        choices=("keep", "plain"),
        default="keep",
        help="the photo's own, or a plain one",
    )
    group.add_argument(
        "--model", default="sd15", help="sd15, sd-turbo or a diffusers folder"
    )
    group.add_argument("--device", default="cpu", help="cpu, cuda or cuda:0")
    group.add_argument("--weights", type=Path, help=argparse.SUPPRESS)


def to_options(wish: Refining) -> list[str]:
    options = [
        f"--refine={wish.mode}",
        f"--model={wish.model}",
        f"--device={wish.device}",
        f"--prompt={wish.prompt}",
        f"--seed={wish.seed}",
        f"--strength={wish.strength}",
        f"--refined-background={wish.background}",
    ]
    return options if wish.root is None else [*options, f"--weights={wish.root}"]


def from_options(options: argparse.Namespace) -> Refining:
    """Raises: RefineError, see Refining."""
    return Refining(
        options.refine,
        options.model,
        options.device,
        options.prompt.strip(),
        options.seed,
        options.strength,
        options.refined_background,
        options.weights,
    )
