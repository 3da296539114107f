"""How MongoDB is asked for what fits a query, so that no page reads a million documents.

May import pymongo and registry modules below it.

A search is one sweep through the documents in the query's order, or, best first, two: what has all words whole, then
what has the last one begun. Each sweep names the index to go along:

| what narrows the query | the index |
| --- | --- |
| nothing | that of the order |
| something whose index has the order too, such as one word, newest first | that one |
| something that at most MAX_SORTED documents have | its own: they are read and sorted in memory |
| only what more have | that of the order: what fits is dense there, and a page soon full |

Of several things that narrow it, the rarest counts. Words are counted by the `terms`, the rest in the index, up to
MAX_SORTED. What is available is narrowed by what those online say that they hold, if that is no more.

Plain `$all` lets the planner pick a common word, so all words but the one are checked by `$setIsSubset`.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

from pymongo import ASCENDING, DESCENDING
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure

from academics_jupyter.registry import schema
from academics_jupyter.registry.documents import Document
from academics_jupyter.registry.edge import is_missing_hint
from academics_jupyter.registry.matching import Fit
from academics_jupyter.registry.port import Order, Query, Standing
from academics_jupyter.registry.words import Searched, joined, searched, split

MAX_COMPLETIONS = 50
MAX_TERMS_READ = 5_000
MAX_SORTED = 10_000

LIVE: Document = {"$expr": {"$gt": ["$expires", "$$NOW"]}}


@dataclass(frozen=True, slots=True)
class Sorting:
    """An order as MongoDB has it: the field and its direction, before the age; no field for the age alone."""

    index: str
    field: str = ""
    direction: int = DESCENDING

    @property
    def keys(self) -> list[tuple[str, int]]:
        """What to sort by."""
        return [*([(self.field, self.direction)] if self.field else []), ("k", DESCENDING)]

    def standing(self, fit: Fit, document: Document) -> Standing | None:
        """Where a document stands by its fields; None where they are not of their types."""
        value, age = document.get(self.field, 0) if self.field else 0, document.get("k")
        if not isinstance(value, str if self.direction == ASCENDING else int) or not isinstance(age, int):
            return None
        return (-fit, value if isinstance(value, str) else -value, -age)

    def ranges(self, standing: Standing) -> list[Document]:
        """Conditions for what stands there or behind, one after the other."""
        _, value, age = standing
        tied: Document = {"k": {"$lte": -age}}
        if not self.field:
            return [tied]
        there = value if isinstance(value, str) else -value
        behind = "$gt" if self.direction == ASCENDING else "$lt"
        return [{self.field: there, **tied}, {self.field: {behind: there}}]


SORTINGS = {
    Order.BEST: Sorting(schema.AGE_INDEX),
    Order.NEWEST: Sorting(schema.AGE_INDEX),
    Order.TITLE: Sorting(schema.TITLE_INDEX, "order", ASCENDING),
    Order.YEAR: Sorting(schema.YEAR_INDEX, "year"),
    Order.SIZE: Sorting(schema.SIZE_INDEX, "size_bytes"),
}


@dataclass(frozen=True, slots=True)
class Sweep:
    """What MongoDB is asked, along which index; and how a record must fit to count in it, if that is the order."""

    conditions: tuple[Document, ...]
    index: str
    fit: Fit | None = None


@dataclass(frozen=True, slots=True)
class Narrowing:
    """A condition with an index of its own, whether that has what fits in the order of age, and how many if known."""

    index: str
    condition: Document
    by_age: bool = True
    count: float | None = None


async def sweeps(database: AsyncDatabase[Document], query: Query) -> list[Sweep]:
    """The sweeps of a search, in their order. Raises pymongo's errors."""
    wanted, filters = searched(query.words), _filters(query)
    narrowings = [*_narrowings(query), *(await _held(database, query.online) if query.available else [])]
    best_first = query.order is Order.BEST
    if not wanted.all:
        index = await _index(database, narrowings, query.order)
        return [Sweep((*filters, *_conditions(narrowings)), index, Fit.WHOLE if best_first else None)]
    noted = database[schema.TERMS].find({"_id": {"$in": list(wanted.all)}})
    counts = {each["_id"]: _count(each.get("n")) async for each in noted}
    completions = await _completions(database, wanted.last)
    begun = {wanted.last: counts.get(wanted.last, 0.0), **completions}
    rarest = sorted(wanted.all, key=lambda word: counts.get(word, 0.0))
    asked: list[tuple[Words, Fit | None]] = []
    if best_first:
        asked.append((_whole(rarest, counts), Fit.WHOLE))
        asked += [(_begun(wanted, rarest, completions, counts), Fit.BEGINNING)] if completions else []
    else:
        asked.append((_begun(wanted, rarest, begun, counts), None))
    return [
        Sweep((*filters, *rest, *_conditions(all_of_them)), await _index(database, all_of_them, query.order), fit)
        for (words, rest), fit in asked
        for all_of_them in [[words, *narrowings]]
    ]


Words = tuple[Narrowing, list[Document]]
"""A condition to find by, and those that are checked besides."""


