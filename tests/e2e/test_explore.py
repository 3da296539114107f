"""Exploring in the panel: what colleagues share, page by page, and who they are, while they come and go."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.e2e.accessibility import check_accessibility
from tests.e2e.conftest import Lab, take_picture
from tests.e2e.people import chat_panel, online, pictures
from tests.e2e.test_quickstart import open_tab, row
from tests.processes import PeerProcess

ME, ADA, GRACE = "Maria Mitchell", "Ada Lovelace", "Grace Hopper"
NOTES = 52
PLACE = "node => node.getBoundingClientRect().top - node.closest('.academics-body').getBoundingClientRect().top"
SHARE = """
from pathlib import Path
async def shared(name, text, **described):
    path = Path({folder!r}) / name
    path.write_text(text)
    return (await peer.share(path, **described)).id
"""


def test_what_colleagues_share_and_who_they_are(lab: Lab, page: Page, tmp_path: Path) -> None:
    with online(tmp_path, ADA) as ada, online(tmp_path, GRACE) as grace:
        shares(ada, grace, tmp_path)
        panel = chat_panel(lab, page, ME)
        open_tab(panel, "explore")
        narrows_as_one_types(panel)
        filters(panel)
        orders_and_turns_pages(panel)
        reads_on_while_something_comes(panel, ada)
        opens_cites_and_follows_versions(panel, page)
        downloads_and_opens(panel)
        pictures(page, panel, "explore")
        sees_who_is_there(panel, page)
        greys_what_has_gone(panel, page, grace)
        writes_with_one_click(panel)


def shares(ada: PeerProcess, grace: PeerProcess, folder: Path) -> None:
    """Fifty-two notes, a table in two versions, a notebook and, held by Grace alone, a compiler."""
    for person, name, place, work in (
        (ada, ADA, "Analytical Society", ("Bernoulli numbers", "engines")),
        (grace, GRACE, "Harvard University", ("compilers",)),
    ):
        person.value(SHARE.format(folder=str(folder)))
        person.value(f"await peer.register({name!r}, affiliation={place!r}, interests={work!r})")
    ada.value(
        f"[await shared(f'note{{n:02}}.txt', f'{{n}}', title=f'Note {{n:02}}', authors='Charles Babbage',"
        f" keywords='engines', year=1800 + n) for n in range({NOTES})]"
    )
    for lines, title in (("planet\n1\n", "Orbits, first draft"), ("planet\n1\n2\n", "Orbits of the planets")):
        ada.value(
            f"await shared('orbits.csv', {lines!r}, title={title!r}, authors='Johannes Kepler; Tycho Brahe',"
            " keywords='astronomy, Mars', year=1619, license='CC-BY-4.0', abstract='Where the planets will be.')"
        )
    grace.value(
        "await shared('compiler.txt', 'A-0', title='A compiler', authors='Grace Hopper', keywords='languages',"
        " year=1952)"
    )
    for person in (ada, grace):
        person.value("await peer.flushed()")


def results(panel: Locator) -> Locator:
    return panel.get_by_test_id("academics-results").locator("[data-resource]")


def headlines(panel: Locator) -> list[str]:
    return [text.splitlines()[0] for text in results(panel).all_inner_texts()]


def narrows_as_one_types(panel: Locator) -> None:
    expect(results(panel)).to_have_count(50)
    search = panel.get_by_test_id("academics-search")
    search.press_sequentially("compi")
    expect(results(panel)).to_have_count(1)
    expect(row(panel, "A compiler")).to_contain_text(f"held by {GRACE}")
    search.fill("nothing like it")
    expect(panel.get_by_test_id("academics-no-results")).to_contain_text("Try fewer words")
    search.fill("")
    expect(results(panel)).to_have_count(50)


def filters(panel: Locator) -> None:
    panel.get_by_test_id("academics-kind").select_option("data")
    expect(results(panel)).to_have_count(2)
    panel.get_by_test_id("academics-clear").click()
    expect(results(panel)).to_have_count(50)
    toggle = panel.get_by_test_id("academics-filters")
    toggle.press("Enter")
    author = panel.get_by_test_id("academics-author")
    expect(author).to_be_focused()
    for field, text, count in (("author", "kepl", 2), ("keyword", "lang", 1), ("year-from", "1850", 3)):
        panel.get_by_test_id(f"academics-{field}").fill(text)
        expect(results(panel)).to_have_count(count)
        expect(toggle).to_have_text("Filters (1)")
        panel.get_by_test_id(f"academics-{field}").fill("")
        expect(results(panel)).to_have_count(50)
    panel.get_by_test_id("academics-year-to").fill("1619")
    expect(results(panel)).to_have_count(2)
    panel.get_by_test_id("academics-keyword").fill("nothing")
    empty = panel.get_by_test_id("academics-no-results")
    empty.get_by_role("button", name="Clear the filters").click()
    expect(results(panel)).to_have_count(50)
    toggle.click()
    expect(author).to_be_hidden()


def orders_and_turns_pages(panel: Locator) -> None:
    panel.get_by_test_id("academics-order").select_option("title")
    expect(results(panel).nth(1)).to_contain_text("Note 00")
    pager = panel.get_by_role("navigation", name="Resources: pages")
    expect(pager.get_by_role("status")).to_have_text("Page 1: 1 to 50")
    pager.get_by_role("button", name="Next").click()
    expect(pager.get_by_role("status")).to_have_text(f"Page 2: 51 to {NOTES + 3}")
    expect(results(panel)).to_have_count(NOTES + 3 - 50)
    expect(results(panel).last).to_contain_text("Orbits of the planets")
    pager.get_by_role("button", name="Previous").press("Enter")
    expect(results(panel).first).to_contain_text("A compiler")
    panel.get_by_test_id("academics-order").select_option("year")
    expect(results(panel).nth(1)).to_contain_text("Note 51")
    panel.get_by_test_id("academics-order").select_option("best")
    expect(results(panel).first).to_contain_text("A compiler")
    expect(results(panel).nth(1)).to_contain_text("Orbits of the planets")


def reads_on_while_something_comes(panel: Locator, ada: PeerProcess) -> None:
    """What is read stays where it is, on the page and in the list, until one asks for what is new."""
    note = row(panel, "Note 50")
    note.get_by_role("button", name="Note 50", exact=True).press("Enter")
    expect(note.get_by_test_id("academics-cite")).to_be_enabled()
    before, where = headlines(panel), note.evaluate(PLACE)
    ada.value("await shared('new.txt', 'new', title='The latest')")
    fresh = panel.get_by_role("button", name="Show 1 new")
    expect(fresh).to_be_visible()
    assert (headlines(panel), note.evaluate(PLACE)) == (before, where)
    title = note.get_by_role("button", name="Note 50", exact=True)
    expect(title).to_be_focused()
    title.press("Escape")
    expect(note.get_by_test_id("academics-cite")).to_be_hidden()
    expect(title).to_be_focused()
    fresh.click()
    expect(results(panel).first).to_contain_text("The latest")


def opens_cites_and_follows_versions(panel: Locator, page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    panel.get_by_test_id("academics-search").fill("draft")
    expect(results(panel)).to_have_count(1)
    draft, orbits = row(panel, "Orbits, first draft"), row(panel, "Orbits of the planets")
    draft.get_by_role("button", name="Orbits, first draft", exact=True).press("Enter")
    draft.get_by_test_id("academics-newer").click()
    expect(results(panel)).to_have_count(2)
    for fact in ("Where the planets will be.", "CC-BY-4.0", "orbits.csv"):
        expect(orbits.get_by_text(fact, exact=True)).to_be_visible()
    expect(draft.get_by_test_id("academics-cite")).to_be_hidden()
    holders = orbits.get_by_role("list", name="Holders of Orbits of the planets")
    expect(holders.locator("li")).to_have_text([f"online {ADA}onlineWrite"])
    orbits.get_by_test_id("academics-cite").click()
    expect(orbits.get_by_text("Copied to the clipboard.")).to_be_visible()
    expect(orbits.get_by_test_id("academics-bibtex")).to_contain_text("{{Johannes Kepler} and {Tycho Brahe}}")
    assert "Orbits of the planets" in page.evaluate("navigator.clipboard.readText()")
    versions = orbits.get_by_role("list", name="Versions of Orbits of the planets")
    versions.get_by_role("button", name="Version 1: Orbits, first draft").click()
    expect(draft.get_by_text("CC-BY-4.0", exact=True)).to_be_visible()
    draft.get_by_test_id("academics-newer").click()
    expect(orbits.get_by_text("CC-BY-4.0", exact=True)).to_be_visible()


def downloads_and_opens(panel: Locator) -> None:
    orbits = row(panel, "Orbits of the planets")
    orbits.get_by_test_id("academics-download").click()
    expect(orbits).to_contain_text("✓ yours")
    orbits.get_by_test_id("academics-open-held").click()
    expect(orbits.get_by_role("columnheader")).to_have_text(["planet"])
    orbits.get_by_role("button", name="mars").click()
    expect(panel.get_by_test_id("academics-keyword")).to_have_value("Mars")
    expect(results(panel)).to_have_count(1)
    panel.get_by_test_id("academics-search").fill("")
    expect(results(panel)).to_have_count(2)
    panel.get_by_test_id("academics-clear").click()
    expect(results(panel)).to_have_count(50)
    panel.get_by_test_id("academics-filters").click()
    orbits.get_by_role("button", name="Orbits of the planets", exact=True).click()
    expect(orbits.get_by_test_id("academics-cite")).to_be_enabled()


def person(panel: Locator, name: str) -> Locator:
    return panel.get_by_test_id("academics-everybody").locator("[data-person]", has_text=name)


def sees_who_is_there(panel: Locator, page: Page) -> None:
    panel.get_by_test_id("academics-mode-people").press("Enter")
    for name in (ADA, GRACE, ME):
        expect(person(panel, name)).to_have_attribute("data-presence", "online")
    panel.get_by_test_id("academics-people-search").press_sequentially("bernou")
    expect(panel.get_by_test_id("academics-everybody").locator("[data-person]")).to_have_count(1)
    ada = person(panel, ADA)
    ada.get_by_role("button", name=ADA, exact=True).press("Enter")
    expect(ada.get_by_test_id("academics-fingerprint")).to_be_visible()
    expect(ada).to_contain_text("works on Bernoulli numbers, engines")
    panel.scroll_into_view_if_needed()
    take_picture(page, "people-light")
    check_accessibility(page)
    ada.get_by_test_id("academics-verify").click()
    expect(ada).to_contain_text("You have compared it with them")
    panel.get_by_test_id("academics-people-search").fill("")
    person(panel, GRACE).get_by_test_id("academics-shares").click()
    expect(results(panel)).to_have_count(1)
    expect(panel.get_by_text(f"shared by {GRACE}")).to_be_visible()
    expect(row(panel, "A compiler")).to_have_attribute("data-available", "true")


def greys_what_has_gone(panel: Locator, page: Page, grace: PeerProcess) -> None:
    grace.value("await peer.stop()")
    compiler = row(panel, "A compiler")
    expect(compiler).to_have_attribute("data-available", "false")
    expect(compiler).to_contain_text(f"last seen just now, held by {GRACE}")
    expect(compiler.get_by_test_id("academics-download")).to_have_attribute("aria-disabled", "true")
    panel.get_by_test_id("academics-available").check()
    expect(panel.get_by_test_id("academics-no-results")).to_contain_text("Clear the filters")
    panel.get_by_test_id("academics-clear").click()
    expect(results(panel)).to_have_count(50)
    panel.get_by_test_id("academics-mode-people").click()
    expect(person(panel, GRACE)).to_have_attribute("data-presence", "away")
    expect(person(panel, GRACE)).to_contain_text("last seen just now")
    take_picture(page, "people-away")


def writes_with_one_click(panel: Locator) -> None:
    person(panel, ADA).get_by_test_id("academics-write-to").click()
    expect(panel.locator(".academics-thread-header")).to_contain_text(ADA)
    open_tab(panel, "explore")
    panel.get_by_test_id("academics-mode-resources").click()
    panel.get_by_test_id("academics-search").fill("compiler")
    compiler = row(panel, "A compiler")
    compiler.get_by_role("button", name="A compiler", exact=True).click()
    compiler.get_by_test_id("academics-write").click()
    expect(panel.locator(".academics-thread-header")).to_contain_text(GRACE)
