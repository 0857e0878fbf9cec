"""The tone of a photo, in which the inside of its mouth is painted."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from models.controls import INNER_LOWER, OUTER_LOWER, smoothstep
from models.eyes import LEFT_LOWER, LEFT_UPPER, RIGHT_LOWER, RIGHT_UPPER
from models.media import LUMA, FloatArray
from models.own_teeth import own_tooth, pixels_within, saturation, shows_teeth

IVORY = np.array([1.03, 0.99, 0.94], np.float32)  # teeth are never pure grey
LIGHTS = 85  # percent of a face are darker than its lights
WHITES = 75  # percent of what is between lids are darker than the whites of eyes
# Saturation of whites: those of a photo, those of a picture that has no white; and red
# of green, up to which it is the picture's, and from which on lids were looked at.
NO_WHITE, REDDISH = (0.25, 0.45), (1.45, 1.75)
AS_WHITES = 0.8  # how far teeth then take their hue
# How much more colour a tongue has than the lips; the most green and blue of its red.
REDDER, OF_RED = 1.35, 0.60
COLOURED = 0.10, 0.25  # a face's saturation: grey until here, coloured from here on
# How light it is where lips have no colour of their own, and from which red on, of the
# face's, they begin to and do.
HOLLOW, OWN_RED = 0.5, (0.95, 1.05)
# Of the tongue's light: at least, and at the most: lighter, and what lies behind is
# taken for a lip; and of the face's own darks.
CAVITY, DARKS = (0.07, 0.16), 0.4

# Of the lips' colour, how much what they throw back has; the most of red, green, blue.
THROWN, MOST_THROWN = 1.2, 1.6

UintArray = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class MouthTone:
    """Colours 0 to 255, RGB."""

    tooth: FloatArray
    tongue: FloatArray
    cavity: FloatArray


def mouth_tone(picture: UintArray, landmarks: FloatArray) -> MouthTone:
    """The photo's tone: teeth from its lights, tongue and cavity from its lips.

    picture: uint8 RGB [H, W, 3]. landmarks: [478, 3], pixels.
    """
    hull = np.asarray(cv2.convexHull(landmarks[:468, :2].astype(np.float32)))
    face = pixels_within(picture, hull[:, 0].astype(np.float32))
    tongue = _tongue(picture, landmarks, face)
    # No darker than the face's own darks, or it is a hole in the picture.
    dark = DARKS * float(np.percentile(face @ LUMA, 1))
    deep = np.clip(dark / max(float(tongue @ LUMA), 1.0), *CAVITY)
    cavity = deep * (tongue.mean() + 1.3 * (tongue - tongue.mean()))
    cavity = cavity + np.array([2.2, 0.6, 0.6])
    tones = _tooth(picture, landmarks, face), tongue, cavity
    clip = [np.clip(tone, 0, 255).astype(np.float32) for tone in tones]
    return MouthTone(*clip)


def thrown_back(picture: UintArray, landmarks: FloatArray) -> FloatArray:
    """The colour of the light between lips that comes off them: RGB [3], luma 1. In it
    teeth are no grey, as they would be in the dark beside red lips; of a grey face it
    is grey."""
    lip = np.maximum(_lip(picture, landmarks), 1)
    hue = (lip / lip.max()) ** THROWN
    colour = hue / float(hue @ LUMA) - 1
    paler = min((MOST_THROWN - 1) / max(float(colour.max()), 1e-6), 1.0)
    return np.asarray(1 + paler * colour, np.float32)


def _lip(picture: UintArray, landmarks: FloatArray) -> FloatArray:
    lower = landmarks[list(INNER_LOWER + OUTER_LOWER[::-1]), :2]
    return np.asarray(np.median(pixels_within(picture, lower), axis=0), np.float32)


def _tooth(picture: UintArray, landmarks: FloatArray, face: FloatArray) -> FloatArray:
    """A tooth in the face's light, pixels [n, 3]."""
    luma = face @ LUMA
    bright = face[luma >= np.percentile(luma, LIGHTS)].mean(0)
    tint = bright / max(float(bright.mean()), 1.0)
    # Half of the light's tint, a touch of ivory: beside red lips grey looks green.
    tooth = (1 + 0.55 * (tint - 1)) * IVORY
    eyes = (RIGHT_UPPER + RIGHT_LOWER[::-1], LEFT_UPPER + LEFT_LOWER[::-1])
    shown = np.concatenate([pixels_within(picture, landmarks[[*e], :2]) for e in eyes])
    whites = shown[shown @ LUMA >= np.percentile(shown @ LUMA, WHITES)].mean(0)
    # Where not even eyes are white, as under varnish or of clay, nor are teeth.
    share = AS_WHITES * smoothstep(saturation(whites), *NO_WHITE)
    share = share * smoothstep(whites[0] / max(whites[1], 1.0), *REDDISH[::-1])
    hue = (tint + whites / max(float(whites.mean()), 1.0)) / 2
    tooth = tooth + share * (hue * float(tooth @ LUMA) / float(hue @ LUMA) - tooth)
    tooth = 0.89 * float(np.percentile(luma, 92)) * tooth
    if shows_teeth(picture, landmarks):
        tooth = np.clip(own_tooth(picture, landmarks), 0.45 * tooth, tooth)
    return np.asarray(tooth, np.float32)


def _tongue(picture: UintArray, landmarks: FloatArray, face: FloatArray) -> FloatArray:
    lip = _lip(picture, landmarks)
    tongue = 0.64 * lip + 0.24 * float(lip.mean()) * np.array([1.2, 0.86, 0.86])
    # Wet and lit through flesh: redder than the lips, or it looks grey beside them.
    tongue = tongue.mean() + REDDER * (tongue - tongue.mean())
    # Nor is it brown where lips are, as under old varnish; only of a grey face grey.
    coloured = smoothstep(saturation(np.median(face, axis=0)), *COLOURED)
    tongue[1:] += coloured * np.minimum(OF_RED * tongue[0] - tongue[1:], 0)
    # Where lips are no redder than the face, as of clay, what is inside is a hollow.
    redder = _red(lip) / _red(np.median(face, axis=0))
    tongue *= HOLLOW + (1 - HOLLOW) * smoothstep(redder, *OWN_RED)
    return np.asarray(tongue, np.float32)


def _red(colour: FloatArray) -> float:
    """Red, of green."""
    return float(colour[0]) / max(float(colour[1]), 1.0)
