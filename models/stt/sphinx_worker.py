"""The process in which pocketsphinx decodes: `python -m models.stt.sphinx_worker`.

The library holds Python's global lock while it decodes, so in the server's own process
it would make the voice of every session stutter. Requests come on stdin, each a header
(REQUEST: what, which turn, bytes that follow) and PCM16 at 16 kHz; each is answered on
stdout by its length (ANSWER) and UTF-8.

One turn at a time is also heard with a second decoder, which expects something: the
sentences of the file that is the argument, or, in a turn that is BRIEF, the short words
that a listener throws in. It wins where it fits the sound so much better that just that
was likely said; what is said about other things stays as it was heard.
"""

import os
import re
import struct
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from models.stt.stop_words import STOP_PHRASES, THROWN_IN

REQUEST = struct.Struct("<BIi")
ANSWER = struct.Struct("<i")
PUSH, FINISH, CLOSE, BRIEF = 1, 2, 3, 4  # PUSH or BRIEF of nothing begins a turn
BUSY = "\0busy"  # the answer when no decoder is free

NICE = 5  # words may come late, the voice may not
MAX_DECODERS = 4  # some 60 MB each
MAX_WAITING_BYTES = 60 * 32_000  # of a turn that waits for a decoder


# The second decoder's score over the first's: over 1.1 for nearly all of the sentences
# it expects, under it for nearly all others (measured with three voices of Flite).
# Of brief words that ask to stop it lets 89 of 112 through, and of others it takes 2 of
# 352 for one (eight voices of espeak-ng at two rates).
SURE_HINT, SURE_BRIEF = 1.1, 1.05
_BRIEF = "brief"


def _new_decoder(language_model: Path | None = None) -> Any:
    """Fast enough to keep up on one slow core, at some cost in accuracy.

    One pass over a narrow beam: a fifth of the time of the library's defaults, and the
    words are there when the sound ends.
    """
    from pocketsphinx import Decoder

    return Decoder(
        samprate=16_000,
        loglevel="FATAL",
        bestpath=False,
        fwdflat=False,
        maxhmmpf=3000,
        maxwpf=10,
        topn=2,
        pl_window=10,
        **({"lm": str(language_model)} if language_model else {}),
    )


def _expecting(sentences: Path | None) -> Any:
    """A decoder of these sentences, one a line, which take some seconds to make; and,
    once it is told, of brief words."""
    decoder = _of_sentences(sentences) if sentences else _new_decoder()
    phrases = (*STOP_PHRASES["en"], *THROWN_IN)
    rule = f"public <{_BRIEF}> = {' | '.join(phrases)};"
    decoder.add_jsgf_string(_BRIEF, f"#JSGF V1.0; grammar {_BRIEF}; {rule}")
    return decoder


def _of_sentences(sentences: Path) -> Any:
    from pocketsphinx.lm import ArpaBoLM

    lines = [
        " ".join(re.findall(r"[a-z']+", line.lower()))
        for line in sentences.read_text().splitlines()
    ]
    model = ArpaBoLM(text="\n".join(f"<s> {line} </s>" for line in lines if line))
    model.compute()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hints.lm"
        model.write_file(str(path))
        return _new_decoder(path)


@dataclass(eq=False)
class Turn:
    """decoder: None as long as all are in use; the sound waits then.

    expecting: the decoder that expects something, if no other turn has it.
    """

    brief: bool = False
    decoder: Any = None
    expecting: Any = None
    waiting: bytearray = field(default_factory=bytearray)

    @property
    def decoders(self) -> list[Any]:
        return [each for each in (self.decoder, self.expecting) if each is not None]

    @property
    def words(self) -> str:
        """Those of the decoder that fits better."""
        sure = SURE_BRIEF if self.brief else SURE_HINT
        heard, *expected = (each.hyp() for each in self.decoders)
        if heard is None:
            return ""
        for each in expected:
            if each is not None and each.score > sure * heard.score:
                return str(each.hypstr)
        return str(heard.hypstr)


class Decoders:
    """Turns and the decoders they hold."""

    def __init__(self, sentences: Path | None) -> None:
        self._free = [_new_decoder()]
        self._hinted = sentences is not None
        self._expecting = [_expecting(sentences)]
        self._usual: str = self._expecting[0].current_search()
        self._made = 1
        self._turns: dict[int, Turn] = {}

    def push(self, number: int, pcm: bytes, *, brief: bool = False) -> str:
        turn = self._turns.setdefault(number, Turn(brief))
        if len(turn.waiting) < MAX_WAITING_BYTES:
            turn.waiting += pcm
        if turn.decoder is None:
            self._equip(turn)
        if turn.decoder is None:
            return BUSY
        if turn.waiting:
            for decoder in turn.decoders:
                decoder.process_raw(bytes(turn.waiting))
            turn.waiting.clear()
        return turn.words

    def finish(self, number: int) -> str:
        answer = self.push(number, b"")
        turn = self._turns[number]
        if turn.decoder is None:
            return answer
        for decoder in turn.decoders:
            decoder.end_utt()
        words = turn.words
        self._give_back(turn)
        return words

    def close(self, number: int) -> str:
        turn = self._turns.pop(number, None)
        if turn and turn.decoder is not None:
            for decoder in turn.decoders:
                decoder.end_utt()
            self._give_back(turn)
        return ""

    def _equip(self, turn: Turn) -> None:
        if not self._free and self._made < MAX_DECODERS:
            self._made += 1
            self._free.append(_new_decoder())
        if not self._free:
            return
        turn.decoder = self._free.pop()
        if self._expecting and (turn.brief or self._hinted):
            turn.expecting = self._expecting.pop()
            turn.expecting.activate_search(_BRIEF if turn.brief else self._usual)
        for decoder in turn.decoders:
            decoder.start_utt()

    def _give_back(self, turn: Turn) -> None:
        self._free.append(turn.decoder)
        if turn.expecting is not None:
            self._expecting.append(turn.expecting)
        turn.decoder = turn.expecting = None


def serve(requests: BinaryIO, answers: BinaryIO, sentences: Path | None) -> None:
    """Until the requests end."""
    decoders = Decoders(sentences)
    while len(header := requests.read(REQUEST.size)) == REQUEST.size:
        kind, number, size = REQUEST.unpack(header)
        pcm = requests.read(size)
        if kind in (PUSH, BRIEF):
            words = decoders.push(number, pcm, brief=kind == BRIEF)
        else:
            words = (decoders.finish if kind == FINISH else decoders.close)(number)
        data = words.encode()
        answers.write(ANSWER.pack(len(data)) + data)
        answers.flush()


if __name__ == "__main__":
    os.nice(NICE)
    hints = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    serve(sys.stdin.buffer, sys.stdout.buffer, hints)
