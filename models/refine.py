"""The canonical identity: a photo or a prompt, refined once by Stable Diffusion.

    photo  -> VAE encoder -> mean, variance -> z sampled -> noised at a strength
           -> UNet, under the prompt's condition -> canonical latent -> VAE decoder
           -> canonical picture
    prompt -> noise -> UNet -> latent -> VAE decoder -> portrait
    photo, mask of the mouth -> the same, but what lies outside the mask is kept

The same seed gives the same latent. Whether the result is still the same person is for
models.guard to say; models.enrolment asks it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from models.diffusion import Diffusion, Kept
from models.media import FloatArray

STRENGTH = 0.3  # of a whole run: enough to mend light and skin, not features
CANON = (
    "portrait, facing the camera, neutral expression, eyes open, lips closed, evenly "
    "lit, sharp focus"
)
PLAIN = "plain background"
UNWANTED = (
    "open mouth, closed eyes, sunglasses, hands, text, watermark, frame, blurry, "
    "noisy, distorted face, extra face"
)
PORTRAIT = (
    "portrait photograph of {prompt}, head and shoulders, one person, face from the "
    "front, looking at the camera, head upright, lips closed, evenly lit, plain "
    "background"
)
MOUTH = (
    "{prompt}close portrait of the same person with the mouth wide open saying ah, "
    "upper and lower teeth and tongue visible, sharp focus"
)
LARGEST = 1.5  # times the native side: beyond it Stable Diffusion repeats itself

UintArray = npt.NDArray[np.uint8]
Progress = Callable[[str, float], None]
"""Told what is being done and the share done, 0 to 1; may raise, which cancels."""


@dataclass(frozen=True)
class Refinement:
    """How a canonical picture came to be; with the model it can be made again.

    strength: 0 to 1, 1 for a picture made of the prompt alone.
    """

    model: str
    revision: str
    scheduler: str
    prompt: str
    negative: str
    seed: int
    strength: float
    steps: int
    guidance: float


@dataclass(frozen=True, eq=False)
class Refined:
    """picture: uint8 RGB [H, W, 3]. latent: float32 [4, h, w], which the VAE decodes to
    it before it is scaled to H x W."""

    picture: UintArray
    latent: FloatArray
    how: Refinement


def refine_photo(
    model: Diffusion,
    picture: UintArray,
    *,
    prompt: str = "",
    seed: int = 0,
    strength: float = STRENGTH,
    plain: bool = False,
    on_progress: Progress | None = None,
) -> Refined:
    """Photo -> canonical picture of the same size.

    prompt: what the user says of the person; the canonical wishes are added.
    plain: asks for a plain background.
    """
    text = ", ".join(filter(None, (prompt, CANON, PLAIN if plain else "")))
    rng = torch.Generator().manual_seed(seed)
    worked = _to_working_size(model, picture)
    high, wide = worked.shape[:2]
    gaussian = model.encode(worked)
    z = gaussian.sample(model.noise(high, wide, rng))
    schedule = model.schedule(strength)
    noised = schedule.noised(z, model.noise(high, wide, rng))
    condition = model.condition(text, UNWANTED)
    on_step = _stepping("Refining", on_progress)
    latent = model.denoise(noised, schedule, condition, on_step)
    shown = _with_detail(model.decode(latent), worked, picture)
    return Refined(shown, _kept(latent), _how(model, text, seed, strength))


def paint_portrait(
    model: Diffusion,
    prompt: str,
    *,
    seed: int = 0,
    on_progress: Progress | None = None,
) -> Refined:
    """Prompt -> a portrait of the model's native size; whether it shows one face from
    the front is for the caller to find out."""
    text = PORTRAIT.format(prompt=prompt)
    rng = torch.Generator().manual_seed(seed)
    schedule = model.schedule()
    side = model.native_side
    noise = model.noise(side, side, rng) * schedule.scheduler.init_noise_sigma
    condition = model.condition(text, UNWANTED)
    on_step = _stepping("Painting a portrait", on_progress)
    latent = model.denoise(noise, schedule, condition, on_step)
    return Refined(model.decode(latent), _kept(latent), _how(model, text, seed, 1.0))


def paint_open_mouth(
    model: Diffusion,
    picture: UintArray,
    mask: UintArray,
    *,
    prompt: str = "",
    seed: int = 0,
    on_progress: Progress | None = None,
) -> UintArray:
    """The same person with the mouth open: what the mask (uint8 [H, W], 255) covers is
    painted anew, the rest is the picture's own. uint8 RGB [H, W, 3]."""
    text = MOUTH.format(prompt=f"{prompt}, " if prompt else "")
    rng = torch.Generator().manual_seed(seed)
    worked = _to_working_size(model, picture)
    high, wide = worked.shape[:2]
    hole = _resized(mask, wide, high)
    hollow = np.where(hole[..., None] > 127, np.uint8(128), worked)
    z = model.encode(worked).sample(model.noise(high, wide, rng))
    noise = model.noise(high, wide, rng)
    kept = Kept(z, noise, model.latent_mask(hole), model.encode(hollow).mean)
    schedule = model.schedule()
    begin = schedule.noised(z, noise)
    condition = model.condition(text, "closed mouth, blurry, beard in the mouth")
    on_step = _stepping("Painting the open mouth", on_progress)
    latent = model.denoise(begin, schedule, condition, on_step, kept)
    shown = _resized(model.decode(latent), picture.shape[1], picture.shape[0])
    soft = cv2.GaussianBlur(mask, (0, 0), max(picture.shape[1] / 128, 1.0))
    share = np.asarray(soft, np.float32)[..., None] / 255
    mixed = picture + (shown.astype(np.float32) - picture) * share
    return np.asarray(np.clip(np.round(mixed), 0, 255), np.uint8)


