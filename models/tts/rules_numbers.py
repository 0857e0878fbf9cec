"""Money, units, percentages, telephone numbers: numbers with something beside them."""

import re

from babel.numbers import get_currency_name
from babel.units import UnknownUnitError, format_unit

from models.tts.rules import ENGLISH, HAN, NUMBER, Rule, Say, Tongue, joined, number
from models.tts.spoken_words import (
    CURRENCY_CODES,
    CURRENCY_NAMES,
    CURRENCY_SIGNS,
    MAGNITUDES,
    MINOR_UNITS,
    UNIT_TEMPLATES,
    UNITS,
)


def _say_phone(match: re.Match[str], tongue: Tongue) -> str | None:
    """Digit by digit, with a little rest between the groups."""
    text = match[0]
    digits = re.sub(r"\D", "", text)
    american = re.fullmatch(r"\d{3}-\d{4}", text) and tongue.base == "en"
    grouped = re.fullmatch(r"\d{3}([-.])\d{3}\1\d{4}", text)
    if not (text[0] in "+(0" and len(digits) >= 7) and not american and not grouped:
        return None
    if len(digits) > 15:  # ITU-T E.164
        return None
    plus = f"{tongue.words.plus if tongue.words else '+'} " if text[0] == "+" else ""
    groups = re.findall(r"\d+", text)
    if len(groups) == 1:
        groups = _grouped(groups[0])
    return plus + ", ".join(" ".join(group) for group in groups)


def _grouped(digits: str) -> list[str]:
    """Three and then fours, as mobile numbers are mostly read."""
    return [digits[:3], *(digits[at : at + 4] for at in range(3, len(digits), 4))]


def _say_money(match: re.Match[str], tongue: Tongue) -> str | None:
    sign = match["sign"] or match["sign_after"]
    code = CURRENCY_SIGNS.get(sign, sign)
    if sign == "¥" and tongue.base in HAN:
        code = "CNY"
    whole, fraction = number(match["number"], tongue)
    magnitude = MAGNITUDES.get((match["magnitude"] or "").casefold(), "")
    if match["magnitude"] and (tongue.base != "en" or not magnitude):
        return None
    name = _currency(code, whole, fraction, tongue)
    if not name:
        return None
    if magnitude:
        return f"{joined(whole, fraction, tongue)} {magnitude} {name}"
    if len(fraction) != 2 or tongue.base in (*HAN, "ja", "ko"):
        gap = "" if tongue.base in (*HAN, "ja") else " "
        return f"{joined(whole, fraction.rstrip('0'), tongue)}{gap}{name}"
    if fraction == "00":
        return f"{whole} {name}"
    if tongue.base != "en" or code not in MINOR_UNITS:
        return f"{whole} {name} {fraction}"
    minor = MINOR_UNITS[code][int(fraction) != 1]
    cents = f"{int(fraction)} {minor}"
    return f"{whole} {name} and {cents}" if int(whole) else cents


def _currency(code: str, whole: str, fraction: str, tongue: Tongue) -> str | None:
    one = int(whole) == 1 and not fraction.strip("0")
    names = CURRENCY_NAMES.get(tongue.base, {}).get(code)
    if names:
        return names[not one]
    if tongue.locale is None:
        return None
    count = int(whole) if not fraction.strip("0") else float(f"{whole}.{fraction}")
    return str(get_currency_name(code, count, locale=tongue.locale))


def _say_percent(match: re.Match[str], tongue: Tongue) -> str | None:
    if not tongue.words or not tongue.words.percent:
        return None
    return tongue.words.percent.format(joined(*number(match["number"], tongue), tongue))


def _say_unit(match: re.Match[str], tongue: Tongue) -> str | None:
    whole, fraction = number(match["number"], tongue)
    unit = UNITS[match["unit"]]
    template = UNIT_TEMPLATES.get(tongue.base, {}).get(unit)
    if template:
        return template.format(joined(whole, fraction, tongue))
    if tongue.locale is None or len(whole) > 12:
        return None
    value = float(f"{whole}.{fraction}") if fraction else int(whole)
    try:
        said = str(format_unit(value, unit, "long", locale=tongue.locale))
    except (UnknownUnitError, ValueError):
        return None
    return None if unit in said else said


