"""One suite for the Registry port, over its twin in memory and over a real mongod of the embedded lifecycle."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from bson.datetime_ms import DatetimeMS
from nacl.signing import SigningKey
from pymongo import MongoClient

from academics_jupyter.errors import RegistryError, RegistryUnreachableError, UsageError
from academics_jupyter.protocol.identity import peer_id
from academics_jupyter.protocol.records import (
    PRESENCE_LEASE_MS,
    RECORD_LIFETIME_MS,
    Author,
    Holding,
    Presence,
    Profile,
    Record,
    Resource,
    Signed,
    Vote,
    sign_record,
)
from academics_jupyter.registry.documents import document, document_id
from academics_jupyter.registry.embedded import EmbeddedMongod
from academics_jupyter.registry.memory import MemoryNetwork, MemoryRegistry
from academics_jupyter.registry.mongo import MongoRegistry, checked_host
from academics_jupyter.registry.opening import EmbeddedRegistry, open_registry
from academics_jupyter.registry.port import Found, Page, Query, Registry
from tests.waiting import wait_until, wait_until_async


def key(name: str) -> SigningKey:
    return SigningKey(hashlib.sha256(name.encode()).digest())


ADA, BOB, EVE = key("ada"), key("bob"), key("eve")


def presence(who: SigningKey, now: int, sequence: int = 1, lease: int = PRESENCE_LEASE_MS, **fields: object) -> Signed:
    usual = {"name": "Ada", "urls": ("https://127.0.0.1:1",), "certificate": "c" * 64, "online": True, "epoch": 1}
    dated = {"issued_at_ms": now, "expires_at_ms": now + lease, "sequence": sequence}
    return sign_record(who, Presence(peer=peer_id(who), **{**usual, **dated, **fields}))


def dated(who: SigningKey, sequence: int) -> dict:
    now = time.time_ns() // 1_000_000
    times = {"issued_at_ms": now, "expires_at_ms": now + RECORD_LIFETIME_MS}
    return {"peer": peer_id(who), "epoch": 1, "sequence": sequence, **times}


def resource(who: SigningKey, name: str, created: int, sequence: int = 1, **fields: object) -> Signed:
    digest = hashlib.sha256(name.encode()).hexdigest()
    usual = {
        "id": digest,
        "sha256": digest,
        "size_bytes": 1,
        "file_name": "file.pdf",
        "media_type": "application/pdf",
        "kind": "paper",
        "title": name,
        "created_at_ms": created,
    }
    return sign_record(who, Resource(**{**dated(who, sequence), **usual, **fields}))


def vote(who: SigningKey, target: SigningKey, sequence: int = 1, **fields: object) -> Signed:
    usual = {"target": peer_id(target), "target_epoch": 1, "failed": True}
    return sign_record(who, Vote(**{**dated(who, sequence), **usual, **fields}))


def holding(who: SigningKey, name: str, sequence: int = 1, held: bool = True) -> Signed:
    digest = hashlib.sha256(name.encode()).hexdigest()
    return sign_record(who, Holding(**dated(who, sequence), resource=digest, held=held))


def profile(who: SigningKey, name: str, sequence: int = 1, **fields: object) -> Signed:
    return sign_record(who, Profile(**dated(who, sequence), name=name, **fields))


@dataclass
class Clock:
    """The twin's clock, which a test may put forward."""

    ahead_ms: int = 0

    def __call__(self) -> int:
        return time.time_ns() // 1_000_000 + self.ahead_ms


@pytest.fixture(scope="module")
def mongod() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="m") as folder:
        embedded = EmbeddedMongod(Path(folder))
        yield embedded.acquire()
        embedded.release()
        wait_until(lambda: not embedded.alive(), what="mongod's end")


@pytest.fixture
def database(mongod: str) -> Iterator:
    """A client to write past the registry, on a database of the test's own."""
    name = f"t{time.monotonic_ns()}"
    with MongoClient(mongod, datetime_conversion="DATETIME_MS") as client:
        yield client[name]
        client.drop_database(name)


