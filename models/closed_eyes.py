"""What a closed eye looks like, painted once from the open eye's surroundings."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from models.controls import smoothstep
from models.eyes import EyeRig, UintArray, eye_coordinates, lid_height
from models.media import FloatArray

# Where closed lids meet, in half eye widths under the open eye's lower lid: lashes hang
# over it. Measured by landmarks: with a higher line they see an eye that is still open.
MEET_BELOW = 0.19
INK, SHADOW = 0.80, 0.36  # how much of the lashes' colour their line and its rim take
LEAST_CONTRAST = 0.42  # of the skin's brightness: lashes are no lighter than this
LASH_DARKER = 0.25, 0.45  # of the skin's brightness: from there on it is a lash
LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def closed_eyes(picture: UintArray, rig: EyeRig) -> FloatArray:
    """Both eyes as they look when closed, RGB and how much of it shows then:
    float32 [H, W, 4], 0 to 255 and 0 to 1.

    The lids are the skin's own colour, taken from between lid and brow and from under
    the eye, without lashes and folds, with the shade of a crease, a round eyeball
    beneath and one line of lashes in the colour of the photo's.
    """
    height, width = picture.shape[:2]
    result = np.zeros((height, width, 4), np.float32)
    result[..., :3] = picture
    for eye in (0, 1):
        frame = rig.frame[eye].numpy()
        half = float(np.linalg.norm(frame[2:4]))
        left, top = np.clip(frame[:2] - 2.2 * half, 0, [width, height]).astype(int)
        right, bottom = np.clip(frame[:2] + 2.2 * half, 0, [width, height]).astype(int)
        patch = picture[top:bottom, left:right].astype(np.float32)
        if patch.size == 0:
            continue
        s, t = eye_coordinates(frame, left, top, patch.shape[0], patch.shape[1])
        upper, lower = (lid_height(rig.lids[eye, lid], s).numpy() for lid in (0, 1))
        outwards = np.asarray(s.numpy() * (-1 if eye == 0 else 1), np.float32)
        skin = float(rig.skin[eye])
        place = _LidPlace(outwards, t.numpy(), upper, lower, skin)
        mask = _lid_mask(place)
        plain = _plain_skin(patch, mask, half)
        if plain is None:
            continue
        painted = _painted_lid(plain, patch, place, half)
        rims = _rims(plain, patch, place, half)
        mask = np.maximum(mask, _lashes(plain, patch, place) * (1 - rims))
        painted = painted + (patch - painted) * rims[..., None]
        closed = np.concatenate([painted, mask[..., None]], -1)
        here = result[top:bottom, left:right]
        here[:] = np.where(closed[..., 3:] > here[..., 3:], closed, here)
    return result


@dataclass(frozen=True, eq=False)
class _LidPlace:
    """A patch's pixels in half eye widths, [h, w]: outwards along and down across the
    eye, where the lids are there, and the height of the skin above."""

    s: FloatArray
    t: FloatArray
    upper: FloatArray
    lower: FloatArray
    skin: float

    @property
    def below_line(self) -> FloatArray:
        """How far a pixel is below the line where the lids meet."""
        return np.asarray(self.t - self.lower - MEET_BELOW, np.float32)


def _plain_skin(patch: FloatArray, mask: FloatArray, half: float) -> FloatArray | None:
    """The skin round an eye's mask spread over it, with the photo's grain; None where
    too little of it is in the picture."""
    known = (mask < 0.30) & (cv2.GaussianBlur(mask, (0, 0), 0.16 * half) > 0.01)
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
    strength = min(1.2 * float(np.percentile(fine[known], 40)), 6.0)
    raw = np.random.default_rng(0).normal(size=luma.shape).astype(np.float32)
    noise = cv2.GaussianBlur(raw, (0, 0), 0.6)
    return np.asarray(noise * (strength / float(noise.std())), np.float32)


def _rims(
    plain: FloatArray, patch: FloatArray, at: _LidPlace, half: float
) -> FloatArray:
    """Where glasses or a brow lie over the skin, 0 to 1: long shapes unlike skin.

    Lashes are short once they are cut off from the lid.
    """
    skin = plain @ LUMA
    unlike = np.abs(patch @ LUMA - skin) > np.maximum(0.22 * skin, 18.0)
    off_lid = (at.t < at.upper - 0.22) | (at.below_line > 0.22) | (np.abs(at.s) > 1.2)
    marks = (unlike & off_lid).astype(np.uint8)
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(marks)
    sides = boxes[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(1)
    long = (sides > 2.5 * half) & (np.arange(count) > 0)
    kept = cv2.dilate(long[labels].astype(np.float32), np.ones((3, 3)))
    return np.asarray(cv2.GaussianBlur(kept, (0, 0), 0.8), np.float32)


def _lashes(plain: FloatArray, patch: FloatArray, at: _LidPlace) -> FloatArray:
    """The open eye's lashes where they stand out beyond the lid's mask: 0 to 1."""
    skin = np.maximum(plain @ LUMA, 1)
    darker = 1 - cv2.GaussianBlur(patch, (0, 0), 0.7) @ LUMA / skin
    high = min(at.skin, 0.9)
    near = smoothstep(at.t, at.upper.min() - 0.95 * high, at.upper.min() - 0.7 * high)
    near = near * smoothstep(at.below_line, 0.6, 0.3)
    near = near * smoothstep(at.s, -1.35, -1.15) * smoothstep(at.s, 1.9, 1.6)
    found = cv2.dilate(smoothstep(darker, *LASH_DARKER), np.ones((3, 3)))
    return np.asarray(near * cv2.GaussianBlur(found, (0, 0), 0.8), np.float32)


def _painted_lid(
    plain: FloatArray, patch: FloatArray, at: _LidPlace, half: float
) -> FloatArray:
    middle = np.clip(1 - at.s**2, 0, 1)
    below = at.below_line
    lid = _out_of_shadow(plain, patch, at)
    crease = np.exp(-(((at.t - at.upper + 0.10 * at.skin) / 0.07) ** 2)) * middle
    round_eye = np.exp(-(((at.t - 0.45 * at.upper - 0.55 * at.lower) / 0.22) ** 2))
    shade = 1 + 0.05 * round_eye * middle - 0.03 * crease
    shade = shade - 0.13 * np.exp(-np.abs(below) / 0.10) * np.sqrt(middle)
    line = np.abs(at.t - at.upper) < 0.10
    line = line & (np.abs(at.s) < 0.8)
    shown = patch[line] if line.sum() > 8 else plain.reshape(-1, 3)
    dark = np.percentile(shown, 8, axis=0)
    # A soft painting's lashes are hardly darker than its skin, but a closed eye is read
    # by their line.
    skin = float(np.median(plain @ LUMA))
    dark = dark * min(1.0, LEAST_CONTRAST * skin / max(float(np.mean(dark)), 1.0))
    pixel = 1 / half
    thick = np.where(below < 0, 0.045, 0.11) * (0.4 + 0.6 * middle) + 0.45 * pixel
    soft = np.where(below < 0, 0.16, 0.5) * (0.3 + 0.7 * middle) + 0.5 * pixel
    ink = INK * np.exp(-((below / thick) ** 2)) + SHADOW * np.exp(
        -((below / soft) ** 2)
    )
    ink = ink * smoothstep(at.s, -1.15, -0.6) * smoothstep(at.s, 1.25, 0.90)
    lid = lid * shade[..., None]
    lid = lid + (np.minimum(dark, lid) - lid) * np.clip(ink, 0, 1)[..., None]
    return np.asarray(np.clip(lid, 0, 255), np.float32)


def _out_of_shadow(plain: FloatArray, patch: FloatArray, at: _LidPlace) -> FloatArray:
    """Skin from under a brow is too dark for a lid that comes forward into the light:
    it goes half the way to the skin under the eye."""
    under = (at.below_line > 0.1) & (at.below_line < 0.6) & (np.abs(at.s) < 0.9)
    if under.sum() < 20:
        return plain
    light = np.median(patch[under], axis=0)
    darker = np.clip(1 - plain @ LUMA / max(float(light @ LUMA), 1), 0, 1)
    middle = np.clip(1 - at.s**2, 0, 1)
    share = 0.6 * smoothstep(darker, 0.0, 0.15) * middle
    share = share * smoothstep(at.t, at.upper - 0.35 * at.skin, at.upper - 0.05)
    soft = cv2.GaussianBlur(share, (0, 0), 1.0)[..., None]
    return np.asarray(plain + (light - plain) * soft, np.float32)


def _lid_mask(at: _LidPlace) -> FloatArray:
    """1 over the eye, its lashes and its crease, 0 at the brow and below the eye."""
    high = min(at.skin, 0.9)
    # Lashes stand out above the outer corner too.
    lashes = np.where(at.s > 0, np.minimum(at.upper, 0.6 * at.upper.min()), at.upper)
    shown = smoothstep(at.t, lashes - 0.59 * high, lashes - 0.25 * high)
    shown = shown * smoothstep(at.below_line, 0.44, 0.10)
    shown = shown * smoothstep(at.s, -1.22, -0.94) * smoothstep(at.s, 1.54, 1.28)
    return np.asarray(shown, np.float32)
