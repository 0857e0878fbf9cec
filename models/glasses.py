"""Glasses: whether they are worn, and what of them lies over the eyes' skin.

Lids move behind glasses. So their frames are painted out where skin is taken from, and
laid over what is drawn where they are.
"""

from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt
import torch

from models.controls import smoothstep
from models.eyes import (
    EyeRig,
    UintArray,
    around_eye,
    build_eyes,
    eye_coordinates,
    lid_height,
)
from models.media import LUMA, FloatArray
from models.rig import GRID_HEIGHT, GRID_WIDTH, FaceRig

REACH = 2.2  # half eye widths from an eye's middle that are looked at
# In half eye widths: frames are thinner, and longer; lids and lashes lie nearer to the
# eye than frames do.
THICK, LONG, LIDS = 0.30, 1.9, 0.13
NEAR_LIDS = 1.3, 0.28, 0.35  # beside, above and below an eye: dark lashes, tired skin
LASHES = 0.06  # above an eye, where only what goes on from a frame is one
DARKER = 0.16  # of the skin's brightness, than what is round them
NOT_SKIN = 0.45  # of the skin's brightness, that it never differs from itself by
FAR = 2.6  # half eye widths from an eye's middle that frames reach
FAINTER = 0.5  # of the usual contrast, before a background as dark as frames are
OUT = 3.6  # the same of frames that stand out beside a face
BROW = 0.45  # half eye widths above a brow's lower edge, where no frames are
LENS = 1.9, 2.5  # half eye widths that a lens reaches beside and below an eye
LARGE = 1.4  # times as far out as usual
HOLDS = 0.12, 0.50  # half eye widths from a frame, within which skin is held
GAPS = 0.55  # half eye widths, that gaps in a frame are wide at most
RAYS = 120  # round an eye
BEGUN = 1.0  # half eye widths of a line's pixels on the person, that make it a frame
NOBODY = 8  # of 255 of the matte; less is background
UNLIKE = 10.0, 30.0  # levels, from the background about: none of a frame, all of it
SURE = 250  # of 255 of the matte, from where on a pixel is the person's alone


def wears_glasses(picture: UintArray, landmarks: FloatArray) -> float:
    """How surely glasses cross the bridge of the nose: 0 to 1.

    A frame is an edge right across the bridge, which skin and shadow are not: among
    seventeen portraits the largest step along it was up to 0.17 of the face's contrast
    without glasses, from 0.41 on with them, from 0.31 on at half the size.
    """
    top, down = landmarks[168, :2], landmarks[197, :2] - landmarks[168, :2]
    iod = float(np.linalg.norm(landmarks[263] - landmarks[33]))
    down = down / max(float(np.linalg.norm(down)), 1e-6)
    aside = np.array([down[1], -down[0]])
    across, along = np.linspace(-0.06, 0.06, 9), np.linspace(-0.12, 0.28, 81)
    spots = top + iod * (across[:, None] * aside + along[:, None, None] * down)
    x, y = np.ascontiguousarray(spots.astype(np.float32).transpose(2, 0, 1))
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    bridge = np.median(cv2.remap(grey, x, y, cv2.INTER_LINEAR), 1)[:, None]
    step = np.abs(np.diff(cv2.GaussianBlur(bridge, (0, 0), 1.2), axis=0)).max()
    face = np.zeros(grey.shape, np.uint8)
    outline = cv2.convexHull(landmarks[:468, :2].astype(np.float32))
    cv2.fillConvexPoly(face, np.round(outline).astype(np.int32), (1,))
    contrast = float(grey[face > 0].std()) + 1 if face.any() else np.inf
    return float(smoothstep(step / contrast, 0.19, 0.28))


def bare_eyes(picture: UintArray, matte: UintArray, eyes: EyeRig) -> FloatArray:
    """Both eyes' surroundings without the frames of glasses, RGB, and where the frames
    were: float32 [H, W, 4], 0 to 255 and 0 to 1.

    matte: uint8 [H, W]. What is behind the person must not say what is a frame: the
    same portrait is drawn before several backgrounds.
    """
    height, width = picture.shape[:2]
    result = np.zeros((height, width, 4), np.float32)
    result[..., :3] = picture
    for eye in (0, 1):
        frame = eyes.frame[eye].numpy()
        half = float(np.linalg.norm(frame[2:4]))
        here = around_eye(frame, REACH * half, height, width)
        patch = np.ascontiguousarray(picture[here])
        if patch.size == 0:
            continue
        luma, person = patch.astype(np.float32) @ LUMA, matte[here] > SURE
        worn = _worn(luma, person, eyes, eye, here)
        wide = cv2.dilate(worn.astype(np.uint8), np.ones((5, 5), np.uint8))
        # A corner of the eye may lie before a hinge, which fills a gap in the frame.
        side = round(GAPS * half) | 1
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
        wide = cv2.morphologyEx(wide, cv2.MORPH_CLOSE, disc)
        bare = cv2.inpaint(patch, wide, max(0.10 * half, 2), cv2.INPAINT_TELEA)
        soft = cv2.GaussianBlur(wide.astype(np.float32), (0, 0), 0.8)
        nearer = soft > result[here][..., 3]
        result[here][nearer] = np.dstack([bare.astype(np.float32), soft])[nearer]
    return result


