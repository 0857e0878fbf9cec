"""The process in which pocketsphinx decodes: `python -m models.stt.sphinx_worker`.

The library holds Python's global lock while it decodes, so in the server's own process
it would make the voice of every session stutter. Requests come on stdin, each a header
(REQUEST: what, which turn, bytes that follow) and PCM16 at 16 kHz; each is answered on
stdout by its length (ANSWER) and UTF-8.
"""

import struct
import sys
from dataclasses import dataclass, field
from typing import Any, BinaryIO

REQUEST = struct.Struct("<BIi")
ANSWER = struct.Struct("<i")
PUSH, FINISH, CLOSE = 1, 2, 3  # also PUSH of nothing begins a turn
BUSY = "\0busy"  # the answer when no decoder is free

MAX_DECODERS = 4  # some 60 MB each
MAX_WAITING_BYTES = 60 * 32_000  # of a turn that waits for a decoder


def _new_decoder() -> Any:
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
    )


@dataclass(eq=False)
class Turn:
    """decoder: None as long as all are in use; the sound waits then."""

    decoder: Any = None
    waiting: bytearray = field(default_factory=bytearray)


class Decoders:
    """Turns and the decoders they hold."""

    def __init__(self) -> None:
        self._free = [_new_decoder()]
        self._made = 1
        self._turns: dict[int, Turn] = {}

    def push(self, number: int, pcm: bytes) -> str:
        turn = self._turns.setdefault(number, Turn())
        if len(turn.waiting) < MAX_WAITING_BYTES:
            turn.waiting += pcm
        if turn.decoder is None:
            turn.decoder = self._take()
        if turn.decoder is None:
            return BUSY
        if turn.waiting:
            turn.decoder.process_raw(bytes(turn.waiting))
            turn.waiting.clear()
        return _words(turn.decoder)

    def finish(self, number: int) -> str:
        answer = self.push(number, b"")
        turn = self._turns[number]
        if turn.decoder is None:
            return answer
        turn.decoder.end_utt()
        words = _words(turn.decoder)
        self._give_back(turn)
        return words

    def close(self, number: int) -> str:
        turn = self._turns.pop(number, None)
        if turn and turn.decoder is not None:
            turn.decoder.end_utt()
            self._give_back(turn)
        return ""

    def _take(self) -> Any:
        if not self._free and self._made < MAX_DECODERS:
            self._made += 1
            self._free.append(_new_decoder())
        if not self._free:
            return None
        decoder = self._free.pop()
        decoder.start_utt()
        return decoder

    def _give_back(self, turn: Turn) -> None:
        self._free.append(turn.decoder)
        turn.decoder = None


def _words(decoder: Any) -> str:
    hypothesis = decoder.hyp()
    return hypothesis.hypstr if hypothesis else ""


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Until the requests end."""
    decoders = Decoders()
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
    serve(sys.stdin.buffer, sys.stdout.buffer)
