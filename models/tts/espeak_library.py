"""espeak-ng, the library, by ctypes: text in, blocks of sound and their events out.

The constants and structures are those of espeak-ng 1.52's speak_lib.h.
"""

import ctypes
import functools
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import espeakng_loader
import numpy as np
import numpy.typing as npt

from models.errors import VoiceError

_AUDIO_OUTPUT_SYNCHRONOUS = 2  # sound through the callback, none played
_BUFFER_MS = 20  # espeak-ng makes it 60 at least; shorter blocks it does not know
_INITIALIZE_PHONEME_EVENTS = 0x0001
_INITIALIZE_PHONEME_IPA = 0x0002
_INITIALIZE_DONT_EXIT = 0x8000
_CHARS_UTF8 = 1
_POSITION_CHARACTER = 1
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4
_SEED = 1  # of its noise, which is the clock's otherwise
_EVENT_END, _EVENT_WORD, _EVENT_PHONEME = 0, 1, 7


@dataclass(frozen=True)
class EspeakLanguage:
    """identifier: the language's file ("gmw/en-US"), for `Manner.voice`."""

    name: str
    code: str
    identifier: str


@dataclass(frozen=True)
class Manner:
    """How to speak.

    voice: identifier of a language, "+" and a variant after it if wished.
    rate_wpm: words a minute, 80 to 450. volume: 0 to 200, 100 normal.
    pitch, pitch_range: 0 to 100, 50 normal.
    """

    voice: str
    rate_wpm: int = 175
    volume: int = 100
    pitch: int = 50
    pitch_range: int = 50


@dataclass(frozen=True)
class Event:
    """At a sample since the start of the text.

    position: of a word, its first character, from 0. ipa: of a phoneme; empty for a
    pause.
    """

    kind: Literal["word", "phoneme"]
    sample: int
    position: int = 0
    ipa: str = ""


@dataclass(frozen=True, eq=False)
class Block:
    """About 60 ms; samples int16 [n]."""

    samples: npt.NDArray[np.int16]
    events: tuple[Event, ...]


class _EventId(ctypes.Union):
    _fields_ = [
        ("number", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("string", ctypes.c_char * 8),
    ]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    ]


