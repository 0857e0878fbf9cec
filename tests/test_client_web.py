"""What can be said of the page's files without a browser."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "client_web"
SCRIPTS = sorted(ROOT.rglob("*.js"))
SHEETS = sorted(ROOT.rglob("*.css"))
# A browser extension lives in other sites' pages, names them, and has a policy of its
# own (Manifest V3: nothing inline, nothing from elsewhere).
EXTENSION = ROOT / "extension"
PAGES = [each for each in sorted(ROOT.rglob("*.html")) if EXTENSION not in each.parents]
TALK = (ROOT / "talk.html").read_text(encoding="utf-8")
START = (ROOT / "index.html").read_text(encoding="utf-8")
CALL = (ROOT / "call.html").read_text(encoding="utf-8")
PLAYGROUND = (ROOT / "playground.html").read_text(encoding="utf-8")
POPUP = (EXTENSION / "popup" / "popup.html").read_text(encoding="utf-8")
# Each page with the file of its words and the elements that its main module looks up.
WORDS = {
    "talk": ("page/messages.js", TALK, "main.js"),
    "start": ("start/words.js", START, "start/main.js"),
    "playground": ("playground/words.js", PLAYGROUND, "playground/main.js"),
    "call": ("call/words.js", CALL, "call/main.js"),
    "popup": ("extension/popup/words.js", POPUP, "extension/popup/popup.js"),
}
SVG_NAMESPACE = "http://www.w3.org/2000/svg"
NAMES = [str(path.relative_to(ROOT)) for path in SCRIPTS]

scripts = pytest.mark.parametrize("script", SCRIPTS, ids=NAMES)


def code_of(script: Path) -> str:
    """The file without its comments."""
    text = script.read_text(encoding="utf-8")
    # Not within a text, such as the pattern of a site.
    text = re.sub(r"(^|[\s(])/\*.*?\*/", r"\1", text, flags=re.DOTALL)
    return re.sub(r"(^|\s)//.*", "", text)


def imports_of(script: Path) -> list[str]:
    return re.findall(r'^import [^;]*?from "(.+?)";', code_of(script), re.MULTILINE)


def messages_of(page: str, language: str) -> dict[str, str]:
    text = (ROOT / WORDS[page][0]).read_text(encoding="utf-8")
    table = re.search(rf"^  {language}: {{\n(.*?)^  }},", text, re.M | re.S)
    assert table
    return dict(re.findall(r'^    (\w+):\s+"(.*)",$', table[1], re.MULTILINE))


def test_the_page_asks_no_other_site_for_anything() -> None:
    served = [each for each in SCRIPTS if EXTENSION not in each.parents]
    texts = {path: code_of(path) for path in served}
    for path in [*SHEETS, *PAGES, ROOT / "favicon.svg"]:
        texts[path] = path.read_text(encoding="utf-8")
    for path, text in texts.items():
        text = text.replace(SVG_NAMESPACE, "")
        assert not re.search(r"(https?:|wss?:)?//[\w-]+\.\w", text), path


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_nothing_is_inline_so_that_a_strict_policy_holds(path: Path) -> None:
    page = path.read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="(.*?)"', page)
    assert policy
    assert "default-src 'none'" in policy[1]
    assert "unsafe" not in policy[1]
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", page)
    for body in re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL):
        assert body == ""


@scripts
def test_imports_lead_to_files(script: Path) -> None:
    for name in imports_of(script):
        assert name.startswith("."), "a bare name would need a build step"
        assert (script.parent / name).is_file(), name


@scripts
def test_one_class_a_file_of_readable_length(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    classes = re.findall(r"^export class \w+(?! extends Error)\b", text, re.MULTILINE)
    assert len(classes) <= 1
    assert len(text.splitlines()) <= 400


def scripts_of(page: Path) -> list[Path]:
    """The modules and scripts that a page names itself."""
    names = re.findall(r'<script[^>]* src="(.+?)"', page.read_text(encoding="utf-8"))
    return [(page.parent / name).resolve() for name in names]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_name_scripts_that_are_there(page: Path) -> None:
    assert all(script.is_file() for script in scripts_of(page))


@scripts
def test_only_views_and_main_modules_touch_the_document(script: Path) -> None:
    if script.parent.name == "view" or any(script in scripts_of(p) for p in PAGES):
        return
    if EXTENSION in script.parents or script.name == "words.js":  # plain prose
        return
    if script == ROOT / "likeness" / "page_watch.js":  # whether it is seen, no more
        return
    assert not re.search(r"\b(document|window|localStorage)\b", code_of(script))


PRELOADED = {
    "talk.html": ["main.js", "view/watching.js"],
    "index.html": ["start/main.js"],
}


@pytest.mark.parametrize("page", PRELOADED)
def test_every_module_is_preloaded_so_that_none_waits_for_another(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    preloaded = re.findall(r'rel="modulepreload" href="(.+?)"', text)
    needed = set.union(*(reached_from(ROOT / main) for main in PRELOADED[page]))
    assert {(ROOT / name).resolve() for name in preloaded} == needed
    assert len(preloaded) == len(needed)


def reached_from(script: Path) -> set[Path]:
    """The modules that a module imports, and those that they import."""
    found: set[Path] = set()
    ahead = [script]
    while ahead:
        script = ahead.pop()
        for name in imports_of(script):
            target = (script.parent / name).resolve()
            if target not in found:
                found.add(target)
                ahead.append(target)
    return found


pages = pytest.mark.parametrize("page", WORDS)


@pages
def test_both_languages_say_the_same_things(page: str) -> None:
    english, chinese = messages_of(page, "en"), messages_of(page, "zh")
    assert len(english) > 12
    assert english.keys() == chinese.keys()
    for key, message in english.items():
        holes = set(re.findall(r"{\w+}", message))
        assert holes == set(re.findall(r"{\w+}", chinese[key])), key
        assert re.search(r"[\u4e00-\u9fff]", chinese[key]), key


@pages
def test_what_is_said_is_written_and_what_is_written_is_said(page: str) -> None:
    words, html, _ = WORDS[page]
    written = messages_of(page, "en").keys()
    said = set(re.findall(r'data-(?:say|label|title|placeholder)="(\w+)"', html))
    everything = html + "".join(
        code_of(each) for each in SCRIPTS if each != ROOT / words
    )
    assert said <= written
    for key in written:
        assert re.search(rf'"{key}"', everything), key


@pages
def test_static_words_are_the_english_ones(page: str) -> None:
    english = messages_of(page, "en")
    html = WORDS[page][1]
    for key, text in re.findall(r'data-say="(\w+)">([^<]*)<', html):
        assert text == english[key]
    for text, key in re.findall(r'aria-label="([^"]*)" data-label="(\w+)"', html):
        assert text == english[key]


@pages
def test_elements_that_are_looked_up_exist_once(page: str) -> None:
    lookup = (
        r"\b(?:element|button|canvas|dialog|form|image|input|link|progress|select"
        r"|textArea|video)"
    )
    _, html, main = WORDS[page]
    wanted = set(re.findall(lookup + r'\("([\w-]+)"\)', code_of(ROOT / main)))
    ids = re.findall(r'\sid="([\w-]+)"', html)
    assert wanted
    assert wanted <= set(ids)
    assert len(ids) == len(set(ids))


def test_what_has_no_words_has_a_name() -> None:
    for tag, attributes, body in re.findall(
        r"<(button|input|textarea)\b([^>]*)>(.*?)(?:</\1>|\n)", TALK
    ):
        words = re.sub(r"<svg.*?</svg>", "", body)
        identity = re.search(r'\sid="([\w-]+)"', attributes)
        labelled = identity and f'for="{identity[1]}"' in TALK
        named = "aria-label=" in attributes or labelled
        assert named or re.search(r"\w", re.sub(r"<.*?>", "", words)), (tag, attributes)
