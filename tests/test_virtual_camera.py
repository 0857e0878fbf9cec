"""The portrait as a camera and its voice as a microphone, at made-up devices."""

import asyncio
import contextlib
import platform
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.identity import Identity
from models.media import PLAYOUT_RATE_HZ, FloatArray
from scripts import virtual_devices
from scripts.live_viewer import LiveViewer, Refused, Server
from scripts.presentation import Presentation
from scripts.virtual_camera import main, present, read_size
from scripts.virtual_devices import (
    DeviceMissing,
    Microphone,
    MicrophoneTrack,
    device_lines,
)
from server.app import create_app
from server.engine import Models, Pictures
from tests.fakes import FAKE_PARTS, fake_models, fake_render, fake_settings, mouth_light
from tests.live_server import Live, serving
from tests.speech import question

RATE = PLAYOUT_RATE_HZ
SIZE = (320, 180)
BLOCK = 480
LOUD, BRIGHT = 0.05, 90.0


@dataclass(eq=False)
class FakeCamera:
    """Notes what it is sent, and when."""

    name: str = "fake camera"
    sent: list[tuple[float, Pictures]] = field(default_factory=list)
    closed: bool = False

    def send(self, picture: Pictures) -> None:
        self.sent.append((time.monotonic(), picture.copy()))

    def close(self) -> None:
        self.closed = True


class FakeSpeaker:
    """A sound card: a thread that takes 10 ms of sound each 10 ms."""

    def __init__(self, show: Presentation) -> None:
        self.taken: list[tuple[float, FloatArray]] = []
        self._show = show
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        began_s, count = time.monotonic(), 0
        while not self._stopped.is_set():
            self.taken.append((time.monotonic(), self._show.pull(BLOCK)))
            count += 1
            due_s = began_s + count * BLOCK / RATE
            time.sleep(max(0.0, due_s - time.monotonic()))

    def close(self) -> None:
        self._stopped.set()
        self._thread.join()


@dataclass(eq=False)
class Desk:
    """A virtual camera at work. said: what it told people."""

    camera: FakeCamera
    speaker: FakeSpeaker
    viewer: LiveViewer
    lines: "asyncio.Queue[str]"
    said: list[str]

    async def until(self, done: Callable[[], object], timeout_s: float = 25) -> None:
        async with asyncio.timeout(timeout_s):
            while not done():  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    def lights(self) -> list[tuple[float, bool]]:
        return [
            (at, mouth_light(picture[26:154, 96:224]) > BRIGHT)
            for at, picture in self.camera.sent
        ]

    def sounds(self) -> list[tuple[float, bool]]:
        return [(at, float(np.abs(x).max()) > LOUD) for at, x in self.speaker.taken]


@contextlib.asynccontextmanager
async def desk(
    url: str, microphone: Microphone | None = None, key: str = "", **wish: object
) -> AsyncIterator[Desk]:
    show, camera = Presentation(), FakeCamera()
    speaker = FakeSpeaker(show)
    said: list[str] = []
    lines: asyncio.Queue[str] = asyncio.Queue()
    video = {"video": {"width": 128, "height": 128}}
    connect = microphone.connect if microphone else None
    viewer = LiveViewer(Server(url, key), video | wish, show, connect, said.append)
    task = asyncio.create_task(present(viewer, show, camera, SIZE, lines))
    try:
        yield Desk(camera, speaker, viewer, lines, said)
    finally:
        lines.put_nowait("/quit")
        with contextlib.suppress(Refused):
            await task
        speaker.close()


def red_render(identities: Sequence[Identity], motion: FloatArray) -> Pictures:
    """As the fake, on red."""
    pictures = fake_render(identities, motion)
    pictures[:, :32] = (200, 30, 60)
    return pictures


def red_models(device: str, threads: int, *look_ahead_ms: int) -> Models:
    return replace(fake_models(), render=red_render)


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    settings = fake_settings(tmp_path, absent_timeout_s=2)
    parts = replace(FAKE_PARTS, load_models=red_models)
    async with serving(create_app(settings, parts)) as live:
        yield live


def onsets(rows: list[tuple[float, bool]], quiet_s: float = 0.3) -> list[float]:
    """When something begins that was not for a while."""
    found, last_s = [], -quiet_s
    for at, on in rows:
        if on and at - last_s > quiet_s:
            found.append(at)
        last_s = at if on else last_s
    return found


