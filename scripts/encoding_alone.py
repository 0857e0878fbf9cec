"""What encoding a speaking portrait costs by itself: the floor of a session's cost."""

import time
from dataclasses import dataclass

import numpy as np
import torch

from models.audio2motion import AudioToMotion
from models.identity import Identity
from models.media import FRAME_RATE_HZ, PACKET_SAMPLES, FloatArray
from models.offline import perform, render_frames, whole_frames
from models.performer import Performer
from models.tts.catalogue import open_voice
from models.utterance import utter
from models.warp import WarpRenderer
from server.encoders import OpusEncoder, VideoEncoder, VideoForm
from server.settings import Settings

TEXT = (
    "The portrait speaks while we measure it, and it goes on for a good while, "
    "so that there is something to encode."
)


@dataclass(frozen=True)
class Cores:
    """Of one stream in real time."""

    video: float
    audio: float


def encoding_alone(identity: Identity) -> Cores:
    """Encode some seconds of a speaking portrait, drawn beforehand."""
    chunks = [chunk.samples for chunk in utter(open_voice(None, None), TEXT)]
    sound = whole_frames(np.concatenate(chunks))
    torch.set_num_threads(1)
    motion = perform(Performer(AudioToMotion.load()), sound)
    pictures = np.concatenate(list(render_frames(WarpRenderer(), identity, motion)))
    settings = Settings()
    height, width = identity.size
    form = VideoForm(width, height, settings.video_bitrate_bps)
    video = VideoEncoder("VP8", form)
    began_s = time.process_time()
    for number, picture in enumerate(pictures):
        video.encode(picture, number, key=number == 0)
    video_s = time.process_time() - began_s
    return Cores(
        video_s * FRAME_RATE_HZ / len(pictures), _audio(sound, settings) * FRAME_RATE_HZ
    )


def _audio(sound: FloatArray, settings: Settings) -> float:
    """Seconds of CPU for the sound of a frame."""
    opus = OpusEncoder(settings.audio_bitrate_bps)
    packets = np.split(sound, len(sound) // PACKET_SAMPLES)
    began_s = time.process_time()
    for number, samples in enumerate(packets):
        opus.encode(samples, number * PACKET_SAMPLES)
    return (time.process_time() - began_s) / len(packets) * 2
