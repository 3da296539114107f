"""Exploring a large registry: `python -m tests.benchmarks.exploring [RESOURCES]`, 1,000,000 if not given.

Fills a registry with that many descriptions, validly signed by few people, and a holder of each. Then measures what a
person waits for, and one indexed find of as many documents, taken in turns: the first and the hundredth page of each
order and filter, and of what is available where one in a hundred of those who hold something is online, and one in a
thousand.
"""

from __future__ import annotations

import asyncio
import hashlib
import multiprocessing
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from nacl.signing import SigningKey
from pymongo import AsyncMongoClient, MongoClient

from academics_jupyter.protocol.identity import peer_id
from academics_jupyter.protocol.records import RECORD_LIFETIME_MS, Author, Holding, Resource, sign_record
from academics_jupyter.registry.documents import document, document_id
from academics_jupyter.registry.mongo import MongoRegistry
from academics_jupyter.registry.port import Order, Query
from academics_jupyter.registry.schema import INDEXES
from academics_jupyter.registry.words import resource_words
from tests.mongod import running_mongod

RUNS = 9
BATCH = 2_000
PAGE = 50
FAR = 100
SHARERS, HOLDERS = 50, 2_000
ONLINE = (20, 2)
KINDS = ("paper",) * 600 + ("data",) * 300 + ("notebook",) * 99 + ("folder",)
WORDS, FAMILIES, TOPICS = 20_000, 5_000, 2_000
"""How many there are; how often each is used falls off as in real texts."""


def key(role: str, number: int) -> SigningKey:
    return SigningKey(hashlib.sha256(f"{role} {number}".encode()).digest())


def some(chance: random.Random, role: str, count: int) -> str:
    """One of so many names, the first ones most often."""
    return f"{role}{int(count ** chance.random()) - 1}"


def described(number: int, now_ms: int) -> Resource:
    """One resource of the registry, the same in every run."""
    chance = random.Random(number)
    digest = hashlib.sha256(b"%d" % number).hexdigest()
    return Resource(
        peer=peer_id(key("sharer", number % SHARERS)),
        epoch=1,
        sequence=number + 1,
        issued_at_ms=now_ms,
        expires_at_ms=now_ms + RECORD_LIFETIME_MS,
        id=digest,
        sha256=digest,
        size_bytes=int(10 ** (9 * chance.random())),
        file_name=f"{some(chance, 'file', WORDS)}.pdf",
        media_type="application/pdf",
        kind=chance.choice(KINDS),
        title=" ".join(some(chance, "word", WORDS) for _ in range(8)),
        authors=tuple(Author(family=some(chance, "family", FAMILIES), given=f"Given{number % 40}") for _ in range(3)),
        abstract=" ".join(some(chance, "word", WORDS) for _ in range(120)),
        keywords=tuple(some(chance, "topic ", TOPICS) for _ in range(3)),
        year=None if number % 10 == 0 else 2026 - int(120 * chance.random() ** 3),
        created_at_ms=now_ms - chance.randrange(10**11),
    )


def filled(uri: str, start: int, end: int, now_ms: int) -> Counter[str]:
    """Write the resources of a stretch, and their holders; how often each word occurs in them."""
    counts: Counter[str] = Counter()
    with MongoClient(uri) as client:
        database = client.get_default_database()
        resources, holdings = [], []
        for number in range(start, end):
            record = described(number, now_ms)
            holder = key("holder", number % HOLDERS)
            held = Holding(
                peer=peer_id(holder), epoch=1, sequence=number + 1, issued_at_ms=now_ms,
                expires_at_ms=record.expires_at_ms, resource=record.id, held=True,
            )  # fmt: skip
            for signed, place in (
                (sign_record(key("sharer", number % SHARERS), record), resources),
                (sign_record(holder, held), holdings),
            ):
                place.append({"_id": document_id(signed.record), **document(signed)})
            counts.update(resource_words(record))
        database["resources"].insert_many(resources, ordered=False)
        database["holdings"].insert_many(holdings, ordered=False)
    return counts


@dataclass(frozen=True, slots=True)
class Asked:
    """A query in one order: what each page took, the first and the hundredth or last, and the plain finds beside it."""

    what: str
    order: str
    ms: list[float]
    plain_ms: list[float]

    @property
    def ratio(self) -> float:
        """How many times as long as a plain find, the page for which that is most."""
        return max(one / plain for one, plain in zip(self.ms, self.plain_ms, strict=True))

    def __str__(self) -> str:
        return f"{self.what:45} {self.order:7} {self.ms[0]:8.1f} {self.ms[-1]:8.1f} {self.ratio:7.1f}"


