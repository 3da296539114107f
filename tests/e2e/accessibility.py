"""What axe-core finds in the page, as far as it is ours."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

GRAVE = ("serious", "critical")


def check_accessibility(page: Page, selector: str = ".academics-panel") -> None:
    """Fail on what hinders somebody who sees little, hears the page or has no mouse."""
    found = Axe().run(page, context=selector).response["violations"]
    grave = [
        f"{each['id']} ({each['impact']}): {each['help']}\n"
        + "\n".join(f"    {node['html'][:300]}\n    {node['failureSummary']}" for node in each["nodes"])
        for each in found
        if each["impact"] in GRAVE
    ]
    assert not grave, "\n".join(grave)
