"""The panels' Python side around real peers: what they draw, what they take, what they never lose."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import time
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

import pytest

from academics_jupyter.errors import NotStartedError
from academics_jupyter.notebook.panels import explore as explore_module
from academics_jupyter.notebook.panels.panel import UNREGISTERED_CLASS, Panel
from academics_jupyter.notebook.panels.part import Part
from academics_jupyter.notebook.panels.redrawing import Repeated
from academics_jupyter.notebook.panels.sight import LEASE_S, Sight
from academics_jupyter.peer import context
from academics_jupyter.peer.events import LoopStarved
from academics_jupyter.peer.peer import Peer
from academics_jupyter.peer.settings import Settings
from academics_jupyter.registry.memory import MemoryNetwork, MemoryRegistry
from tests.waiting import wait_until_async

MIB = 1 << 20
MARKUP = "<img src=x onerror=alert(1)>"


class LoopSession:
    """A session whose kernel loop is the test's."""

    label = "a test"

    def __init__(self, peer: Peer | None) -> None:
        self.current = peer
        self._loop = asyncio.get_running_loop()

    async def peer(self) -> Peer:
        assert self.current is not None
        return self.current

    def submit(self, coroutine: Coroutine[Any, Any, Any]) -> concurrent.futures.Future[Any]:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)


