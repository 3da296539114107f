"""Sharing in the panel around real peers: what is looked at, shown for correction, published, and kept account of."""

# ruff: noqa: F811  fixtures of other files

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey

from academics_jupyter.notebook.panels import browsing
from academics_jupyter.notebook.panels.panel import Panel
from academics_jupyter.peer.peer import Peer
from academics_jupyter.peer.uptake import SETTLED_MS, Uptake
from academics_jupyter.protocol.identity import peer_id
from academics_jupyter.protocol.records import Holding, Resource, sign_record
from tests.papers import ABSTRACT, AUTHORS, TITLE, make_paper
from tests.unit.notebook.test_panels import (  # noqa: F401  fixtures
    MIB,
    LoopSession,
    Viewer,
    ada,
    bytes_of,
    grace,
    network,
    panel,
)
from tests.waiting import wait_until_async

LICENCE = "CC BY 4.0"


@pytest.fixture
async def viewer(panel: Panel) -> Viewer:
    """Ada's Share part, in sight."""
    viewer = Viewer(panel.share)
    viewer.look()
    await viewer.shows(drafts=[], repository=[])
    return viewer


def is_there(row: dict[str, Any]) -> bool:
    return Path(row["path"]).exists()


def parts_left(peer: Peer) -> list[Path]:
    return list(peer.folder.parts.iterdir())


def described(peer: Peer) -> list[Resource]:
    """What is published of a peer's own, withdrawn or not, in its store."""
    records = peer._context.store.records.resources()
    return [signed.record for signed in records if signed.record.peer == peer.id]


async def rows(viewer: Viewer, name: str, count: int) -> list[dict[str, Any]]:
    await wait_until_async(lambda: len(viewer.state.get(name, ())) == count, what=f"{count} {name} in {viewer.state}")
    return list(viewer.state[name])


async def offered(viewer: Viewer, path: Path, count: int = 1) -> dict[str, Any]:
    """The draft of a path, which is the last of so many."""
    viewer.ask("offer", key=path.name, path=str(path))
    return (await rows(viewer, "drafts", count))[-1]


async def publish(viewer: Viewer, *drafts: dict[str, Any], **fields: str) -> dict[str, Any]:
    viewer.ask("publish", drafts=[{"draft": draft["id"], "fields": fields} for draft in drafts])
    return await viewer.reply("published")


async def upload(viewer: Viewer, name: str, data: bytes, key: str = "u1") -> None:
    viewer.ask("begin", upload=key, name=name, size=len(data))
    sent = (await viewer.reply("received"))["bytes"]
    while sent < len(data):
        viewer.ask("chunk", data[sent : sent + MIB], upload=key, offset=sent)
        sent = (await viewer.reply("received"))["bytes"]
    viewer.ask("finish", upload=key)


# Drafts


async def test_what_was_found_is_corrected_before_anybody_sees_it(
    panel: Panel,
    viewer: Viewer,
    ada: Peer,
    grace: Peer,
    tmp_path: Path,
) -> None:
    await ada.start()
    await grace.start()
    draft = await offered(viewer, make_paper(tmp_path / "paper.pdf", keywords=("peers", "sharing")))
    assert (draft["title"], draft["authors"], draft["abstract"]) == (TITLE, list(AUTHORS), ABSTRACT)
    assert draft["keywords"] == ["peers", "sharing"]
    assert described(ada) == []
    assert (await grace.explore()).empty
    published = await publish(viewer, draft, title="Sharing, corrected", license=LICENCE, abstract="", year="2025")
    assert published == {"published": 1, "notice": ""}
    await rows(viewer, "drafts", 0)
    [record] = described(ada)
    assert (record.title, record.license, record.abstract, record.year) == ("Sharing, corrected", LICENCE, "", 2025)
    # What was not touched is as it was found, with names in their parts.
    assert (record.authors[0].given, record.authors[0].family) == ("Ada", "Lovelace")
    await ada.flushed()
    assert (await grace.explore())["title"].tolist() == ["Sharing, corrected"]
    assert TITLE not in str(grace._context.store.database.read("SELECT payload FROM records"))


