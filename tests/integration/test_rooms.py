"""Rooms among real peers: who is away misses nothing, who leaves is out, a host that is gone is replaced."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.lab import Lab, failure
from tests.mongod import running_mongod
from tests.namespaces import Network
from tests.processes import PeerProcess
from tests.rooms import (
    FACTS,
    STANDING,
    TERM,
    TEXTS,
    elected,
    found,
    id_of,
    name_of,
    say,
    sees_members,
    sees_texts,
)
from tests.waiting import wait_until

BUSY_S = 25


def test_killed_members_and_hosts_one_after_another_lose_nothing(lab: Lab) -> None:
    ada, grace, lin, mary = people = [lab.enter(name) for name in ("ada", "grace", "lin", "mary")]
    notebook = lab.enter("grace")
    found(*people)
    texts: list[str] = []

    def write(*writers: PeerProcess) -> None:
        for writer in writers:
            texts.append(f"{len(texts)} by {name_of(writer)}")
            say(writer, texts[-1])

    write(ada, grace, lin, mary)
    sees_texts(people, texts)

    # A member is killed: the host keeps for it what it has missed.
    lin.kill()
    write(ada, grace, notebook)
    order = sees_texts([ada, grace, mary, notebook], texts)
    lin = lab.enter("lin")
    lin.sees(TEXTS, order)

    # The host is killed in the middle of it, and back before anybody takes it to be gone.
    write(lin, mary)
    ada.kill()
    write(grace, lin)
    ada = lab.enter("ada")
    people = [ada, grace, lin, mary]
    sees_texts([*people, notebook], texts)

    # It is killed for good, and what is written meanwhile is its successor's to number.
    ada.kill()
    write(grace, lin, mary, notebook)
    second = elected([grace, lin, mary, notebook], ada)
    order = sees_texts([grace, lin, mary, notebook], texts)

    # What the former host has missed waits at the new one.
    ada = lab.enter("ada")
    ada.sees(TEXTS, order)
    ada.sees(TERM, grace.value(TERM))

    # The next host falls too, unless it is the one whose other kernel is watched.
    people = [ada, grace, lin, mary]
    if second is not grace and second is not notebook:
        rest = [each for each in people if id_of(each) != id_of(second)]
        second.kill()
        write(*rest)
        elected([*rest, notebook], second)
        sees_texts([*rest, notebook], texts)
        people = [*rest, lab.enter(name_of(second))]

    # All are killed at once and come back.
    write(*people)
    for person in [notebook, *people]:
        person.kill()
    people = [lab.enter(name_of(person)) for person in people]
    order = sees_texts(people, texts)
    for name in ("ada", "grace", "lin", "mary"):
        own = [text for text in texts if text.endswith(name)]
        assert [text for text in order if text.endswith(name)] == own, "an author's messages changed places"


def test_a_busy_host_is_not_gone(lab: Lab) -> None:
    ada, grace, lin = people = [lab.enter(name) for name in ("ada", "grace", "lin")]
    found(*people)
    ada.stop()
    begun = time.monotonic()
    say(grace, "to a busy host")
    wait_until(lambda: time.monotonic() > begun + BUSY_S, 2 * BUSY_S, "the end of the busy spell")
    for person in (grace, lin):
        assert person.value(TERM) == [1, id_of(ada)]
        assert not person.value(f"{FACTS}.awaits_host")
    assert lin.value(TEXTS) == []
    ada.cont()
    sees_texts(people, ["to a busy host"])
    assert ada.value(TERM) == [1, id_of(ada)]


@pytest.mark.timeout(300)
def test_a_host_that_is_cut_off_is_replaced_and_two_sides_with_a_host_each_become_one_room(tmp_path: Path) -> None:
    with ExitStack() as stack:
        network = stack.enter_context(Network())
        mongod = stack.enter_context(running_mongod(network.outside.address))
        hosts = {name: network.host(name) for name in ("ada", "bob", "cyd", "dan", "eve")}
        peers: dict[str, PeerProcess] = {}
        for name, host in hosts.items():
            process = PeerProcess(tmp_path / name, registry=mongod.uri, namespace=host.namespace)
            peers[name] = stack.enter_context(process)
            process.open(name)
        everybody = list(peers.values())
        found(*everybody)
        ada, bob = peers["ada"], peers["bob"]
        theirs, others = [ada, bob], [peers[name] for name in ("cyd", "dan", "eve")]

        network.partition([hosts["ada"], hosts["bob"]], [hosts["cyd"], hosts["dan"], hosts["eve"]])
        for person in everybody:
            say(person, f"{name_of(person)} while they part")
        elected(others, ada)
        assert ada.value(TERM) == bob.value(TERM) == [1, id_of(ada)]
        for person in everybody:
            say(person, f"{name_of(person)} while they are apart")
        for side in (theirs, others):
            sees_texts(side, [f"{name_of(each)} while they {what}" for each in side for what in ("part", "are apart")])
        network.heal()
        texts = [f"{name_of(each)} while they {what}" for each in everybody for what in ("part", "are apart")]
        order = sees_texts(everybody, texts, 60)
        for person in everybody:
            place = [order.index(f"{name_of(person)} while they {what}") for what in ("part", "are apart")]
            assert place == sorted(place)
            assert person.value(TERM) == ada.value(TERM) != [1, id_of(ada)]


def test_who_leaves_is_out_and_only_the_founder_deletes_whoever_hosts(lab: Lab) -> None:
    ada, grace, lin, mary, tim = people = [lab.enter(name) for name in ("ada", "grace", "lin", "mary", "tim")]
    found(*people)
    say(ada, "before")
    sees_texts(people, ["before"])

    # The host cannot be told of a departure: it is gone.
    ada.kill()
    grace.value("await peer.leave_room('reading')")
    assert grace.value(STANDING) == "leaving"
    assert "not in #reading any more" in failure(grace, "peer.chat('#reading', 'still here')")
    say(mary, "after")
    host = elected([lin, mary, tim], ada)
    sees_texts([lin, mary, tim], ["before", "after"])
    sees_out([lin, mary, tim], grace)
    grace.sees(STANDING, "left")
    assert grace.value(TEXTS) == ["before"]

    # Nor another's, who is offline when leaving.
    gone = tim if host is not tim else mary
    rest = [lin, mary] if gone is tim else [lin, tim]
    name = name_of(gone)
    gone.kill()
    gone = lab.enter(name, start=False)
    gone.value("await peer.leave_room('reading')")
    say(rest[0], "to those who are there")
    sees_texts(rest, ["before", "after", "to those who are there"])
    gone.value("await peer.start()")
    sees_out(rest, gone)
    gone.sees(STANDING, "left")
    assert sorted(gone.value(TEXTS)) == ["after", "before"]

    # The founder is back, hosts no more, and deletes the room.
    ada = lab.enter("ada")
    texts = ["before", "after", "to those who are there"]
    sees_texts([ada, *rest], texts)
    sees_members(ada, *rest)
    assert ada.value(TERM)[1] == id_of(host)
    for person in rest:
        assert "Only who founded #reading can delete it" in failure(person, "peer.delete_room('reading')")
    late = next(each for each in rest if each is not host)
    late.kill()
    ada.value("await peer.delete_room('reading')")
    for person in (ada, host):
        person.sees(f"{FACTS}.deleted")
    late = lab.enter(name_of(late))
    late.sees(f"{FACTS}.deleted")
    for person in (ada, host, late):
        assert "nothing more can be written" in failure(person, "peer.chat('#reading', 'too late')")
        assert sorted(person.value(TEXTS)) == sorted(texts)


def sees_out(people: list[PeerProcess], leaver: PeerProcess) -> None:
    for person in people:
        person.sees(f"{id_of(leaver)!r} in {FACTS}.members", False)