def _say_fraction(match: re.Match[str], tongue: Tongue) -> str | None:
    signs = {"1/2": "½", "1/4": "¼", "3/4": "¾"}
    if tongue.base == "en":
        said = {"1/2": "one half", "1/4": "one quarter", "3/4": "three quarters"}
        mixed = {
            "1/2": "and a half",
            "1/4": "and a quarter",
            "3/4": "and three quarters",
        }
        return (mixed if match["whole"] else said)[match["it"]]
    return signs[match["it"]] if tongue.locale else None


def _say_range(match: re.Match[str], tongue: Tongue) -> str | None:
    return tongue.words.to if tongue.words else None


def _say(words: str) -> Say:
    return lambda _match, _tongue: words


_SIGNS = "|".join(re.escape(sign) for sign in sorted(CURRENCY_SIGNS, key=len)[::-1])


_UNIT_SIGNS = "|".join(re.escape(sign) for sign in sorted(UNITS, key=len)[::-1])


PHONES = (
    Rule(
        re.compile(
            r"(?<![\w.,+])(?:\+\d{1,3}[ .-]?)?(?:\(\d{1,5}\)[ .-]?)?\d{2,5}"
            r"(?:[ .-]\d{2,8}){1,5}(?!\w)"
        ),
        _say_phone,
    ),
    Rule(re.compile(r"(?<![\w+])\+\d{7,15}(?!\d)"), _say_phone),
    Rule(
        re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)"),
        lambda match, _: ", ".join(" ".join(each) for each in _grouped(match[0])),
        HAN,
    ),
)

NUMBERS = (
    Rule(
        re.compile(
            rf"(?P<sign>{_SIGNS}|\b(?:{CURRENCY_CODES})\b)[ \u00a0]?"
            rf"(?P<number>{NUMBER})(?P<sign_after>)(?!\d)"
            r"(?:\s?(?P<magnitude>thousand|million|billion|trillion|bn|tn|[kKMB])\b)?"
        ),
        _say_money,
    ),
    Rule(
        re.compile(
            rf"(?<![\d.,])(?P<sign>)(?P<number>{NUMBER})"
            r"(?:[ \u00a0]?(?P<magnitude>thousand|million|billion|trillion|bn|[kKMB]))?"
            rf"[ \u00a0]?(?P<sign_after>{_SIGNS}|(?:{CURRENCY_CODES})\b)"
        ),
        _say_money,
    ),
    Rule(re.compile(rf"(?<![\d.,])(?P<number>{NUMBER})\s?[%％]"), _say_percent),
    Rule(
        re.compile(
            rf"(?<![\w.,])(?P<number>{NUMBER})[ \u00a0]?(?P<unit>{_UNIT_SIGNS})"
            r"(?![a-zA-Z0-9²³/'’])"
        ),
        _say_unit,
    ),
    Rule(
        re.compile(r"(?<![\d/])(?P<whole>\d+ )?(?P<it>[13]/[24])(?![\d/])"),
        _say_fraction,
    ),
    Rule(re.compile(r"(?<![\w/])24/7(?![\w/])"), _say("24 7"), ENGLISH),
    Rule(re.compile(r"\b(?:No|Nos)\.(?= ?\d)"), _say("number"), ENGLISH),
    Rule(re.compile(r"(?<!\w)#(?=\d)"), _say("number"), ENGLISH),
    Rule(re.compile(r"(?<=\d)(?P<it>\s?–\s?)(?=\d)"), _say_range),
    Rule(
        re.compile(
            r"(?<![\w.,:-])\d{1,4}(?:[.,:]\d+)?(?P<it>-)(?=\d{1,4}(?:[.,:]\d+)?(?![a-zA-Z\d-]))"
        ),
        _say_range,
    ),
)
