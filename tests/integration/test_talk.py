"""What can be said about a message, who has read it, who is writing: between peers in processes of their own."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import msgspec

from academics_jupyter.protocol.messages import open_message
from academics_jupyter.protocol.records import Envelope
from tests.lab import LINKED, Lab, failure, meet, share
from tests.processes import PeerProcess

TABLE = "[[each.sender, each.text] for each in (await peer.history('%s')).itertuples()]"
TEXTS = "(await peer.history('%s')).text.tolist()"
STATES = "(await peer.history('%s')).state.tolist()"
STORED = "[each.state for each in peer._context.store.messages.history(%r)]"
"""What is there, without reading it."""
HEAR = """
heard = []
async def listen():
    async for event in peer.events():
        heard.append(event)
listening = asyncio.create_task(listen())
await asyncio.sleep(0)
"""
HEARD = "[type(each).__name__ for each in heard].count(%r)"


def said(person: PeerProcess, to: str, text: str, **more: object) -> str:
    """A message's id."""
    options = "".join(f", {name}={value!r}" for name, value in more.items())
    return str(person.value(f"(await peer.chat({to!r}, {text!r}{options})).id"))


def test_replies_edits_reactions_and_withdrawals_are_seen_by_both(lab: Lab) -> None:
    ada, ben = lab.enter("ada"), lab.enter("ben")
    meet(ada, ben)
    question = said(ada, "ben", "What did *you* think of it?\nOf all of it?")
    ben.sees(TEXTS % "ada", ["What did *you* think of it?\nOf all of it?"])
    answer = said(ben, "ada", "It is wrogn", reply=question[:8])
    ben.value(f"peer.edit_message({answer[:8]!r}, 'It is wrong')")
    ada.sees(f"{TEXTS % 'ben'}[-1]", "> ada: What did *you* think of it?\nIt is wrong (edited)")
    ada.value(f"peer.react({answer!r}, '🤔')")
    ada.value(f"peer.react({answer!r}, '👍')")
    ben.value(f"peer.react({answer!r}, '👀')")
    for person, other in ((ada, "ben"), (ben, "ada")):
        # The first of ada's two reactions may be there for a moment.
        shown = f"{TEXTS % other}[-1].splitlines()[-1]"
        person.sees(f"sorted({shown}[1:-1].split('] ['))", sorted(["👍 ada", "👀 ben"]))
    ada.value(f"peer.react({answer!r}, '')")
    ben.sees(f"{TEXTS % 'ada'}[-1].splitlines()[-1]", "[👀 ben]")
    ben.value(f"peer.withdraw_message({answer!r})")
    ada.sees(f"{TEXTS % 'ben'}[-1]", "(withdrawn)")
    assert ben.value(f"{TEXTS % 'ada'}[-1]") == "(withdrawn)"
    assert "was withdrawn" in failure(ben, f"peer.edit_message({answer!r}, 'again')")
    assert "is not yours" in failure(ben, f"peer.withdraw_message({question!r})")
    assert "There is nothing to send" in failure(ben, "peer.chat('ada', ' ')")
    assert "in one line" in failure(ben, f"peer.react({question!r}, {'x' * 33!r})")
    assert "No message's id begins" in failure(ben, "peer.react('0123456789', 'x')")


def test_what_is_written_at_once_goes_out_in_the_order_written(lab: Lab) -> None:
    """As when a kernel was busy while its person wrote on: some of it is looked up before it is stored."""
    ada, ben = lab.enter("ada"), lab.enter("ben")
    meet(ada, ben)
    answered = said(ben, "ada", "Which ones?")
    answered_too = said(ben, "ada", "And then?")
    ada.sees(TEXTS % "ben", ["Which ones?", "And then?"])
    to = ben.value("peer.id")
    replies = {answered: "@ben these", answered_too: "and those"}
    written = [f"peer.chatting.send({to!r}, {text!r}, about={about!r})" for about, text in replies.items()]
    written += [f"peer.chatting.send({to!r}, 'line {n}')" for n in range(20)]
    ada.value(f"[each.id for each in await asyncio.gather({', '.join(written)})]")
    expected = ["Which ones?", "And then?", "> ben: Which ones?\n@ben these", "> ben: And then?\nand those"]
    expected += [f"line {n}" for n in range(20)]
    for person, other in ((ada, "ben"), (ben, "ada")):
        person.sees(TEXTS % other, expected)


