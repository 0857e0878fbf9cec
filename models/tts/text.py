"""Text as people write it -> passages of plain text, and the silences between them.

Markup is not read out: of SSML, `<break time="500ms"/>` is obeyed and all other tags
are dropped, of Markdown the marks are. Pictographs and characters that nobody sees are
dropped too; `dropped` counts what is lost that way.
"""

import html
import re
import unicodedata
from dataclasses import dataclass

from models.errors import TextError

MAX_TEXT_CHARS = 100_000  # about two hours of speech
MAX_BREAK_S = 10.0

_ATTRIBUTE = r"\s+[\w:-]{1,40}\s*=\s*(?:\"[^\"<>]{0,500}\"|'[^'<>]{0,500}')"
_BREAK = re.compile(rf"<break((?:{_ATTRIBUTE})*)\s*/?>(?:</break>)?", re.IGNORECASE)
_TAG = re.compile(
    rf"</?(?P<name>[a-z][\w:-]{{0,40}})(?:{_ATTRIBUTE})*\s*/?>|<!--.{{0,2000}}?-->"
    r"|<[?!][a-z][^<>]{0,500}>",
    re.IGNORECASE | re.DOTALL,
)
_BLOCKS = {"p", "s", "br", "div", "li", "tr", "hr", *(f"h{size}" for size in "123456")}
_TIME = re.compile(r"time\s*=\s*[\"']\s*\+?(\d{1,6}(?:\.\d{1,6})?)\s*(ms|s)\s*[\"']")
_STRENGTH = re.compile(r"strength\s*=\s*[\"']([a-z-]{1,10})[\"']")
# The SSML specification leaves the lengths to the synthesiser.
_STRENGTHS_S = {
    "none": 0.0,
    "x-weak": 0.1,
    "weak": 0.2,
    "medium": 0.4,
    "strong": 0.7,
    "x-strong": 1.0,
}

_MARKDOWN = (
    (re.compile(r"^\s{0,3}(?:```|~~~)[^\n]*$", re.MULTILINE), ""),
    (re.compile(r"^\s{0,3}(?:[-*_][^\S\n]*){3,20}$", re.MULTILINE), ""),
    (re.compile(r"^[^\S\n]*\|?(?:[^\S\n]*:?-{3,}:?[^\S\n]*\|)[-:| ]*$", re.M), ""),
    (re.compile(r"!?\[([^\[\]\n]{1,300})\]\([^()\s]{1,1000}\)"), r"\1"),
    (re.compile(r"\*\*|__|~~|`+|^\s{0,3}#{1,6}\s|^\s{0,3}>\s", re.MULTILINE), ""),
    (re.compile(r"(?<![\w*])\*(?=\S)([^*\n]{1,200})(?<=\S)\*(?![\w*])"), r"\1"),
    (re.compile(r"(?<!\w)_(?=\S)([^_\n]{1,200})(?<=\S)_(?!\w)"), r"\1"),
    (re.compile(r"^[^\S\n]{0,6}[-*+•]\s+(?=\S)", re.MULTILINE), ""),
    (re.compile(r"^[^\S\n]*\|[^\S\n]*|[^\S\n]*\|[^\S\n]*$", re.MULTILINE), ""),
    (re.compile(r"(?<=\w)[^\S\n]+\|[^\S\n]+(?=\w)"), ", "),
)
_PICTOGRAPHS = (
    "\U0001f000-\U0001f3fa\U0001f400-\U0001faff\u2600-\u27bf\u2b00-\u2bff\u2300-\u23ff"
    "\u2190-\u21ff\u25a0-\u25ff"
)
_MODIFIERS = "\U0001f3fb-\U0001f3ff\U000e0000-\U000e007f\ufe00-\ufe0f\u20e3"
_EMOJI = re.compile(
    f"[{_PICTOGRAPHS}][{_MODIFIERS}]*(?:\u200d[{_PICTOGRAPHS}][{_MODIFIERS}]*)*"
)
_MODIFIER = re.compile(f"[{_MODIFIERS}]+")
_JOINER = re.compile("(?<![^\\W\\d_])[\u200c\u200d]|[\u200c\u200d](?![^\\W\\d_])")
# Joiners shape Persian and Indic words; all other invisible characters go.
_KEPT_INVISIBLE = "\n\u200c\u200d"
_DROPPED_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn"}


