"""A tiny Stable Diffusion with random weights, saved as a diffusers folder."""

import json
from pathlib import Path
from typing import Any

import torch

SIDE = 64  # pixels that it is native to


def save_tiny_diffusion(
    at: Path,
    *,
    scheduler: str = "PNDMScheduler",
    channels: int = 4,
    seed: int = 0,
    safe: bool = True,
) -> Path:
    """channels: 9 for a UNet that in-paints. safe: safetensors, or pickles."""
    import diffusers
    from transformers import CLIPTextConfig, CLIPTextModel

    parts: Any = diffusers

    torch.manual_seed(seed)
    _save_tokenizer(at / "tokenizer")
    unet = parts.UNet2DConditionModel(
        block_out_channels=(16, 32),
        layers_per_block=1,
        sample_size=SIDE // 4,
        in_channels=channels,
        out_channels=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=16,
        attention_head_dim=4,
        norm_num_groups=8,
    )
    vae = parts.AutoencoderKL(
        block_out_channels=(16, 16, 16),
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        latent_channels=4,
        norm_num_groups=8,
        sample_size=SIDE,
    )
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(_vocabulary()),
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=77,
            bos_token_id=len(_vocabulary()) - 2,
            eos_token_id=len(_vocabulary()) - 1,
            pad_token_id=len(_vocabulary()) - 1,
        )
    )
    unet.save_pretrained(at / "unet", safe_serialization=safe)
    vae.save_pretrained(at / "vae", safe_serialization=safe)
    text.save_pretrained(at / "text_encoder")
    kind = getattr(parts, scheduler)
    kind(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear"
    ).save_pretrained(at / "scheduler")
    index = {"_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.30.0"}
    (at / "model_index.json").write_text(json.dumps(index))
    return at


def _vocabulary() -> list[str]:
    letters = [chr(each) for each in range(ord("a"), ord("z") + 1)]
    ends = [f"{letter}</w>" for letter in letters]
    return [*letters, *ends, "<|startoftext|>", "<|endoftext|>"]


def _save_tokenizer(at: Path) -> None:
    at.mkdir(parents=True)
    vocabulary = {token: number for number, token in enumerate(_vocabulary())}
    (at / "vocab.json").write_text(json.dumps(vocabulary))
    (at / "merges.txt").write_text("#version: 0.2\n")
    settings = {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": 77,
        "bos_token": "<|startoftext|>",
        "eos_token": "<|endoftext|>",
        "pad_token": "<|endoftext|>",
        "unk_token": "<|endoftext|>",
    }
    (at / "tokenizer_config.json").write_text(json.dumps(settings))
