"""The smaller parts of the store: profile, counters, records, outbox, files, downloads, peers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from nacl.signing import SigningKey

from academics_jupyter.errors import UnknownTargetError
from academics_jupyter.protocol.identity import peer_id
from academics_jupyter.protocol.records import Holding, Presence, Profile, Record, Resource, Signed, sign_record
from academics_jupyter.store.downloads import Download, Share
from academics_jupyter.store.files import HeldFile
from academics_jupyter.store.folder import ProfileFolder
from academics_jupyter.store.keys import Keys
from academics_jupyter.store.peers import Contact
from academics_jupyter.store.profile import ProfileDetails
from academics_jupyter.store.store import Store
from tests.unit.store.conftest import NOW_MS

ADA = SigningKey(b"a" * 32)
BOB = SigningKey(b"b" * 32)
PAPER = "0a" * 32
DATA = "0b" * 32


def resource(
    key: SigningKey, resource_id: str, epoch: int = 1, sequence: int = 1, title: str = "T"
) -> Signed[Resource]:
    return sign_record(
        key,
        Resource(
            peer=peer_id(key),
            epoch=epoch,
            sequence=sequence,
            issued_at_ms=NOW_MS,
            expires_at_ms=NOW_MS + 1,
            id=resource_id,
            sha256=resource_id,
            size_bytes=1,
            file_name="a.txt",
            media_type="text/plain",
            kind="text",
            title=title,
        ),
    )


def base(key: SigningKey) -> dict[str, object]:
    return {"peer": peer_id(key), "epoch": 1, "sequence": 1, "issued_at_ms": NOW_MS, "expires_at_ms": NOW_MS}


def test_profile(store: Store, topics: list[frozenset[str]]) -> None:
    assert store.profile.get() is None
    store.profile.put(ProfileDetails("Ada"))
    details = ProfileDetails("Ada", "ada@example.org", "Institute", ("logic", "Ümlaut"))
    store.profile.put(details)
    assert store.profile.get() == details
    assert topics == [{"profile"}, {"profile"}]


def test_counters_never_go_back(folder: ProfileFolder, keys: Keys) -> None:
    store = Store.open(folder, keys, clock=lambda: 500)
    assert store.counters.series() == 500
    assert store.counters.epoch() == 500
    assert store.counters.epoch() == 500
    assert store.counters.begin_epoch(400) == 501
    assert store.counters.begin_epoch(900) == 900
    assert [store.counters.next_sequence() for _ in range(3)] == [1, 2, 3]
    store.close()
    store = Store.open(folder, keys, clock=lambda: 100)
    assert store.counters.series() == 500
    assert store.counters.epoch() == 900
    assert store.counters.next_sequence() == 4
    store.close()


@pytest.mark.parametrize(
    ("rank", "kept"), [((1, 1), False), ((1, 0), False), ((0, 9), False), ((1, 2), True), ((2, 0), True)]
)
def test_the_higher_rank_counts(store: Store, topics: list[frozenset[str]], rank: tuple[int, int], kept: bool) -> None:
    assert store.records.put(resource(ADA, PAPER, title="first"))
    assert store.records.put(resource(ADA, PAPER, *rank, title="second")) is kept
    (known,) = store.records.resources()
    assert known.record.title == ("second" if kept else "first")
    assert topics == [{"resources"}] * (1 + kept)


def test_records_by_kind(store: Store, topics: list[frozenset[str]]) -> None:
    records: list[Signed[Record]] = [
        sign_record(ADA, Presence(**base(ADA), name="Ada", urls=("https://a",), certificate=PAPER, online=True)),  # type: ignore[arg-type]
        sign_record(ADA, Profile(**base(ADA), name="Ada")),  # type: ignore[arg-type]
        sign_record(ADA, Holding(**base(ADA), resource=PAPER, held=True)),  # type: ignore[arg-type]
        sign_record(BOB, Holding(**base(BOB), resource=PAPER, held=False)),  # type: ignore[arg-type]
        sign_record(BOB, Holding(**base(BOB), resource=DATA, held=True)),  # type: ignore[arg-type]
        resource(ADA, PAPER),
        resource(BOB, PAPER),
        resource(BOB, DATA),
    ]
    assert all(store.records.put(signed) for signed in records)
    assert topics == [{name} for name in ["presences", "profiles"] + ["holdings"] * 3 + ["resources"] * 3]
    assert store.records.presences() == [records[0]]
    assert store.records.profiles() == [records[1]]
    assert store.records.holdings(DATA) == [records[4]]
    assert {signed.record.peer for signed in store.records.holdings(PAPER)} == {peer_id(ADA), peer_id(BOB)}
    assert len(store.records.resources()) == 3
    assert len(store.records.resources("0A")) == 2
    assert store.records.resources("0b0b") == [records[7]]
    assert store.records.resources("%") == []
    assert store.records.resources("f") == []
    assert store.records.get(Profile, peer_id(ADA)) == records[1]
    assert store.records.get(Profile, peer_id(BOB)) is None


def test_outbox_keeps_order(store: Store, topics: list[frozenset[str]]) -> None:
    first = store.outbox.add("registry", "record", "L\nk")
    second = store.outbox.add(peer_id(BOB), "message", "m")
    third = store.outbox.add("registry", "record", "L\nj")
    assert [entry.id for entry in store.outbox.waiting()] == [first, second, third]
    assert [entry.id for entry in store.outbox.waiting("registry")] == [first, third]
    assert store.outbox.count() == 3
    store.outbox.failed(first, "unreachable")
    store.outbox.failed(first, "refused")
    entry = store.outbox.waiting("registry")[0]
    assert (entry.attempts, entry.error, entry.created_at_ms, entry.failing_since_ms) == (2, "refused", NOW_MS, NOW_MS)
    store.outbox.done(second)
    store.outbox.done(second)
    assert [entry.destination for entry in store.outbox.waiting()] == ["registry", "registry"]
    queued = [{"outbox", "registry"}, {"outbox", "queued"}, {"outbox", "registry"}]
    assert topics == [*queued, *[{"outbox"}] * 3]


def test_what_is_queued_again_goes_last_and_is_sent_again(store: Store) -> None:
    sending = store.outbox.add("registry", "record", "L\nk")
    other = store.outbox.add("registry", "record", "L\nj")
    store.outbox.failed(sending, "unreachable")
    again = store.outbox.add("registry", "record", "L\nk")
    store.outbox.done(sending)
    assert [entry.id for entry in store.outbox.waiting()] == [other, again]
    assert [entry.error for entry in store.outbox.waiting()] == ["", "unreachable"]
    store.outbox.done(other)
    assert [entry.id for entry in store.outbox.waiting()] == [again]


def test_files(store: Store, topics: list[frozenset[str]]) -> None:
    held = HeldFile(PAPER, "a.txt", 3, b"\x00" * 32, NOW_MS, 5)
    store.files.put(held)
    store.files.put(replace(held, path="/elsewhere/a.txt"))
    store.files.put(replace(held, resource=DATA, added_at_ms=NOW_MS + 1))
    assert store.files.get(PAPER) == replace(held, path="/elsewhere/a.txt")
    assert [file.resource for file in store.files.all()] == [DATA, PAPER]
    store.files.remove(PAPER)
    store.files.remove(PAPER)
    assert store.files.get(PAPER) is None
    assert topics == [{"files"}] * 4


def test_downloads(store: Store, topics: list[frozenset[str]]) -> None:
    downloads = store.downloads
    asked = downloads.request(PAPER, "a.txt", 10, "", NOW_MS)
    assert asked == Download(asked.id, PAPER, "a.txt", 10, 0, 0.0, "waiting", "", (), "", "", "", "", NOW_MS, 0)
    assert downloads.request(PAPER, "b.txt", 10, "", NOW_MS + 1) == asked
    elsewhere = downloads.request(PAPER, "a.txt", 10, "/data", NOW_MS)
    chosen = downloads.request(DATA, "b.csv", 10, "", NOW_MS, PAPER)
    assert len({asked.id, elsewhere.id, chosen.id}) == 3
    assert chosen.inside == PAPER
    holders = (Share("a", 4, 2.0), Share("b", 1, 0.5))
    active = downloads.turn(asked.id, "active", done_bytes=5, rate_bytes_s=2.5, holders=holders, pieces="90")
    assert downloads.get(asked.id) == active
    assert (active.holders, active.pieces, active.left_s) == (holders, "90", 2.0)
    assert downloads.request(PAPER, "a.txt", 10, "", NOW_MS) == active
    assert downloads.pending() == [active, elsewhere, chosen]
    finished = downloads.turn(asked.id, "finished", path="/r/a.txt")
    assert (finished.finished_at_ms, finished.rate_bytes_s, finished.left_s) == (NOW_MS, 0.0, None)
    assert [share.rate_bytes_s for share in finished.holders] == [0.0, 0.0]
    assert downloads.turn(asked.id, "finished") == finished
    again = downloads.request(PAPER, "a.txt", 10, "", NOW_MS)
    assert again.id not in {asked.id, elsewhere.id}
    assert [one.id for one in downloads.all()] == [again.id, chosen.id, elsewhere.id, asked.id]
    failed = downloads.turn(elsewhere.id, "failed", error="no holder")
    assert downloads.turn(elsewhere.id, "active", done_bytes=6) == failed
    assert downloads.get(99) is None
    with pytest.raises(UnknownTargetError):
        downloads.turn(99, "failed")
    assert topics == [{"downloads"}] * 7


def test_a_paused_download_goes_on_only_when_asked_to(store: Store) -> None:
    downloads = store.downloads
    asked = downloads.request(PAPER, "a.txt", 10, "", NOW_MS)
    downloads.turn(asked.id, "active", done_bytes=5)
    paused = downloads.turn(asked.id, "paused")
    assert downloads.pending() == []
    assert downloads.turn(asked.id, "active", done_bytes=6) == paused
    assert downloads.turn(asked.id, "failed", error="cut off") == paused
    assert downloads.turn(asked.id, "waiting").state == "waiting"
    downloads.turn(asked.id, "paused")
    assert downloads.request(PAPER, "a.txt", 10, "", NOW_MS).state == "waiting"
    assert [each.done_bytes for each in downloads.pending()] == [5]
    downloads.turn(asked.id, "paused")
    assert downloads.turn(asked.id, "finished").state == "finished"


def test_peers(store: Store, topics: list[frozenset[str]]) -> None:
    store.peers.seen("b", "Bob", 100)
    store.peers.seen("b", "", 90)
    store.peers.link_up("a", "outgoing", 200)
    store.peers.set_rtt("a", 12.5)
    store.peers.seen("a", "ada", 210)
    store.peers.set_verified("b")
    store.peers.set_blocked("c", True)
    ada = Contact("a", "ada", 200, 210, True, False, False, False, "outgoing", 12.5, 200)
    bob = Contact("b", "Bob", 100, 100, False, False, True, False, "", None, None)
    blocked = Contact("c", "", 0, 0, False, False, False, True, "", None, None)
    assert store.peers.all() == [ada, blocked, bob]
    store.peers.link_down("a", 300)
    down = replace(ada, last_seen_ms=300, direction="", rtt_ms=None, since_ms=None)
    assert store.peers.get("a") == down
    assert (ada.linked, down.linked) == (True, False)
    store.peers.set_online({"a": True, "b": False})
    store.peers.set_online({"a": True, "b": False})
    assert store.peers.online() == {"a", "b"}
    assert store.peers.get("a") == replace(down, busy=True)
    store.peers.set_online({"b": False})
    down = replace(down, online=False)
    assert store.peers.get("a") == down
    store.peers.link_up("a", "incoming", 400)
    assert store.peers.linked() == {"a"}
    store.peers.nobody_online()
    store.peers.nobody_online()
    assert store.peers.online() == store.peers.linked() == frozenset()
    assert store.peers.get("a") == replace(down, last_seen_ms=400)
    store.peers.set_blocked("c", False)
    assert store.peers.get("c") == replace(blocked, blocked=False)
    assert store.peers.get("d") is None
    assert topics == [{"peers"}] * 13
