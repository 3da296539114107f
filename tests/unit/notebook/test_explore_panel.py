"""Exploring in the panel around real peers: pages, filters, what is told of one resource, and the people."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey

from academics_jupyter.notebook.panels import explore as explore_module
from academics_jupyter.notebook.panels.explore import ExplorePart
from academics_jupyter.notebook.panels.panel import Panel
from academics_jupyter.peer import people as people_module
from academics_jupyter.peer.peer import Peer
from academics_jupyter.protocol.identity import peer_id
from academics_jupyter.protocol.records import Author, Holding, Presence, Profile, Record, Resource, Signed, sign_record
from academics_jupyter.registry.memory import MemoryNetwork, MemoryRegistry
from academics_jupyter.registry.port import Page, Query
from tests.unit.notebook.test_panels import MARKUP, Viewer, ada, grace, network, panel
from tests.waiting import wait_until_async

__all__ = ["ada", "grace", "network", "panel"]
"""The fixtures of the panel's tests."""

LINUS = SigningKey(b"l" * 32)
"""Somebody who is never online here: what there is of them is in the registry alone."""


def header(who: SigningKey, sequence: int, **times: int) -> dict[str, Any]:
    now = time.time_ns() // 1_000_000
    return {
        "peer": peer_id(who),
        "epoch": 1,
        "sequence": sequence,
        "issued_at_ms": now,
        "expires_at_ms": now + 10**9,
    } | times


def resource(number: int, sequence: int = 1, **fields: Any) -> Signed[Resource]:
    digest = f"{number:064x}"
    usual = {
        "id": digest, "sha256": digest, "size_bytes": 1, "file_name": "file.txt", "media_type": "text/plain",
        "kind": "text", "title": f"Note {number:03}", "created_at_ms": number + 1,
    }  # fmt: skip
    return sign_record(LINUS, Resource(**header(LINUS, sequence), **(usual | fields)))


def holding(number: int) -> Signed[Holding]:
    return sign_record(LINUS, Holding(**header(LINUS, number + 1), resource=f"{number:064x}", held=True))


async def publish(network: MemoryNetwork, *records: Signed[Record]) -> None:
    for signed in records:
        assert await MemoryRegistry(network).publish(signed)


@pytest.fixture
async def viewer(panel: Panel, network: MemoryNetwork) -> Viewer:
    """A view of Explore with 120 notes of Linus to look at."""
    await publish(network, sign_record(LINUS, Profile(**header(LINUS, 1), name=f"Linus {MARKUP}")))
    await publish(network, *(resource(number) for number in range(120)))
    viewer = Viewer(panel.explore)
    viewer.look()
    await viewer.shows(page=0, more=True)
    return viewer


def titles(viewer: Viewer) -> list[str]:
    return [row["title"] for row in viewer.state.get("rows", [])]


def notes(first: int, last: int) -> list[str]:
    return [f"Note {number:03}" for number in range(first, last - 1, -1)]


async def lists(viewer: Viewer, wanted: list[str]) -> None:
    await wait_until_async(
        lambda: titles(viewer) == wanted, what=f"{wanted[:3]}… in {viewer.state.get('rows', [])[:3]}"
    )


async def test_pages_are_turned_there_and_back(viewer: Viewer, network: MemoryNetwork) -> None:
    await lists(viewer, notes(119, 70))
    viewer.ask("turn", page=1)
    await lists(viewer, notes(69, 20))
    await publish(network, resource(500))
    viewer.ask("turn", page=2)
    await lists(viewer, notes(19, 0))
    await viewer.shows(page=2, more=False)
    viewer.ask("turn", page=9)
    viewer.ask("turn", page=0)
    await lists(viewer, ["Note 500", *notes(119, 71)])
    await viewer.shows(page=0, more=True)


async def test_each_filter_and_order_reaches_the_registry(viewer: Viewer, network: MemoryNetwork) -> None:
    described = {"authors": (Author(family="Kepler"),), "keywords": ("Astronomy",), "year": 1619, "kind": "data"}
    await publish(network, resource(200, **described, size_bytes=5, title="apogee"))
    for asked in (
        {"author": "kep"}, {"keyword": "astro"}, {"kind": "data"}, {"year_from": "1600", "year_to": "1700"},
        {"year_from": " 1619 "},
    ):  # fmt: skip
        viewer.ask("search", words="", **asked)
        await lists(viewer, ["apogee"])
        assert viewer.state["query"] == dict.fromkeys(explore_module.ASKED) | {"words": ""} | asked
        viewer.ask("search", words="note 003")
        await lists(viewer, ["Note 003"])
    viewer.ask("search", words="", order="title")
    await wait_until_async(lambda: titles(viewer)[:2] == ["apogee", "Note 000"])
    viewer.ask("search", words="", order="year")
    await wait_until_async(lambda: titles(viewer)[:2] == ["apogee", "Note 119"])
    viewer.ask("search", words="", order="no such order", year_from="soon", sharer=peer_id(LINUS))
    await wait_until_async(
        lambda: titles(viewer)[:2] == ["apogee", "Note 119"] and viewer.state["query"]["order"] != "year"
    )
    viewer.ask("search", words="", sharer="f" * 64)
    await lists(viewer, [])


