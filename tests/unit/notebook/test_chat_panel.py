"""The conversations' Python side around real peers: rooms, what is on messages, search, what is heard of the moment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from academics_jupyter.notebook.panels.finding import PAGE
from academics_jupyter.notebook.panels.panel import Panel
from academics_jupyter.peer.peer import Peer
from academics_jupyter.protocol.identity import fingerprint
from academics_jupyter.store import searching
from tests.unit.notebook.test_panels import MARKUP, Viewer, ada, bytes_of, grace, network, panel  # noqa: F401  fixtures
from tests.waiting import TIMEOUT_S, wait_until_async

MARKED = f"Grace {MARKUP}"
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAFElEQVR4nGNgaPiPFTEMLQmGBgBVzT/BhLk0AQAAAABJRU5ErkJggg=="


@pytest.fixture
async def viewer(panel: Panel, ada: Peer, grace: Peer) -> Viewer:  # noqa: F811
    """Ada's conversations in sight, and both people online."""
    viewer = Viewer(panel.chat)
    await ada.start()
    await grace.start()
    await wait_until_async(lambda: ada.status().links == 1)
    viewer.look()
    await viewer.shows(conversation="")
    return viewer


async def drawn(viewer: Viewer, what: Any) -> None:
    await wait_until_async(what, what=f"it in {viewer.state}")


def texts(viewer: Viewer) -> list[str]:
    return [each["text"] for each in viewer.state.get("thread", []) if not each["notice"]]


async def test_a_room_from_invitation_to_deletion(viewer: Viewer, panel: Panel, ada: Peer, grace: Peer) -> None:  # noqa: F811
    viewer.ask("create", name="#Sweeps", people=[grace.id], history=False)
    room = (await viewer.reply("created"))["created"]
    await drawn(viewer, lambda: viewer.state["conversation"] == room)
    await drawn(viewer, lambda: [each["name"] for each in viewer.state["rooms"]] == ["Sweeps"])

    def members() -> list[tuple[str, str]]:
        return [(each["peer"], each["role"]) for each in (viewer.state["room"] or {}).get("members", [])]

    await drawn(viewer, lambda: members() == [(ada.id, "founder, host"), (grace.id, "invited")])

    async def joined() -> bool:
        return any(row.standing == "invited" for row in await grace.rooms.all())

    await wait_until_async(joined)
    await grace.rooms.accept(room)
    await drawn(viewer, lambda: {each["state"] for each in viewer.state["room"]["members"]} == {"you", "online"})
    await drawn(viewer, lambda: [each["notice"].split()[-1] for each in viewer.state["thread"]] == ["joined"])
    await grace.chatting.send(room, "hello")
    await drawn(viewer, lambda: texts(viewer) == ["hello"])
    assert viewer.state["thread"][-1]["name"] == ada.exploring.name_of(grace.id)
    viewer.ask("mute", room=room, muted=True)
    await drawn(viewer, lambda: viewer.state["rooms"][0]["muted"])
    viewer.ask("terms", room=room, name="#Nebulae", history=True)
    assert await viewer.reply("agreed") == {"agreed": room}
    await drawn(viewer, lambda: viewer.state["rooms"][0]["name"] == "Nebulae")
    await drawn(viewer, lambda: viewer.state["room"]["history"])
    viewer.ask("delete", room=room)
    await drawn(viewer, lambda: viewer.state["room"]["state"] == "deleted")
    assert viewer.state["room"]["can_write"] is False
    viewer.ask("send", key="late", conversation=room, text="too late")
    assert await viewer.reply("refused") == {"refused": "late"}
    await drawn(viewer, lambda: "was deleted" in panel.chat.problem)


async def test_an_invitation_counts_until_it_is_answered(viewer: Viewer, panel: Panel, ada: Peer, grace: Peer) -> None:  # noqa: F811
    row = await grace.rooms.create("Comets", [ada.id])
    await drawn(viewer, lambda: [each["state"] for each in viewer.state.get("rooms", [])] == ["invited"])
    assert viewer.state["rooms"][0]["invited_by"] == ada.exploring.name_of(grace.id)
    await wait_until_async(lambda: panel.tabs.counts.get("chat") == 1)
    viewer.ask("decline", room=row.room)
    await drawn(viewer, lambda: viewer.state["rooms"] == [])
    await wait_until_async(lambda: panel.tabs.counts["chat"] == 0)


