"""The embedded ear: pocketsphinx, English, no download, in a process of its own."""

import contextlib
import itertools
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.errors import EarError
from models.media import MODEL_RATE_HZ, FloatArray
from models.stt.ear import LONGEST_TURN_S, EarInfo, Heard
from models.stt.sphinx_worker import (
    ANSWER,
    BRIEF,
    BUSY,
    CLOSE,
    FINISH,
    PUSH,
    REQUEST,
)

_ROOT = Path(__file__).parents[2]
_STOP_S = 2.0
_CLOSE_POLL_S = 0.05
# What noise is taken for, when there are no other words.
_NOISE_WORDS = frozenset("the a an uh um huh hm mm oh and of in it i".split())


class SphinxEar:
    """Turns of all sessions go to one process; it is begun again when it dies."""

    info = EarInfo("pocketsphinx", ("en",), basic=True, detects=False)

    def __init__(self, hints: Sequence[str] = ()) -> None:
        """hints: sentences that people are likely to say, in English."""
        self._hints = tempfile.NamedTemporaryFile("w", suffix=".txt")
        self._hints.write("\n".join(hint for hint in hints if hint.isascii()))
        self._hints.flush()
        self._hinted = any(hint.isascii() for hint in hints)
        self._closed = False
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)

    def warm_up(self) -> None:
        """See Ear.warm_up; takes a second, with hints some seconds."""
        self.listen(None).close()

    def listen(
        self, language: str | None, *, brief: bool = False
    ) -> "SphinxRecognition":
        """See Ear.listen; whatever the language, English is heard."""
        number = next(self._numbers)
        begun = self._ask(BRIEF if brief else PUSH, number)
        return SphinxRecognition(self, number, begun)

    def close(self) -> None:
        """Also in the middle of a request, which fails then."""
        self._closed = True
        # Whoever holds the lock waits for an answer, of a process that may just begin.
        while not self._lock.acquire(timeout=_CLOSE_POLL_S):
            if self._process:
                self._process.kill()
        try:
            if self._process:
                _stop(self._process)
        finally:
            self._lock.release()
        self._hints.close()

    def ask(self, process_id: int, kind: int, number: int, pcm: bytes = b"") -> str:
        """One request about a turn that began in the process of that id."""
        if process_id != self.process_id:
            raise _lost()
        return self._ask(kind, number, pcm)[1]

    @property
    def process_id(self) -> int | None:
        process = self._process
        return process.pid if process and process.poll() is None else None

    def _ask(self, kind: int, number: int, pcm: bytes = b"") -> tuple[int, str]:
        with self._lock:
            process = self._running()
            assert process.stdin and process.stdout
            try:
                process.stdin.write(REQUEST.pack(kind, number, len(pcm)) + pcm)
                process.stdin.flush()
                header = process.stdout.read(ANSWER.size)
                if len(header) < ANSWER.size:
                    raise _lost()
                (size,) = ANSWER.unpack(header)
                return process.pid, process.stdout.read(size).decode()
            except (OSError, ValueError):
                raise _lost() from None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._closed:
            raise _lost()
        if self._process is None or self._process.poll() is not None:
            if self._process:
                _stop(self._process)
            hints = [self._hints.name] if self._hinted else []
            self._process = subprocess.Popen(
                [sys.executable, "-m", "models.stt.sphinx_worker", *hints],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd=_ROOT,
                # Ctrl-C is for the server, which then closes this.
                start_new_session=True,
            )
        return self._process


class SphinxRecognition:
    """See Recognition."""

    def __init__(self, ear: SphinxEar, number: int, begun: tuple[int, str]) -> None:
        self._ear = ear
        self._number = number
        self._process_id, words = begun
        self._words = "" if words == BUSY else words
        self._room = int(LONGEST_TURN_S * MODEL_RATE_HZ)
        self._closed = False

    def push(self, samples: FloatArray) -> None:
        samples = samples[: self._room]
        self._room -= len(samples)
        scaled = np.nan_to_num(samples).clip(-1, 1) * 32767
        words = self._ask(PUSH, scaled.astype("<i2").tobytes())
        if words != BUSY:
            self._words = words

    def partial(self) -> str:
        return self._words

    def finish(self) -> Heard:
        """See Recognition.finish.

        Raises:
            EarError: the process has died, or too many speak at once.
        """
        words = self._ask(FINISH)
        if words == BUSY:
            raise EarError(
                "ear_busy", "Too many people speak at once. Please say it again."
            )
        if not set(words.split()) - _NOISE_WORDS:
            words = ""
        return Heard(words, "en")

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            with contextlib.suppress(EarError):
                self._ask(CLOSE)

    def _ask(self, kind: int, pcm: bytes = b"") -> str:
        return self._ear.ask(self._process_id, kind, self._number, pcm)


def _lost() -> EarError:
    return EarError("ear_failed", "The ear failed. Please say it again.")


def _stop(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):
            if pipe:
                pipe.close()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
