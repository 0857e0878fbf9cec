"""Measure puppet mode: `python -m scripts.bench_puppet`.

A client of aiortc speaks recorded speech, a piece a second, into a session of mode
puppet, and records what comes back. The server's frames are white where their sound is
loud (scripts/flash_server.py); with --portrait it is the server as it is. On a network
as it is, and on one made worse: packets up to 30 ms late, 2 % of them lost.

    mouth to ear     from a sample at the microphone to the same sample where its packet
                     arrives, by cross-correlation of each piece. 20 ms of it are the
                     sender's, which fills a packet before it sends it.
    told             what the server says of it: `puppet.delay`
    skew             picture minus sound at the receiver, of each piece, by RTP times
                     and sender reports, as a browser synchronises
    missing          of the loud 10 ms of what was said, those that were not heard
    made up          sound in the place of what was lost or late, of the time
    cores            of the server, while it does all that
"""

import argparse
import asyncio
import contextlib
import random
import statistics
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.signal import correlate

from models.media import PLAYOUT_RATE_HZ, FloatArray
from models.sound import read_audio
from scripts.bench_live import SOUND, Skews, show, show_skew, skew_of
from scripts.bench_turn import QUESTION, Voice
from scripts.live_client import LiveClient, Sound, http
from scripts.live_process import LiveProcess, server

FLASH = "scripts.flash_server"
SECOND = PLAYOUT_RATE_HZ
PIECE_S = 0.45  # of speech in each second
BLOCK = PLAYOUT_RATE_HZ // 100
MADE_UP = "likeness_puppet_made_up_seconds_total"
QUIET_S = 0.3  # between two pieces, at least
LONGEST_S = 0.5  # of the delays that are looked for
HEARD_SHARE = 0.1  # of its level as it was said: less is not heard


@dataclass(frozen=True)
class Weather:
    """What the way from the microphone to the server does to packets."""

    name: str
    jitter_s: float = 0.0
    loss: float = 0.0


CALM = Weather("calm")
ROUGH = Weather("30 ms jitter, 2 % loss", 0.03, 0.02)
NETWORKS = {"calm": CALM, "rough": ROUGH}


def pieces(count: int) -> FloatArray:
    """Loud parts of recorded speech that begin at once, one a second."""
    speech = read_audio(QUESTION)
    loud = np.abs(speech) > 0.05
    rng = np.random.default_rng(0)
    starts = np.flatnonzero(loud[: len(speech) - int(PIECE_S * SECOND)])
    said = np.zeros(count * SECOND, np.float32)
    for second in range(count):
        start = int(starts[rng.integers(len(starts))])
        piece = speech[start : start + int(PIECE_S * SECOND)]
        said[second * SECOND :][: len(piece)] = piece
    return said


def spoil(client: LiveClient, weather: Weather) -> None:
    """Let packets of sound be late or lost on their way out."""
    (sender,) = [each for each in client.peer.getSenders() if each.kind == "audio"]
    transport: Any = sender.transport
    send: Callable[[bytes], Awaitable[None]] = transport._send_rtp
    chance = random.Random(0)
    under_way: set[asyncio.Task[None]] = set()

    async def later(data: bytes) -> None:
        await asyncio.sleep(chance.random() * weather.jitter_s)
        with contextlib.suppress(ConnectionError):  # the client has gone meanwhile
            await send(data)

    async def spoiled(data: bytes) -> None:
        if 192 <= data[1] <= 223:  # RTCP (RFC 5761, section 4)
            await send(data)
        elif chance.random() >= weather.loss:
            task = asyncio.create_task(later(data))
            under_way.add(task)
            task.add_done_callback(under_way.discard)

    transport._send_rtp = spoiled


@dataclass(frozen=True)
class Figures:
    """delays_ms: mouth to ear. missing: of loud blocks. told_ms: by the server.

    made_up: share of the time. cores: of the server.
    """

    delays_ms: Sequence[float]
    missing: float
    made_up: float
    cores: float
    told_ms: Sequence[float]
    skews: Skews


