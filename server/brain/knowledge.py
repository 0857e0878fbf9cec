"""Questions and answers from a folder of Markdown and YAML files.

Markdown: headings of the second level and deeper are questions, the text below is their
answer; headings without text between them share an answer.

YAML: a list of {question: text or list of texts, answer: text}.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

MAX_FILE_BYTES = 5_000_000
MAX_ENTRIES = 20_000
_HEADING = re.compile(r"^#{2,6}\s+(.+?)\s*#*\s*$")
_TITLE = re.compile(r"^#\s")


class KnowledgeError(Exception):
    """A file that is no knowledge; says which, where and how to mend it."""


@dataclass(frozen=True)
class Entry:
    questions: tuple[str, ...]
    answer: str


def read_knowledge(folder: Path) -> tuple[Entry, ...]:
    """All entries of *.md, *.yaml and *.yml below a folder, files in order of name.

    Raises:
        KnowledgeError: there is no such folder, nothing in it, or a file is damaged.
    """
    if not folder.is_dir():
        raise KnowledgeError(f"There is no folder {folder} to take knowledge from.")
    paths = sorted(p for p in folder.rglob("*") if p.suffix in (".md", ".yaml", ".yml"))
    entries: list[Entry] = []
    for path in paths:
        entries += _read(path)
    if not entries:
        raise KnowledgeError(
            f"{folder} has no questions and answers in .md, .yaml or .yml files."
        )
    if len(entries) > MAX_ENTRIES:
        raise KnowledgeError(f"{folder} has over {MAX_ENTRIES} answers.")
    return tuple(entries)


def _read(path: Path) -> list[Entry]:
    if path.stat().st_size > MAX_FILE_BYTES:
        raise KnowledgeError(f"{path} is over {MAX_FILE_BYTES // 1_000_000} MB.")
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise KnowledgeError(f"{path} is not UTF-8 text: save it as such.") from None
    return parse_markdown(text) if path.suffix == ".md" else _parse_yaml(text, path)


def parse_markdown(text: str) -> list[Entry]:
    """Entries in their order; questions without an answer are left out."""
    entries: list[Entry] = []
    questions: list[str] = []
    answer: list[str] = []

    def keep() -> None:
        said = "\n".join(answer).strip()
        if questions and said:
            entries.append(Entry(tuple(questions), said))
            questions.clear()
        answer.clear()

    for line in text.splitlines():
        heading = _HEADING.match(line)
        if heading or _TITLE.match(line):
            keep()
        if _TITLE.match(line):
            questions.clear()
        elif heading:
            questions.append(heading.group(1))
        else:
            answer.append(line)
    keep()
    return entries


def _parse_yaml(text: str, path: Path) -> list[Entry]:
    try:
        items = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}, line {mark.line + 1}" if mark else str(path)
        raise KnowledgeError(f"{where}: this is not YAML.") from None
    if items is None:
        return []
    if not isinstance(items, list):
        raise KnowledgeError(f"{path} is not a list of questions and answers.")
    return [_entry(item, f"{path}, entry {n + 1}") for n, item in enumerate(items)]


def _entry(item: Any, where: str) -> Entry:
    if not isinstance(item, dict) or set(item) != {"question", "answer"}:
        raise KnowledgeError(f"{where} needs `question` and `answer`, nothing else.")
    asked = item["question"]
    questions = asked if isinstance(asked, list) else [asked]
    texts = [*questions, item["answer"]]
    if not all(isinstance(each, str) and each.strip() for each in texts):
        raise KnowledgeError(f"{where}: question and answer must be text.")
    return Entry(tuple(questions), item["answer"].strip())
