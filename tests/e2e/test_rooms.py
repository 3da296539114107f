"""Rooms in the panel: founded, talked in, gone on with when the host is killed, left and deleted."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Lab, take_picture
from tests.e2e.people import chat_panel, message, online, pictures, write
from tests.processes import PeerProcess

ME, CAROLINE, WILLIAM = "Maria Mitchell", "Caroline Herschel", "William Herschel"
ELECTION_MS = 30_000
INVITED = "[row.facts.name for row in await peer.rooms.all() if row.standing == 'invited']"


def test_a_room_from_its_founding_to_its_end(lab: Lab, page: Page, tmp_path: Path) -> None:
    with online(tmp_path, CAROLINE) as caroline, online(tmp_path, WILLIAM) as william:
        panel = chat_panel(lab, page, ME)
        founds_a_room(panel, caroline)
        talks_in_it(panel, caroline)
        invites_another(panel, william)
        is_invited_and_accepts(panel, caroline, william)
        pictures(page, panel, "rooms")
        caroline.kill()
        goes_on_without_its_host(panel, william)
        mutes_and_leaves(panel, william)
        deletes(panel, william)


def open_room(panel: Locator, name: str) -> None:
    panel.locator("[data-room]", has_text=name).click()
    expect(panel.locator(".academics-thread-header")).to_contain_text(f"#{name}")


def details(panel: Locator) -> Locator:
    """The members, and what can be done about the room, opened by keyboard."""
    toggle = panel.get_by_role("button", name="Members")
    if toggle.get_attribute("aria-expanded") == "false":
        toggle.press("Enter")
    return panel.locator(".academics-details")


def founds_a_room(panel: Locator, caroline: PeerProcess) -> None:
    panel.get_by_role("button", name="New room").press("Enter")
    form = panel.get_by_test_id("academics-new-room")
    expect(form.get_by_label("The room's name")).to_be_focused()
    form.get_by_label("The room's name").fill("Sweep")
    form.get_by_label(CAROLINE).check()
    take_picture(panel.page, "room-new")
    form.get_by_role("button", name="Create").click()
    expect(form).to_be_hidden()
    expect(panel.get_by_test_id("academics-room-state")).to_have_text("1 member · hosted by you")
    expect(panel.get_by_test_id("academics-composer")).to_be_focused()
    caroline.sees(INVITED, ["Sweep"])
    members = details(panel).get_by_test_id("academics-members")
    expect(members.locator("li", has_text=CAROLINE)).to_contain_text("invited · online")
    caroline.value("peer.join_room('#Sweep')")
    expect(members.locator("li", has_text=CAROLINE)).to_have_attribute("data-state", "online")
    expect(members.locator("li", has_text=ME)).to_contain_text("founder, host · you")
    expect(members.locator("li", has_text="invited")).to_have_count(0)
    panel.get_by_role("button", name="Members").press("Enter")
    expect(members).to_be_hidden()
    expect(panel.locator(".academics-notice-line")).to_contain_text(f"{CAROLINE} joined")
    renames_it(panel, caroline)


def renames_it(panel: Locator, caroline: PeerProcess) -> None:
    """As who founded it can, who also opens its history."""
    details(panel).get_by_role("button", name="Settings", exact=True).press("Enter")
    settings = details(panel).get_by_role("form", name="Settings")
    expect(settings.get_by_label("The room's name")).to_be_focused()
    settings.get_by_label("The room's name").fill("Sweeps")
    settings.get_by_label("Who joins later").check()
    settings.get_by_role("button", name="Save").press("Enter")
    expect(settings).to_be_hidden()
    expect(panel.locator(".academics-thread-header")).to_contain_text("#Sweeps")
    caroline.sees("[(row.facts.name, row.facts.history) for row in await peer.rooms.all()]", [["Sweeps", True]])
    panel.get_by_role("button", name="Members").press("Enter")


def talks_in_it(panel: Locator, caroline: PeerProcess) -> None:
    mine = write(panel, "Good evening")
    caroline.sees("(await peer.history('#Sweeps')).text.tolist()[-1]", "Good evening")
    expect(mine).to_have_attribute("data-state", "read")
    mine.get_by_role("button", name="who has it").press("Enter")
    expect(mine.get_by_role("group", name="Who has it")).to_have_text(f"{CAROLINE} has read it")
    for text in ("A clear sky", "and no moon"):
        caroline.value(f"(await peer.chat('#Sweeps', {text!r})).id")
    expect(message(panel, "A clear sky").locator(".academics-author")).to_have_text(CAROLINE)
    expect(message(panel, "and no moon").locator(".academics-author")).to_have_count(0)
    caroline.value("peer.chatting.writing((await peer.rooms.all())[0].room)")
    expect(panel.get_by_test_id("academics-writing")).to_have_text(f"{CAROLINE} is writing…")


def invites_another(panel: Locator, william: PeerProcess) -> None:
    details(panel).get_by_role("button", name="Invite", exact=True).click()
    details(panel).get_by_label("Whom to invite").first.fill("will")
    details(panel).get_by_label(WILLIAM).check()
    take_picture(panel.page, "room-members")
    details(panel).get_by_role("button", name="Invite them").click()
    william.sees(INVITED, ["Sweeps"])
    william.value("peer.decline_room('#Sweeps')")
    members = panel.get_by_test_id("academics-members")
    expect(members.locator("li", has_text=WILLIAM)).to_contain_text("invited · declined")


def is_invited_and_accepts(panel: Locator, caroline: PeerProcess, william: PeerProcess) -> None:
    caroline.value(f"peer.create_room('Comets', {ME!r}, {WILLIAM!r})")
    william.sees(INVITED, ["Comets"])
    william.value("peer.join_room('#Comets')")
    row = panel.get_by_test_id("academics-people").locator("li", has_text="Comets")
    expect(row).to_contain_text(f"{CAROLINE} invites you")
    expect(panel.get_by_test_id("academics-tab-chat")).to_have_attribute("data-count", "1")
    row.get_by_role("button", name="Accept the invitation to Comets").press("Enter")
    expect(panel.get_by_test_id("academics-room-state")).to_have_text(f"3 members · hosted by {CAROLINE}")
    expect(row.get_by_role("button", name="Accept")).to_have_count(0)
    expect(write(panel, "I have seen one")).to_have_attribute("data-state", "delivered")
    for person in (caroline, william):
        person.sees("(await peer.history('#Comets')).text.tolist()[-1]", "I have seen one")


def goes_on_without_its_host(panel: Locator, william: PeerProcess) -> None:
    kept = write(panel, "Is anybody there?")
    expect(panel.get_by_test_id("academics-room-state")).not_to_contain_text(CAROLINE, timeout=ELECTION_MS)
    william.sees("(await peer.history('#Comets')).text.tolist()[-1]", "Is anybody there?")
    expect(kept).to_have_attribute("data-state", "held")
    kept.get_by_role("button", name="who has it").click()
    receipts = kept.get_by_role("group", name="Who has it")
    expect(receipts).to_contain_text(f"{WILLIAM} has read it")
    expect(receipts).to_contain_text(f"{CAROLINE} waits at the host")
    william.value("(await peer.chat('#Comets', 'I am')).id")
    expect(message(panel, "I am")).to_be_visible()


def mutes_and_leaves(panel: Locator, william: PeerProcess) -> None:
    details(panel).get_by_role("button", name="Mute").click()
    expect(panel.locator("[data-room]", has_text="Comets").get_by_title("Muted")).to_be_visible()
    open_room(panel, "Sweeps")
    william.value("(await peer.chat('#Comets', 'unheard')).id")
    expect(panel.locator("[data-room]", has_text="unheard")).to_have_attribute("data-unread", "0")
    open_room(panel, "Comets")
    details(panel).get_by_role("button", name="Leave", exact=True).click()
    question = panel.get_by_role("group", name="Leave it")
    expect(question.get_by_role("button", name="Leave it")).to_be_focused()
    question.get_by_role("button", name="Leave it").press("Enter")
    expect(panel.get_by_test_id("academics-read-only")).to_contain_text("You have left this room")
    expect(panel.get_by_test_id("academics-composer")).to_be_hidden()
    william.sees(f"{ME!r} in (await peer.room_members('#Comets')).name.tolist()", False)


def deletes(panel: Locator, william: PeerProcess) -> None:
    open_room(panel, "Sweeps")
    details(panel).get_by_role("button", name="Delete", exact=True).click()
    panel.get_by_role("button", name="Delete it").click()
    expect(panel.get_by_test_id("academics-read-only")).to_contain_text("nothing more can be written")
    expect(panel.get_by_test_id("academics-composer")).to_be_hidden()
    expect(message(panel, "A clear sky")).to_be_visible()
    expect(panel.locator(".academics-notice-line").last).to_contain_text("You deleted the room")
