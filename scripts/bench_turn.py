"""How long a portrait takes to answer: `python -m scripts.bench_turn`.

A viewer speaks a recorded question over WebRTC, as a browser would, and waits. All
times are from the end of its last sample, at the client, on the same machine:

    turn over     the server has told user.speech_ended
    understood    it has told user.transcript
    answering     it has told avatar.speech_started
    first sound   the first packet that is loud has arrived
    first lips    the first picture whose mouth differs from the one before

Starts a server of its own, with the embedded ear and brain, unless --url is given.
"""

import argparse
import asyncio
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
from aiortc.mediastreams import MediaStreamTrack
from av import AudioFrame

from models.landmarks import find_landmarks
from models.media import PLAYOUT_RATE_HZ, FloatArray
from models.sound import read_audio
from scripts.bench_live import SOUND, show
from scripts.live_client import LiveClient
from scripts.live_process import server

QUESTION = Path(__file__).parents[1] / "tests" / "speech" / "card_question.opus"
PACKET = PLAYOUT_RATE_HZ // 50
LIP_STEP = 1.2  # grey levels of the mouth's mean, from one picture to the next
STAGES = {
    "turn over": "user.speech_ended",
    "understood": "user.transcript",
    "answering": "avatar.speech_started",
}
WARM_UP_S = 12  # the ear loads after the server is ready
LONGEST_S = 15


class Voice(MediaStreamTrack):
    """A microphone: quiet, except for what it is given to say."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._packets: list[npt.NDArray[np.int16]] = []
        self._count = 0
        self._began_s = 0.0
        self._chance = np.random.default_rng(0)
        self.ended_s = 0.0  # when the last sample of what was said was over

    def say(self, sound: FloatArray) -> float:
        """Returns the monotonic time at which its first sample is at the microphone."""
        missing = -len(sound) % PACKET
        samples = (np.pad(sound, (missing, 0)) * 32767).astype(np.int16)
        begins = self._count + len(self._packets)
        self._packets += np.split(samples, len(samples) // PACKET)
        self.ended_s = 0.0
        # A packet is given when it is full.
        return self._began_s + ((begins - 1) * PACKET + missing) / PLAYOUT_RATE_HZ

    async def recv(self) -> AudioFrame:
        self._began_s = self._began_s or time.monotonic()
        due_s = self._began_s + self._count * PACKET / PLAYOUT_RATE_HZ
        await asyncio.sleep(max(0.0, due_s - time.monotonic()))
        noise = self._chance.normal(0, 8, PACKET).astype(np.int16)
        said = self._packets.pop(0) if self._packets else None
        if said is not None and not self._packets:
            self.ended_s = due_s
        frame = AudioFrame.from_ndarray(
            (noise if said is None else said)[None], "s16", "mono"
        )
        frame.sample_rate = PLAYOUT_RATE_HZ
        frame.pts = self._count * PACKET
        frame.time_base = Fraction(1, PLAYOUT_RATE_HZ)
        self._count += 1
        return frame


class Mouth:
    """The mean grey of the mouth, where the first picture has it."""

    def __init__(self) -> None:
        self._box: tuple[float, float, float, float] | None = None  # shares of a side

    def __call__(self, picture: npt.NDArray[np.uint8]) -> float:
        high, wide = picture.shape[:2]
        self._box = self._box or _mouth_box(picture)
        if self._box is None:
            return 0.0
        top, bottom, left, right = self._box
        rows = slice(int(top * high), int(bottom * high))
        return float(picture[rows, int(left * wide) : int(right * wide)].mean())


def _mouth_box(
    picture: npt.NDArray[np.uint8],
) -> tuple[float, float, float, float] | None:
    """Top, bottom, left, right."""
    marks = find_landmarks(picture)
    if marks is None:
        return None
    high, wide = picture.shape[:2]
    left, right = sorted((float(marks[78, 0]), float(marks[308, 0])))
    middle, half = float(marks[13:15, 1].mean()), 0.12 * (right - left)
    return (middle - half) / high, (middle + 2 * half) / high, left / wide, right / wide


def trimmed(path: Path) -> FloatArray:
    """The question without the silence around it."""
    sound = read_audio(path)
    loud = np.flatnonzero(np.abs(sound) > 0.02)
    return sound[loud[0] : loud[-1] + 1]


async def one_turn(
    client: LiveClient, voice: Voice, sound: FloatArray
) -> dict[str, float]:
    """Milliseconds from the end of the question, by stage."""
    seen = len(client.events)
    voice.say(sound)
    await client.until(lambda: voice.ended_s > 0, LONGEST_S)
    ended_s = voice.ended_s
    await client.until(
        lambda: any(e["type"] == STAGES["answering"] for _, e in client.events[seen:]),
        LONGEST_S,
    )
    await asyncio.sleep(1.5)
    times: dict[str, float] = {}
    for stage, kind in STAGES.items():
        at = [at_s for at_s, e in client.events[seen:] if e["type"] == kind]
        times[stage] = (at[-1] - ended_s) * 1000
    heard = [
        s.arrived_s for s in client.sounds if s.arrived_s > ended_s and s.level > SOUND
    ]
    times["first sound"] = (heard[0] - ended_s) * 1000
    lips = first_lips_s(client, heard[0])
    if lips is not None:
        times["first lips"] = (lips - ended_s) * 1000
    client.send("avatar.interrupt")
    await asyncio.sleep(1.5)
    return times


def first_lips_s(client: LiveClient, sound_s: float) -> float | None:
    """The first change of the mouth near the first sound."""
    near = [p for p in client.pictures if -0.2 < p.arrived_s - sound_s < 1.0]
    for before, after in zip(near, near[1:], strict=False):
        if abs(after.value - before.value) > LIP_STEP:
            return after.arrived_s
    return None


async def run(url: str, rounds: int, audio: Path) -> None:
    sound = trimmed(audio)
    voice = Voice()
    results: list[dict[str, float]] = []
    async with LiveClient(url, Mouth(), microphone=voice) as client:
        await client.ready()
        await asyncio.sleep(WARM_UP_S)
        await one_turn(client, voice, sound)  # the first one pays for what is lazy
        for _ in range(rounds):
            results.append(await one_turn(client, voice, sound))
        heard = [e["text"] for e in client.found("user.transcript")]
        await client.delete()
    for stage in (*STAGES, "first sound", "first lips"):
        show(stage, [each[stage] for each in results if stage in each])
    print(f"understood as {max(set(heard), key=heard.count)!r}, n {len(heard)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", help="of a running server that is open")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument(
        "--audio", type=Path, default=QUESTION, help="a spoken question"
    )
    arguments = parser.parse_args()
    if arguments.url:
        asyncio.run(run(arguments.url, arguments.rounds, arguments.audio))
        return
    with server() as live:
        asyncio.run(run(live.url, arguments.rounds, arguments.audio))


if __name__ == "__main__":
    main()
