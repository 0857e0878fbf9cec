"""The colours that all pages share: what stands on what can be read."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "client_web"
TOKENS = (ROOT / "design" / "tokens.css").read_text(encoding="utf-8")
THEMES = ("light", "dark")
WORDS, SHAPES = 4.5, 3.0  # WCAG 2.2, 1.4.3 and 1.4.11
BLACK, WHITE = (0.0, 0.0, 0.0), (255.0, 255.0, 255.0)

Colour = tuple[float, float, float]


def written(name: str, theme: str) -> str:
    found = re.search(rf"--{name}: light-dark\((.+)\);", TOKENS)
    assert found, name
    # The comma that is in no bracket.
    light, dark = re.split(r",(?![^(]*\))\s*", found[1])
    return light if theme == "light" else dark


def colour(name: str, theme: str, behind: Colour = BLACK) -> Colour:
    """As it looks before `behind`, red to blue, 0 to 255."""
    text = written(name, theme)
    if text.startswith("#"):
        red, green, blue = (int(text[i : i + 2], 16) for i in (1, 3, 5))
        return red, green, blue
    parts = re.fullmatch(r"rgb\((\d+) (\d+) (\d+) / (\d+)%\)", text)
    assert parts, text
    share = int(parts[4]) / 100
    mixed = [
        share * int(over) + (1 - share) * under
        for over, under in zip(parts.groups()[:3], behind, strict=True)
    ]
    return mixed[0], mixed[1], mixed[2]


def luminance(of: Colour) -> float:
    """WCAG's relative luminance."""
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (each / 255 for each in of)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Colour, other: Colour) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_as_wcag_counts_it() -> None:
    assert contrast(BLACK, WHITE) == pytest.approx(21)
    # The grey that WCAG's own material names as the lightest for words on white.
    grey = 0x76 * 1.0
    assert contrast((grey, grey, grey), WHITE) == pytest.approx(4.54, abs=0.005)


def pairs() -> Iterator[tuple[str, str, float]]:
    for ground in ("paper", "plate-strong", "well"):
        for words in ("ink", "ink-soft", "accent", "good", "warn", "bad"):
            yield words, ground, WORDS
        yield "edge", ground, SHAPES
    yield "on-accent", "accent", WORDS
    yield "on-accent", "accent-strong", WORDS
    yield "paper", "ink", WORDS  # what is chosen in a switch
    yield "paper", "good", WORDS  # the microphone that listens
    yield "ink", "accent-soft", WORDS
    yield "accent", "accent-soft", WORDS
    yield "ink", "bad-soft", WORDS
    yield "bad", "bad-soft", WORDS
    yield "edge", "paper", SHAPES


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("over", "under", "least"), list(pairs()))
def test_what_stands_on_what_can_be_read(
    over: str, under: str, least: float, theme: str
) -> None:
    assert contrast(colour(over, theme), colour(under, theme)) >= least


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("picture", [BLACK, WHITE], ids=["black", "white"])
@pytest.mark.parametrize("words", ["ink", "ink-soft"])
def test_a_plate_can_be_read_over_any_picture(
    words: str, picture: Colour, theme: str
) -> None:
    plate = colour("plate", theme, behind=picture)
    assert contrast(colour(words, theme), plate) >= WORDS


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("ground", ["paper", "plate-strong", "accent-soft", "bad-soft"])
def test_a_tag_darkens_its_ground_and_stays_readable(ground: str, theme: str) -> None:
    behind = colour(ground, theme)
    assert contrast(colour("ink", theme), colour("line", theme, behind)) >= WORDS


@pytest.mark.parametrize("theme", THEMES)
def test_the_shade_is_the_paper(theme: str) -> None:
    chosen = re.search(rf'\[data-theme="{theme}"\] {{.*?--shade: (.+?);', TOKENS)
    assert chosen
    red, green, blue = (float(part) for part in chosen[1].split())
    assert (red, green, blue) == colour("paper", theme)


def test_sheets_use_colours_that_exist() -> None:
    for sheet in sorted(ROOT.rglob("*.css")):
        text = sheet.read_text(encoding="utf-8")
        known = set(re.findall(r"--([\w-]+):", TOKENS + text))
        used = set(re.findall(r"var\(--([\w-]+)\)", text))
        assert used <= known, (sheet.name, used - known)
