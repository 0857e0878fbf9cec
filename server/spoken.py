"""What was really said, as far as it was heard, and the transcript of a session."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from server.playout import CaptionMark, Utterance, to_ms

MAX_LINES = 10_000  # of a transcript; the oldest are dropped


def said_text(marks: Sequence[CaptionMark], played: int) -> str:
    """The words of an utterance that were heard.

    marks: its clauses, in order. played: samples of it that were played.

    A word counts when more than half of it has sounded. Where the voice gives no words,
    a clause is cut where its share of time ends, at a space.
    """
    return " ".join(filter(None, (_said(mark, played) for mark in marks)))


def _said(mark: CaptionMark, played: int) -> str:
    if played >= mark.end:
        return mark.text
    if not mark.words:
        share = (played - mark.start) / max(1, mark.end - mark.start)
        cut = int(max(0.0, share) * len(mark.text))
        return mark.text[:cut].rpartition(" ")[0]
    end = 0
    for text, start, stop in mark.words:
        if played <= (start + stop) / 2:
            break
        place = mark.text.find(text, end)
        end = place + len(text) if place >= 0 else end
    return mark.text[:end]


@dataclass(frozen=True)
class Line:
    """Times in milliseconds of media time."""

    speaker: Literal["visitor", "portrait"]
    text: str
    start_ms: int
    end_ms: int


@dataclass(eq=False)
class Spoken:
    """Clauses of utterances as they begin to sound.

    keep: whether lines are kept. lines: what was said by both, in order of its end.
    """

    keep: bool = False
    lines: list[Line] = field(default_factory=list)
    _marks: dict[Utterance, list[CaptionMark]] = field(default_factory=dict)
    _offsets: dict[Utterance, int] = field(default_factory=dict)

    def captioned(self, utterance: Utterance, mark: CaptionMark, offset: int) -> None:
        """A clause begins to sound; offset: media time of the utterance's start."""
        self._marks.setdefault(utterance, []).append(mark)
        self._offsets[utterance] = offset

    def text(self, utterance: Utterance) -> str:
        """What was heard of it so far; nothing once it is forgotten."""
        return said_text(self._marks.get(utterance, ()), utterance.released)

    def forget(self, utterance: Utterance) -> None:
        """It is over: keep its lines, if lines are kept."""
        marks = self._marks.pop(utterance, [])
        offset = self._offsets.pop(utterance, 0)
        played = utterance.released
        for mark in marks:
            end = min(mark.end, played)
            text = said_text([mark], played)
            if text:
                start_ms, end_ms = to_ms(offset + mark.start), to_ms(offset + end)
                self.add(Line("portrait", text, start_ms, end_ms))

    def add(self, line: Line) -> None:
        if self.keep:
            self.lines.append(line)
            del self.lines[:-MAX_LINES]

    def to_vtt(self) -> str:
        """WebVTT (W3C), with voices."""
        cues = [
            f"{_time(line.start_ms)} --> {_time(max(line.end_ms, line.start_ms + 1))}\n"
            f"<v {line.speaker.capitalize()}>{_escape(line.text)}\n"
            for line in sorted(self.lines, key=lambda line: line.start_ms)
        ]
        return "\n".join(["WEBVTT\n", *cues])


def _time(ms: int) -> str:
    seconds, ms = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}.{ms:03}"


def _escape(text: str) -> str:
    text = " ".join(text.split())  # a blank line would end the cue
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
