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


def test_pyplot_is_loaded_only_by_who_draws() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
