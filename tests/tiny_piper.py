"""A Piper voice small enough to be made by a test: a network that hums."""

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper
from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP

RATE_HZ = 16_000
HOP = 256
CONFIG = {
    "audio": {"sample_rate": RATE_HZ, "quality": "tiny"},
    "espeak": {"voice": "en-us"},
    "language": {"code": "en_GB", "name_english": "English"},
    "dataset": "hum",
    "phoneme_type": "espeak",
    "num_symbols": 256,
    "num_speakers": 1,
    "inference": {"noise_scale": 0.01, "length_scale": 1.0, "noise_w": 0.0},
    "phoneme_id_map": DEFAULT_PHONEME_ID_MAP,
    "hop_length": HOP,
}


def _steps(speakers: int) -> list[tuple[str, list[str], str]]:
    """Operator, inputs and output of each node."""
    return [
        ("Gather", ["scales", "at_length"], "length"),
        ("Gather", ["scales", "at_noise"], "noise_scale"),
        ("Gather", ["durations", "input"], "w"),
        ("Mul", ["w", "length"], "w_scaled"),
        ("Ceil", ["w_scaled"], "w_ceil"),
        ("ReduceSum", ["w_ceil"], "frames"),
        ("Cast", ["frames"], "frame_count"),
        ("Mul", ["frame_count", "hop"], "samples"),
        ("Squeeze", ["samples"], "sample_count"),
        ("Range", ["zero", "sample_count", "one"], "index"),
        ("Cast", ["index"], "time"),
        ("Mul", ["time", "speed"], "basic_phase"),
        ("Add", ["sid" if speakers > 1 else "at_noise", "one_speaker"], "speaker"),
        ("Cast", ["speaker"], "pitch"),
        ("Mul", ["basic_phase", "pitch"], "phase"),
        ("Sin", ["phase"], "tone"),
        ("Mul", ["tone", "loudness"], "voiced"),
        ("RandomNormalLike", ["tone"], "noise"),
        ("Mul", ["noise", "noise_scale"], "scaled"),
        ("Mul", ["scaled", "loud_noise"], "breath"),
        ("Add", ["voiced", "breath"], "sound"),
        ("Reshape", ["sound", "shape"], "output"),
    ]


def hum(silent: bool = False, speakers: int = 1) -> onnx.ModelProto:
    """A net with the inputs, outputs and durations of VITS that hums at 200 Hz, as
    its second speaker at 400 Hz, and so on."""
    durations = np.random.default_rng(0).uniform(2, 6, 256).astype(np.float32)
    constants: dict[str, npt.NDArray[Any]] = {
        "durations": durations,
        "hop": np.array(HOP, np.int64),
        "zero": np.array(0, np.int64),
        "one": np.array(1, np.int64),
        "speed": np.array(2 * np.pi * 200 / RATE_HZ, np.float32),
        "loudness": np.array(0.0 if silent else 0.4, np.float32),
        "shape": np.array([1, 1, 1, -1], np.int64),
        "at_noise": np.array([0], np.int64),
        "at_length": np.array([1], np.int64),
        "loud_noise": np.array(0.0 if silent else 1.0, np.float32),
        "one_speaker": np.array([1], np.int64),
    }
    casts = {
        "frame_count": int(TensorProto.INT64),
        "time": int(TensorProto.FLOAT),
        "pitch": int(TensorProto.FLOAT),
    }
    speaker = helper.make_tensor_value_info("sid", TensorProto.INT64, [1])
    nodes = [
        helper.make_node(op, inputs, [output], **_options(op, output, casts))
        for op, inputs, output in _steps(speakers)
    ]
    graph = helper.make_graph(
        nodes,
        "hum",
        [
            helper.make_tensor_value_info("input", TensorProto.INT64, [1, "n"]),
            helper.make_tensor_value_info("input_lengths", TensorProto.INT64, [1]),
            helper.make_tensor_value_info("scales", TensorProto.FLOAT, [3]),
            *([speaker] if speakers > 1 else []),
        ],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, None)],
        [
            onnx.numpy_helper.from_array(array, name)
            for name, array in constants.items()
        ],
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8
    )


def _options(op: str, output: str, casts: dict[str, int]) -> dict[str, Any]:
    if op == "Cast":
        return {"to": casts[output]}
    return {"keepdims": 0} if op == "ReduceSum" else {}
