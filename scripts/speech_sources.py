"""espeak-ng as a synthesiser that says when each phone sounds.

It gives one utterance's sound and its phones in the viseme classes of models/visemes,
with the label errors of espeak-ng corrected (measured on apa, aba, ama).
"""

import functools
import json
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import espeakng_loader
import numpy as np

from models.media import FloatArray
from models.tts.espeak_library import Block, Manner, espeak_library
from models.visemes import SILENCE, split_phone

PHONE_CLASSES = Path(__file__).parent / "phone_classes.json"


class Phone(NamedTuple):
    start_s: float
    end_s: float
    viseme: int


@dataclass(frozen=True, eq=False)
class SpokenText:
    """samples: float32 [n], -1 to 1. phones: in time order, without gaps."""

    samples: FloatArray
    rate_hz: int
    phones: tuple[Phone, ...]


class UnknownPhoneError(Exception):
    """A synthesiser used a symbol that phone_classes.json does not know."""


@functools.cache
def phone_maps() -> dict[str, dict[str, list[str]]]:
    maps: dict[str, dict[str, list[str]]] = json.loads(PHONE_CLASSES.read_text("utf-8"))
    return maps


# The event of a voiceless stop is its burst: the closure lies in the phone before.
_BURST_LEAD_S = 0.055
_VOICELESS_STOP = re.compile(r"^(p|t|k|c|q|tʃ|ts|tɕ|ʈ)")
# p b m are closed a little before espeak-ng says, and open again before it says.
_BILABIAL_LEAD_S, _BILABIAL_EARLY_END_S = 0.012, 0.020
_STOP_PAUSE_S = 0.07  # a shorter "pause" before a stop is the closure of the stop

_IPA_MODIFIERS = re.compile(r"\([a-z-]+\)|[ˈˌːˑʲʰʷˠˤ͡ʼ˞ˀ'‿|,_:\d^;~\"-]|[˥˦˧˨˩]")
_IPA_CLUSTERS = re.compile(r"tʃ|dʒ|tʂ|dʐ|tɕ|dʑ|ts\.|s\.|z\.|i\.|ts|dz|ph|th|kh|.")
_IPA_CLUSTER_CLASSES = {
    **dict.fromkeys(("tʃ", "dʒ", "tʂ", "dʐ", "ts.", "s.", "z."), "SH"),
    **dict.fromkeys(("tɕ", "dʑ"), "C"),
    **dict.fromkeys(("ts", "dz"), "S"),
    **{"ph": "P", "th": "T", "kh": "K", "i.": "I"},
}


def ipa_classes(symbol: str) -> list[str]:
    """Viseme classes of an IPA phone; [] where only stress, length or tone is written.

    Raises:
        UnknownPhoneError: a letter that no class is known for.
    """
    plain = unicodedata.normalize("NFD", symbol)
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    plain = _IPA_MODIFIERS.sub("", plain)
    known = phone_maps()["ipa"]
    classes: list[str] = []
    for cluster in _IPA_CLUSTERS.findall(plain):
        if cluster in _IPA_CLUSTER_CLASSES:
            classes.append(_IPA_CLUSTER_CLASSES[cluster])
        elif cluster in known:
            classes.extend(known[cluster])
        elif cluster != ".":  # espeak-ng's mark of a retroflex
            raise UnknownPhoneError(f"IPA {symbol!r}")
    return classes


@dataclass(frozen=True)
class EspeakVoice:
    """voice: such as "en-us+f3". rate: words a minute. pitch, pitch_range: 0 to 100."""

    voice: str
    rate: int
    pitch: int
    pitch_range: int


class Espeak:
    """espeak-ng as a whole-utterance synthesiser."""

    def __init__(self) -> None:
        self._library = espeak_library()

    def variants(self) -> tuple[str, ...]:
        folder = Path(espeakng_loader.get_data_path()) / "voices" / "!v"
        return tuple(sorted(path.name for path in folder.iterdir()))

    def say(self, text: str, voice: EspeakVoice) -> SpokenText:
        """Raises UnknownPhoneError, VoiceError (no such voice), ValueError (nothing to
        say)."""
        blocks: list[Block] = []

        def keep(block: Block) -> bool:
            blocks.append(block)
            return True

        manner = Manner(
            voice.voice,
            rate_wpm=voice.rate,
            pitch=voice.pitch,
            pitch_range=voice.pitch_range,
        )
        self._library.synthesize(text, manner, keep)
        if not any(len(block.samples) for block in blocks):
            raise ValueError("espeak-ng found nothing to say")
        samples = np.concatenate([block.samples for block in blocks])
        rate_hz = self._library.rate_hz
        marks = [
            (event.sample / rate_hz, event.ipa)
            for block in blocks
            for event in block.events
            if event.kind == "phoneme"
        ]
        phones = espeak_phones(marks, len(samples) / rate_hz)
        return SpokenText((samples / 32768).astype(np.float32), rate_hz, phones)


def espeak_phones(
    marks: list[tuple[float, str]], duration_s: float
) -> tuple[Phone, ...]:
    """Phones from espeak-ng's phoneme events (start in s, IPA), labels corrected."""
    starts = [start for start, _ in marks]
    ends = [*starts[1:], duration_s]
    for index, (start, symbol) in enumerate(marks):
        previous_is_pause = index > 0 and marks[index - 1][1] == ""
        bare = symbol.lstrip("ˈˌ")
        if _VOICELESS_STOP.match(bare):
            lead = _BURST_LEAD_S
            if previous_is_pause and start - starts[index - 1] < _STOP_PAUSE_S:
                lead = max(lead, start - starts[index - 1])
        elif bare[:1] in ("m", "b"):
            lead = _BILABIAL_LEAD_S
            ends[index] -= _BILABIAL_EARLY_END_S
        else:
            continue
        floor = starts[index - 1] + 0.02 if index and not previous_is_pause else 0.0
        starts[index] = min(start, max(start - lead, floor, 0.0))
    phones: list[Phone] = []
    for start, end, (_, symbol) in zip(starts, ends, marks, strict=True):
        append_phone(phones, start, end, ipa_classes(symbol) or ["SIL"])
    return close_gaps(phones, duration_s)


def append_phone(
    phones: list[Phone], start_s: float, end_s: float, names: list[str]
) -> None:
    """Add a phone, which cuts off the end of the one before where they overlap."""
    while phones and phones[-1].start_s >= start_s:
        phones.pop()
    if end_s - start_s < 0.002:
        return
    if phones and phones[-1].end_s > start_s:
        phones[-1] = phones[-1]._replace(end_s=start_s)
    phones.extend(Phone(*part) for part in split_phone(start_s, end_s, names))


def close_gaps(phones: list[Phone], duration_s: float) -> tuple[Phone, ...]:
    """Stretch each phone to the next; silence at both ends; silences joined."""
    filled = [Phone(0.0, phones[0].start_s if phones else duration_s, SILENCE)]
    for index, phone in enumerate(phones):
        last = index + 1 == len(phones)
        end_s = phone.end_s if last else phones[index + 1].start_s
        if phone.viseme == SILENCE == filled[-1].viseme:
            filled[-1] = filled[-1]._replace(end_s=end_s)
        else:
            filled.append(phone._replace(end_s=end_s))
    filled.append(Phone(filled[-1].end_s, duration_s, SILENCE))
    return tuple(phone for phone in filled if phone.end_s - phone.start_s > 0.002)
