"""Person and background: a matte that follows the hair, and what lies behind."""

import cv2
import numpy as np
import numpy.typing as npt

from models.controls import smoothstep
from models.landmarks import person_matte
from models.media import FloatArray
from models.rig import HeadFrame

UintArray = npt.NDArray[np.uint8]

EDGE = 64  # of the width: how far from the coarse mask an edge is looked for
DECIDED_PX = 224  # long side of the picture in which colours decide
GRAB_CUT_STEPS = 3
NOTCH = 8  # of DECIDED_PX, half its width
LARGEST_HOLE = 0.04  # of the picture, that a person may enclose


def refine_matte(picture: UintArray, landmarks: FloatArray) -> UintArray:
    """The person's share of each pixel: uint8 [H, W], 0 to 255; the face is always in.

    MediaPipe's mask is coarse, and doubtful where hair is unusual: colours decide
    there. A guided filter then draws it to the picture's edges.
    Source: He, Sun, Tang, Guided Image Filtering, ECCV 2010.
    """
    height, width = picture.shape[:2]
    face = face_mask(landmarks, height, width) / np.float32(255)
    decided = _decided(picture, person_matte(picture), face)
    radius = max(round(width / EDGE), 2)
    guide = picture.astype(np.float32) / 255
    fine = cv2.ximgproc.guidedFilter(guide, decided, radius, 1e-4)
    matte = smoothstep(np.asarray(fine, np.float32), 0.12, 0.88)
    matte = np.maximum(matte, face)
    return np.asarray(np.round(matte * 255), np.uint8)


def _decided(picture: UintArray, coarse: FloatArray, face: FloatArray) -> FloatArray:
    """Person or not, without doubts: float32 [H, W], 0 to 1.

    Source: Rother, Kolmogorov, Blake, GrabCut, SIGGRAPH 2004.
    """
    height, width = coarse.shape
    scale = DECIDED_PX / max(height, width)
    size = max(round(width * scale), 8), max(round(height * scale), 8)
    small, doubt, sure = (
        np.asarray(cv2.resize(each, size, interpolation=cv2.INTER_AREA))
        for each in (picture, coarse, face)
    )
    mask = np.where(doubt > 0.5, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    mask[cv2.erode(doubt, _disc(3)) > 0.9] = cv2.GC_FGD
    mask[cv2.dilate(doubt, _disc(4)) < 0.04] = cv2.GC_BGD
    mask[sure > 0.5] = cv2.GC_FGD
    if np.ptp(mask % 2):  # some person, some background
        cv2.setRNGSeed(0)  # the same photo gives the same matte
        cv2.grabCut(
            cv2.cvtColor(small, cv2.COLOR_RGB2Lab),
            mask,
            (0, 0, 0, 0),
            np.zeros((1, 65)),
            np.zeros((1, 65)),
            GRAB_CUT_STEPS,
            cv2.GC_INIT_WITH_MASK,
        )
    person = (mask % 2).astype(np.uint8)
    # Lights on hair look like the sky behind it: a notch that the model fills is one.
    closed = cv2.morphologyEx(person, cv2.MORPH_CLOSE, _disc(NOTCH))
    person |= np.asarray((closed > 0) & (doubt > 0.5), np.uint8)
    whole = _one_piece(person, sure > 0.5)
    large = cv2.resize(whole, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(np.asarray(large, np.float32), 0, 1)


def _one_piece(person: UintArray, face: npt.NDArray[np.bool_]) -> FloatArray:
    """The part of a mask that holds the face, without small holes: what is enclosed by
    hair belongs to it."""
    _, parts = cv2.connectedComponents(person)
    faces = parts[face]
    kept = np.isin(parts, np.unique(faces)) if faces.size else person > 0
    count, holes, boxes, _ = cv2.connectedComponentsWithStats((~kept).astype(np.uint8))
    small = boxes[:, cv2.CC_STAT_AREA] < LARGEST_HOLE * kept.size
    small &= boxes[:, cv2.CC_STAT_LEFT] > 0
    small &= boxes[:, cv2.CC_STAT_TOP] > 0
    small &= boxes[:, cv2.CC_STAT_LEFT] + boxes[:, cv2.CC_STAT_WIDTH] < kept.shape[1]
    small[0] = False  # the person
    return np.asarray(kept | small[holes], np.float32)


def _disc(radius: int) -> npt.NDArray[np.uint8]:
    side = 2 * radius + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return np.asarray(disc, np.uint8)


def face_mask(landmarks: FloatArray, height: int, width: int) -> UintArray:
    """The face's own outline, softened: what no matte may miss. uint8 [H, W]."""
    hull = cv2.convexHull(landmarks[:468, :2].astype(np.float32))
    mask = np.zeros((height, width), np.uint8)
    cv2.fillConvexPoly(mask, np.round(hull * 16).astype(np.int32), (255,), shift=4)
    blur = max(0.012 * HeadFrame.of(landmarks).iod, 0.5)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), blur), np.uint8)


def fill_background(picture: UintArray, matte: UintArray) -> UintArray:
    """The picture with the person painted out: uint8 [H, W, 3].

    Only a narrow rim is ever seen, when the head turns; it is in-painted (Telea 2004)
    and everything deeper is filled smoothly.
    """
    height, width = matte.shape
    grow = max(round(width / 90), 2)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * grow + 1, 2 * grow + 1))
    person = np.asarray(cv2.dilate((matte > 8).astype(np.uint8), kernel), np.uint8)
    if person.all():
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), width / 40), np.uint8)
    smooth = _spread_in(picture, person == 0)
    half = (max(width // 2, 8), max(height // 2, 8))
    small = cv2.resize(picture, half, interpolation=cv2.INTER_AREA)
    hole = cv2.resize(person, half, interpolation=cv2.INTER_NEAREST)
    rim = max(half[0] // 14, 4)
    core = cv2.erode(
        hole, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * rim + 1,) * 2)
    )
    small[core > 0] = cv2.resize(smooth, half, interpolation=cv2.INTER_AREA)[core > 0]
    seen = np.asarray((hole > 0) & (core == 0), np.uint8)
    painted = cv2.inpaint(small, seen, 5, cv2.INPAINT_TELEA)
    large = cv2.resize(painted, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.where(person[..., None] > 0, large, picture), np.uint8)


def _spread_in(picture: UintArray, known: npt.NDArray[np.bool_]) -> UintArray:
    """Fills what is not known from ever wider neighbourhoods."""
    height, width = known.shape
    weight = known.astype(np.float32)
    colour = picture.astype(np.float32) * weight[..., None]
    levels = [(colour, weight)]
    while min(levels[-1][1].shape) > 2:
        colour, weight = levels[-1]
        size = (max(weight.shape[1] // 2, 1), max(weight.shape[0] // 2, 1))
        levels.append(
            (
                np.asarray(cv2.resize(colour, size, interpolation=cv2.INTER_AREA)),
                np.asarray(
                    cv2.resize(weight, size, interpolation=cv2.INTER_AREA), np.float32
                ),
            )
        )
    colour, weight = levels[-1]
    result = colour / np.maximum(weight, 1e-6)[..., None]
    for colour, weight in reversed(levels[:-1]):
        wide = cv2.resize(result, weight.shape[::-1], interpolation=cv2.INTER_LINEAR)
        share = np.minimum(weight, 1)[..., None]
        own = colour / np.maximum(weight, 1e-6)[..., None]
        result = wide + (own - wide) * share
    return np.asarray(np.clip(np.round(result), 0, 255), np.uint8)
