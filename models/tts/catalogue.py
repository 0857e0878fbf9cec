"""Which voices there are, and how to open one."""

import difflib
import functools
from pathlib import Path

from models.errors import VoiceError
from models.tts.espeak import DEFAULT_VARIANT, EspeakVoice, espeak_voices
from models.tts.voice import Voice, VoiceInfo

DEFAULT_LANGUAGE = "en-US"

# What people and browsers write -> what the voices are tagged with.
_ALIASES = {
    "zh": "cmn",
    "zh-hk": "yue",
    "zh-mo": "yue",
    "zh-yue": "yue",
    "cmn-hans": "cmn",
    "no": "nb",
    "nn": "nb",
    "iw": "he",
    "in": "id",
    "ji": "yi",
    "ary": "ar",
    "fil": "tl",
}
_MAIN_TAGS = {"en": "en-US", "fr": "fr-FR"}


def list_voices(folder: Path | None = None) -> tuple[VoiceInfo, ...]:
    """The Piper voices whose files lie in `folder`, then the embedded ones.

    Raises:
        VoiceError: "espeak_missing".
    """
    return (*_piper_voices(folder), *espeak_voices())


def open_voice(
    voice_id: str | None = None,
    language: str | None = None,
    *,
    folder: Path | None = None,
) -> Voice:
    """Open a voice by id, or else the best one for a language.

    Args:
        voice_id: as listed, letter case aside; for an embedded voice the variant may be
            left out ("espeak:en-US"). It wins over `language`.
        language: BCP 47 tag; matched as RFC 4647, 3.4 ("de-AT" finds "de"), Piper
            voices first. Neither given: the embedded English voice.
        folder: where Piper voices lie, NAME.onnx and NAME.onnx.json each.

    Raises:
        VoiceError: "voice_unknown", "language_unknown" (with what there is instead),
            "voice_files_missing", "voice_damaged", "espeak_missing".
    """
    if voice_id:
        return _open_by_id(voice_id, folder)
    if not language:
        return EspeakVoice(_best(espeak_voices(), DEFAULT_LANGUAGE))
    return _open(_best(list_voices(folder), language), folder)


def _open_by_id(voice_id: str, folder: Path | None) -> Voice:
    wanted = voice_id.casefold()
    if wanted.startswith("piper:") and folder is not None:
        return _open_piper(folder, voice_id[len("piper:") :])
    voices = list_voices(folder)
    for info in voices:
        default = f"espeak:{info.language}:{DEFAULT_VARIANT}"
        names = {info.id.casefold()}
        if info.id.casefold() == default.casefold():
            names.add(f"espeak:{info.language}".casefold())
        if wanted in names:
            return _open(info, folder)
    near = difflib.get_close_matches(voice_id, [info.id for info in voices], 3, 0.5)
    hint = f" Close to it: {', '.join(near)}." if near else ""
    raise VoiceError("voice_unknown", f"There is no voice {voice_id[:80]!r}.{hint}")


def _best(voices: tuple[VoiceInfo, ...], language: str) -> VoiceInfo:
    """The first voice of the nearest language: exact, then ever more general."""
    subtags = language.strip().replace("_", "-").casefold().split("-")
    for length in range(len(subtags), 0, -1):
        prefix = "-".join(subtags[:length])
        tag = _ALIASES.get(prefix, prefix)
        for wanted in (tag, _MAIN_TAGS.get(tag, tag).casefold()):
            for info in voices:
                if info.language.casefold() == wanted:
                    return info
        if length == 1:
            for info in voices:
                if info.language.casefold().startswith(f"{tag}-"):
                    return info
    languages = ", ".join(sorted({info.language for info in voices}))
    raise VoiceError(
        "language_unknown",
        f"No voice speaks {language[:40]!r}. There are voices for: {languages}.",
    )


def _open(info: VoiceInfo, folder: Path | None) -> Voice:
    if info.engine == "piper" and folder is not None:
        return _open_piper(folder, info.id[len("piper:") :])
    return EspeakVoice(info)


def _piper_voices(folder: Path | None) -> tuple[VoiceInfo, ...]:
    if folder is None or not folder.is_dir():
        return ()
    # piper-tts costs a second to import, which users without its voices do not pay.
    from models.tts.piper import piper_voices

    return piper_voices(folder)


def _open_piper(folder: Path, name: str) -> Voice:
    if not name or Path(name).name != name or name in {".", ".."}:
        raise VoiceError("voice_unknown", f"{name[:80]!r} is not the name of a voice.")
    model = folder / f"{name}.onnx"
    stamp = model.stat().st_mtime_ns if model.is_file() else 0
    return _load_piper(model, stamp)


@functools.lru_cache(maxsize=4)
def _load_piper(model: Path, _changed_ns: int) -> Voice:
    from models.tts.piper import Piper

    return Piper(model)
