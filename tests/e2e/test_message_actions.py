"""What can be said about a message, sent with it, and found again, in the panel: by mouse and by keyboard."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Lab, take_picture
from tests.e2e.people import chat_panel, message, online, pictures, write
from tests.e2e.test_quickstart import open_tab
from tests.processes import PeerProcess
from tests.waiting import wait_until

ME, CAROLINE = "Maria Mitchell", "Caroline Herschel"
SEEN = f"(await peer.history({ME!r})).text.tolist()"
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAFElEQVR4nGNgaPiPFTEMLQmGBgBVzT/BhLk0AQAAAABJRU5ErkJggg=="
CELL = {
    "cell_type": "code",
    "source": "comets = 8\nprint(comets)",
    "outputs": [
        {"output_type": "stream", "name": "stdout", "text": "8 <b>comets</b>\n"},
        {"output_type": "display_data", "data": {"text/html": "<i>never</i>", "image/png": PNG, "text/plain": "plot"}},
    ],
}
NEWS = """() => {
  window.notified = [];
  window.Notification = class extends window.Notification {
    constructor(title, options) {
      super(title, options);
      window.notified.push([title, options.body]);
    }
  };
}"""


def test_what_can_be_done_with_messages(lab: Lab, page: Page, tmp_path: Path) -> None:
    with online(tmp_path, CAROLINE) as caroline:
        page.context.grant_permissions(["notifications"])
        page.add_init_script(f"({NEWS})()")
        panel = chat_panel(lab, page, ME)
        panel.locator("[data-peer]", has_text=CAROLINE).click()
        caroline.sees("[contact.name for contact in await peer.exploring.contacts() if contact.linked]", [ME])
        edits_and_withdraws(panel, caroline)
        replies_and_reacts(panel, caroline)
        mentions(panel, caroline)
        attaches(panel, caroline, tmp_path)
        is_sent_a_resource(panel, caroline, tmp_path)
        is_sent_a_cell(page, panel, caroline)
        pictures(page, panel, "message-actions")
        finds(panel, caroline)
        is_notified(page, panel, caroline)


def act(of: Locator, name: str) -> None:
    """One of a message's actions, by keyboard."""
    of.get_by_role("toolbar").get_by_role("button", name=name).press("Enter")


def said(caroline: PeerProcess, text: str, **more: object) -> str:
    options = "".join(f", {name}={value!r}" for name, value in more.items())
    return str(caroline.value(f"(await peer.chat({ME!r}, {text!r}{options})).id"))


def edits_and_withdraws(panel: Locator, caroline: PeerProcess) -> None:
    mine = write(panel, "I saw a comte")
    expect(mine).to_have_attribute("data-state", "delivered")
    composer = panel.get_by_test_id("academics-composer")
    composer.fill("half a thought")
    act(mine, "Edit")
    expect(composer).to_be_focused()
    expect(composer).to_have_value("I saw a comte")
    composer.press("Escape")
    expect(composer).to_have_value("half a thought")
    act(mine, "Edit")
    composer.fill("I saw a comet")
    composer.press("Enter")
    expect(message(panel, "I saw a comet")).to_contain_text("edited")
    expect(composer).to_have_value("half a thought")
    caroline.sees(f"{SEEN}[-1]", "I saw a comet (edited)")
    wrong = write(panel, "It was Venus")
    caroline.sees(f"{SEEN}[-1]", "It was Venus")
    act(wrong, "Withdraw")
    question = wrong.get_by_role("group", name="Withdraw")
    expect(question.get_by_role("button", name="Withdraw it")).to_be_focused()
    question.get_by_role("button", name="Withdraw it").press("Escape")
    expect(question).to_have_count(0)
    expect(wrong.get_by_role("toolbar").get_by_role("button").first).to_be_focused()
    act(wrong, "Withdraw")
    question.get_by_role("button", name="Withdraw it").press("Enter")
    expect(message(panel, "(withdrawn)")).to_be_visible()
    expect(message(panel, "(withdrawn)").get_by_role("toolbar").get_by_role("button")).to_have_count(0)
    caroline.sees(f"{SEEN}[-1]", "(withdrawn)")


