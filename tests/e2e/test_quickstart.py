"""A new user opens JupyterLab on the quickstart, runs it all, and clicks through the panel."""

from __future__ import annotations

import os
import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Lab, take_picture
from tests.waiting import wait_until

LARGE_BYTES = (12 << 20) + 7
RUN_MS = 90_000


def test_the_quickstart_and_the_panel(lab: Lab, page: Page, tmp_path: Path) -> None:
    open_notebook(page, lab, "01-quickstart.ipynb")
    run_all(page)
    panel = page.locator(".academics-panel").first
    expect(panel).to_be_visible()
    for text in ("[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]", "I have just downloaded", "it runs here"):
        expect(page.locator(".jp-OutputArea-output", has_text=text).first).to_be_attached()
    expect(page.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.stderr']")).to_have_count(0)

    explores(panel, page)
    shares_a_large_file(panel, tmp_path)
    downloads(panel)
    chats(panel, page)
    greys_what_nobody_online_holds(panel, page)


def open_notebook(page: Page, lab: Lab, name: str) -> None:
    """Open a notebook and wait until its kernel can be used."""
    page.goto(f"{lab.url}lab/tree/{name}?reset")
    expect(page.locator(".jp-Notebook")).to_be_visible()
    wait_until(lab.kernel_is_idle, 60, "the kernel")
    expect(page.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']")).to_be_visible()
    expect(page.locator("#jp-bottom-panel, #jp-main-statusbar").get_by_text("| Idle")).to_be_visible()


def run_all(page: Page) -> None:
    """Run > Run All Cells, to the end of the last one, with no error in any."""
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    last = page.locator(".jp-CodeCell").last
    expect(last.locator(".jp-InputPrompt")).to_have_text(re.compile(r"\[\d+\]"), timeout=RUN_MS)
    expect(page.locator("[data-mime-type='application/vnd.jupyter.error']")).to_have_count(0)


def open_tab(panel: Locator, name: str) -> None:
    panel.get_by_test_id(f"academics-tab-{name}").click()


def row(panel: Locator, title: str) -> Locator:
    """The resource with that title; the title of another version may stand in it too."""
    titled = panel.page.locator(".academics-title", has_text=title)
    return panel.get_by_test_id("academics-results").locator("[data-resource]").filter(has=titled)


def explores(panel: Locator, page: Page) -> None:
    open_tab(panel, "explore")
    panel.get_by_test_id("academics-search").fill("planets")
    expect(panel.get_by_test_id("academics-results").locator("[data-resource]")).to_have_count(1)
    orbits = row(panel, "Orbits of the planets")
    expect(orbits).to_have_attribute("data-available", "true")
    orbits.get_by_role("button", name="Orbits of the planets", exact=True).click()
    expect(orbits.get_by_text("Johannes Kepler").first).to_be_visible()
    panel.scroll_into_view_if_needed()
    take_picture(page, "explore")
    panel.get_by_test_id("academics-search").fill("")
    expect(row(panel, "A Library Without a Building")).to_be_visible()


def shares_a_large_file(panel: Locator, folder: Path) -> None:
    """Over 10 MiB, which ipywidgets' own upload loses without a word."""
    open_tab(panel, "share")
    for place in ("academics-drop-zone", "academics-repository"):
        expect(panel.get_by_test_id(place)).to_be_in_viewport(ratio=1)
    large = folder / "measurements.bin"
    large.write_bytes(os.urandom(LARGE_BYTES))
    panel.get_by_test_id("academics-file-input").set_input_files(large)
    expect(panel.get_by_test_id("academics-drafts")).to_contain_text("measurements.bin")
    panel.get_by_role("button", name="Publish measurements.bin").click()
    mine = panel.get_by_test_id("academics-repository")
    expect(mine).to_contain_text("measurements")
    stored = next(folder.glob("data/**/repository/measurements.bin"))
    assert stored.read_bytes() == large.read_bytes()
    take_picture(panel.page, "share")


def downloads(panel: Locator) -> None:
    open_tab(panel, "downloads")
    finished = panel.locator("[data-state='finished']", has_text="planets.csv")
    expect(finished.first).to_be_visible()
    take_picture(panel.page, "downloads")


def chats(panel: Locator, page: Page) -> None:
    open_tab(panel, "chat")
    panel.locator("[data-peer]", has_text="Grace Hopper").first.click()
    composer = panel.get_by_test_id("academics-composer")
    composer.fill("<b>Bold</b> & clear?")
    composer.press("Enter")
    messages = panel.get_by_test_id("academics-messages")
    mine = messages.locator("[data-message]", has_text="<b>Bold</b> & clear?").first
    expect(mine).to_have_attribute("data-state", "delivered")
    expect(messages.locator("[data-message]", has_text="Thank you for writing: “<b>Bold</b> & clear?”")).to_be_visible()
    take_picture(page, "chat")


def greys_what_nobody_online_holds(panel: Locator, page: Page) -> None:
    """The colleague leaves; what only she held is grey, what both hold is not."""
    open_tab(panel, "share")
    mine = panel.get_by_test_id("academics-repository").locator("[data-resource]", has_text="Orbits of the planets")
    mine.get_by_role("button", name="Unshare").first.click()
    mine.get_by_role("button", name="Delete the file").click()
    expect(mine).to_have_count(0)
    open_tab(panel, "explore")
    expect(row(panel, "Orbits of the planets")).to_have_attribute("data-available", "true")
    run_in_new_cell(page, "colleague.dismiss()")
    panel.scroll_into_view_if_needed()
    expect(row(panel, "Orbits of the planets")).to_have_attribute("data-available", "false")
    expect(row(panel, "A Library Without a Building")).to_have_attribute("data-available", "true")
    take_picture(page, "explore-greyed")


def run_in_new_cell(page: Page, code: str) -> None:
    """Type a cell at the notebook's end and run it."""
    last = page.locator(".jp-Cell").last
    last.click()
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    page.keyboard.press("Enter")
    page.keyboard.type(code)
    page.keyboard.press("Shift+Enter")
