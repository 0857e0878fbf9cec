"""The voices of this server, opened once and shared by all sessions."""

import functools
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from models.tts.catalogue import list_voices, open_voice
from models.tts.voice import USUAL, Manner, Voice, VoiceInfo

MAX_OPEN = 32  # light: what is heavy of a voice is shared


class VoiceSource(Protocol):
    """Voices of this process, or of others (server.voice_workers)."""

    def list(self) -> tuple[VoiceInfo, ...]: ...

    def open(
        self, voice_id: str | None, language: str | None, manner: Manner = USUAL
    ) -> Voice: ...

    def close(self) -> None: ...


class Voices:
    """Safe from any thread; blocks while a voice is read."""

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        self._folders = tuple(folders)
        self._lock = threading.Lock()
        self._open = functools.lru_cache(MAX_OPEN)(self._load)

    def list(self) -> tuple[VoiceInfo, ...]:
        return list_voices(self._folders)

    def open(
        self, voice_id: str | None, language: str | None, manner: Manner = USUAL
    ) -> Voice:
        """By id, else by language, else the default.

        Raises:
            VoiceError: there is no such voice.
        """
        with self._lock:
            return self._open(voice_id, language, manner)

    def _load(
        self, voice_id: str | None, language: str | None, manner: Manner
    ) -> Voice:
        return open_voice(voice_id, language, folders=self._folders, manner=manner)

    def close(self) -> None:
        """Nothing is held that has to be given back."""
