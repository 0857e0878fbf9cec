"""Measure the audio-to-motion network on voices it was not trained on.

    python -m scripts.eval_motion DATA [--weights FILE] [--minutes 2] [--json]

DATA is the folder of scripts.synth_speech. The whole run time is measured, closure
hysteresis and speech gate included, on each held-out voice: as synthesised, at 15 dB
SNR, quiet and loud, whispered, in the telephone band, from 8 kHz, and as a woman or a
child would say it; and on silence, noise and music.
"""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soxr
import torch
from scipy.signal import butter, istft, sosfilt, stft

from models.audio2motion import EMBEDDED_WEIGHTS, AudioToMotion
from models.errors import WeightsError
from models.media import (
    FRAME_MS,
    FRAME_RATE_HZ,
    MODEL_RATE_HZ,
    MODEL_SAMPLES_PER_FRAME,
    FloatArray,
)
from models.mouth_motion import MOUTH_CHANNELS, rendered
from models.visemes import BILABIAL, Phones, Shape, mouth_track
from scripts.motion_corpus import (
    Utterance,
    at_speed,
    is_held_out,
    not_speech,
    read_utterances,
)

PAUSE_S = 0.4  # between the utterances of a test
CLOSED_SHARE = 0.15  # of the 95th percentile: lips nearer than this count as closed
OPEN_SHARE = 0.35  # of that of the target: lips farther apart should be clearly open
NEAR_S = 0.040
_APERTURE, _WIDTH, _SPEECH = (
    MOUTH_CHANNELS.index(name) for name in ("aperture", "width", "speech")
)

Recording = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class Figures:
    """aperture_r, width_r: correlation with the targets while speaking.

    closed: share of p b m with closed lips within 40 ms of their closure.
    false_closed: share of closed lips in the frames of speech that are more than 40 ms
    from any p b m and whose target, as it would be shown, is clearly open.
    silent_motion: spread of the aperture in pauses against that in speech.
    """

    aperture_r: float
    width_r: float
    closed: float
    false_closed: float
    silent_motion: float


def clean(samples: FloatArray) -> FloatArray:
    return samples


def noisy(samples: FloatArray) -> FloatArray:
    """White noise at 15 dB SNR, against the speech's own power."""
    power = float((samples[samples != 0] ** 2).mean())
    noise = np.random.default_rng(0).standard_normal(len(samples))
    return np.asarray(samples + noise * np.sqrt(power / 10**1.5), np.float32)


def quiet(samples: FloatArray) -> FloatArray:
    return np.asarray(samples * 10 ** (-30 / 20), np.float32)


def telephone(samples: FloatArray) -> FloatArray:
    sections = butter(4, (300, 3400), "bandpass", fs=MODEL_RATE_HZ, output="sos")
    return np.asarray(sosfilt(sections, samples), np.float32)


def loud(samples: FloatArray) -> FloatArray:
    """A shout into a microphone that clips."""
    return np.asarray((samples * 4).clip(-0.9, 0.9), np.float32)


