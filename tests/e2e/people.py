"""Somebody at a panel in JupyterLab, and others in processes of their own, for tests of what they say to each other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from playwright.sync_api import Locator, Page, expect

from tests.e2e.accessibility import check_accessibility
from tests.e2e.conftest import Lab, take_picture
from tests.e2e.test_detaching import KERNEL
from tests.e2e.test_quickstart import open_notebook, open_tab, run_all
from tests.processes import PeerProcess

NARROW_PX = 250
"""JupyterLab's side bar made as narrow as it stays usable; at first it has 262 px."""
THEMES = ("Dark", "Dark High Contrast", "Light")


@contextmanager
def online(folder: Path, name: str) -> Iterator[PeerProcess]:
    """Somebody else, registered and online."""
    with PeerProcess(folder / name) as person:
        person.open("default", register=False, start=False)
        person.value(f"await peer.register({name!r})")
        person.value("await peer.start()")
        yield person


def chat_panel(lab: Lab, page: Page, name: str, *cells: str) -> Locator:
    """The panel of somebody who has registered in a notebook, with the conversations in sight."""
    sources = (f'%load_ext academics\n%register --name "{name}"', *cells, "%academics panel")
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in sources], metadata={"kernelspec": KERNEL}
    )
    nbformat.write(notebook, lab.folder / "talk.ipynb")
    open_notebook(page, lab, "talk.ipynb")
    run_all(page)
    panel = page.locator(".academics-panel").first
    open_tab(panel, "chat")
    return panel


def write(panel: Locator, text: str) -> Locator:
    """Send what is typed; the message."""
    composer = panel.get_by_test_id("academics-composer")
    composer.fill(text)
    composer.press("Enter")
    return message(panel, text)


def message(panel: Locator, text: str) -> Locator:
    """The last message that reads so."""
    messages = panel.get_by_test_id("academics-messages").locator("[data-message]")
    return messages.filter(has=panel.page.locator(".academics-text", has_text=text)).last


def turn_to(page: Page, theme: str) -> None:
    """Change JupyterLab's theme, as a person does it."""
    page.get_by_role("menuitem", name="Settings", exact=True).click()
    for label in ("Theme", f"JupyterLab {theme}"):
        page.locator(".lm-Menu-itemLabel").get_by_text(label, exact=True).click()
    expect(page.locator("body")).to_have_attribute("data-jp-theme-name", f"JupyterLab {theme}")
    expect(page.locator("#jupyterlab-splash")).to_have_count(0)


def pictures(page: Page, panel: Locator, name: str) -> None:
    """How it looks in the themes and in a side bar, where nothing may stick out; with axe-core's word on each."""
    for theme in THEMES:
        turn_to(page, theme)
        panel.scroll_into_view_if_needed()
        take_picture(page, f"{name}-{theme.lower().replace(' ', '-')}")
        check_accessibility(page)
    panel.evaluate(f"node => (node.style.width = '{NARROW_PX}px')")
    take_picture(page, f"{name}-narrow")
    check_accessibility(page)
    assert panel.evaluate("node => node.scrollWidth <= node.clientWidth")
    for each in panel.locator("[data-message] > div:not(.academics-unseen):visible").all():
        assert each.evaluate("node => node.scrollWidth <= node.clientWidth")
    panel.evaluate("node => (node.style.width = '')")
