"""A Whisper of random weights, converted as the real ones are."""

import json
import warnings
from pathlib import Path
from typing import Any

LANGUAGES = ("en", "zh", "de")
WORDS = [f"w{n}" for n in range(80)]


def tiny_whisper(folder: Path) -> Path:
    """Make one in `folder`; returns where its CTranslate2 form lies."""
    source, converted = folder / "source", folder / "tiny-random"
    source.mkdir()
    specials = _tokenizer(source)
    _model(source, specials)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from ctranslate2.converters import TransformersConverter

        files = ["tokenizer.json", "preprocessor_config.json"]
        converter = TransformersConverter(str(source), copy_files=files)
        converter.convert(str(converted), quantization="int8")
    return converted


def _tokenizer(folder: Path) -> dict[str, int]:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: number for number, letter in enumerate(alphabet)}
    for word in WORDS:
        vocabulary[f"Ġ{word}"] = len(vocabulary)
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    specials = ["<|endoftext|>", "<|startoftranscript|>"]
    specials += [f"<|{language}|>" for language in LANGUAGES]
    specials += ["<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>"]
    specials += ["<|nospeech|>", "<|notimestamps|>"]
    specials += [f"<|{0.02 * n:.2f}|>" for n in range(1501)]
    tokenizer.add_special_tokens(specials)
    make: Any = PreTrainedTokenizerFast
    wrapped = make(
        tokenizer_object=tokenizer, eos_token="<|endoftext|>", bos_token="<|endoftext|>"
    )
    wrapped.save_pretrained(folder)
    feature = {"feature_extractor_type": "WhisperFeatureExtractor", "feature_size": 80}
    (folder / "preprocessor_config.json").write_text(json.dumps(feature))
    return {name: tokenizer.token_to_id(name) or 0 for name in specials}


def _model(folder: Path, ids: dict[str, int]) -> None:
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from transformers import (
            GenerationConfig,
            WhisperConfig,
            WhisperForConditionalGeneration,
        )

        end = ids["<|endoftext|>"]
        torch.manual_seed(1)
        config = WhisperConfig(
            vocab_size=max(ids.values()) + 1,
            num_mel_bins=80,
            d_model=32,
            encoder_layers=1,
            decoder_layers=1,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=64,
            decoder_ffn_dim=64,
            max_target_positions=448,
            pad_token_id=end,
            bos_token_id=end,
            eos_token_id=end,
            decoder_start_token_id=ids["<|startoftranscript|>"],
            init_std=0.4,
            begin_suppress_tokens=None,
            suppress_tokens=None,
        )
        model = WhisperForConditionalGeneration(config)
        generation: Any = GenerationConfig
        model.generation_config = generation(
            lang_to_id={f"<|{x}|>": ids[f"<|{x}|>"] for x in LANGUAGES},
            no_timestamps_token_id=ids["<|notimestamps|>"],
            is_multilingual=True,
            alignment_heads=[[0, 0]],
            suppress_tokens=[],
            begin_suppress_tokens=[],
            eos_token_id=end,
            pad_token_id=end,
        )
        model.save_pretrained(folder)