class Viewer:
    """A view of one part: what the browser would send, and what it has been sent."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.got: list[dict[str, Any]] = []
        self.state: dict[str, Any] = {}
        part.send = self._take  # type: ignore[method-assign]

    def _take(self, content: dict[str, Any], buffers: object = None) -> None:
        self.got.append(content)
        self.state |= content.get("state", {})

    def ask(self, do: str, *buffers: bytes, **content: Any) -> None:
        self.part._msg_callbacks(self.part, {"do": do, **content}, [memoryview(each) for each in buffers])

    def look(self, seen: bool = True) -> None:
        self.ask("sight", view="one", seen=seen)

    async def reply(self, kind: str) -> dict[str, Any]:
        await wait_until_async(lambda: any(kind in message for message in self.got), what=f"the reply {kind}")
        message = next(message for message in self.got if kind in message)
        self.got.remove(message)
        return message

    async def shows(self, **state: Any) -> None:
        await wait_until_async(
            lambda: all(self.state.get(name) == value for name, value in state.items()), what=f"{state} in {self.state}"
        )


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> MemoryNetwork:
    network = MemoryNetwork(lambda: time.time_ns() // 1_000_000)
    monkeypatch.setattr(context, "open_registry", lambda *_: MemoryRegistry(network))
    return network


async def registered(home: Path, name: str, **settings: Any) -> Peer:
    peer = await Peer.open(Settings(home=home, **settings))
    await peer.register(name)
    return peer


@pytest.fixture
async def ada(network: MemoryNetwork, tmp_path: Path) -> AsyncIterator[Peer]:
    peer = await registered(tmp_path / "ada", "Ada")
    yield peer
    await peer.close()


@pytest.fixture
async def grace(network: MemoryNetwork, tmp_path: Path) -> AsyncIterator[Peer]:
    peer = await registered(tmp_path / "grace", f"Grace {MARKUP}")
    yield peer
    await peer.close()


@pytest.fixture
async def panel(ada: Peer) -> AsyncIterator[Panel]:
    panel = Panel(LoopSession(ada))  # type: ignore[arg-type]
    yield panel
    panel.close()
    await wait_until_async(lambda: panel._watching is not None and panel._watching.done())


def bytes_of(row: dict[str, Any]) -> bytes:
    return Path(row["path"]).read_bytes()


# Exploring


async def test_explore_shows_what_is_found_and_greys_it_when_its_holder_leaves(
    panel: Panel, ada: Peer, grace: Peer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explore_module, "REFRESH_INTERVAL_S", float("inf"))
    viewer = Viewer(panel.explore)
    await ada.start()
    await grace.start()
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    resource = await grace.share(tmp_path / "table.csv", title=MARKUP)
    viewer.look()

    def row() -> dict[str, Any]:
        return next(iter(viewer.state.get("rows", [])), {})

    await wait_until_async(lambda: row().get("available") is True)
    await wait_until_async(lambda: row().get("holders") == [f"Grace {MARKUP}"])
    assert (row()["id"], row()["title"]) == (resource.id, MARKUP)
    viewer.ask("download", resource=resource.id)

    await wait_until_async(lambda: resource.id in viewer.state.get("held", {}))
    await wait_until_async(lambda: viewer.state["downloads"][resource.id]["state"] == "finished")
    await ada.unshare(resource.id)
    await grace.stop()
    await wait_until_async(lambda: row().get("available") is False)


async def test_the_holder_is_named_though_never_met(panel: Panel, ada: Peer, grace: Peer, tmp_path: Path) -> None:
    viewer = Viewer(panel.explore)
    (tmp_path / "z.txt").write_text("z")
    await grace.start()
    await grace.share(tmp_path / "z.txt")
    await wait_until_async(lambda: not grace.status().waiting)
    await grace.stop()
    viewer.look()
    await wait_until_async(
        lambda: [row["holders"] for row in viewer.state.get("rows", [])] == [[f"Grace {MARKUP}"]], what="her name"
    )


async def test_a_registry_that_does_not_answer_is_said(panel: Panel, network: MemoryNetwork) -> None:
    viewer = Viewer(panel.explore)
    viewer.look()
    await viewer.shows(notice="")
    network.reachable = False
    viewer.ask("search", words="climate")

    await wait_until_async(lambda: "Shown is what this profile knows" in viewer.state.get("notice", ""))


async def test_the_answer_to_an_overtaken_query_is_dropped(
    panel: Panel, ada: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = Viewer(panel.explore)
    find, late = ada.find, asyncio.Event()

    async def slow_at_first(query: Any) -> Any:
        if query.words == ("first",):
            await late.wait()
        return await find(query)

    monkeypatch.setattr(ada, "find", slow_at_first)
    viewer.ask("search", words="first")
    viewer.ask("search", words="second")
    await viewer.shows(words="second")
    late.set()
    await asyncio.sleep(0.05)
    assert viewer.state["words"] == "second"


async def test_downloading_while_offline_is_one_line(panel: Panel, ada: Peer, tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("x")
    resource = await ada.share(tmp_path / "x.txt")
    viewer = Viewer(panel.explore)
    viewer.ask("download", resource=resource.id)

    await wait_until_async(lambda: "online" in panel.explore.problem)
    assert "\n" not in panel.explore.problem


# Downloads


async def test_a_failed_download_is_shown_and_can_be_tried_again(
    panel: Panel, ada: Peer, grace: Peer, tmp_path: Path
) -> None:
    viewer = Viewer(panel.downloads)
    viewer.look()
    await ada.start()
    await grace.start()
    (tmp_path / "y.txt").write_text("y")
    resource = await grace.share(tmp_path / "y.txt")

    await wait_until_async(lambda: ada.exploring.listing(resource.id))
    await grace.stop()
    await ada.request_download(resource.id)

    def states() -> list[str]:
        return [row["state"] for row in viewer.state.get("downloads", [])]

    await wait_until_async(lambda: states() == ["failed"])
    assert "online" in viewer.state["downloads"][0]["error"]
    await wait_until_async(lambda: ada.status().links == 0)
    await grace.start()
    await wait_until_async(lambda: ada.status().links == 1)
    viewer.ask("again", download=viewer.state["downloads"][0]["id"])
    await wait_until_async(lambda: states() == ["finished"])
    assert bytes_of(viewer.state["downloads"][0]) == b"y"


@pytest.fixture
async def slow_mary(network: MemoryNetwork, tmp_path: Path) -> AsyncIterator[Peer]:
    """Sends so slowly that there is time to hold what she sends."""
    peer = await registered(tmp_path / "mary", f"Mary {MARKUP}", upload_limit=4 * MIB)
    await peer.start()
    yield peer
    await peer.close()


async def test_a_download_is_watched_held_and_gone_on_with(
    panel: Panel, ada: Peer, slow_mary: Peer, tmp_path: Path
) -> None:
    viewer = Viewer(panel.downloads)
    viewer.look()
    await ada.start()
    (tmp_path / "long.bin").write_bytes(os.urandom(20 * MIB))
    resource = await slow_mary.share(tmp_path / "long.bin")
    await wait_until_async(lambda: ada.exploring.listing(resource.id))
    download = await ada.request_download(resource.id)

    def row() -> dict[str, Any]:
        return next(iter(viewer.state.get("downloads", [])), {})

    def giving() -> list[tuple[str, bool]]:
        return [(holder["name"], holder["given_bytes"] > 0) for holder in row().get("holders", [])]

    await wait_until_async(lambda: giving() == [(f"Mary {MARKUP}", True)] and "left" in row()["left"])
    await wait_until_async(lambda: "9" in row()["pieces"] and panel.tabs.counts.get("downloads") == 1)
    assert 0 < row()["done_bytes"] < row()["size_bytes"]
    viewer.ask("pause", download=download.id)
    await wait_until_async(lambda: row()["state"] == "paused")
    assert (row()["rate_bytes_s"], row()["left"]) == (0, "")
    assert panel.tabs.counts["downloads"] == 1
    given = row()["holders"][0]["given_bytes"]
    viewer.ask("continue", download=download.id)
    await wait_until_async(lambda: row()["state"] == "active" and row()["holders"][0]["rate_bytes_s"] > 0)
    assert row()["holders"][0]["given_bytes"] >= given
    await wait_until_async(lambda: row()["state"] == "finished")
    assert row()["holders"][0]["given_bytes"] == row()["size_bytes"]
    assert bytes_of(row()) == (tmp_path / "long.bin").read_bytes()
    await wait_until_async(lambda: panel.tabs.counts["downloads"] == 0)


async def test_what_has_come_is_seen_at_a_glance_and_put_beside_the_notebook(
    panel: Panel, ada: Peer, grace: Peer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = Viewer(panel.downloads)
    viewer.look()
    await ada.start()
    await grace.start()
    (tmp_path / "names.csv").write_text(f"name\n{MARKUP}\n")
    resource = await grace.share(tmp_path / "names.csv")
    await wait_until_async(lambda: ada.exploring.listing(resource.id))
    path = await ada.download(resource.id)
    download = ada.downloads()[0].id
    viewer.ask("view", download=download)
    shown = {"about": "1 row.", "rows": (("name",), (MARKUP,))}
    assert await viewer.reply("viewed") == {"viewed": download, "view": shown}
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for key in ("one", "again"):
        viewer.ask("copy", download=download, key=key)
        copied = {"copied": key, "path": str(tmp_path / "here" / "names.csv")}
        assert await viewer.reply("copied") == copied
    assert [each.name for each in (tmp_path / "here").iterdir()] == ["names.csv"]
    await viewer.shows(here=str(tmp_path / "here"))
    path.unlink()
    viewer.ask("view", download=download)
    assert "download it again" in (await viewer.reply("viewed"))["view"]["about"]
    viewer.ask("view", download=download + 1000)
    await wait_until_async(lambda: "has not finished" in panel.downloads.problem)


# Chat


async def test_a_message_is_unread_until_the_conversation_is_in_sight(panel: Panel, ada: Peer, grace: Peer) -> None:
    viewer = Viewer(panel.chat)
    await ada.start()
    await grace.start()

    await wait_until_async(lambda: ada.status().links == 1)
    viewer.ask("open", conversation=grace.id)
    await grace.chatting.send(ada.id, f"hello\n{MARKUP}")

    await wait_until_async(lambda: panel.tabs.counts.get("chat") == 1)
    assert "thread" not in viewer.state
    viewer.look()
    await wait_until_async(lambda: panel.tabs.counts.get("chat") == 0)
    assert [(each["mine"], each["text"]) for each in viewer.state["thread"]] == [(False, f"hello\n{MARKUP}")]
    assert [(each["peer"], each["presence"]) for each in viewer.state["people"]] == [(grace.id, "online")]
    viewer.look(seen=False)
    await grace.chatting.send(ada.id, "again")
    await wait_until_async(lambda: panel.tabs.counts.get("chat") == 1)


async def test_what_is_sent_is_answered_whether_it_was_taken_or_not(panel: Panel, ada: Peer, grace: Peer) -> None:
    viewer = Viewer(panel.chat)
    viewer.ask("open", conversation=grace.id)
    viewer.look()
    viewer.ask("send", key="one", conversation=grace.id, text="for later")
    assert await viewer.reply("taken") == {"taken": "one"}
    assert [each["state"] for each in viewer.state["thread"]] == ["queued"]
    viewer.ask("send", key="two", conversation=grace.id, text="x" * 40_000)
    assert await viewer.reply("refused") == {"refused": "two"}

    await wait_until_async(lambda: "characters" in panel.chat.problem)


async def test_people_of_one_name_are_told_apart(panel: Panel, ada: Peer, grace: Peer, tmp_path: Path) -> None:
    viewer = Viewer(panel.chat)
    twin = await registered(tmp_path / "twin", "  grace " + MARKUP)
    for each in (ada, grace, twin):
        await each.start()
    viewer.look()

    await wait_until_async(lambda: [row["namesake"] for row in viewer.state.get("people", [])] == [True, True])
    await twin.close()


async def test_write_to_opens_the_conversation(panel: Panel, ada: Peer, grace: Peer) -> None:
    viewer = Viewer(panel.explore)
    viewer.ask("write", peer=grace.id)

    await wait_until_async(lambda: panel.tabs.selected == "chat")


# The profile


async def test_registering_in_the_panel_goes_online(network: MemoryNetwork, tmp_path: Path) -> None:
    peer = await Peer.open(Settings(home=tmp_path))
    panel = Panel(LoopSession(peer))  # type: ignore[arg-type]
    viewer = Viewer(panel.profile)
    await viewer.shows(role="unregistered")
    assert UNREGISTERED_CLASS in panel._dom_classes
    assert "this machine" in viewer.state["published"]
    viewer.ask("register", name=" ", affiliation="")

    await wait_until_async(lambda: "name" in panel.profile.problem)
    assert viewer.state["about"] == {"keys": str(peer.folder.keys)}
    viewer.ask("register", name="Emmy", affiliation="Göttingen", email="", interests="rings, ideals")
    await viewer.shows(role="driver", name="Emmy", is_new=True, notice="")
    about = viewer.state["about"]
    assert (about["affiliation"], about["interests"]) == ("Göttingen", ["rings", "ideals"])
    assert "locked" in about["protection"]
    viewer.ask("welcomed", part="share")
    await viewer.shows(is_new=False)
    assert panel.tabs.selected == "share"
    viewer.ask("edit", name="Emmy Noether", affiliation="Bryn Mawr", email="", interests="")
    await viewer.reply("saved")
    await viewer.shows(
        name="Emmy Noether", about=about | {"name": "Emmy Noether", "affiliation": "Bryn Mawr", "interests": []}
    )
    await wait_until_async(lambda: UNREGISTERED_CLASS not in panel._dom_classes and panel.tabs.registered)
    viewer.ask("stop")
    await viewer.shows(role="stopped")
    panel.close()
    await wait_until_async(lambda: panel._watching is not None and panel._watching.done())
    await peer.close()


async def test_that_a_cell_starved_the_peer_is_said_once(panel: Panel, ada: Peer) -> None:
    viewer = Viewer(panel.profile)
    await ada.start()
    await viewer.shows(role="driver", starved="")
    ada._context.events.tell(LoopStarved(45.2))
    await wait_until_async(lambda: "computed for 45 s" in viewer.state["starved"])
    viewer.ask("decline")
    await viewer.shows(starved="")
    viewer.got.clear()
    ada._context.events.tell(LoopStarved(31.0))
    viewer.ask("stop")
    await viewer.shows(role="stopped")
    assert not any("starved" in message.get("state", {}) for message in viewer.got)


# What the parts have in common


async def test_nothing_private_is_saved_with_the_notebook(panel: Panel, ada: Peer, grace: Peer) -> None:
    viewer = Viewer(panel.chat)
    viewer.ask("open", conversation=grace.id)
    viewer.look()
    viewer.ask("send", key="one", conversation=grace.id, text="a secret")
    await viewer.reply("taken")
    assert "a secret" in str(viewer.state)
    for part in panel.parts:
        assert "a secret" not in str(part.get_state())


async def test_a_new_view_is_sent_the_state_and_the_unknown_is_ignored(panel: Panel, grace: Peer) -> None:
    viewer = Viewer(panel.chat)
    viewer.look()
    await viewer.shows(conversation="")
    viewer.got.clear()
    viewer.ask("no such thing")
    panel.chat._receive(panel.chat, "not a mapping", None)
    viewer.ask("look")
    assert (await viewer.reply("state"))["state"] == panel.chat.state


@pytest.mark.expects_errors("a fault in the downloads panel")
async def test_a_fault_is_one_line_and_no_traceback(panel: Panel) -> None:
    viewer = Viewer(panel.downloads)
    viewer.ask("cancel", download="not a number")

    await wait_until_async(lambda: "log" in panel.downloads.problem)


async def test_before_the_kernel_has_a_loop_a_command_is_answered_in_one_line(panel: Panel) -> None:
    def refuse(coroutine: Coroutine[Any, Any, Any]) -> None:
        coroutine.close()
        raise NotStartedError("The peer has not been started.")

    panel.share.session.submit = refuse  # type: ignore[assignment, method-assign]
    Viewer(panel.share).ask("drop", upload="u")
    assert panel.share.problem == "The peer has not been started."
    del panel.share.session.submit


async def test_a_burst_of_changes_is_few_redraws() -> None:
    runs = 0

    async def draw() -> None:
        nonlocal runs
        runs += 1

    interval_s, began_s = 0.05, time.monotonic()
    repeated = Repeated(draw, interval_s)
    for _ in range(100):
        repeated.soon()
        await asyncio.sleep(0.001)

    await wait_until_async(lambda: repeated._task is not None and repeated._task.done())
    assert 2 <= runs <= 2 + (time.monotonic() - began_s) / interval_s
    await repeated.stop()


def test_a_view_is_in_sight_until_it_leaves_or_falls_silent() -> None:
    now_s = 0.0
    sight = Sight(lambda: now_s)
    sight.note("a", True)
    sight.note("b", True)
    sight.note("a", False)
    assert sight
    now_s = LEASE_S + 1
    assert not sight
