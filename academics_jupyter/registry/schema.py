"""The registry's collections and their indexes. May import pymongo and errors only.

| collection | one document for each | found by |
| --- | --- | --- |
| `active_users` | peer, with the votes on it | its id; `lease_until`; `changed` |
| `profiles` | peer | words, name |
| `resources` | resource and sharer | words, author, keyword, kind, sharer, each newest first; title, year, size; id |
| `holdings` | resource and holder | resource; holder |
| `terms` | word of a resource | its start |
"""

from __future__ import annotations

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure

from academics_jupyter.registry.documents import Document

TERMS = "terms"
WORDS_INDEX = "words"
AUTHORS_INDEX, TOPICS_INDEX, KIND_INDEX, SHARER_INDEX = "authors", "topics", "kind", "sharer"
AGE_INDEX, TITLE_INDEX, YEAR_INDEX, SIZE_INDEX = "age", "title", "year", "size"
ID_INDEX, HOLDER_INDEX = "id", "holder"

LEFT_KEPT_S = 2 * 86_400
"""A presence is kept this long after its lease, longer than the grace for clocks, so that it cannot be replayed."""

_PERMITTED_FAILURES = frozenset({13, 85, 86, 8000})
"""Unauthorized (also Atlas's 8000), and an index that is there under another name or with other options."""

_EXPIRY = IndexModel([("expires", ASCENDING)], name="expiry", expireAfterSeconds=0)

INDEXES: dict[str, list[IndexModel]] = {
    "active_users": [
        IndexModel([("online", ASCENDING), ("lease_until", ASCENDING)], name="online"),
        IndexModel([("lease_until", ASCENDING)], name="expiry", expireAfterSeconds=LEFT_KEPT_S),
        IndexModel([("changed", ASCENDING)], name="changed"),
    ],
    "profiles": [
        IndexModel([("kw", ASCENDING)], name=WORDS_INDEX),
        IndexModel([("order", ASCENDING), ("_id", ASCENDING)], name="order"),
        _EXPIRY,
    ],
    "resources": [
        IndexModel([("kw", ASCENDING), ("k", DESCENDING)], name=WORDS_INDEX),
        IndexModel([("authors", ASCENDING), ("k", DESCENDING)], name=AUTHORS_INDEX),
        IndexModel([("topics", ASCENDING), ("k", DESCENDING)], name=TOPICS_INDEX),
        IndexModel([("kind", ASCENDING), ("k", DESCENDING)], name=KIND_INDEX),
        IndexModel([("peer", ASCENDING), ("k", DESCENDING)], name=SHARER_INDEX),
        IndexModel([("k", DESCENDING)], name=AGE_INDEX),
        IndexModel([("order", ASCENDING), ("k", DESCENDING)], name=TITLE_INDEX),
        IndexModel([("year", DESCENDING), ("k", DESCENDING)], name=YEAR_INDEX),
        IndexModel([("size_bytes", DESCENDING), ("k", DESCENDING)], name=SIZE_INDEX),
        IndexModel([("id", ASCENDING), ("k", ASCENDING)], name=ID_INDEX),
        _EXPIRY,
    ],
    "holdings": [
        IndexModel([("resource", ASCENDING), ("held", ASCENDING)], name="resource"),
        IndexModel([("peer", ASCENDING), ("held", ASCENDING), ("resource", ASCENDING)], name=HOLDER_INDEX),
        _EXPIRY,
    ],
}


async def ensure_indexes(database: AsyncDatabase[Document]) -> None:
    """Make the indexes that are missing. A member who may not make them leaves that to who set the registry up."""
    for collection, indexes in INDEXES.items():
        try:
            await database[collection].create_indexes(indexes)
        except OperationFailure as error:
            if error.code not in _PERMITTED_FAILURES:
                raise
