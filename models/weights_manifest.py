"""The manifest: name, files, source, size, checksum, licence and commercial use.

Revisions are commits, so what they name cannot change. A checksum stands here where
two independent publications of it agree; every file is besides checked against what
the hub itself states of that commit (sha256 of large files, git's blob hash of small
ones), see models.weights_fetch. Sizes are for telling.

Licences of voices are those of the recordings, as their model cards state them. Most
Piper voices were fine-tuned from the voice of en_US-lessac, whose licence (Blizzard
Challenge 2013) excludes commercial use; what that means for them no card says, so they
count as "unclear".
"""

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

Kind = Literal["diffusion", "hearing", "voice"]
Commercial = Literal["yes", "no", "unclear"]


@dataclass(frozen=True)
class WeightsFile:
    """One file of a model.

    path: below the model's folder. source: below the repository, where it differs.
    size: bytes, for telling; 0: not known. The hub's own word counts.
    sha256: as published, where known; then nothing else is accepted.
    """

    path: str
    size: int = 0
    sha256: str = ""
    source: str = ""


@dataclass(frozen=True)
class Weights:
    """One downloadable model.

    repository, revision: on the Hugging Face hub, pinned to a commit.
    commercial: whether the licence allows commercial use; terms: in one sentence.
    needs: other weights that this one works with.
    """

    name: str
    kind: Kind
    gives: str
    repository: str
    revision: str
    licence: str
    commercial: Commercial
    terms: str
    files: tuple[WeightsFile, ...]
    needs: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """About so many bytes."""
        return sum(file.size for file in self.files)

    @property
    def folder(self) -> PurePosixPath:
        """Below the root."""
        if self.kind == "voice":
            return PurePosixPath("voices")
        return PurePosixPath(self.kind, self.name)


_OPENRAIL = "CreativeML OpenRAIL-M"
_OPENRAIL_TERMS = (
    "Commercial use is allowed; the uses its attachment A names are not, and whoever "
    "you pass it on to must be bound by the same."
)
_SD15 = "stable-diffusion-v1-5/stable-diffusion-v1-5"
_VAE_SIZE = 167_335_342


def _configs(*names: str) -> tuple[WeightsFile, ...]:
    return tuple(WeightsFile(name) for name in names)


_PIPELINE = _configs(
    "model_index.json",
    "scheduler/scheduler_config.json",
    "text_encoder/config.json",
    "tokenizer/merges.txt",
    "tokenizer/special_tokens_map.json",
    "tokenizer/tokenizer_config.json",
    "tokenizer/vocab.json",
    "unet/config.json",
    "vae/config.json",
)
# Half precision: the half of the download, and what the GPU computes in anyway.
_TEXT_ENCODER = "text_encoder/model.fp16.safetensors"
_UNET = "unet/diffusion_pytorch_model.fp16.safetensors"
_VAE = "vae/diffusion_pytorch_model.fp16.safetensors"

_DIFFUSION = (
    Weights(
        "sd15",
        "diffusion",
        "photos are refined, portraits made from a prompt",
        _SD15,
        "451f4fe16113bff5a5d2269ed5ad43b0592e9a14",
        _OPENRAIL,
        "yes",
        _OPENRAIL_TERMS,
        (
            *_PIPELINE,
            WeightsFile(
                _TEXT_ENCODER,
                246_144_864,
                "77795e2023adcf39bc29a884661950380bd093cf0750a966d473d1718dc9ef4e",
            ),
            WeightsFile(
                _UNET,
                1_719_125_304,
                "c83908253f9a64d08c25fc90874c9c8aef9a329ce1ca5fb909d73b0c83d1ea21",
            ),
            WeightsFile(
                _VAE,
                _VAE_SIZE,
                "4fbcf0ebe55a0984f5a5e00d8c4521d52359af7229bb4d81890039d2aa16dd7c",
            ),
        ),
    ),
    Weights(
        "sd15-inpainting",
        "diffusion",
        "a mouth's inside that fits the face better, with sd15",
        "stable-diffusion-v1-5/stable-diffusion-inpainting",
        "8a4288a76071f7280aedbdb3253bdb9e9d5d84bb",
        _OPENRAIL,
        "yes",
        _OPENRAIL_TERMS,
        (
            *_configs("unet/config.json"),
            WeightsFile(
                _UNET,
                1_719_154_104,
                "24b788b4a777748377cc20364eea4ae113c8c42f4468c16bc8c02fdae5492af9",
            ),
        ),
        needs=("sd15",),
    ),
    Weights(
        "sd-turbo",
        "diffusion",
        "the same in four steps instead of twenty",
        "stabilityai/sd-turbo",
        "b261bac6fd2cf515557d5d0707481eafa0485ec2",
        "Stability AI, non-commercial research",
        "no",
        "Research and private use; commercial use needs a licence of Stability AI "
        "(stability.ai/license).",
        (
            *_PIPELINE,
            WeightsFile(_TEXT_ENCODER, 680_820_392),
            WeightsFile(_UNET, 1_731_904_736),
            WeightsFile(_VAE, _VAE_SIZE),
        ),
    ),
)