def _worn(
    luma: FloatArray,
    person: npt.NDArray[np.bool_],
    eyes: EyeRig,
    eye: int,
    here: tuple[slice, slice],
) -> npt.NDArray[np.bool_]:
    """The frames about one eye, of the light of what lies here: [h, w]."""
    frame = eyes.frame[eye].numpy()
    half = float(np.linalg.norm(frame[2:4]))
    s, t = eye_coordinates(frame, here)
    rays, at_lids = _seen_from(frame[:2], here), _near_lids(eyes, eye, s, t)
    sure, near = (
        _frames(luma, person, _on_lids(eyes, eye, s, t, room), half)
        for room in (LIDS, LASHES)
    )
    worn = sure | _begun_on(sure, near, LASHES * half)
    behind = _behind_others(worn, *rays)
    worn &= ~(behind & at_lids)
    worn &= _long(worn, half) | ~behind  # nor what is left of a fold
    # A frame goes on, fainter, before skin as dark as it is.
    faint = _frames(luma, person, _on_lids(eyes, eye, s, t), half, FAINTER)
    faint = _begun_on(worn, faint, BEGUN * half)
    worn |= _where_no_other(faint, worn, rays[0])
    below = (t - lid_height(eyes.lids[eye, 1], s)).numpy()
    under = (below > 0.15) & (below < 0.7) & (s.abs() < 0.9).numpy()
    return worn | (_at_frames(worn, luma, under, half) & ~at_lids)


def _near_lids(
    eyes: EyeRig, eye: int, s: torch.Tensor, t: torch.Tensor
) -> npt.NDArray[np.bool_]:
    """Whether places in half eye widths are so near to an eye's lids that a dark line
    may be theirs."""
    beside, above, below = NEAR_LIDS
    upper, lower = (lid_height(eyes.lids[eye, lid], s) for lid in (0, 1))
    near: npt.NDArray[np.bool_] = (
        (s.abs() < beside) & (t > upper - above) & (t < lower + below)
    ).numpy()
    return near


def _at_frames(
    frames: npt.NDArray[np.bool_],
    luma: FloatArray,
    under: npt.NDArray[np.bool_],
    half: float,
) -> npt.NDArray[np.bool_]:
    """What lies at frames and is nothing like skin: hinges, which are wider than lines,
    and lights that a lens throws back. under: the skin under the eye."""
    if not under.any():
        return np.zeros_like(frames)
    skin = float(np.median(luma[under]))
    side = round(2 * THICK * half) | 1
    close = cv2.dilate(frames.astype(np.uint8), np.ones((side, side), np.uint8)) > 0
    unlike = np.abs(luma - skin) > NOT_SKIN * skin
    return np.asarray(unlike & close, np.bool_)


