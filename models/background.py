"""Person and background: a matte that follows the hair."""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from models.controls import smoothstep
from models.edge import NOISE, by_colours, grown, told_apart
from models.landmarks import person_matte
from models.matting import Wish, shares
from models.media import FloatArray
from models.rig import HeadFrame

UintArray = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

MATTED_PX = 640  # long side of the picture in which hairs are told apart
INWARDS, OUTWARDS = 0.022, 0.035  # of the width: how far from the mask's edge they go
FURTHER = 3.0  # times as far where the model is in doubt
SURELY = 0.95  # of the model's mask: less is doubt
CLOSE = 0.008  # of the width: the mask's own edge is as exact
BY_COLOUR, BY_MASK, AT_EDGE = 0.1, 0.1, 0.003  # weights, see matting.Wish
DOUBTED = 0.06  # of the mask's weight, where the model doubts
FAINT = 0.06  # a share that is not seen, and yet goes where the person goes
LOOSE = 0.1  # a share that still holds a hair to the head
NO_SHARE, WHOLE = 0.04, 0.96  # beyond, a share is taken for none or all
DECIDED_PX = 224  # long side of the picture in which colours decide
GRAB_CUT_STEPS = 3
DENIED, DENIED_PX = 0.3, 1  # of the model's mask; of DECIDED_PX, about it
NOTCH = 8  # of DECIDED_PX, half its width
LARGEST_HOLE = 0.04  # of the picture, that a person may enclose
LARGEST_GAP = 16  # of DECIDED_PX, half its width
GAP = 0.85  # of the model's mask: surer, and it is no gap
# Of what colours say: less, and outlines are evened; from the chin up, where hair is,
# and lower down. So far above the chin, of the width, it is no longer the one.
HAIR_TOLD, SURELY_TOLD, CHIN_SOFT = (0.2, 0.5), (0.5, 0.75), 0.08
EVEN, EVEN_EDGE = 0.006, (0.2, 0.8)  # of the width; of what is so evened, its edge
LIKELY = -0.010  # of the width, inwards: less is outside the mask, not at its edge
HARDLY = 0.3  # of the model's mask: less is hardly taken for a person
ITS_REACH, ITS_RIM = 0.04, 0.05  # of the width: from so far a person has a colour
FACE_RIM = 0.035  # IOD within a face's landmarks, where colours say what is face
PALETTE_REACH = 80  # of DECIDED_PX: from so far colours of what is behind are taken


def refine_matte(picture: UintArray, landmarks: FloatArray) -> UintArray:
    """The person's share of each pixel: uint8 [H, W], 0 to 255; the face is always in.

    MediaPipe's mask is coarse, and doubtful where hair is unusual: colours decide
    there. Near the edge that this gives, each pixel's share is found by its colour and
    those of its neighbours.
    """
    height, width = picture.shape[:2]
    face = face_mask(landmarks, height, width) / np.float32(255)
    coarse = person_matte(picture)
    scale = min(MATTED_PX / max(height, width), 1.0)
    size = max(round(width * scale), 8), max(round(height * scale), 8)
    matte = _matte(*(_reduced(each, size) for each in (picture, coarse, face)))
    if scale < 1:
        matte = _enlarged(matte, picture)
    matte = np.maximum(matte, face)
    return np.asarray(np.round(matte * 255), np.uint8)


def _reduced(picture: npt.NDArray[Any], size: tuple[int, int]) -> npt.NDArray[Any]:
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))


def _enlarged(matte: FloatArray, picture: UintArray) -> FloatArray:
    """A matte of a reduced picture, drawn to the edges of the whole one.

    Source: He, Sun, Tang, Guided Image Filtering, ECCV 2010.
    """
    height, width = picture.shape[:2]
    large = cv2.resize(matte, (width, height), interpolation=cv2.INTER_CUBIC)
    radius = max(round(1.5 * width / matte.shape[1]), 2)
    fine = cv2.ximgproc.guidedFilter(
        picture.astype(np.float32) / 255, large.clip(0, 1), radius, 1e-5
    )
    return np.asarray(fine.clip(0, 1), np.float32)


def _matte(picture: UintArray, coarse: FloatArray, face: FloatArray) -> FloatArray:
    width = coarse.shape[1]
    decided = _decided(picture, coarse, face) > 0.5
    way = _way_inside(decided) / width
    near = max(round(0.006 * width), 1)
    doubt = grown((coarse > 1 - SURELY) & (coarse < SURELY), near)
    person = (way > INWARDS) & ~(doubt & (way < FURTHER * INWARDS)) | (face > 0.98)
    behind = (way < -OUTWARDS) & ~(doubt & (way > -FURTHER * OUTWARDS))
    # (What is enclosed and yet not filled has been looked at: see _may_be_behind.)
    behind |= (way < -CLOSE) & ~_open_to_the_border(~decided)
    behind &= ~person
    colours = picture.astype(np.float32) / 255
    unknown = ~(person | behind)
    likely = _likely(colours, person, unknown & (way < LIKELY), coarse, face > 0.5)
    said = by_colours(colours, person, behind, likely)
    trust = told_apart(colours, person, behind)
    wish = _wish(said, trust, way, coarse)
    found = shares(colours, person.astype(np.float32), ~(person | behind), wish)
    found = _evened(found, said, trust, face)
    return _connected(np.clip((found - NO_SHARE) / (WHOLE - NO_SHARE), 0, 1))