# name, repository, revision, bytes and sha256 of model.bin, further files
_WHISPER = (
    (
        "whisper-tiny",
        "Systran/faster-whisper-tiny",
        "d90ca5fe260221311c53c58e660288d3deb8d356",
        75_538_270,
        "dcb76c6586fc06cbdac6dd21f14cfd129cc4cdd9dce19bf4ffa62e59cbe6e6d1",
        ("vocabulary.txt",),
    ),
    (
        "whisper-base",
        "Systran/faster-whisper-base",
        "ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66",
        145_217_532,
        "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
        ("vocabulary.txt",),
    ),
    (
        "whisper-small",
        "Systran/faster-whisper-small",
        "536b0662742c02347bc0e980a01041f333bce120",
        483_546_902,
        "3e305921506d8872816023e4c273e75d2419fb89b24da97b4fe7bce14170d671",
        ("vocabulary.txt",),
    ),
    (
        "whisper-distil-small.en",
        "Systran/faster-distil-whisper-small.en",
        "ef77d90526ccd62cde3808ee70626a01e5cf83e4",
        332_308_257,
        "1187de3982cdcf962a2fb8f797e429fb4651b875b18fe9ce50b58b52fc9072b7",
        ("preprocessor_config.json", "vocabulary.json"),
    ),
    (
        "whisper-large-v3-turbo",
        "dropbox-dash/faster-whisper-large-v3-turbo",
        "0a363e9161cbc7ed1431c9597a8ceaf0c4f78fcf",
        1_617_884_929,
        "e76620f83d5f5b69efd3d87e3dc180c1bd21df9fbebacfd4335e5e1efcc018da",
        ("preprocessor_config.json", "vocabulary.json"),
    ),
)
_HEARING = tuple(
    Weights(
        name,
        "hearing",
        "the portrait hears and answers"
        + (", English only" if name.endswith(".en") else ""),
        repository,
        revision,
        "MIT",
        "yes",
        "Any use, with the copyright notice.",
        (
            WeightsFile("model.bin", size, sha256),
            *_configs("config.json", "tokenizer.json", *more),
        ),
    )
    for name, repository, revision, size, sha256, more in _WHISPER
)

_PIPER_REVISION = "c10ece1aade47bb51c153c893d14e5bf8e5b7117"
_MEDIUM = 63_201_294
# name, licence of the recordings, commercial use, bytes and sha256 of the .onnx
_VOICES: tuple[tuple[str, str, Commercial, int, str], ...] = (
    (
        "en_US-ljspeech-high",
        "public domain (LJ Speech)",
        "yes",
        114_199_011,
        "5d4f08ba6a2a48c44592eed3ce56bf85e9de3dd4e20df90541ae68a8310c029a",
    ),
    (
        "en_US-lessac-medium",
        "Blizzard Challenge 2013 (Lessac)",
        "no",
        _MEDIUM,
        "5efe09e69902187827af646e1a6e9d269dee769f9877d17b16b1b46eeaaf019f",
    ),
    (
        "en_GB-cori-high",
        "public domain (LibriVox)",
        "yes",
        114_219_352,
        "470b4dd634c98f8a4850d7626ffc3dfc90774628eeef6605a6dd8f88f30a5903",
    ),
    (
        "en_GB-alba-medium",
        "CC BY 4.0",
        "unclear",
        _MEDIUM,
        "401369c4a81d09fdd86c32c5c864440811dbdcc66466cde2d64f7133a66ad03b",
    ),
    ("zh_CN-huayan-medium", "unknown", "unclear", _MEDIUM, ""),
    ("zh_CN-chaowen-medium", "CC0 1.0", "unclear", 0, ""),
    (
        "de_DE-thorsten-medium",
        "CC0 1.0",
        "unclear",
        _MEDIUM,
        "7e64762d8e5118bb578f2eea6207e1a35a8e0c30595010b666f983fc87bb7819",
    ),
    (
        "fr_FR-siwis-medium",
        "CC BY 4.0 (SIWIS)",
        "unclear",
        _MEDIUM,
        "641d1ab097da2b81128c076810edb052b385decc8be3381814802a64a73baf99",
    ),
    ("es_ES-davefx-medium", "CC0 1.0", "unclear", 0, ""),
    ("it_IT-paola-medium", "CC0 1.0", "unclear", 0, ""),
    (
        "pt_BR-faber-medium",
        "CC0 1.0",
        "unclear",
        _MEDIUM,
        "858555e3a064209c57088fe6bd70c4c3dc54d03eaa00c45d5ecaf43a33f95aa7",
    ),
    ("ru_RU-irina-medium", "unknown (RHVoice)", "unclear", _MEDIUM, ""),
    ("pl_PL-gosia-medium", "CC0 1.0", "unclear", 0, ""),
    ("nl_NL-pim-medium", "CC0 1.0", "unclear", 0, ""),
    ("tr_TR-dfki-medium", "CC BY-NC-SA 4.0", "no", 0, ""),
    ("vi_VN-vais1000-medium", "CC BY 4.0", "unclear", _MEDIUM, ""),
)
_VOICE_TERMS: dict[Commercial, str] = {
    "yes": "Any use; Piper itself is GPL-3.",
    "no": "Its recordings exclude commercial use.",
    "unclear": "Read its model card: it was fine-tuned from a voice whose licence "
    "excludes commercial use, or its licence is not stated.",
}


def _voice(
    name: str, licence: str, commercial: Commercial, size: int, sha256: str
) -> Weights:
    locale, speaker, quality = name.split("-")
    path = f"{locale.split('_')[0]}/{locale}/{speaker}/{quality}/{name}.onnx"
    return Weights(
        name,
        "voice",
        f"a natural voice for {locale.replace('_', '-')}",
        "rhasspy/piper-voices",
        _PIPER_REVISION,
        licence,
        commercial,
        _VOICE_TERMS[commercial],
        (
            WeightsFile(f"{name}.onnx", size, sha256, path),
            WeightsFile(f"{name}.onnx.json", source=f"{path}.json"),
        ),
    )


MANIFEST: tuple[Weights, ...] = (
    *_DIFFUSION,
    *_HEARING,
    *(_voice(*row) for row in _VOICES),
)
