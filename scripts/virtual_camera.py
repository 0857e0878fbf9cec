"""The portrait as a camera and its voice as a microphone, for any program here.

    python -m scripts.virtual_camera --server http://127.0.0.1:8080
    python -m scripts.virtual_camera --puppet --sound "CABLE Input"
    python -m scripts.virtual_camera --list-devices

Each line that is typed is said; `? question` is answered, `/stop` interrupts, `/mute`
and `/unmute` are for the microphone of --puppet, `/quit` or Ctrl-C ends. The key of a
server that needs one is read from LIKENESS_API_KEY, where other users do not see it.
"""

import argparse
import asyncio
import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from models.media import FRAME_RATE_HZ
from scripts.live_viewer import LiveViewer, Refused, Server
from scripts.presentation import Presentation, fitted
from scripts.virtual_devices import (
    Camera,
    DeviceMissing,
    Microphone,
    SoundInput,
    SoundOutput,
    VirtualCamera,
    device_lines,
)

COMMANDS = {
    "/stop": "avatar.interrupt",
    "/mute": "avatar.stop_listening",
    "/unmute": "avatar.start_listening",
}
MAX_SIDE = 1280  # of what a server sends


@dataclass(frozen=True)
class Options:
    """As they were asked for. size: width, height of the camera."""

    server: Server
    size: tuple[int, int]
    wish: dict[str, object]
    camera: str | None
    sound: str | None
    microphone: str | None
    puppet: bool
    silent: bool


def main(argv: list[str] | None = None) -> int:
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.list_devices:
        for line in device_lines():
            print(line)
        return 0
    try:
        options = _options(arguments)
    except ValueError as error:
        parser.error(str(error))
    try:
        asyncio.run(run(options))
    except (DeviceMissing, Refused) as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


async def run(options: Options) -> None:
    """Until it is ended.

    Raises:
        DeviceMissing: a device that is needed is not here.
        Refused: the server will not have it.
    """
    show = Presentation()
    microphone = Microphone() if options.puppet else None
    with contextlib.ExitStack() as devices:
        camera = _open(options, show, microphone, devices)
        connect = microphone.connect if microphone else None
        viewer = LiveViewer(options.server, options.wish, show, connect, _say)
        await present(viewer, show, camera, options.size)


def _open(
    options: Options,
    show: Presentation,
    microphone: Microphone | None,
    devices: contextlib.ExitStack,
) -> Camera:
    """Every device that is asked for; of all that are missing it is told at once."""
    missing: list[str] = []

    @contextlib.contextmanager
    def trying() -> Iterator[None]:
        try:
            yield
        except DeviceMissing as problem:
            if str(problem) not in missing:
                missing.append(str(problem))

    camera: Camera | None = None
    with trying():
        camera = VirtualCamera(*options.size, options.camera)
        devices.callback(camera.close)
        _say(f"Pictures go to {camera.name}.")
    if not options.silent:
        with trying():
            speaker = SoundOutput(show.pull, options.sound)
            devices.callback(speaker.close)
            show.latency_s = speaker.latency_s
            _say(f"Sound goes to {speaker.name}.")
    if microphone:
        with trying():
            source = SoundInput(microphone.push, options.microphone)
            devices.callback(source.close)
    if missing or camera is None:
        raise DeviceMissing("\n".join(missing))
    return camera


async def present(
    viewer: LiveViewer,
    show: Presentation,
    camera: Camera,
    size: tuple[int, int],
    lines: "asyncio.Queue[str] | None" = None,
) -> None:
    """Keep the camera and the connection going, until a line says to stop.

    lines: what is typed; None reads them from the standard input.
    """
    tasks = [
        asyncio.create_task(each)
        for each in (
            viewer.run(),
            film(show, camera, size),
            obey(viewer, lines or typed()),
        )
    ]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def film(show: Presentation, camera: Camera, size: tuple[int, int]) -> None:
    """A picture 25 times a second on absolute deadlines, the last if none is new."""
    began_s, count = time.monotonic(), 0
    while True:
        picture = show.picture()
        if picture is not None:
            camera.send(fitted(picture, *size))
        now_s = time.monotonic()
        count = max(count + 1, int((now_s - began_s) * FRAME_RATE_HZ))
        await asyncio.sleep(max(0.0, began_s + count / FRAME_RATE_HZ - now_s))