@pytest.fixture
async def real(mongod: str, database) -> AsyncIterator[MongoRegistry]:
    registry = MongoRegistry(mongod.replace("/academics?", f"/{database.name}?"))
    await registry.open()
    yield registry
    await registry.close()


@pytest.fixture(params=["memory", "mongo"])
def registry(request: pytest.FixtureRequest) -> Registry:
    if request.param == "memory":
        return MemoryRegistry(MemoryNetwork(Clock()))
    real: MongoRegistry = request.getfixturevalue("real")
    return real


def titles(found: Page | list[Found]) -> list[str]:
    founds = found.found if isinstance(found, Page) else found
    return [each.descriptions[0].record.title for each in founds]


async def active(registry: Registry) -> list[Signed[Presence]]:
    return sorted((await registry.members()).presences, key=lambda signed: signed.record.peer)


def everybody(*who: SigningKey) -> frozenset[str]:
    return frozenset(peer_id(each) for each in who)


async def publish(registry: Registry, *records: Signed[Record]) -> None:
    for signed in records:
        assert await registry.publish(signed)


async def test_the_clock_is_the_registry_s(registry: Registry) -> None:
    assert abs(await registry.now_ms() - time.time_ns() // 1_000_000) < 60_000


async def test_publishing_is_idempotent_and_older_records_are_ignored(registry: Registry) -> None:
    new, old = profile(ADA, "Ada King", 2), profile(ADA, "Ada Byron", 1)
    assert await registry.publish(new)
    assert await registry.publish(new)
    assert not await registry.publish(old)
    assert not await registry.publish(profile(ADA, "Ada Twice", 2))
    assert await registry.profile(peer_id(ADA)) == new
    assert await registry.profile(peer_id(BOB)) is None


async def test_a_higher_epoch_wins_over_a_higher_sequence(registry: Registry) -> None:
    now = await registry.now_ms()
    await publish(registry, presence(ADA, now, 9), presence(ADA, now, 1, epoch=2))
    assert not await registry.publish(presence(ADA, now, 10))
    assert [signed.record.rank for signed in await active(registry)] == [(2, 1)]


async def test_many_writers_at_once_leave_the_newest(registry: Registry) -> None:
    versions = [profile(ADA, f"Ada {i}", i) for i in range(1, 21)]
    await asyncio.gather(*(registry.publish(each) for each in [*versions[::2], *versions[::-3], *versions]))
    assert await registry.profile(peer_id(ADA)) == versions[-1]


async def test_who_is_online(registry: Registry) -> None:
    now = await registry.now_ms()
    ada, bob = presence(ADA, now), presence(BOB, now, name="Bob")
    await publish(registry, ada, bob)
    assert await active(registry) == sorted([ada, bob], key=lambda signed: signed.record.peer)
    await publish(registry, presence(BOB, now, 2, online=False))
    assert await active(registry) == [ada]


async def test_a_lease_runs_out_and_is_renewed(registry: Registry) -> None:
    now = await registry.now_ms()
    await publish(registry, presence(ADA, now, 1, lease=300))

    async def gone() -> bool:
        return not await active(registry)

    await wait_until_async(gone)
    renewed = presence(ADA, now, 2)
    await publish(registry, renewed)
    assert await active(registry) == [renewed]


@pytest.mark.parametrize("off_ms", [-86_400_000, -3_600_000, 3_600_000, 86_400_000])
async def test_a_lease_is_counted_by_the_registry_s_clock(registry: Registry, off_ms: int) -> None:
    now = await registry.now_ms()
    wrong = presence(ADA, now + off_ms)
    await publish(registry, wrong)
    assert await active(registry) == [wrong]


async def test_newest_first_with_no_words(registry: Registry) -> None:
    await publish(registry, *(resource(ADA, f"paper {i}", i) for i in (2, 3, 1)))
    assert titles(await registry.search(Query())) == ["paper 3", "paper 2", "paper 1"]
    assert titles(await registry.search(Query(limit=2))) == ["paper 3", "paper 2"]
    assert titles(await registry.search(Query(limit=0))) == []


async def test_whole_words_come_before_beginnings_then_the_newest(registry: Registry) -> None:
    await publish(
        registry,
        resource(ADA, "graph neural networks", 1),
        resource(ADA, "graph net", 2),
        resource(BOB, "net of a graph", 3),
        resource(BOB, "graph netting", 4),
        resource(BOB, "networks only", 5),
    )
    query = Query(words=("Graph", "nét"))
    expected = ["net of a graph", "graph net", "graph netting", "graph neural networks"]
    assert titles(await registry.search(query)) == expected
    assert titles(await registry.search(Query(words=("gra",)))) == expected[2:3] + expected[:2] + expected[3:]
    assert titles(await registry.search(Query(words=("net graph",)))) == expected[:2]
    assert titles(await registry.search(Query(words=("graph", "nothing")))) == []


async def test_a_word_of_the_abstract_is_found(registry: Registry) -> None:
    await publish(registry, resource(ADA, "untold", 1, abstract="On mitochondria."))
    assert titles(await registry.search(Query(words=("mitochon",)))) == ["untold"]


async def test_filters(registry: Registry) -> None:
    noether, hilbert = Author(family="Noether", given="Emmy"), Author(family="Hilbert", given="David")
    await publish(
        registry,
        resource(ADA, "rings", 1, authors=(noether, hilbert), keywords=("Commutative algebra",)),
        resource(ADA, "fields", 2, authors=(hilbert,), keywords=("algebra",), kind="data"),
    )
    assert titles(await registry.search(Query(author="noether"))) == ["rings"]
    assert titles(await registry.search(Query(author="Emmy Noether"))) == ["rings"]
    assert titles(await registry.search(Query(author="Emmy Hilbert"))) == []
    assert titles(await registry.search(Query(author="hilbert"))) == ["fields", "rings"]
    assert titles(await registry.search(Query(keyword="commutative ALGEBRA"))) == ["rings"]
    assert titles(await registry.search(Query(keyword="algebra"))) == ["fields"]
    assert titles(await registry.search(Query(kind="data", author="hilbert"))) == ["fields"]
    assert titles(await registry.search(Query(words=("rin",), kind="data"))) == []


async def test_what_is_withdrawn_is_not_found(registry: Registry) -> None:
    await publish(registry, resource(ADA, "regretted", 1), resource(ADA, "regretted", 1, 2, withdrawn=True))
    assert titles(await registry.search(Query(words=("regretted",)))) == []
    assert titles(await registry.search(Query())) == []
    assert await registry.resources("") == []
    assert not await registry.publish(resource(ADA, "regretted", 1))


async def test_two_describers_of_the_same_bytes_are_one_resource(registry: Registry) -> None:
    digest = hashlib.sha256(b"same").hexdigest()
    first = resource(BOB, "same", 1, title="A survey")
    second = resource(ADA, "same", 2, title="My favourite review")
    await publish(registry, second, first, holding(ADA, "same"), holding(BOB, "same"))
    for query in (Query(), Query(words=("survey",)), Query(words=("favou",))):
        (found,) = (await registry.search(query)).found
        assert found.descriptions == (first, second)
        assert {signed.record.peer for signed in found.holdings} == {peer_id(ADA), peer_id(BOB)}
    await publish(registry, resource(BOB, "same", 1, 2, withdrawn=True))
    (found,) = await registry.resources(digest[:8])
    assert found.descriptions == (second,)
    assert titles(await registry.search(Query(words=("survey",)))) == []


async def test_a_holder_that_no_longer_holds_is_not_named(registry: Registry) -> None:
    await publish(registry, resource(ADA, "lost", 1), holding(ADA, "lost"), holding(BOB, "lost"))
    await publish(registry, holding(ADA, "lost", 2, held=False))
    (found,) = (await registry.search(Query())).found
    assert [signed.record.peer for signed in found.holdings] == [peer_id(BOB)]


async def test_holders_of_what_nobody_describes(registry: Registry) -> None:
    digest = hashlib.sha256(b"chosen").hexdigest()
    await publish(registry, holding(ADA, "chosen"), holding(BOB, "chosen"), holding(BOB, "another"))
    assert await registry.resources(digest) == []
    for first, second in ((ADA, BOB), (BOB, ADA)):
        held = await registry.holdings(digest, everybody(first))
        assert [signed.record.peer for signed in held] == [peer_id(first), peer_id(second)]
    await publish(registry, holding(ADA, "chosen", 2, held=False))
    assert [signed.record.peer for signed in await registry.holdings(digest)] == [peer_id(BOB)]


async def test_available_pages_on_past_what_nobody_online_holds(registry: Registry) -> None:
    for number in range(60):
        await publish(registry, resource(BOB, f"common {number}", number + 1))
        holder = ADA if number in (3, 17, 30) else EVE
        await publish(registry, holding(holder, f"common {number}"))
    for words in (("common",), ()):
        query = Query(words=words, available=True, limit=3, online=everybody(ADA, BOB))
        assert titles(await registry.search(query)) == ["common 30", "common 17", "common 3"]
    assert titles(await registry.search(Query(available=True, limit=1, online=everybody(ADA)))) == ["common 30"]
    assert titles(await registry.search(Query(available=True))) == []


async def test_holders_online_come_first(registry: Registry) -> None:
    names = [f"holder {number}" for number in range(40)]
    await publish(registry, resource(ADA, "popular", 1), *(holding(key(name), "popular") for name in names))
    online = max((key(name) for name in names), key=peer_id)
    (found,) = (await registry.search(Query(available=True, online=everybody(online)))).found
    assert found.holdings[0].record.peer == peer_id(online)
    assert len(found.holdings) == 32
    (found,) = await registry.resources("", 1, everybody(online))
    assert found.holdings[0].record.peer == peer_id(online)


async def test_members_since_a_mark_are_those_written_after_it(registry: Registry) -> None:
    now = await registry.now_ms()
    await publish(registry, presence(ADA, now), presence(BOB, now), vote(BOB, ADA))
    first = await registry.members()
    assert first.votes == (vote_as_published := first.votes[0],)
    assert vote_as_published.record.key == f"{peer_id(ADA)}{peer_id(BOB)}"
    left, back = presence(BOB, now, 2, online=False), vote(BOB, ADA, 3, failed=False)
    await publish(registry, left, back)
    later = await registry.members(first.mark_ms)
    assert left in later.presences
    assert back in later.votes
    assert later.mark_ms >= first.mark_ms
    assert left not in (await registry.members()).presences


async def test_a_vote_on_somebody_unknown_is_lost(registry: Registry) -> None:
    assert not await registry.publish(vote(BOB, ADA))
    assert (await registry.members()).votes == ()


async def test_votes_are_counted_once_for_each_voter_and_for_the_present_epoch(real: MongoRegistry, database) -> None:
    now = await real.now_ms()
    await publish(real, presence(ADA, now))

    def count() -> int:
        return int(database["active_users"].find_one({"_id": peer_id(ADA)})["disconnectedCount"])

    assert count() == 0
    await publish(real, vote(BOB, ADA), vote(BOB, ADA, 2), vote(EVE, ADA), vote(key("old"), ADA, target_epoch=0))
    assert count() == 2
    await publish(real, presence(ADA, now, 2))
    assert count() == 2
    await publish(real, vote(EVE, ADA, 2, failed=False))
    assert count() == 1
    await publish(real, presence(ADA, now, 3, epoch=2))
    assert count() == 0


async def test_many_voters_at_once_are_all_counted(real: MongoRegistry, database) -> None:
    await publish(real, presence(ADA, await real.now_ms()))
    voters = [key(f"voter {number}") for number in range(20)]
    await asyncio.gather(*(real.publish(vote(voter, ADA)) for voter in [*voters, *voters]))
    assert database["active_users"].find_one({"_id": peer_id(ADA)})["disconnectedCount"] == 20
    assert {signed.record.peer for signed in (await real.members()).votes} == everybody(*voters)


async def test_forged_votes_are_dropped_and_expired_ones_taken_out(real: MongoRegistry, database) -> None:
    await publish(real, presence(ADA, await real.now_ms()))
    users, until = database["active_users"], DatetimeMS(await real.now_ms() + 60_000)
    honest, for_eve = vote(BOB, ADA), vote(BOB, EVE)
    forged = {
        "x": 7,
        "y": {"payload": {"$ne": None}, "signature": "0", "until": until},
        peer_id(EVE): {"payload": honest.payload, "signature": honest.signature, "until": until},
        peer_id(BOB): {"payload": for_eve.payload, "signature": for_eve.signature, "until": until, "failed": True},
        peer_id(ADA): {"payload": honest.payload, "signature": "0" * 128, "until": DatetimeMS(0)},
    }
    users.update_one({"_id": peer_id(ADA)}, {"$set": {"votes": forged, "disconnectedCount": 99}})
    assert (await real.members()).votes == ()
    await publish(real, honest)
    assert (await real.members()).votes == (honest,)
    assert peer_id(ADA) not in users.find_one({"_id": peer_id(ADA)})["votes"]
    for spoilt in (["v"], "v", None, {"$": {"until": 1}}):
        users.update_one({"_id": peer_id(ADA)}, [{"$set": {"votes": {"$literal": spoilt}}}])
        assert await real.publish(honest)
        assert honest in (await real.members()).votes


async def test_a_document_from_the_future_hides_nothing_that_follows(real: MongoRegistry, database) -> None:
    now = await real.now_ms()
    await publish(real, presence(EVE, now))
    users = database["active_users"]
    users.update_one({"_id": peer_id(EVE)}, {"$set": {"changed": DatetimeMS(now + 86_400_000)}})
    await publish(real, presence(BOB, now))
    mark_ms = (await real.members()).mark_ms
    ada = presence(ADA, now)
    await publish(real, ada)
    assert ada in (await real.members(mark_ms)).presences
    assert (await real.members(mark_ms)).mark_ms < now + 60_000


async def test_resources_by_the_start_of_their_id(registry: Registry) -> None:
    published = [resource(ADA, f"r{number}", 1) for number in range(20)]
    await publish(registry, *published)
    ids = sorted(signed.record.id for signed in published)
    assert [each.descriptions[0].record.id for each in await registry.resources("", 30)] == ids
    assert [each.descriptions[0].record.id for each in await registry.resources("", 3)] == ids[:3]
    assert [each.descriptions[0].record.id for each in await registry.resources(ids[4][:12].upper())] == [ids[4]]
    assert await registry.resources("zz") == []
    assert await registry.resources('{"$ne": null}') == []


async def test_profiles_by_the_beginnings_of_words(registry: Registry) -> None:
    ada = profile(ADA, "Ada Lovelace", affiliation="Analytical Engine", interests=("Bernoulli numbers",))
    bob = profile(BOB, "Bob", interests=("engines",))
    await publish(registry, bob, ada)
    assert await registry.profiles() == [ada, bob]
    assert await registry.profiles(("engin",)) == [ada, bob]
    assert await registry.profiles(("ENGIN", "bérn")) == [ada]
    assert await registry.profiles((".*",)) == [ada, bob]
    assert await registry.profiles(("lovelace bob",)) == []
    assert await registry.profiles((), 1) == [ada]


async def test_a_record_that_has_expired_is_void(registry: Registry) -> None:
    now = await registry.now_ms()
    await publish(registry, resource(ADA, "stale", 1, issued_at_ms=1, expires_at_ms=now - 1))
    assert titles(await registry.search(Query())) == []
    assert await registry.resources("") == []


def put(database, signed: Signed, **altered: object) -> None:
    """Write a document past the registry, altered."""
    names = {Presence: "active_users", Profile: "profiles", Resource: "resources", Holding: "holdings"}
    fields = {"_id": document_id(signed.record), **document(signed), **altered}
    database[names[type(signed.record)]].replace_one({"_id": fields["_id"]}, fields, upsert=True)


ALTERED: list[dict[str, object]] = [
    {"signature": "0" * 128},
    {"signature": 5},
    {"payload": "academics/1/resource\n{}"},
    {"payload": {"$ref": 5}},
    {"payload": b"\xff"},
    {"peer": peer_id(EVE)},
    {"epoch": 9},
    {"k": 1 << 62},
    {"kind": "data"},
    {"_id": "made up"},
]


@pytest.mark.parametrize("altered", ALTERED, ids=str)
async def test_forged_and_altered_resources_are_dropped(real: MongoRegistry, database, altered: dict) -> None:
    honest = resource(BOB, "honest paper", 2)
    await publish(real, honest)
    put(database, resource(ADA, "forged paper", 1), **altered)
    for query in (Query(), Query(words=("paper",)), Query(words=("pap",)), Query(limit=1)):
        assert titles(await real.search(query)) == ["honest paper"]
    assert titles(await real.resources("")) == ["honest paper"]


async def test_forged_documents_do_not_use_up_the_limit(real: MongoRegistry, database) -> None:
    await publish(real, resource(BOB, "honest paper", 1))
    for number in range(30):
        put(database, resource(ADA, f"forged paper {number}", number + 2), signature="0" * 128)
    assert titles(await real.search(Query(words=("paper",), limit=1))) == ["honest paper"]
    assert titles(await real.resources("", 1)) == ["honest paper"]


async def test_words_that_are_not_the_record_s_find_nothing(real: MongoRegistry, database) -> None:
    put(database, resource(ADA, "spam", 1), kw=["cancer", "cure"], topics=["cure"], authors=["einstein"])
    for query in (Query(words=("cancer",)), Query(keyword="cure"), Query(author="einstein")):
        assert titles(await real.search(query)) == []


async def test_forged_presences_holdings_and_profiles_are_dropped(real: MongoRegistry, database) -> None:
    now = await real.now_ms()
    await publish(real, resource(ADA, "wanted", 1), presence(ADA, now, online=False), holding(BOB, "wanted"))
    later = DatetimeMS(now + 60_000)
    put(database, presence(EVE, now, online=False), online=True, lease_until=later)
    put(database, presence(BOB, now), signature="0" * 128, lease_until=later)
    put(database, holding(EVE, "wanted", held=False), held=True)
    put(database, profile(EVE, "Eve"), peer=peer_id(ADA))
    assert await active(real) == []
    assert titles(await real.search(Query(available=True, online=everybody(EVE)))) == []
    assert await real.profiles() == []
    assert await real.profile(peer_id(EVE)) is None
    (found,) = (await real.search(Query())).found
    assert [signed.record.peer for signed in found.holdings] == [peer_id(BOB)]


@pytest.mark.parametrize("altered", [{"epoch": 1 << 52}, {"epoch": "x"}, {"signature": "0" * 128, "epoch": 1 << 52}])
async def test_a_forged_document_cannot_keep_the_honest_one_out(real: MongoRegistry, database, altered: dict) -> None:
    put(database, profile(ADA, "Not Ada", 7), **altered)
    honest = profile(ADA, "Ada", 1)
    assert await real.publish(honest)
    assert await real.profile(peer_id(ADA)) == honest


async def test_a_replayed_presence_does_not_renew_its_lease(real: MongoRegistry, database) -> None:
    signed = presence(ADA, await real.now_ms())
    await publish(real, signed)
    before = database["active_users"].find_one({"_id": peer_id(ADA)})["lease_until"]
    await publish(real, signed)
    assert database["active_users"].find_one({"_id": peer_id(ADA)})["lease_until"] == before


async def test_renewing_keeps_the_votes(real: MongoRegistry) -> None:
    now = await real.now_ms()
    await publish(real, presence(ADA, now), honest := vote(BOB, ADA), presence(ADA, now, 2))
    assert (await real.members()).votes == (honest,)


async def test_terms_count_descriptions_once(real: MongoRegistry, database) -> None:
    signed = resource(ADA, "zeppelin", 1)
    await publish(real, signed, signed, resource(ADA, "zeppelin", 1, 2), resource(BOB, "zeppelin", 1))
    assert database["terms"].find_one({"_id": "zeppelin"})["n"] == 2


async def test_searching_works_without_our_index_and_with_spoilt_terms(real: MongoRegistry, database) -> None:
    await publish(real, resource(ADA, "graph theory", 1))
    database["resources"].drop_indexes()
    database["terms"].update_many({}, {"$set": {"n": "many"}})
    assert titles(await real.search(Query(words=("graph", "theo")))) == ["graph theory"]


async def test_search_uses_the_index_of_words(real: MongoRegistry, database) -> None:
    await publish(real, resource(ADA, "graph theory", 1))
    assert {"words", "id", "age", "expiry"} <= set(database["resources"].index_information())


async def test_several_peers_share_a_memory_network() -> None:
    network = MemoryNetwork(Clock())
    await MemoryRegistry(network).publish(resource(ADA, "shared", 1))
    assert titles(await MemoryRegistry(network).search(Query())) == ["shared"]
    network.reachable = False
    with pytest.raises(RegistryUnreachableError):
        await MemoryRegistry(network).members()


async def test_an_unreachable_server_is_told_soon_and_without_the_password() -> None:
    registry = MongoRegistry("mongodb://ada:secret@127.0.0.1:1/lab?directConnection=true")
    began = time.monotonic()
    with pytest.raises(RegistryUnreachableError, match=r"^The registry at 127\.0\.0\.1:1 does not answer") as caught:
        await registry.open()
    assert time.monotonic() - began < 20, "the time that pymongo takes by itself, 30 s, and not ours"
    assert "secret" not in str(caught.value)
    await registry.close()
    with pytest.raises(RegistryUnreachableError):
        await registry.members()


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "http://x",
        "mongodb://",
        "mongodb://a b",
        "mongodb://u:p:s@h",
        "mongodb://h:99999",
        "mongodb+srv:///x",
        "h:1",
    ],
)
def test_a_malformed_uri_is_a_usage_error_without_its_password(uri: str) -> None:
    with pytest.raises(UsageError, match=r"^ACADEMICS_REGISTRY is not a MongoDB address") as caught:
        MongoRegistry(uri)
    assert "\n" not in str(caught.value)


def test_the_host_shown_has_no_credentials() -> None:
    assert checked_host("mongodb://u:p%40ss@a:1,b:2/db?replicaSet=x") == "a:1,b:2"
    assert checked_host("mongodb+srv://u:p@cluster.example/db") == "cluster.example"


def test_which_registry_is_opened(tmp_path: Path) -> None:
    assert isinstance(open_registry("mongodb://h/db", tmp_path), MongoRegistry)
    assert isinstance(open_registry(None, tmp_path), EmbeddedRegistry)
    assert isinstance(open_registry(" ", tmp_path), EmbeddedRegistry)
    assert not any(tmp_path.iterdir())


async def test_a_server_s_refusal_is_one_line(real: MongoRegistry, database) -> None:
    database.create_collection("profiles2", validator={"never": True})
    database.command("collMod", "profiles", validator={"never": True})
    with pytest.raises(RegistryError, match=r"^The registry at \S+ refused the operation") as caught:
        await real.publish(profile(ADA, "Ada"))
    assert "\n" not in str(caught.value)
