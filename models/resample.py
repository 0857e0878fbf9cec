"""Changes the sample rate of a stream of sound."""

import numpy as np
import soxr

from models.media import FloatArray


class Resampler:
    """Streaming: chunked output, joined, equals the output of one push of the whole.

    The filter is soxr's HQ recipe (linear phase, passband to 0.91 of the lower Nyquist
    frequency). Its look-ahead is held back until more sound comes or `last` is said;
    the total output is round(n to_hz / from_hz) samples, in time with the input.
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        if from_hz <= 0 or to_hz <= 0:
            raise ValueError(f"sample rates must be positive, not {from_hz}, {to_hz}")
        self.from_hz = from_hz
        self.to_hz = to_hz
        self._stream = (
            None
            if from_hz == to_hz
            else soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32", quality="HQ")
        )

    def push(self, samples: FloatArray, *, last: bool = False) -> FloatArray:
        """Samples float32 [n], n may be 0; gives float32 [m], m may be 0.

        After `last` the resampler is fresh again, for another stream.
        """
        block = np.ascontiguousarray(samples, np.float32)
        if self._stream is None:
            return block
        resampled: FloatArray = self._stream.resample_chunk(block, last=last)
        if last:
            self._stream.clear()
        return resampled
