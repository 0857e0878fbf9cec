"""Words that ask a speaker to stop: often so short that their voice is over before it
is certain to be one."""

import re

STOP_PHRASES: dict[str, tuple[str, ...]] = {
    "en": (
        "stop",
        "stop it",
        "wait",
        "hold on",
        "hang on",
        "enough",
        "quiet",
        "be quiet",
        "silence",
        "shut up",
        "one moment",
    ),
    "de": (
        "stopp",
        "halt",
        "warte",
        "warten sie",
        "moment",
        "moment mal",
        "ruhe",
        "still",
        "genug",
        "schluss",
        "hör auf",
    ),
    "fr": (
        "arrête",
        "arrêtez",
        "attends",
        "attendez",
        "assez",
        "silence",
        "tais toi",
        "taisez vous",
        "un moment",
        "ça suffit",
    ),
    "es": (
        "para",
        "pare",
        "alto",
        "basta",
        "espera",
        "espere",
        "silencio",
        "un momento",
        "cállate",
    ),
    "zh": (
        "停",
        "停下",
        "停一下",
        "等等",
        "等一下",
        "等一等",
        "别说了",
        "不要说了",
        "够了",
        "安静",
        "打住",
    ),
}
# What listeners say just as briefly in English, and which does not ask for that.
THROWN_IN = (
    "yeah yes right okay sure hmm hm aha ah oh uh no what who why sorry hello great "
    "good fine nice cool really so well and but thanks please true"
).split() + ["i see", "thank you", "of course", "the"]

_POLITE = "please", "bitte"
_WORDS = re.compile(r"[^\W\d_]+")
_PHRASES = frozenset(phrase for each in STOP_PHRASES.values() for phrase in each)


def asks_to_stop(text: str) -> bool:
    """Whether that is all it says, in any of these languages; also said twice."""
    words = [w for w in _WORDS.findall(text.casefold()) if w not in _POLITE]
    half = len(words) // 2
    return " ".join(words) in _PHRASES or (
        words[:half] == words[half:] and " ".join(words[:half]) in _PHRASES
    )