async def test_an_answer_that_a_later_one_has_overtaken_is_not_shown(
    viewer: Viewer, network: MemoryNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    search, find = MemoryRegistry.search, ExplorePart._find
    begun, goes_on = asyncio.Event(), asyncio.Event()
    found = []

    async def searched(registry: MemoryRegistry, query: Query) -> Page:
        """The first answer is long on its way."""
        page = await search(registry, query)
        if not begun.is_set():
            begun.set()
            await goes_on.wait()
        return page

    async def noted(part: ExplorePart) -> None:
        await find(part)
        found.append(titles(viewer))

    monkeypatch.setattr(MemoryRegistry, "search", searched)
    monkeypatch.setattr(ExplorePart, "_find", noted)
    viewer.ask("search", words="note 003")
    await begun.wait()
    await publish(network, resource(200, title="Note 003, revised"))
    viewer.part.refresh()
    await wait_until_async(lambda: found == [["Note 003, revised", "Note 003"]])
    goes_on.set()
    await wait_until_async(lambda: len(found) == 2)
    assert found[1] == found[0]


async def test_who_reads_is_told_what_has_left_the_page(viewer: Viewer, network: MemoryNetwork) -> None:
    await lists(viewer, notes(119, 70))
    await publish(network, resource(500), resource(119, withdrawn=True, sequence=2))
    viewer.part.refresh()
    await lists(viewer, ["Note 500", *notes(118, 70)])
    await publish(network, resource(501), resource(502))
    viewer.part.refresh()
    await wait_until_async(lambda: f"{70:064x}" in viewer.state["left"])
    left = viewer.state["left"]
    assert left[f"{70:064x}"]["title"] == "Note 070"
    viewer.ask("search", words="note 05")
    await viewer.shows(left={}, page=0)


async def test_an_open_resource_is_told_of_wherever_it_stands(
    viewer: Viewer, network: MemoryNetwork, ada: Peer
) -> None:
    now = time.time_ns() // 1_000_000
    left = header(LINUS, 2, issued_at_ms=now - 7_200_000, expires_at_ms=now + 1)
    await publish(
        network,
        holding(3),
        sign_record(LINUS, Presence(**left, name="Linus", urls=(), certificate="c" * 64, online=False)),
        resource(
            300,
            previous=f"{3:064x}",
            version=2,
            title="Note 003, revised",
            authors=(Author(family="Pauling", given="L."),),
        ),
    )
    viewer.ask("open", resource=f"{3:064x}")
    await wait_until_async(lambda: (viewer.state.get("beside") or {}).get("title") == "Note 003")
    assert viewer.state["detail"]["id"] == f"{3:064x}"
    assert viewer.state["beside"]["last_seen_ms"] == now - 7_200_000
    (holder,) = viewer.state["detail"]["holders"]
    assert (holder["name"], holder["presence"], holder["last_seen_ms"]) == (f"Linus {MARKUP}", "away", now - 7_200_000)
    viewer.ask("search", words="revised")
    await lists(viewer, ["Note 003, revised"])
    viewer.ask("open", resource=f"{300:064x}")
    await wait_until_async(lambda: viewer.state["detail"]["id"] == f"{300:064x}")
    assert [each["version"] for each in viewer.state["detail"]["versions"]] == [2, 1]
    assert viewer.state["beside"] is None
    assert "author = {Pauling, L.}" in viewer.state["detail"]["bibtex"]
    viewer.ask("open", resource="")
    await viewer.shows(detail=None, beside=None)
    viewer.ask("open", resource="f" * 64)
    viewer.ask("search", words="revised", available=True)
    await lists(viewer, [])
    await viewer.shows(detail=None)


async def test_a_holder_of_whom_nothing_is_known_was_not_seen(viewer: Viewer, network: MemoryNetwork) -> None:
    await publish(network, holding(119))
    viewer.part.refresh()
    await wait_until_async(lambda: viewer.state["rows"][0]["holders"] != [])
    assert viewer.state["rows"][0]["last_seen_ms"] == 0
    assert not viewer.state["rows"][0]["available"]


async def test_what_is_held_is_seen_at_a_glance(panel: Panel, ada: Peer, tmp_path: Path) -> None:
    viewer = Viewer(panel.explore)
    viewer.look()
    (tmp_path / "names.csv").write_text(f"name\n{MARKUP}\n")
    shared = await ada.share(tmp_path / "names.csv")
    viewer.ask("view", resource=shared.id)
    seen = await viewer.reply("viewed")
    assert (seen["viewed"], seen["view"]["rows"]) == (shared.id, (("name",), (MARKUP,)))
    (await ada.sharing.kept())[0].path.unlink()
    viewer.ask("view", resource=shared.id)
    await wait_until_async(lambda: panel.explore.problem or any("viewed" in each for each in viewer.got))
    viewer.ask("view", resource="f" * 64)
    await wait_until_async(lambda: "do not hold" in panel.explore.problem)


# People


@pytest.fixture
async def crowd(
    panel: Panel, network: MemoryNetwork, ada: Peer, grace: Peer, monkeypatch: pytest.MonkeyPatch
) -> Viewer:
    """The people in sight, of whom Ada and Grace are online, and three of the others to a page."""
    monkeypatch.setattr(people_module.People.page, "__defaults__", ((), None, 3))
    for number in range(7):
        who = SigningKey(bytes([number + 1]) * 32)
        await publish(
            network,
            sign_record(
                who, Profile(**header(who, 1), name=f"Person {number}", interests=("comets",), affiliation="Vassar")
            ),
        )
    await ada.start()
    await grace.start()
    viewer = Viewer(panel.explore)
    viewer.look()
    viewer.ask("mode", mode="people")
    return viewer


def people(viewer: Viewer) -> list[str]:
    return [row["name"] for row in viewer.state.get("people", [])]


async def sees(viewer: Viewer, wanted: list[str]) -> None:
    await wait_until_async(lambda: people(viewer) == wanted, what=f"{wanted} in {people(viewer)}")


async def test_people_come_page_by_page_those_online_first(crowd: Viewer) -> None:
    there = ["Ada", f"Grace {MARKUP}"]
    await sees(crowd, [*there, "Person 0", "Person 1", "Person 2"])
    assert [row["presence"] for row in crowd.state["people"]] == ["online", "online", "away", "away", "away"]
    assert [row["mine"] for row in crowd.state["people"]] == [True, False, False, False, False]
    crowd.ask("turn_people", page=1)
    await sees(crowd, ["Person 3", "Person 4", "Person 5"])
    crowd.ask("turn_people", page=2)
    await sees(crowd, ["Person 6"])
    await crowd.shows(people_page=2, people_more=False)
    crowd.ask("people", words="comet vass")
    await sees(crowd, ["Person 0", "Person 1", "Person 2"])
    crowd.ask("people", words="grac")
    await sees(crowd, there[1:])
    await crowd.shows(people_more=False, people_page=0)


async def test_people_come_and_go_while_one_looks(crowd: Viewer, grace: Peer, tmp_path: Path) -> None:
    crowd.ask("people", words="grace")
    (tmp_path / "a.txt").write_text("a")
    await grace.share(tmp_path / "a.txt")

    def of_grace(name: str) -> Any:
        return next((row[name] for row in crowd.state.get("people", [])), None)

    await wait_until_async(lambda: of_grace("presence") == "online")
    await wait_until_async(lambda: of_grace("resources") == 1)
    await grace.stop()
    await wait_until_async(lambda: of_grace("presence") == "away")
    assert abs(of_grace("last_seen_ms") - time.time_ns() // 1_000_000) < 60_000


async def test_without_the_registry_those_are_shown_whom_one_knows(
    crowd: Viewer, network: MemoryNetwork, ada: Peer, grace: Peer
) -> None:
    await wait_until_async(lambda: ada.status().links == 1)
    network.reachable = False
    crowd.ask("people", words="grace")
    await sees(crowd, [f"Grace {MARKUP}"])
    assert crowd.state["people_notice"].endswith("Shown are those whom this profile knows.")
    assert crowd.state["people"][0]["presence"] == "online"
    network.reachable = True
    crowd.part.refresh()
    await crowd.shows(people_notice="")


async def test_a_fingerprint_that_was_compared_is_marked(crowd: Viewer, grace: Peer) -> None:
    crowd.ask("people", words="grace")
    await sees(crowd, [f"Grace {MARKUP}"])
    assert not crowd.state["people"][0]["verified"]
    crowd.ask("verify", peer=crowd.state["people"][0]["fingerprint"])
    await wait_until_async(lambda: crowd.state["people"][0]["verified"])


async def test_what_nobody_looks_at_asks_nothing(crowd: Viewer, network: MemoryNetwork) -> None:
    await sees(crowd, ["Ada", f"Grace {MARKUP}", "Person 0", "Person 1", "Person 2"])
    crowd.ask("mode", mode="resources")
    await crowd.shows(mode="resources")
    await wait_until_async(lambda: "rows" in crowd.state)
    network.reachable = False
    crowd.look(seen=False)
    crowd.ask("mode", mode="people")
    await crowd.shows(mode="people")
    for _ in range(3):
        crowd.part.refresh()
        crowd.part.tick()
    assert not crowd.part._people._refreshing._wanted
    assert crowd.part.problem == ""
