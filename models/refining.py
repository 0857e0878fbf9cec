"""Refining with the guard beside it: never at the price of the likeness.

A refined picture that the guard refuses is tried again with less strength, and then the
photo is kept and that is said. A portrait made of a prompt is tried with further seeds
until it shows exactly one face from the front. An open mouth that does not hold what a
mouth holds is not used; the painted one stays.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from models.background import refine_matte
from models.diffusion import Diffusion
from models.errors import PhotoError, RefineError, WeightsError
from models.guard import ABOVE_MOUTH, MAX_MOVED, Verdict, compare, displacement
from models.landmarks import find_again, find_face
from models.media import FloatArray
from models.mouth_harvest import harvest_mouth, mouth_mask
from models.refine import (
    STRENGTH,
    Progress,
    Refined,
    paint_open_mouth,
    paint_portrait,
    refine_photo,
)
from models.weights import (
    MissingWeightsError,
    fetch_command,
    find,
    folder,
    is_path,
    is_present,
    readable,
)

LADDER = (1.0, 0.7, 0.45, 0.25)  # of the strength asked for, until the guard agrees
PORTRAITS = 8  # tried before a prompt is given up
MAX_PROMPT_CHARS = 500
MAX_SEED = 2**32 - 1

Mode = Literal["auto", "on", "off"]
Ground = Literal["keep", "plain"]
UintArray = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Refining:
    """What is asked of Stable Diffusion; checked.

    mode: "auto" refines where the weights are here; "on" must have them; "off".
    model: of the manifest, or the path of a diffusers folder. root: of the weights.
    prompt: what the picture shows; without a photo, what it shall show.
    seed: the same one gives the same latent. strength: 0 to 1, see models.refine.
    background: the photo's own, or a plain one.

    Raises:
        RefineError: bad_prompt, bad_seed, bad_strength.
    """

    mode: Mode = "auto"
    model: str = "sd15"
    device: str = "cpu"
    prompt: str = ""
    seed: int = 0
    strength: float = STRENGTH
    background: Ground = "keep"
    root: Path | None = None

    def __post_init__(self) -> None:
        if len(self.prompt) > MAX_PROMPT_CHARS or not self.prompt.isprintable():
            raise RefineError(
                "bad_prompt",
                f"A prompt is one line of at most {MAX_PROMPT_CHARS} characters.",
            )
        if not 0 <= self.seed <= MAX_SEED:
            raise RefineError("bad_seed", f"A seed is 0 to {MAX_SEED}.")
        if not 0 < self.strength <= 1:
            raise RefineError("bad_strength", "A strength is above 0, at most 1.")

    @property
    def will_refine(self) -> bool:
        """Whether there is a model to refine with, as far as can be seen from here."""
        if self.mode != "auto":
            return self.mode == "on"
        if is_path(self.model):
            return True
        return is_present(find(self.model), self.root)


OFF = Refining("off")


def check_prompt(wish: Refining) -> None:
    """Whether a portrait can be made of the prompt alone.

    Raises:
        RefineError: nothing_to_show, prompt_needs_refining.
        WeightsError: weights_unknown, weights_missing.
    """
    if not wish.prompt.strip():
        raise RefineError(
            "nothing_to_show", "Give a photo, or a prompt that describes a person."
        )
    if wish.mode == "off":
        raise RefineError(
            "prompt_needs_refining",
            "A portrait made of a prompt needs Stable Diffusion; it is switched off.",
        )
    if not is_path(wish.model):
        folder(wish.model, wish.root)


@dataclass(frozen=True, eq=False)
class Canonical:
    """picture: uint8 RGB [H, W, 3], refined, or the photo's own. landmarks: its own.
    refined: how it came about; None where the photo was kept. notes: in sentences."""

    picture: UintArray
    landmarks: FloatArray
    refined: Refined | None
    notes: tuple[str, ...]


def open_refiner(wish: Refining) -> tuple[Diffusion | None, tuple[str, ...]]:
    """The model, and what the user should know where there is none.

    Raises:
        WeightsError: see models.diffusion_loader; weights_missing only for mode "on".
    """
    if wish.mode == "off":
        return None, ()
    from models.diffusion_loader import find_model, load_diffusion

    try:
        place = find_model(wish.model, wish.root)
    except MissingWeightsError:
        if wish.mode == "on":
            raise
        weights = find(wish.model)
        return None, (
            "Made without Stable Diffusion, whose weights are not here. To have photos "
            f"refined: {fetch_command(weights.name)} ({readable(weights.size)}, "
            f"{weights.licence}).",
        )
    return load_diffusion(place, wish.device), ()


def refine_crop(
    model: Diffusion,
    picture: UintArray,
    landmarks: FloatArray,
    wish: Refining,
    on_progress: Progress | None = None,
) -> Canonical:
    """The strongest refinement that the guard agrees to, else the photo itself."""
    matte = refine_matte(picture, landmarks) if wish.background == "keep" else None
    verdict: Verdict | None = None
    for attempt, rung in enumerate(LADDER):
        strength = wish.strength * rung
        refined = refine_photo(
            model,
            picture,
            prompt=wish.prompt,
            seed=wish.seed,
            strength=strength,
            plain=wish.background == "plain",
            on_progress=_of_attempt(on_progress, attempt),
        )
        shown = refined.picture if matte is None else _over(picture, refined, matte)
        found = find_again(shown, landmarks)
        verdict = None if found is None else compare(picture, landmarks, shown, found)
        if found is not None and verdict is not None and verdict.same:
            notes: tuple[str, ...] = ()
            if rung < 1:
                notes = (
                    f"Refined with strength {strength:.2f} instead of "
                    f"{wish.strength:.2f}, to keep the likeness.",
                )
            return Canonical(shown, found, refined, notes)
    why = "no face was left" if verdict is None else str(verdict)
    return Canonical(
        picture,
        landmarks,
        None,
        (
            "The photo was kept: what Stable Diffusion made of it is not the same "
            f"face, even with strength {wish.strength * LADDER[-1]:.2f} ({why}). Try "
            "another seed, or a better photo.",
        ),
    )


def _of_attempt(report: Progress | None, attempt: int) -> Progress | None:
    """Each attempt gets half of what is left of the bar, so that it never goes back."""
    if report is None:
        return None
    low = 1 - 0.5**attempt
    return lambda what, share: report(what, low + (1 - low) * share / 2)


@contextmanager
def memory_told(wish: Refining) -> Iterator[None]:
    """A device that is too small, in words.

    Raises:
        WeightsError: out_of_memory.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise WeightsError(
            "out_of_memory",
            f"{wish.model} does not fit into the memory of {wish.device}. Ask for a "
            "smaller picture, close what else uses it, or use the CPU: "
            "LIKENESS_DIFFUSION_DEVICE=cpu, or --device cpu.",
        ) from error


