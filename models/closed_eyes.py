"""What a closed eye looks like, painted once from the open eye's surroundings."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch

from models.controls import smoothstep
from models.eyes import (
    SEEN,
    SIDES,
    EyeRig,
    Meeting,
    UintArray,
    around_eye,
    carried,
    eye_coordinates,
    lid_height,
    outer_share,
)
from models.lashes import ink_of, single_hairs, standing
from models.lid_place import BELOW_LINE, LidPlace
from models.media import LUMA, FloatArray

OF_SKIN = 0.5  # of a lid's hue is that of the skin under the eye
HUES_ALIKE = 8.0, 64.0  # levels of lightness
# Folds of the skin from so far under a shut eye, so fine, and so much of them.
UNDER, FOLDS, OF_FOLDS = 0.30, 0.12, 0.6
ROUND = 0.15  # half eye widths, in which the line bends level beyond the outer corner
COVERS = 5.0  # times sooner than skin changes, the open eye's lashes are covered
INNER = 0.15  # half eye widths further down skin is painted at the inner corner


@dataclass(frozen=True, eq=False)
class ClosedEyes:
    """Both eyes as they look when closed.

    picture: float32 [H, W, 5], RGB without lashes, 0 to 255; how much of it shows then,
        0 to 1, and up to COVERS where an open eye's lashes are to be covered sooner;
        and how much lashes cover, 0 to 1.
    lashes: float32 [2 eyes, 3], their RGB, 0 to 255.
    """

    picture: FloatArray
    lashes: FloatArray


def closed_eyes(
    picture: UintArray,
    rig: EyeRig,
    meeting: Meeting = SEEN,
    bare: UintArray | None = None,
) -> ClosedEyes:
    """Both eyes of a picture, closed.

    The lids are the skin's own colour, taken from between lid and brow and from under
    the eye, without lashes and folds, with the shade of a crease and a round eyeball
    beneath.

    meeting: of the lids. bare: the picture without frames of glasses, where there are
        some.
    """
    height, width = picture.shape[:2]
    bare = picture if bare is None else bare
    result = np.zeros((height, width, 5), np.float32)
    result[..., :3] = bare
    colours = np.zeros((2, 3), np.float32)
    for eye in (0, 1):
        frame = rig.frame[eye].numpy()
        half = float(np.linalg.norm(frame[2:4]))
        around = around_eye(frame, 2.2 * half, height, width)
        patch = bare[around].astype(np.float32)
        if patch.size == 0:
            continue
        s, t = eye_coordinates(frame, around)
        lids = rig.lids[eye]
        upper, lower = (lid_height(lid, s).numpy() for lid in lids)
        outwards = s.numpy() * SIDES[eye]
        line = _line(meeting, lids[1].numpy(), outwards, SIDES[eye])
        skin = float(rig.skin[eye])
        place = LidPlace(outwards, t.numpy(), upper, lower, line, skin)
        mask = _lid_mask(place)
        plain = _plain_skin(patch, mask, place, half)
        if plain is None:
            continue
        painted = _painted_lid(plain, patch, place) + _folds(patch, place, half)
        painted = painted.clip(0, 255)
        rims = _rims(plain, picture[around].astype(np.float32), place, half)
        lashes = standing(plain, patch, place, half) * (1 - rims)
        mask = np.maximum(mask, lashes)
        # Those that stand up are covered before the line along the lid is.
        sooner = lashes * (1 + (COVERS - 1) * single_hairs(plain, patch, place, half))
        mask = np.maximum(mask, _carried_down(sooner, place, frame))
        painted = painted + (patch - painted) * rims[..., None]
        ink, colours[eye] = ink_of(plain, patch, lashes, place, half)
        ink = ink * (1 - rims)
        here = result[around]
        more = mask > here[..., 3]
        here[more, :4] = np.dstack([painted, mask])[more]
        here[..., 4] = np.maximum(here[..., 4], ink)
    return ClosedEyes(result, colours)


def _line(
    meeting: Meeting, lower: FloatArray, outwards: FloatArray, side: float
) -> FloatArray:
    """Where lids meet, half eye widths down; beyond the outer corner it goes on."""
    bow = torch.from_numpy(meeting.bow(lower))

    def height(at: FloatArray) -> FloatArray:
        s = torch.from_numpy(np.asarray(at, np.float32))
        down = lid_height(bow, s * float(side)) + meeting.outer_drop * outer_share(s)
        return np.asarray(down.numpy(), np.float32)

    corner = height(np.array([0.95, 1.0]))
    beyond = np.clip(outwards - 1, 0, None)
    way = ROUND * (1 - np.exp(-beyond / ROUND))
    slope = (corner[1] - corner[0]) / 0.05
    return np.where(beyond > 0, corner[1] + slope * way, height(outwards))


def _plain_skin(
    patch: FloatArray, mask: FloatArray, at: LidPlace, half: float
) -> FloatArray | None:
    """The skin round an eye's mask spread over it, with the photo's grain; None where
    too little of it is in the picture."""
    known = (mask < 0.30) & (cv2.GaussianBlur(mask, (0, 0), 0.16 * half) > 0.01)
    # Next to the lid's edge too: make-up, and the shade of the brow.
    known |= (at.t < at.upper - 0.14) & (mask > 0) & (at.below_line < 0)
    if known.sum() < 12:
        return None
    luma = patch @ LUMA
    # Lashes, make-up and folds are darker than what is round them: not skin.
    around = cv2.GaussianBlur(luma * known, (0, 0), 0.3 * half)
    around = around / np.maximum(
        cv2.GaussianBlur(known * 1.0, (0, 0), 0.3 * half), 0.01
    )
    darker = np.clip((around - luma) / np.maximum(0.10 * around, 3.0), 0, 30)
    weight = (known * np.exp(-(darker**2))).astype(np.float32)
    colour = patch * weight[..., None]
    total, share = np.zeros_like(colour), np.zeros_like(weight)
    for sigma, trust in ((0.14, 1.0), (0.28, 2e-2), (0.6, 1e-4), (1.5, 1e-7)):
        total += trust * cv2.GaussianBlur(colour, (0, 0), sigma * half)
        share += trust * cv2.GaussianBlur(weight, (0, 0), sigma * half)
    filled: FloatArray = total / np.maximum(share, 1e-12)[..., None]
    smooth = cv2.GaussianBlur(filled, (0, 0), 0.12 * half)
    return np.asarray(smooth + _grain(luma, known)[..., None], np.float32)


def _grain(luma: FloatArray, known: npt.NDArray[np.bool_]) -> FloatArray:
    """Noise as fine and as strong as the photo's own where it is known."""
    fine = np.abs(luma - cv2.GaussianBlur(luma, (0, 0), 1.0))
    strength = min(1.2 * float(np.percentile(fine[known], 30)), 5.0)
    raw = np.random.default_rng(0).normal(size=luma.shape).astype(np.float32)
    noise = cv2.GaussianBlur(raw, (0, 0), 0.6)
    return np.asarray(noise * (strength / float(noise.std())), np.float32)