def _how(model: Diffusion, prompt: str, seed: int, strength: float) -> Refinement:
    return Refinement(
        model.name,
        model.revision,
        model.scheduler_name,
        prompt,
        UNWANTED if model.guidance > 1 else "",
        seed,
        strength,
        model.steps,
        model.guidance,
    )


def _kept(latent: Tensor) -> FloatArray:
    return np.asarray(latent[0].float().cpu().numpy(), np.float32)


def _to_working_size(model: Diffusion, picture: UintArray) -> UintArray:
    """The short side at least native, none beyond LARGEST, all a multiple of what the
    VAE and the UNet halve."""
    high, wide = picture.shape[:2]
    native = model.native_side
    scale = max(native / min(high, wide), 1.0)
    scale = min(
        scale, max(LARGEST * native / max(high, wide), native / min(high, wide))
    )
    unit = model.unit
    sides = [max(round(side * scale / unit), 1) * unit for side in (wide, high)]
    return _resized(picture, *sides)


def _with_detail(shown: UintArray, worked: UintArray, picture: UintArray) -> UintArray:
    """At the picture's size, with the detail that only the larger size could carry."""
    high, wide = picture.shape[:2]
    if shown.shape == picture.shape:
        return shown
    large = _resized(shown, wide, high).astype(np.float32)
    detail = picture.astype(np.float32) - _resized(worked, wide, high)
    return np.asarray(np.clip(np.round(large + detail), 0, 255), np.uint8)


def _resized(picture: UintArray, wide: int, high: int) -> UintArray:
    if picture.shape[:2] == (high, wide):
        return picture
    smaller = wide < picture.shape[1]
    how = cv2.INTER_AREA if smaller else cv2.INTER_LANCZOS4
    return np.asarray(cv2.resize(picture, (wide, high), interpolation=how), np.uint8)


def _stepping(what: str, on_progress: Progress | None) -> Callable[[int, int], None]:
    """Steps and the seconds left, in words."""
    started_s = time.monotonic()

    def on_step(done: int, count: int) -> None:
        if on_progress:
            left_s = (time.monotonic() - started_s) / done * (count - done)
            left = f", {left_s:.0f} s left" if done < count else ""
            on_progress(f"{what}: step {done} of {count}{left}", done / count)

    return on_step
