"""One photo and a text, or a sound -> a film of the portrait speaking.

python -m scripts.render --photo me.jpg --text "Good morning." -o me.mp4
python -m scripts.render --identity me.safetensors --audio talk.mp3 -o me.mp4

H.264 and AAC in MP4, constant 25 frames per second, sound and picture of one length.
With --background alpha the film has an alpha channel: VP9 and Opus in .webm, or
ProRes 4444 in .mov. The same seed gives the same motion, byte for byte.
"""

import argparse
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
from tqdm import tqdm

from models.audio2motion import AudioToMotion
from models.backdrop import KEEP, read_backdrop, with_backdrop
from models.crop import PictureSize, parse_size
from models.cutout import render_cutouts
from models.disclosure import Disclosure
from models.emotion import (
    DEFAULT_ARTICULATION,
    DEFAULT_EXPRESSIVITY,
    EMOTIONS,
    LEAST_ARTICULATION,
    MOST_ARTICULATION,
)
from models.errors import BackdropError, LikenessError, PhotoError, TextError
from models.film import ALPHA_MOV, ALPHA_WEBM, MP4, FilmFormat, FilmWriter
from models.identity import Identity, embedded_photo, enrol
from models.mark import Mark, make_mark, text_for
from models.media import (
    FRAME_RATE_HZ,
    PLAYOUT_SAMPLES_PER_FRAME,
    FloatArray,
    Motion,
)
from models.offline import perform, render_frames, whole_frames
from models.performer import Performer
from models.sound import read_audio
from models.tts.catalogue import DEFAULT_LANGUAGE, open_voice, voice_folders
from models.tts.voice import Manner, Voice
from models.utterance import utter
from models.warp import WarpRenderer

# Silence before and after a spoken text, so that the film does not begin and end on a
# syllable: 5 frames to draw breath, 15 for the mouth to come to rest.
LEAD_SAMPLES = 5 * PLAYOUT_SAMPLES_PER_FRAME
TAIL_SAMPLES = 15 * PLAYOUT_SAMPLES_PER_FRAME
MAX_TEXT_BYTES = 1_000_000  # about a day of speech

Item = TypeVar("Item")


