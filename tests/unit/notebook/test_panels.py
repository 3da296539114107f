"""The panels' Python side around real peers: what they draw, what they take, what they never lose."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import stat
import time
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

import pytest

from academics_jupyter.errors import NotStartedError, StoreError, UsageError
from academics_jupyter.notebook.panels import explore as explore_module
from academics_jupyter.notebook.panels.panel import UNREGISTERED_CLASS, Panel
from academics_jupyter.notebook.panels.part import Part
from academics_jupyter.notebook.panels.redrawing import Repeated
from academics_jupyter.notebook.panels.sight import LEASE_S, Sight
from academics_jupyter.notebook.panels.uploads import LEFTOVER_S, PREFIX, Uploads
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


def is_there(row: dict[str, Any]) -> bool:
    return Path(row["path"]).exists()


def parts_left(peer: Peer) -> list[Path]:
    return list(peer.folder.parts.iterdir())


# Uploads


async def upload(viewer: Viewer, name: str, data: bytes, key: str = "u1") -> None:
    viewer.ask("begin", upload=key, name=name, size=len(data))
    sent = (await viewer.reply("received"))["bytes"]
    while sent < len(data):
        viewer.ask("chunk", data[sent : sent + MIB], upload=key, offset=sent)
        sent = (await viewer.reply("received"))["bytes"]
    viewer.ask("finish", upload=key)


async def test_a_file_over_ten_mebibytes_is_shared_whole(panel: Panel, ada: Peer) -> None:
    viewer = Viewer(panel.share)
    data = bytes(range(256)) * (11 * MIB // 256) + b"the end"
    await upload(viewer, "long.bin", data)
    row = (await viewer.reply("shared"))["row"]
    assert (row["file_name"], row["size_bytes"]) == ("long.bin", len(data))
    assert bytes_of(row) == data
    assert parts_left(ada) == []


@pytest.mark.parametrize(
    "name", ["../../.ssh/authorized_keys", "/etc/passwd", "C:\\a\\..\\CON", "a\x00b\n.pdf", "", ".."]
)
async def test_a_file_keeps_to_the_repository_whatever_its_name(panel: Panel, ada: Peer, name: str) -> None:
    viewer = Viewer(panel.share)
    await upload(viewer, name, b"bytes")
    row = (await viewer.reply("shared"))["row"]
    assert Path(row["path"]).parent == ada.folder.repository
    assert "/" not in row["file_name"]
    assert not set(row["file_name"]) & set("\x00\n\\")


async def test_an_empty_file_is_shared(panel: Panel) -> None:
    viewer = Viewer(panel.share)
    await upload(viewer, "empty.txt", b"")
    assert (await viewer.reply("shared"))["row"]["size_bytes"] == 0


async def test_a_cancelled_upload_leaves_nothing_and_does_not_touch_another(panel: Panel, ada: Peer) -> None:
    viewer = Viewer(panel.share)
    for key in ("gone", "kept"):
        viewer.ask("begin", upload=key, name="x.bin", size=10)
        await viewer.reply("received")
        viewer.ask("chunk", b"12345", upload=key, offset=0)
        await viewer.reply("received")
    viewer.ask("drop", upload="gone")
    viewer.ask("chunk", b"67890", upload="gone", offset=5)
    assert "cancelled" in (await viewer.reply("failed"))["error"]
    viewer.ask("chunk", b"67890", upload="kept", offset=5)
    await viewer.reply("received")
    viewer.ask("finish", upload="kept")
    row = (await viewer.reply("shared"))["row"]
    assert bytes_of(row) == b"1234567890"
    assert parts_left(ada) == []
    assert len(await ada.sharing.kept()) == 1


async def test_closing_the_panel_drops_what_is_on_its_way(panel: Panel, ada: Peer) -> None:
    viewer = Viewer(panel.share)
    viewer.ask("begin", upload="u", name="x.bin", size=10)
    await viewer.reply("received")
    assert len(parts_left(ada)) == 1
    await panel._end()
    assert parts_left(ada) == []


def test_chunks_count_once_and_in_order(tmp_path: Path) -> None:
    uploads = Uploads()
    uploads.begin("u", "x.bin", 10, tmp_path)
    assert uploads.take("u", 0, b"12345") == 5
    assert uploads.take("u", 0, b"12345") == 5
    with pytest.raises(UsageError):
        uploads.take("u", 6, b"7")
    with pytest.raises(UsageError):
        uploads.take("u", 5, b"678901")
    with pytest.raises(UsageError):
        uploads.finish("u")
    assert uploads.take("u", 5, b"67890") == 10
    path = uploads.finish("u")
    assert path.read_bytes() == b"1234567890"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    uploads.drop("u")
    uploads.drop("u")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_fit_on_the_disk_is_refused_at_once(tmp_path: Path) -> None:
    uploads = Uploads()
    with pytest.raises(StoreError, match="left"):
        uploads.begin("u", "x.bin", 1 << 60, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_old_leftovers_are_swept_and_young_ones_are_not(tmp_path: Path) -> None:
    old, young = tmp_path / f"{PREFIX}old", tmp_path / f"{PREFIX}young"
    for folder in (old, young):
        folder.mkdir()
    os.utime(old, (0, time.time() - LEFTOVER_S - 1))
    Uploads().sweep(tmp_path)
    assert list(tmp_path.iterdir()) == [young]


# Sharing


async def test_a_path_that_is_not_there_is_said_at_the_upload(panel: Panel) -> None:
    viewer = Viewer(panel.share)
    viewer.ask("share", upload="p", path="/nowhere/at/all.pdf")
    failed = await viewer.reply("failed")
    assert failed["failed"] == "p"
    assert "no file" in failed["error"]


async def test_the_description_can_be_changed_and_the_offer_taken_back(panel: Panel, ada: Peer, tmp_path: Path) -> None:
    viewer = Viewer(panel.share)
    viewer.look()
    (tmp_path / "notes.md").write_text("# Notes\n")
    viewer.ask("share", upload="p", path=str(tmp_path / "notes.md"))
    shared = (await viewer.reply("shared"))["row"]
    fields = {"title": "Better", "authors": "Ada; Charles", "keywords": "a, b", "year": "1843"}
    viewer.ask("describe", resource=shared["id"], fields=fields)
    await viewer.reply("saved")
    expected = shared | {"title": "Better", "authors": ["Ada", "Charles"], "keywords": ["a", "b"], "year": 1843}
    await viewer.shows(repository=[expected])
    viewer.ask("describe", resource=shared["id"], fields={"year": "soon"})
    viewer.ask("unshare", resource=shared["id"], delete=True)
    await viewer.shows(repository=[])
    assert not is_there(shared)


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
    await wait_until_async(lambda: row()["holders"] == [f"Grace {MARKUP}"])
    assert (row()["id"], row()["title"]) == (resource.id, MARKUP)
    viewer.ask("download", resource=resource.id)

    await wait_until_async(lambda: resource.id in viewer.state.get("held", {}))
    assert viewer.state["downloads"][resource.id]["state"] == "finished"
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
    await wait_until_async(lambda: viewer.state.get("rows"))
    assert viewer.state["rows"][0]["holders"] == [f"Grace {MARKUP}"]


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
    await grace.start()
    viewer.ask("again", download=viewer.state["downloads"][0]["id"])
    await wait_until_async(lambda: states() == ["finished", "failed"])
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
    assert 0 < row()["done_bytes"] < row()["size_bytes"]
    assert "9" in row()["pieces"]
    assert panel.tabs.counts["downloads"] == 1
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
    viewer.ask("register", name="Emmy", affiliation="Göttingen")
    await viewer.shows(role="driver", name="Emmy")
    assert UNREGISTERED_CLASS not in panel._dom_classes
    assert panel.tabs.registered
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

    repeated = Repeated(draw, 0.05)
    for _ in range(100):
        repeated.soon()
        await asyncio.sleep(0.001)

    await wait_until_async(lambda: repeated._task is not None and repeated._task.done())
    assert 2 <= runs <= 10
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
