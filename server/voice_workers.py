"""Voices in processes of their own: a voice that crashes or hangs costs one utterance.

Each utterance in the making has a process to itself for as long as a clause takes;
there are as many as there are cores worth using, started when first needed and again
when one has died.
"""

import contextlib
import logging
import os
import queue
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from models import errors
from models.errors import LikenessError, VoiceError
from models.media import AudioChunk
from models.tts.catalogue import list_voices
from models.tts.voice import USUAL, Manner, VoiceInfo
from server.voice_messages import Done, Failed, Open, Opened, Request, Speak, Stop

logger = logging.getLogger(__name__)

ROOT = Path(__file__).parent.parent
HUNG_S = 15.0  # without a sign of life; loading a large voice takes a few seconds
MAX_KNOWN = 256  # names of voices whose rate is remembered


class VoiceWorker:
    """One process, started when it is first asked for something."""

    def __init__(self, folders: Sequence[Path], hung_s: float) -> None:
        self._folders = folders
        self._hung_s = hung_s
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Be ready before the first request."""
        if self._process is None:
            self._start()

    def send(self, request: Request) -> None:
        """
        Raises:
            VoiceError: voice_died.
        """
        if self._process is not None and self._process.poll() is not None:
            self.stop()  # it died while it had nothing to do: nobody needs to know
        pipe = self._pipe or self._start()
        try:
            pipe.send(request)
        except OSError as error:
            raise self._died() from error

    def receive(self) -> Any:
        """The next answer.

        Raises:
            VoiceError: voice_died, voice_hung.
            LikenessError: what the voice itself has to say.
        """
        assert self._pipe is not None
        try:
            if not self._pipe.poll(self._hung_s):
                self.stop()
                raise VoiceError(
                    "voice_hung", "The voice did not answer and was started anew."
                )
            answer = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise self._died() from error
        if isinstance(answer, Failed):
            kind = getattr(errors, answer.kind, VoiceError)
            raise kind(answer.code, answer.message)
        return answer

    def stop(self) -> None:
        """Kill the process, whatever it does."""
        process, pipe = self._process, self._pipe
        self._process = self._pipe = None
        if pipe:
            pipe.close()
        if process:
            process.kill()
            process.wait()

    def _died(self) -> LikenessError:
        code = self._process.poll() if self._process else None
        logger.error("a voice process died (%s)", code)
        self.stop()
        with contextlib.suppress(OSError):
            self._start()  # so that the next sentence does not wait for it
        return VoiceError(
            "voice_died", "The voice broke off and was started anew: say it again."
        )

    def _start(self) -> Connection:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "server.voice_process",
                    str(theirs.fileno()),
                    *map(str, self._folders),
                ],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        self._pipe = Connection(ours.detach())
        return self._pipe


class RemoteVoice:
    """A voice that speaks in one of the processes."""

    def __init__(self, workers: "VoiceWorkers", opened: Opened, manner: Manner) -> None:
        self._workers = workers
        self._manner = manner
        self.info = opened.info
        self.rate_hz = opened.rate_hz

    def speak(self, text: str) -> Iterator[AudioChunk]:
        """As models.tts.voice.Voice.speak.

        Raises:
            VoiceError: voice_died or voice_hung, at any chunk.
        """
        with self._workers.borrowed() as worker:
            worker.send(Speak(self.info.id, text, self._manner))
            done = False
            try:
                while not done:
                    answer = worker.receive()
                    done = isinstance(answer, Done)
                    if isinstance(answer, AudioChunk):
                        yield answer
            except GeneratorExit:
                # Whoever goes does not care how it ends.
                with contextlib.suppress(LikenessError):
                    worker.send(Stop())
                    while not isinstance(worker.receive(), Done):
                        pass
                raise


class VoiceWorkers:
    """As server.voices.Voices, from any thread."""

    def __init__(
        self, folders: Sequence[Path], count: int = 0, *, hung_s: float = HUNG_S
    ) -> None:
        """count: of processes; 0 is one for each core, but no more than two, since a
        clause takes a few milliseconds of one."""
        self._folders = tuple(folders)
        count = count or min(2, os.cpu_count() or 1)
        self.workers = tuple(VoiceWorker(folders, hung_s) for _ in range(count))
        self._free: queue.LifoQueue[VoiceWorker] = queue.LifoQueue()
        for worker in self.workers:
            self._free.put(worker)
        self._lock = threading.Lock()
        self._known: dict[Open, RemoteVoice] = {}

    def list(self) -> tuple[VoiceInfo, ...]:
        return list_voices(self._folders)

    def open(
        self, voice_id: str | None, language: str | None, manner: Manner = USUAL
    ) -> RemoteVoice:
        """
        Raises:
            VoiceError: there is no such voice, or voice_died, voice_hung.
        """
        key = Open(voice_id, language, manner)
        with self._lock:
            if not self._known:
                for worker in self.workers:
                    worker.start()
            known = self._known.get(key)
        if known:
            return known
        with self.borrowed() as worker:
            worker.send(key)
            opened = worker.receive()
        assert isinstance(opened, Opened)
        voice = RemoteVoice(self, opened, manner)
        with self._lock:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            self._known[key] = voice
        return voice

    @contextlib.contextmanager
    def borrowed(self) -> Iterator[VoiceWorker]:
        """A process to oneself; waits for one that is free."""
        worker = self._free.get()
        try:
            yield worker
        finally:
            self._free.put(worker)

    def close(self) -> None:
        """End all processes."""
        for worker in self.workers:
            worker.stop()
