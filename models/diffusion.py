"""Stable Diffusion taken apart, so that its latents are in our hands.

    picture -> VAE encoder -> mean, variance -> z -> noised -+
    prompt -> text encoder -> condition --------------------> UNet, step by step
                                                              -> latent -> VAE decoder

Latent Diffusion Models: Rombach and others, CVPR 2022. Guidance: Ho and Salimans 2022.
Latents are float32 [1, 4, h, w], h and w an eighth of the picture's, scaled as the UNet
was trained (times the VAE's scaling factor). All noise is drawn on the CPU, so that a
seed means the same on every device.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

UintArray = npt.NDArray[np.uint8]
OnStep = Callable[[int, int], None]
"""Told the step that is done and how many there are; may raise, to end it there."""


@dataclass(frozen=True, eq=False)
class Gaussian:
    """What the VAE's encoder says of a picture: mean and std, float32 [1, 4, h, w]."""

    mean: Tensor
    std: Tensor

    def sample(self, noise: Tensor) -> Tensor:
        return self.mean + self.std * noise


@dataclass(frozen=True, eq=False)
class Kept:
    """In-painting: what stays.

    latent: of the picture [1, 4, h, w]. noise: that belongs to it, the same shape.
    mask: [1, 1, h, w], 1 where it is painted anew. hollow: the latent of the picture
    with that part grey, for a UNet that was trained to see it.
    """

    latent: Tensor
    noise: Tensor
    mask: Tensor
    hollow: Tensor


@dataclass(frozen=True, eq=False)
class Schedule:
    """The steps of one run. scheduler: it counts them, so each run has its own.

    timesteps: [n], falling.
    """

    scheduler: Any
    timesteps: Tensor

    def noised(self, latent: Tensor, noise: Tensor, step: int = 0) -> Tensor:
        """A clean latent as it stands before a step."""
        at = self.timesteps[step : step + 1]
        noised: Tensor = self.scheduler.add_noise(latent, noise, at)
        return noised


@dataclass(frozen=True, eq=False)
class Diffusion:
    """The parts of one model, as models.diffusion_loader reads them.

    steps: of a whole run, from noise to picture.
    guidance: of the prompt over no prompt; at most 1 where the model needs none.
    painter: a UNet for in-painting with 9 input channels, or the plain one again.
    """

    name: str
    revision: str
    steps: int
    guidance: float
    tokenizer: Any
    text_encoder: Any
    vae: Any
    unet: Any
    painter: Any
    scheduler: Any

    @property
    def device(self) -> torch.device:
        device: torch.device = self.unet.device
        return device

    @property
    def scheduler_name(self) -> str:
        return type(self.scheduler).__name__

    @property
    def reduction(self) -> int:
        """How many pixels one place of a latent stands for, each way."""
        return int(2 ** (len(self.vae.config.block_out_channels) - 1))

    @property
    def unit(self) -> int:
        """What the sides of a picture must be multiples of, pixels."""
        return self.reduction * int(2 ** (len(self.unet.config.block_out_channels) - 1))

    @property
    def native_side(self) -> int:
        """The picture's side that it was trained on, pixels."""
        return int(self.unet.config.sample_size) * self.reduction

    def noise(self, height: int, width: int, rng: torch.Generator) -> Tensor:
        """For a picture of that size; rng: on the CPU."""
        down = self.reduction
        shape = (1, self.vae.config.latent_channels, height // down, width // down)
        return torch.randn(shape, generator=rng).to(self.device)

    @torch.inference_mode()
    def condition(self, prompt: str, negative: str = "") -> Tensor:
        """[n, tokens, channels]: of the prompt, and before it, where the model is
        guided, of what is not wanted."""
        texts = [negative, prompt] if self.guidance > 1 else [prompt]
        tokens = self.tokenizer(
            texts,
            padding="max_length",
            max_length=self.tokenizer.model_max_length,
            truncation=True,
            return_tensors="pt",
        )
        states: Tensor = self.text_encoder(tokens.input_ids.to(self.device))[0]
        return states.to(self.unet.dtype)

    @torch.inference_mode()
    def encode(self, picture: UintArray) -> Gaussian:
        """uint8 RGB [H, W, 3], sides multiples of `unit` -> its latent, in
        distribution."""
        signal = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None]
        signal = signal.to(self.device, self.vae.dtype) / 127.5 - 1
        told = self.vae.encode(signal).latent_dist
        scale = self.vae.config.scaling_factor
        return Gaussian(told.mean.float() * scale, told.std.float() * scale)

    @torch.inference_mode()
    def decode(self, latent: Tensor) -> UintArray:
        """The picture of a latent: uint8 RGB [H, W, 3]."""
        raw = (latent / self.vae.config.scaling_factor).to(self.device, self.vae.dtype)
        signal = self.vae.decode(raw).sample[0].float().permute(1, 2, 0)
        levels = torch.nan_to_num((signal + 1) * 127.5).round().clamp(0, 255)
        return np.asarray(levels.to("cpu", torch.uint8).numpy())

    def schedule(self, strength: float = 1.0) -> Schedule:
        """The last part of a run, `strength` of it: at 1 it begins with pure noise."""
        # A distilled model has so few steps that a small part may be none.
        total = max(self.steps, int(np.ceil(1 / strength)))
        begin = total - max(int(total * strength), 1)
        scheduler = type(self.scheduler).from_config(self.scheduler.config)
        scheduler.set_timesteps(total, device=self.device)
        first = begin * scheduler.order
        scheduler.set_begin_index(first)
        return Schedule(scheduler, scheduler.timesteps[first:])

    @torch.inference_mode()
    def denoise(
        self,
        latent: Tensor,
        schedule: Schedule,
        condition: Tensor,
        on_step: OnStep,
        kept: Kept | None = None,
    ) -> Tensor:
        """A noised latent [1, 4, h, w] -> the clean one."""
        unet = self.painter if kept else self.unet
        count = len(schedule.timesteps)
        for step, time in enumerate(schedule.timesteps):
            told = schedule.scheduler.scale_model_input(latent, time)
            if kept and unet.config.in_channels > latent.shape[1]:
                told = torch.cat([told, kept.mask, kept.hollow], 1)
            noise = self._guided(unet, told, time, condition)
            stepped = schedule.scheduler.step(noise, time, latent)
            latent = stepped.prev_sample
            if kept:
                known = kept.latent
                if step + 1 < count:
                    known = schedule.noised(kept.latent, kept.noise, step + 1)
                latent = torch.lerp(known, latent, kept.mask)
            on_step(step + 1, count)
        return latent

    def _guided(
        self, unet: Any, latent: Tensor, time: Tensor, condition: Tensor
    ) -> Tensor:
        """The UNet's word on the noise, as the prompt pulls it."""
        many = latent.expand(len(condition), -1, -1, -1).to(unet.dtype)
        told: Tensor = unet(many, time, encoder_hidden_states=condition).sample.float()
        if len(condition) == 1:
            return told
        without, wanted = told.chunk(2)
        return without + self.guidance * (wanted - without)

    def latent_mask(self, mask: UintArray) -> Tensor:
        """uint8 [H, W] -> [1, 1, h, w], 1 where any pixel of a place is set."""
        wide = torch.from_numpy(mask.copy())[None, None].float() / 255
        return F.max_pool2d(wide, self.reduction).to(self.device)
