"""The panel at the side of JupyterLab: with no notebook, through reloads and kernels' ends, beside a notebook."""

from __future__ import annotations

import json
import re
import urllib.request
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.accessibility import check_accessibility
from tests.e2e.conftest import Lab, take_picture
from tests.e2e.people import message, online, pictures, write
from tests.e2e.test_detaching import KERNEL
from tests.e2e.test_quickstart import open_tab, run_all
from tests.processes import PeerProcess
from tests.waiting import wait_until

SESSION = "academics-side-panel"
CELLS = ("%load_ext academics\n%academics start\n%academics", "%academics sidebar")
WHERE = ".academics-lab-where"
START_S = 60
START_MS = START_S * 1000

pytestmark = pytest.mark.timeout(300)


def test_the_side_panel(lab: Lab, page: Page, tmp_path: Path) -> None:
    write_notebook(lab)
    page.goto(f"{lab.url}lab?reset")
    side = starts_with_no_notebook(page)
    with online(tmp_path, "Grace Hopper") as grace:
        kernel = kernels(lab)[SESSION]
        counts_what_is_unread(side, page, grace)
        keeps(lab, "")
        page.reload()
        comes_back_counting(side, page, lab, kernel)
        shows_what_was_written(side, page, grace)
        shares_from_the_file_browser(side, page, grace)
        outlives_its_kernel(side, page, lab, kernel)
        keeps(lab, SESSION)
        page.goto(f"{lab.url}lab/tree/beside.ipynb")
        has_notebooks_for_passengers(side, page)
        is_drawn_by_a_notebook_and_again_by_itself(side, page)
        open_tab(side, "chat")
        side.locator("[data-peer]", has_text="Grace Hopper").first.click()
        expect(message(side, "I am, at the side")).to_be_visible()
        pictures(page, side, "side-panel")
        check_accessibility(page, f"#{SESSION}")
        leaves_a_notebook_that_is_closed(side, page)
        assert kernels(lab)[SESSION] == kernel


def write_notebook(lab: Lab) -> None:
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL})
    nbformat.write(notebook, lab.folder / "beside.ipynb")


def kernels(lab: Lab) -> dict[str, str]:
    """The running kernels' ids, by their sessions' paths."""
    with urllib.request.urlopen(f"{lab.url}api/sessions") as answer:
        sessions: list[dict[str, Any]] = json.load(answer)
    return {session["path"]: session["kernel"]["id"] for session in sessions}


def keeps(lab: Lab, at_the_side: str) -> None:
    """Wait until JupyterLab, which saves its layout a while after a change, would come back with it; "" for nothing."""

    def is_kept() -> bool:
        with urllib.request.urlopen(f"{lab.url}lab/api/workspaces/default") as answer:
            layout: dict[str, Any] = json.load(answer)["data"].get("layout-restorer:data", {})
        left = layout.get("left", {"current": None})
        return ("" if left.get("collapsed") else left.get("current")) == at_the_side

    wait_until(is_kept, START_S, f"JupyterLab's keeping of {at_the_side or 'nothing'} at the side")


def icon(page: Page) -> Locator:
    return page.locator(f".jp-SideBar .lm-TabBar-tab[data-id='{SESSION}']")


def is_shown(side: Locator) -> None:
    expect(side).to_have_attribute("data-phase", "shown", timeout=START_MS)
    expect(side.locator(".academics-panel")).to_have_count(1)


def choose(page: Page, name: str) -> None:
    """An item of the panel's menu, by keyboard."""
    page.get_by_test_id("academics-lab-menu").press("Enter")
    item = page.locator(".lm-Menu").get_by_role("menuitem", name=name, exact=True)
    item.or_(page.locator(".lm-Menu").get_by_role("menuitemcheckbox", name=name, exact=True)).click()


def call(page: Page, name: str) -> None:
    """A command of the palette."""
    page.get_by_role("menuitem", name="View", exact=True).click()
    page.get_by_role("menuitem", name="Activate Command Palette").click()
    page.locator(".lm-CommandPalette-input").fill(name)
    page.locator(".lm-CommandPalette-item", has_text=name).click()


def starts_with_no_notebook(page: Page) -> Locator:
    """From the launcher; then one form, and one is online."""
    tile = page.locator(".jp-LauncherCard", has_text="Academics")
    expect(page.locator(".jp-Launcher-section", has_text="Other").locator(tile)).to_be_visible(timeout=START_MS)
    tile.click()
    side = page.locator(f"#{SESSION}")
    is_shown(side)
    form = side.get_by_test_id("academics-registration")
    form.locator("[name=name]").fill("Ada Lovelace")
    form.get_by_role("button", name="Register and go online").click()
    expect(side.locator(".academics-profile")).to_have_attribute("data-role", "driver")
    side.get_by_test_id("academics-welcomed").get_by_role("button", name="Write to somebody").click()
    return side