def test_what_is_changed_while_it_waits_comes_as_it_is_then(lab: Lab) -> None:
    ada, ben = lab.enter("ada"), lab.enter("ben")
    meet(ada, ben)
    ben.value("peer.stop()")
    ada.sees(LINKED, [])
    secret = said(ada, "ben", "my password is hunter2")
    ada.value(f"peer.edit_message({secret!r}, 'my password is hunter3')")
    kept = said(ada, "ben", "see you on Mondya")
    ada.value(f"peer.edit_message({kept!r}, 'see you on Monday')")
    ada.value(f"peer.withdraw_message({secret!r})")
    assert ada.value(TABLE % "ben") == [["ada", "(withdrawn)"], ["ada", "see you on Monday (edited)"]]
    assert ada.value(STATES % "ben") == ["queued", "queued"]
    ben.value("peer.start()")
    ben.sees("(await peer.inbox()).last_text.tolist()", ["see you on Monday"])
    assert ben.value("(await peer.inbox()).unread.tolist()") == [1]
    ada.sees("len(peer.status().waiting)", 0)
    assert ben.value(TEXTS % "ada") == ["see you on Monday (edited)"]
    assert ben.value(f"peer._context.store.messages.get({secret!r})") is None, "it was withdrawn before it was sent"
    ada.sees(STATES % "ben", ["read", "read"])


def test_a_withdrawn_message_is_not_unread_any_more(lab: Lab) -> None:
    ada, ben = lab.enter("ada"), lab.enter("ben")
    meet(ada, ben)
    message = said(ada, "ben", "never mind")
    ben.sees("(await peer.inbox()).unread.tolist()", [1])
    ada.value(f"peer.withdraw_message({message!r})")
    ben.sees("len(await peer.inbox())", 0)
    assert ben.value(TEXTS % "ada") == ["(withdrawn)"]


def test_reading_is_told_once_also_after_an_outage(lab: Lab) -> None:
    ada, ben = lab.enter("ada"), lab.enter("ben")
    meet(ada, ben)
    ada.value(HEAR)
    said(ada, "ben", "first")
    ben.sees("(await peer.inbox()).unread.tolist()", [1])
    ada.sees(STATES % "ben", ["delivered"])
    ben.value("peer.history('ada')")
    ada.sees(STATES % "ben", ["read"])
    # Another kernel of the same person.
    twin = lab.enter("ben")
    assert twin.value("peer.status().role") == "passenger"
    said(ada, "ben", "second")
    for kernel in (ben, twin):
        kernel.sees("(await peer.inbox()).unread.tolist()", [1])
    twin.value("asyncio.gather(*(peer.history('ada') for _ in range(5)))")
    ben.value("peer.history('ada')")
    ada.sees(STATES % "ben", ["read"] * 2)
    assert ben.value("len(await peer.inbox())") == 0
    ada.sees(HEARD % "MessagesRead", 2)
    # Read while the author is away.
    said(ada, "ben", "third")
    ben.sees("(await peer.inbox()).unread.tolist()", [1])
    ada.sees(STATES % "ben", ["read", "read", "delivered"])
    ada.value("peer.stop()")
    ben.value("peer.history('ada')")
    assert ben.value("len(peer.status().waiting)") == 0, "a mark is nothing that a person waits for"
    assert ada.value(STATES % "ben") == ["read", "read", "delivered"]
    ada.value("peer.start()")
    ada.sees(STATES % "ben", ["read"] * 3)
    ada.sees(HEARD % "MessagesRead", 3)


