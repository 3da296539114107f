"""A host that dies says nothing, and a process that is busy says nothing either: the network tells them apart."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.mongod import running_mongod
from tests.namespaces import Network
from tests.processes import PeerProcess
from tests.waiting import wait_until

NOTICED_S = 60
"""What DESIGN.md promises: a dead host is noticed in less."""
LATE_S = 18
STOPPED_S = 75
"""Longer than that, and than socket.io's default pings would wait."""


def linked(names: list[str]) -> str:
    """Whether there is a link with each, busy or not, as the table of peers has it."""
    return f"peer.peers().set_index('name').direction.reindex({names}).ne('').tolist()"


@pytest.mark.timeout(300)
def test_a_dead_host_is_noticed_within_a_minute_and_a_busy_one_is_not_taken_for_dead(tmp_path: Path) -> None:
    with ExitStack() as stack:
        network = stack.enter_context(Network())
        mongod = stack.enter_context(running_mongod(network.outside.address))
        hosts = {name: network.host(name) for name in ("idle", "ada", "spoken", "late", "busy")}
        peers: dict[str, PeerProcess] = {}
        # One of those that will be dead was there before Ada, who dialled it; the others came later and dialled her.
        for name, host in hosts.items():
            process = PeerProcess(tmp_path / name, name, registry=mongod.uri, namespace=host.namespace)
            peers[name] = stack.enter_context(process)
        ada, dead = peers["ada"], ["idle", "spoken", "late"]
        others = [*dead, "busy"]
        ada.sees(linked(others), [True] * 4)
        for name in others:
            peers[name].sees(linked(["ada"]), [True])
        since = "str(peer.peers().set_index('name').since['busy'])"
        up = ada.value(since)

        peers["busy"].stop()
        for name in dead:
            hosts[name].cut()
        begun = time.monotonic()
        for name in ("spoken", "busy"):
            ada.value(f"await peer.chat('{name}', 'first')")
        # What is sent while probes go unanswered makes the system wait anew, which must fit into the minute as well.
        wait_until(lambda: time.monotonic() > begun + LATE_S, 2 * LATE_S, "the time of the late message")
        assert ada.value(linked(["late"])) == [True]
        ada.value("await peer.chat('late', 'first')")

        ada.sees(linked(others), [False, False, False, True], begun + NOTICED_S - time.monotonic())
        for name in dead:
            # Those who are cut off have lost Ada in the same way.
            peers[name].sees(linked(["ada"]), [False], begun + NOTICED_S - time.monotonic())

        wait_until(lambda: time.monotonic() > begun + STOPPED_S, STOPPED_S, "the end of the busy spell")
        assert ada.value(linked(["busy"])) == [True]
        peers["busy"].cont()
        network.heal()
        history = "(await peer.history('ada')).text.tolist()"
        peers["busy"].sees(history, ["first"])
        ada.sees(linked(others), [True] * 4, NOTICED_S)
        for name in ("spoken", "late", "busy"):
            # What is repeated would come before what is sent later.
            ada.value(f"await peer.chat('{name}', 'second')")
            peers[name].sees(history, ["first", "second"], NOTICED_S)
        assert ada.value(since) == up, "the busy one's link was another one in the end"