def _over(picture: UintArray, refined: Refined, matte: UintArray) -> UintArray:
    """The refined person before the photo's own background."""
    share = matte.astype(np.float32)[..., None] / 255
    mixed = picture + (refined.picture.astype(np.float32) - picture) * share
    return np.asarray(np.round(mixed), np.uint8)


def portrait_of_prompt(
    model: Diffusion, wish: Refining, on_progress: Progress | None = None
) -> Refined:
    """A portrait with exactly one face from the front.

    Raises:
        RefineError: no_portrait, with what came instead.
    """
    came: Counter[str] = Counter()
    for attempt in range(PORTRAITS):
        seed = (wish.seed + attempt) % (MAX_SEED + 1)
        refined = paint_portrait(
            model,
            wish.prompt,
            seed=seed,
            on_progress=_of_attempt(on_progress, attempt),
        )
        try:
            find_face(refined.picture)
        except PhotoError as error:
            came[error.code] += 1
            continue
        return refined
    listed = ", ".join(f"{code} {count}" for code, count in came.most_common())
    raise RefineError(
        "no_portrait",
        f"None of {PORTRAITS} pictures made of this prompt shows exactly one face from "
        f"the front ({listed}). Describe one person's face, or try another seed.",
    )


def open_mouth(
    model: Diffusion,
    picture: UintArray,
    landmarks: FloatArray,
    wish: Refining,
    on_progress: Progress | None = None,
) -> tuple[UintArray | None, tuple[str, ...]]:
    """The inside of the same person's open mouth as layers of models.mouth; or None and
    the reason, for the painted one to stay."""
    mask = mouth_mask(picture, landmarks)
    opened = paint_open_mouth(
        model,
        picture,
        mask,
        prompt=wish.prompt,
        seed=wish.seed,
        on_progress=on_progress,
    )
    found = find_again(opened, landmarks)
    if found is None:
        return None, ("The mouth's inside is painted: no open mouth came.",)
    if displacement(landmarks, found, ABOVE_MOUTH) > MAX_MOVED:
        return None, ("The mouth's inside is painted: with it open the face moved.",)
    layers = harvest_mouth(opened, found, landmarks)
    if layers is None:
        return None, ("The mouth's inside is painted: no teeth and tongue came.",)
    return layers, ()
