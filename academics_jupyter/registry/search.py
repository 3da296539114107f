"""Searching resources in MongoDB, page by page. May import pymongo and registry modules below it.

Words: the rarest word (the `terms` know how common each is) picks from the index {kw: 1, k: -1}, which gives its
documents newest first; the others are checked by `$setIsSubset`, for plain `$all` lets the planner pick a common word.
First come resources that have all words whole, then those that have a completion of the last. Each page's holders and
descriptions are read in one query each, and everything is verified before it counts.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any

from pymongo import ASCENDING, DESCENDING
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure

from academics_jupyter.protocol.records import Holding, Resource, Signed
from academics_jupyter.registry.documents import Document, opened_all
from academics_jupyter.registry.edge import is_missing_hint
from academics_jupyter.registry.matching import Fit, age_order, fit
from academics_jupyter.registry.port import MAX_DESCRIPTIONS, MAX_HOLDINGS, Found, Query
from academics_jupyter.registry.schema import TERMS, WORDS_INDEX
from academics_jupyter.registry.words import Searched, joined, searched, split

MAX_COMPLETIONS = 50
MAX_TERMS_READ = 5_000
MAX_PAGE = 1_000
PAGING_S = 3.0
"""A search for what is available ends here with what it has, where nearly nothing that fits is."""

LIVE: Document = {"$expr": {"$gt": ["$expires", "$$NOW"]}}


@dataclass(frozen=True, slots=True)
class Pass:
    """One sweep of a search: what MongoDB is asked, and how well a record must fit to count in it."""

    condition: Document
    needed: Fit
    by_words: bool


async def search(database: AsyncDatabase[Document], query: Query) -> list[Found]:
    """What fits, best first; see the port. Raises pymongo's errors."""
    found: dict[str, Found] = {}
    ends = time.monotonic() + PAGING_S
    if query.limit < 1:
        return []
    for sweep in await _passes(database, query):
        async for page in _pages(database, sweep, query.limit):
            found |= await _fitting(database, query, sweep.needed, [each for each in page if each["id"] not in found])
            if len(found) >= query.limit or time.monotonic() > ends:
                return list(found.values())[: query.limit]
    return list(found.values())


async def starting_with(
    database: AsyncDatabase[Document], start: str, limit: int, online: frozenset[str]
) -> list[Found]:
    """The resources whose id begins with `start`, in the order of their ids. Raises pymongo's errors."""
    condition = {"$and": [{"id": {"$gte": start, "$lt": start + "g"}}, {"withdrawn": False}, LIVE]}
    found: dict[str, Found] = {}
    async with database["resources"].find(condition, {"id": 1}, sort=[("id", ASCENDING)]) as cursor:
        while len(found) < limit and (page := await cursor.to_list(max(2 * limit, 20))):
            ids = list(dict.fromkeys(each["id"] for each in page if each["id"] not in found))
            found |= {each.descriptions[0].record.id: each for each in await gather(database, ids, online)}
    return list(found.values())[: max(limit, 0)]


async def holders(database: AsyncDatabase[Document], resource: str, online: frozenset[str]) -> list[Signed[Holding]]:
    """Who holds it, those online first, verified. Raises pymongo's errors."""
    held = await asyncio.to_thread(opened_all, Holding, await _holdings(database, [resource], online))
    return [signed for signed in held if signed.record.held and signed.record.resource == resource]


async def gather(
    database: AsyncDatabase[Document], ids: list[str], online: frozenset[str], seeds: Iterable[Document] = ()
) -> list[Found]:
    """What is known of each id, verified, in their order; ids with no description that holds are left out.

    `seeds` are documents of descriptions that are at hand, and count even where an id has very many.
    """
    described = {each["_id"]: each for each in await _descriptions(database, ids)}
    described |= {each["_id"]: each for each in seeds}
    held = await _holdings(database, ids, online)
    return await asyncio.to_thread(_assembled, ids, list(described.values()), held)


async def _passes(database: AsyncDatabase[Document], query: Query) -> list[Pass]:
    wanted, filters = searched(query.words), _filters(query)
    if not wanted.all:
        return [Pass({"$and": filters}, Fit.WHOLE, by_words=False)]
    completions = await _completions(database, wanted.last)
    common = {each["_id"]: each["n"] async for each in database[TERMS].find({"_id": {"$in": list(wanted.all)}})}
    ordered = sorted(wanted.all, key=lambda word: _count(common.get(word)))
    passes = [Pass({"kw": ordered[0], "$and": [*filters, _subset(ordered[1:])]}, Fit.WHOLE, by_words=True)]
    if completions:
        rarest = [word for word in ordered if word in wanted.whole]
        passes.append(Pass(_begun(wanted, rarest, completions, filters), Fit.BEGINNING, by_words=True))
    return passes


def _count(noted: object) -> float:
    """How common a word is said to be; anyone may have written anything there."""
    return noted if isinstance(noted, int | float) else 0


def _begun(wanted: Searched, rarest: list[str], completions: list[str], filters: list[Document]) -> Document:
    if not wanted.whole:
        return {"kw": {"$in": completions}, "$and": filters}
    meets = {"$expr": {"$gt": [{"$size": {"$setIntersection": ["$kw", completions]}}, 0]}}
    return {"kw": rarest[0], "$and": [*filters, _subset(rarest[1:]), meets]}