async def obey(viewer: LiveViewer, lines: "asyncio.Queue[str]") -> None:
    """Do what is typed, until it is to quit."""
    while True:
        line = (await lines.get()).strip()
        if line == "/quit":
            return
        if not line:
            continue
        try:
            if line in COMMANDS:
                await viewer.command(COMMANDS[line])
            elif line.startswith("/"):
                viewer.tell(f"{line} is none of {', '.join(COMMANDS)}, /quit.")
            elif line.startswith("?"):
                await viewer.command("avatar.respond", text=line[1:].strip())
            else:
                await viewer.command("avatar.speak_text", text=line)
        except (Refused, OSError) as problem:
            viewer.tell(str(problem))


def typed() -> "asyncio.Queue[str]":
    """Lines of the standard input. At its end it goes on: it may run without one."""
    lines: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read() -> None:
        with contextlib.suppress(RuntimeError, ValueError):  # the loop has ended
            for line in sys.stdin:
                loop.call_soon_threadsafe(lines.put_nowait, line)

    threading.Thread(target=read, daemon=True, name="stdin").start()
    return lines


def _say(text: str) -> None:
    print(text, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--server", default="http://127.0.0.1:8080", metavar="URL")
    parser.add_argument("--key", default=os.environ.get("LIKENESS_API_KEY", ""))
    parser.add_argument("--identity", default="default")
    parser.add_argument("--voice")
    parser.add_argument("--language")
    parser.add_argument("--size", default="1280x720", help="of the camera")
    parser.add_argument(
        "--background", default="keep", help="keep, blur, green, #rrggbb"
    )
    parser.add_argument("--camera", metavar="DEVICE", help="else the first there is")
    parser.add_argument("--sound", metavar="DEVICE", help="else the default one")
    parser.add_argument("--no-sound", action="store_true")
    parser.add_argument(
        "--puppet", action="store_true", help="your own voice moves the portrait"
    )
    parser.add_argument("--microphone", metavar="DEVICE", help="else the default one")
    parser.add_argument("--list-devices", action="store_true")
    return parser


def _options(arguments: argparse.Namespace) -> Options:
    """Raises:
    ValueError: something cannot be meant.
    """
    width, height = read_size(arguments.size)
    if not arguments.server.startswith(("http://", "https://")):
        raise ValueError(f"--server {arguments.server} is no http or https address")
    wish: dict[str, object] = {
        "identity": arguments.identity,
        "voice": arguments.voice,
        "language": arguments.language,
        "mode": "puppet" if arguments.puppet else "full",
        # The portrait keeps its shape, in the middle of the camera's picture.
        "video": {
            "height": min(width, height) // 2 * 2,
            "background": arguments.background,
        },
    }
    return Options(
        Server(arguments.server, arguments.key),
        (width, height),
        wish,
        arguments.camera,
        arguments.sound,
        arguments.microphone,
        arguments.puppet,
        arguments.no_sound,
    )


def read_size(text: str) -> tuple[int, int]:
    """Width and height.

    Raises:
        ValueError: not WIDTHxHEIGHT, or out of what cameras and servers can do.
    """
    width, _, height = text.partition("x")
    if not (
        width.isascii() and width.isdigit() and height.isascii() and height.isdigit()
    ):
        raise ValueError(f"--size {text!r} is not WIDTHxHEIGHT, such as 1280x720")
    sides = int(width), int(height)
    if any(side % 2 or not 128 <= side <= MAX_SIDE for side in sides):
        raise ValueError(f"--size {text}: sides are even and from 128 to {MAX_SIDE}")
    return sides


if __name__ == "__main__":
    sys.exit(main())