@dataclass(frozen=True, slots=True)
class Explored:
    """A registry of so many resources, how long it took to write and to index them, and what was asked of it."""

    resources: int
    written_s: float
    indexed_s: float
    asked: list[Asked]

    def of(self, what: str) -> list[Asked]:
        """A query in each of its orders."""
        return [each for each in self.asked if each.what == what]

    def __str__(self) -> str:
        head = f"{self.resources:,} resources, written in {self.written_s:.0f} s, indexed in {self.indexed_s:.0f} s"
        columns = f"{'what':45} {'order':7} {'first':>8} {'far, ms':>8} {'ratio':>7}"
        return "\n".join([head, columns, *map(str, self.asked)])


class Measure:
    """Times pages, each beside one plain find, so that both meet the same machine."""

    def __init__(self, registry: MongoRegistry, client: AsyncMongoClient[dict[str, Any]]) -> None:
        self._registry, self._resources = registry, client.get_default_database()["resources"]

    async def asked(self, what: str, query: Query) -> Asked:
        """What a query costs."""
        first = await self._page_ms(query)
        far = await self._turned(query)
        pages = [first] if far is query else [first, await self._page_ms(far)]
        return Asked(what, query.order.value, [ms for ms, _ in pages], [plain_ms for _, plain_ms in pages])

    async def _page_ms(self, query: Query) -> tuple[float, float]:
        plain_ms, asked_ms = [], []
        for _ in range(RUNS):
            plain_ms.append(await timed_ms(self._resources.find({}, sort=[("k", -1)], limit=PAGE).to_list()))
            asked_ms.append(await timed_ms(self._registry.search(query)))
        return statistics.median(asked_ms), statistics.median(plain_ms)

    async def _turned(self, query: Query) -> Query:
        """The query for the hundredth page, or for the last one before."""
        for _ in range(FAR - 1):
            page = await self._registry.search(query)
            if page.next is None:
                break
            query = replace(query, after=page.next)
        return query


async def timed_ms(call: Awaitable[Any]) -> float:
    """How long it took."""
    begun = time.perf_counter()
    await call
    return (time.perf_counter() - begun) * 1000


def measure(count: int = 1_000_000) -> Explored:
    """Fill, and ask."""
    return asyncio.run(_measured(count))


async def _measured(count: int) -> Explored:
    with running_mongod() as mongod:
        written_s, indexed_s = await asyncio.to_thread(fill, mongod.uri, count, time.time_ns() // 1_000_000)
        registry = MongoRegistry(mongod.uri)
        await registry.open()
        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(mongod.uri)
        measuring = Measure(registry, client)
        asked = [await measuring.asked(what, replace(query, order=order)) for what, query, order in queries()]
        await client.close()
        await registry.close()
    return Explored(count, written_s, indexed_s, asked)


def fill(uri: str, count: int, now_ms: int) -> tuple[float, float]:
    """Write everything, on all cores, and index it then: it takes a fraction of indexing each document by itself.

    How long each took, in s.
    """
    begun, counts = time.perf_counter(), Counter[str]()
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        stretches = [(start, min(start + BATCH, count)) for start in range(0, count, BATCH)]
        for each in pool.map(filled, *zip(*((uri, *stretch, now_ms) for stretch in stretches), strict=True)):
            counts += each
    with MongoClient(uri) as client:
        terms = [{"_id": word, "n": number} for word, number in counts.items()]
        database = client.get_default_database()
        database["terms"].insert_many(terms, ordered=False)
        written = time.perf_counter()
        for collection, indexes in INDEXES.items():
            database[collection].create_indexes(indexes)
    return written - begun, time.perf_counter() - written


def queries() -> Iterator[tuple[str, Query, Order]]:
    """What is asked, in which orders, each with its name."""
    in_words = {
        "nothing, all there is": (),
        "a common word": ("word1",),
        "two words": ("word3", "word7"),
        "the start of many words": ("word",),
        "a rare word": ("word900",),
        "two words and the start of a third": ("word3", "family2", "wor"),
    }
    for what, words in in_words.items():
        yield from ((what, Query(words=words), order) for order in Order)
    filtered = {
        "a common kind": Query(kind="data"),
        "a kind of one in a thousand": Query(kind="folder"),
        "a common author": Query(author="family1"),
        "a rare author": Query(author="family4000"),
        "a common keyword": Query(keyword="topic 1"),
        "a rare keyword": Query(keyword="topic 1999"),
        "the last years": Query(year_from=2020),
        "years of long ago": Query(year_from=1910, year_to=1912),
        "a word, a kind and years": Query(words=("word1",), kind="data", year_from=2020),
        "what one person shares": Query(sharer=peer_id(key("sharer", 1))),
    }
    for count in ONLINE:
        online = frozenset(peer_id(key("holder", number)) for number in range(count))
        available = f"available, {count} of {HOLDERS:,} online"
        filtered[available] = Query(available=True, online=online)
        filtered[f"a common word, {available}"] = Query(words=("word1",), available=True, online=online)
    for what, query in filtered.items():
        yield from ((what, query, order) for order in (Order.NEWEST, Order.TITLE))


if __name__ == "__main__":
    print(measure(*map(int, sys.argv[1:])))
