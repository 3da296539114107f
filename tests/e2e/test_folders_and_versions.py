"""A folder and the versions of a file, as the panel shows them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Lab, take_picture
from tests.e2e.test_detaching import KERNEL
from tests.e2e.test_quickstart import open_notebook, open_tab, row, run_all
from tests.processes import PeerProcess

CELLS = ('%load_ext academics\n%register --name "Maria Mitchell"', "%academics panel")


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[PeerProcess]:
    """Three files in a folder, and a table in two versions."""
    folder, table = tmp_path / "nights", tmp_path / "comets.csv"
    (folder / "first").mkdir(parents=True)
    for name in ("notes.md", "first/seen.csv", "first/missed.csv"):
        (folder / name).write_text(f"{name}\n")
    with PeerProcess(tmp_path / "Caroline Herschel") as sharer:
        sharer.open("default", register=False, start=False)
        sharer.value("await peer.register('Caroline Herschel')")
        sharer.value("await peer.start()")
        sharer.value(f"(await peer.share({str(folder)!r}, title='Nights of sweeping')).id")
        for lines in ("comet\n1\n", "comet\n1\n2\n"):
            table.write_text(lines)
            sharer.value(f"(await peer.share({str(table)!r}, title='Comets, {len(lines)} bytes')).id")
        sharer.value("await peer.flushed()")
        yield sharer


def test_folders_and_versions_are_shown(lab: Lab, page: Page, shared: PeerProcess) -> None:
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS], metadata={"kernelspec": KERNEL}
    )
    nbformat.write(notebook, lab.folder / "nights.ipynb")
    open_notebook(page, lab, "nights.ipynb")
    run_all(page)
    panel = page.locator(".academics-panel").first
    open_tab(panel, "explore")

    panel.get_by_test_id("academics-kind").select_option("folder")
    folder = row(panel, "Nights of sweeping")
    expect(folder).to_contain_text("folder, 3 files")
    folder.get_by_test_id("academics-download").click()
    expect(folder).to_contain_text("✓ yours")
    panel.get_by_test_id("academics-kind").select_option("")

    old, new = row(panel, "Comets, 8 bytes"), row(panel, "Comets, 10 bytes")
    expect(new).to_contain_text("version 2")
    expect(new.get_by_test_id("academics-newer")).to_have_count(0)
    old.get_by_test_id("academics-newer").click()
    expect(new.get_by_text("2, after")).to_be_visible()
    panel.scroll_into_view_if_needed()
    take_picture(page, "folders-and-versions")
    new.get_by_test_id("academics-previous").click()
    expect(old.get_by_text("comets.csv")).to_be_visible()
    expect(new.get_by_text("2, after")).to_be_hidden()

    open_tab(panel, "downloads")
    panel.get_by_role("button", name="View nights").click()
    expect(panel.get_by_role("table")).to_contain_text("first/seen.csv")
    panel.get_by_role("button", name="Put a copy beside the notebook").click()
    expect(panel.get_by_text(str(lab.folder / "nights"))).to_be_visible()
    assert (lab.folder / "nights" / "first" / "seen.csv").read_text() == "first/seen.csv\n"
    expect(page.get_by_role("dialog")).to_have_count(0)
