"""The real voice, motion and renderer, received by a real WebRTC viewer.

Sync: the lips of the embedded portrait close and open on many syllables of its embedded
voice. The darkness between the lips and the loudness of the sound, both at their RTCP
wall-clock times, are correlated at shifts from -300 to 300 ms; the best shift is how
late the picture is.
"""

import asyncio
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.identity import Identity
from scripts.live_client import LiveClient, Look
from server.app import create_app
from tests.fakes import fake_settings
from tests.live_server import serving

TEXT = "Bob may pop a map. Papa may buy my pie. A baby may bop a puppy. " * 2
STEP_S = 0.01
MAX_SHIFT = 30  # steps


def lips_of(identity: Identity) -> Look:
    """How dark it is between the lips of a received picture."""
    left, right = identity.landmarks[78, 0], identity.landmarks[308, 0]
    top, width = identity.landmarks[13, 1], right - left
    rows = slice(int(top - 0.1 * width), int(top + 0.45 * width))
    columns = slice(int(left + 0.25 * width), int(right - 0.25 * width))
    return lambda picture: -float(picture[rows, columns].mean())


def series(client: LiveClient) -> tuple[npt.NDArray[np.float64], ...]:
    """Loudness and darkness on one time axis."""
    audio, video = client.reports["audio"], client.reports["video"]
    heard_s = [
        audio.wall_s + (each.timestamp - audio.timestamp) / 48_000 + 0.01
        for each in client.sounds
    ]
    seen_s = [
        video.wall_s + (each.timestamp - video.timestamp) / 90_000 + 0.02
        for each in client.pictures
    ]
    start_s, end_s = max(heard_s[0], seen_s[0]), min(heard_s[-1], seen_s[-1])
    axis = np.arange(start_s, end_s, STEP_S)
    loud = np.interp(axis, heard_s, [each.level for each in client.sounds])
    dark = np.interp(axis, seen_s, [each.value for each in client.pictures])
    return np.convolve(loud, np.ones(8) / 8, "same"), dark


def lateness_ms(client: LiveClient) -> float:
    loud, dark = series(client)
    inner = loud[MAX_SHIFT:-MAX_SHIFT]
    shifts = range(-MAX_SHIFT, MAX_SHIFT + 1)
    scores = [
        np.corrcoef(inner, dark[MAX_SHIFT + n : len(dark) - MAX_SHIFT + n])[0, 1]
        for n in shifts
    ]
    best = int(np.argmax(scores))
    assert scores[best] > 0.3, "the mouth does not follow the sound"
    return shifts[best] * STEP_S * 1000


async def test_the_portrait_speaks_in_sync_and_lives_in_silence(tmp_path: Path) -> None:
    async with serving(create_app(fake_settings(tmp_path))) as live:
        identity = await live.services.identities.load("default")
        async with LiveClient(live.url, lips_of(identity)) as client:
            await client.ready()
            client.send("avatar.speak_text", text=TEXT)
            await client.event("avatar.speech_ended", 60)
            spoken = len(client.pictures)
            await client.until(lambda: {"audio", "video"} <= client.reports.keys())
            await asyncio.sleep(1.5)
            late_ms = lateness_ms(client)
            stamps = np.diff([sound.timestamp for sound in client.sounds])
            speaking = np.std([each.value for each in client.pictures[:spoken]])
            silent = np.std([each.value for each in client.pictures[spoken + 15 :]])
            await client.delete()
    assert abs(late_ms) <= 40
    assert set(stamps) == {960}
    assert speaking > 2 * silent
    assert silent > 0, "a portrait that is alive never shows the same picture twice"
