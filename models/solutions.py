"""MediaPipe's solutions, without what they would draw with.

Their module for drawing imports pyplot, which takes a quarter of a second of a
program's start; nothing here draws with it.
"""

import functools
import importlib
import os
import sys
import threading
from types import ModuleType

_PYPLOT = "matplotlib.pyplot"
_loading = threading.Lock()


def solutions() -> ModuleType:
    """mediapipe.solutions, loaded when first asked for, by whichever thread."""
    with _loading:
        return _loaded()


@functools.cache
def _loaded() -> ModuleType:
    os.environ.setdefault("GLOG_minloglevel", "2")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    stand_in = ModuleType(_PYPLOT)
    stand_in.__getattr__ = _of_pyplot  # type: ignore[method-assign]
    sys.modules.setdefault(_PYPLOT, stand_in)
    try:
        import mediapipe
    finally:
        if sys.modules[_PYPLOT] is stand_in:
            del sys.modules[_PYPLOT]
    found: ModuleType = mediapipe.solutions
    return found


def _of_pyplot(name: str) -> object:
    """What the stand-in lacks (PEP 562), should somebody draw after all."""
    return getattr(importlib.import_module(_PYPLOT), name)
