"""Cameras, sound devices and microphones that other programs see or that we hear.

Both libraries are optional (`pip install .[camera]`), and both need something of the
machine: a driver that shows pictures as a camera, PortAudio for sound. What is missing
is said with the way to get it.
"""

import asyncio
import contextlib
import platform
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av import AudioFrame

from models.media import FRAME_RATE_HZ, PACKET_SAMPLES, PLAYOUT_RATE_HZ, FloatArray

Picture = npt.NDArray[np.uint8]  # RGB [H, W, 3]
Pull = Callable[[int], FloatArray]  # so many samples at 48 kHz, now
MAX_WAITING_PACKETS = 10  # of a microphone; the oldest are lost

CAMERA_HELP = {
    "Linux": "sudo apt install v4l2loopback-dkms, then sudo modprobe v4l2loopback "
    "devices=1 exclusive_caps=1 card_label=Likeness",
    "Windows": "install OBS Studio (obsproject.com), start it once and press "
    "'Start Virtual Camera', or install Unity Capture",
    "Darwin": "install OBS 30 or newer (obsproject.com), start it, press 'Start "
    "Virtual Camera' once, allow the extension in the system settings, and quit it",
}
SOUND_HELP = {
    "Linux": "pactl load-module module-null-sink sink_name=likeness "
    "sink_properties=device.description=Likeness, give --sound likeness or pulse with "
    "PULSE_SINK=likeness, and choose 'Monitor of Likeness' as the microphone",
    "Windows": "install VB-Cable (vb-audio.com/Cable), give --sound 'CABLE Input', and "
    "choose 'CABLE Output' as the microphone",
    "Darwin": "brew install blackhole-2ch, give --sound 'BlackHole 2ch', and choose it "
    "as the microphone",
}
PORTAUDIO_HELP = {"Linux": "sudo apt install libportaudio2"}


class DeviceMissing(Exception):
    """What is not here, and what to do about it."""


class Camera(Protocol):
    """Shows pictures of one size to other programs."""

    name: str

    def send(self, picture: Picture) -> None: ...

    def close(self) -> None: ...


class VirtualCamera:
    """pyvirtualcam's, of whatever driver is here."""

    def __init__(self, width: int, height: int, device: str | None) -> None:
        """Raises:
        DeviceMissing: no package, no driver, or not that device or size.
        """
        try:
            import pyvirtualcam
        except ImportError:
            raise DeviceMissing(
                "The package pyvirtualcam is missing: pip install -c constraints.txt "
                "pyvirtualcam"
            ) from None
        try:
            self._camera: Any = pyvirtualcam.Camera(
                width, height, FRAME_RATE_HZ, device=device
            )
        except RuntimeError as error:
            reason = str(error).splitlines()[0].split(". ")[0]
            raise DeviceMissing(
                f"There is no virtual camera ({reason}). To get one, "
                f"{_help(CAMERA_HELP)}."
            ) from None
        self.name = str(self._camera.device)

    def send(self, picture: Picture) -> None:
        self._camera.send(np.ascontiguousarray(picture))

    def close(self) -> None:
        self._camera.close()


class SoundOutput:
    """A sound device, by PortAudio, which calls from a thread of its own.

    latency_s: from taking to sounding.
    """

    def __init__(self, pull: Pull, device: str | None) -> None:
        """Raises:
        DeviceMissing: no package, no PortAudio, or no such device.
        """
        sound = _sounddevice()

        def fill(out: FloatArray, frames: int, times: object, status: object) -> None:
            out[:] = pull(frames)[:, None]

        with _device_errors("sound device", device):
            self._stream = sound.OutputStream(
                samplerate=PLAYOUT_RATE_HZ,
                channels=_channels(sound, device, "max_output_channels"),
                dtype="float32",
                device=device,
                latency="low",
                callback=fill,
            )
            self._stream.start()
        self.name = device or "the default sound device"
        self.latency_s = float(self._stream.latency)

    def close(self) -> None:
        self._stream.stop()
        self._stream.close()


