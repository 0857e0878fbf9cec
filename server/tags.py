"""Tags of emotion in what a brain says: "[happy] Hello" -> words and a face."""

import re
from dataclasses import dataclass, field

from models.emotion import EMOTIONS, Emotion

_TAG = re.compile(r"\[(\w{1,20})\][^\S\n]?")
_BEGUN = re.compile(r"\[\w{0,20}\]?$")  # at the end: may become a tag, or take a space
_KNOWN: dict[str, Emotion] = {name: name for name in EMOTIONS}


@dataclass
class TagFilter:
    """Tags may come in pieces. Other words in brackets stay as they are."""

    emotion: Emotion | None = None  # the last one that came
    _held: str = field(default="", repr=False)

    def push(self, text: str) -> str:
        """Words that are certain not to belong to a tag."""
        text = self._held + text
        self._held = ""
        begun = _BEGUN.search(text)
        if begun:
            text, self._held = text[: begun.start()], text[begun.start() :]
        return self._without_tags(text)

    def finish(self) -> str:
        """What was held back."""
        rest, self._held = self._held, ""
        return self._without_tags(rest)

    def _without_tags(self, text: str) -> str:
        def take(match: re.Match[str]) -> str:
            emotion = _KNOWN.get(match.group(1).casefold())
            if emotion is None:
                return match.group(0)
            self.emotion = emotion
            return ""

        return _TAG.sub(take, text)
