"""The doctor's look at the machine: Python, processor, disk, network, GPU, browser."""

import contextlib
import http.client
import json
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from scripts.doctor_parts import piper_voices
from scripts.finding import Finding, attempt

SUPPORTED = ((3, 11), (3, 13))  # as pyproject.toml; mediapipe has no later wheels
FREE_BYTES = 1_000_000_000
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

_ENCODE = """
import av, numpy as np
from fractions import Fraction
codec = av.CodecContext.create({codec!r}, "w")
codec.width, codec.height, codec.pix_fmt, codec.framerate = 512, 512, "yuv420p", 25
codec.time_base = Fraction(1, 25)
frame = av.VideoFrame.from_ndarray(np.zeros((512, 512, 3), np.uint8)).reformat(
    format="yuv420p")
frame.pts = 0
packets = [*codec.encode(frame), *codec.encode(None)]
assert sum(packet.size for packet in packets) > 0
"""
_SETTINGS = """
import json, sys
from pydantic import ValidationError
from server.settings import Settings
try:
    settings = Settings()
except ValidationError as error:
    wrong = error.errors()[0]
    sys.exit(f"{'.'.join(map(str, wrong['loc']))}: {wrong['msg']}")
folders = [str(settings.data_dir), str(settings.weights)]
print(json.dumps([settings.host, settings.port, *folders]))
"""
_PRECEDENCE = """
from server.precedence import take_precedence
from server.settings import Settings
niceness = Settings().niceness
assert take_precedence(niceness), niceness
print(f"nice {niceness}")
"""
_CUDA = """
import torch
assert torch.cuda.is_available(), "torch sees no CUDA device"
torch.ones(4, device="cuda").sum().item()
device = torch.cuda.get_device_properties(0)
memory = f"{device.total_memory / 2**30:.0f} GiB"
print(f"{device.name}, {memory}, CUDA {torch.version.cuda}")
"""


def python() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    if SUPPORTED[0] <= sys.version_info[:2] < SUPPORTED[1]:
        yield Finding("ok", "Python", version)
    else:
        yield Finding(
            "missing",
            "Python",
            version,
            "Use Python 3.11 or 3.12: make PYTHON=python3.11",
        )


def cpu() -> Iterator[Finding]:
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    if count >= 2:
        yield Finding("ok", "CPU", f"{count} cores")
    else:
        yield Finding(
            "optional", "CPU", "1 core", "Two keep 25 frames a second beside a browser."
        )


def precedence() -> Iterator[Finding]:
    """Under load it is this that keeps the voice whole (BENCHMARKS.md)."""
    trial = attempt(_PRECEDENCE)
    if trial.worked:
        yield Finding("ok", "priority", trial.said)
    else:
        yield Finding(
            "optional",
            "priority",
            "as any other program's; on a busy machine pictures come late",
            "systemd: Nice=-10; Docker: --cap-add=SYS_NICE",
        )


def codecs() -> Iterator[Finding]:
    for name, codec in (("H.264", "libx264"), ("VP8", "libvpx")):
        trial = attempt(_ENCODE.format(codec=codec))
        if trial.worked:
            yield Finding("ok", f"{name} encoder", codec)
        else:
            remedy = "Install PyAV's own wheel: pip install --force-reinstall av"
            yield Finding("missing", f"{name} encoder", trial.said, remedy)


def settings() -> Iterator[Finding]:
    """What the environment says: a folder for data, an address to listen at."""
    trial = attempt(_SETTINGS)
    if not trial.worked:
        remedy = "Mend the environment variable."
        yield Finding("missing", "settings", trial.said, remedy)
        return
    host, port, folder, weights = json.loads(trial.said)
    yield data_folder(Path(folder))
    yield address(host, port)
    yield from piper_voices(Path(weights) / "voices")


def data_folder(folder: Path) -> Finding:
    existing = folder
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    remedy = "Set LIKENESS_DATA_DIR to a folder you can write to."
    try:
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(b"\0" * 4096)
        free = shutil.disk_usage(existing).free
    except OSError as error:
        detail = f"{folder}: {error.strerror}"
        return Finding("missing", "data folder", detail, remedy)
    room = f"{folder}, {free / 1e9:.1f} GB free"
    if free < FREE_BYTES:
        return Finding("missing", "data folder", room, f"Free 1 GB. Or: {remedy}")
    return Finding("ok", "data folder", room)


def address(host: str, port: int) -> Finding:
    where = f"{host}:{port}"
    try:
        family, kind, proto, _, target = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, kind, proto) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(target)
    except OSError as error:
        if _is_likeness(host, port):
            return Finding("ok", "HOST, PORT", f"{where} (a server runs there now)")
        detail = f"{where}: {error.strerror or error}"
        remedy = "Choose others: HOST=127.0.0.1 PORT=8081 make run"
        return Finding("missing", "HOST, PORT", detail, remedy)
    return Finding("ok", "HOST, PORT", f"{where} is free")


def udp() -> Iterator[Finding]:
    """WebRTC's media travels by UDP, on the address that others reach us by."""
    remedy = "Allow UDP on this machine; WebRTC sends sound and picture over it."
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            # Connecting a datagram socket sends nothing, but picks a way out.
            with contextlib.suppress(OSError):
                probe.connect(("192.0.2.1", 9))
            own = probe.getsockname()[0]
        own = "127.0.0.1" if own == "0.0.0.0" else own
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
        ):
            one.bind((own, 0))
            one.settimeout(2)
            other.sendto(b"hello", one.getsockname())
            arrived = one.recv(16) == b"hello"
    except OSError as error:
        yield Finding("missing", "UDP", str(error), remedy)
        return
    if arrived:
        yield Finding("ok", "UDP", f"works on {own}")
    else:
        yield Finding("missing", "UDP", f"garbled on {own}", remedy)


def gpu() -> Iterator[Finding]:
    cuda = attempt(_CUDA)
    if cuda.worked:
        yield Finding("ok", "GPU", cuda.said)
    else:
        yield Finding(
            "optional",
            "GPU",
            f"none ({cuda.said.rpartition(': ')[2]}); the CPU does it all",
            "For many sessions: an NVIDIA GPU, and torch built for CUDA.",
        )
    nvenc = attempt(_ENCODE.format(codec="h264_nvenc"))
    if nvenc.worked:
        yield Finding("ok", "NVENC", "encodes H.264 in hardware")
    else:
        yield Finding("optional", "NVENC", "none; H.264 is encoded by the CPU")


def browser() -> Iterator[Finding]:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found:
        yield Finding("ok", "Chromium", found)
    else:
        yield Finding(
            "optional",
            "Chromium",
            "none; the browser tests are left out",
            "Debian: apt-get install chromium",
        )


def _is_likeness(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
