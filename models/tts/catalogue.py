"""Which voices there are, and how to open one."""

import difflib
import functools
import os
from collections.abc import Sequence
from pathlib import Path

from models.errors import VoiceError
from models.tts.espeak import DEFAULT_VARIANT, EspeakVoice, espeak_voices
from models.tts.reader import Reader
from models.tts.voice import USUAL, Manner, Synthesiser, Voice, VoiceInfo
from models.tts.voices_to_fetch import voices_to_fetch
from models.weights import default_data_dir, weights_root

DEFAULT_LANGUAGE = "en"

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
_MAIN_TAGS = {"en": ["en", "us"], "fr": ["fr", "fr"]}


def voice_folders() -> tuple[Path, ...]:
    """Where commands look for Piper voices: fetched ones, and the user's own."""
    data = Path(os.environ.get("LIKENESS_DATA_DIR") or default_data_dir())
    return tuple(dict.fromkeys((weights_root() / "voices", data / "voices")))


def list_voices(folders: Sequence[Path] = ()) -> tuple[VoiceInfo, ...]:
    """The Piper voices whose files lie in the folders, the embedded ones, and those
    that can be fetched.

    Raises:
        VoiceError: "espeak_missing".
    """
    piper = _piper_voices(folders)
    here = {info.id for info in piper}
    missing = (info for info in voices_to_fetch() if info.id not in here)
    return (*piper, *espeak_voices(), *missing)


def open_voice(
    voice_id: str | None = None,
    language: str | None = None,
    *,
    folders: Sequence[Path] = (),
    manner: Manner = USUAL,
) -> Voice:
    """Open a voice by id, or else the best installed one for a language.

    Args:
        voice_id: as listed, letter case aside; for an embedded voice the variant may be
            left out ("espeak:en-US"), for a Piper voice a speaker may follow
            ("piper:NAME:3"). It wins over `language`.
        language: BCP 47 tag, English if neither is given. The very language and place
            come first, then natural voices, then as RFC 4647, 3.4 ("de-AT" finds "de").
        folders: where Piper voices lie, NAME.onnx and NAME.onnx.json each.
        manner: how fast to speak, and how long to be silent.

    Raises:
        VoiceError: "voice_unknown", "language_unknown" (with what there is instead),
            "voice_not_installed" (with the command that fetches it), "bad_speed",
            "voice_files_missing", "voice_damaged", "speaker_unknown", "espeak_missing".
    """
    places = tuple(folders)
    if voice_id:
        own = _open_by_id(voice_id, places)
    else:
        installed = (*_piper_voices(places), *espeak_voices())
        own = _open(_best(installed, language or DEFAULT_LANGUAGE), places)

    def other(tag: str) -> Synthesiser:
        return _open(_best(_companions(own.info, places), tag), places)

    return Reader(own, other, manner)


def _companions(own: VoiceInfo, folders: tuple[Path, ...]) -> tuple[VoiceInfo, ...]:
    """Voices for other scripts: as alike as there are."""
    if own.engine != "espeak":
        return (*_piper_voices(folders), *espeak_voices())
    variant = own.id.rpartition(":")[2]
    return tuple(info for info in espeak_voices() if info.id.endswith(f":{variant}"))


def _open_by_id(voice_id: str, folders: tuple[Path, ...]) -> Synthesiser:
    wanted = voice_id.casefold()
    if wanted.startswith("piper:"):
        name, _, speaker = voice_id[len("piper:") :].partition(":")
        return _open_piper(folders, name, speaker)
    for info in espeak_voices():
        default = f"espeak:{info.language}:{DEFAULT_VARIANT}"
        names = {info.id.casefold()}
        if info.id.casefold() == default.casefold():
            names.add(f"espeak:{info.language}".casefold())
        if wanted in names:
            return EspeakVoice(info)
    raise _unknown(voice_id, (*_piper_voices(folders), *espeak_voices()))


def _unknown(voice_id: str, voices: tuple[VoiceInfo, ...]) -> VoiceError:
    near = difflib.get_close_matches(voice_id, [info.id for info in voices], 3, 0.5)
    hint = f" Close to it: {', '.join(near)}." if near else ""
    return VoiceError("voice_unknown", f"There is no voice {voice_id[:80]!r}.{hint}")


def _best(voices: tuple[VoiceInfo, ...], language: str) -> VoiceInfo:
    """The best of them for a language; the first of equals."""
    wanted = _subtags(language)
    fitting = [info for info in voices if _subtags(info.language)[0] == wanted[0]]
    if fitting:
        return max(fitting, key=lambda info: _fitness(info, wanted))
    languages = ", ".join(sorted({info.language for info in voices}))
    raise VoiceError(
        "language_unknown",
        f"No voice speaks {language[:40]!r}. There are voices for: {languages}.",
    )


def _fitness(info: VoiceInfo, wanted: list[str]) -> tuple[int, ...]:
    own = _subtags(info.language)
    main = own == _MAIN_TAGS.get(own[0], [own[0]])
    if len(wanted) == 1:
        return info.natural, main, own == wanted
    general = len(own) if own == wanted[: len(own)] else 0
    return own == wanted, info.natural, general, main


def _subtags(language: str) -> list[str]:
    subtags = language.strip().replace("_", "-").casefold().split("-")
    for length in range(min(len(subtags), 2), 0, -1):
        alias = _ALIASES.get("-".join(subtags[:length]))
        if alias:
            return [alias, *subtags[length:]]
    return subtags


def _open(info: VoiceInfo, folders: tuple[Path, ...]) -> Synthesiser:
    if info.engine == "piper":
        return _open_piper(folders, info.id[len("piper:") :])
    return EspeakVoice(info)


def _piper_voices(folders: Sequence[Path]) -> tuple[VoiceInfo, ...]:
    """Those of the first folder that has a name win."""
    found: dict[str, VoiceInfo] = {}
    for folder in folders:
        if not any(folder.glob("*.onnx")):
            continue
        # piper-tts costs a second to import, which users without its voices do not pay.
        from models.tts.piper import piper_voices

        for info in piper_voices(folder):
            found.setdefault(info.id, info)
    return tuple(found.values())


def _open_piper(folders: tuple[Path, ...], name: str, speaker: str = "") -> Synthesiser:
    if not name or "\0" in name or Path(name).name != name or name in {".", ".."}:
        raise VoiceError("voice_unknown", f"{name[:80]!r} is not the name of a voice.")
    model = _find_model(folders, name)
    if model is None:
        missing = {info.id: info for info in voices_to_fetch()}
        info = missing.get(f"piper:{name}")
        if info:
            raise VoiceError(
                "voice_not_installed",
                f"The voice {info.id} is not here (licence: {info.licence}). "
                f"Fetch it: {info.how_to_get}",
            )
        raise _unknown(f"piper:{name}", (*_piper_voices(folders), *missing.values()))
    changed_ns = model.stat().st_mtime_ns if model.is_file() else 0
    return _load_piper(model, speaker, changed_ns)


def _find_model(folders: tuple[Path, ...], name: str) -> Path | None:
    for folder in folders:
        for path in (folder / f"{name}.onnx", folder / f"{name}.onnx.json"):
            if len(name) < 200 and path.is_file():
                return folder / f"{name}.onnx"  # where one is missing, it is told
    return None


@functools.lru_cache(maxsize=16)
def _load_piper(model: Path, speaker: str, _changed_ns: int) -> Synthesiser:
    from models.tts.piper import Piper

    return Piper(model, speaker)
