"""Where a turn begins and where it ends, from the probability of speech.

While the portrait speaks, a beginning has two steps: at the first sign of a voice it is
suspected, so that the portrait can lower its own, and only when the voice goes on is it
a turn. One that does not is told as brief: it may have been a word that matters.

A turn ends when its speaker has been silent for as long as this speaker's pauses teach:
shorter where the words sound finished, longer after "and" or "because". Whoever was cut
off in a pause is given more time from then on.
"""

import re
from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from models.vad import VAD_FRAME_MS

SPEECH, SILENCE = 0.5, 0.35  # Silero's own hysteresis

BEGIN_FRAMES, BEGIN_WINDOW = 3, 5  # 96 ms of speech within 160
# While the portrait speaks or thinks it takes 380 ms within 800: not a cough, an "mm"
# or a "right", which need not stop it.
BARGE_IN_FRAMES, BARGE_IN_WINDOW = 12, 25
SUSPECT_FRAMES = 2  # 64 ms of it in a row are a sign that somebody may be cutting in,
DOUBT_FRAMES = 12  # and 384 ms without are one that nobody is
BRIEF_FRAMES = 5  # After 160 ms without, what was said so far may be all.

SHORTEST_WAIT_MS, LONGEST_WAIT_MS = 350, 950
UNFINISHED_MS = 550  # more, when the words ask for more
FIRST_WAIT_MS = 400
LESSON_MS = 150  # longer after a turn was ended too early
TRUST_MS = 25  # shorter after one that was not
TOO_EARLY_MS = 900  # speech so soon after the end was the same turn
LONGEST_TURN_MS = 60_000

Boundary = Literal["began", "ended", "brief"]

_UNFINISHED = frozenset(
    "a about an and are as at because but by can could do does for from had has "
    "have if in into is like my of on or our so than that the their then to uh "
    "um was were when where which while who whose will with would your und oder "
    "aber weil dass der die das ein eine mit von zu et ou mais parce que le la "
    "les un une de des y o pero porque el los con para".split()
)
_UNFINISHED_HAN = (
    "和",
    "但是",
    "因为",
    "所以",
    "还有",
    "然后",
    "的",
    "如果",
    "就是",
    "把",
)
_LAST_WORD = re.compile(r"([^\W\d_]+)\W*$")


def sounds_unfinished(text: str) -> bool:
    """Whether more must come: after "and", "the", a comma, an ellipsis."""
    text = text.strip()
    if text.endswith((",", "，", "、", "-", "–", "…", "...")):
        return True
    bare = text.rstrip("。.!?！？ ")
    if bare != text:
        return False  # a recogniser that writes full stops heard one
    last = _LAST_WORD.search(bare.casefold())
    return bare.endswith(_UNFINISHED_HAN) or bool(last and last.group(1) in _UNFINISHED)


@dataclass
class Endpointer:
    """in_turn: somebody speaks. silent_frames: since they were last heard.

    wait_ms: how long silence must last, as this speaker has taught.
    """

    in_turn: bool = False
    silent_frames: int = 0
    turn_frames: int = 0
    voiced_frames: int = 0  # of this turn
    wait_ms: int = FIRST_WAIT_MS
    _recent: deque[bool] = field(default_factory=lambda: deque(maxlen=BARGE_IN_WINDOW))
    _suspected: int = 0  # frames for which it still is
    _since_end: int | None = None

    def push(
        self, probability: float, *, guarded: bool, held: bool = False, text: str = ""
    ) -> Boundary | None:
        """Hear the next 32 ms.

        guarded: the portrait speaks or thinks, so it takes more to begin.
        held: a key is held down: the turn ends when it is let go, not by silence.
        text: what has been understood so far.
        """
        lasts = bool(self._recent) and self._recent[-1] and probability >= SILENCE
        voiced = lasts or probability >= SPEECH
        self._recent.append(voiced)
        self._suspect(voiced, guarded)
        if self._since_end is not None:
            self._since_end += 1
        if not self.in_turn:
            if self._begins(guarded):
                return self._begin()
            brief = self._suspected == DOUBT_FRAMES - BRIEF_FRAMES and not voiced
            return "brief" if brief else None
        self.turn_frames += 1
        if voiced:
            self.silent_frames = 0
            self.voiced_frames += 1
        else:
            self.silent_frames += 1
        if self.turn_frames * VAD_FRAME_MS >= LONGEST_TURN_MS:
            return self.end()
        if held or self.silent_frames * VAD_FRAME_MS < self._patience_ms(text):
            return None
        return self.end()

    def begin(self) -> Boundary:
        """A turn begins because somebody says so."""
        return self._begin()

    def end(self) -> Boundary:
        """The turn is over, by silence or because somebody says so."""
        self.in_turn = False
        self._since_end = 0
        self._suspected = 0
        self._recent.clear()
        return "ended"

    @property
    def onset_frames(self) -> int:
        """How long ago the speech began that began the turn, when it has just begun."""
        recent = list(self._recent)
        return len(recent) - recent.index(True) if any(recent) else 0

    @property
    def suspects(self) -> bool:
        """Whether somebody may be cutting in: soon it is a turn, or nothing."""
        return self._suspected > 0

    def _suspect(self, voiced: bool, guarded: bool) -> None:
        if self.in_turn or not guarded:
            self._suspected = 0
        elif all(list(self._recent)[-SUSPECT_FRAMES:]):
            self._suspected = DOUBT_FRAMES
        elif not voiced:
            self._suspected = max(0, self._suspected - 1)

    def _begins(self, guarded: bool) -> bool:
        if guarded:
            return sum(self._recent) >= BARGE_IN_FRAMES
        return sum(list(self._recent)[-BEGIN_WINDOW:]) >= BEGIN_FRAMES

    def _begin(self) -> Boundary:
        if self._since_end is not None:
            early = self._since_end * VAD_FRAME_MS < TOO_EARLY_MS
            wait_ms = self.wait_ms + (LESSON_MS if early else -TRUST_MS)
            self.wait_ms = min(max(wait_ms, SHORTEST_WAIT_MS), LONGEST_WAIT_MS)
        self.in_turn = True
        self._suspected = 0
        self.silent_frames = self.turn_frames = self.voiced_frames = 0
        self._since_end = None
        return "began"

    def _patience_ms(self, text: str) -> int:
        return self.wait_ms + (UNFINISHED_MS if sounds_unfinished(text) else 0)