def _likely(
    colours: FloatArray, person: Mask, outside: Mask, coarse: FloatArray, face: Mask
) -> Mask:
    """What is likely behind of what lies outside the mask's edge and is not known to
    be, [H, W]: what is of no colour that the person has near by. Where hair is, down to
    the chin; above the face, where it may be a large head of hair, only what the model
    hardly takes for one. face: what surely is."""
    height, width = outside.shape
    rows = np.flatnonzero(face.any(1))
    top, chin = (rows[0], rows[-1]) if len(rows) else (0, height)
    likely = outside.copy()
    likely[:top] &= coarse[:top] < HARDLY
    likely[chin:] = False
    y, x = np.indices(outside.shape, np.float32) * (NOISE / (ITS_REACH * width))
    places = np.concatenate([colours, y[..., None], x[..., None]], 2)
    edge = person & grown(~person, round(ITS_RIM * width))
    if likely.any() and edge.any():
        tree, most = cKDTree(places[edge][::8]), 3 * NOISE
        apart, _ = tree.query(places[likely], distance_upper_bound=most, workers=-1)
        likely[likely] = apart > most
    return likely


def _evened(
    found: FloatArray, said: Wish, trust: FloatArray, face: FloatArray
) -> FloatArray:
    """Shares [H, W] with an even outline where colours say little: there a ragged one
    is no better a guess. Of hair, down to the chin, they may say less."""
    height, width = found.shape
    sigma = EVEN * width
    even = smoothstep(np.asarray(cv2.GaussianBlur(found, (0, 0), sigma)), *EVEN_EDGE)
    sure = np.asarray(cv2.GaussianBlur(said.weight, (0, 0), 2 * sigma))
    chin = np.flatnonzero((face > 0.5).any(1)).max(initial=0)
    above = (chin - np.arange(height)[:, None]) / (CHIN_SOFT * width)
    hair = smoothstep(above, 0, 1)
    low, high = (
        body + (head - body) * hair
        for head, body in zip(HAIR_TOLD, SURELY_TOLD, strict=True)
    )
    clear = np.maximum(trust, smoothstep(sure, low, high))
    return np.asarray(even + (found - even) * clear, np.float32)


