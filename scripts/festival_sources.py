"""Festival and flite: Debian's synthesisers whose voices were cut from real people.

Their phone times are corrected by what was measured of each voice.
"""

import subprocess
import tempfile
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.media import FloatArray
from scripts.speech_sources import (
    Phone,
    SpokenText,
    UnknownPhoneError,
    append_phone,
    close_gaps,
    phone_maps,
)

SYNTHESIS_TIMEOUT_S = 120


@dataclass(frozen=True)
class FestivalVoice:
    """A voice of Debian's festvox packages.

    phone_set: its map in phone_classes.json. shift_s: by how much its labels are early.
    encoding: what its text must be written in.
    """

    name: str
    language: str
    phone_set: str
    shift_s: float = 0.0
    encoding: str = "ascii"


FESTIVAL_VOICES = (
    FestivalVoice("cmu_us_slt_arctic_hts", "en", "cmu_english"),
    FestivalVoice("kal_diphone", "en", "cmu_english", 0.012),
    FestivalVoice("ked_diphone", "en", "cmu_english", 0.012),
    FestivalVoice("lp_diphone", "it", "italian_lp_pc", 0.0, "iso-8859-1"),
    FestivalVoice("pc_diphone", "it", "italian_lp_pc", 0.0, "iso-8859-1"),
    FestivalVoice("czech_dita", "cs", "czech", 0.0, "iso-8859-2"),
    FestivalVoice("czech_krb", "cs", "czech", 0.0, "iso-8859-2"),
    FestivalVoice("czech_machac", "cs", "czech", 0.0, "iso-8859-2"),
    FestivalVoice("czech_ph", "cs", "czech", 0.0, "iso-8859-2"),
    FestivalVoice("msu_ru_nsh_clunits", "ru", "russian_msu", 0.0, "utf-8"),
    FestivalVoice("upc_ca_ona_hts", "es", "catalan_upc", 0.0, "iso-8859-1"),
    FestivalVoice("hy_fi_mv_diphone", "it", "finnish", 0.0, "iso-8859-1"),
    FestivalVoice("suo_fi_lj_diphone", "it", "finnish", 0.0, "iso-8859-1"),
)
FLITE_VOICES = ("slt", "rms", "awb")  # kal16's labels drift by 0.1 s
_FLITE_SHIFT_S = 0.012


def phone_set_classes(phone_set: str, symbol: str) -> list[str]:
    """Raises UnknownPhoneError for a symbol the phone set does not have."""
    known = phone_maps()[phone_set]
    for spelling in (symbol, symbol.rstrip(":"), symbol.rstrip(":1")):
        if spelling in known:
            return known[spelling]
    raise UnknownPhoneError(f"{phone_set} {symbol!r}")


def phones_from_ends(
    ends: list[tuple[float, str]], phone_set: str, shift_s: float, duration_s: float
) -> tuple[Phone, ...]:
    """Phones from (end in s, symbol) rows, as Festival and flite write them."""
    phones: list[Phone] = []
    start = 0.0
    for end, symbol in ends:
        end = min(end + shift_s, duration_s)
        append_phone(phones, start, end, phone_set_classes(phone_set, symbol))
        start = end
    return close_gaps(phones, duration_s)


def read_wave(path: Path) -> tuple[FloatArray, int]:
    """A 16-bit mono RIFF file: float32 samples and their rate."""
    with wave.open(str(path), "rb") as file:
        data = file.readframes(file.getnframes())
        return np.frombuffer(data, "<i2").astype(
            np.float32
        ) / 32768, file.getframerate()


def festival_say(
    texts: list[str], voice: FestivalVoice, stretches: list[float]
) -> list[SpokenText]:
    """Speak texts in one run of Festival; those it fails on are left out.

    stretches: Duration_Stretch of each text; above 1 is slower.
    """
    with tempfile.TemporaryDirectory() as folder:
        lines = [f"(voice_{voice.name})"]
        for index, (text, stretch) in enumerate(zip(texts, stretches, strict=True)):
            quoted = text.replace("\\", " ").replace('"', " ")
            lines.append(
                f"(Parameter.set 'Duration_Stretch {stretch:.3f})"
                f'(unwind-protect (let ((u (utt.synth (Utterance Text "{quoted}"))))'
                f' (utt.save.wave u "{folder}/{index}.wav")'
                f' (utt.save.segs u "{folder}/{index}.segs")) nil)'
            )
        script = Path(folder) / "say.scm"
        script.write_text("\n".join(lines), voice.encoding, "ignore")
        subprocess.run(
            ["festival", "-b", str(script)],
            capture_output=True,
            timeout=SYNTHESIS_TIMEOUT_S * 5,
            check=False,
        )
        spoken = []
        for index in range(len(texts)):
            segments = Path(folder) / f"{index}.segs"
            if segments.exists() and segments.stat().st_size:
                said = _read_festival(segments, voice)
                if said is not None:
                    spoken.append(said)
        return spoken


def _read_festival(segments: Path, voice: FestivalVoice) -> SpokenText | None:
    samples, rate_hz = read_wave(segments.with_suffix(".wav"))
    rows = [line.split() for line in segments.read_text("latin-1").splitlines()]
    ends = [(float(row[0]), row[2]) for row in rows if len(row) == 3]
    duration_s = len(samples) / rate_hz
    try:
        phones = phones_from_ends(ends, voice.phone_set, voice.shift_s, duration_s)
    except UnknownPhoneError:
        return None
    return SpokenText(samples, rate_hz, phones) if phones else None


def flite_say(text: str, voice: str, stretch: float) -> SpokenText:
    """Raises UnknownPhoneError, subprocess.SubprocessError."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "said.wav"
        command = ["flite", "-voice", voice, "-psdur"]
        command += ["--setf", f"duration_stretch={stretch:.3f}"]
        command += ["-t", text, "-o", str(path)]
        run = subprocess.run(
            command, capture_output=True, timeout=SYNTHESIS_TIMEOUT_S, check=True
        )
        samples, rate_hz = read_wave(path)
    pairs = [item.rsplit(":", 1) for item in run.stdout.decode("latin-1").split()]
    ends = [(float(end), symbol) for symbol, end in pairs]
    duration_s = len(samples) / rate_hz
    phones = phones_from_ends(ends, "cmu_english", _FLITE_SHIFT_S, duration_s)
    return SpokenText(samples, rate_hz, phones)


def installed_festival_voices() -> tuple[FestivalVoice, ...]:
    """Those of FESTIVAL_VOICES that this machine has."""
    root = Path("/usr/share/festival/voices")
    present = {path.name for path in root.glob("*/*")}
    return tuple(voice for voice in FESTIVAL_VOICES if voice.name in present)
