"""A download from two holders is watched, held, gone on with and opened in the panel, while a cell waits for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Lab, take_picture
from tests.e2e.test_detaching import KERNEL
from tests.e2e.test_quickstart import open_notebook, open_tab, row, run_all, run_in_new_cell
from tests.processes import PeerProcess

HOLDERS = ("Mary Somerville", "Caroline Herschel")
SLOW = {"ACADEMICS_UPLOAD_LIMIT": "1000000"}
LINE = "{number},{number}.25,comet <b>{number}</b>\n"
LINES = 600_000
CELLS = ('%load_ext academics\n%register --name "Maria Mitchell"', "%explore comets", "%academics panel")


@pytest.fixture
def comets(tmp_path: Path) -> Iterator[Path]:
    """A table that two colleagues share, each of whom sends it slowly."""
    table = tmp_path / "comets.csv"
    with table.open("w") as file:
        file.write("number,period,name\n")
        file.writelines(LINE.format(number=number) for number in range(LINES))
    with ExitStack() as stack:
        for name in HOLDERS:
            holder = stack.enter_context(PeerProcess(tmp_path / name, environment=SLOW))
            holder.open("default", register=False, start=False)
            holder.value(f"await peer.register({name!r})")
            holder.value("await peer.start()")
            holder.value(f"(await peer.share({str(table)!r}, title='Comets seen')).id")
            holder.value("await peer.flushed()")
        yield table


def test_a_download_is_watched_held_and_opened(lab: Lab, page: Page, comets: Path) -> None:
    cells = [nbformat.v4.new_code_cell(cell) for cell in CELLS]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL})
    nbformat.write(notebook, lab.folder / "comets.ipynb")
    open_notebook(page, lab, "comets.ipynb")
    run_all(page)
    panel = page.locator(".academics-panel").first
    open_tab(panel, "downloads")
    run_in_new_cell(page, "path = %download 0\npath.name")
    waiting = page.locator(".jp-CodeCell", has_text="path = %download 0")
    download = panel.locator("[data-download]", has_text="comets.csv")
    is_watched(download)
    expect(waiting).to_contain_text(re.compile(r"MB\sof\s[\d.]+\sMB,\s[\d.]+\s[kM]B/s,\s.*\sleft,\s2\sholders"))
    take_picture(page, "download-from-two")
    is_held_by_keyboard(download, page)
    expect(waiting).to_contain_text("paused (Continue in %academics panel)")
    take_picture(page, "download-paused")
    open_tab(panel, "explore")
    row(panel, "Comets seen").get_by_role("button", name="Continue Comets seen").click()
    expect(row(panel, "Comets seen").get_by_role("progressbar")).to_be_visible()
    open_tab(panel, "downloads")
    expect(download).to_have_attribute("data-state", "finished", timeout=60_000)
    expect(waiting).to_contain_text("'comets.csv'")
    for name in HOLDERS:
        expect(download).to_contain_text(re.compile(rf"{name} [1-9]\d*\s%"))
    is_seen_at_a_glance(download, page)
    opens_in_lab(panel, page, lab, comets)


def is_watched(download: Locator) -> None:
    """Bytes, rate, time left, each holder's share and the map of pieces."""
    expect(download).to_have_attribute("data-state", "active")
    expect(download.locator(".academics-detail")).to_have_text(
        re.compile(r"[1-9]\d* %, [\d.]+ MB of [\d.]+ MB, [\d.]+ [kM]B/s, (about \d+ (s|min)|a few seconds) left")
    )
    giving = download.get_by_role("list", name="Holders of comets.csv").locator("li[data-giving]")
    expect(giving).to_have_count(len(HOLDERS))
    for name in HOLDERS:
        holder = giving.filter(has_text=name)
        expect(holder.locator(".academics-given-text")).to_have_text(re.compile(r"^[1-9]\d* %, [\d.]+ [kM]B/s$"))
    expect(download.get_by_role("img")).to_have_accessible_name(re.compile(r"^Map of the pieces: [1-9]\d* % there$"))
    assert download.locator(".academics-map > i").count() > 1


def is_held_by_keyboard(download: Locator, page: Page) -> None:
    download.get_by_role("button", name="Pause: comets.csv").focus()
    page.keyboard.press("Enter")
    expect(download).to_have_attribute("data-state", "paused")
    expect(download).to_contain_text(re.compile(r"Paused at [1-9]\d* %"))
    expect(download.locator("li[data-giving]")).to_have_count(0)
    expect(download.get_by_role("button", name="Continue: comets.csv")).to_be_focused()


def is_seen_at_a_glance(download: Locator, page: Page) -> None:
    """One click on the name of what lies outside of Lab's root shows it, and its markup as it is written."""
    download.get_by_test_id("academics-open").click()
    table = download.get_by_role("table")
    expect(table.get_by_role("columnheader")).to_have_text(["number", "period", "name"])
    expect(table.get_by_role("row").nth(2)).to_contain_text("comet <b>1</b>")
    expect(download).to_contain_text("The first 20 rows.")
    take_picture(page, "download-viewed")


def opens_in_lab(panel: Locator, page: Page, lab: Lab, comets: Path) -> None:
    """A copy beside the notebook opens in a tab, and from then on by one click on its name."""
    panel.get_by_test_id("academics-copy-here").click()
    viewer = page.locator(".jp-CSVViewer .lm-DataGrid")
    expect(viewer).to_be_visible()
    assert (lab.folder / comets.name).read_bytes() == comets.read_bytes()
    page.get_by_role("tab", name=comets.name).get_by_title("Close").click()
    expect(viewer).to_have_count(0)
    copy = panel.locator("[data-download]", has_text=str(lab.folder / comets.name))
    copy.get_by_title("Open it in Jupyter").click()
    expect(viewer).to_be_visible()
    take_picture(page, "download-opened")
