"""A cell computes for long: the panel offers to detach the peer, by keyboard too, and brings it back."""

from __future__ import annotations

import re

import nbformat
from playwright.sync_api import Page, expect

from tests.detached import detached_below, none_left_below
from tests.e2e.conftest import Lab, take_picture
from tests.e2e.test_quickstart import open_notebook, run_all, run_in_new_cell
from tests.waiting import wait_until

CELLS = (
    '%load_ext academics\n%register --name "Mary Somerville"',
    "from academics_jupyter.peer import presence\n\npresence.STARVED_S = 1  # for this test; 30 s otherwise",
    "%academics panel",
    "import time\n\ntime.sleep(3)",
)

PATIENT = "presence.STARVED_S = 600"
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


def test_a_starved_peer_is_detached_and_attached_in_the_panel(lab: Lab, page: Page) -> None:
    cells = [nbformat.v4.new_code_cell(cell) for cell in CELLS]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL})
    nbformat.write(notebook, lab.folder / "long.ipynb")
    homes = lab.log.parent
    with none_left_below(homes):
        open_notebook(page, lab, "long.ipynb")
        run_all(page)
        profile = page.locator(".academics-panel .academics-profile").first
        offer = profile.get_by_test_id("academics-detach-offer")
        expect(offer).to_contain_text("nobody could reach your peer")
        expect(offer).to_have_attribute("role", "status")
        take_picture(page, "detach-offer")
        # From here on a machine that has much to do starves nobody.
        run_in_new_cell(page, PATIENT)
        ran = page.locator(".jp-CodeCell", has_text=PATIENT).locator(".jp-InputPrompt")
        expect(ran).to_have_text(re.compile(r"\[\d+\]"))
        offer.get_by_role("button", name="Detach", exact=True).press("Enter")
        expect(profile).to_have_attribute("data-role", "passenger")
        expect(profile).to_contain_text("academics serve, process")
        expect(offer).to_be_hidden()
        assert len(detached_below(homes)) == 1
        profile.get_by_role("button", name="Run it here").click()
        expect(profile).to_have_attribute("data-role", "driver")
        expect(offer).to_be_hidden()
        wait_until(lambda: not detached_below(homes), what="the end of the detached process")