def main(argv: list[str] | None = None) -> int:
    options = parse(argv)
    try:
        render(options)
    except LikenessError as error:
        print(f"render: {error.message}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"render: {error.filename or ''}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.render",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    who = parser.add_mutually_exclusive_group()
    who.add_argument("--photo", type=Path, help="a picture with one face")
    who.add_argument("--identity", type=Path, help="a file made by scripts.enrol")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--text", help="what to say")
    what.add_argument("--text-file", type=Path, help="a UTF-8 file of what to say")
    what.add_argument("--audio", type=Path, help="a recording to speak with")
    parser.add_argument("--voice", help="a voice id, or a Piper voice: NAME.onnx")
    parser.add_argument("--language", help="such as en, en-GB or cmn")
    parser.add_argument(
        "--mark",
        action="store_true",
        help="show a small mark that says AI-generated, in the text's language",
    )
    parser.add_argument("--speed", type=float, default=1.0, help="0.5 to 2")
    parser.add_argument(
        "--sentence-silence", type=float, metavar="SECONDS", help="after a sentence"
    )
    parser.add_argument("--face", type=int, help="which face of the photo")
    parser.add_argument(
        "--size", default="512", help="pixels: 512, or width x height such as 720x1280"
    )
    parser.add_argument("--seed", type=int, default=0, help="of blinks and gestures")
    parser.add_argument("--emotion", choices=EMOTIONS, default="neutral")
    parser.add_argument(
        "--expressivity",
        type=_expressivity,
        default=DEFAULT_EXPRESSIVITY,
        help="of gestures and emotion: 0 calm, 0.5 as usual, 1 lively",
    )
    parser.add_argument(
        "--articulation",
        type=_articulation,
        default=DEFAULT_ARTICULATION,
        help="how far the mouth goes: 0.5 mumbled, 1 as usual, 1.5 for lip-readers",
    )
    parser.add_argument(
        "--background",
        default="keep",
        metavar="WHAT",
        help="keep, blur, green, #rrggbb, alpha, or a picture's path",
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, help=".mp4; alpha: .webm or .mov"
    )
    return parser.parse_args(argv)


def _expressivity(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError("give a number from 0 to 1")
    return value


def _articulation(text: str) -> float:
    value = float(text)
    if not LEAST_ARTICULATION <= value <= MOST_ARTICULATION:
        raise argparse.ArgumentTypeError("give a number from 0.5 to 1.5")
    return value


def render(options: argparse.Namespace) -> None:
    """Raises: LikenessError and OSError, and then leaves no file behind."""
    form = _form(options.output, options.background)
    backdrop = KEEP if form.with_alpha else read_backdrop(options.background)
    size = parse_size(options.size)
    samples = whole_frames(_sound(options))
    identity = with_backdrop(_identity(options, size), backdrop)
    performer = Performer(AudioToMotion.load(), seed=options.seed)
    performer.set_expression(
        options.emotion, options.expressivity, options.articulation
    )
    mark = _mark(options, identity) if options.mark else None
    film(identity, perform(performer, samples), samples, options.output, form, mark)


def _mark(options: argparse.Namespace, identity: Identity) -> Mark:
    language = options.language or DEFAULT_LANGUAGE
    if options.voice and not options.language:
        language = _voice(options).info.language
    return make_mark(text_for(language), *identity.size)


def _form(path: Path, background: str) -> FilmFormat:
    """What kind of film the name and the background ask for.

    Raises:
        BackdropError: alpha_needs_format.
    """
    if background != "alpha":
        return MP4
    forms = {".webm": ALPHA_WEBM, ".mov": ALPHA_MOV}
    if path.suffix.lower() not in forms:
        raise BackdropError(
            "alpha_needs_format",
            f"{path} cannot have an alpha channel: name the film .webm or .mov.",
        )
    return forms[path.suffix.lower()]


def film(
    identity: Identity,
    motion: Motion,
    samples: FloatArray,
    path: Path,
    form: FilmFormat = MP4,
    mark: Mark | None = None,
) -> None:
    """Render and write; the next batch is rendered while one is encoded."""
    sound = samples.reshape(-1, PLAYOUT_SAMPLES_PER_FRAME)
    draw = render_cutouts if form.with_alpha else render_frames
    batches = draw(WarpRenderer(), identity, motion)
    height, width = identity.size
    disclosure = Disclosure(identity.synthetic)
    with (
        FilmWriter(path, width, height, form, disclosure) as writer,
        tqdm(total=len(motion), unit="frame", desc=path.name) as bar,
    ):
        index = 0
        for batch in _ahead(batches):
            if mark:
                mark.draw(batch)
            for frame in batch:
                writer.write(frame, sound[index])
                index += 1
            bar.update(len(batch))
            bar.set_postfix_str(f"{index / FRAME_RATE_HZ:.1f} s", refresh=False)


def _ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same items, the next one being made in a thread while one is in use."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = pool.submit(next, items, None)
            yield item


def _identity(options: argparse.Namespace, size: PictureSize) -> Identity:
    if options.identity:
        return Identity.load(options.identity)
    photo = options.photo or embedded_photo()
    try:
        identity = enrol(photo, size=size, face=options.face)
    except PhotoError as error:
        raise PhotoError(error.code, f"{photo}: {error.message}") from error
    for note in identity.notes:
        print(f"render: {note}", file=sys.stderr)
    return identity


def _sound(options: argparse.Namespace) -> FloatArray:
    if options.audio:
        return read_audio(options.audio)
    spoken = [chunk.samples for chunk in utter(_voice(options), _text(options))]
    lead, tail = np.zeros(LEAD_SAMPLES), np.zeros(TAIL_SAMPLES)
    return np.concatenate([lead, *spoken, tail]).astype(np.float32)


def _voice(options: argparse.Namespace) -> Voice:
    """By id, by language, or a Piper voice by its file."""
    manner = Manner(options.speed, options.sentence_silence)
    if options.voice and options.voice.endswith(".onnx"):
        model = Path(options.voice)
        return open_voice(f"piper:{model.stem}", folders=[model.parent], manner=manner)
    return open_voice(
        options.voice, options.language, folders=voice_folders(), manner=manner
    )


def _text(options: argparse.Namespace) -> str:
    if options.text is not None:
        return str(options.text)
    raw = options.text_file.read_bytes()
    if len(raw) > MAX_TEXT_BYTES:
        raise TextError(
            "text_too_long",
            f"{options.text_file} has {len(raw):,} bytes; at most "
            f"{MAX_TEXT_BYTES:,} are read. Split it into several films.",
        )
    try:
        return str(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise TextError(
            "text_not_utf8",
            f"{options.text_file} is not UTF-8 at byte {error.start}. "
            "Save it as UTF-8 and try again.",
        ) from error


if __name__ == "__main__":
    sys.exit(main())