def _behind_others(
    lines: npt.NDArray[np.bool_],
    ray: npt.NDArray[np.int64],
    steps: npt.NDArray[np.int64],
) -> npt.NDArray[np.bool_]:
    """Of lines those with another one further out, as _seen_from the eye's middle: near
    the lids lashes and folds within the frame of a lens."""
    met = np.zeros((RAYS, int(steps.max()) + 1), np.bool_)
    met[ray[lines], steps[lines]] = True
    met = cv2.dilate(met.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    # From far away inwards: the first line, and where it ends.
    beyond = np.logical_or.accumulate(met[:, ::-1], axis=1)
    ended = np.logical_or.accumulate(beyond & ~met[:, ::-1], axis=1)[:, ::-1]
    behind: npt.NDArray[np.bool_] = lines & ended[ray, steps]
    return behind


def _where_no_other(
    lines: npt.NDArray[np.bool_],
    others: npt.NDArray[np.bool_],
    ray: npt.NDArray[np.int64],
) -> npt.NDArray[np.bool_]:
    """Of lines what lies on rays from the eye's middle on which none of the others
    is."""
    met = np.zeros(RAYS, np.bool_)
    met[ray[others]] = True
    free: npt.NDArray[np.bool_] = lines & ~met[ray]
    return free


def _seen_from(
    middle: FloatArray, here: tuple[slice, slice]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """On which of RAYS from an eye's middle each pixel lies, and how far out."""
    rows, columns = np.mgrid[here].astype(np.float32)
    away = np.hypot(columns - middle[0], rows - middle[1])
    angle = np.arctan2(rows - middle[1], columns - middle[0])
    ray = np.round(angle * (RAYS / 2 / np.pi)).astype(int) % RAYS
    return ray, away.astype(int)


def under_glasses(
    rig: FaceRig, picture: UintArray, matte: UintArray, landmarks: FloatArray
) -> FaceRig:
    """The rig of a face whose skin holds still where glasses lie over it."""
    size = torch.tensor([GRID_WIDTH, GRID_HEIGHT])
    x, y = (torch.arange(count) for count in size.tolist())
    nodes = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1).reshape(-1, 2)
    spots = rig.box[:2] + nodes * ((rig.box[2:] - rig.box[:2]) / (size - 1))
    held = held_still(picture, matte, build_eyes(landmarks), spots.numpy())
    free = torch.from_numpy(1 - held)[:, None]
    return replace(
        rig, spread_upper=rig.spread_upper * free, spread_lower=rig.spread_lower * free
    )


def with_frames(
    matte: UintArray, picture: UintArray, landmarks: FloatArray
) -> UintArray:
    """The matte, uint8 [H, W], with the frames of glasses that stand out beside the
    face, where a cut-out has lost them: lines that begin on the person."""
    if wears_glasses(picture, landmarks) <= 0.5:
        return matte
    height, width = matte.shape
    eyes = build_eyes(landmarks)
    # Of a face that is turned, the far eye is narrow, and its lens stands out most.
    half = float(eyes.frame[:, 2:4].norm(dim=1).max())
    result = matte.astype(np.float32)
    for eye, frame in enumerate(eyes.frame.numpy()):
        here = around_eye(frame, OUT * half, height, width)
        luma = picture[here].astype(np.float32) @ LUMA
        if luma.size == 0:
            continue
        s, t = eye_coordinates(frame, here)
        brow = _brow(eyes, eye)
        not_lens = _on_lids(eyes, eye, s, t) | ((t < brow) | (t > LENS[1])).numpy()
        everywhere = np.ones(luma.shape, np.bool_)
        for shades in (luma, 255 - luma):
            kept = _frames(shades, everywhere, not_lens, half)
            kept = _begun_on(matte[here] > SURE, kept, BEGUN * half)
            # Where they go on before a dark background, they are fainter.
            faint = _frames(shades, everywhere, not_lens, half, FAINTER)
            kept = _begun_on(kept, faint, 1)
            wide = cv2.dilate(kept.astype(np.float32), np.ones((3, 3)))
            soft = np.asarray(cv2.GaussianBlur(wide, (0, 0), 0.8))
            behind = (matte[here] < NOBODY) & (wide == 0)
            shown = 255 * soft * _unlike(picture[here], behind, half)
            result[here] = np.maximum(result[here], shown)
    return np.asarray(np.round(result), np.uint8)


def _unlike(
    picture: UintArray, behind: npt.NDArray[np.bool_], half: float
) -> FloatArray:
    """How far colours are not those of what is behind near by, [H, W], 0 to 1: between
    a dark frame and dark hair the background is a light line too."""
    there = behind.astype(np.float32)
    colours = picture.astype(np.float32)
    total, near = (
        np.asarray(cv2.GaussianBlur(each, (0, 0), 0.4 * half))
        for each in (colours * there[..., None], there)
    )
    usual = total / np.maximum(near, 1e-3)[..., None]
    apart = np.linalg.norm(colours - usual, axis=2)
    return np.where(near > 0.02, smoothstep(apart, *UNLIKE), 1).astype(np.float32)


def _begun_on(
    begin: npt.NDArray[np.bool_], lines: npt.NDArray[np.bool_], least_px: float
) -> npt.NDArray[np.bool_]:
    """The lines that have so many pixels in common with where they shall begin."""
    count, labels = cv2.connectedComponents(lines.astype(np.uint8))
    in_common = np.bincount(labels[begin], minlength=count)
    begun = (in_common >= least_px) & (np.arange(count) > 0)
    return np.asarray(begun[labels], np.bool_)


def held_still(
    picture: UintArray, matte: UintArray, eyes: EyeRig, spots: FloatArray
) -> FloatArray:
    """How far skin at spots [N, 2], pixels, is held by the glasses that lie over it:
    float32 [N], 1 under their frames and behind their lenses, 0 a little way off."""
    height, width = picture.shape[:2]
    free = np.ones((height, width), np.uint8)
    half = float(eyes.frame[:, 2:4].norm(dim=1).mean())
    behind = np.zeros(len(spots), np.float32)
    for eye, frame in enumerate(eyes.frame.numpy()):
        brow = _brow(eyes, eye)
        behind = np.maximum(behind, _lens(frame, brow, spots))
        here = around_eye(frame, FAR * half, height, width)
        luma = picture[here].astype(np.float32) @ LUMA
        if luma.size == 0:
            continue
        _, down = eye_coordinates(frame, here)
        above = down.numpy() < brow - BROW
        for shades in (luma, 255 - luma):  # frames may be lighter than the skin too
            free[here] &= ~_frames(shades, matte[here] > SURE, above, half)
    away = cv2.distanceTransform(free, cv2.DIST_L2, 5) / half
    x, y = np.round(spots).astype(int).T
    nearest = away[y.clip(0, height - 1), x.clip(0, width - 1)]
    return np.maximum(smoothstep(nearest, HOLDS[1], HOLDS[0]), behind)


def _on_lids(
    eyes: EyeRig, eye: int, s: torch.Tensor, t: torch.Tensor, room: float = LIDS
) -> npt.NDArray[np.bool_]:
    """Whether places in half eye widths are on an eye, or near it; room: above it."""
    upper, lower = (lid_height(eyes.lids[eye, lid], s) for lid in (0, 1))
    on_lids: npt.NDArray[np.bool_] = (
        (s.abs() < 1 + LIDS) & (t > upper - room) & (t < lower + LIDS)
    ).numpy()
    return on_lids


def _brow(eyes: EyeRig, eye: int) -> float:
    """A brow's lower edge, half eye widths down from the eye's middle."""
    lid = float(lid_height(eyes.lids[eye, 0], eyes.lids.new_zeros(1)))
    return lid - float(eyes.skin[eye])


def lenses(landmarks: FloatArray, spots: FloatArray) -> FloatArray:
    """How surely spots [N, 2], pixels, lie behind either lens of glasses that may be
    large: [2, N], 0 to 1."""
    eyes = build_eyes(landmarks)
    widths = eyes.frame[:, 2:4].norm(dim=1).numpy()
    # Of a face that is turned, the far eye is narrow, and its lens stands out most.
    larger = LARGE * widths.max() / widths
    found = []
    for eye, frame in enumerate(eyes.frame.numpy()):
        nearer = spots
        for way, large in (
            (frame[2:4] * (2 * eye - 1), larger[eye]),  # away from the nose
            (-frame[4:], LARGE),  # upwards
        ):
            out = ((spots - frame[:2]) @ way / (way @ way)).clip(0)
            nearer = nearer - np.outer(out * (1 - 1 / large), way)
        found.append(_lens(frame, _brow(eyes, eye), nearer))
    return np.stack(found)


def _lens(frame: FloatArray, brow: float, spots: FloatArray) -> FloatArray:
    """How surely spots [N, 2] lie behind a lens of a usual size, from the brow down."""
    way = spots - frame[:2]
    unit = frame[2:4] @ frame[2:4]
    along, down = way @ frame[2:4] / unit, way @ frame[4:] / unit
    high = np.where(down < 0, -brow, LENS[1])
    return smoothstep(np.hypot(along / LENS[0], down / high), 1.15, 0.9)


def _frames(
    luma: FloatArray,
    person: npt.NDArray[np.bool_],
    lids: npt.NDArray[np.bool_],
    half: float,
    share: float = 1.0,
) -> npt.NDArray[np.bool_]:
    """Long thin lines that are darker than what is on both sides of them; share: of
    the usual contrast."""
    side = max(round(THICK * half) | 1, 3)
    within = cv2.erode(person.astype(np.uint8), np.ones((side, side), np.uint8)) > 0
    if not within.any():
        return within
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    smooth = cv2.GaussianBlur(luma, (0, 0), 0.7)
    dark = cv2.morphologyEx(smooth, cv2.MORPH_BLACKHAT, disc)
    least = share * max(DARKER * float(np.median(luma[within])), 14.0)
    return _long((dark > least) & within & ~lids, half)


def _long(lines: npt.NDArray[np.bool_], half: float) -> npt.NDArray[np.bool_]:
    """Of lines those that are as long as frames are."""
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(lines.astype(np.uint8))
    sides = boxes[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(1)
    long = (sides > LONG * half) & (np.arange(count) > 0)
    return np.asarray(long[labels], np.bool_)
