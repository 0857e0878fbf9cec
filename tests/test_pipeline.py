"""Speech: in order, interruptible at every stage, each utterance with one end."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import pytest

from models.media import AudioChunk
from models.tts.catalogue import open_voice
from models.tts.voice import Voice
from server.errors import ApiError
from server.pipeline import Speech
from server.playout import (
    Captioned,
    Ended,
    PlayoutBuffer,
    PlayoutEvent,
    Started,
    Utterance,
)
from server.protocol import ErrorEvent, Event, Warned
from server.utterances import AudioItem
from tests.fakes import FakeVoice, FakeVoices

PACKET = 960


@dataclass(eq=False)
class Stage:
    """A speech with a hand-cranked clock."""

    speech: Speech
    playout: PlayoutBuffer
    told: list[Event]
    events: list[PlayoutEvent] = field(default_factory=list)
    levels: list[float] = field(default_factory=list)

    async def play(self, packets: int) -> None:
        """Let time pass: sound is made between packets as it would be."""
        for _ in range(packets):
            await asyncio.sleep(0.002)
            self.playout.look_ahead(PACKET)
            released = self.playout.release(PACKET)
            self.events += released.events
            self.levels.append(float(np.abs(released.samples).max(initial=0)))
            self.speech.released()

    def of(self, kind: type[PlayoutEvent]) -> list[str]:
        return [
            e.utterance.source_event_id or ""
            for e in self.events
            if isinstance(e, kind)
        ]


@contextlib.asynccontextmanager
async def stage(
    voice: Voice | None = None, max_queued: int = 4
) -> AsyncIterator[Stage]:
    playout = PlayoutBuffer()
    told: list[Event] = []
    voices = FakeVoices()
    with ThreadPoolExecutor(2) as executor:
        speech = Speech(
            playout,
            lambda v, lang: voice or voices.open(v, lang),
            executor,
            told.append,
            max_queued=max_queued,
        )
        task = asyncio.create_task(speech.run())
        speech.viewer_came()
        try:
            yield Stage(speech, playout, told)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def say(stage: Stage, text: str, source: str = "s", voice: str | None = None) -> None:
    stage.speech.speak_text(text, voice=voice, language=None, source=source)


async def test_texts_are_spoken_in_order_with_words_in_time() -> None:
    async with stage() as its:
        say(its, "one two", "a")
        say(its, "three.", "b")
        await its.play(45)
    assert its.of(Started) == ["a", "b"] == its.of(Ended)
    captions = [e for e in its.events if isinstance(e, Captioned)]
    assert [c.mark.text for c in captions] == ["one two", "three."]
    assert captions[0].mark.words == (("one", 0, 9600), ("two", 9600, 19200))
    assert not its.speech.busy


async def test_nothing_is_said_before_a_viewer_comes() -> None:
    playout = PlayoutBuffer()
    with ThreadPoolExecutor(1) as executor:
        speech = Speech(playout, FakeVoices().open, executor, print, max_queued=4)
        task = asyncio.create_task(speech.run())
        speech.speak_text("hello", voice=None, language=None, source=None)
        await asyncio.sleep(0.02)
        assert not playout.active and speech.queued == 1
        speech.viewer_came()
        await asyncio.sleep(0.05)
        assert playout.pending_samples > 0
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class EndlessVoice(FakeVoice):
    """Goes on until it is told to stop."""

    def speak(self, text: str) -> Iterator[AudioChunk]:
        try:
            while True:
                time.sleep(0.001)
                yield AudioChunk(np.full(800, 0.5, np.float32), self.rate_hz)
        finally:
            self.closed += 1


async def test_interrupt_stops_synthesis_and_forgets_the_queue() -> None:
    voice = EndlessVoice()
    async with stage(voice) as its:
        say(its, "on and on", "a")
        say(its, "never", "b")
        await its.play(10)
        cut = its.speech.interrupt()
        assert [each.utterance.source_event_id for each in cut] == ["a", "b"]
        heard = PACKET * sum(level > 0 for level in its.levels)
        assert heard - PACKET < cut[0].played_samples <= heard
        its.levels.clear()
        await its.play(10)
        assert voice.closed == 1
        assert not any(its.levels[2:]), its.levels
        assert its.of(Ended) == []
        assert not its.speech.busy


async def test_speech_goes_on_after_an_interrupt() -> None:
    async with stage() as its:
        say(its, "one two three four five", "a")
        await its.play(5)
        its.speech.interrupt()
        say(its, "six", "b")
        await its.play(20)
    assert its.of(Ended) == ["b"]


async def test_interrupt_before_synthesis_has_begun() -> None:
    async with stage() as its:
        say(its, "one", "a")
        cut = its.speech.interrupt()
        assert [each.played_samples for each in cut] == [0]
        await its.play(20)
    assert not any(its.levels)


async def test_what_cannot_be_spoken_is_one_error_and_the_next_goes_on() -> None:
    async with stage() as its:
        say(its, "...", "a")
        say(its, "fine", "b")
        say(its, "hello", "c", voice="no such voice")
        await its.play(30)
    errors = [e for e in its.told if isinstance(e, ErrorEvent)]
    assert [(e.source_event_id, e.code) for e in errors] == [
        ("a", "text_unspeakable"),
        ("c", "voice_unknown"),
    ]
    assert its.of(Ended) == ["b"]


async def test_empty_text_and_full_queue_are_refused() -> None:
    async with stage(max_queued=2) as its:
        with pytest.raises(ApiError, match="no text"):
            say(its, " \n")
        say(its, "one")
        say(its, "two")
        with pytest.raises(ApiError) as caught:
            say(its, "three")
        assert caught.value.code == "queue_full" and caught.value.retryable


@pytest.mark.parametrize("rate_hz", [8_000, 22_050, 24_000, 48_000])
@pytest.mark.parametrize("chunk", [1, 333, 100_000])
async def test_own_voice_in_chunks_of_any_size(rate_hz: int, chunk: int) -> None:
    seconds = 0.2
    phase = np.arange(int(rate_hz * seconds)) * 2 * np.pi * 200 / rate_hz
    pcm = (0.5 * np.sin(phase) * 32767).astype("<i2").tobytes()
    if chunk == 1:
        pcm = pcm[:600]
    async with stage() as its:
        its.speech.speak_audio(rate_hz, b"", "a")
        for first in range(0, len(pcm), chunk):
            its.speech.append_audio(pcm[first : first + chunk])
        its.speech.speak_end()
        await its.play(30)
    assert its.of(Started) == its.of(Ended) == ["a"]
    start = next(e.media_sample for e in its.events if isinstance(e, Started))
    end = next(e.media_sample for e in its.events if isinstance(e, Ended))
    assert end - start == pytest.approx(len(pcm) / 2 / rate_hz * 48_000, abs=2)
    assert max(its.levels) == pytest.approx(0.5, abs=0.05)


async def test_own_voice_refusals() -> None:
    async with stage() as its:
        for call in (its.speech.speak_end, lambda: its.speech.append_audio(b"xx")):
            with pytest.raises(ApiError, match="open|speak_audio"):
                call()
        its.speech.speak_audio(8_000, b"\0\0", "a")
        with pytest.raises(ApiError, match="8000"):
            its.speech.speak_audio(16_000, b"", "a")


def test_own_voice_is_bounded() -> None:
    item = AudioItem(Utterance("u"), 8_000, 0)
    with pytest.raises(ApiError) as caught:
        for _ in range(100):
            item.append(bytes(16_001))
    assert caught.value.code == "audio_buffer_full"
    assert item.waiting_bytes <= 60 * 8_000 * 2


async def test_an_utterance_left_open_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.producer.SILENT_SPEAKER_S", 0.02)
    async with stage() as its:
        its.speech.speak_audio(48_000, bytes(9600), "a")
        say(its, "after", "b")
        await its.play(60)
    assert its.of(Ended) == ["a", "b"]
    assert any(isinstance(e, Warned) for e in its.told)


async def test_markup_is_not_shown_and_what_is_dropped_is_told() -> None:
    async with stage(open_voice()) as its:
        say(its, '👍 Hello <b>there</b>. <break time="900ms"/> Bye. 🎉')
        await its.play(250)
    assert its.of(Ended) == ["s"]
    captions = [e.mark for e in its.events if isinstance(e, Captioned)]
    assert [mark.text for mark in captions] == ["Hello there.", "Bye."]
    assert captions[1].words[0][1] - captions[0].words[-1][2] > 0.9 * 48_000
    (warned,) = (event for event in its.told if isinstance(event, Warned))
    assert warned.code == "text_dropped"
    assert warned.message == "Not spoken: 2 pictographs, 2 tags."


async def test_a_clause_that_cannot_be_read_is_told() -> None:
    async with stage(open_voice(None, "ja")) as its:
        say(its, "これは。東京です。はい。")
        await its.play(150)
    assert its.of(Ended) == ["s"]
    warned = [event.code for event in its.told if isinstance(event, Warned)]
    assert warned == ["text_unreadable"]


async def test_a_pause_alone_is_played_without_a_caption() -> None:
    async with stage(open_voice()) as its:
        say(its, '<break time="300ms"/>')
        await its.play(20)
    assert its.of(Ended) == ["s"]
    assert not [e for e in its.events if isinstance(e, Captioned)]