async def test_picture_and_sound_reach_the_devices_in_step(live: Live) -> None:
    async with desk(live.url) as at:
        await at.until(lambda: at.viewer.connected and at.camera.sent)
        for _ in range(4):
            before = len(onsets(at.sounds()))
            at.lines.put_nowait("word")
            await at.until(lambda: len(onsets(at.sounds())) > before)  # noqa: B023
            await asyncio.sleep(0.9)
    sounds, lights = onsets(at.sounds()), onsets(at.lights())
    assert len(sounds) >= 4 and lights
    skews = [
        1000 * (light - sound)
        for sound in sounds
        for light in lights
        if abs(light - sound) < 0.4
    ]
    assert len(skews) >= 3 and abs(float(np.median(skews))) < 80, skews
    pictures = [picture for _, picture in at.camera.sent]
    assert {each.shape for each in pictures} == {(180, 320, 3)}
    red, green, blue = pictures[-1][30:50, 140:180].reshape(-1, 3).mean(0)
    assert red > 150 and green < 80 and blue < 110, "RGB, in this order"
    paces = np.diff([sent_s for sent_s, _ in at.camera.sent])
    assert len(paces) / paces.sum() == pytest.approx(25, abs=2.5)
    assert len(live.services.sessions) == 0, "its session has ended with it"


async def test_the_last_picture_is_held_until_it_is_back(live: Live) -> None:
    async with desk(live.url) as at:
        await at.until(lambda: at.viewer.connected and len(at.camera.sent) > 10)
        (session,) = live.services.sessions
        session.close("deleted")
        await at.until(lambda: at.viewer.reconnects > 0)
        held = len(at.camera.sent)
        await at.until(lambda: at.viewer.connected)
        await at.until(lambda: len(at.camera.sent) > held + 25)
        at.lines.put_nowait("again")
        await at.until(lambda: any(on for _, on in at.sounds()[-50:]))
    assert np.diff([sent_s for sent_s, _ in at.camera.sent]).max() < 1.0
    assert at.camera.sent[held][1].any(), "no black between"
    assert at.said.count("Connected.") == 2


async def test_a_connection_that_breaks_takes_up_its_session(live: Live) -> None:
    async with desk(live.url) as at:
        await at.until(lambda: at.viewer.connected)
        (session,) = live.services.sessions
        (peer,) = session.viewers.values()
        await peer.close()
        await at.until(lambda: at.said.count("Connected.") == 2)
        assert list(live.services.sessions) == [session]


async def test_what_is_typed_is_said_asked_or_stopped(live: Live) -> None:
    async with desk(live.url) as at:
        await at.until(lambda: at.viewer.connected)
        at.lines.put_nowait("one two three four five six seven eight nine ten")
        await at.until(lambda: onsets(at.sounds()))
        at.lines.put_nowait("/stop")
        await asyncio.sleep(0.8)
        assert not any(on for _, on in at.sounds()[-20:])
        at.lines.put_nowait("? why")
        await at.until(lambda: any(on for _, on in at.sounds()[-20:]))
        at.lines.put_nowait("/sing")
        at.lines.put_nowait(" ")
        await at.until(lambda: any("/sing is none of" in each for each in at.said))


async def test_a_microphone_moves_the_portrait_also_after_a_break(live: Live) -> None:
    microphone = Microphone()
    room = 0.0002 * np.random.default_rng(0).standard_normal(RATE)
    said = np.concatenate([question("card", RATE), room, room]).astype(np.float32)

    async def talk() -> None:
        began_s, count = time.monotonic(), 0
        while True:
            place = count * 960 % (len(said) - 960)
            microphone.push(said[place : place + 960])
            count += 1
            await asyncio.sleep(max(0.0, began_s + count / 50 - time.monotonic()))

    talking = asyncio.create_task(talk())
    try:
        async with desk(live.url, microphone, mode="puppet") as at:
            await at.until(lambda: onsets(at.sounds()))
            await at.until(lambda: onsets(at.lights()))
            await at.until(lambda: any("ms late" in each for each in at.said))
            (session,) = live.services.sessions
            session.close("deleted")
            await at.until(lambda: at.said.count("Connected.") == 2)
            again = len(at.speaker.taken)
            await at.until(lambda: any(on for _, on in at.sounds()[again:]))
    finally:
        talking.cancel()
        await asyncio.gather(talking, return_exceptions=True)


async def test_what_cannot_be_helped_ends_it(live: Live) -> None:
    with pytest.raises(Refused, match="identity"):
        show, camera = Presentation(), FakeCamera()
        wish: dict[str, object] = {"identity": "nobody"}
        viewer = LiveViewer(Server(live.url), wish, show, None, print)
        await present(viewer, show, camera, SIZE, asyncio.Queue())


