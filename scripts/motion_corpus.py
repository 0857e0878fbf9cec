"""Shards of synthetic speech to what the network learns from: mel and mouth tracks.

Each copy of a shard is heard differently: speed and pitch, room, compression, pauses
and, in some pauses, sounds that are no speech.
"""

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr
import torch
from scipy.signal import fftconvolve

from models.media import MODEL_RATE_HZ, FloatArray
from models.mel import HOP, TAIL, LogMel
from models.visemes import FIRST_VOWEL, SILENCE, Phones, class_track, mouth_track

SHARD_S = 300.0  # of speech in a shard of scripts.synth_speech
STEP_S = 0.02  # of the network
STEP_SAMPLES = int(STEP_S * MODEL_RATE_HZ)
HELD_OUT = ("flite_rms", "festival_pc_diphone", "festival_czech_machac")


@dataclass(frozen=True, eq=False)
class Utterance:
    """samples: float32 [n] at 16 kHz. phones: times from its first sample."""

    samples: FloatArray
    phones: Phones
    voice: str


@dataclass(frozen=True, eq=False)
class Stream:
    """Speech with pauses, as the network hears it and as it should move.

    mel: float16 [2 T, MEL_BANDS], logarithms of power. track: float16 [T, len(Shape)];
    classes: uint8 [T]; row k is the mouth at 20 k + 10 ms. recorded: whether the voice
    was cut from, or modelled on, recordings of a person.
    """

    mel: npt.NDArray[np.float16]
    track: npt.NDArray[np.float16]
    classes: npt.NDArray[np.uint8]
    recorded: bool = False


def is_held_out(shard: Path) -> bool:
    return shard.name.rsplit("-", 2)[0] in HELD_OUT


def read_utterances(shard: Path) -> Iterator[Utterance]:
    """The utterances of a shard of scripts.synth_speech."""
    with np.load(shard) as data:
        audio = data["audio"].astype(np.float32) / 32768
        ends, counts = data["utterance_end"], data["phone_count"]
        start_s = data["phone_start"].astype(np.float64)
        end_s = data["phone_end"].astype(np.float64)
        classes = data["phone_class"].astype(np.int64)
        voices = json.loads(str(data["voices"]))
    begin = first = 0
    for end, count, voice in zip(ends, counts, voices, strict=True):
        last = first + int(count)
        part = slice(first, last)
        samples = audio[begin:end]
        loudness = _phone_loudness(samples, start_s[part], end_s[part], classes[part])
        phones = Phones(start_s[part], end_s[part], classes[part], loudness)
        yield Utterance(samples, phones, voice)
        begin, first = int(end), last


def _phone_loudness(
    samples: FloatArray,
    start_s: npt.NDArray[np.float64],
    end_s: npt.NDArray[np.float64],
    classes: npt.NDArray[np.int64],
) -> FloatArray:
    """RMS of each phone against the loudest twentieth of the vowels, 0 to 1.2."""
    energy = np.concatenate([[0.0], np.cumsum(samples.astype(np.float64) ** 2)])
    first = (start_s * MODEL_RATE_HZ).astype(int).clip(0, len(samples))
    last = (end_s * MODEL_RATE_HZ).astype(int).clip(0, len(samples))
    power = (energy[last] - energy[first]) / np.maximum(last - first, 1)
    rms = np.sqrt(power.clip(0))
    vowels = rms[classes >= FIRST_VOWEL]
    loud = np.quantile(vowels, 0.95) if len(vowels) else rms.max()
    return np.asarray((rms / max(float(loud), 1e-5)).clip(0, 1.2), np.float32)


def at_speed(speech: Utterance, speed: float) -> Utterance:
    """Faster and higher (speed over 1), or slower and lower."""
    if speed == 1:
        return speech
    samples = soxr.resample(speech.samples, MODEL_RATE_HZ * speed, MODEL_RATE_HZ)
    p = speech.phones
    phones = Phones(p.start_s / speed, p.end_s / speed, p.classes, p.loudness)
    return Utterance(np.asarray(samples, np.float32), phones, speech.voice)


def _in_a_room(samples: FloatArray, rng: np.random.Generator) -> FloatArray:
    """With the decaying echo of a room, reverberation time 0.1 to 0.5 s."""
    decay_s = rng.uniform(0.1, 0.5)
    count = int(decay_s * MODEL_RATE_HZ)
    times = np.arange(count) / MODEL_RATE_HZ
    echo = rng.standard_normal(count) * 10 ** (-3 * times / decay_s)
    echo[: int(rng.uniform(0.002, 0.012) * MODEL_RATE_HZ)] = 0
    echo *= rng.uniform(0.1, 0.6) / max(float(np.sqrt((echo**2).sum())), 1e-6)
    echo[0] = 1
    return np.asarray(fftconvolve(samples, echo)[: len(samples)], np.float32)