def test_who_does_not_want_it_known_is_not_told_of(lab: Lab) -> None:
    ada, ben = lab.enter("ada"), lab.enter("ben", ACADEMICS_READ_MARKS="off")
    meet(ada, ben)
    ada.value(HEAR)
    said(ada, "ben", "did you read it?")
    ben.sees(TEXTS % "ada", ["did you read it?"])
    ben.value("peer.chatting.writing(await peer.lookup.peer('ada'))")
    said(ben, "ada", "no")
    ada.sees(TEXTS % "ben", ["did you read it?", "no"])
    ben.sees(STATES % "ada", ["received", "read"])
    ada.sees(STATES % "ben", ["delivered", "received"])
    assert ada.value(HEARD % "WritingSeen") == ada.value(HEARD % "MessagesRead") == 0


def test_all_kernels_see_who_is_writing_and_it_is_kept_nowhere(lab: Lab) -> None:
    ada, ben = lab.enter("ada"), lab.enter("ben")
    ada_too, ben_too = lab.enter("ada"), lab.enter("ben")
    meet(ada, ben)
    for kernel in (ben, ben_too):
        kernel.value("from academics_jupyter.peer.typing import Writers")
        kernel.value(HEAR)
        kernel.value(f"author, writers = {ada.ids['ada']!r}, Writers()")
    written = "ben = await peer.lookup.peer('ben')\nfor _ in range(50):\n    peer.chatting.writing(ben)"
    for telling in [kernel.ask(written) for kernel in (ada_too, ada)]:
        telling.result()
    for kernel in (ben, ben_too):
        kernel.sees(HEARD % "WritingSeen", 1)
        kernel.value("for event in heard:\n    writers.note(event)")
        assert kernel.value("writers.of(author) == [author]")
    said(ada, "ben", "here it is")
    for kernel in (ben, ben_too):
        kernel.sees(HEARD % "MessageReceived", 1)
        come = "[each for each in heard if type(each).__name__ == 'MessageReceived']"
        assert kernel.value(f"writers.note({come}[0]), writers.of(author)") == [True, []]
        assert kernel.value(HEARD % "WritingSeen") == 1
    assert ben.value(TEXTS % "ada") == ["here it is"]


def test_a_hostile_peer_changes_nothing_of_others(lab: Lab) -> None:
    ada, ben, mallory = lab.enter("ada"), lab.enter("ben"), lab.enter("mallory")
    meet(ada, ben, mallory)
    message = said(ada, "ben", "as I wrote it")
    ben.sees(TEXTS % "ada", ["as I wrote it"])
    ada.sees(STATES % "ben", ["read"])
    mallory.value(
        "def forge(to, text, **content):\n"
        "    context = peer._context\n"
        "    return context.store.messages.compose(context.keys.signing, to, text, context.clock.now_ms(), **content)"
    )
    forgeries = [
        ("edited by mallory", "edit", message),
        ("", "withdrawal", message),
        ("👎", "reaction", message),
        ("answer", "text", message),
    ]
    for text, kind, about in forgeries:
        for victim in (ada, ben):
            name, peer = next(iter(victim.ids.items()))
            mallory.value(f"forge({peer!r}, {text!r}, kind={kind!r}, about={about!r})")
            victim.sees("any('answer' in each for each in (await peer.history('mallory')).text)", text == "answer")
            del name
    for person, other in ((ada, "ben"), (ben, "ada")):
        person.sees(TEXTS % "mallory", ["> (a message that is not here)\nanswer"])
        assert person.value(TEXTS % other) == ["as I wrote it"]
    # The reader of a message is not its author either.
    ben.value(
        "context = peer._context\n"
        f"for kind, text in (('edit', 'edited by ben'), ('withdrawal', ''), ('reaction', '👀')):\n"
        f"    context.store.messages.compose(context.keys.signing, {ada.ids['ada']!r}, text,"
        f" context.clock.now_ms(), kind=kind, about={message!r})"
    )
    ada.sees(TEXTS % "ben", ["as I wrote it\n[👀 ben]"])
    # Marks beyond what was written make nothing read that is not.
    mallory.value("from academics_jupyter.protocol.wire import Done, Seen, Typing")
    seen = "peer._engine.mesh.links[%r].call('seen', Seen(series=%d, sequence=%d), Done)"
    most = (1 << 53) - 1
    mallory.value(seen % (ada.ids["ada"], most, most))
    ada.value("peer.stop()")
    later = said(ada, "mallory", "later")
    assert ada.value(f"peer._context.store.messages.get({later!r}).state") == "queued"
    ada.value("peer.start()")
    ada.sees(f"peer._context.store.messages.get({later!r}).state", "delivered")
    # Whoever says all the time that they write is heard once in a while.
    ben.value(HEAR)
    mallory.value(
        f"link = peer._engine.mesh.links[{ben.ids['ben']!r}]\n"
        "await asyncio.gather(*(link.call('typing', Typing(), Done) for _ in range(50)))"
    )
    ben.sees(HEARD % "WritingSeen", 1)


