"""MediaPipe without the library that it would draw with."""

import subprocess
import sys

SCRIPT = """
import sys
from models.solutions import solutions

found = solutions()
assert found is solutions()
assert found.face_mesh.FaceMesh and found.selfie_segmentation.SelfieSegmentation
assert "matplotlib.pyplot" not in sys.modules, "nobody draws"
drawing = found.drawing_utils.plt.Axes  # somebody does
import matplotlib.pyplot

assert drawing is matplotlib.pyplot.Axes
"""

AT_ONCE = """
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from models.solutions import solutions

together = Barrier(4)
with ThreadPoolExecutor(4) as pool:
    asked = [pool.submit(lambda: (together.wait(), solutions())[1]) for _ in range(4)]
    assert len({id(each.result()) for each in asked}) == 1
"""


def test_threads_may_ask_at_once() -> None:
    done = subprocess.run(
        [sys.executable, "-c", AT_ONCE], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_pyplot_is_loaded_only_by_who_draws() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
