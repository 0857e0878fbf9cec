"""The model card that goes with exported audio-to-motion weights."""


def model_card(
    parameters: int,
    steps: int,
    hours: float,
    minutes: float,
    figures: dict[str, float],
    command: str,
) -> str:
    """Markdown: what the weights are, what they were made of, and how far to trust."""
    rows = "\n".join(f"| {name} | {value} |" for name, value in figures.items())
    return f"""# Audio to motion

A causal convolutional network of {parameters:,} parameters, float32, that turns speech
(16 kHz) into mouth shapes at 50 Hz with 80 ms of look-ahead. Licence: Apache-2.0.

## Data
{hours:.1f} h of synthetic speech, augmented copies included, with exact phone times:
espeak-ng (11 languages in 14 accents, about 80 voice variants) and, as far as they were
installed, the Festival and flite voices of Debian that scripts.synth_speech names,
reading Debian's fortunes. Targets: viseme shapes blended by dominance
(models/visemes.py). Two columns of that table and the scale of the output were fitted
on real faces, a handful of constants; no recording of a person was used for training.

## Training
    python -m scripts.synth_speech --out DATA --hours 15 --seed 0
    {command}

{steps} steps, {minutes:.0f} minutes on one CPU thread with bfloat16 products
(AMX), of which other work took a share.

## Figures on held-out voices (flite rms, Festival pc and machac)
| figure | value |
|---|---|
{rows}

## Limits
Trained on read, synthetic speech: laughter, singing and shouting are not in it. It
hears sounds, not people: style, emotion and smiles are not its matter. With several
voices at once it follows the mixture. At 15 dB SNR and less many closures are missed;
python -m scripts.eval_motion DATA measures it under noise, in the telephone band and on
sounds that are no speech.
"""