async def test_what_is_said_about_messages_is_on_them(viewer: Viewer, ada: Peer, grace: Peer) -> None:  # noqa: F811
    viewer.ask("open", conversation=grace.id)
    viewer.ask("send", key="one", conversation=grace.id, text="helo @grace")
    await viewer.reply("taken")
    mine = viewer.state["thread"][0]["id"]
    viewer.ask("edit", key="two", message=mine, text="hello")
    await viewer.reply("taken")
    assert [(each["text"], each["edited"]) for each in viewer.state["thread"]] == [("hello", True)]
    await wait_until_async(lambda: grace._context.store.messages.get(mine) is not None)
    answer = await grace.chatting.send(ada.id, "@ada yes", about=mine)
    await grace.chatting.react(mine, "🎉")
    await drawn(viewer, lambda: bool(viewer.state["thread"][0]["reactions"]) and len(viewer.state["thread"]) == 2)
    assert viewer.state["thread"][1]["reply"] == {"id": mine, "text": "Ada: hello"}
    assert viewer.state["thread"][1]["mentioned"] is True
    [reaction] = viewer.state["thread"][0]["reactions"]
    assert reaction == {"text": "🎉", "names": [ada.exploring.name_of(grace.id)], "mine": False}
    viewer.ask("react", message=mine, text="🎉")
    await drawn(viewer, lambda: viewer.state["thread"][0]["reactions"][0]["mine"])
    viewer.ask("receipts", message=mine)
    await drawn(viewer, lambda: [each["state"] for each in viewer.state["receipts"]["rows"]] == ["delivered"])
    await grace.chatting.history(ada.id)
    await drawn(viewer, lambda: [each["state"] for each in viewer.state["receipts"]["rows"]] == ["read"])
    await grace.chatting.withdraw(answer.id)
    await drawn(viewer, lambda: viewer.state["thread"][1]["withdrawn"])
    assert viewer.state["thread"][1]["text"] == "(withdrawn)"
    viewer.ask("withdraw", message=mine)
    await drawn(viewer, lambda: viewer.state["thread"][0]["withdrawn"])


async def test_who_has_the_name_of_another_is_shown_with_the_fingerprint(
    viewer: Viewer,
    ada: Peer,  # noqa: F811
    grace: Peer,  # noqa: F811
) -> None:
    await grace.chatting.send(ada.id, "it is me")
    viewer.ask("open", conversation=grace.id)
    await drawn(viewer, lambda: [each["name"] for each in viewer.state.get("thread", [])] == [MARKED])
    await grace.register(" aDA ")
    await drawn(
        viewer,
        lambda: [each["name"] for each in viewer.state["thread"]] == [f"aDA ({fingerprint(grace.id)[:9]})"],
    )


async def test_a_refused_edit_is_said_and_comes_back(viewer: Viewer, panel: Panel, ada: Peer, grace: Peer) -> None:  # noqa: F811
    await grace.chatting.send(ada.id, "mine")
    viewer.ask("open", conversation=grace.id)
    await drawn(viewer, lambda: texts(viewer) == ["mine"])
    viewer.ask("edit", key="one", message=viewer.state["thread"][0]["id"], text="not mine")
    assert await viewer.reply("refused") == {"refused": "one"}
    await drawn(viewer, lambda: "not yours" in panel.chat.problem)


async def test_a_cell_is_text_and_pictures(viewer: Viewer, ada: Peer, grace: Peer) -> None:  # noqa: F811
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": "1\n"},
        {"output_type": "display_data", "data": {"text/html": "<script>", "image/png": PNG, "text/plain": "plot"}},
        {"output_type": "display_data", "data": {"text/html": "<script>", "application/javascript": "alert()"}},
    ]
    cell = json.dumps({"cell_type": "code", "source": "x = 1\u200b", "outputs": outputs})
    sent = await grace.chatting.send(ada.id, "", cell=cell)
    viewer.ask("open", conversation=grace.id)
    await drawn(viewer, lambda: [each["cell"] for each in viewer.state["thread"]] == [True])
    assert "x = 1" not in str(viewer.state)
    viewer.ask("cell", message=sent.id)
    shown = await viewer.reply("cell_of")
    assert (shown["cell_of"], shown["source"], shown["hides"]) == (sent.id, "x = 1\u200b", True)
    assert [each["picture"] for each in shown["outputs"]] == [None, 0, None]
    assert "<script>" not in str(shown)


