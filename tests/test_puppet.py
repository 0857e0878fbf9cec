"""A visitor's own voice moves the portrait: in time and in step, without the room."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import correlate

from models.media import PLAYOUT_RATE_HZ, FloatArray
from scripts.bench_turn import Voice
from scripts.live_client import LiveClient
from server.app import create_app
from server.microphone import Heard, VoiceActivity
from server.playout import Ended, Started, Utterance
from server.protocol import PuppetDelay
from tests.fakes import FAKE_PARTS, fake_settings, mouth_light
from tests.live_server import Live, serving
from tests.puppeteer import LEAVES_S, Stage
from tests.speech import question, silence
from tests.test_microphone import packets

RATE = PLAYOUT_RATE_HZ
TURN = 2 * RATE  # a word of 1.2 s, a pause of 0.8 s
WORD = RATE * 12 // 10


def spoken_at(place: int) -> bool:
    return place % TURN < WORD


def words(seconds: float, *, room: float = 0.0) -> FloatArray:
    """Tones in the place of words, in a room with noise."""
    place = np.arange(round(seconds * RATE))
    tone = 0.2 * np.sin(2 * np.pi * 180 * place / RATE) * (place % TURN < WORD)
    noise = room * np.random.default_rng(0).standard_normal(len(place))
    heard: FloatArray = (tone + noise).astype(np.float32)
    return heard


def onsets_s(stage: Stage) -> list[float]:
    """When words begin to leave, since the microphone began."""
    loud = np.abs(stage.output) > 0.05
    starts = np.flatnonzero(loud)
    firsts = starts[np.diff(starts, prepend=-RATE) > RATE // 4]
    return [float(first) / RATE + LEAVES_S for first in firsts]


def delays_ms(stage: Stage) -> list[float]:
    pace = TURN / RATE / (1 + stage.rate_ppm / 1e6)
    return [1000 * (at % pace) for at in onsets_s(stage)]


@pytest.mark.parametrize("rate_ppm", [-200, 0, 200])
@pytest.mark.parametrize("rough", [False, True], ids=["calm", "rough"])
def test_delay_never_grows_though_clocks_drift(rate_ppm: float, rough: bool) -> None:
    chance = np.random.default_rng(1)

    def delay_s(number: int) -> float | None:
        if rough and chance.random() < 0.02:
            return None
        return 0.01 + (0.03 * chance.random() if rough else 0.0)

    stage = Stage(words(150, room=0.001), spoken_at, rate_ppm, delay_s)
    stage.crank(148)
    delays = delays_ms(stage)
    assert len(delays) == 74
    assert max(delays) <= 200 + 10 and min(delays) > 140, (min(delays), max(delays))
    assert np.mean(delays[-20:]) == pytest.approx(np.mean(delays[4:24]), abs=8)
    told = [event for event in stage.told if isinstance(event, PuppetDelay)]
    assert told and all(each.delay_ms <= 200 for each in told)


def test_pauses_close_the_gate_and_words_keep_their_ends() -> None:
    stage = Stage(words(20, room=0.003), spoken_at)
    stage.crank(19)
    started = [each for each in stage.events if isinstance(each, Started)]
    ended = [each for each in stage.events if isinstance(each, Ended)]
    assert len(started) == 10 and len(ended) == 9
    assert all(each.utterance.live for each in started)
    lengths = [each.utterance.pushed / RATE for each in ended]
    assert all(1.2 <= length < 1.8 for length in lengths), lengths
    loud = np.abs(stage.output[RATE * 2 :]) > 0.05
    runs = np.flatnonzero(loud)
    ends = runs[:-1][np.diff(runs) > RATE // 4]
    firsts = runs[1:][np.diff(runs) > RATE // 4]
    whole = (ends[1:] - firsts[:-1]) / RATE
    assert whole == pytest.approx(1.2, abs=0.01)


def test_the_room_is_turned_down_and_moves_no_lips() -> None:
    noise = words(8, room=0.05)
    stage = Stage(noise - words(8), lambda place: False)
    stage.crank(7)
    heard, left = np.concatenate(stage.heard), stage.output
    assert not heard.any()
    level = float(np.sqrt((left[RATE:] ** 2).mean()))
    assert level == pytest.approx(0.05 * 10 ** (-24 / 20), rel=0.1)
    assert not stage.events


def test_an_interruption_mutes_until_the_speaker_pauses() -> None:
    stage = Stage(words(12), spoken_at)
    stage.crank(4.6)
    (cut,) = stage.playout.interrupt()
    assert cut.utterance.live and cut.played_samples > 0
    before = len(stage.output)
    stage.crank(3.4)
    after = np.abs(stage.output[before:])
    assert after[RATE // 50 : RATE].max() < 1e-6, "silent within 20 ms, for this word"
    assert after[RATE * 3 // 2 :].max() > 0.1, "the next word is heard"


def test_a_muted_microphone_sends_nothing() -> None:
    stage = Stage(words(8, room=0.01), spoken_at)
    stage.puppet.mute()
    stage.crank(4)
    assert np.abs(stage.output[RATE // 2 :]).max() == 0.0
    stage.puppet.on = True
    stage.crank(3)
    assert np.abs(stage.output[-2 * RATE :]).max() > 0.1


def say_text(stage: Stage, name: str, seconds: float) -> Utterance:
    utterance = Utterance(name)
    stage.playout.begin(stage.playout.generation, utterance)
    samples = np.full(round(seconds * RATE), 0.4, np.float32)
    stage.playout.push(stage.playout.generation, utterance, samples)
    stage.playout.finish(stage.playout.generation, utterance)
    return utterance


def test_a_text_waits_for_a_pause_and_is_not_talked_into() -> None:
    stage = Stage(words(12), spoken_at)
    stage.crank(2.6)  # in the second word
    text = say_text(stage, "text", 2.0)
    stage.crank(8)
    order = [
        (type(each).__name__, each.utterance is text)
        for each in stage.events
        if isinstance(each, Started | Ended)
    ]
    second_word = [("Started", False), ("Ended", False)]
    said = [("Started", True), ("Ended", True)]
    assert order[:2] == second_word
    assert order[2:6] == second_word + said
    place = next(
        x.media_sample
        for x in stage.events
        if isinstance(x, Started) and x.utterance is text
    )
    alone = stage.output[place : place + 2 * RATE]
    assert alone == pytest.approx(0.4, abs=1e-6), "nobody talks into it"


def test_a_microphone_that_stops_leaves_silence_and_comes_back() -> None:
    def delay_s(number: int) -> float | None:
        return None if 150 <= number < 350 else 0.01

    stage = Stage(words(14), spoken_at, delay_s=delay_s)
    stage.crank(13)
    gap = stage.output[round(3.5 * RATE) : round(6.5 * RATE)]
    assert np.abs(gap).max() < 1e-3
    late = delays_ms(stage)[-2:]
    assert all(140 < delay < 210 for delay in late), late


class Caller:
    closed = False


def test_of_real_packets_just_what_is_lost_is_made_up() -> None:
    pause = silence(0.6, RATE)
    said = np.concatenate(
        [pause, question("card", RATE), pause, question("voice", RATE)]
    )
    said = np.concatenate([said, said, said, pause])
    chance = np.random.default_rng(0)
    coming = sorted(
        (100 + number * 0.02 + 0.03 * chance.random(), number)
        for number in range(len(said) // 960)
        if chance.random() >= 0.02
    )
    lost = len(said) // 960 - len(coming)
    sent = packets(said)
    stage = Stage(silence(0.1, RATE), lambda place: False)
    stage._coming.clear()
    activity, caller = VoiceActivity(), Caller()
    for _ in range(round(25 * len(said) / RATE)):
        while coming and coming[0][0] <= stage.now_s:
            arrived_s, number = coming.pop(0)
            packet = replace(sent[number], arrived_s=arrived_s)
            stage.puppet.receive(caller, packet)
            stage.puppet.decide(activity.hear(stage.puppet.unjudged()))
        stage.crank(0.04)
    starts = [each for each in stage.events if isinstance(each, Started)]
    assert len(starts) >= 6
    made_up_s = stage.metrics.puppet_made_up_s._value.get()
    assert lost > 5 and made_up_s == pytest.approx(lost * 0.02, abs=0.05)
    heard = stage.output
    piece = said[: len(heard)]
    fits = correlate(heard, piece, "full", "fft")
    late = int(np.argmax(fits)) - (len(piece) - 1)
    assert 0.08 < late / RATE < 0.15


# Over the wire.


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    async with serving(create_app(fake_settings(tmp_path), FAKE_PARTS)) as live:
        yield live


async def made(live: Live, **body: object) -> str:
    wish = {"mode": "puppet", "video": {"width": 128, "height": 128}}
    answer = await live.http.post("/v1/sessions", json=wish | body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["session_id"])


async def test_a_voice_comes_back_with_lips_that_move(live: Live) -> None:
    session_id = await made(live)
    voice = Voice()
    async with LiveClient(
        live.url, mouth_light, session_id=session_id, microphone=voice
    ) as client:
        await client.ready()
        await client.until(lambda: client.found("puppet.microphone")[-1]["present"])
        voice.say(question("voice", RATE))
        started = await client.event("avatar.speech_started")
        await client.event("avatar.speech_ended")
        told = await client.event("puppet.delay")
        assert 100 < told["delay_ms"] < 400, "200 at most, where the machine is quick"
        await client.until(lambda: max(x.value for x in client.pictures) > 90)
        assert max(sound.level for sound in client.sounds) > 0.05
        await client.until(lambda: client.found("session.state")[-1]["state"] == "idle")
        states = [event["state"] for event in client.found("session.state")]
        assert states[:3] == ["idle", "speaking", "idle"]
        assert started["media_ms"] > 0 and not client.found("user.transcript")
        metrics = (await live.http.get("/metrics")).text
        assert 'likeness_puppet_packets_total{outcome="played"}' in metrics
        await client.delete()


async def test_only_the_first_microphone_is_the_voice(live: Live) -> None:
    session_id = await made(live)
    first, second = Voice(), Voice()
    async with LiveClient(live.url, session_id=session_id, microphone=first) as owner:
        await owner.ready()
        await owner.until(lambda: owner.found("puppet.microphone")[-1]["present"])
        puppet = next(iter(live.services.sessions)).dialogue.puppet
        assert puppet
        async with LiveClient(
            live.url, session_id=session_id, microphone=second
        ) as other:
            await other.ready()
            second.say(question("card", RATE))
            await asyncio.sleep(2.5)
            assert not owner.found("avatar.speech_started")
        await owner.delete()


@pytest.mark.parametrize(
    "body",
    [
        {"type": "avatar.speak_audio", "sample_rate": 16_000},
        {"type": "avatar.speak_end"},
        {"type": "avatar.respond", "text": "hello"},
    ],
)
async def test_what_a_puppet_does_not_do_is_refused(
    live: Live, body: dict[str, object]
) -> None:
    session_id = await made(live)
    answer = await live.http.post(f"/v1/sessions/{session_id}/commands", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "mode_puppet")


async def test_the_microphone_is_muted_and_opened_by_commands(live: Live) -> None:
    session_id = await made(live, interactivity="push_to_talk")
    path = f"/v1/sessions/{session_id}/commands"
    puppet = next(iter(live.services.sessions)).dialogue.puppet
    assert puppet and not puppet.on
    for kind, on in (
        ("avatar.start_listening", True),
        ("avatar.stop_listening", False),
    ):
        answer = await live.http.post(path, json={"type": kind})
        assert answer.status_code == 202 and puppet.on is on


@pytest.mark.parametrize("turn", [-100 * RATE, 100 * RATE])
def test_a_microphone_that_counts_anew_is_followed_at_once(turn: int) -> None:
    stage = Stage(words(16), spoken_at)
    stage.crank(6)
    hear = stage.puppet.hear
    jumps = [True]

    def moved(heard: Heard, arrived_s: float) -> None:
        jump = jumps.pop() if jumps else False
        hear(replace(heard, place=heard.place + turn, jumps=jump), arrived_s)

    stage.puppet.hear = moved  # type: ignore[method-assign]
    stage.crank(9)
    delays = delays_ms(stage)[-3:]
    assert len(delays) == 3 and all(120 < each < 210 for each in delays), delays


def test_silence_before_any_microphone() -> None:
    stage = Stage(silence(1, RATE), lambda place: False)
    stage._coming.clear()
    stage.crank(1)
    assert not stage.output.any() and not stage.told
