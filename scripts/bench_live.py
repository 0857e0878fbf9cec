"""Measure a live server: `python -m scripts.bench_live`.

Starts servers of its own, on this machine, and watches them with an aiortc client and
with a real Chromium. What is printed, and how it is taken:

* connect: from the offer (aiortc) or the request for a session (Chromium, as the page
  does it) to the first picture.
* text to first sound, interrupt to silence: at the client, where a packet arrives
  (aiortc) or where the page plays it (Chromium, an AudioWorklet behind the jitter
  buffer). Levels above SOUND are sound.
* playback_ms: what the server says of an interrupted utterance, against the sound that
  arrived.
* skew, flash and beep: a server whose frames are white where their sound is loud speaks
  bursts of 200 ms a second. Picture minus sound at the receiver, of each burst: in
  aiortc by RTP times and sender reports, as a browser synchronises; in Chromium by
  requestVideoFrameCallback's expectedDisplayTime and the AudioWorklet. With --minutes,
  for so long, and the drift over that time.
* cores: of a session that speaks and of one that does not, and what encoding the same
  pictures and sound costs by itself.
"""

import argparse
import asyncio
import base64
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from models.identity import Identity, embedded_photo, enrol
from scripts.encoding_alone import encoding_alone
from scripts.live_client import LiveClient
from scripts.live_process import LiveProcess, server
from scripts.loadtest import measure

SOUND = 0.01  # -40 dBFS
TEXT = (
    "The portrait speaks while we measure it, and it goes on for a good while, "
    "so that there is something to interrupt in the middle of a sentence."
)
RATE_HZ = 8_000  # little to send: a data channel full of sound would hold others up
FLASH = "scripts.flash_server"
FIRST_SECONDS = 5


def show(name: str, values_ms: Sequence[float]) -> None:
    if not values_ms:
        print(f"{name:44} no value", flush=True)
        return
    ordered = sorted(values_ms)
    p95 = ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]
    print(
        f"{name:44} p50 {statistics.median(ordered):7.1f}   p95 {p95:7.1f}"
        f"   max {ordered[-1]:7.1f} ms   n {len(ordered)}",
        flush=True,
    )


@dataclass(frozen=True)
class Skews:
    """at_s: of each burst since the first; late_ms: its picture minus its sound."""

    at_s: Sequence[float]
    late_ms: Sequence[float]


def show_skew(name: str, skews: Skews) -> None:
    """Mean, p95 of the distance from 0, the first seconds, and the drift."""
    at_s, late_ms = np.array(skews.at_s), np.array(skews.late_ms)
    if len(at_s) < FIRST_SECONDS:
        print(f"{name:44} too few bursts ({len(at_s)})", flush=True)
        return
    first = ", ".join(f"{late:+.0f}" for late in late_ms[:FIRST_SECONDS])
    away = np.percentile(np.abs(late_ms), 95)
    slope = np.polyfit(at_s, late_ms, 1)[0] * 600 if at_s[-1] > 60 else 0.0
    drift = f"   drift {slope:+.1f} ms in 10 minutes" if slope else ""
    print(
        f"{name:44} mean {late_ms.mean():+.1f}   p95 of its size {away:.1f} ms"
        f"   n {len(at_s)}   first {first}{drift}",
        flush=True,
    )


