"""What a closed eye looks like, painted once from the open eye's surroundings."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch

from models.controls import smoothstep
from models.eyes import (
    MEET_BELOW,
    OUTER_DROP,
    SIDES,
    EyeRig,
    UintArray,
    around_eye,
    carried,
    eye_coordinates,
    lid_height,
    outer_share,
)
from models.lashes import lash_line
from models.media import FloatArray

OF_SKIN = 0.5  # of a lid's hue is that of the skin under the eye
HUES_ALIKE = 8.0, 64.0  # levels of lightness
# Folds of the skin from so far under a shut eye, so fine, and so much of them.
UNDER, FOLDS, OF_FOLDS = 0.30, 0.12, 0.6
SHARP_PX = 0.6  # the blur of an edge between two pixels
LASHES = 1.2  # of the open eye's darkness, that lashes have where lids meet
LASHES_BOUND = 0.4, 0.92  # of the light, that the faintest and the darkest ones take
LASH_DARKER = 0.25, 0.45  # of the skin's brightness: from there on it is a lash
LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def closed_eyes(
    picture: UintArray, rig: EyeRig, bare: UintArray | None = None
) -> FloatArray:
    """Both eyes as they look when closed: RGB without lashes, how much of it shows
    then, and how much light the lashes take: float32 [H, W, 5], 0 to 255 and 0 to 1.

    The lids are the skin's own colour, taken from between lid and brow and from under
    the eye, without lashes and folds, with the shade of a crease and a round eyeball
    beneath.

    bare: the picture without frames of glasses, where there are some.
    """
    height, width = picture.shape[:2]
    bare = picture if bare is None else bare
    result = np.zeros((height, width, 5), np.float32)
    result[..., :3] = bare
    for eye in (0, 1):
        frame = rig.frame[eye].numpy()
        half = float(np.linalg.norm(frame[2:4]))
        around = around_eye(frame, 2.2 * half, height, width)
        patch = bare[around].astype(np.float32)
        if patch.size == 0:
            continue
        s, t = eye_coordinates(frame, around)
        lids = rig.lids[eye]
        heights = [*lids, lids[1] + torch.tensor(MEET_BELOW)]
        upper, lower, line = (lid_height(lid, s).numpy() for lid in heights)
        outwards = s.numpy() * SIDES[eye]
        line = line + OUTER_DROP * outer_share(s * float(SIDES[eye])).numpy()
        skin = float(rig.skin[eye])
        place = _LidPlace(outwards, t.numpy(), upper, lower, line, skin)
        mask = _lid_mask(place)
        plain = _plain_skin(patch, mask, place, half)
        if plain is None:
            continue
        painted = _painted_lid(plain, patch, place) + _folds(patch, place, half)
        painted = painted.clip(0, 255)
        rims = _rims(plain, picture[around].astype(np.float32), place, half)
        lashes = _lashes(plain, patch, place, half) * (1 - rims)
        mask = np.maximum(mask, lashes)
        mask = np.maximum(mask, _carried_down(lashes, place, frame))
        painted = painted + (patch - painted) * rims[..., None]
        ink = _ink(plain, patch, lashes, place, half) * (1 - rims)
        here = result[around]
        more = mask > here[..., 3]
        here[more, :4] = np.dstack([painted, mask])[more]
        here[..., 4] = np.maximum(here[..., 4], ink)
    return result


@dataclass(frozen=True, eq=False)
class _LidPlace:
    """A patch's pixels in half eye widths, [h, w]: outwards along and down across the
    eye, where the lids are there, and the height of the skin above."""

    s: FloatArray
    t: FloatArray
    upper: FloatArray
    lower: FloatArray
    line: FloatArray  # where they meet
    skin: float

    @property
    def below_line(self) -> FloatArray:
        """How far a pixel is below the line where the lids meet."""
        return self.t - self.line


def _plain_skin(
    patch: FloatArray, mask: FloatArray, at: _LidPlace, half: float
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
    plain: FloatArray, patch: FloatArray, at: _LidPlace, half: float
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


def _lashes(
    plain: FloatArray, patch: FloatArray, at: _LidPlace, half: float
) -> FloatArray:
    """The open eye's lashes where they stand out beyond the lid's mask: 0 to 1."""
    skin = np.maximum(plain @ LUMA, 1)
    darker = 1 - cv2.GaussianBlur(patch, (0, 0), 0.7) @ LUMA / skin
    high = min(at.skin, 0.9)
    near = smoothstep(at.t, at.upper.min() - 0.95 * high, at.upper.min() - 0.7 * high)
    near = near * smoothstep(at.below_line, 0.6, 0.3)
    near = near * smoothstep(at.s, -1.35, -1.15) * smoothstep(at.s, 1.9, 1.6)
    sure = smoothstep(darker, *LASH_DARKER)
    # Their tips are fainter, and what is next to them is theirs.
    about = cv2.dilate(near * sure, np.ones((side := round(0.25 * half) | 1, side)))
    found = np.maximum(sure, about * smoothstep(darker, 0.06, 0.14))
    found = near * cv2.dilate(found, np.ones((3, 3)))
    return np.asarray(cv2.GaussianBlur(found, (0, 0), 0.8), np.float32)


def _carried_down(picture: FloatArray, at: _LidPlace, frame: FloatArray) -> FloatArray:
    """What goes with the upper lid, where it lies when the eye is closed."""
    full = np.maximum(at.line - at.upper, 0)
    beyond = -at.below_line / (at.skin + full)
    way = full * carried(torch.from_numpy(beyond)).numpy()
    rows, columns = np.mgrid[: way.shape[0], : way.shape[1]].astype(np.float32)
    x = np.asarray(columns - way * frame[4], np.float32)
    y = np.asarray(rows - way * frame[5], np.float32)
    moved = cv2.remap(picture, x, y, cv2.INTER_LINEAR)
    return np.asarray(moved * (at.below_line < 0.1), np.float32)


def _ink(
    plain: FloatArray,
    patch: FloatArray,
    lashes: FloatArray,
    at: _LidPlace,
    half: float,
) -> FloatArray:
    """The line of lashes, as dark and as long as the open eye's are."""
    line = (np.abs(at.t - at.upper) < 0.10) & (np.abs(at.s) < 0.8)
    skin = float(np.median(plain @ LUMA))
    dark = float(np.percentile(patch[line] @ LUMA, 10)) if line.sum() > 8 else skin
    above = (at.t < at.upper - 0.12) & (at.t > at.upper - 0.4) & (np.abs(at.s) < 1.1)
    stand = lashes[above]
    long = float(np.clip(2.5 * stand.mean(), 0, 1)) if stand.size else 0.0
    strength = np.clip(LASHES * (1 - dark / max(skin, 1.0)), *LASHES_BOUND)
    ink = strength * lash_line(at.s, at.below_line, half, long)
    # As sharp as the open eye's: its edges go from dark to light over so many pixels.
    luma = patch @ LUMA
    steps = np.hypot(*np.gradient(luma))[np.abs(at.t - at.upper) < 0.3]
    steepest = float(np.percentile(steps, 98)) if steps.size else 1.0
    soft = (skin - dark) / max(2.5 * steepest, 1.0)
    sharper = np.sqrt(np.clip(soft**2 - SHARP_PX**2, 0.01, (0.035 * half) ** 2))
    return np.asarray(cv2.GaussianBlur(ink, (0, 0), sharper), np.float32)


