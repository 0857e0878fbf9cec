"""How soon a voice that cuts in is noticed: `python -m scripts.bench_barge_in`.

While the portrait speaks a long text, recorded questions are spoken into it, and one
word that asks it to stop: over aiortc, and with --visits the questions by a real
Chromium whose microphone plays them, as with headphones and through its echo canceller.
All times are from the first sound at the microphone to what is heard or told:

    softer    the portrait is not loud any more
    silent    nothing of it is heard any more
    a turn    user.speech_started has come

Starts a server of its own, with the embedded ear, unless --url is given.
"""

import argparse
import asyncio
import contextlib
import math
import random
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from models.media import PLAYOUT_RATE_HZ, FloatArray
from models.resample import Resampler
from scripts.bench_live import show
from scripts.bench_turn import Voice, trimmed
from scripts.cutting_in import (
    LONG_TEXT,
    WINDOW_S,
    Cut,
    Visit,
    cut_at,
    speaking_browser,
    write_microphone,
)
from scripts.live_client import LiveClient
from scripts.live_process import server
from scripts.speech_sources import Espeak, EspeakVoice

SPEECH = Path(__file__).parents[1] / "tests" / "speech"
QUESTIONS = [SPEECH / f"{name}_question.opus" for name in ("card", "voice", "photo")]
WORDS, WORD_VOICES = ("Stop.", "Wait."), ("en-us+f3", "en-us+m3")
ANSWER_S = 4.0  # from one cut to the next, with the question


async def over_aiortc(
    url: str, rounds: int, sounds: Sequence[FloatArray]
) -> list[Cut | None]:
    voice, chance, cuts = Voice(), random.Random(0), list[Cut | None]()
    async with LiveClient(url, microphone=voice) as client:
        await client.ready()
        for number in range(rounds):
            client.send("avatar.speak_text", text=LONG_TEXT)
            await asyncio.sleep(chance.uniform(2, 3))
            onset_s = voice.say(sounds[number % len(sounds)])
            await asyncio.sleep(ANSWER_S)
            turns = [s for s, e in client.events if e["type"] == "user.speech_started"]
            heard = [(each.arrived_s, each.level) for each in client.sounds]
            cuts.append(cut_at(onset_s, heard, turns))
            client.send("avatar.interrupt")
            await asyncio.sleep(1)
        await client.delete()
    return cuts


def in_chromium(
    url: str, visits: int, each: int, *, headphones: bool
) -> list[list[Cut | None]]:
    """The cuts of each visit, in their order."""
    chance, found = random.Random(0), list[list[Cut | None]]()
    sounds = [trimmed(QUESTIONS[number % len(QUESTIONS)]) for number in range(each + 1)]
    gaps_s = [2.0, *(chance.uniform(4, 5) for _ in range(each))]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "microphone.wav"
        begins = write_microphone(path, sounds, gaps_s)
        with speaking_browser(path) as browser:
            for _ in range(visits):
                context = browser.new_context()
                page = context.new_page()
                visit = Visit(page, f"{url}/talk.html", headphones=headphones)
                found.append(visit.cuts(begins))
                context.close()
    return found


def words() -> list[FloatArray]:
    """Each float32 [n] at 48 kHz, as loud as the questions."""
    espeak, said = Espeak(), list[FloatArray]()
    for text in WORDS:
        for voice in WORD_VOICES:
            spoken = espeak.say(text, EspeakVoice(voice, 190, 50, 50))
            resampler = Resampler(spoken.rate_hz, PLAYOUT_RATE_HZ)
            sound = resampler.push(spoken.samples, last=True)
            sound = sound[np.flatnonzero(np.abs(sound) > 0.02)[0] :]
            said.append(sound * np.float32(0.5 / np.abs(sound).max()))
    return said


def report(name: str, cuts: Sequence[Cut | None]) -> None:
    made = [cut for cut in cuts if cut]
    noticed = [cut for cut in made if math.isfinite(cut.turn_s)]
    print(f"{name}: {len(noticed)} of {len(made)} cuts noticed within {WINDOW_S} s")
    show("  softer", [1000 * cut.soft_s for cut in made if cut.soft_s < math.inf])
    show("  silent", [1000 * cut.silent_s for cut in made if cut.silent_s < math.inf])
    show("  a turn", [1000 * cut.turn_s for cut in noticed])


@contextlib.contextmanager
def address(url: str | None) -> Iterator[str]:
    if url:
        yield url
        return
    with server() as live:
        yield live.url


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", help="of a running server that is open")
    parser.add_argument("--rounds", type=int, default=12, help="over aiortc")
    parser.add_argument("--visits", type=int, default=0, help="of Chromium")
    parser.add_argument("--cuts", type=int, default=4, help="of each visit")
    arguments = parser.parse_args()
    with address(arguments.url) as url:
        if arguments.rounds:
            sounds = [trimmed(question) for question in QUESTIONS]
            for name, said in (("aiortc", sounds), ("aiortc, one word", words())):
                report(name, asyncio.run(over_aiortc(url, arguments.rounds, said)))
        if arguments.visits:
            for headphones in (True, False):
                visits = in_chromium(
                    url, arguments.visits, arguments.cuts, headphones=headphones
                )
                name = "Chromium, headphones" if headphones else "Chromium, cancelling"
                report(f"{name}, first", [cuts[0] for cuts in visits])
                report(f"{name}, others", [c for cuts in visits for c in cuts[1:]])


if __name__ == "__main__":
    main()