@dataclass(frozen=True)
class Passage:
    """Plain text, and the silence before it; the text may be empty."""

    text: str
    pause_s: float = 0.0


@dataclass(frozen=True)
class Dropped:
    """How much of a text is not spoken, by its kind."""

    pictographs: int = 0
    tags: int = 0
    characters: int = 0

    def __add__(self, other: "Dropped") -> "Dropped":
        return Dropped(
            self.pictographs + other.pictographs,
            self.tags + other.tags,
            self.characters + other.characters,
        )

    def __bool__(self) -> bool:
        return bool(self.pictographs or self.tags or self.characters)

    def __str__(self) -> str:
        """Counts alone: what people say is nobody else's business."""
        kinds = (
            (self.pictographs, "pictograph"),
            (self.tags, "tag"),
            (self.characters, "control character"),
        )
        said = [f"{n} {name}{'s' if n > 1 else ''}" for n, name in kinds if n]
        return f"Not spoken: {', '.join(said)}."


def passages(text: str) -> tuple[Passage, ...]:
    """What of a text is to be said, cleaned, composed (NFC), and the breaks in it.

    Raises:
        TextError: "text_empty" (nothing but white space), "text_unspeakable" (no
            letter or digit in any script, and no break), "text_too_long" (over
            MAX_TEXT_CHARS).
    """
    if len(text) > MAX_TEXT_CHARS:
        raise TextError(
            "text_too_long",
            f"The text has {len(text):,} characters; at most {MAX_TEXT_CHARS:,} can be "
            "spoken at once. Send it in parts.",
        )
    if not text.strip():
        raise TextError("text_empty", "There is no text to speak.")
    first, *rest = _BREAK.split(text)
    found = [Passage(_clean(first))]
    for attributes, following in zip(rest[::2], rest[1::2], strict=True):
        found.append(Passage(_clean(following), _break_s(attributes)))
    spoken = [each for each in found if each.pause_s or _has_words(each.text)]
    if not spoken:
        raise TextError(
            "text_unspeakable",
            "The text has nothing that can be spoken, only signs. Write some words.",
        )
    return tuple(spoken)


def speakable(text: str) -> str:
    """The passages of a text as one, for captions; raises as `passages` does."""
    return " ".join(each.text for each in passages(text) if each.text)


def dropped(text: str) -> Dropped:
    """What of a text is not spoken."""
    bare, tags = _TAG.subn("", _BREAK.sub("", text))
    pictographs = len(_EMOJI.findall(bare))
    bare = _MODIFIER.sub("", _EMOJI.sub("", bare))
    lost = sum(1 for char in bare if not _visible(char) and char not in "\u200c\u200d")
    return Dropped(pictographs, tags, lost)


def _has_words(text: str) -> bool:
    return any(map(str.isalnum, text))


def _break_s(attributes: str) -> float:
    if time := _TIME.search(attributes):
        seconds = float(time[1]) / (1000 if time[2] == "ms" else 1)
        return min(seconds, MAX_BREAK_S)
    strength = _STRENGTH.search(attributes)
    return _STRENGTHS_S.get(strength[1] if strength else "medium", 0.4)


def _clean(text: str) -> str:
    text = _TAG.sub(_without, text)
    if "&" in text:
        text = html.unescape(text)
    for pattern, kept in _MARKDOWN:
        text = pattern.sub(kept, text)
    text = _MODIFIER.sub("", _EMOJI.sub(" ", text))
    text = "".join(map(_visible, text))
    text = _JOINER.sub("", unicodedata.normalize("NFC", text))
    text = re.sub(r"[^\S\n]+", " ", text)
    text = re.sub(r" ?\n ?", "\n", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _without(tag: re.Match[str]) -> str:
    return "\n" if (tag["name"] or "").casefold() in _BLOCKS else ""


def _visible(char: str) -> str:
    if char in _KEPT_INVISIBLE:
        return char
    if char.isspace():
        return " "
    return "" if unicodedata.category(char) in _DROPPED_CATEGORIES else char