async def test_a_server_that_is_not_there_yet_is_waited_for() -> None:
    said: list[str] = []
    viewer = LiveViewer(
        Server("http://127.0.0.1:9"), {}, Presentation(), None, said.append
    )
    running = asyncio.create_task(viewer.run())
    async with asyncio.timeout(20):
        while len(said) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert said[0].startswith("No connection")


# Devices, as their libraries see them.


def test_pictures_reach_a_driver_as_rgb(monkeypatch: pytest.MonkeyPatch) -> None:
    library = pytest.importorskip("pyvirtualcam")
    got: list[np.ndarray[Any, Any]] = []
    asked: list[dict[str, Any]] = []

    class Driver:
        def __init__(self, **wanted: Any) -> None:
            asked.append(wanted)

        def send(self, frame: "np.ndarray[Any, Any]") -> None:
            got.append(frame.copy())

        def device(self) -> str:
            return "driver"

        def native_fourcc(self) -> None:
            return None

        def close(self) -> None:
            pass

    monkeypatch.setattr(library.camera, "BACKENDS", {"fake": Driver})
    camera = virtual_devices.VirtualCamera(4, 2, None)
    picture = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    camera.send(picture[:, ::-1][:, ::-1])
    camera.close()
    assert camera.name == "driver" and (asked[0]["width"], asked[0]["height"]) == (4, 2)
    assert asked[0]["fourcc"] == library.util.encode_fourcc("raw ")
    assert got[0].ravel().tolist() == list(range(24))


async def test_sound_reaches_and_leaves_sound_devices(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    streams: list[dict[str, Any]] = []

    class Stream:
        latency = 0.02

        def __init__(self, **wanted: Any) -> None:
            if wanted["device"] == "nowhere":
                raise ValueError("No output device matching 'nowhere'")
            streams.append(wanted)

        def start(self) -> None: ...

        def stop(self) -> None: ...

        def close(self) -> None: ...

    class Library:
        OutputStream = InputStream = Stream

        @staticmethod
        def query_devices(device: str | None = None, kind: str = "") -> dict[str, int]:
            return {"max_output_channels": 2}

    monkeypatch.setitem(sys.modules, "sounddevice", Library())
    output = virtual_devices.SoundOutput(lambda n: np.full(n, 0.5, np.float32), None)
    assert output.latency_s == 0.02 and streams[0]["samplerate"] == RATE
    out = np.zeros((BLOCK, streams[0]["channels"]), np.float32)
    streams[0]["callback"](out, BLOCK, None, None)
    assert out.shape == (BLOCK, 2) and (out == 0.5).all()
    output.close()
    microphone = Microphone()
    track = microphone.connect()
    source = virtual_devices.SoundInput(microphone.push, None)
    for _ in range(30):
        streams[1]["callback"](np.full((960, 1), 0.25, np.float32), 960, None, None)
    await asyncio.sleep(0)
    frame: Any = await track.recv()
    assert frame.sample_rate == RATE and frame.samples == 960
    assert isinstance(track, MicrophoneTrack)
    assert track._packets.qsize() < 10, "what nobody takes is not kept"
    source.close()
    with pytest.raises(DeviceMissing, match="'nowhere' cannot be used"):
        virtual_devices.SoundOutput(lambda n: np.zeros(n, np.float32), "nowhere")


# What is missing.


def test_it_says_what_is_missing_and_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    assert main(["--puppet"]) == 1
    told = capsys.readouterr().err
    assert "pip install" in told and "pyvirtualcam" in told and "sounddevice" in told
    assert main(["--list-devices"]) == 0
    assert "pyvirtualcam is missing" in capsys.readouterr().out


def test_a_machine_without_a_driver_is_told_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class NoDriver:
        def Camera(self, *arguments: object, **named: object) -> None:
            raise RuntimeError("'v4l2loopback' backend: No device found. See also.")

    monkeypatch.setitem(sys.modules, "pyvirtualcam", NoDriver())
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    with pytest.raises(DeviceMissing, match="modprobe v4l2loopback"):
        virtual_devices.VirtualCamera(640, 360, None)
    monkeypatch.setattr(platform, "system", lambda: "Windows")
    assert any("OBS" in line for line in device_lines())


@pytest.mark.parametrize(
    "size", ["", "1280", "1280x", "axb", "12x12", "641x360", "²x²"]
)
def test_sizes_that_cannot_be_are_refused(
    size: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ValueError, match="--size"):
        read_size(size)
    with pytest.raises(SystemExit):
        main(["--size", size])
    assert "--size" in capsys.readouterr().err
