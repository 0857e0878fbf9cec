"""Refining with the guard beside it: never at the price of the likeness.

A refined picture that the guard refuses is tried again with less strength, and then the
photo is kept and that is said. A portrait made of a prompt is tried with further seeds
until it shows exactly one face from the front. A painted open mouth that does not hold
what a mouth holds is not used.
"""

import secrets
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from models.background import fill_background, refine_matte
from models.diffusion import Diffusion
from models.errors import PhotoError
from models.guard import compare
from models.landmarks import find_face, find_near
from models.media import FloatArray
from models.mouth_harvest import harvest_mouth, mouth_mask
from models.refine import (
    STRENGTH,
    Progress,
    Refined,
    Refinement,
    paint_open_mouth,
    paint_portrait,
    refine_photo,
)
from models.weights import MissingWeightsError, fetch_command

LADDER = (1.0, 0.7, 0.45, 0.25)  # of the strength asked for, until the guard agrees
PORTRAITS = 8  # tried before a prompt is given up
MAX_PROMPT_CHARS = 500

UintArray = npt.NDArray[np.uint8]