async def speak(live: LiveProcess, weather: Weather, seconds: int) -> Figures:
    wish = {"mode": "puppet", "video": {"width": 128, "height": 128}}
    made = await asyncio.to_thread(http, "POST", f"{live.url}/v1/sessions", wish)
    voice = Voice()
    async with LiveClient(
        live.url,
        lambda picture: float(picture[0, 0, 1]),
        session_id=made["session_id"],
        microphone=voice,
    ) as client:
        await client.ready()
        spoil(client, weather)
        await asyncio.sleep(3)  # the clocks and the network are learnt
        said = pieces(seconds)
        made_up_s = await asyncio.to_thread(live.metric, MADE_UP)
        before_s = live.usage().cpu_s
        first_s = voice.say(said)
        await asyncio.sleep(seconds + 1.5)
        cores = (live.usage().cpu_s - before_s) / (seconds + 1.5)
        made_up = await asyncio.to_thread(live.metric, MADE_UP) - made_up_s
        await client.until(lambda: {"audio", "video"} <= client.reports.keys())
        skews = skew_of(client, QUIET_S)
        told = [event["delay_ms"] for event in client.found("puppet.delay")]
        await client.delete()
    heard, heard_from_s = recording(client.sounds)
    delays = [
        delay_ms
        for second in range(seconds)
        if (delay_ms := _delay_ms(said, heard, first_s - heard_from_s, second))
    ]
    offset_s = first_s - heard_from_s + statistics.median(delays) / 1000
    missing = _missing(said, heard, offset_s)
    return Figures(delays, missing, made_up / seconds, cores, told, skews)


def recording(sounds: Sequence[Sound]) -> tuple[FloatArray, float]:
    """What was received, whole, and when its first sample came by the usual packet."""
    first = sounds[0].timestamp
    end = sounds[-1].timestamp - first + len(sounds[-1].samples)
    heard = np.zeros(end, np.float32)
    for sound in sounds:
        place = sound.timestamp - first
        heard[place : place + len(sound.samples)] = sound.samples / 32768
    came_s = statistics.median(
        sound.arrived_s - (sound.timestamp - first) / SECOND for sound in sounds
    )
    return heard, came_s


def _delay_ms(
    said: FloatArray, heard: FloatArray, offset_s: float, second: int
) -> float | None:
    """How much later a piece is heard than it was said; None if it is not found."""
    piece = said[second * SECOND :][: int(PIECE_S * SECOND)]
    start = round((offset_s + second) * SECOND)
    window = heard[max(start, 0) : start + len(piece) + int(LONGEST_S * SECOND)]
    if len(window) < len(piece):
        return None
    fits = correlate(window, piece, "valid", "fft")
    place = int(np.argmax(fits))
    power = float(np.linalg.norm(window[place : place + len(piece)]))
    likeness = float(fits[place]) / max(power * float(np.linalg.norm(piece)), 1e-9)
    return 1000 * place / SECOND if likeness > 0.5 else None


def _missing(said: FloatArray, heard: FloatArray, offset_s: float) -> float:
    start = max(round(offset_s * SECOND), 0)
    length = min(len(said), len(heard) - start) // BLOCK * BLOCK
    before, after = (
        np.sqrt((part.reshape(-1, BLOCK) ** 2).mean(1))
        for part in (said[:length], heard[start : start + length])
    )
    loud = before > 5 * SOUND
    return float((after[loud] < HEARD_SHARE * before[loud]).mean())


def report(weather: Weather, figures: Figures, *, flashes: bool) -> None:
    show(f"{weather.name}: mouth to ear", figures.delays_ms)
    show(f"{weather.name}: told by the server", figures.told_ms)
    if flashes:
        show_skew(f"{weather.name}: skew", figures.skews)
    for name, share in (("missing", figures.missing), ("made up", figures.made_up)):
        print(f"{f'{weather.name}: {name}':44} {100 * share:.2f} %")
    print(f"{weather.name + ': cores':44} {figures.cores:.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=int, default=40, help="of each network")
    parser.add_argument(
        "--look-ahead-ms", type=int, choices=[0, 40, 80], help="of the lips"
    )
    parser.add_argument(
        "--portrait", action="store_true", help="the server as it is: no skew then"
    )
    parser.add_argument(
        "--network", choices=["calm", "rough"], nargs="*", default=["calm", "rough"]
    )
    arguments = parser.parse_args()
    settings = {}
    if arguments.look_ahead_ms is not None:
        settings["PUPPET_LOOK_AHEAD_MS"] = str(arguments.look_ahead_ms)
    with server("server" if arguments.portrait else FLASH, **settings) as live:
        for weather in (NETWORKS[name] for name in arguments.network):
            figures = asyncio.run(speak(live, weather, arguments.seconds))
            report(weather, figures, flashes=not arguments.portrait)


if __name__ == "__main__":
    main()