def _whole(rarest: list[str], counts: dict[str, float]) -> Words:
    first = Narrowing(schema.WORDS_INDEX, {"kw": rarest[0]}, count=counts.get(rarest[0], 0.0))
    return first, [_subset("$kw", rarest[1:])] if rarest[1:] else []


def _begun(wanted: Searched, rarest: list[str], begun: dict[str, float], counts: dict[str, float]) -> Words:
    """All words, the last begun."""
    if not wanted.whole:
        return Narrowing(schema.WORDS_INDEX, {"kw": {"$in": list(begun)}}, count=sum(begun.values())), []
    whole = [word for word in rarest if word in wanted.whole]
    meets = {"$expr": {"$gt": [{"$size": {"$setIntersection": [_array("$kw"), list(begun)]}}, 0]}}
    first, rest = _whole(whole, counts)
    return first, [*rest, meets]


def _array(field: str) -> Document:
    """A field as an array, whatever anyone has written there."""
    return {"$cond": [{"$isArray": field}, field, []]}


def _subset(field: str, words: list[str]) -> Document:
    return {"$expr": {"$setIsSubset": [words, _array(field)]}}


def _filters(query: Query) -> list[Document]:
    filters: list[Document] = [{"withdrawn": False}, LIVE]
    *whole, _ = split(query.author) or [""]
    return [*filters, _subset("$authors", whole)] if whole else filters


def _narrowings(query: Query) -> list[Narrowing]:
    narrowings = []
    if query.sharer:
        narrowings.append(Narrowing(schema.SHARER_INDEX, {"peer": query.sharer}))
    if words := split(query.author):
        telling = max(words, key=len)
        is_begun = telling == words[-1]
        narrowings.append(
            Narrowing(schema.AUTHORS_INDEX, {"authors": _start(telling) if is_begun else telling}, not is_begun)
        )
    if query.keyword:
        narrowings.append(Narrowing(schema.TOPICS_INDEX, {"topics": _start(joined(query.keyword))}, by_age=False))
    if query.year_from or query.year_to:
        years = {"$gte": max(query.year_from, 1), **({"$lte": query.year_to} if query.year_to else {})}
        narrowings.append(Narrowing(schema.YEAR_INDEX, {"year": years}, by_age=query.year_from == query.year_to))
    if query.kind:
        narrowings.append(Narrowing(schema.KIND_INDEX, {"kind": query.kind}))
    return narrowings


async def _held(database: AsyncDatabase[Document], online: frozenset[str]) -> list[Narrowing]:
    """By what those online say that they hold, unless that is too much."""
    theirs = {"peer": {"$in": sorted(online)}, "held": True}
    found = database["holdings"].find(theirs, {"_id": 0, "resource": 1}, limit=MAX_SORTED, hint=schema.HOLDER_INDEX)
    try:
        held = await found.to_list()
    except OperationFailure as error:
        if is_missing_hint(error):
            return []
        raise
    if len(held) >= MAX_SORTED:
        return []
    ids = {each["resource"] for each in held if isinstance(each["resource"], str)}
    return [Narrowing(schema.ID_INDEX, {"id": {"$in": sorted(ids)}}, by_age=False, count=len(ids))]


def _start(text: str) -> Document:
    return {"$regex": f"^{re.escape(text)}"}


def _conditions(narrowings: list[Narrowing]) -> list[Document]:
    return [each.condition for each in narrowings]


async def _index(database: AsyncDatabase[Document], narrowings: list[Narrowing], order: Order) -> str:
    """Which index to go along."""
    own = SORTINGS[order].index
    served = [each for each in narrowings if each.index == own or (own == schema.AGE_INDEX and each.by_age)]
    if not narrowings:
        return own
    if len(narrowings) == 1 and served:
        return served[0].index
    counts = await asyncio.gather(*(_counted(database, each) for each in narrowings))
    fewest = min(range(len(counts)), key=lambda place: counts[place])
    if counts[fewest] < MAX_SORTED:
        return narrowings[fewest].index
    return served[0].index if served else own


async def _counted(database: AsyncDatabase[Document], narrowing: Narrowing) -> float:
    """How many documents a condition finds, as far as MAX_SORTED; that, too, where its index is missing."""
    if narrowing.count is not None:
        return narrowing.count
    command = {"count": "resources", "query": narrowing.condition, "limit": MAX_SORTED, "hint": narrowing.index}
    try:
        return _count((await database.command(command)).get("n"))
    except OperationFailure as error:
        if is_missing_hint(error):
            return MAX_SORTED
        raise


def _count(noted: object) -> float:
    """How common a word is said to be; anyone may have written anything there."""
    return noted if isinstance(noted, int | float) else 0.0


async def _completions(database: AsyncDatabase[Document], start: str) -> dict[str, float]:
    """The commonest words that begin with `start`, itself left out, with how common they are."""
    pipeline: list[Document] = [
        {"$match": {"_id": {"$gt": start, "$lt": start + "\U0010ffff"}}},
        {"$limit": MAX_TERMS_READ},
        {"$sort": {"n": -1}},
        {"$limit": MAX_COMPLETIONS},
    ]
    return {each["_id"]: _count(each.get("n")) async for each in await database[schema.TERMS].aggregate(pipeline)}