def replies_and_reacts(panel: Locator, caroline: PeerProcess) -> None:
    said(caroline, "Where did you see it?")
    theirs = message(panel, "Where did you see it?")
    expect(theirs.get_by_role("button", name="Edit")).to_have_count(0)
    act(theirs, "Reply")
    expect(panel.get_by_test_id("academics-about")).to_have_text(f"In reply to {CAROLINE}: Where did you see it?✕")
    take_picture(panel.page, "message-reply")
    answer = write(panel, "In Draco")
    expect(panel.get_by_test_id("academics-about")).to_be_hidden()
    caroline.sees(f"{SEEN}[-1]", "> Caroline Herschel: Where did you see it?\nIn Draco")
    # What stands there while it is being sent is another element.
    expect(answer).to_have_attribute("data-state", "read")
    answer.get_by_role("button", name="In reply to").press("Enter")
    expect(theirs).to_be_focused()
    caroline.value(f"peer.react({answer.get_attribute('data-message')!r}, '🎉')")
    reaction = answer.get_by_role("button", name=f"🎉 1: {CAROLINE}")
    reaction.press("Enter")
    both = answer.get_by_role("button", name=f"🎉 2: {CAROLINE}, You")
    expect(both).to_have_attribute("aria-pressed", "true")
    both.press("Enter")
    expect(reaction).to_have_attribute("aria-pressed", "false")
    act(theirs, "React")
    take_picture(panel.page, "message-react")
    theirs.get_by_role("textbox", name="Any other reaction").fill("🔭")
    theirs.get_by_role("textbox", name="Any other reaction").press("Enter")
    expect(theirs.get_by_role("button", name="🔭 1: You")).to_be_visible()
    caroline.sees(f"[text.splitlines()[-1] for text in {SEEN} if 'Where did you' in text][0]", f"[🔭 {ME}]")


def mentions(panel: Locator, caroline: PeerProcess) -> None:
    composer = panel.get_by_test_id("academics-composer")
    composer.fill("")
    composer.press_sequentially("ask @caro")
    expect(panel.get_by_role("listbox").get_by_role("option")).to_have_text([CAROLINE])
    composer.press("Enter")
    expect(composer).to_have_value(f'ask @"{CAROLINE}" ')
    expect(panel.get_by_role("listbox")).to_have_count(0)
    composer.press_sequentially("please")
    composer.press("Enter")
    caroline.sees(f"{SEEN}[-1]", f'ask @"{CAROLINE}" please')
    said(caroline, "@maria look")
    expect(message(panel, "@maria look")).to_have_attribute("data-mentioned", "")


def attaches(panel: Locator, caroline: PeerProcess, folder: Path) -> None:
    """A file is shared only once one has said so; then it is in one's repository, and can be attached again."""
    notes = folder / "sweeps.csv"
    notes.write_text("night,comets\n1,12\n")
    panel.get_by_role("button", name="Attach", exact=True).press("Enter")
    expect(panel.locator(".academics-attaching")).to_contain_text("everybody on the network can find and download it")
    panel.get_by_test_id("academics-attach-file").set_input_files(notes)
    question = panel.get_by_role("group", name="Share and attach")
    expect(question).to_contain_text("Everybody on the network can then find and download it")
    assert not list(folder.glob("data/**/repository/sweeps.csv"))
    question.get_by_role("button", name="Share and attach").press("Enter")
    expect(panel.get_by_role("button", name="Do not attach sweeps")).to_be_visible()
    sent = write(panel, "My notes")
    chip = sent.get_by_test_id("academics-chip")
    expect(chip).to_contain_text("sweeps")
    expect(chip).to_contain_text("✓ yours")
    caroline.sees(f"'📎 sweeps (' in {SEEN}[-1]")
    drops(panel, notes)
    question.get_by_role("button", name="Cancel").press("Enter")
    expect(question).to_have_count(0)
    panel.get_by_role("button", name="Attach", exact=True).press("Enter")
    attaching = panel.locator(".academics-attaching")
    attaching.get_by_label("Find in my repository").fill("swee")
    attaching.get_by_role("list", name="My repository").get_by_role("button", name="sweeps").press("Enter")
    panel.get_by_test_id("academics-composer").press("Enter")
    caroline.sees(f"{SEEN}[-1].startswith('📎 sweeps (')")


def drops(panel: Locator, file: Path) -> None:
    """Drop a file on the conversation."""
    dropped = panel.page.evaluate_handle(
        """([name, text]) => {
          const dropped = new DataTransfer();
          dropped.items.add(new File([text], name));
          return dropped;
        }""",
        [file.name, file.read_text()],
    )
    panel.get_by_test_id("academics-messages").dispatch_event("drop", {"dataTransfer": dropped})


