"""Assemble the browser extension from client_web.

python -m scripts.pack_extension -o FOLDER     to load unpacked
python -m scripts.pack_extension -o likeness.zip     for a web store

Content scripts cannot be ES modules. Those that run in a site's page are written as
modules all the same, and joined here, each with the modules that it imports, into one
classic script in a scope of its own.
"""

import argparse
import re
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent / "client_web"
EXTENSION = "extension"
JOINED = ("frame", "page")  # each main.js with all that it imports -> one file
COPIED = (
    "extension/service_worker.js",
    "extension/background",
    "extension/popup",
    "extension/icons",
    "likeness",
    "design",
    "page/messages.js",
    "view/elements.js",
)
LEFT_OUT = ("*.ts", "*.md")
MARKER = "manifest.json"  # a folder with it is one of ours, and may be replaced

_IMPORT = re.compile(r'^import\s[^"]*"([^"]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:class|function|const|let)\b)", re.M)
_OTHER_EXPORT = re.compile(r"^export\b.*", re.MULTILINE)
_NAME = re.compile(
    r"^(?:async )?(?:class|function\*?|const|let|var) ([A-Za-z_$][\w$]*)", re.M
)


class CannotPack(Exception):
    """What is in the way, for people."""


def join(entry: Path) -> str:
    """A module and all that it imports, as one classic script.

    Raises:
        CannotPack: two modules use one name at their top level, or one exports in a way
            that is not `export class`, `function`, `const` or `let`.
    """
    modules: dict[Path, str] = {}
    _collect(entry.resolve(), modules)
    owners: dict[str, Path] = {}
    for path, text in modules.items():
        for name in _NAME.findall(text):
            if name in owners:
                raise CannotPack(f"{name} is both in {owners[name]} and in {path}.")
            owners[name] = path
    body = "\n".join(modules.values())
    return f'"use strict";\n(() => {{\n{body}}})();\n'


def _collect(path: Path, modules: dict[Path, str]) -> None:
    """What is imported comes before what imports it."""
    if path in modules:
        return
    text = path.read_text(encoding="utf-8")
    for name in _IMPORT.findall(text):
        imported = (path.parent / name).resolve()
        if imported not in modules:
            _collect(imported, modules)
    text = _EXPORT.sub("", _IMPORT.sub("", text))
    if left := [line for line in _OTHER_EXPORT.findall(text) if line != "export {};"]:
        raise CannotPack(f"{path}: {left[0]!r} cannot be joined.")
    modules[path] = _OTHER_EXPORT.sub("", text)


def assemble(folder: Path) -> None:
    """Write the extension into an empty folder."""
    (folder / EXTENSION).mkdir(parents=True)
    shutil.copy(ROOT / EXTENSION / "manifest.json", folder / MARKER)
    for name in COPIED:
        source, target = ROOT / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns(*LEFT_OUT))
        else:
            target.parent.mkdir(exist_ok=True)
            shutil.copy(source, target)
    for part in JOINED:
        script = join(ROOT / EXTENSION / part / "main.js")
        (folder / EXTENSION / f"{part}.js").write_text(script, encoding="utf-8")


def pack(output: Path) -> None:
    """Write the extension as a folder, or as a ZIP where the name says so.

    Raises:
        CannotPack: the folder holds something else, or a script cannot be joined.
    """
    if output.is_dir() and any(output.iterdir()) and not (output / MARKER).exists():
        raise CannotPack(f"{output} is a folder of something else: name another.")
    with tempfile.TemporaryDirectory(prefix="likeness-extension-") as scratch:
        made = Path(scratch) / "likeness"
        assemble(made)
        if output.suffix == ".zip":
            _zip(made, output)
            return
        if output.exists():
            shutil.rmtree(output)
        shutil.copytree(made, output)


def _zip(folder: Path, output: Path) -> None:
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder).as_posix())


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Assemble the browser extension.")
    parser.add_argument("-o", "--output", type=Path, required=True)
    output: Path = parser.parse_args(arguments).output
    try:
        pack(output)
    except (CannotPack, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    if output.suffix == ".zip":
        print(f"{output} is ready.")
    else:
        print(
            f"{output} is ready. In Chrome or Edge: chrome://extensions, "
            f"Developer mode, Load unpacked, {output.resolve()}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
