"""Searching resources in MongoDB, page by page. May import pymongo and registry modules below it.

What MongoDB is asked is said in `planning`. Each page's holders and descriptions are read in one query each, and
everything is verified before it counts. A resource that several describe stands where its best description does; what
comes of it later, on whichever page, is passed over.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from typing import Any

from pymongo import ASCENDING
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure

from academics_jupyter.protocol.records import Holding, Resource, Signed
from academics_jupyter.registry.documents import Document, opened_all
from academics_jupyter.registry.edge import is_missing_hint
from academics_jupyter.registry.matching import Fit, age_order, place_after, standing
from academics_jupyter.registry.planning import LIVE, SORTINGS, Sweep, sweeps
from academics_jupyter.registry.port import MAX_DESCRIPTIONS, MAX_HOLDINGS, Found, Page, Query, Standing

MAX_BATCH = 1_000
PAGING_S = 3.0
"""A search for what is available ends here with what it has, where nearly nothing that fits is."""

Candidates = list[tuple[Standing, Document]]
"""Documents, each with where it stands by its fields, in their order."""


async def search(database: AsyncDatabase[Document], query: Query) -> Page:
    """A page of what fits; see the port. Raises pymongo's errors."""
    found: dict[str, tuple[Standing, Found]] = {}
    ends = time.monotonic() + PAGING_S
    if query.limit < 1:
        return Page()
    for sweep in await sweeps(database, query):
        async for batch in _batches(database, sweep, query):
            new = [each for each in batch if each[1]["id"] not in found]
            found |= await _fitting(database, query, sweep.fit, new)
            if len(found) > query.limit:
                return _cut(found, query)
            if time.monotonic() > ends:
                read = [(place, each["id"]) for place, each in batch]
                return Page(tuple(each for _, each in found.values()), place_after(read, query.after))
    return Page(tuple(each for _, each in found.values()))


def _cut(found: dict[str, tuple[Standing, Found]], query: Query) -> Page:
    shown = [(place, resource) for resource, (place, _) in found.items()][: query.limit]
    kept = tuple(each for _, each in found.values())[: query.limit]
    return Page(kept, place_after(shown, query.after))


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


async def _batches(database: AsyncDatabase[Document], sweep: Sweep, query: Query) -> AsyncIterator[Candidates]:
    """What a sweep finds from the query's place on, in batches that grow."""
    try:
        async for batch in _read(database, sweep, query, sweep.index):
            yield batch
    except OperationFailure as error:
        if not is_missing_hint(error):
            raise
        async for batch in _read(database, sweep, query, None):
            yield batch


async def _read(
    database: AsyncDatabase[Document], sweep: Sweep, query: Query, hint: str | None
) -> AsyncIterator[Candidates]:
    sorting = SORTINGS[query.order]
    # Most of what is looked through for what is available is not, and only named.
    fields = dict.fromkeys(("id", "k", sorting.field or "k"), 1) if query.available else None
    for condition in _ranges(sweep, query):
        # One more than is shown, to know whether anything follows; and what ties with the last of the former page.
        size = query.limit + 1 + (len(query.after.shown) if query.after else 0)
        asked = {"$and": [*sweep.conditions, condition]}
        found = database["resources"].find(asked, fields, sort=sorting.keys, hint=hint, batch_size=size)
        async with found as cursor:
            while documents := await cursor.to_list(min(size, MAX_BATCH)):
                placed = ((sorting.standing(sweep.fit or Fit.NONE, each), each) for each in documents)
                yield [(place, each) for place, each in placed if place is not None and isinstance(each["id"], str)]
                size *= 2


def _ranges(sweep: Sweep, query: Query) -> list[Document]:
    """Where a sweep goes on for this page; nowhere, where a former page has ended behind all of it."""
    if query.after is None or (sweep.fit is not None and -sweep.fit > query.after.standing[0]):
        return [{}]
    if sweep.fit is not None and -sweep.fit < query.after.standing[0]:
        return []
    return SORTINGS[query.order].ranges(query.after.standing)


async def _fitting(
    database: AsyncDatabase[Document], query: Query, needed: Fit | None, candidates: Candidates
) -> dict[str, tuple[Standing, Found]]:
    """Those of a batch that fit indeed, and have not been shown before."""
    first: dict[str, Standing] = {}
    at_hand: dict[str, Document] = {}
    for place, each in candidates:
        if query.after is None or query.after.is_before(place, each["id"]):
            first.setdefault(each["id"], place)
            at_hand[each["_id"]] = each
    ids = await _available(database, list(first), query.online) if query.available else list(first)
    if not ids:
        return {}
    wanted = frozenset(ids)
    seeds = [each for each in at_hand.values() if each["id"] in wanted]
    if query.available:
        seeds = await database["resources"].find({"_id": {"$in": [each["_id"] for each in seeds]}}).to_list()
    gathered = await gather(database, ids, query.online, seeds)
    return {
        resource: (first[resource], each)
        for each in gathered
        if _is_due(each, query, needed, at_hand) and (resource := each.descriptions[0].record.id) in first
    }


def _is_due(found: Found, query: Query, needed: Fit | None, at_hand: dict[str, Document]) -> bool:
    """Whether a resource fits as well as needed, and none but the descriptions at hand would have it stand before."""
    places = {
        signed.record.key: place
        for signed in found.descriptions
        if (place := standing(signed.record, query)) is not None
    }
    if not places or (needed is not None and min(places.values())[0] != -needed):
        return False
    resource = found.descriptions[0].record.id
    others = (place for name, place in places.items() if name not in at_hand)
    return query.after is None or all(query.after.is_before(place, resource) for place in others)


async def _available(database: AsyncDatabase[Document], ids: list[str], online: frozenset[str]) -> list[str]:
    """Those ids which one of those online holds, verified."""
    theirs = {"resource": {"$in": ids}, "held": True, "peer": {"$in": sorted(online)}, **LIVE}
    opened = await asyncio.to_thread(opened_all, Holding, await database["holdings"].find(theirs).to_list())
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