def bursts(count: int) -> bytes:
    """PCM16 of 200 ms of tone and 800 ms of silence, again and again."""
    tone = 0.3 * np.sin(np.arange(RATE_HZ // 5) * 2 * np.pi * 500 / RATE_HZ)
    one = np.concatenate([tone, np.zeros(RATE_HZ * 4 // 5)])
    return (np.tile(one, count) * 32767).astype("<i2").tobytes()


def onsets(rows: Sequence[tuple[float, bool]], quiet_s: float = 0.0) -> list[float]:
    """Times at which it is True after it was not for that long."""
    found, last_s = [], float("-inf")
    for (at, on), (_, before) in zip(rows[1:], rows, strict=False):
        if on and not before and at - last_s > quiet_s:
            found.append(at)
        last_s = at if on else last_s
    return found


def paired(sounds_s: Sequence[float], lights_s: Sequence[float]) -> Skews:
    """Each sound with the light next to it; one without is left out."""
    at_s, late_ms = [], []
    lights = np.array(lights_s)
    for sound in sounds_s:
        if not len(lights):
            break
        late = float(lights[np.abs(lights - sound).argmin()] - sound)
        if abs(late) < 0.4:
            at_s.append(sound - sounds_s[0])
            late_ms.append(1000 * late)
    return Skews(at_s, late_ms)


# An aiortc client


async def connect_once(url: str) -> float:
    async with LiveClient(url) as client:
        await client.until(lambda: bool(client.pictures))
        first_ms = (client.pictures[0].arrived_s - client.offered_s) * 1000
        await client.delete()
    return first_ms


@dataclass(frozen=True)
class Exchange:
    """Of one text and its interruption, ms. untrue: of what playback_ms says."""

    first_sound: float
    silence: float
    untrue: float


async def interrupt_once(client: LiveClient) -> Exchange:
    heard, told = len(client.sounds), len(client.found("avatar.speech_interrupted"))
    sent_s = client.send("avatar.speak_text", text=TEXT)
    await client.until(lambda: any(s.level > SOUND for s in client.sounds[heard:]))
    first = next(s for s in client.sounds[heard:] if s.level > SOUND)
    started = client.found("avatar.speech_started")[-1]
    await asyncio.sleep(1.5)
    cut_s = client.send("avatar.interrupt")
    await asyncio.sleep(0.8)
    after = [s for s in client.sounds if s.arrived_s > cut_s and s.level > SOUND]
    silent_ms = (after[-1].arrived_s - cut_s) * 1000 + 20 if after else 0.0
    (cut,) = client.found("avatar.speech_interrupted")[told:]
    loud = [s for s in client.sounds[heard:] if s.level > SOUND]
    # The first sample of an utterance may be a quiet one: from its packet on.
    played_ms = (loud[-1].timestamp - first.timestamp) % 2**32 / 48 + 20
    assert cut["utterance_id"] == started["utterance_id"]
    return Exchange(
        (first.arrived_s - sent_s) * 1000, silent_ms, cut["playback_ms"] - played_ms
    )


async def aiortc_times(url: str, rounds: int) -> None:
    await connect_once(url)  # the first one pays for imports at both ends
    show(
        "aiortc: connect to first frame",
        [await connect_once(url) for _ in range(rounds)],
    )
    async with LiveClient(url) as client:
        await client.ready()
        exchanges = [await interrupt_once(client) for _ in range(rounds)]
        await client.delete()
    show("aiortc: text to first sound", [each.first_sound for each in exchanges])
    show("aiortc: interrupt to silence", [each.silence for each in exchanges])
    show("aiortc: playback_ms minus what arrived", [each.untrue for each in exchanges])


async def feed(client: LiveClient, seconds: int) -> None:
    """A second of bursts at a time, two ahead of their time."""
    for second in range(seconds):
        client.send_pcm(bursts(1), RATE_HZ, last=second == seconds - 1)
        await asyncio.sleep(1 if second > 1 else 0)
    await asyncio.sleep(3)


async def aiortc_skew(url: str, seconds: int) -> Skews:
    async with LiveClient(url, lambda picture: float(picture[0, 0, 1])) as client:
        await client.ready()
        await feed(client, seconds)
        await client.until(lambda: {"audio", "video"} <= client.reports.keys())
        skews = skew_of(client)
        await client.delete()
    return skews


def skew_of(client: LiveClient, quiet_s: float = 0.0) -> Skews:
    """Of each burst that a client has received after so much quiet."""
    audio, video = client.reports["audio"], client.reports["video"]
    heard = [
        (
            audio.wall_s + _signed(s.timestamp - audio.timestamp) / 48_000,
            s.level > SOUND,
        )
        for s in client.sounds
    ]
    seen = [
        (
            video.wall_s + _signed(p.timestamp - video.timestamp) / 90_000,
            p.value > 128,
        )
        for p in client.pictures
    ]
    return paired(onsets(heard, quiet_s), onsets(seen, quiet_s))


def _signed(ticks: int) -> int:
    """A distance of RTP time, which wraps round."""
    return (ticks + 2**31) % 2**32 - 2**31


# A real Chromium


def chromium_times(url: str, rounds: int) -> None:
    from scripts.browser_viewer import browser_viewer

    connects, firsts, silences = [], [], []
    with browser_viewer(url) as viewer:
        viewer.connect()  # pays for the first load of its modules
        viewer.close()
        for _ in range(rounds):
            connects.append(viewer.connect())
            viewer.wait(1.5)
            sent_ms = viewer.send("avatar.speak_text", text=TEXT)
            viewer.wait(2.5)
            cut_ms = viewer.send("avatar.interrupt")
            viewer.wait(1.0)
            sounds = viewer.noted().sounds
            firsts += [at - sent_ms for at, on in sounds if on and at > sent_ms][:1]
            ends = [at for at, on in sounds if not on]
            silences.append(max(0.0, ends[-1] - cut_ms) if ends else 0.0)
            viewer.close()
    show("Chromium: connect to first frame", connects)
    show("Chromium: text to first sound", firsts)
    show("Chromium: interrupt to silence", silences)


def chromium_skew(url: str, seconds: int) -> None:
    from scripts.browser_viewer import browser_viewer

    with browser_viewer(url) as viewer:
        viewer.connect()
        for second in range(seconds):
            audio = base64.b64encode(bursts(1)).decode()
            viewer.send("avatar.speak_audio", sample_rate=RATE_HZ, audio=audio)
            viewer.wait(1 if second > 1 else 0)
        viewer.send("avatar.speak_end")
        viewer.wait(3)
        noted, stats = viewer.noted(), viewer.stats()
        viewer.close()
    sounds = [at / 1000 for at, on in noted.sounds if on]
    lights = onsets([(at / 1000, white) for at, white in noted.frames])
    show_skew("Chromium: skew", paired(sounds, lights))
    gaps = [b - a for (a, _), (b, _) in pairwise(noted.frames)]
    pictures, played = stats["video"], stats["audio"]
    seen_s = (noted.frames[-1][0] - noted.frames[0][0]) / 1000
    print(
        f"{'Chromium: pictures':44} {(len(noted.frames) - 1) / seen_s:.2f} shown and"
        f" {pictures['framesDecoded'] / seen_s:.2f} decoded a second,"
        f" longest gap {max(gaps):.0f} ms, freezes {pictures.get('freezeCount', 0)}"
    )
    print(
        f"{'Chromium: sound':44} {played['concealedSamples'] / 48:.0f} ms made up"
        f" ({played.get('silentConcealedSamples', 0) / 48:.0f} of it silent)",
        flush=True,
    )


# What it costs


def costs(live: LiveProcess, seconds: float) -> None:
    identity: Identity = enrol(embedded_photo())
    for idle in (True, False):
        load = asyncio.run(measure(live, 1, seconds, idle=idle))
        what = "idle" if idle else "speaking"
        print(f"{'server, one session, ' + what:44} {load.cores:.3f} cores", flush=True)
    alone = encoding_alone(identity)
    print(f"{'encoding alone, VP8':44} {alone.video:.3f} cores")
    print(f"{'encoding alone, Opus':44} {alone.audio:.3f} cores", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=int, default=20, help="of skew and of cost")
    parser.add_argument("--minutes", type=int, default=0, help="of skew, for the drift")
    parser.add_argument(
        "--only",
        nargs="*",
        choices=["times", "skew", "cost"],
        default=["times", "skew", "cost"],
    )
    parser.add_argument("--no-browser", action="store_true")
    arguments = parser.parse_args()
    began_s = time.monotonic()
    if {"times", "cost"} & set(arguments.only):
        with server() as live:
            print(f"{'server start-up, first':44} {time.monotonic() - began_s:.1f} s")
            if "times" in arguments.only:
                asyncio.run(aiortc_times(live.url, arguments.rounds))
                if not arguments.no_browser:
                    chromium_times(live.url, arguments.rounds)
            if "cost" in arguments.only:
                costs(live, arguments.seconds)
    if "skew" in arguments.only:
        seconds = arguments.minutes * 60 or arguments.seconds
        with server(FLASH) as live:
            show_skew("aiortc: skew", asyncio.run(aiortc_skew(live.url, seconds)))
            if not arguments.no_browser:
                chromium_skew(live.url, seconds)


if __name__ == "__main__":
    main()
