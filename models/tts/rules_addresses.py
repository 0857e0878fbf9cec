"""Web and e-mail addresses, as one tells them to somebody."""

import re

from models.tts.rules import Rule, Tongue
from models.tts.spoken_words import Words


def _say_url(match: re.Match[str], tongue: Tongue) -> str | None:
    """The host, and a short path; no scheme, query or fragment."""
    if not tongue.words:
        return None
    path = match["path"].strip("/")
    said = _dotted(match["host"].removeprefix("www."), tongue.words)
    if path and len(path) <= 30 and re.fullmatch(r"[\w./-]+", path):
        steps = (_dotted(step, tongue.words) for step in path.split("/"))
        said = f" {tongue.words.slash} ".join([said, *steps])
    return said


def _say_email(match: re.Match[str], tongue: Tongue) -> str | None:
    if not tongue.words:
        return None
    name, host = (_dotted(each, tongue.words) for each in match[0].split("@"))
    return f"{name} {tongue.words.at} {host}"


def _dotted(text: str, words: Words) -> str:
    return re.sub(r"[-_]+", " ", text.replace(".", f" {words.dot} "))


ADDRESSES = (
    Rule(re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}"), _say_email),
    Rule(
        re.compile(
            r"(?:https?://(?P<host>[\w-]{1,63}(?:\.[\w-]{1,63}){0,5})(?::\d+)?"
            r"(?P<path>(?:/[^\s?#，。；）]{0,500})?)(?:[?#][^\s，。；）]{0,2000})?)"
            r"(?<![.,;:!?)])"
        ),
        _say_url,
    ),
    Rule(
        re.compile(
            r"(?<![\w@.-])(?P<host>(?:[a-zA-Z][\w-]{0,62}\.){1,4}"
            r"(?:com|org|net|edu|gov|info|io|ai|app|dev|eu|de|fr|es|uk|cn|jp|ru|nl|pl|ch"
            r"|ca|au|br|kr|tw|hk))\b(?![@.]\w)"
            r"(?P<path>(?:/[\w./-]{0,500}\w)?)"
        ),
        _say_url,
    ),
)