def test_mentions_mark_what_is_unread(lab: Lab) -> None:
    ada, ben = lab.enter("ada"), lab.enter("ben")
    grace = lab.enter("grace")
    grace.value("peer.register('Grace Hopper')")
    meet(ada, ben, grace)
    ada.sees("'Grace Hopper' in [peer.exploring.name_of(each.peer) for each in await peer.exploring.contacts()]")
    plain = said(ada, "ben", "mail me at a@ben.example, `@ben` is code, and @nobody is nobody")
    first = said(ada, "ben", 'Hello @ben, and @"Grace Hopper" and @gra')
    mentions = "[peer.exploring.name_of(each) for each in peer._context.store.messages.get(%r).mentions]"
    assert ada.value(mentions % first) == ["ben", "Grace Hopper"]
    assert ada.value(mentions % plain) == []
    ben.sees("(await peer.inbox()).unread.tolist()", [2])
    assert ben.value("(await peer.inbox()).mentioned.tolist()") == [1]
    ada.value(f"peer.edit_message({plain!r}, 'I meant @ben')")
    ada.value(f"peer.edit_message({first!r}, 'I did not mean anybody')")
    ben.sees("(await peer.inbox()).last_text.tolist()", ["I did not mean anybody"])
    assert ben.value("(await peer.inbox()).mentioned.tolist()") == [1]
    ben.value("peer.history('ada')")
    assert ben.value("len(await peer.inbox())") == 0
    assert ben.value("[each.mentioned for each in await peer.chatting.conversations()]") == [0]


def test_an_attached_resource_is_known_to_its_reader(lab: Lab, tmp_path: Path) -> None:
    ada = lab.enter("ada")
    file = tmp_path / "orbits.csv"
    file.write_text("planet,period\nearth,1\n")
    resource = share(ada, file, title="Orbits <b>of</b> planets")
    ben = lab.enter("ben")
    meet(ada, ben)
    assert ben.value(f"peer._context.store.records.resources({resource!r})") == [], "before its news"
    said(ada, "ben", "have a look", attach=[resource[:12]])
    ben.sees(TEXTS % "ada", [f"have a look\n📎 Orbits <b>of</b> planets ({resource[:12]})"])
    assert ben.value(f"len(peer._context.store.records.holdings({resource!r}))") == 1
    path = Path(str(ben.value(f"peer.download({resource[:12]!r})")))
    assert path.read_bytes() == file.read_bytes()
    # Nothing but a resource, and with one no text is needed.
    said(ben, "ada", "", attach=[resource])
    ada.sees(f"{TEXTS % 'ben'}[-1]", f"📎 Orbits <b>of</b> planets ({resource[:12]})")
    assert "No resource's id begins" in failure(ada, "peer.chat('ben', 'x', attach=['abcdef'])")


