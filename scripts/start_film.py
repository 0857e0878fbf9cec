"""The silent film of the start page and its first picture: the portrait speaks.

python -m scripts.start_film     # anew, whenever faces have learnt to look better

Its end melts into its beginning, so that it can go round.
"""

import argparse
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.video.stream import VideoStream
from PIL import Image

from models.audio2motion import AudioToMotion
from models.crop import parse_size
from models.disclosure import OF_A_PHOTO
from models.identity import embedded_photo, enrol
from models.media import FRAME_RATE_HZ, PLAYOUT_RATE_HZ, FloatArray
from models.offline import perform, render_frames, whole_frames
from models.performer import Performer
from models.tts.catalogue import open_voice
from models.utterance import utter
from models.warp import WarpRenderer

FOLDER = Path(__file__).parent.parent / "client_web" / "start"
TEXT = "Good morning. I was a photograph until a moment ago."
SIZE = "640x800"
LEAD_S, TAIL_S = 1.0, 1.4  # at rest before and after
MELT_FRAMES = 14
SEED = 3  # with a blink and a look at the right moments
EXPRESSIVITY = 0.7

Frames = npt.NDArray[np.uint8]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.start_film",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-o", "--output", type=Path, default=FOLDER, help="the folder")
    parser.add_argument("--seed", type=int, default=SEED, help="of blinks and gestures")
    options = parser.parse_args(argv)
    frames = round_trip(speaking(options.seed), MELT_FRAMES)
    try:
        write(frames, options.output / "portrait.webm")
        still = Image.fromarray(frames[0])
        still.save(options.output / "portrait.jpg", quality=86, progressive=True)
    except OSError as error:
        print(f"start_film: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


def speaking(seed: int) -> Frames:
    """The embedded portrait says TEXT: uint8 RGB [T, H, W, 3]."""
    identity = enrol(embedded_photo(), size=parse_size(SIZE))
    performer = Performer(AudioToMotion.load(), seed=seed)
    performer.set_expression("happy", EXPRESSIVITY)
    motion = perform(performer, sound())
    return np.concatenate([*render_frames(WarpRenderer(), identity, motion)])


def sound() -> FloatArray:
    lead, tail = (np.zeros(round(s * PLAYOUT_RATE_HZ)) for s in (LEAD_S, TAIL_S))
    spoken = [chunk.samples for chunk in utter(open_voice(None, "en-US"), TEXT)]
    return whole_frames(np.concatenate([lead, *spoken, tail]).astype(np.float32))


def round_trip(frames: Frames, melt: int) -> Frames:
    """[T, ...] -> [T - melt, ...]: the last frames melt into the first ones."""
    share = (np.arange(1, melt + 1) / (melt + 1)).reshape(-1, 1, 1, 1)
    melted = (1 - share) * frames[-melt:] + share * frames[:melt]
    return np.concatenate([frames[melt:-melt], melted.round().astype(np.uint8)])


def write(frames: Frames, path: Path) -> None:
    """VP9 in WebM, which every browser plays; no sound."""
    with av.open(str(path), "w", format="webm") as container:
        container.metadata.update(OF_A_PHOTO.tags())
        options = {"crf": "36", "b": "0", "deadline": "good", "cpu-used": "2"}
        stream = container.add_stream("libvpx-vp9", FRAME_RATE_HZ, options=options)
        assert isinstance(stream, VideoStream)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for index, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts, picture.time_base = index, Fraction(1, FRAME_RATE_HZ)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


if __name__ == "__main__":
    sys.exit(main())
