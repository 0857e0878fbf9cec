"""Other people's WebRTC stacks watch a session by WHEP.

Chromium is in tests/browser. Here are GStreamer's webrtcbin (libnice, an RSA
certificate, its own jitter buffer) and werift (all of it written anew in TypeScript),
each a process of its own that knows nothing of this code.
"""

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from server.app import create_app
from tests.fakes import FAKE_PARTS, fake_settings
from tests.live_server import Live, serving

HERE = Path(__file__).parent
SYSTEM_PYTHON = "/usr/bin/python3"
NODE = shutil.which("node")
SECONDS = 4


def has_gstreamer() -> bool:
    needed = (
        "import gi; gi.require_version('Gst', '1.0'); "
        "gi.require_version('GstWebRTC', '1.0'); "
        "from gi.repository import Gst, GstWebRTC; Gst.init(None); "
        "names = 'webrtcbin nicesrc dtlssrtpdec vp8dec opusdec level'.split(); "
        "assert all(map(Gst.ElementFactory.find, names))"
    )
    try:
        found = subprocess.run([SYSTEM_PYTHON, "-c", needed], capture_output=True)
    except OSError:
        return False
    return found.returncode == 0


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    async with serving(create_app(fake_settings(tmp_path), FAKE_PARTS)) as live:
        yield live


async def watched(live: Live, *command: str) -> dict[str, Any]:
    """What a player reports of a session that speaks to it."""
    made = (await live.http.post("/v1/sessions", json={})).json()
    process = await asyncio.create_subprocess_exec(
        *command,
        f"{live.url}{made['whep_url']}",
        str(SECONDS),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    path = f"/v1/sessions/{made['session_id']}"
    said = {"type": "avatar.speak_text", "text": "one two three four five six"}
    assert (await live.http.post(f"{path}/commands", json=said)).status_code == 202
    try:
        async with asyncio.timeout(60):
            output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, errors.decode()
    (session,) = live.services.sessions
    assert not session.viewers, "it said that it goes"
    found: dict[str, Any] = json.loads(output)
    return found


@pytest.mark.skipif(
    not has_gstreamer(),
    reason="needs Debian's python3-gi, gir1.2-gst-plugins-bad-1.0, gstreamer1.0-nice "
    "and gstreamer1.0-plugins-good, -bad",
)
async def test_gstreamer_plays_it(live: Live) -> None:
    found = await watched(live, SYSTEM_PYTHON, str(HERE / "gst_whep.py"))
    assert "error" not in found
    assert (found["status"], found["deleted"]) == (201, 200)
    assert found["size"] == [512, 512]
    # All but the time that it takes to connect.
    assert found["frames"] > 25 * (SECONDS - 2)
    assert found["audio_ms"] > 1000 * (SECONDS - 2)
    assert -12 < found["peak_db"] < -3, "the fake voice's tone is at half of full scale"


@pytest.mark.skipif(
    NODE is None or not (HERE / "node_modules" / "werift").is_dir(),
    reason="needs Node.js and `npm ci --prefix tests/interop`",
)
async def test_werift_trickles_from_an_offer_without_candidates(live: Live) -> None:
    found = await watched(live, str(NODE), str(HERE / "werift_whep.mjs"))
    assert found["offered"] == 0
    assert len(found["patched"]) >= 2 and set(found["patched"]) == {204}
    assert found["audio"] > 50 * (SECONDS - 2)
    assert found["video"] > 25 * (SECONDS - 2)
    assert found["keys"] >= 1
    assert found["gaps"] <= 1, "960 samples a packet"
    assert found["deleted"] == 200
