"""Presences and votes in MongoDB: how they are read by deltas, and how a vote is written.

May import pymongo and registry modules below it. A document of `active_users` is a presence; the votes on it lie beside
it, one for each voter and each signed, and `disconnectedCount` is how many of them say that the peer is gone. The count
is for people who look into the database: readers count the signed votes themselves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from bson.datetime_ms import DatetimeMS
from pymongo import ASCENDING
from pymongo.asynchronous.database import AsyncDatabase

from academics_jupyter.errors import RemoteProtocolError
from academics_jupyter.protocol.records import (
    VOTE_LIFETIME_MS,
    Envelope,
    Presence,
    Signed,
    Vote,
    convert,
    open_as,
)
from academics_jupyter.registry.documents import Document, opened_all
from academics_jupyter.registry.matching import CLOCK_GRACE_MS
from academics_jupyter.registry.port import MAX_VOTES, Members

MAX_READ = 20_000
OVERLAP_MS = 3_000
"""A write may be seen after a later one: deltas begin this much before their mark."""

ONLINE: Document = {
    "online": True,
    "$expr": {
        "$and": [
            {"$gt": ["$lease_until", "$$NOW"]},
            {"$gt": ["$expires", {"$subtract": ["$$NOW", CLOCK_GRACE_MS]}]},
        ]
    },
}

_VOTES = {"$cond": [{"$eq": [{"$type": "$votes"}, "object"]}, {"$objectToArray": "$votes"}, []]}
_YOUNG = {"$filter": {"input": _VOTES, "as": "each", "cond": {"$gt": ["$$each.v.until", "$$NOW"]}}}
_STANDING = {"$and": [{"$eq": ["$$each.v.failed", True]}, {"$eq": ["$$each.v.target_epoch", "$epoch"]}]}

COUNTED: list[Document] = [
    {"$set": {"votes": {"$arrayToObject": _YOUNG}}},
    {"$set": {"disconnectedCount": {"$size": {"$filter": {"input": _VOTES, "as": "each", "cond": _STANDING}}}}},
]
"""The stages of an update that drop the votes which have expired and count the others anew."""


async def members(database: AsyncDatabase[Document], since_ms: int) -> Members:
    """What was written since a mark, or with 0 that of everybody online; see the port. Raises pymongo's errors."""
    delta = {"changed": {"$gt": DatetimeMS(since_ms - OVERLAP_MS)}}
    pipeline: list[Document] = [
        {"$match": delta if since_ms else ONLINE},
        {"$sort": {"changed": ASCENDING}},
        {"$limit": MAX_READ},
        {"$set": {"votes": {"$arrayToObject": {"$slice": [_VOTES, MAX_VOTES]}}, "now": "$$NOW"}},
    ]
    documents = await (await database["active_users"].aggregate(pipeline)).to_list()
    return await asyncio.to_thread(_opened, documents, since_ms)


async def last_presences(database: AsyncDatabase[Document], peers: frozenset[str]) -> list[Signed[Presence]]:
    """The presences of those peers, however long ago they ended, verified. Raises pymongo's errors."""
    documents = await database["active_users"].find({"_id": {"$in": sorted(peers)}}, {"votes": 0}).to_list()
    return await asyncio.to_thread(opened_all, Presence, documents)


async def vote(database: AsyncDatabase[Document], record: Vote, payload: str, signature: str) -> bool:
    """Write a vote beside its target's presence; whether there is one. Only its voter writes it, in order."""
    entry = {"payload": payload, "signature": signature, "failed": record.failed, "target_epoch": record.target_epoch}
    until = {"$add": ["$$NOW", VOTE_LIFETIME_MS]}
    fields: dict[str, Any] = {name: {"$literal": value} for name, value in entry.items()}
    whole = {"$cond": [{"$eq": [{"$type": "$votes"}, "object"]}, "$votes", {}]}
    stages: list[Document] = [
        {"$set": {"votes": whole}},
        {"$set": {f"votes.{record.peer}": {**fields, "until": until}, "changed": "$$NOW"}},
        *COUNTED,
    ]
    result = await database["active_users"].update_one({"_id": record.target}, stages)
    return result.matched_count > 0


def _opened(documents: list[Document], since_ms: int) -> Members:
    mark_ms = since_ms
    for each in documents:
        changed = each.get("changed")
        # What claims to be from the future would put the mark there too.
        if isinstance(changed, DatetimeMS) and changed <= each["now"]:
            mark_ms = max(mark_ms, int(changed))
    votes = (signed for each in documents for signed in _opened_votes(each))
    return Members(tuple(opened_all(Presence, documents)), tuple(votes), mark_ms)


def _opened_votes(document: Document) -> Iterator[Signed[Vote]]:
    """The votes that hold, are on the document's peer, and stand under their voter's name."""
    votes = document.get("votes")
    for voter, entry in votes.items() if isinstance(votes, dict) else ():
        fields = entry if isinstance(entry, dict) else {}
        try:
            envelope = convert({name: fields.get(name) for name in ("payload", "signature")}, Envelope)
            signed = open_as(Vote, envelope)
        except RemoteProtocolError:
            continue
        if (signed.record.target, signed.record.peer) == (document.get("_id"), voter):
            yield signed