def _subset(words: list[str]) -> Document:
    return {"$expr": {"$setIsSubset": [words, "$kw"]}}


def _filters(query: Query) -> list[Document]:
    filters: list[Document] = [{"withdrawn": False}, LIVE]
    if query.kind:
        filters.append({"kind": query.kind})
    if query.keyword:
        filters.append({"topics": joined(query.keyword)})
    if query.author:
        filters.append({"authors": {"$all": split(query.author)}})
    return filters


async def _completions(database: AsyncDatabase[Document], start: str) -> list[str]:
    """The commonest words that begin with `start`, itself left out."""
    pipeline: list[Document] = [
        {"$match": {"_id": {"$gt": start, "$lt": start + "\U0010ffff"}}},
        {"$limit": MAX_TERMS_READ},
        {"$sort": {"n": -1}},
        {"$limit": MAX_COMPLETIONS},
    ]
    return [each["_id"] async for each in await database[TERMS].aggregate(pipeline)]


async def _pages(database: AsyncDatabase[Document], sweep: Pass, size: int) -> AsyncIterator[list[Document]]:
    """The documents of a sweep, newest first, in pages that grow."""
    hint = WORDS_INDEX if sweep.by_words else None
    try:
        async for page in _read(database, sweep.condition, hint, size):
            yield page
    except OperationFailure as error:
        if hint is None or not is_missing_hint(error):
            raise
        async for page in _read(database, sweep.condition, None, size):
            yield page


async def _read(
    database: AsyncDatabase[Document], condition: Document, hint: str | None, size: int
) -> AsyncIterator[list[Document]]:
    async with database["resources"].find(condition, sort=[("k", DESCENDING)], hint=hint) as cursor:
        while page := await cursor.to_list(min(size, MAX_PAGE)):
            yield page
            size *= 2


async def _fitting(
    database: AsyncDatabase[Document], query: Query, needed: Fit, page: list[Document]
) -> dict[str, Found]:
    """Those of a page that fit indeed."""
    ids = list(dict.fromkeys(each["id"] for each in page if isinstance(each["id"], str)))
    if query.available:
        ids = await _available(database, ids, query.online)
    wanted = frozenset(ids)
    gathered = await gather(database, ids, query.online, (each for each in page if each["id"] in wanted)) if ids else []
    return {each.descriptions[0].record.id: each for each in gathered if _best(each, query) >= needed}


def _best(found: Found, query: Query) -> Fit:
    return max(fit(signed.record, query) for signed in found.descriptions)


async def _available(database: AsyncDatabase[Document], ids: list[str], online: frozenset[str]) -> list[str]:
    """Those ids which one of those online holds, verified."""
    held = [each for each in await _holdings(database, ids, online) if each["here"]]
    opened = await asyncio.to_thread(opened_all, Holding, held)
    held_ids = {signed.record.resource for signed in opened if signed.record.held}
    return [each for each in ids if each in held_ids]


async def _descriptions(database: AsyncDatabase[Document], ids: list[str]) -> list[Document]:
    pipeline = [
        {"$match": {"id": {"$in": ids}, "withdrawn": False, **LIVE}},
        *_first_of_each("$id", {"k": 1}, MAX_DESCRIPTIONS),
    ]
    return await (await database["resources"].aggregate(pipeline)).to_list()


async def _holdings(database: AsyncDatabase[Document], ids: list[str], online: frozenset[str]) -> list[Document]:
    """Who holds what, those online first, and `here` for whether they are."""
    pipeline = [
        {"$match": {"resource": {"$in": ids}, "held": True, **LIVE}},
        {"$set": {"here": {"$in": ["$peer", sorted(online)]}}},
        *_first_of_each("$resource", {"here": -1}, MAX_HOLDINGS),
    ]
    return await (await database["holdings"].aggregate(pipeline)).to_list()


def _first_of_each(name: str, order: dict[str, int], count: int) -> list[dict[str, Any]]:
    place = {"$sum": 1, "window": {"documents": ["unbounded", "current"]}}
    window = {"partitionBy": name, "sortBy": {**order, "_id": 1}, "output": {"place": place}}
    return [{"$setWindowFields": window}, {"$match": {"place": {"$lte": count}}}]


def _assembled(ids: list[str], described: list[Document], held: list[Document]) -> list[Found]:
    descriptions: dict[str, list[Signed[Resource]]] = {each: [] for each in ids}
    holdings: dict[str, list[Signed[Holding]]] = {each: [] for each in ids}
    for resource in opened_all(Resource, described):
        if not resource.record.withdrawn and resource.record.id in descriptions:
            descriptions[resource.record.id].append(resource)
    for holding in opened_all(Holding, held):
        if holding.record.held and holding.record.resource in holdings:
            holdings[holding.record.resource].append(holding)
    for each in descriptions.values():
        each.sort(key=lambda signed: (age_order(signed.record), signed.record.peer))
    return [Found(tuple(descriptions[each]), tuple(holdings[each])) for each in ids if descriptions[each]]
