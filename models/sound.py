"""Reads sound files of any kind."""

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from av.audio.resampler import AudioResampler
from av.container import InputContainer

from models.errors import AudioError
from models.media import PLAYOUT_RATE_HZ, FloatArray

MAX_DURATION_S = 3600  # 691 MB of float32 at 48 kHz


def read_audio(path: Path, rate_hz: int = PLAYOUT_RATE_HZ) -> FloatArray:
    """The first sound track of any file that PyAV opens, films too.

    Channels are mixed down by FFmpeg's matrix (ITU-R BS.775 for 5.1); samples beyond
    full scale, which lossy codecs and float files may hold, are kept.

    Args:
        path: the file; never taken as a URL.
        rate_hz: wanted sample rate.

    Returns:
        float32 [n], mono, nominally -1 to 1.

    Raises:
        AudioError: "audio_missing" (no such file), "audio_unreadable" (not a sound
            file, or cut off before its sound), "audio_no_stream" (no sound track),
            "audio_empty" (no samples), "audio_damaged" (it breaks off with an error),
            "audio_too_long" (over MAX_DURATION_S).
    """
    path = Path(path)
    if not path.is_file():
        raise AudioError("audio_missing", f"There is no file {path}.")
    if path.stat().st_size == 0:
        raise AudioError("audio_empty", f"{path.name} is empty (0 bytes).")
    try:
        # "file:" keeps a name like "http:x" or "concat:a|b" a name.
        container = av.open(f"file:{path}", metadata_errors="replace")
    except (av.FFmpegError, ValueError, OSError) as error:
        raise AudioError(
            "audio_unreadable",
            f"{path.name} is not a sound file that FFmpeg can open ({error}). "
            "Convert it to WAV, FLAC, MP3, M4A or OGG.",
        ) from error
    with container:
        return _decode(container, path, rate_hz)


def _decode(container: InputContainer, path: Path, rate_hz: int) -> FloatArray:
    if not container.streams.audio:
        raise AudioError("audio_no_stream", f"{path.name} has no sound track.")
    blocks: list[FloatArray] = []
    length = 0
    try:
        for block in _blocks(container, rate_hz):
            blocks.append(block)
            length += len(block)
            if length > MAX_DURATION_S * rate_hz:
                raise AudioError(
                    "audio_too_long",
                    f"{path.name} is longer than {MAX_DURATION_S // 60} minutes. "
                    "Cut it into parts.",
                )
    except (av.FFmpegError, ValueError, OSError) as error:
        raise AudioError(
            "audio_damaged",
            f"{path.name} breaks off after {length / rate_hz:.1f} s ({error}). "
            "Export or download it again.",
        ) from error
    if length == 0:
        raise AudioError("audio_empty", f"The sound track of {path.name} is empty.")
    return np.nan_to_num(np.concatenate(blocks), copy=False, posinf=0.0, neginf=0.0)


def _blocks(container: InputContainer, rate_hz: int) -> Iterator[FloatArray]:
    stream = container.streams.audio[0]
    resampler = AudioResampler(format="flt", layout="mono", rate=rate_hz)
    for frame in container.decode(stream):
        frame.pts = None  # gaps in a file's clock are no reason to refuse it
        for out in resampler.resample(frame):
            yield out.to_ndarray()[0]
    for out in resampler.resample(None):
        yield out.to_ndarray()[0]
