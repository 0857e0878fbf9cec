"""Dates, times of day, and years."""

import re
from datetime import date

from babel.dates import format_date

from models.tts.rules import ENGLISH, HAN, Rule, Tongue

_CHINESE_DIGITS = str.maketrans("0123456789", "零一二三四五六七八九")


def _say_date(match: re.Match[str], tongue: Tongue) -> str | None:
    year, month, day = int(match["year"]), int(match["month"]), int(match["day"])
    american = tongue.tag.casefold() in ("en", "en-us") and "/" in match[0]
    month_first = american and match.start("year") > match.start("day")
    if month_first or month > 12:
        month, day = day, month
    if month > 12:
        month, day = day, month
    try:
        day_of_year = date(year, month, day)
    except ValueError:
        return None
    if tongue.locale is None:
        return None
    if tongue.base == "en":
        name = format_date(day_of_year, "MMMM", locale=tongue.locale)
        said = (f"{name} {_ordinal(day)}", f"{_ordinal(day)} of {name}")
        return f"{said[tongue.tag == 'en-GB']} {_say_year(year)}"
    if tongue.base in HAN:
        return f"{str(year).translate(_CHINESE_DIGITS)}年{month}月{day}日"
    said_date = str(format_date(day_of_year, "long", locale=tongue.locale))
    return re.sub(r"\s[гр]\.$", "", said_date)  # "of the year", in Cyrillic


def _ordinal(number: int) -> str:
    special = {1: "st", 2: "nd", 3: "rd"}
    suffix = "th" if 10 < number % 100 < 20 else special.get(number % 10, "th")
    return f"{number}{suffix}"


def _say_year(year: int) -> str:
    """English, in pairs: 19 99, 19 oh 5, 20 24; 2005 and 1000 as numbers."""
    century, rest = divmod(year, 100)
    if not 1100 <= year < 2100 or 2000 <= year < 2010:
        return str(year)
    if rest == 0:
        return f"{century} hundred"
    return f"{century} {'oh ' if rest < 10 else ''}{rest}"


def _say_time(match: re.Match[str], tongue: Tongue) -> str | None:
    hour, minute = int(match["hour"]), int(match["minute"])
    half = (match["half"] or "").casefold()
    shown = f"{minute:02}" if minute else ""
    if tongue.base == "en":
        if not minute:
            clock = "o'clock" if 0 < hour <= 12 else "hundred"
            return f"{hour} {half.upper()}M" if half else f"{hour} {clock}"
        return f"{hour} {'oh ' if minute < 10 else ''}{minute}" + (
            f" {half.upper()}M" if half else ""
        )
    templates = {
        "de": "{0} Uhr {1}",
        "fr": "{0} heures {1}",
        "cmn": "{0}点{1}分" if minute else "{0}点整",
        "yue": "{0}點{1}分" if minute else "{0}點正",
        "ja": "{0}時{1}分" if minute else "{0}時",
        "ko": "{0}시 {1}분" if minute else "{0}시",
    }
    template = templates.get(tongue.base, "{0} {1}")
    plain = str(minute) if tongue.base in ("cmn", "yue", "ja", "ko") else shown
    return template.format(hour, plain).strip()


def _say_stated_year(match: re.Match[str], tongue: Tongue) -> str:
    return _say_year(int(match["it"]))


def _say_chinese_year(match: re.Match[str], tongue: Tongue) -> str:
    return match[0].translate(_CHINESE_DIGITS)


_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"


DATES = (
    Rule(
        re.compile(
            r"(?<![\d-])(?P<year>\d{4})-(?P<month>\d\d?)-(?P<day>\d\d?)(?![\d-])"
        ),
        _say_date,
    ),
    Rule(
        re.compile(
            r"(?<![\d/.])(?:(?P<year>\d{4})/(?P<month>\d\d?)/(?P<day>\d\d?))(?![\d/])"
        ),
        _say_date,
    ),
    Rule(
        re.compile(
            r"(?<![\d/.])(?P<day>\d\d?)(?P<mark>[./])(?P<month>\d\d?)(?P=mark)"
            r"(?P<year>\d{4})(?![\d/])"
        ),
        _say_date,
    ),
)

TIMES = (
    Rule(
        re.compile(
            r"(?<![\d:.,])(?P<hour>[01]?\d|2[0-3])[:：](?P<minute>[0-5]\d)"
            r"(?:\s?(?P<half>[aApP])(?:\.[mM]\.|[mM]\b))?(?!\.?\d|[:：]\d)(?:\s?Uhr\b)?"
        ),
        _say_time,
    ),
    Rule(
        re.compile(
            r"(?<![\d:])(?P<hour>[01]?\d|2[0-3])h(?P<minute>[0-5]\d)(?P<half>)\b"
        ),
        _say_time,
        frozenset({"fr"}),
    ),
)

YEARS = (
    Rule(re.compile(r"(?<!\d)\d{4}(?=年)"), _say_chinese_year, HAN),
    Rule(
        re.compile(
            rf"(?:©|\b(?:[Ii]n|[Ss]ince|[Bb]y|[Uu]ntil|[Ff]rom|[Yy]ear|of|(?:{_MONTHS})[a-z]*"
            r"\.?(?: \d{1,2}(?:st|nd|rd|th)?,?)?)) (?P<it>1[1-9]\d\d|20[1-9]\d)"
            r"(?![\d%]|[.,]\d|\s?[%°])"
        ),
        _say_stated_year,
        ENGLISH,
    ),
)
