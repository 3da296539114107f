"""Exploring a large registry: `python -m tests.benchmarks.explore [RESOURCES]`, 200,000 if not given.

Fills a registry with that many descriptions, validly signed by few people, and a holder of each. Then prints what a
person waits for, in milliseconds and as a ratio to one indexed find of as many documents, taken in turns: the first and
the hundredth page of each order and filter, and of what is available where one in a hundred of those who hold something
is online, and one in a thousand.
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
from collections.abc import Awaitable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from typing import Any

from nacl.signing import SigningKey
from pymongo import AsyncMongoClient, MongoClient

from academics_jupyter.protocol.identity import peer_id
from academics_jupyter.protocol.records import RECORD_LIFETIME_MS, Author, Holding, Resource, sign_record
from academics_jupyter.registry.documents import document, document_id
from academics_jupyter.registry.mongo import MongoRegistry
from academics_jupyter.registry.port import Order, Page, Query
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


class Measure:
    """Times calls, each beside one plain find, so that both meet the same machine."""

    def __init__(self, registry: MongoRegistry, client: AsyncMongoClient[dict[str, Any]]) -> None:
        self._registry, self._resources = registry, client.get_default_database()["resources"]

    async def line(self, name: str, query: Query) -> Page:
        """Print what a query costs; its page."""
        page = await self._registry.search(query)
        plain_ms, asked_ms = [], []
        for _ in range(RUNS):
            plain_ms.append(await timed_ms(self._resources.find({}, sort=[("k", -1)], limit=PAGE).to_list()))
            asked_ms.append(await timed_ms(self._registry.search(query)))
        took, plain = statistics.median(asked_ms), statistics.median(plain_ms)
        print(f"{name:52} {took:8.1f} {plain:8.1f} {took / plain:7.1f} {len(page.found):6}", flush=True)
        return page


async def timed_ms(call: Awaitable[Any]) -> float:
    """How long it took."""
    begun = time.perf_counter()
    await call
    return (time.perf_counter() - begun) * 1000


async def main(count: int) -> None:
    """Fill, ask, print."""
    now_ms = time.time_ns() // 1_000_000
    with running_mongod() as mongod:
        await asyncio.to_thread(fill, mongod.uri, count, now_ms)
        registry = MongoRegistry(mongod.uri)
        await registry.open()
        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(mongod.uri)
        measure = Measure(registry, client)
        print(f"{'what':52} {'ms':>8} {'a find':>8} {'ratio':>7} {'found':>6}")
        for name, query in queries().items():
            page = await measure.line(name, query)
            if page.next is not None:
                await measure.line(f"  page {FAR}, or the last", await turned(registry, query))
        await client.close()
        await registry.close()


def fill(uri: str, count: int, now_ms: int) -> None:
    """Write everything, on all cores, and index it then, which takes a fraction of indexing each document by itself."""
    begun, counts = time.perf_counter(), Counter[str]()
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        stretches = [(start, min(start + BATCH, count)) for start in range(0, count, BATCH)]
        for each in pool.map(filled, *zip(*((uri, *stretch, now_ms) for stretch in stretches), strict=True)):
            counts += each
    with MongoClient(uri) as client:
        terms = [{"_id": word, "n": number} for word, number in counts.items()]
        database = client.get_default_database()
        database["terms"].insert_many(terms, ordered=False)
        written_s = time.perf_counter() - begun
        for collection, indexes in INDEXES.items():
            database[collection].create_indexes(indexes)
    print(f"{count:,} resources and holders of them, written in {written_s:.0f} s,", end=" ")
    print(f"indexed in {time.perf_counter() - begun - written_s:.0f} s", flush=True)


def queries() -> dict[str, Query]:
    """What is asked, each with its name."""
    asked: dict[str, Query] = {f"no words, {order}": Query(order=order) for order in Order}
    for words in (("word1",), ("word3", "word7"), ("word",), ("word900",), ("word3", "family2", "wor")):
        asked |= {f"{' '.join(words)}, {order}": Query(words=words, order=order) for order in Order}
    for order in (Order.NEWEST, Order.TITLE):
        asked |= {
            f"kind data, {order}": Query(kind="data", order=order),
            f"kind folder, one in a thousand, {order}": Query(kind="folder", order=order),
            f"author family1, {order}": Query(author="family1", order=order),
            f"author family4000, {order}": Query(author="family4000", order=order),
            f"keyword topic 1, {order}": Query(keyword="topic 1", order=order),
            f"keyword topic 1999, {order}": Query(keyword="topic 1999", order=order),
            f"years 2020 to 2026, {order}": Query(year_from=2020, order=order),
            f"years 1910 to 1912, {order}": Query(year_from=1910, year_to=1912, order=order),
            f"word1, data, 2020 on, {order}": Query(words=("word1",), kind="data", year_from=2020, order=order),
            f"of one sharer, {order}": Query(sharer=peer_id(key("sharer", 1)), order=order),
        }
    for count in ONLINE:
        there = Query(available=True, online=frozenset(peer_id(key("holder", number)) for number in range(count)))
        asked |= {
            f"of {count} holders of {HOLDERS:,}, {order}": replace(there, order=order)
            for order in (Order.NEWEST, Order.TITLE)
        }
        asked[f"of {count} holders of {HOLDERS:,}, word1"] = replace(there, words=("word1",))
    return asked


async def turned(registry: MongoRegistry, query: Query) -> Query:
    """The query for the hundredth page, or for the last one before."""
    for _ in range(FAR - 1):
        page = await registry.search(query)
        if page.next is None:
            break
        query = replace(query, after=page.next)
    return query


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000))
