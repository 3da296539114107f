"""From the first run on: registered in the panel, shared, corrected before anybody sees it, downloaded, taken back."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.accessibility import check_accessibility
from tests.e2e.conftest import Lab, take_picture
from tests.e2e.people import online, pictures
from tests.e2e.test_detaching import KERNEL
from tests.e2e.test_quickstart import open_notebook, open_tab, run_all, run_in_new_cell
from tests.papers import TITLE, make_paper
from tests.processes import PeerProcess

ME, GRACE = "Maria Mitchell", "Grace Hopper"
CORRECTED = "Sharing <i>without</i> a middleman"
CELLS = ("%load_ext academics", "%academics panel")
FILES = ("night-1.csv", "night-2.csv", "notes.md")
DROP = """(zone, [name, data]) => {
  const bytes = Uint8Array.from(atob(data), (each) => each.charCodeAt(0));
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([bytes], name));
  for (const type of ["dragenter", "dragover", "drop"])
    zone.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
}"""
HEAR_REVEALS = """() => {
  window.revealed = [];
  window.taken = false;
  window.addEventListener("academics:reveal", (event) => {
    event.stopImmediatePropagation();
    window.revealed.push(event.detail.path);
    if (window.taken) event.preventDefault();
  }, true);
}"""


@pytest.fixture
def grace(tmp_path: Path) -> Iterator[PeerProcess]:
    with online(tmp_path, GRACE) as grace:
        yield grace


def test_sharing_from_the_first_run_on(lab: Lab, page: Page, tmp_path: Path, grace: PeerProcess) -> None:
    (lab.folder / "nights").mkdir()
    for name in FILES:
        (lab.folder / "nights" / name).write_text(f"{name}\n")
    panel = unregistered_panel(lab, page)
    registers(page, panel, grace)
    changes_the_profile(panel, grace)
    corrects_before_publishing(panel, make_paper(tmp_path / "paper.pdf", keywords=("peers",)), grace)
    chooses_from_the_servers_disk(page, panel, lab, grace)
    is_downloaded_and_counted(panel, grace)
    takes_back(panel, grace)
    has_downloads_in_groups(page, panel, grace, tmp_path)


def unregistered_panel(lab: Lab, page: Page) -> Locator:
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS], metadata={"kernelspec": KERNEL}
    )
    nbformat.write(notebook, lab.folder / "first.ipynb")
    open_notebook(page, lab, "first.ipynb")
    run_all(page)
    return page.locator(".academics-panel").first


def registers(page: Page, panel: Locator, grace: PeerProcess) -> None:
    """One form, which says who sees what; then the fingerprint, which is the one that others see."""
    welcome = panel.get_by_test_id("academics-welcome")
    expect(welcome).to_contain_text("only the profiles of your user on this machine read")
    expect(welcome).to_contain_text("keys.json")
    expect(panel.get_by_role("tablist")).to_be_hidden()
    pictures(page, panel, "welcome")
    check_accessibility(page)
    form = panel.get_by_test_id("academics-registration")
    form.get_by_label("Name").fill(ME)
    form.get_by_label("Affiliation").fill("Vassar College")
    form.get_by_label("What you work on").fill("comets, nebulae")
    form.get_by_label("What you work on").press("Enter")
    welcomed = panel.get_by_test_id("academics-welcomed")
    expect(welcomed).to_contain_text(f"Welcome, {ME}")
    mark = welcomed.get_by_test_id("academics-fingerprint").inner_text()
    people = f"(await peer.people()).set_index('fingerprint').to_dict('index').get({mark!r}, {{}})"
    grace.sees(f"({people}).get('name')", ME)
    grace.sees(f"({people}).get('interests')", "comets, nebulae")
    check_accessibility(page)
    take_picture(page, "welcome-registered")
    welcomed.get_by_role("button", name="Share something").click()
    expect(welcomed).to_be_hidden()
    expect(panel.get_by_test_id("academics-drop-zone")).to_be_visible()
    expect(panel.get_by_text("Nothing here yet. Share a paper")).to_be_visible()


def changes_the_profile(panel: Locator, grace: PeerProcess) -> None:
    panel.get_by_test_id("academics-own-profile").click()
    box = panel.get_by_test_id("academics-profile-box")
    expect(box.get_by_label("Name")).to_have_value(ME)
    box.get_by_label("Affiliation").fill("Nantucket Atheneum")
    box.get_by_role("button", name="Save").click()
    expect(box).to_contain_text("Saved")
    grace.sees("'Nantucket Atheneum' in (await peer.people())['affiliation'].tolist()")
    panel.get_by_test_id("academics-own-profile").click()
    expect(box).to_be_hidden()


def corrects_before_publishing(panel: Locator, paper: Path, grace: PeerProcess) -> None:
    """A real PDF is dropped; what was found in it wrongly is never seen by anybody."""
    data = base64.b64encode(paper.read_bytes()).decode()
    panel.get_by_test_id("academics-drop-zone").evaluate(DROP, [paper.name, data])
    draft = panel.locator("[data-draft]", has_text="paper.pdf")
    expect(draft.get_by_label("Title")).to_have_value(TITLE)
    expect(draft.get_by_label("Authors")).to_have_value("Ada Lovelace; Alan M. Turing; Grace Hopper")
    assert grace.value("len(await peer.explore())") == 0
    draft.get_by_label("Year").fill("soon")
    draft.get_by_label("Title").fill(CORRECTED)
    draft.get_by_role("button", name="Publish").click()
    expect(draft.get_by_label("Year")).to_be_focused()
    draft.get_by_label("Year").fill("2024")
    draft.get_by_label("Licence", exact=True).select_option("CC BY 4.0")
    draft.get_by_label("Year").press("Enter")
    expect(draft.get_by_role("button", name="Publish")).to_be_focused()
    expect(draft).to_contain_text("2024 · CC BY 4.0")
    expect(draft.locator(".academics-title")).to_have_text(CORRECTED)
    draft.get_by_role("button", name="Publish").press("Enter")
    expect(panel.get_by_text("Published it.")).to_be_visible()
    expect(draft).to_have_count(0)
    expect(held(panel, CORRECTED)).to_contain_text("Not downloaded yet · now held by nobody else")
    grace.sees("(await peer.explore())[['title', 'year']].values.tolist()", [[CORRECTED, 2024]])
    seen = "[row[0] for row in peer._context.store.database.read('SELECT payload FROM records')]"
    assert TITLE not in str(grace.value(seen))


def chooses_from_the_servers_disk(page: Page, panel: Locator, lab: Lab, grace: PeerProcess) -> None:
    """By keyboard: a folder as one, and a file inside of it; both are published at once."""
    panel.get_by_role("button", name="choose from the server’s disk").press("Enter")
    entries = panel.get_by_test_id("academics-entries")
    expect(entries.get_by_role("checkbox").first).to_be_focused()
    expect(panel.get_by_test_id("academics-path-input")).to_have_value(str(lab.folder))
    page.keyboard.press("n")
    expect(entries.get_by_role("checkbox", name="nights, folder")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(entries.get_by_role("checkbox")).to_have_count(len(FILES))
    expect(entries.get_by_role("checkbox", name=FILES[0])).to_be_focused()
    page.keyboard.press("End")
    page.keyboard.press("Space")
    panel.get_by_role("button", name="Add the one chosen").press("Enter")
    expect(panel.locator("[data-draft]", has_text="notes")).to_be_visible()
    panel.get_by_role("button", name="choose from the server’s disk").press("Enter")
    expect(panel.get_by_test_id("academics-path-input")).to_have_value(str(lab.folder / "nights"))
    expect(entries.get_by_role("checkbox", name=FILES[0])).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(entries.get_by_role("checkbox", name="nights, folder")).to_be_focused()
    page.keyboard.press("Space")
    take_picture(page, "share-folders")
    panel.get_by_role("button", name="Add the one chosen").press("Enter")
    drafts = panel.locator("[data-draft]")
    expect(drafts).to_have_count(2)
    folder = drafts.filter(has_text="folder, 3 files")
    folder.get_by_role("button", name="Correct").click()
    folder.get_by_label("Title").fill("Nights at the telescope")
    pictures(page, panel, "share")
    check_accessibility(page)
    panel.get_by_test_id("academics-publish-all").click()
    expect(panel.get_by_text("Published all 2.")).to_be_visible()
    expect(drafts).to_have_count(0)
    expect(held(panel, "Nights at the telescope")).to_contain_text("folder, 3 files")
    expect(held(panel, "notes.md")).to_be_visible()
    grace.sees("len(await peer.explore())", 3)


def is_downloaded_and_counted(panel: Locator, grace: PeerProcess) -> None:
    paper = held(panel, CORRECTED)
    grace.value("(await peer.download((await peer.explore('middleman'))['id'][0])).name")
    expect(paper).to_contain_text("Downloaded once · now held by 1 other")
    take_picture(panel.page, "share-repository")


def takes_back(panel: Locator, grace: PeerProcess) -> None:
    """The description is edited; what others hold is said before it is unshared and deleted."""
    paper = held(panel, CORRECTED)
    paper.get_by_role("button", name="Edit").click()
    expect(paper.get_by_label("Title")).to_be_focused()
    paper.get_by_label("Keywords").fill("peers, papers")
    paper.get_by_role("button", name="Save changes").click()
    expect(paper).to_contain_text("Saved")
    grace.sees("(await peer.explore('middleman'))['keywords'].tolist()", ["peers, papers"])
    paper.get_by_role("button", name="Unshare").click()
    expect(paper.get_by_role("group", name="Unshare")).to_contain_text("1 other holds it and may go on sharing it")
    path = Path(str(paper.locator("code").get_attribute("title")))
    assert path.exists()
    paper.get_by_role("button", name="Delete the file").click()
    expect(paper).to_have_count(0)
    assert not path.exists()
    grace.sees("len(await peer.explore('notes'))", 1)


def has_downloads_in_groups(page: Page, panel: Locator, grace: PeerProcess, folder: Path) -> None:
    """One comes; another cannot, and says why and what helps, which changes as soon as its holder is back."""
    ids = []
    for name in ("compilers.txt", "moths.txt"):
        (folder / name).write_text(name)
        ids.append(grace.value(f"(await peer.share({str(folder / name)!r})).id"))
    grace.value("await peer.flushed()")
    open_tab(panel, "downloads")
    expect(panel.get_by_test_id("academics-no-downloads")).to_be_visible()
    run_in_new_cell(page, f"import academics; _ = await academics.current().request_download({ids[0]!r})")
    finished = panel.locator("[data-group='finished'] [data-download]")
    expect(finished).to_have_attribute("data-resource", ids[0])
    grace.value("await peer.stop()")
    expect(panel.get_by_test_id("academics-standing")).to_contain_text("0 links")
    run_in_new_cell(page, f"_ = await academics.current().request_download({ids[1]!r})")
    failed = panel.locator("[data-group='failed'] [data-download]")
    expect(failed).to_contain_text("Nobody who holds moths.txt is online now")
    expect(failed).to_contain_text(f"Try again once {GRACE} is online.")
    panel.scroll_into_view_if_needed()
    take_picture(page, "downloads-groups")
    check_accessibility(page)
    reveals(page, finished)
    grace.value("await peer.start()")
    expect(failed).to_contain_text(f"{GRACE} is online now and can give it: try again.")
    failed.get_by_role("button", name="Try again").press("Enter")
    expect(finished).to_have_count(2)
    expect(failed).to_have_count(0)
    panel.get_by_role("button", name="Clear finished").click()
    expect(panel.get_by_test_id("academics-no-downloads")).to_be_visible()
    open_tab(panel, "share")
    expect(held(panel, "moths")).to_contain_text("Now held by 1 other")


def reveals(page: Page, download: Locator) -> None:
    """Whoever has a file browser takes the event; where nobody does, that is said."""
    page.evaluate(HEAR_REVEALS)
    path = download.locator("code").inner_text()
    download.get_by_test_id("academics-reveal").click()
    expect(download).to_contain_text("No file browser here")
    page.evaluate("window.taken = true")
    expect(download).not_to_contain_text("No file browser here")
    download.get_by_test_id("academics-reveal").press("Enter")
    assert page.evaluate("window.revealed") == [path, path]
    expect(download).not_to_contain_text("No file browser here")


def held(panel: Locator, title: str) -> Locator:
    return panel.get_by_test_id("academics-repository").locator("[data-resource]", has_text=title)
