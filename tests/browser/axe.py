"""axe-core looks at a page; `npm ci --prefix tests/interop` brings it."""

from pathlib import Path

import pytest
from playwright.sync_api import Page

AXE = Path(__file__).parent.parent / "interop/node_modules/axe-core/axe.min.js"


def faults(page: Page, within: str | None = None) -> list[str]:
    """What hinders people: axe's serious and critical findings, each with its place.

    within: a CSS selector; the whole page if left out. Open shadow roots are looked
    into. Skips the test where axe-core is not installed.
    """
    if not AXE.exists():
        pytest.skip("axe-core is missing: npm ci --prefix tests/interop")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[str] = page.evaluate(
        """async (within) => {
            const { violations } = await axe.run(within ?? document);
            return violations
              .filter(({ impact }) => impact === "serious" || impact === "critical")
              .flatMap(({ id, nodes }) => nodes.map((node) =>
                `${id}: ${node.target.join(" ")}: ${node.failureSummary}`));
        }""",
        within,
    )
    return found
