"""Says what is present, what is missing and what to do about it.

python -m scripts.doctor [--json]

Exits with 0 when the embedded default can run, otherwise with 1. Whatever may crash or
hang is tried in a process of its own.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

from scripts.doctor_machine import (
    browser,
    codecs,
    cpu,
    gpu,
    precedence,
    python,
    settings,
    udp,
)
from scripts.doctor_parts import (
    embedded_voice,
    embedded_weights,
    optional_weights,
    packages,
    shared_libraries,
)
from scripts.finding import Finding, Mark

CHECKS: tuple[Callable[[], Iterable[Finding]], ...] = (
    python,
    cpu,
    packages,
    shared_libraries,
    codecs,
    embedded_voice,
    embedded_weights,
    settings,
    udp,
    gpu,
    precedence,
    optional_weights,
    browser,
)
SIGNS: dict[Mark, str] = {"ok": "✓", "missing": "✗", "optional": "·"}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="doctor", description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="for programs")
    options = parser.parse_args(argv)
    findings = examine()
    can_run = all(finding.mark != "missing" for finding in findings)
    if options.json:
        report = {"can_run": can_run, "findings": [asdict(f) for f in findings]}
        print(json.dumps(report, indent=2, ensure_ascii=False))
    else:
        show(findings, can_run)
    return 0 if can_run else 1


def examine() -> tuple[Finding, ...]:
    """Every check's findings, in the order of CHECKS."""
    with ThreadPoolExecutor(4) as pool:
        results = [pool.submit(_run, check) for check in CHECKS]
        return tuple(finding for result in results for finding in result.result())


def _run(check: Callable[[], Iterable[Finding]]) -> tuple[Finding, ...]:
    return tuple(check())


def show(findings: tuple[Finding, ...], can_run: bool) -> None:
    width = max(len(finding.name) for finding in findings)
    encoding = sys.stdout.encoding or "ascii"
    for finding in findings:
        remedy = f"  ->  {finding.remedy}" if finding.remedy else ""
        line = f"{SIGNS[finding.mark]} {finding.name:{width}}  {finding.detail}{remedy}"
        print(line.encode(encoding, "replace").decode(encoding))
    count = Counter(finding.mark for finding in findings)
    print(
        f"\n{count['ok']} fine, {count['optional']} optional, "
        f"{count['missing']} missing. "
        + ("The embedded default can run." if can_run else "It cannot run yet.")
    )


if __name__ == "__main__":
    sys.exit(main())