def test_a_conversation_is_exported_whole_and_can_be_checked(lab: Lab, tmp_path: Path) -> None:
    ada, ben = lab.enter("ada"), lab.enter("ben")
    meet(ada, ben)
    first = said(ada, "ben", "<script>alert(1)</script>\n\n```html\n<b>code</b>\n```\n```\nleft open")
    gone = said(ada, "ben", "a secret")
    ben.sees(f"len({TEXTS % 'ada'})", 2)
    reply = said(ben, "ada", "## not a heading", reply=first)
    ada.sees(f"len({TEXTS % 'ben'})", 3)
    ada.value(f"peer.react({reply!r}, '👍')")
    ada.value(f"peer.withdraw_message({gone!r})")
    said(ada, "ben", "the end")
    answer = "> ada: <script>alert(1)</script>\n## not a heading\n[👍 ada]"
    ben.sees("(await peer.history('ada')).text.tolist()[1:]", ["(withdrawn)", answer, "the end"])
    path = Path(str(ben.value(f"peer.export_conversation('ada', {str(tmp_path / 'talk.json')!r})")))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    exported = json.loads(path.read_text())
    assert exported["conversation"]["name"] == "ada"
    assert [each["kind"] for each in exported["messages"]] == ["text", "text", "text", "reaction", "withdrawal", "text"]
    for message in exported["messages"]:
        if message["id"] == gone:
            assert (message["withdrawn"], message["text"], message["signed"]) == (True, "", None)
            continue
        opened = open_message(msgspec.convert(message["signed"], Envelope))
        assert (opened.id, opened.author, opened.text) == (message["id"], message["author"], message["text"])
    assert exported["messages"][2]["reactions"] == [{"author": ada.ids["ada"], "text": "👍"}]
    assert "a secret" not in path.read_text()

    path = Path(str(ben.value(f"peer.export_conversation('ada', {str(tmp_path / 'talk.md')!r})")))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text()
    assert "> &lt;script>alert(1)&lt;/script>" in text
    assert "> <b>code</b>" in text
    assert "In reply to ada: \\<script\\>" in text
    assert "> ## not a heading" in text
    assert "Reactions: \\[👍 ada\\]" in text
    assert "> (withdrawn)" in text
    assert "a secret" not in text
    assert [line.split(",")[0] for line in text.splitlines() if line.startswith("#")] == [
        "# ada", "## ada", "## ada", "## ben", "## ada",
    ]  # fmt: skip
    assert "was not overwritten" in failure(ben, f"peer.export_conversation('ada', {str(path)!r})")
    assert "end it in .md" in failure(ben, f"peer.export_conversation('ada', {str(tmp_path / 'talk.pdf')!r})")
    assert path.read_text() == text


def test_rooms_are_conversations_too(lab: Lab, tmp_path: Path) -> None:
    ada, ben = lab.enter("ada"), lab.enter("ben")
    meet(ada, ben)
    ada.value("peer.create_room('Reading group', 'ben')")
    ben.sees("[each.facts.name for each in await peer.rooms.all()]", ["Reading group"])
    ben.value("peer.join_room('#Reading group')")
    for person in (ada, ben):
        person.sees("len((await peer.rooms.all())[0].facts.members)", 2)
    room = "#Reading group"
    ben.value(HEAR)
    ada.value("peer.chatting.writing(await peer.lookup.conversation('#Reading group'))")
    ben.sees(HEARD % "WritingSeen", 1)
    first = said(ada, room, "What of @ben?")
    ben.sees("(await peer.inbox()).mentioned.tolist()", [1])
    answer = said(ben, room, "Nothing yte", reply=first)
    ben.value(f"peer.edit_message({answer!r}, 'Nothing yet')")
    ada.sees(f"{TEXTS % room}[-1]", "> ada: What of @ben?\nNothing yet (edited)")
    ada.value(f"peer.react({answer!r}, '👍')")
    ben.sees(f"{TEXTS % room}[-1].splitlines()[-1]", "[👍 ada]")
    ben.value(f"peer.withdraw_message({answer!r})")
    ada.sees(f"{TEXTS % room}[-1]", "(withdrawn)")
    assert "is not yours" in failure(ben, f"peer.edit_message({first!r}, 'mine')")
    notices = ben.value(TEXTS % room)
    assert notices == ["(joined)", "What of @ben?", "(withdrawn)"]
    for ending in ("json", "md"):
        path = tmp_path / f"room.{ending}"
        ben.value(f"peer.export_conversation({room!r}, {str(path)!r})")
        assert "What of @ben?" in path.read_text()
        assert "Nothing y" not in path.read_text()
