"""Which language a text is in, as far as its script tells."""

import re

_SCRIPTS = (
    ("ja", re.compile("[\u3040-\u30ff]")),
    ("ko", re.compile("[\uac00-\ud7af\u1100-\u11ff]")),
    ("zh", re.compile("[\u3400-\u9fff\uf900-\ufaff]")),
    ("ru", re.compile("[\u0400-\u04ff]")),
    ("ar", re.compile("[\u0600-\u06ff]")),
    ("hi", re.compile("[\u0900-\u097f]")),
    ("th", re.compile("[\u0e00-\u0e7f]")),
    ("el", re.compile("[\u0370-\u03ff]")),
    ("he", re.compile("[\u0590-\u05ff]")),
)
# Languages that are written in a script of the table, by its first language.
_ALSO = {
    "zh": {"cmn", "yue", "ja", "ko", "hak"},
    "ru": {"uk", "bg", "sr", "mk", "be", "kk", "ky", "tt", "ba", "cv"},
    "ar": {"fa", "ur", "ug", "sd", "ps", "ckb"},
    "hi": {"mr", "ne", "kok", "sa"},
}
_LATIN = re.compile("[A-Za-z\u00c0-\u024f]")


def primary(language: str) -> str:
    return language.replace("_", "-").split("-")[0].casefold()


def script_language(text: str) -> str | None:
    """The best known language of the script that most letters are in; None: Latin."""
    counts = {name: len(pattern.findall(text)) for name, pattern in _SCRIPTS}
    name = max(counts, key=lambda each: counts[each])
    if counts["ja"] and counts["zh"]:
        name = "ja"
    return name if counts[name] * 2 > len(_LATIN.findall(text)) else None


def fits(text: str, language: str) -> bool:
    """Whether a text can be in that language, by its script."""
    found, wanted = script_language(text), primary(language)
    wanted = "zh" if wanted == "cmn" else wanted
    if found is None:
        return not any(
            wanted == name or wanted in _ALSO.get(name, ()) for name, _ in _SCRIPTS
        )
    return wanted == found or wanted in _ALSO.get(found, ())


def spoken_language(text: str, heard: str | None, own: str) -> str | None:
    """In which language to speak a text; None: in the session's own.

    heard: what the visitor spoke last, if that is known.
    """
    if heard and primary(heard) != primary(own) and fits(text, heard):
        return heard
    if fits(text, own):
        return None
    return script_language(text) or "en"