async def test_a_draft_and_its_corrections_outlive_the_kernel(viewer: Viewer, ada: Peer, panel: Panel) -> None:
    await upload(viewer, "notes.txt", b"to be kept")
    [draft] = await rows(viewer, "drafts", 1)
    viewer.ask("revise", draft=draft["id"], fields={"title": "Kept notes", "year": "1999", "keywords": "a, b"})
    await viewer.shows(drafts=[draft | {"title": "Kept notes", "year": 1999, "keywords": ["a", "b"]}])
    settings = ada.settings
    await panel._end()
    await ada.close()
    again = await Peer.open(settings)
    reopened = Panel(LoopSession(again))  # type: ignore[arg-type]
    second = Viewer(reopened.share)
    second.look()
    [kept] = await rows(second, "drafts", 1)
    assert (kept["title"], kept["year"]) == ("Kept notes", 1999)
    await publish(second, kept)
    [row] = await rows(second, "repository", 1)
    assert (row["title"], bytes_of(row)) == ("Kept notes", b"to be kept")
    reopened.close()
    await wait_until_async(lambda: reopened._watching is not None and reopened._watching.done())
    await again.close()


async def test_many_are_published_at_once_and_one_that_fails_stays(viewer: Viewer, tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.txt" for number in range(5)]
    for number, path in enumerate(paths):
        path.write_text(f"text {number}")
        viewer.ask("offer", key=path.name, path=str(path))
    drafts = await rows(viewer, "drafts", 5)
    gone = next(draft for draft in drafts if draft["name"] == "3.txt")
    paths[3].unlink()
    published = await publish(viewer, *drafts)
    assert published == {"published": 4, "notice": "It goes out once you are online."}
    [left] = await rows(viewer, "drafts", 1)
    assert (left["id"], left["percent"]) == (gone["id"], None)
    assert "no file" in left["error"]
    await rows(viewer, "repository", 4)
    paths[3].write_text("text 3")
    await publish(viewer, left)
    await rows(viewer, "repository", 5)
    await viewer.shows(drafts=[])


async def test_a_draft_is_discarded_with_what_came_and_the_disk_keeps_its_own(
    viewer: Viewer,
    ada: Peer,
    tmp_path: Path,
) -> None:
    (tmp_path / "own.txt").write_text("own")
    await upload(viewer, "came.txt", b"came")
    await rows(viewer, "drafts", 1)
    await offered(viewer, tmp_path / "own.txt", 2)
    for draft in viewer.state["drafts"]:
        viewer.ask("discard", draft=draft["id"])
    await viewer.shows(drafts=[])
    await wait_until_async(lambda: parts_left(ada) == [])
    assert (tmp_path / "own.txt").read_text() == "own"
    assert described(ada) == []


async def test_the_same_path_again_is_the_same_draft(viewer: Viewer, tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text("own")
    draft = await offered(viewer, tmp_path / "own.txt")
    viewer.ask("revise", draft=draft["id"], fields={"title": "Mine"})
    await viewer.shows(drafts=[draft | {"title": "Mine"}])
    viewer.ask("offer", key="again", path=str(tmp_path / "own.txt"))
    await wait_until_async(lambda: {"looking": "again"} in viewer.got)
    await viewer.shows(looking=[], drafts=[draft | {"title": "Mine"}])


async def test_what_cannot_be_looked_at_is_said_until_it_is_forgotten(viewer: Viewer, ada: Peer) -> None:
    for path in ("/nowhere/at/all.pdf", str(ada.folder.keys), os.devnull):
        viewer.ask("offer", key="p", path=path)
        await wait_until_async(lambda: any(row["error"] for row in viewer.state.get("looking", ())))
        [row] = viewer.state["looking"]
        assert (row["key"], row["name"]) == ("p", Path(path).name)
        assert "\n" not in row["error"]
        viewer.ask("forget", key="p")
        await viewer.shows(looking=[], drafts=[])


async def test_a_year_that_is_none_keeps_the_draft_back(viewer: Viewer, tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text("own")
    draft = await offered(viewer, tmp_path / "own.txt")
    viewer.ask("publish", drafts=[{"draft": draft["id"], "fields": {"year": "soon"}}])
    await wait_until_async(lambda: "not a year" in viewer.state["drafts"][0]["error"])
    viewer.ask("revise", draft=draft["id"], fields={"year": "2020"})
    await wait_until_async(
        lambda: (viewer.state["drafts"][0]["year"], viewer.state["drafts"][0]["error"]) == (2020, "")
    )
    await publish(viewer, *viewer.state["drafts"], year="")
    assert (await rows(viewer, "repository", 1))[0]["year"] is None


async def test_what_is_shared_already_comes_with_what_was_said_of_it(
    viewer: Viewer,
    ada: Peer,
    tmp_path: Path,
) -> None:
    table = tmp_path / "comets.csv"
    table.write_text("comet\n1\n")
    await publish(viewer, await offered(viewer, table), title="Comets", doi="10.1000/1", year="1847")
    [same] = [await offered(viewer, table)]
    assert (same["title"], same["doi"], same["year"]) == ("Comets", "10.1000/1", 1847)
    assert "already" in same["notice"]
    await publish(viewer, same, title="Comets seen")
    [row] = await rows(viewer, "repository", 1)
    await viewer.shows(repository=[row | {"title": "Comets seen", "version": 1}])
    table.write_text("comet\n1\n2\n")
    changed = await offered(viewer, table)
    assert (changed["title"], changed["doi"], changed["year"]) == ("Comets seen", "", None)
    assert "version 2" in changed["notice"]
    await publish(viewer, changed)
    newest, former = await rows(viewer, "repository", 2)
    assert (newest["version"], former["version"]) == (2, 1)
    assert [record.previous for record in described(ada) if record.version == 2] == [former["id"]]


async def test_offering_a_path_from_elsewhere_shows_the_part(panel: Panel, viewer: Viewer, tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    for name in ("a.txt", "b.txt", ".hidden"):
        (tmp_path / "results" / name).write_text(name)
    await panel.share.offer(str(tmp_path / "results"))
    assert panel.tabs.selected == "share"
    [draft] = await rows(viewer, "drafts", 1)
    assert (draft["name"], draft["files"], draft["kind"]) == ("results", 2, "folder")
    assert draft["path"] == str(tmp_path / "results")
    assert "1 links, hidden files" in draft["notice"]
    published = await publish(viewer, draft, title="All results")
    assert "hidden files" in published["notice"]
    [row] = await rows(viewer, "repository", 1)
    assert (row["title"], row["files"]) == ("All results", 2)


# The server's disk


async def looked_into(viewer: Viewer, path: str) -> dict[str, Any]:
    viewer.ask("browse", path=path)
    folder = (await viewer.reply("folder"))["folder"]
    return dict(folder)


async def test_the_servers_disk_is_gone_through(
    panel: Panel,
    viewer: Viewer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    disk = tmp_path / "disk"
    (disk / "Papers").mkdir(parents=True)
    (disk / "b.txt").write_text("bb")
    (disk / "A.txt").write_text("a")
    (disk / ".secret").write_text("s")
    (disk / "link").symlink_to(disk / "b.txt")
    os.mkfifo(disk / "pipe")
    monkeypatch.chdir(disk)
    folder = await looked_into(viewer, "")
    entries = [("Papers", True, 0), ("A.txt", False, 1), ("b.txt", False, 2)]
    assert [(row["name"], row["folder"], row["size_bytes"]) for row in folder["entries"]] == entries
    assert (folder["path"], folder["above"], folder["name"]) == (str(disk), str(tmp_path), "disk")
    assert (await looked_into(viewer, str(disk / "Papers")))["entries"] == []
    assert (await looked_into(viewer, str(disk / "b.txt")))["chosen"] == "b.txt"
    assert (await looked_into(viewer, "/"))["above"] == ""
    monkeypatch.setattr(browsing, "MOST_ENTRIES", 2)
    assert (await looked_into(viewer, str(disk)))["more"] == 1
    viewer.ask("browse", path=str(disk / "nothing"))
    await wait_until_async(lambda: "check the name" in panel.share.problem)


# My repository


async def test_the_description_can_be_changed_and_the_offer_taken_back(viewer: Viewer, tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("# Notes\n")
    await publish(viewer, await offered(viewer, tmp_path / "notes.md"))
    [shared] = await rows(viewer, "repository", 1)
    fields = {"title": "Better", "authors": "Ada; Charles", "keywords": "a, b", "year": "1843"}
    viewer.ask("describe", resource=shared["id"], fields=fields)
    await viewer.reply("saved")
    expected = shared | {"title": "Better", "authors": ["Ada", "Charles"], "keywords": ["a", "b"], "year": 1843}
    await viewer.shows(repository=[expected])
    viewer.ask("describe", resource=shared["id"], fields={"year": "soon"})
    await wait_until_async(lambda: "not a year" in viewer.part.problem)
    viewer.ask("unshare", resource=shared["id"], delete=True)
    await viewer.shows(repository=[])
    assert not is_there(shared)


async def test_a_large_repository_is_found_in_by_words(viewer: Viewer, ada: Peer, tmp_path: Path) -> None:
    for title in ("Comets of the south", "Comets of the north", "Tides"):
        (tmp_path / f"{title}.txt").write_text(title)
        await ada.share(tmp_path / f"{title}.txt", title=title)
    await rows(viewer, "repository", 3)
    viewer.ask("find", words="NORTH com")
    await wait_until_async(lambda: [row["title"] for row in viewer.state["repository"]] == ["Comets of the north"])
    assert viewer.state["kept"] == 3


async def test_downloads_are_counted_and_who_shares_the_same_is_a_holder_only(
    viewer: Viewer,
    ada: Peer,
    grace: Peer,
    tmp_path: Path,
) -> None:
    await ada.start()
    await grace.start()
    (tmp_path / "notes.txt").write_text("notes")
    resource = (await ada.share(tmp_path / "notes.txt")).id

    def uptake() -> tuple[int, int]:
        row = next(iter(viewer.state.get("repository", [])), {})
        return row.get("downloads", -1), row.get("holders", -1)

    await wait_until_async(lambda: uptake() == (0, 0))
    await wait_until_async(lambda: grace.exploring.listing(resource))
    for happens, counted in ((grace.download(resource), (1, 1)), (grace.share(tmp_path / "notes.txt"), (0, 1))):
        await happens
        await grace.flushed()
        # News may be missed; the registry has it.
        await ada.uptake.learn([resource])
        await ada.exploring.listing(resource)
        await wait_until_async(lambda counted=counted: uptake() == counted)  # type: ignore[misc]


async def test_who_gave_a_resource_up_unheard_no_longer_holds_it(ada: Peer, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("notes")
    resource = (await ada.share(tmp_path / "notes.txt")).id
    key, now_ms = SigningKey.generate(), ada._context.clock.now_ms()

    def says(age_ms: int, sequence: int, *, held: bool = True) -> None:
        numbers = {"epoch": 1, "sequence": sequence, "issued_at_ms": now_ms - age_ms, "expires_at_ms": now_ms * 2}
        record = Holding(peer=peer_id(key), resource=resource, held=held, **numbers)
        ada._context.store.records.put(sign_record(key, record))

    says(2 * SETTLED_MS, 1)
    assert await ada.uptake.of([resource]) == {resource: Uptake(holders=1, downloads=1)}
    await ada.uptake.learn([resource])
    assert await ada.uptake.of([resource]) == {resource: Uptake(holders=0, downloads=1)}
    # News is faster than the registry.
    says(0, 2)
    await ada.uptake.learn([resource])
    assert await ada.uptake.of([resource]) == {resource: Uptake(holders=1, downloads=1)}
    says(0, 3, held=False)
    assert await ada.uptake.of([resource]) == {resource: Uptake(holders=0, downloads=1)}