def is_sent_a_resource(panel: Locator, caroline: PeerProcess, folder: Path) -> None:
    atlas = folder / "atlas.txt"
    atlas.write_text("a list of stars")
    shared = str(caroline.value(f"(await peer.share({str(atlas)!r}, title='Atlas <i>of</i> stars')).id"))
    said(caroline, "for you", attach=[shared[:12]])
    chip = message(panel, "for you").get_by_test_id("academics-chip")
    expect(chip).to_contain_text("Atlas <i>of</i> stars text · 15 bytes")
    chip.get_by_role("button", name="Download Atlas <i>of</i> stars").press("Enter")
    expect(chip).to_contain_text("✓ yours")
    [copy] = folder.glob("data/**/repository/atlas.txt")
    assert copy.read_text() == "a list of stars"
    said(caroline, f"again: [here](academics://{shared[:16]})")
    linked = message(panel, "again: here")
    linked.get_by_role("button", name="here").press("Enter")
    expect(linked.get_by_test_id("academics-chip")).to_contain_text("Atlas <i>of</i> stars text · 15 bytes")
    expect(linked.get_by_test_id("academics-chip")).to_contain_text("✓ yours")


def is_sent_a_cell(page: Page, panel: Locator, caroline: PeerProcess) -> None:
    """Code, text and a picture; never HTML, and never run."""
    caroline.value(f"import json; cell = json.dumps({CELL!r})")
    caroline.value(f"(await peer.chat({ME!r}, 'try this', cell=cell)).id")
    cell = message(panel, "try this").get_by_test_id("academics-cell")
    expect(cell.locator("pre").first).to_have_text(str(CELL["source"]))
    expect(cell.get_by_role("group", name="Output")).to_have_text("8 <b>comets</b>")
    expect(cell.locator("b, i")).to_have_count(0)
    picture = cell.get_by_role("img", name="plot")
    wait_until(lambda: picture.evaluate("node => node.naturalWidth") == 8, what="the picture")
    before = page.locator(".jp-CodeCell").count()
    cell.get_by_role("button", name="Insert below").press("Enter")
    expect(page.locator(".jp-CodeCell")).to_have_count(before + 1)
    inserted = page.locator(".jp-CodeCell").nth(before)
    expect(inserted.locator(".cm-content")).to_contain_text("comets = 8")
    expect(inserted.locator(".jp-InputPrompt")).to_have_text("[ ]:")
    expect(cell.get_by_role("status")).to_contain_text("not run")


def finds(panel: Locator, caroline: PeerProcess) -> None:
    """A message far back, whose page is then shown; from there on by scrolling."""
    caroline.value(f"[(await peer.chat({ME!r}, f'night {{n}}')).id for n in range(150)]")
    expect(message(panel, "night 149")).to_be_visible()
    expect(message(panel, "I saw a comet")).to_have_count(0)
    panel.get_by_test_id("academics-find").fill("saw comet")
    found = panel.get_by_test_id("academics-found").get_by_role("button")
    expect(found).to_have_count(1)
    expect(found.locator("mark")).to_have_text(["saw", "comet"])
    expect(found).to_contain_text(CAROLINE)
    take_picture(panel.page, "message-search")
    found.press("Enter")
    expect(message(panel, "I saw a comet")).to_be_focused()
    expect(message(panel, "I saw a comet")).to_be_in_viewport()
    scroller = panel.get_by_role("group", name="Messages")
    scroller.evaluate("node => (node.scrollTop = node.scrollHeight)")
    expect(panel.get_by_role("button", name="Show later messages")).to_be_hidden()
    expect(message(panel, "night 149")).to_have_count(1)
    expect(message(panel, "night 149")).not_to_be_in_viewport()
    found.press("Enter")
    latest = panel.get_by_role("button", name="Show the latest messages")
    expect(latest).to_be_visible()
    # To move a mouse there would scroll, which brings more and may take the button away.
    latest.dispatch_event("click")
    expect(message(panel, "night 149")).to_be_in_viewport()
    scroller.evaluate("node => (node.scrollTop = 0)")
    expect(message(panel, "I saw a comet")).to_have_count(1)
    panel.get_by_test_id("academics-find").fill("")


def is_notified(page: Page, panel: Locator, caroline: PeerProcess) -> None:
    """Only once asked for, and only of what comes while the panel is out of sight."""
    said(caroline, "unasked")
    expect(message(panel, "unasked")).to_be_visible()
    panel.get_by_role("button", name="Notify me of messages").click()
    expect(panel.get_by_role("button", name="Notifications are on")).to_have_attribute("aria-pressed", "true")
    said(caroline, "in sight")
    expect(message(panel, "in sight")).to_be_visible()
    open_tab(panel, "explore")
    expect(panel.locator(".academics-chat[data-in-sight]")).to_have_count(0)
    # What answers this was told before that nobody looks at the conversations any more.
    panel.get_by_test_id("academics-search").fill("nothing of the kind")
    expect(panel.get_by_test_id("academics-no-results")).to_contain_text("Nothing found.")
    said(caroline, "out of sight")
    wait_until(lambda: page.evaluate("window.notified") == [[CAROLINE, "out of sight"]], what="one notification")
