"""Text as people write it -> text that a voice can say."""

import re
import unicodedata

from models.errors import TextError

MAX_TEXT_CHARS = 100_000  # about two hours of speech

_MARKDOWN = re.compile(r"\*\*|__|~~|`+|^\s{0,3}#{1,6}\s", re.MULTILINE)
_EMOJI = re.compile(
    "[\U0001f000-\U0001faff\U000e0000-\U000e007f\u2600-\u27bf\u2b00-\u2bff"
    "\u2300-\u23ff\ufe00-\ufe0f\u20e3\u2190-\u21ff\u25a0-\u25ff]+"
)
_JOINER = re.compile("(?<![^\\W\\d_])[\u200c\u200d]|[\u200c\u200d](?![^\\W\\d_])")
# Joiners shape Persian and Indic words; all other invisible characters go.
_KEPT_INVISIBLE = "\n\u200c\u200d"
_DROPPED_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn"}


def speakable(text: str) -> str:
    """Clean a text for a voice; what is dropped is dropped knowingly.

    Dropped: emoji and pictographs, control and invisible characters, lone surrogates,
    unassigned and private code points, Markdown's marks of emphasis and headings.
    Everything else stays, composed (NFC) so that a letter is one character.

    Raises:
        TextError: "text_empty" (nothing but white space), "text_unspeakable" (no
            letter or digit in any script), "text_too_long" (over MAX_TEXT_CHARS).
    """
    if len(text) > MAX_TEXT_CHARS:
        raise TextError(
            "text_too_long",
            f"The text has {len(text):,} characters; at most {MAX_TEXT_CHARS:,} can be "
            "spoken at once. Send it in parts.",
        )
    if not text.strip():
        raise TextError("text_empty", "There is no text to speak.")
    cleaned = _clean(text)
    if not any(map(str.isalnum, cleaned)):
        raise TextError(
            "text_unspeakable",
            "The text has nothing that can be spoken, only signs. Write some words.",
        )
    return cleaned


def _clean(text: str) -> str:
    text = _MARKDOWN.sub("", text)
    text = _EMOJI.sub(" ", text)
    text = "".join(map(_visible, text))
    text = _JOINER.sub("", unicodedata.normalize("NFC", text))
    text = re.sub(r"[^\S\n]+", " ", text)
    text = re.sub(r" ?\n ?", "\n", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _visible(char: str) -> str:
    if char in _KEPT_INVISIBLE:
        return char
    if char.isspace():
        return " "
    return "" if unicodedata.category(char) in _DROPPED_CATEGORIES else char
