"""One process that speaks: `python -m server.voice_process SOCKET FOLDER...`.

Voices are native code; when one crashes, it takes this process and nothing else. It
does one request at a time, and ends when the server's end of the socket is closed.
"""

import contextlib
import logging
import signal
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from models.errors import LikenessError
from models.media import AudioChunk
from server.voice_messages import Done, Failed, Open, Opened, Speak, Stop
from server.voices import Voices

logger = logging.getLogger(__name__)

# Both ends send what is in voice_messages, and receive what the other sends.
Pipe = Connection


def serve(pipe: Pipe, voices: Voices) -> None:
    """Do what is asked until the other end is closed."""
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            request: Any = pipe.recv()
            try:
                answer(pipe, voices, request)
            except LikenessError as error:
                pipe.send(Failed(type(error).__name__, error.code, error.message))
            except (EOFError, ConnectionError):
                raise
            except Exception:
                logger.exception("a voice failed")
                pipe.send(Failed("", "voice_failed", "The voice failed at this text."))


def answer(pipe: Pipe, voices: Voices, request: object) -> None:
    if isinstance(request, Open):
        voice = voices.open(request.voice_id, request.language, request.manner)
        pipe.send(Opened(voice.info, voice.rate_hz))
    elif isinstance(request, Speak):
        voice = voices.open(request.voice_id, None, request.manner)
        chunks = voice.speak(request.text)
        for chunk in chunks:
            pipe.send(AudioChunk(chunk.samples, chunk.rate_hz, chunk.marks))
            if pipe.poll():
                pipe.recv()  # Stop is all that may come now
                break
        close = getattr(chunks, "close", None)
        if close:
            close()
        pipe.send(Done())
    # A Stop that crossed a Done has been done.
    assert isinstance(request, Open | Speak | Stop)


def main() -> None:
    # Ctrl-C reaches the whole group; the server decides when this process ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    handle, folders = int(sys.argv[1]), [Path(each) for each in sys.argv[2:]]
    serve(Connection(handle), Voices(folders))


if __name__ == "__main__":
    main()
