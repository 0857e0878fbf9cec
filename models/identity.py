"""Enrolment: a photo, or a prompt, is made ready to talk, once."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from models.advice import advice
from models.background import refine_matte
from models.behind import fill_background
from models.calibration import calibrate
from models.canonical import Mended, find_upright_face, mend
from models.crop import PictureSize, crop_to_face
from models.diffusion import Diffusion
from models.eyeballs import eyeballs, on_drawn_lids
from models.glasses import with_frames
from models.identity_file import Identity, UintArray
from models.landmarks import find_again, find_face
from models.lip_line import on_lip_line
from models.media import FloatArray
from models.mouth import paint_mouth
from models.own_teeth import shows_teeth
from models.photo import embedded_photo, open_photo
from models.refine import Progress, Refined
from models.refining import (
    OFF,
    Refining,
    check_prompt,
    memory_told,
    open_mouth,
    open_refiner,
    portrait_of_prompt,
    refine_crop,
)

__all__ = ["Identity", "Refining", "embedded_photo", "enrol"]


def enrol(
    photo: bytes | Path | None,
    *,
    size: int | PictureSize = 512,
    face: int | None = None,
    name: str = "",
    refining: Refining = OFF,
    canonical: bool = True,
    on_progress: Progress | None = None,
) -> Identity:
    """Photo -> Identity; without a photo, the prompt of `refining` -> Identity.

    size: of its picture; a number is a square.
    face: which face, counted from 1, where the photo shows several.
    refining: what Stable Diffusion shall do.
    canonical: the photo is set upright and its light, colour and noise mended a little.
    on_progress: called with what is being done and the share done, 0 to 1; what it
        raises ends the enrolment, also between two steps of Stable Diffusion.

    Raises:
        PhotoError: see open_photo, find_face, PictureSize and crop_to_face.
        RefineError, WeightsError: see models.refining.
    """
    wanted = PictureSize(size, size) if isinstance(size, int) else size
    report = on_progress or (lambda _what, _share: None)
    if photo is None:
        check_prompt(refining)
    model, notes = open_refiner(refining)
    # Of the time: until the face is looked for, the picture is cut, it is refined.
    painted = 0.0 if photo is not None else 0.5
    looked, refined = (painted + 0.1, 0.9) if model else (0.5, 0.5)
    with memory_told(refining):
        made = None
        if photo is None and model:
            made = portrait_of_prompt(model, refining, _span(report, 0, painted))
        looking = _span(report, painted, looked)
        looking("Opening the photo", 0.0)
        opened = made.picture if made else open_photo(photo or b"")
        draft = _look(opened, wanted, face, canonical and not made, looking)
        draft = replace(draft, notes=draft.notes + notes, made=made)
        if model:
            draft = _refine(draft, model, refining, _span(report, looked, refined))
    identity = _finish(draft, name, photo is None, _span(report, refined, 0.95))
    report("Measuring the face", 0.95)
    identity = calibrate(identity)
    report("Done", 1.0)
    return identity


@dataclass(frozen=True, eq=False)
class _Draft:
    """What becomes an identity; mouth: None where it has to be painted."""

    picture: UintArray
    landmarks: FloatArray
    notes: tuple[str, ...]
    made: Refined | None = None
    mouth: UintArray | None = None


def _span(report: Progress, low: float, high: float) -> Progress:
    """Progress from 0 to 1 as a part of the whole."""
    return lambda what, share: report(what, low + (high - low) * share)


def _look(
    photo: UintArray,
    size: PictureSize,
    face: int | None,
    canonical: bool,
    report: Progress,
) -> _Draft:
    """Finds the face, sets it upright, and cuts the picture round it."""
    report("Finding the face", 0.2)
    if canonical:
        found = find_upright_face(photo, face)
        report("Setting it upright and mending its light", 0.7)
        mended = mend(found.photo, found.landmarks, size)
        mended = replace(mended, notes=found.notes + mended.notes)
    else:
        mended = Mended(photo, find_face(photo, face))
    report("Cropping", 0.8)
    crop = crop_to_face(mended.photo, mended.landmarks, size)
    again = find_again(crop.picture, crop.landmarks)
    landmarks = crop.landmarks if again is None else again
    return _Draft(crop.picture, landmarks, mended.notes + crop.notes)


def _refine(
    draft: _Draft, model: Diffusion, wish: Refining, report: Progress
) -> _Draft:
    """The canonical picture, and the inside of its mouth."""
    notes = draft.notes
    if draft.made is None:
        canon = refine_crop(
            model, draft.picture, draft.landmarks, wish, _span(report, 0, 0.6)
        )
        notes += canon.notes
        draft = replace(
            draft,
            picture=canon.picture,
            landmarks=canon.landmarks,
            made=canon.refined,
        )
    if not shows_teeth(draft.picture, draft.landmarks):
        mouth, why = open_mouth(
            model, draft.picture, draft.landmarks, wish, _span(report, 0.6, 1.0)
        )
        draft, notes = replace(draft, mouth=mouth), notes + why
    return replace(draft, notes=notes)


def _finish(draft: _Draft, name: str, synthetic: bool, report: Progress) -> Identity:
    """Person, background, eyes and mouth of the canonical picture."""
    picture = draft.picture
    landmarks = on_lip_line(picture, draft.landmarks)
    landmarks = on_drawn_lids(picture, landmarks)
    report("Separating person and background", 0.0)
    matte = with_frames(refine_matte(picture, landmarks), picture, landmarks)
    background = fill_background(picture, matte)
    report("Painting eyes and mouth", 0.7)
    mouth = draft.mouth
    return Identity(
        picture=picture,
        background=background,
        eyeballs=eyeballs(picture, landmarks),
        matte=matte,
        mouth=paint_mouth(picture, landmarks) if mouth is None else mouth,
        landmarks=landmarks,
        latent=draft.made.latent if draft.made else np.zeros(0, np.float32),
        name=name,
        notes=draft.notes + advice(draft.landmarks),
        refinement=draft.made.how if draft.made else None,
        synthetic=synthetic,
    )
