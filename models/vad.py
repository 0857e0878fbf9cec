"""Is somebody speaking: Silero VAD, frame by frame, its state as data.

The network comes with faster-whisper (MIT, github.com/snakers4/silero-vad). It hears
32 ms at 16 kHz at a time, each with the last 4 ms of the frame before.
"""

import functools
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from models.media import MODEL_RATE_HZ, FloatArray

VAD_SAMPLES = 512  # of one frame
VAD_FRAME_MS = 1000 * VAD_SAMPLES // MODEL_RATE_HZ  # 32
_CONTEXT_SAMPLES = 64
_MEMORY_SHAPE = (1, 1, 128)


@dataclass(frozen=True, eq=False)
class VadState:
    """What the next frame depends on.

    hidden, cell: float32 [1, 1, 128], of the network's LSTM.
    context: float32 [64], the end of the last frame.
    """

    hidden: FloatArray
    cell: FloatArray
    context: FloatArray

    @classmethod
    def fresh(cls) -> "VadState":
        """As after silence."""
        memory = np.zeros(_MEMORY_SHAPE, np.float32)
        return cls(memory, memory, np.zeros(_CONTEXT_SAMPLES, np.float32))

    def forgotten(self) -> "VadState":
        """The sound goes on, but what was heard before is forgotten."""
        return replace(self.fresh(), context=self.context)


def speech_probability(frame: FloatArray, state: VadState) -> tuple[float, VadState]:
    """How likely float32 [512] at 16 kHz is speech, 0 to 1; from any thread.

    Takes about 0.2 ms. NaN and infinities count as silence.
    """
    heard = np.nan_to_num(frame, posinf=0.0, neginf=0.0).clip(-1, 1)
    heard = heard.astype(np.float32)
    row = np.concatenate([state.context, heard])[None]
    inputs = {"input": row, "h": state.hidden, "c": state.cell}
    output, hidden, cell = _network().run(None, inputs)
    after = VadState(hidden, cell, heard[-_CONTEXT_SAMPLES:])
    return float(np.ravel(output)[0]), after


@functools.cache
def _network() -> Any:
    """One for the process; an ONNX session may be run by many threads at once."""
    import onnxruntime
    from faster_whisper.utils import get_assets_path

    (path,) = Path(get_assets_path()).glob("silero_vad*.onnx")
    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = options.intra_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(
        str(path), options, providers=["CPUExecutionProvider"]
    )
