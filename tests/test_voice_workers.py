"""Voices in processes of their own: killed, hung, stopped, and still there after it."""

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from models.errors import TextError, VoiceError
from models.media import AudioChunk
from scripts.live_client import LiveClient
from server import playout
from server.app import create_app
from server.voice_workers import VoiceWorkers
from tests.fakes import FAKE_PARTS, fake_settings
from tests.live_server import serving

TEXT = "One two three four five six seven."


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[VoiceWorkers]:
    workers = VoiceWorkers([tmp_path], 1)
    yield workers
    workers.close()


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def samples_of(chunks: Iterator[AudioChunk]) -> int:
    return sum(len(chunk.samples) for chunk in chunks)


def pid_of(workers: VoiceWorkers) -> int:
    pid = workers.workers[0].pid
    assert pid
    return pid


def test_a_text_comes_in_chunks_with_its_words(workers: VoiceWorkers) -> None:
    voice = workers.open(None, "en-US")
    chunks = list(voice.speak(TEXT))
    words = [m.text for c in chunks for m in c.marks if m.kind == "word"]
    assert voice.info.language.startswith("en") and len(chunks) > 5
    assert {chunk.rate_hz for chunk in chunks} == {voice.rate_hz}
    assert words[:3] == ["One", "two", "three"]
    assert max(np.abs(chunk.samples).max() for chunk in chunks) > 0.1


def test_the_voices_own_errors_come_through(workers: VoiceWorkers) -> None:
    with pytest.raises(VoiceError, match="no voice") as unknown:
        workers.open("nobody", None)
    assert unknown.value.code == "voice_unknown"
    with pytest.raises(TextError):
        list(workers.open(None, None).speak("..."))
    assert samples_of(workers.open(None, None).speak(TEXT)) > 0


def test_whoever_stops_listening_stops_the_voice_and_not_the_process(
    workers: VoiceWorkers,
) -> None:
    voice = workers.open(None, None)
    pid = pid_of(workers)
    for _ in range(5):
        chunks = voice.speak(TEXT * 50)
        assert len(list(islice(chunks, 2))) == 2
        chunks.close()  # type: ignore[attr-defined]
    assert samples_of(voice.speak(TEXT)) > 0
    assert pid_of(workers) == pid


def test_a_process_killed_in_mid_text_is_told_and_replaced(
    workers: VoiceWorkers,
) -> None:
    voice = workers.open(None, None)
    killed = pid_of(workers)
    chunks = voice.speak(TEXT * 50)
    next(chunks)
    os.kill(killed, signal.SIGKILL)
    with pytest.raises(VoiceError) as error:
        list(chunks)
    assert error.value.code == "voice_died"
    began_s = time.monotonic()
    assert samples_of(voice.speak(TEXT)) > 0
    assert time.monotonic() - began_s < 5
    assert pid_of(workers) != killed and not alive(killed)


def test_a_process_that_died_at_rest_is_not_missed(workers: VoiceWorkers) -> None:
    voice = workers.open(None, None)
    os.kill(pid_of(workers), signal.SIGKILL)
    time.sleep(0.1)
    assert samples_of(voice.speak(TEXT)) > 0


def test_a_process_that_hangs_is_killed(tmp_path: Path) -> None:
    workers = VoiceWorkers([tmp_path], 1, hung_s=3)
    try:
        voice = workers.open(None, None)
        hung = pid_of(workers)
        os.kill(hung, signal.SIGSTOP)
        with pytest.raises(VoiceError) as error:
            list(voice.speak(TEXT))
        assert error.value.code == "voice_hung"
        assert not alive(hung)
        assert samples_of(voice.speak(TEXT)) > 0
    finally:
        workers.close()


def test_several_threads_share_few_processes(tmp_path: Path) -> None:
    workers = VoiceWorkers([tmp_path], 2)
    try:
        voice = workers.open(None, None)
        expected = samples_of(voice.speak(TEXT))
        counts: list[int] = []
        threads = [
            threading.Thread(
                target=lambda: counts.append(samples_of(voice.speak(TEXT)))
            )
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        # espeak-ng is not the same to the sample from one time to the next.
        assert counts == [pytest.approx(expected, rel=0.01)] * 8
    finally:
        workers.close()
    assert not any(worker.pid for worker in workers.workers)


def test_processes_end_when_the_server_has_gone(workers: VoiceWorkers) -> None:
    workers.open(None, None)
    pid = pid_of(workers)
    pipe = workers.workers[0]._pipe
    assert pipe
    os.close(pipe.fileno())  # as the kernel does for a server that was killed
    pipe._handle = None  # type: ignore[attr-defined]
    process = workers.workers[0]._process
    assert process and process.wait(10) == 0 and not alive(pid)


async def test_a_killed_voice_costs_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In mid-sentence: an error, the portrait lives on, the next sentence is said."""
    monkeypatch.setattr(playout, "CAPACITY_SAMPLES", 24_000)
    made: list[VoiceWorkers] = []

    def open_voices(folders: Sequence[Path]) -> VoiceWorkers:
        made.append(VoiceWorkers(folders, 1))
        return made[-1]

    parts = replace(FAKE_PARTS, open_voices=open_voices)
    async with serving(create_app(fake_settings(tmp_path), parts)) as live:
        async with LiveClient(live.url) as client:
            await client.ready()
            client.send("avatar.speak_text", text=f"{TEXT} " * 8, event_id="first")
            await client.event("avatar.speech_started")
            pid = pid_of(made[0])
            os.kill(pid, signal.SIGSTOP)  # so that it is killed at work
            await client.until(lambda: made[0]._free.empty())
            os.kill(pid, signal.SIGKILL)
            error = await client.event("error")
            await client.event("avatar.speech_ended")
            pictures = len(client.pictures)
            await client.until(lambda: len(client.pictures) > pictures + 12)
            client.send("avatar.speak_text", text="I am back.", event_id="next")
            await client.until(lambda: len(client.found("avatar.speech_ended")) == 2)
            stamps = np.diff([sound.timestamp for sound in client.sounds])
            gaps = np.diff([picture.arrived_s for picture in client.pictures])
            await client.delete()
    assert (error["code"], error["retryable"]) == ("voice_died", True)
    assert error["source_event_id"] == "first"
    assert client.found("avatar.speech_ended")[1]["source_event_id"] == "next"
    assert set(stamps) == {960}
    assert gaps.max() < 0.5