def _painted_lid(plain: FloatArray, patch: FloatArray, at: _LidPlace) -> FloatArray:
    middle = np.clip(1 - at.s**2, 0, 1)
    below = at.below_line
    lid = _out_of_shadow(plain, patch, at)
    crease = np.exp(-(((at.t - at.upper + 0.10 * at.skin) / 0.07) ** 2)) * middle
    round_eye = np.exp(-(((at.t - 0.45 * at.upper - 0.55 * at.lower) / 0.22) ** 2))
    shade = 1 + 0.05 * round_eye * middle - 0.08 * crease
    shade = shade - 0.13 * np.exp(-np.abs(below) / 0.10) * np.sqrt(middle)
    return np.asarray(np.clip(lid * shade[..., None], 0, 255), np.float32)


def _folds(patch: FloatArray, at: _LidPlace, half: float) -> FloatArray:
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


def _out_of_shadow(plain: FloatArray, patch: FloatArray, at: _LidPlace) -> FloatArray:
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


def _lid_mask(at: _LidPlace) -> FloatArray:
    """1 over the eye, its lashes and its crease, 0 at the brow and below the eye."""
    high = min(at.skin, 0.9)
    # Lashes stand out above the outer corner too.
    lashes = np.where(at.s > 0, np.minimum(at.upper, 0.6 * at.upper.min()), at.upper)
    shown = smoothstep(at.t, lashes - 0.59 * high, lashes - 0.25 * high)
    shown = shown * smoothstep(at.below_line, 0.44, 0.10)
    shown = shown * smoothstep(at.s, -1.22, -0.94) * smoothstep(at.s, 1.54, 1.28)
    return np.asarray(shown, np.float32)
