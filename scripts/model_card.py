"""The model card that goes with exported audio-to-motion weights."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class TrainingFacts:
    """What a card says of a run.

    unique_hours, heard_hours: of synthetic speech, without and with augmented copies.
    figures: on held-out voices. command: what makes the run again. start: the weights
    that it began with, their card beside them, if it began with any.
    """

    parameters: int
    steps: int
    unique_hours: float
    heard_hours: float
    minutes: float
    figures: dict[str, float]
    command: str
    start: Path | None = None


def model_card(facts: TrainingFacts) -> str:
    """Markdown: what the weights are, what they were made of, and how far to trust."""
    rows = "\n".join(f"| {name} | {value} |" for name, value in facts.figures.items())
    return f"""# Audio to motion

A causal convolutional network of {facts.parameters:,} parameters, float32, that turns
speech (16 kHz) into mouth shapes at 50 Hz, with a head for each look-ahead: 80 ms,
40 ms or none. Licence: Apache-2.0.

## Data
{facts.unique_hours:.1f} h of synthetic speech with exact phone times,
{facts.heard_hours:.1f} h with augmented copies:
espeak-ng (11 languages in 14 accents, about 80 voice variants) and, as far as they were
installed, the Festival and flite voices of Debian that scripts.synth_speech names,
reading Debian's fortunes. Targets: viseme shapes blended by dominance
(models/visemes.py). Two columns of that table and the constants of
models/mouth_motion.py were fitted on real faces, a handful of numbers; no recording of
a person was used for training.

## Training
    python -m scripts.synth_speech --out DATA --hours {facts.unique_hours:.3g} --seed 0
    {facts.command}

{facts.steps} steps, {facts.minutes:.0f} minutes on one CPU thread, of which other work
took a share. A run that was stopped goes on where it was, to the same end.
{_start(facts.start)}
## Figures on held-out voices (flite rms, Festival pc and machac)
| figure | value |
|---|---|
{rows}

## Limits
Trained on read, synthetic speech: laughter, singing and shouting are not in it. It
hears sounds, not people: style, emotion and smiles are not its matter. With several
voices at once it follows the mixture. It takes some [n] for [m], the more so in a voice
unlike those it has heard, and at 15 dB SNR and less it misses many closures;
python -m scripts.eval_motion DATA measures it under noise, in the telephone band and on
sounds that are no speech.
"""


def _start(start: Path | None) -> str:
    """What the run began with, as far as the card of that says it."""
    if start is None:
        return ""
    digest = hashlib.sha256(start.read_bytes()).hexdigest()
    text = (
        "\nSTART is an earlier models/assets/audio2motion.safetensors, which the "
        f"repository's history\nkeeps, with the SHA-256\n{digest}"
    )
    card = start.with_suffix(".md")
    found = card.exists() and re.search(
        r"^## Training\n(.*?)(?=^## )", card.read_text(), re.MULTILINE | re.DOTALL
    )
    return (
        f"{text}, which were made by\n\n{found[1].strip(chr(10))}\n" if found else text
    )