def narrow(samples: FloatArray) -> FloatArray:
    """What a sampling rate of 8 kHz leaves."""
    there = soxr.resample(samples, MODEL_RATE_HZ, MODEL_RATE_HZ // 2)
    back = soxr.resample(there, MODEL_RATE_HZ // 2, MODEL_RATE_HZ)
    return np.asarray(np.resize(back, samples.shape), np.float32)


def whispered(samples: FloatArray) -> FloatArray:
    """The same spectral envelope, 10 ms by 10 ms, on noise instead of a voice."""
    _, _, spectrum = stft(samples, MODEL_RATE_HZ, nperseg=320, noverlap=160, nfft=512)
    power = (np.abs(spectrum) ** 2).T
    cepstrum = np.fft.irfft(np.log(power + 1e-9), axis=1)
    cepstrum[:, 24:-24] = 0  # longer lags are the voice's pitch
    envelope = np.exp(np.fft.rfft(cepstrum, axis=1).real / 2).T
    angles = np.random.default_rng(0).uniform(0, 2 * np.pi, envelope.shape)
    _, hiss = istft(
        envelope * np.exp(1j * angles),
        MODEL_RATE_HZ,
        nperseg=320,
        noverlap=160,
        nfft=512,
    )
    hiss = hiss[: len(samples)]
    return np.asarray(np.pad(hiss, (0, len(samples) - len(hiss))) * 0.3, np.float32)


@dataclass(frozen=True)
class Condition:
    """How the voices are heard. speed: faster and higher by so much, as of a smaller
    speaker; the rest is done to the sound."""

    heard: Recording = clean
    speed: float = 1.0


CONDITIONS: dict[str, Condition] = {
    "clean": Condition(),
    "15 dB SNR": Condition(noisy),
    "-30 dB": Condition(quiet),
    "loud": Condition(loud),
    "whisper": Condition(whispered),
    "telephone": Condition(telephone),
    "8 kHz": Condition(narrow),
    "woman": Condition(speed=1.15),
    "child": Condition(speed=1.35),
}


def hear(network: AudioToMotion, samples: FloatArray) -> FloatArray:
    """Mouth rows [T, len(MOUTH_CHANNELS)] of float32 [640 T] at 16 kHz, none late."""
    late = network.look_ahead_frames
    padded = np.pad(samples, (0, late * MODEL_SAMPLES_PER_FRAME))
    audio = torch.from_numpy(padded).unsqueeze(0)
    motion, _ = network.step(audio, network.initial_state(1))
    return motion.mouth[0, late:]


def connected(
    utterances: list[Utterance], minutes: float
) -> tuple[FloatArray, Phones, FloatArray]:
    """Utterances with pauses: sound of whole frames, phones, and in-a-pause [T]."""
    sound: list[FloatArray] = []
    starts, ends, classes, loudness = [], [], [], []
    spans: list[tuple[float, float]] = []
    at = 0
    for speech in utterances:
        if at > minutes * 60 * MODEL_RATE_HZ:
            break
        phones, offset_s = speech.phones, at / MODEL_RATE_HZ
        starts.append(phones.start_s + offset_s)
        ends.append(phones.end_s + offset_s)
        classes.append(phones.classes)
        loudness.append(phones.loudness)
        length = len(speech.samples) + int(PAUSE_S * MODEL_RATE_HZ)
        length += -length % MODEL_SAMPLES_PER_FRAME
        sound.append(np.pad(speech.samples, (0, length - len(speech.samples))))
        voiced = np.flatnonzero(phones.classes)
        first = phones.start_s[voiced[0]] + offset_s if len(voiced) else offset_s
        last = phones.end_s[voiced[-1]] + offset_s if len(voiced) else offset_s
        spans.append((float(first), float(last)))
        at += length
    frames_s = np.arange(at // MODEL_SAMPLES_PER_FRAME) / FRAME_RATE_HZ
    silent = np.ones(len(frames_s), np.float32)
    for first, last in spans:
        silent[(frames_s > first - 0.15) & (frames_s < last + 0.35)] = 0
    phones = Phones(
        np.concatenate(starts),
        np.concatenate(ends),
        np.concatenate(classes),
        np.concatenate(loudness),
    )
    return np.concatenate(sound), phones, silent


def targets(phones: Phones, frames: int) -> FloatArray:
    """The track at each frame's start, [T, len(Shape)], made in pieces."""
    times_s = np.arange(frames) / FRAME_RATE_HZ
    track = np.zeros((frames, len(Shape)), np.float32)
    for first in range(0, frames, 500):
        part = times_s[first : first + 500]
        low, high = part[0] - 1, part[-1] + 1
        near = (phones.end_s > low) & (phones.start_s < high)
        if near.any():
            nearby = Phones(
                phones.start_s[near],
                phones.end_s[near],
                phones.classes[near],
                phones.loudness[near],
            )
            track[first : first + 500] = mouth_track(nearby, part)
    return track


def measure(
    rows: FloatArray, track: FloatArray, phones: Phones, silent: FloatArray
) -> Figures:
    """Compare rows of the run time with the targets."""
    speaking = silent == 0
    aperture, width = rows[:, _APERTURE], rows[:, _WIDTH]
    closed = aperture < CLOSED_SHARE * np.quantile(aperture[speaking], 0.95)
    starts = phones.start_s[phones.classes == BILABIAL]
    ends = phones.end_s[phones.classes == BILABIAL]
    frames_s = np.arange(len(rows)) / FRAME_RATE_HZ
    hits = [
        bool(closed[(frames_s > a - NEAR_S) & (frames_s < b + NEAR_S)].any())
        for a, b in zip(starts, ends, strict=True)
    ]
    wanted = rendered(track)[:, _APERTURE]
    is_open = speaking & (wanted > OPEN_SHARE * np.quantile(wanted[speaking], 0.95))
    for a, b in zip(starts, ends, strict=True):
        is_open[(frames_s > a - NEAR_S) & (frames_s < b + NEAR_S)] = False
    low, high = np.quantile(aperture[speaking], (0.05, 0.95))
    spread = aperture[~speaking].std() if (~speaking).any() else 0.0

    def r(said: FloatArray, column: Shape) -> float:
        return float(np.corrcoef(said[speaking], track[speaking, column])[0, 1])

    return Figures(
        aperture_r=r(aperture, Shape.APERTURE),
        width_r=r(width, Shape.WIDTH),
        closed=float(np.mean(hits)) if hits else 1.0,
        false_closed=float(closed[is_open].mean()),
        silent_motion=float(spread / max(float(high - low), 1e-6)),
    )


def non_speech(network: AudioToMotion) -> dict[str, float]:
    """Mean share of the time that sounds without speech move the lips."""
    rng = np.random.default_rng(0)
    sounds = np.concatenate([not_speech(4.0, rng) for _ in range(15)])
    breath = rng.standard_normal(MODEL_RATE_HZ * 20).astype(np.float32) * 0.003
    whole = len(sounds) // MODEL_SAMPLES_PER_FRAME * MODEL_SAMPLES_PER_FRAME
    return {
        "digital silence": _moved(network, np.zeros(MODEL_RATE_HZ * 20, np.float32)),
        "room noise": _moved(network, breath),
        "noise, chords and knocks": _moved(network, sounds[:whole]),
    }


def _moved(network: AudioToMotion, samples: FloatArray) -> float:
    return float((hear(network, samples)[:, _SPEECH] > 0.05).mean())


def evaluate(
    network: AudioToMotion, data: Path, minutes: float
) -> dict[str, dict[str, Figures]]:
    """By voice and condition. Raises FileNotFoundError without held-out data."""
    shards = [path for path in sorted(data.glob("*.npz")) if is_held_out(path)]
    if not shards:
        raise FileNotFoundError(f"{data} holds no held-out shards of synth_speech.")
    found: dict[str, dict[str, Figures]] = {}
    for shard in shards:
        voice = shard.name.rsplit("-", 2)[0]
        if voice in found:
            continue
        utterances = list(read_utterances(shard))
        found[voice] = {
            name: _measured(network, utterances, minutes, condition)
            for name, condition in CONDITIONS.items()
        }
    return found


def _measured(
    network: AudioToMotion,
    utterances: list[Utterance],
    minutes: float,
    condition: Condition,
) -> Figures:
    said = [at_speed(speech, condition.speed) for speech in utterances]
    sound, phones, silent = connected(said, minutes)
    track = targets(phones, len(silent))
    return measure(hear(network, condition.heard(sound)), track, phones, silent)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--weights", type=Path, default=EMBEDDED_WEIGHTS)
    parser.add_argument("--minutes", type=float, default=2.0, help="of each voice")
    parser.add_argument(
        "--look-ahead-ms",
        type=int,
        default=80,
        choices=(0, 40, 80),
    )
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    try:
        network = AudioToMotion.load(options.weights)
        network = network.with_look_ahead(options.look_ahead_ms // FRAME_MS)
        found = evaluate(network, options.data, options.minutes)
    except (WeightsError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 1
    others = non_speech(network)
    rows = [asdict(f["clean"]) for f in found.values()]
    means = {
        condition: {
            key: float(np.mean([asdict(by[condition])[key] for by in found.values()]))
            for key in rows[0]
        }
        for condition in CONDITIONS
    }
    if options.json:
        print(json.dumps({"mean": means, "moved_by": others}))
        return 0
    for voice, by_condition in found.items():
        for condition, figures in by_condition.items():
            print(f"{voice:24} {condition:10} {_line(asdict(figures))}")
    for condition, values in means.items():
        print(f"{'mean':24} {condition:10} {_line(values)}")
    for name, share in others.items():
        print(f"lips moved by {name}: {share:.1%} of the time")
    return 0


def _line(figures: dict[str, float]) -> str:
    return "  ".join(f"{name} {value:.3f}" for name, value in figures.items())


if __name__ == "__main__":
    sys.exit(main())
