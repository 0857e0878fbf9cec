"""The process in which pocketsphinx decodes: `python -m models.stt.sphinx_worker`.

The library holds Python's global lock while it decodes, so in the server's own process
it would make the voice of every session stutter. Requests come on stdin, each a header
(REQUEST: what, which turn, bytes that follow) and PCM16 at 16 kHz; each is answered on
stdout by its length (ANSWER) and UTF-8.

With a file of sentences as its argument, one turn at a time is also heard with a second
decoder that expects such sentences. It wins where it fits the sound so much better that
one of them was likely said; what is said about other things stays as it was heard.
"""

import os
import re
import struct
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

REQUEST = struct.Struct("<BIi")
ANSWER = struct.Struct("<i")
PUSH, FINISH, CLOSE = 1, 2, 3  # also PUSH of nothing begins a turn
BUSY = "\0busy"  # the answer when no decoder is free

NICE = 5  # words may come late, the voice may not
MAX_DECODERS = 4  # some 60 MB each
MAX_WAITING_BYTES = 60 * 32_000  # of a turn that waits for a decoder


# The second decoder's score over the first's: over 1.1 for nearly all of the sentences
# it expects, under it for nearly all others (measured with three voices of Flite).
SURE_HINT = 1.1


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


def _expecting(sentences: Path) -> Any:
    """A decoder of these sentences, one a line; takes some seconds to make."""
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

    expecting: the decoder of the expected sentences, if no other turn has it.
    """

    decoder: Any = None
    expecting: Any = None
    waiting: bytearray = field(default_factory=bytearray)

    @property
    def decoders(self) -> list[Any]:
        return [each for each in (self.decoder, self.expecting) if each is not None]

    @property
    def words(self) -> str:
        """Those of the decoder that fits better."""
        heard, *expected = (each.hyp() for each in self.decoders)
        if heard is None:
            return ""
        for each in expected:
            if each is not None and each.score > SURE_HINT * heard.score:
                return str(each.hypstr)
        return str(heard.hypstr)


class Decoders:
    """Turns and the decoders they hold."""

    def __init__(self, sentences: Path | None) -> None:
        self._free = [_new_decoder()]
        self._expecting = [_expecting(sentences)] if sentences else []
        self._made = 1
        self._turns: dict[int, Turn] = {}

    def push(self, number: int, pcm: bytes) -> str:
        turn = self._turns.setdefault(number, Turn())
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
        if self._expecting:
            turn.expecting = self._expecting.pop()
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
        if kind == PUSH:
            words = decoders.push(number, pcm)
        else:
            words = (decoders.finish if kind == FINISH else decoders.close)(number)
        data = words.encode()
        answers.write(ANSWER.pack(len(data)) + data)
        answers.flush()


if __name__ == "__main__":
    os.nice(NICE)
    hints = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    serve(sys.stdin.buffer, sys.stdout.buffer, hints)