def _compressed(samples: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Soft-clipped, as by an eager compressor."""
    drive = rng.uniform(2, 8)
    return np.asarray(np.tanh(samples * drive) / np.tanh(drive), np.float32)


def not_speech(seconds: float, rng: np.random.Generator) -> FloatArray:
    """Noise, chords or knocks, at most 0.5."""
    count = int(seconds * MODEL_RATE_HZ)
    times = np.arange(count) / MODEL_RATE_HZ
    kind = rng.integers(3)
    if kind == 0:  # coloured noise that swells: breath, traffic, rustling
        colour = rng.standard_normal(int(rng.integers(2, 60)))
        sound = np.convolve(rng.standard_normal(count), colour, "same")
        sound *= 1 + np.sin(2 * np.pi * rng.uniform(0.2, 3) * times + rng.uniform(0, 6))
    elif kind == 1:  # chords
        sound = np.zeros(count)
        for begin in np.arange(0, seconds, rng.uniform(0.15, 0.8)):
            at = times[int(begin * MODEL_RATE_HZ) :] - begin
            for _ in range(int(rng.integers(1, 4))):
                root = 55 * 2 ** (rng.integers(0, 48) / 12)
                for harmonic in range(1, 7):
                    strength = rng.uniform(0, 1) / harmonic
                    wave = np.sin(2 * np.pi * root * harmonic * at) * np.exp(-3 * at)
                    sound[-len(at) :] += strength * wave
    else:  # knocks
        sound = np.zeros(count)
        for begin in rng.uniform(0, seconds, int(rng.integers(1, 8))):
            at = times[int(begin * MODEL_RATE_HZ) :] - begin
            burst = rng.standard_normal(len(at)) * np.exp(-at * rng.uniform(20, 200))
            sound[count - len(at) :] += burst
    peak = max(float(np.abs(sound).max(initial=0)), 1e-6)
    return np.asarray(sound * (rng.uniform(0.02, 0.5) / peak), np.float32)


def heard_differently(speech: Utterance, rng: np.random.Generator) -> Utterance:
    """One of the many ways the same words could have been recorded."""
    if rng.random() < 0.8:
        speech = at_speed(speech, round(float(rng.uniform(0.86, 1.2)), 3))
    samples = speech.samples
    if rng.random() < 0.4:
        samples = _in_a_room(samples, rng)
    if rng.random() < 0.2:
        samples = _compressed(samples, rng)
    samples = samples * np.float32(10 ** (rng.uniform(-8, 4) / 20))
    return Utterance(samples, speech.phones, speech.voice)


def _pause(rng: np.random.Generator) -> FloatArray:
    """Whole steps of silence or, now and then, of sounds that are no speech."""
    seconds = min(float(rng.exponential(0.3)) + 0.04, 3.0)
    if rng.random() < 0.08:
        sound = not_speech(float(rng.uniform(0.5, 4)), rng)
    else:
        sound = np.zeros(int(seconds * MODEL_RATE_HZ), np.float32)
    return sound[: len(sound) // STEP_SAMPLES * STEP_SAMPLES]


def build_stream(shard: Path, copy: int, log_mel: LogMel) -> Stream:
    """A shard as one stream; copy 0 is as it was synthesised, with pauses."""
    rng = np.random.default_rng([zlib.crc32(shard.name.encode()), copy])
    sound: list[FloatArray] = []
    tracks, classes = [], []
    for speech in read_utterances(shard):
        if copy:
            speech = heard_differently(speech, rng)
        pause = _pause(rng)
        steps = -(-len(speech.samples) // STEP_SAMPLES)
        padded = np.zeros(steps * STEP_SAMPLES, np.float32)
        padded[: len(speech.samples)] = speech.samples
        sound += [pause, padded]
        before_s = len(pause) / MODEL_RATE_HZ
        count = len(pause) // STEP_SAMPLES + steps
        times_s = (np.arange(count) + 0.5) * STEP_S - before_s
        phones = _with_pause(speech.phones, before_s)
        tracks.append(mouth_track(phones, times_s).astype(np.float16))
        classes.append(class_track(phones, times_s).astype(np.uint8))
    audio = np.concatenate([np.zeros(TAIL, np.float32), *sound])
    blocks = [
        log_mel(torch.from_numpy(audio[at : at + TAIL + 1000 * HOP])[None])[0]
        for at in range(0, len(audio) - TAIL, 1000 * HOP)
    ]
    mel = torch.cat(blocks).numpy().astype(np.float16)
    recorded = not shard.name.startswith("espeak-")
    return Stream(mel, np.concatenate(tracks), np.concatenate(classes), recorded)


def _with_pause(phones: Phones, before_s: float) -> Phones:
    """Phones with the silence before them as one phone (or a longer first one)."""
    start_s = phones.start_s.copy()
    if phones.classes[0] == SILENCE:
        start_s[0] -= before_s
        return Phones(start_s, phones.end_s, phones.classes, phones.loudness)
    return Phones(
        np.concatenate([[-before_s], start_s]),
        np.concatenate([[0.0], phones.end_s]),
        np.concatenate([[SILENCE], phones.classes]),
        np.concatenate([np.zeros(1, np.float32), phones.loudness]),
    )


def load_stream(shard: Path, copy: int, log_mel: LogMel) -> Stream:
    """build_stream, kept in a file beside the shard for the next run."""
    folder = shard.parent / "streams"
    folder.mkdir(exist_ok=True)
    path = folder / f"{shard.stem}.{copy}.npz"
    if not path.exists():
        stream = build_stream(shard, copy, log_mel)
        partial = path.with_suffix(".part.npz")
        np.savez(partial, mel=stream.mel, track=stream.track, classes=stream.classes)
        partial.replace(path)
    recorded = not shard.name.startswith("espeak-")
    with np.load(path) as data:
        return Stream(data["mel"], data["track"], data["classes"], recorded)
