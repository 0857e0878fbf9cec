"""What an interruption looks like, with the real performer: the mouth closes as mouths
do, and whatever was made ahead of it, nothing jumps."""

from collections.abc import Sequence

import numpy as np
import pytest

from models.audio2motion import AudioToMotion
from models.identity import Identity
from models.media import CHANNEL_INDEX, FloatArray
from models.media import PLAYOUT_SAMPLES_PER_FRAME as FRAME
from models.mouth_motion import LOOK_AHEAD_FRAMES
from models.performer import Performer
from models.resample import Resampler
from server.broadcast import Broadcast, Outlet, VideoFormat
from server.engine import Engine, Models, Pictures
from server.lane import Lane
from server.playout import PlayoutBuffer, Utterance
from server.tracks import PacketTrack
from tests.fakes import fake_identity
from tests.spoken import spoken

DELAY = LOOK_AHEAD_FRAMES
CUT_AT = 40  # in mid-speech


@pytest.fixture(scope="module")
def speech() -> FloatArray:
    chunk = spoken("Maybe people will come back tomorrow, or the day after.", "en-us")
    samples = Resampler(16_000, 48_000).push(chunk.samples, last=True)
    return np.concatenate([samples, np.zeros(-len(samples) % FRAME, np.float32)])


class Stage:
    """A lane and an engine; a picture is the row of motion that it shows."""

    def __init__(self, speech: FloatArray) -> None:
        network = AudioToMotion.load()
        self.engine = Engine(
            Models(DELAY, lambda seed: Performer(network, seed=seed), self.render)
        )
        broadcast = Broadcast(VideoFormat(128, 128, 500_000, 250_000, 900_000), 48_000)
        broadcast.add(Outlet(PacketTrack("audio"), PacketTrack("video"), "VP8"))
        self.lane = Lane(
            PlayoutBuffer(),
            Performer(network, seed=5),
            fake_identity(),
            broadcast,
            on_released=lambda released: None,
        )
        utterance = Utterance("u")
        self.lane.playout.begin(0, utterance)
        self.lane.playout.push(0, utterance, speech)
        self.lane.playout.finish(0, utterance)
        self.shown: dict[int, FloatArray] = {}

    def render(self, identities: Sequence[Identity], motion: FloatArray) -> Pictures:
        return motion  # type: ignore[return-value]

    def tick(self) -> None:
        """Take in, draw all there is, and let a frame leave."""
        lane = self.lane
        lane.take_in(2, 4)
        while lane.unheard:
            work = lane.next_work(4)
            (rows,) = self.engine.step([work.job])
            for frame, row in zip(work.frames, rows, strict=True):
                if not frame.revoked:
                    self.shown[frame.number] = row  # type: ignore[assignment]
        lane.playout.release(FRAME)
        lane.packets_out += 2

    def opening(self) -> FloatArray:
        """Of the lips, as far as speech has them."""
        return self.channel("aperture") * self.channel("speech")

    def channel(self, name: str) -> FloatArray:
        rows = [self.shown[number] for number in sorted(self.shown)]
        return np.stack(rows)[:, CHANNEL_INDEX[name]]


def test_the_mouth_closes_as_mouths_do_and_nothing_jumps(speech: FloatArray) -> None:
    whole, cut = Stage(speech), Stage(speech)
    for number in range(CUT_AT + 30):
        if number == CUT_AT:
            cut.lane.playout.interrupt()
        whole.tick()
        cut.tick()
    assert sorted(cut.shown) == list(range(len(cut.shown)))
    aperture = cut.opening()
    assert aperture[CUT_AT - 12 : CUT_AT].max() > 0.04, "it was speaking"
    assert aperture[CUT_AT + 10 : CUT_AT + 28].max() < 0.02, "and is closed soon"
    fastest = np.abs(np.diff(whole.opening())).max()
    assert np.abs(np.diff(aperture)).max() <= 1.1 * fastest, "no faster than speech"
    assert cut.channel("speech")[-3:].max() == 0
    for name in ("head_yaw", "head_pitch", "breath", "eyeLookInLeft"):
        steps = np.abs(np.diff(cut.channel(name)))
        usual = np.abs(np.diff(whole.channel(name))).max()
        assert steps[CUT_AT - 2 : CUT_AT + 12].max() <= 2 * usual + 1e-3, name
    # Up to what was certain at the cut, both show the same.
    known = slice(0, CUT_AT - 1)
    np.testing.assert_allclose(aperture[known], whole.opening()[known], atol=2e-4)
