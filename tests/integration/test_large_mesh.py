"""Many peers: all linked with all while they are few enough, and a mesh of a few links each where they are not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from tests.crowd import Crowd, crowd
from tests.mongod import RunningMongod, running_mongod
from tests.processes import PeerProcess
from tests.waiting import wait_until

PEERS, PROCESSES = 60, 4
MAX_LINKS, PART, FEWEST = 8, 6, 5
MORE_THAN_LINKS = 10
IDLE_S = 4.0
SHORT_IDLE = f"import academics_jupyter.peer.picking as picking\npicking.IDLE_S = {IDLE_S}\npicking.ROOM_IDLE_S = 1.0"
"""Before any peer is opened, so that what takes minutes is seen within seconds."""
JOIN_TIMEOUT_S = 150.0
OUT_TIMEOUT_S = 120.0
"""Promised: whom nobody can reach is out for all within two minutes."""

LINKED = "{row.name for row in each.peers().itertuples() if row.direction}"
OTHERS_ONLINE = "int((each.peers().state != 'offline').sum())"


@pytest.fixture
def mongod() -> Iterator[RunningMongod]:
    with running_mongod() as running:
        yield running


@pytest.mark.timeout(400)
def test_sixty_peers_are_all_linked_share_and_talk(tmp_path: Path, mongod: RunningMongod) -> None:
    with crowd(tmp_path, mongod.uri, PROCESSES) as here:
        here.open(PEERS // PROCESSES)
        # A link that gives way to a better one is away for a moment.
        here.until(f"each.status().links == len({LINKED}) == {PEERS - 1}", JOIN_TIMEOUT_S)

        sharer, reader = "p00-00", "p02-07"
        paper = tmp_path / "paper.txt"
        paper.write_text("What sixty peers know of each other\n" * 1_000)
        here.process_of(sharer).value(f"(await peers['{sharer}'].share('{paper}', title='Sixty peers')).id")
        here.until("'Sixty peers' in (await each.explore('sixty')).title.tolist()", 60)

        here.process_of(reader).value(f"await peers['{reader}'].chat('{sharer}', 'Have you a copy?')")
        history = f"(await peers['{sharer}'].history('{reader}')).text.tolist()"
        here.process_of(sharer).sees(history, ["Have you a copy?"])


@pytest.mark.timeout(400)
def test_with_few_links_each_the_mesh_hangs_together_and_everybody_reaches_everybody(
    tmp_path: Path, mongod: RunningMongod
) -> None:
    with crowd(tmp_path, mongod.uri, 2) as here, PeerProcess(tmp_path / "victim", registry=mongod.uri) as victim:
        for process in (*here.processes, victim):
            process.value(SHORT_IDLE)
        here.open(12, max_links=MAX_LINKS)
        victim.open("victim", max_links=MAX_LINKS)
        everybody = frozenset({"victim"})
        _downloads_and_talks_without_a_link(here, _settles(here, everybody), tmp_path)
        _hears_more_than_it_has_links_for(here, _settles(here, everybody))
        _is_voted_out(here, _settles(here, everybody), mongod, victim)
        _settles(here)


def _settles(here: Crowd, extra: frozenset[str] = frozenset()) -> dict[str, set[str]]:
    """Wait until everybody sees everybody online and all hang together by few links; who is linked with whom."""
    names = here.ids.keys() | extra
    here.until(f"{OTHERS_ONLINE} == {len(names) - 1}", JOIN_TIMEOUT_S)
    linked = dict[str, set[str]]()

    def is_settled() -> bool:
        linked.update((name, set(others)) for name, others in here.value(f"sorted({LINKED})").items())
        linked.update((name, {other for other in here.ids if name in linked[other]}) for name in extra)
        return all(FEWEST <= len(others) <= MAX_LINKS for others in linked.values()) and _reached(linked) == names

    wait_until(is_settled, JOIN_TIMEOUT_S, "a mesh that hangs together")
    return linked


def _reached(linked: dict[str, set[str]]) -> set[str]:
    """Who is linked with the first one, over as many others as it takes."""
    reached, new = set[str](), set(list(linked)[:1])
    while new:
        reached |= new
        new = set().union(*(linked.get(name, set()) for name in new)) - reached
    return reached


def _downloads_and_talks_without_a_link(here: Crowd, linked: dict[str, set[str]], folder: Path) -> None:
    reader = "p00-00"
    holder = next(name for name in here.ids if name not in linked[reader] | {reader})
    paper = folder / "paper.txt"
    paper.write_text("How far one sees with eight links\n" * 1_000)
    shared = here.process_of(holder).value(f"(await peers['{holder}'].share('{paper}')).id")
    here.process_of(holder).value(f"await peers['{holder}'].flushed()")
    copy = here.process_of(reader).value(f"(await peers['{reader}'].download('{shared}')).read_text()")
    assert copy == paper.read_text()

    talker = "p01-00"
    strangers = [name for name in here.ids if name not in linked[talker] | {talker}][:MORE_THAN_LINKS]
    for name in strangers:
        here.process_of(talker).value(f"await peers['{talker}'].chat('{name}', 'Hello {name}')")
    for name in strangers:
        history = f"(await peers['{name}'].history('{talker}')).text.tolist()"
        here.process_of(name).sees(history, [f"Hello {name}"], 60)


def _hears_more_than_it_has_links_for(here: Crowd, linked: dict[str, set[str]]) -> None:
    """A peer with as many links as it takes makes room for those who have something to say."""
    listener = "p01-05"
    strangers = [name for name in here.ids if name not in linked[listener] | {listener}][:MORE_THAN_LINKS]
    for name in strangers:
        here.process_of(name).value(f"await peers['{name}'].chat('{listener}', 'I am {name}')")
    for name in strangers:
        history = f"(await peers['{listener}'].history('{name}')).text.tolist()"
        here.process_of(listener).sees(history, [f"I am {name}"], 60)


def _is_voted_out(here: Crowd, linked: dict[str, set[str]], mongod: RunningMongod, victim: PeerProcess) -> None:
    peer = victim.ids["victim"]
    assert len(linked["victim"]) < len(linked) / 2
    victim.kill()
    with MongoClient[dict[str, Any]](mongod.uri) as client:
        users = client["academics"]["active_users"]
        # More than half of those who are expected to try, while most of the others never do.
        wait_until(lambda: users.find_one({"_id": peer})["disconnectedCount"] > (PART + 1) / 2, OUT_TIMEOUT_S, "votes")
    known = "each._engine.membership.known"
    here.until(f"{known}.is_removed('{peer}', each._engine.membership.now_ms)", OUT_TIMEOUT_S)
    here.until("each.peers().set_index('name').state['victim'] == 'offline'", OUT_TIMEOUT_S)