class Microphone:
    """What is pushed from any thread goes to the latest connection."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._track: MicrophoneTrack | None = None

    def connect(self) -> MediaStreamTrack:
        """A track for one more connection: aiortc ends those of one that breaks."""
        self._track = MicrophoneTrack()
        return self._track

    def push(self, samples: FloatArray) -> None:
        """float32 [PACKET_SAMPLES] at 48 kHz."""
        self._loop.call_soon_threadsafe(self._put, samples)

    def _put(self, samples: FloatArray) -> None:
        if self._track:
            self._track.put(samples)


class MicrophoneTrack(MediaStreamTrack):
    """What is put, 20 ms at a time; what nobody takes is lost."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._packets: asyncio.Queue[FloatArray] = asyncio.Queue(MAX_WAITING_PACKETS)
        self._count = 0

    def put(self, samples: FloatArray) -> None:
        """float32 [PACKET_SAMPLES] at 48 kHz, on the event loop."""
        if self._packets.full():
            self._packets.get_nowait()
        self._packets.put_nowait(samples)

    async def recv(self) -> AudioFrame:
        if self.readyState != "live":
            raise MediaStreamError
        samples = await self._packets.get()
        pcm = (samples.clip(-1, 1) * 32767).astype(np.int16)
        frame = AudioFrame.from_ndarray(pcm[None], "s16", "mono")
        frame.sample_rate = PLAYOUT_RATE_HZ
        frame.pts = self._count * PACKET_SAMPLES
        frame.time_base = Fraction(1, PLAYOUT_RATE_HZ)
        self._count += 1
        return frame


class SoundInput:
    """A microphone, by PortAudio."""

    def __init__(self, push: Callable[[FloatArray], None], device: str | None) -> None:
        """Raises:
        DeviceMissing: see SoundOutput.
        """
        sound = _sounddevice()

        def take(heard: FloatArray, frames: int, times: object, status: object) -> None:
            push(heard[:, 0].copy())

        with _device_errors("microphone", device):
            self._stream = sound.InputStream(
                samplerate=PLAYOUT_RATE_HZ,
                blocksize=PACKET_SAMPLES,
                channels=1,
                dtype="float32",
                device=device,
                latency="low",
                callback=take,
            )
            self._stream.start()

    def close(self) -> None:
        self._stream.stop()
        self._stream.close()


def device_lines() -> Iterator[str]:
    """What is here, for people; what is missing, with its remedy."""
    try:
        camera = VirtualCamera(640, 360, None)
        yield f"camera       {camera.name}"
        camera.close()
    except DeviceMissing as missing:
        yield f"camera       {missing}"
    try:
        devices = list(_sounddevice().query_devices())
    except DeviceMissing as missing:
        yield f"sound        {missing}"
        return
    for device in devices:
        if device["max_output_channels"]:
            yield f"sound        {device['name']}"
    for device in devices:
        if device["max_input_channels"]:
            yield f"microphone   {device['name']}"
    if not devices:
        yield f"sound        There is no sound device. To get one, {_help(SOUND_HELP)}."


def _sounddevice() -> Any:
    try:
        import sounddevice
    except ImportError:
        raise DeviceMissing(
            "The package sounddevice is missing: pip install -c constraints.txt "
            "sounddevice"
        ) from None
    except OSError:  # PortAudio is loaded on import; the wheels of Linux lack it
        raise DeviceMissing(
            f"PortAudio is missing: {_help(PORTAUDIO_HELP, 'install PortAudio')}"
        ) from None
    return sounddevice


@contextlib.contextmanager
def _device_errors(kind: str, device: str | None) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # PortAudio's own, ValueError for an unknown name
        named = f"{kind} {device!r}" if device else f"default {kind}"
        raise DeviceMissing(
            f"The {named} cannot be used ({error}). --list-devices names those that "
            f"there are. For one that other programs take as a microphone, "
            f"{_help(SOUND_HELP)}."
        ) from None


def _channels(sound: Any, device: str | None, which: str) -> int:
    """One or two: stereo devices may refuse mono."""
    info = sound.query_devices(device, "output")
    return max(1, min(2, int(info[which])))


def _help(texts: dict[str, str], otherwise: str = "see the README") -> str:
    return texts.get(platform.system(), otherwise)