class _Voice(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("languages", ctypes.POINTER(ctypes.c_char)),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("xx1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    ]


_SYNTH_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


class EspeakLibrary:
    """The one espeak-ng of this process; get it from `espeak_library()`.

    The library keeps its state in globals, so one lock guards every call. In a fresh
    process the same calls give the same sound; its noise and vibrato run on from one
    text to the next.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lib, self.rate_hz = _initialise()
        self._voice = ""
        self._on_block: Callable[[Block], bool] = _ignore
        self._failure: BaseException | None = None
        # ctypes frees a callback that nobody holds, though the library still calls it.
        self._callback = _SYNTH_CALLBACK(self._receive)
        self._lib.espeak_SetSynthCallback(self._callback)

    def languages(self) -> tuple[EspeakLanguage, ...]:
        """Every language that has its dictionary here, in the library's order."""
        with self._lock:
            listed = tuple(_languages(self._lib.espeak_ListVoices(None)))
        return tuple(language for language in listed if _has_dictionary(language))

    def synthesize(
        self, text: str, manner: Manner, on_block: Callable[[Block], bool]
    ) -> None:
        """Speak plain text; blocks until it is done or `on_block` says False.

        Other threads wait meanwhile, so let the text be a clause.

        Raises:
            VoiceError: "voice_unknown" (no such voice), "voice_failed" (the library
                refused).
        """
        encoded = text.encode("utf-8", errors="ignore").replace(b"\0", b"")
        with self._lock:
            self._apply(manner)
            self._on_block, self._failure = on_block, None
            try:
                status = self._lib.espeak_Synth(
                    encoded,
                    len(encoded) + 1,
                    0,
                    _POSITION_CHARACTER,
                    0,
                    _CHARS_UTF8,
                    None,
                    None,
                )
            finally:
                self._on_block = _ignore
            if self._failure is not None:
                raise self._failure
        if status != 0:
            raise VoiceError("voice_failed", f"espeak-ng failed with status {status}.")

    def _apply(self, manner: Manner) -> None:
        if manner.voice != self._voice:
            self._voice = ""
            if self._lib.espeak_SetVoiceByName(manner.voice.encode()) != 0:
                raise VoiceError(
                    "voice_unknown", f"espeak-ng has no voice {manner.voice!r}."
                )
            self._voice = manner.voice
        for parameter, value in (
            (_RATE, manner.rate_wpm),
            (_VOLUME, manner.volume),
            (_PITCH, manner.pitch),
            (_RANGE, manner.pitch_range),
        ):
            self._lib.espeak_SetParameter(parameter, value, 0)

    def _receive(self, samples: Any, count: int, events: Any) -> int:
        """Take a block from C, where no exception may pass; 1 stops the synthesis."""
        try:
            sound = np.zeros(0, np.int16)
            if samples and count > 0:
                sound = np.ctypeslib.as_array(samples, (count,)).copy()
            return 0 if self._on_block(Block(sound, tuple(_events(events)))) else 1
        except BaseException as error:
            self._failure = error
            return 1


@functools.cache
def espeak_library() -> EspeakLibrary:
    """Load it once.

    Raises:
        VoiceError: "espeak_missing", with the remedy.
    """
    return EspeakLibrary()


def _ignore(_block: Block) -> bool:
    return False


def _initialise() -> tuple[Any, int]:
    remedy = "Install it again: pip install --force-reinstall espeakng-loader"
    try:
        lib = ctypes.CDLL(espeakng_loader.get_library_path())
        data = espeakng_loader.get_data_path()
    except (OSError, RuntimeError) as error:
        raise VoiceError(
            "espeak_missing", f"espeak-ng cannot be loaded ({error}). {remedy}"
        ) from error
    lib.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
    rate_hz = lib.espeak_Initialize(
        _AUDIO_OUTPUT_SYNCHRONOUS,
        _BUFFER_MS,
        str(data).encode(),
        _INITIALIZE_PHONEME_EVENTS | _INITIALIZE_PHONEME_IPA | _INITIALIZE_DONT_EXIT,
    )
    if rate_hz <= 0:
        raise VoiceError(
            "espeak_missing", f"espeak-ng finds no data in {data}. {remedy}"
        )
    lib.espeak_ng_SetRandSeed(ctypes.c_long(_SEED))
    return lib, rate_hz


def _languages(listed: Any) -> Iterator[EspeakLanguage]:
    index = 0
    while listed[index]:
        voice = listed[index].contents
        # A byte of priority, then the code, then further codes of the same voice.
        code = ctypes.string_at(ctypes.addressof(voice.languages.contents) + 1)
        yield EspeakLanguage(
            voice.name.decode().strip(), code.decode(), voice.identifier.decode()
        )
        index += 1


def _has_dictionary(language: EspeakLanguage) -> bool:
    """Without one espeak-ng speaks nothing, or another language's sounds."""
    data = Path(espeakng_loader.get_data_path())
    attributes = (data / "lang" / language.identifier).read_text("utf-8", "replace")
    named = re.search(r"^\s*dictionary\s+(\S+)", attributes, re.MULTILINE)
    name = named[1] if named else language.code.partition("-")[0]
    return (data / f"{name}_dict").is_file()


def _events(events: Any) -> Iterator[Event]:
    index = 0
    while events[index].type != _EVENT_END:
        event = events[index]
        if event.type == _EVENT_WORD:
            yield Event("word", event.sample, position=event.text_position - 1)
        elif event.type == _EVENT_PHONEME:
            # Eight bytes at most, which may cut the last character in two.
            ipa = event.id.string.decode("utf-8", errors="ignore")
            yield Event("phoneme", event.sample, ipa=ipa)
        index += 1