def _connected(matte: FloatArray) -> FloatArray:
    """A matte without what floats about the person."""
    count, parts = cv2.connectedComponents((matte > LOOSE).astype(np.uint8))
    whole = np.bincount(parts[matte > LOOSE], minlength=count)
    loose = (parts != whole.argmax()) & (matte > LOOSE)
    around = cv2.dilate(loose.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    floating = loose | around & (matte <= LOOSE)
    return np.where(floating, np.minimum(matte, FAINT), matte)


def _wish(said: Wish, trust: FloatArray, way: FloatArray, coarse: FloatArray) -> Wish:
    """What colours say, as far as they can be trusted, and else the mask: the more, the
    further from its edge, [H, W] of the width inwards, and the surer the model is."""
    width = way.shape[1]
    side = 2 * round(0.006 * width) + 1
    # A gap amid hair: many pixels, all of which are like the background.
    gap = np.asarray(cv2.blur(said.weight * (1 - said.share), (side, side)))
    trust = np.maximum(trust, smoothstep(gap, 0.2, 0.45) * (way > 0))
    reach = CLOSE + (np.where(way > 0, INWARDS, OUTWARDS) - CLOSE) * trust
    sure = np.abs(2 * np.asarray(cv2.blur(coarse, (side, side))) - 1)
    far = np.minimum(np.abs(way) / reach, FURTHER) ** 2
    certain = smoothstep(sure, 0.5, 0.98)
    certain = np.maximum(certain, DOUBTED * (1 - 0.9 * trust))
    by_mask = AT_EDGE + BY_MASK * far * certain
    by_colour = BY_COLOUR * said.weight * (0.2 + 0.8 * trust)
    sharp = np.clip(0.5 + way / (2 * CLOSE), 0, 1)
    # Where colours do not help, an even outline is better than a ragged one.
    even = cv2.GaussianBlur((way > 0).astype(np.float32), (0, 0), CLOSE * width)
    mask = sharp * trust + smoothstep(np.asarray(even), 0.15, 0.85) * (1 - trust)
    weight = by_colour + by_mask
    return Wish((by_colour * said.share + by_mask * mask) / weight, weight)


def _way_inside(mask: Mask) -> FloatArray:
    """Pixels to the mask's edge: [H, W], inside positive, outside negative."""
    inside, outside = (
        np.asarray(cv2.distanceTransform(side.astype(np.uint8), cv2.DIST_L2, 5))
        for side in (mask, ~mask)
    )
    return np.asarray(np.where(mask, inside - 0.5, 0.5 - outside), np.float32)


def _decided(picture: UintArray, coarse: FloatArray, face: FloatArray) -> FloatArray:
    """Person or not, without doubts: float32 [H, W], 0 to 1.

    Source: Rother, Kolmogorov, Blake, GrabCut, SIGGRAPH 2004.
    """
    height, width = coarse.shape
    scale = DECIDED_PX / max(height, width)
    size = max(round(width * scale), 8), max(round(height * scale), 8)
    small = np.asarray(_reduced(picture, size), np.uint8)
    doubt, sure = (_reduced(each, size) for each in (coarse, face))
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
    # What the model denies may be an earring, but not if the picture cuts it off.
    denied = (cv2.dilate(doubt, _disc(DENIED_PX)) < DENIED) & (sure < 0.5)
    person[_open_to_the_border(denied & (person > 0))] = 0
    # Lights on hair look like the sky behind it: a notch that the model fills is one.
    closed = cv2.morphologyEx(person, cv2.MORPH_CLOSE, _disc(NOTCH))
    gaps = _may_be_behind(small, person, doubt)
    # Above a face there is no gap between hair and neck, but light on the hair.
    above = slice(np.flatnonzero((sure > 0.5).any(1)).min(initial=len(gaps)))
    gaps[above] = False
    person[above] |= doubt[above] > GAP
    person |= np.asarray((closed > 0) & (doubt > 0.5) & ~gaps, np.uint8)
    person[gaps & (doubt < 0.5) & (sure < 0.5)] = 0
    whole = _one_piece(person, sure > 0.5, gaps)
    large = cv2.resize(whole, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(np.asarray(large, np.float32), 0, 1)


def _may_be_behind(picture: UintArray, person: UintArray, doubt: FloatArray) -> Mask:
    """Pixels with a colour that is seen behind near by, and less sure to the model than
    those about them, of which it is sure."""
    colours = picture.astype(np.float32) / 255
    around = cv2.morphologyEx(doubt, cv2.MORPH_CLOSE, _disc(LARGEST_GAP))
    less_sure = (doubt < GAP) & (around > 0.9)
    y, x = np.indices(doubt.shape, np.float32) * (NOISE / PALETTE_REACH)
    places = np.concatenate([colours, y[..., None], x[..., None]], 2)
    outside = places[_open_to_the_border(person == 0) & (doubt < 0.3)]
    if not len(outside) or not less_sure.any():
        return np.zeros(person.shape, np.bool_)
    apart, _ = cKDTree(outside).query(places[less_sure])
    less_sure[less_sure] = apart < 2 * NOISE
    gaps = cv2.morphologyEx(less_sure.astype(np.uint8), cv2.MORPH_OPEN, _disc(2))
    return np.asarray(gaps > 0)  # spaces between hairs are too small for a mask


def _open_to_the_border(mask: Mask) -> Mask:
    """The parts of a mask that reach the picture's border."""
    _, parts = cv2.connectedComponents(mask.astype(np.uint8))
    border = [parts[0], parts[-1], parts[:, 0], parts[:, -1]]
    return np.asarray(mask & np.isin(parts, np.unique(np.concatenate(border))))


def _one_piece(person: UintArray, face: Mask, may_be_behind: Mask) -> FloatArray:
    """The part of a mask that holds the face, without small holes: what is enclosed by
    hair belongs to it, unless it looks as what is behind."""
    _, parts = cv2.connectedComponents(person)
    faces = parts[face & (person > 0)]
    kept = np.isin(parts, np.unique(faces)) if faces.size else person > 0
    count, holes, boxes, _ = cv2.connectedComponentsWithStats((~kept).astype(np.uint8))
    filled = boxes[:, cv2.CC_STAT_AREA] < LARGEST_HOLE * kept.size
    filled &= boxes[:, cv2.CC_STAT_LEFT] > 0
    filled &= boxes[:, cv2.CC_STAT_TOP] > 0
    filled &= boxes[:, cv2.CC_STAT_LEFT] + boxes[:, cv2.CC_STAT_WIDTH] < kept.shape[1]
    behind = np.bincount(holes[may_be_behind], minlength=count)
    filled &= behind < 0.5 * boxes[:, cv2.CC_STAT_AREA]
    filled[0] = False  # the person
    return np.asarray(kept | filled[holes], np.float32)


def _disc(radius: int) -> npt.NDArray[np.uint8]:
    side = 2 * radius + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return np.asarray(disc, np.uint8)


def face_mask(landmarks: FloatArray, height: int, width: int) -> UintArray:
    """The face's own outline, softened: what no matte may miss. uint8 [H, W].

    A little within the landmarks, which lie beside a jaw now and then.
    """
    hull = cv2.convexHull(landmarks[:468, :2].astype(np.float32))
    outline = np.round(hull * 16).astype(np.int32)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillConvexPoly(mask, outline, (255,), shift=4)
    iod = HeadFrame.of(landmarks).iod
    rim = max(round(2 * FACE_RIM * iod), 1)
    cv2.polylines(mask, [outline], True, (0,), rim, shift=4)
    blur = max(0.012 * iod, 0.5)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), blur), np.uint8)
