"""Tags of emotion in what a brain says: "[happy] Hello" -> words and their face."""

import re
from dataclasses import dataclass, field

from models.emotion import EMOTIONS, Emotion

_TAG = re.compile(r"\[(\w{1,20})\][^\S\n]?")
_BEGUN = re.compile(r"\[\w{0,20}\]?$")  # at the end: may become a tag, or take a space
_KNOWN: dict[str, Emotion] = {name: name for name in EMOTIONS}


@dataclass(frozen=True)
class Felt:
    """Words and the emotion they are said with; None is the session's own."""

    text: str
    emotion: Emotion | None


@dataclass
class TagFilter:
    """Tags may come in pieces. Other words in brackets stay as they are."""

    emotion: Emotion | None = None  # the last one that came
    _held: str = field(default="", repr=False)

    def push(self, text: str) -> list[Felt]:
        """Words that are certain not to belong to a tag."""
        text = self._held + text
        self._held = ""
        begun = _BEGUN.search(text)
        if begun:
            text, self._held = text[: begun.start()], text[begun.start() :]
        return self._parts(text)

    def finish(self) -> list[Felt]:
        """What was held back."""
        rest, self._held = self._held, ""
        return self._parts(rest)

    def _parts(self, text: str) -> list[Felt]:
        parts: list[Felt] = []
        start = 0
        for match in _TAG.finditer(text):
            emotion = _KNOWN.get(match.group(1).casefold())
            if emotion is None:
                continue
            parts.append(Felt(text[start : match.start()], self.emotion))
            self.emotion, start = emotion, match.end()
        parts.append(Felt(text[start:], self.emotion))
        return [part for part in parts if part.text]