def counts_what_is_unread(side: Locator, page: Page, grace: PeerProcess) -> None:
    """On the icon, in words too, while the panel is hidden."""
    icon(page).click()
    expect(side).to_be_hidden()
    grace.sees("'Ada Lovelace' in set((await peer.people()).name)")
    grace.value("await peer.chat('Ada Lovelace', 'Are you there, Ada?')")
    expect(icon(page)).to_have_attribute("data-academics-unread", "1")
    expect(icon(page)).to_have_attribute("title", "Academics, 1 unread")
    take_picture(page, "side-panel-badge")


def comes_back_counting(side: Locator, page: Page, lab: Lab, kernel: str) -> None:
    """After a reload it is hidden still, and linked with the kernel that it had."""
    expect(icon(page)).to_have_attribute("data-academics-unread", "1", timeout=START_MS)
    expect(side).to_be_hidden()
    assert kernels(lab) == {SESSION: kernel}


def shows_what_was_written(side: Locator, page: Page, grace: PeerProcess) -> None:
    icon(page).click()
    is_shown(side)
    open_tab(side, "chat")
    side.locator("[data-peer]", has_text="Grace Hopper").first.click()
    expect(icon(page)).to_have_attribute("title", "Academics")
    expect(write(side, "I am, at the side")).to_have_attribute("data-state", re.compile("delivered|read"))
    grace.sees("list((await peer.history('Ada Lovelace')).text)[-1]", "I am, at the side")


def shares_from_the_file_browser(side: Locator, page: Page, grace: PeerProcess) -> None:
    """What is chosen there is looked over in the Share part first; then all see it."""
    page.locator(".jp-SideBar .lm-TabBar-tab[data-id='filebrowser']").click()
    page.locator(".jp-DirListing-item", has_text="colleague.py").click(button="right")
    page.locator(".lm-Menu").get_by_role("menuitem", name="Share with academics", exact=True).click()
    expect(side).to_be_visible()
    draft = side.get_by_test_id("academics-drafts").locator("[data-draft]", has_text="colleague.py")
    expect(draft).to_be_visible()
    draft.get_by_role("button", name=re.compile("^Publish")).click()
    expect(side.get_by_test_id("academics-repository").locator("[data-resource]")).to_have_count(1)
    grace.sees("len(await peer.explore())", 1)


def outlives_its_kernel(side: Locator, page: Page, lab: Lab, kernel: str) -> None:
    """Killed, the kernel is started again by the server, and the panel by itself; a person sees it happen."""
    process = process_of(kernel)
    process.kill()
    process.wait(20)
    wait_until(lambda: process_of(kernel) != process, what="a new process of the kernel")
    expect(side.locator(".academics-profile")).to_have_attribute("data-role", "driver", timeout=START_MS)
    is_shown(side)
    call(page, "Restart the panel's kernel")
    expect(side).not_to_have_attribute("data-phase", "shown")
    expect(side.locator(".academics-profile")).to_have_attribute("data-role", "driver", timeout=START_MS)
    assert kernels(lab) == {SESSION: kernel}


def process_of(kernel: str) -> psutil.Process | None:
    for process in psutil.process_iter(["cmdline"]):
        if any(kernel in part for part in process.info["cmdline"] or []):
            return process
    return None


def has_notebooks_for_passengers(side: Locator, page: Page) -> None:
    """A notebook's peer runs at the side, and a cell asks for the panel of the notebook's own kernel."""
    expect(page.locator("#jp-bottom-panel, #jp-main-statusbar").get_by_text("| Idle")).to_be_visible(timeout=START_MS)
    is_shown(side)
    run_all(page)
    told = page.locator(".jp-OutputArea-output", has_text="it runs in JupyterLab's side panel")
    expect(told.first).to_be_visible()


def is_drawn_by_a_notebook_and_again_by_itself(side: Locator, page: Page) -> None:
    expect(page.locator(".academics-lab-asked")).to_contain_text("in the side bar on the left")
    expect(side.locator(WHERE)).to_have_text("beside.ipynb")
    is_shown(side)
    expect(side.locator(".academics-profile")).to_have_attribute("data-role", "passenger")
    expect(side.locator(".academics-standing")).to_contain_text("JupyterLab's side panel runs your peer")
    choose(page, "Own kernel")
    expect(side.locator(WHERE)).to_have_text("Own kernel")
    expect(side.locator(".academics-profile")).to_have_attribute("data-role", "driver")


def leaves_a_notebook_that_is_closed(side: Locator, page: Page) -> None:
    choose(page, "beside.ipynb")
    expect(side.locator(WHERE)).to_have_text("beside.ipynb")
    expect(side.locator(".academics-profile")).to_have_attribute("data-role", "passenger")
    page.locator(".jp-Notebook").click()
    page.keyboard.press("Control+s")
    tab = page.locator(".lm-DockPanel .lm-TabBar-tab", has_text="beside.ipynb")
    expect(tab).not_to_have_class(re.compile("jp-mod-dirty"))
    tab.locator(".lm-TabBar-tabCloseIcon").click()
    expect(side.locator(WHERE)).to_have_text("Own kernel")
    is_shown(side)