def _rims(
    plain: FloatArray, patch: FloatArray, at: LidPlace, half: float
) -> FloatArray:
    """Where light frames or a brow lie over the skin, 0 to 1: long shapes unlike skin.

    Lashes are short once they are cut off from the lid.
    """
    skin = plain @ LUMA
    unlike = np.abs(patch @ LUMA - skin) > np.maximum(0.22 * skin, 18.0)
    off_lid = at.t < at.upper.min() - 0.22
    off_lid |= (at.below_line > 0.22) | (np.abs(at.s) > 1.35)
    marks = (unlike & off_lid).astype(np.uint8)
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(marks)
    sides = boxes[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(1)
    long = (sides > 2.5 * half) & (np.arange(count) > 0)
    kept = cv2.dilate(long[labels].astype(np.float32), np.ones((3, 3)))
    return np.asarray(cv2.GaussianBlur(kept, (0, 0), 0.8), np.float32)


def _carried_down(picture: FloatArray, at: LidPlace, frame: FloatArray) -> FloatArray:
    """What goes with the upper lid, where it lies when the eye is closed."""
    full = np.maximum(at.line - at.upper, 0)
    beyond = -at.below_line / (at.skin + full)
    way = full * carried(torch.from_numpy(beyond)).numpy()
    rows, columns = np.mgrid[: way.shape[0], : way.shape[1]].astype(np.float32)
    x = np.asarray(columns - way * frame[4], np.float32)
    y = np.asarray(rows - way * frame[5], np.float32)
    moved = cv2.remap(picture, x, y, cv2.INTER_LINEAR)
    return np.asarray(moved * (at.below_line < 0.1), np.float32)


def _painted_lid(plain: FloatArray, patch: FloatArray, at: LidPlace) -> FloatArray:
    middle = np.clip(1 - at.s**2, 0, 1)
    below = at.below_line
    lid = _out_of_shadow(plain, patch, at)
    crease = np.exp(-(((at.t - at.upper + 0.10 * at.skin) / 0.07) ** 2)) * middle
    round_eye = np.exp(-(((at.t - 0.45 * at.upper - 0.55 * at.lower) / 0.22) ** 2))
    shade = 1 + 0.05 * round_eye * middle - 0.08 * crease
    shade = shade - 0.13 * np.exp(-np.abs(below) / 0.10) * np.sqrt(middle)
    return np.asarray(np.clip(lid * shade[..., None], 0, 255), np.float32)


def _folds(patch: FloatArray, at: LidPlace, half: float) -> FloatArray:
    """Wrinkles and strokes of the brush of the skin under the eye, mirrored onto the
    lid: as far as that skin has some, [h, w, 1]."""
    rows, columns = np.mgrid[: at.s.shape[0], : at.s.shape[1]].astype(np.float32)
    luma = patch @ LUMA
    fine = luma - cv2.GaussianBlur(luma, (0, 0), FOLDS * half)
    light = max(float(np.median(luma)), 1)
    fine = np.clip(fine, -0.2 * light, 0.12 * light)
    down = np.asarray((UNDER - 2 * at.below_line) * half, np.float32)
    mirrored = cv2.remap(fine, columns, rows + down, cv2.INTER_LINEAR)
    shown = smoothstep(at.below_line, -0.05, -0.2) * np.clip(1 - at.s**2, 0, 1)
    return np.asarray((OF_FOLDS * shown * mirrored)[..., None], np.float32)


def _out_of_shadow(plain: FloatArray, patch: FloatArray, at: LidPlace) -> FloatArray:
    """Skin from under a brow is too dark for a lid that comes forward into the light:
    it goes half the way to the skin under the eye."""
    under = (at.below_line > 0.1) & (at.below_line < 0.6) & (np.abs(at.s) < 0.9)
    if under.sum() < 20:
        return plain
    light = np.median(patch[under], axis=0)
    darker = np.clip(1 - plain @ LUMA / max(float(light @ LUMA), 1), 0, 1)
    middle = np.clip(1 - at.s**2, 0, 1)
    share = 0.4 * smoothstep(darker, 0.0, 0.15) * middle
    share = share * smoothstep(at.t, at.upper - 0.35 * at.skin, at.upper - 0.05)
    soft = cv2.GaussianBlur(share, (0, 0), 1.0)[..., None]
    lid = plain + (light - plain) * soft
    # Light and dark of a painting mix to grey, which its skin is not.
    about = (at.below_line > 0.2) & (at.below_line < 0.9) & (np.abs(at.s) < 1.2)
    luma, hues = lid @ LUMA, _hues(patch[about if about.any() else under])
    hued = luma[..., None] * hues[luma.clip(0, 255).astype(int)]
    return np.asarray(lid + OF_SKIN * (hued - lid), np.float32)


def _hues(skin: FloatArray) -> FloatArray:
    """The hue that skin [n, 3] has where it is so light: [256, 3], of luma 1."""
    levels = (skin @ LUMA).clip(0, 255).astype(int)
    total, share = np.zeros((256, 3)), np.zeros(256)
    np.add.at(total, levels, skin)
    np.add.at(share, levels, skin @ LUMA)
    # Of about the same lightness, and where there is none, of the nearest.
    levels, near, far = (np.arange(256.0), *HUES_ALIKE)
    apart = (levels[:, None] - levels) ** 2
    weight = np.exp(-apart / (2 * near**2)) + 1e-3 * np.exp(-apart / (2 * far**2))
    return np.asarray(weight @ total / (weight @ share + 1e-6)[:, None], np.float32)


def _lid_mask(at: LidPlace) -> FloatArray:
    """1 over the eye, its lashes and its crease, 0 at the brow and below the eye."""
    high = min(at.skin, 0.9)
    # Lashes stand out above the outer corner too.
    lashes = np.where(at.s > 0, np.minimum(at.upper, 0.6 * at.upper.min()), at.upper)
    shown = smoothstep(at.t, lashes - 0.59 * high, lashes - 0.25 * high)
    # The inner corner's red is below the line.
    below = at.below_line - INNER * smoothstep(at.s, -0.75, -1.0)
    shown = shown * smoothstep(below, *BELOW_LINE)
    shown = shown * smoothstep(at.s, -1.22, -1.04) * smoothstep(at.s, 1.54, 1.28)
    return np.asarray(shown, np.float32)
