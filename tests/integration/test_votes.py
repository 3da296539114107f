"""Who is gone and who is not, between peers in processes of their own: votes, leases, forgeries, cut networks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from bson.datetime_ms import DatetimeMS
from nacl.signing import SigningKey
from pymongo import MongoClient

from academics_jupyter.protocol.identity import peer_id
from academics_jupyter.protocol.records import Presence, Record, Signed, Vote, sign_record
from academics_jupyter.registry.mongo import MongoRegistry
from tests.mongod import RunningMongod, running_mongod
from tests.namespaces import Network
from tests.processes import PeerProcess
from tests.waiting import TIMEOUT_S, wait_until

NAMES = ("ada", "ben", "cyd", "dan", "eva", "fay", "gil", "hal")
OUT_TIMEOUT_S = 120.0
"""Promised: whom nobody can reach is out for all within two minutes."""

BUSY_S = 45.0
"""Longer than it takes to vote somebody out."""

KNOWN, NOW = "peer._engine.membership.known", "peer._engine.membership.now_ms"
"""What a process has heard; only to know when it has."""


class Lab:
    """Peers in a process each, around one registry."""

    def __init__(self, folder: Path, mongod: RunningMongod, stack: ExitStack) -> None:
        self._folder, self._stack = folder, stack
        self.mongod = mongod
        self.everybody: dict[str, PeerProcess] = {}
        client: MongoClient[dict[str, Any]] = stack.enter_context(
            MongoClient(mongod.uri, datetime_conversion="DATETIME_MS")
        )
        self.users = client["academics"]["active_users"]

    def start(self, *names: str, namespace: str = "") -> None:
        for name in names:
            process = PeerProcess(self._folder / name, registry=self.mongod.uri, namespace=namespace)
            self.everybody[name] = self._stack.enter_context(process)
        for name in names:
            self.everybody[name].open(name)

    def id(self, name: str) -> str:
        return self.everybody[name].ids[name]

    def document(self, name: str) -> dict[str, Any]:
        return self.users.find_one({"_id": self.id(name)}) or {}

    def all_see_online(self, online: set[str], *by: str, timeout_s: float = TIMEOUT_S) -> None:
        """Wait until each of `by` sees exactly those others online whom the test names."""
        for name in by:
            seeing = "sorted((table := await peer.people())[table.online].name)"
            self.everybody[name].sees(seeing, sorted(online), timeout_s)

    def publish(self, *records: Signed[Record]) -> None:
        """Write records as any client of the registry could."""

        async def write() -> None:
            registry = MongoRegistry(self.mongod.uri)
            await registry.open()
            for signed in records:
                assert await registry.publish(signed)
            await registry.close()

        asyncio.run(write())


@contextmanager
def lab(folder: Path, bind_ip: str = "127.0.0.1") -> Iterator[Lab]:
    with ExitStack() as stack:
        yield Lab(folder, stack.enter_context(running_mongod(bind_ip)), stack)


def header(key: SigningKey, sequence: int, lifetime_ms: int) -> dict[str, Any]:
    now_ms = time.time_ns() // 1_000_000
    return {
        "peer": peer_id(key),
        "epoch": 1,
        "sequence": sequence,
        "issued_at_ms": now_ms,
        "expires_at_ms": now_ms + lifetime_ms,
    }


def presence(key: SigningKey, sequence: int, **fields: Any) -> Signed[Presence]:
    usual = {"name": "mallory", "urls": ("https://127.0.0.1:9",), "certificate": "c" * 64, "online": True}
    return sign_record(key, Presence(**header(key, sequence, 90_000), **{**usual, **fields}))


@pytest.mark.timeout(400)
def test_who_is_killed_is_out_for_all_who_is_busy_is_not_and_the_registry_moves_nobody(tmp_path: Path) -> None:
    with lab(tmp_path) as here:
        here.start(*NAMES)
        here.all_see_online(set(NAMES), *NAMES)
        _a_lone_hostile_voter_evicts_nobody(here)
        _forged_and_altered_documents_change_nothing(here)

        # While one is dead another computes, and somebody comes who has never had a link with either.
        hal, others = here.id("hal"), NAMES[:-1]
        here.everybody["hal"].kill()
        compute = f"ends = time.monotonic() + {BUSY_S}\nwhile time.monotonic() < ends: pass"
        computing = here.everybody["gil"].ask(compute)
        here.start("ivy")
        here.everybody["ivy"].value("await peer.chat('gil', 'for when you are done')")
        watching = [name for name in (*others, "ivy") if name != "gil"]
        here.all_see_online({*others, "ivy"}, *watching)
        for name in watching:
            here.everybody[name].sees("peer.peers().set_index('name').state['gil']", "busy")
        wait_until(lambda: here.document("hal")["disconnectedCount"] > len(NAMES) / 2, OUT_TIMEOUT_S, "the votes")
        for name in watching:
            gone = f"'{hal}' not in {KNOWN}.active({NOW})"
            here.everybody[name].sees(gone, timeout_s=OUT_TIMEOUT_S)
        computing.result(2 * BUSY_S)
        here.everybody["gil"].sees("(await peer.history('ivy')).text.tolist()", ["for when you are done"])
        assert {here.document(name)["disconnectedCount"] for name in (*others, "ivy")} == {0}
        here.all_see_online({*others, "ivy"}, *others, "ivy")

        before = here.document("hal")["epoch"]
        here.start("hal")
        assert here.document("hal")["epoch"] > before
        here.all_see_online({*NAMES, "ivy"}, *NAMES)


def _a_lone_hostile_voter_evicts_nobody(here: Lab) -> None:
    mallory = SigningKey.generate()
    here.publish(presence(mallory, 1))
    for sequence, name in enumerate(NAMES, start=2):
        about = {"target": here.id(name), "target_epoch": int(here.document(name)["epoch"]), "failed": True}
        here.publish(sign_record(mallory, Vote(**header(mallory, sequence, 120_000), **about)))
    assert {here.document(name)["disconnectedCount"] for name in NAMES} == {1}
    ids = [here.id(name) for name in NAMES]
    for process in here.everybody.values():
        process.sees(f"[{KNOWN}.disconnected_count(each, {NOW}) for each in {ids}]", [1] * len(ids))
    here.all_see_online(set(NAMES), *NAMES)
    for sequence, name in enumerate(NAMES, start=20):
        about = {"target": here.id(name), "target_epoch": int(here.document(name)["epoch"]), "failed": False}
        here.publish(sign_record(mallory, Vote(**header(mallory, sequence, 120_000), **about)))
    here.publish(presence(mallory, 40, online=False))


def _forged_and_altered_documents_change_nothing(here: Lab) -> None:
    now = DatetimeMS(time.time_ns() // 1_000_000)
    alterations: list[dict[str, Any]] = [
        {"online": False},
        {"disconnectedCount": 99, "votes": {here.id(name): {"failed": True} for name in NAMES}},
        {"payload": "academics/1/presence\n{}"},
        {"epoch": 1 << 52},
        {"lease_until": DatetimeMS(0)},
        {"signature": "0" * 128},
        {"peer": here.id("ada")},
    ]
    for name, altered in zip(NAMES, alterations, strict=False):
        here.users.update_one({"_id": here.id(name)}, {"$set": {**altered, "changed": now}})
    here.users.delete_one({"_id": here.id("hal")})
    here.users.insert_one({"_id": "f" * 64, "online": True, "changed": now, "lease_until": DatetimeMS(1 << 45)})
    # Whatever is written after the forgeries is read after them.
    marker = SigningKey.generate()
    here.publish(presence(marker, 1))
    for process in here.everybody.values():
        process.sees(f"{KNOWN}.presence('{peer_id(marker)}') is not None")
    here.publish(presence(marker, 2, online=False))
    here.all_see_online(set(NAMES), *NAMES)
    # Each mends its own, so that newcomers see it too.
    here.start("jan")
    here.all_see_online({*NAMES, "jan"}, "jan", timeout_s=60)
    for name in NAMES:
        wait_until(
            lambda name=name: (mended := here.document(name)).get("online") and mended["peer"] == here.id(name), 60
        )
    here.everybody.pop("jan").close()
    here.all_see_online(set(NAMES), *NAMES)


@pytest.mark.timeout(400)
def test_whom_only_the_registry_reaches_is_voted_out_evicts_nobody_and_returns(tmp_path: Path) -> None:
    with Network() as network, lab(tmp_path, network.outside.address) as here:
        hosts = {name: network.host(name) for name in NAMES}
        for name in NAMES:
            here.start(name, namespace=hosts[name].namespace)
        here.all_see_online(set(NAMES), *NAMES)
        alone, others = "hal", NAMES[:-1]
        epoch = here.document(alone)["epoch"]

        network.partition([hosts[alone]], [hosts[name] for name in others])
        wait_until(lambda: here.document(alone)["disconnectedCount"] > len(NAMES) / 2, OUT_TIMEOUT_S, "the votes")
        here.all_see_online(set(others), *others)
        here.all_see_online({alone}, alone)
        assert {here.document(name)["disconnectedCount"] for name in others} == {0}
        assert here.document(alone)["epoch"] == epoch
        here.start("ivy", namespace=network.host("ivy").namespace)
        here.all_see_online({*others, "ivy"}, "ivy")

        network.heal()
        here.all_see_online({*NAMES, "ivy"}, *NAMES, timeout_s=OUT_TIMEOUT_S)
        wait_until(lambda: here.document(alone)["disconnectedCount"] == 0, OUT_TIMEOUT_S, "votes that are taken back")