async def test_resources_are_described_where_they_are_known(
    viewer: Viewer,
    ada: Peer,  # noqa: F811
    grace: Peer,  # noqa: F811
    tmp_path: Path,
) -> None:
    file = tmp_path / "atlas.txt"
    file.write_text("stars")
    resource = await grace.share(file, title="Atlas")
    await grace.chatting.send(ada.id, "for you", resources=[resource.id, resource.id])
    viewer.ask("open", conversation=grace.id)
    await drawn(viewer, lambda: texts(viewer) == ["for you"])
    assert [each["id"] for each in viewer.state["thread"][0]["resources"]] == [resource.id]
    viewer.ask("resources", names=[resource.id, "0123456789abcdef"])
    await drawn(viewer, lambda: "0123456789abcdef" in viewer.state.get("resources", {}))
    shown = viewer.state["resources"]
    assert shown["0123456789abcdef"] is None
    assert (shown[resource.id]["title"], shown[resource.id]["available"], shown[resource.id]["path"]) == (
        "Atlas",
        True,
        "",
    )
    viewer.ask("download", resource=resource.id)
    await drawn(viewer, lambda: viewer.state["resources"][resource.id]["path"] != "")
    assert bytes_of(viewer.state["resources"][resource.id]) == b"stars"
    viewer.ask("mine")
    assert [row["id"] for row in (await viewer.reply("mine"))["mine"]] == [resource.id]


async def test_what_is_found_is_opened_with_what_is_around_it(
    viewer: Viewer,
    ada: Peer,  # noqa: F811
    grace: Peer,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(searching, "PATIENCE_S", TIMEOUT_S)
    for number in range(3 * PAGE):
        await ada.chatting.send(grace.id, f"night {number}" if number else "the \u202efirst “night” of all")
    viewer.ask("search", words="first night")
    found = await viewer.reply("found")
    [row] = found["rows"]
    assert (found["found"], row["conversation"], row["author"]) == ("first night", grace.id, "You")
    viewer.ask("open", conversation=grace.id, message=row["message"])
    await viewer.reply("lead")
    assert row["message"] in [each["id"] for each in viewer.state["thread"]]
    assert len(viewer.state["thread"]) == PAGE
    assert (viewer.state["earlier"], viewer.state["later"]) == (False, True)
    viewer.ask("later")
    await drawn(viewer, lambda: len(viewer.state["thread"]) > PAGE)
    assert (len(viewer.state["thread"]), viewer.state["later"]) == (3 * PAGE, False)
    viewer.ask("latest")
    await drawn(viewer, lambda: len(viewer.state["thread"]) == PAGE)
    assert texts(viewer)[-1] == f"night {3 * PAGE - 1}"
    assert (viewer.state["earlier"], viewer.state["later"]) == (True, False)
    viewer.ask("earlier")
    await drawn(viewer, lambda: len(viewer.state["thread"]) == 2 * PAGE)


async def test_who_writes_is_shown_until_the_message_is_there(viewer: Viewer, ada: Peer, grace: Peer) -> None:  # noqa: F811
    viewer.ask("open", conversation=grace.id)
    await drawn(viewer, lambda: viewer.state["conversation"] == grace.id)
    grace.chatting.writing(ada.id)
    await drawn(viewer, lambda: viewer.state["writing"] == [ada.exploring.name_of(grace.id)])
    await grace.chatting.send(ada.id, "there")
    await drawn(viewer, lambda: viewer.state["writing"] == [])


async def test_news_goes_out_only_while_nobody_looks_and_of_nothing_muted(
    viewer: Viewer,
    ada: Peer,  # noqa: F811
    grace: Peer,  # noqa: F811
) -> None:
    row = await grace.rooms.create("Comets", [ada.id])
    await drawn(viewer, lambda: [each["state"] for each in viewer.state.get("rooms", [])] == ["invited"])
    viewer.ask("accept", room=row.room)
    await drawn(viewer, lambda: (viewer.state.get("room") or {}).get("state") == "member")
    viewer.ask("mute", room=row.room, muted=True)
    await drawn(viewer, lambda: viewer.state["rooms"][0]["muted"])
    viewer.ask("open", conversation=grace.id)
    await drawn(viewer, lambda: viewer.state["conversation"] == grace.id)
    grace.chatting.writing(ada.id)
    await drawn(viewer, lambda: viewer.state["writing"] == [ada.exploring.name_of(grace.id)])
    await grace.chatting.send(ada.id, "in sight")
    # The panel has heard of the message when it no longer shows its author writing.
    await drawn(viewer, lambda: viewer.state["writing"] == [])
    viewer.look(seen=False)
    await grace.chatting.send(row.room, "muted")
    await wait_until_async(lambda: len(ada._context.store.messages.history(row.room)) == 2)
    await grace.chatting.send(ada.id, "out of sight")
    arrived = (await viewer.reply("arrived"))["arrived"]
    assert arrived == {
        "conversation": grace.id,
        "title": ada.exploring.name_of(grace.id),
        "text": "out of sight",
    }
