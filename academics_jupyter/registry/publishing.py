"""How a record is written: one idempotent single-document upsert. May import pymongo and registry modules below it.

| there already | outcome |
| --- | --- |
| nothing, or a lower (epoch, sequence) | replaced, True |
| the same bytes | left, True |
| a higher (epoch, sequence), or another record of the same rank | left, False |
| something forged: its signature or copied fields do not hold | replaced, True |
"""

from __future__ import annotations

from typing import Any

from pymongo import UpdateOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError, DuplicateKeyError

from academics_jupyter.protocol.records import Presence, Record, Resource, Signed, Vote
from academics_jupyter.registry.documents import COLLECTIONS, Document, document, document_id, lease_until, opened
from academics_jupyter.registry.membership import COUNTED, vote
from academics_jupyter.registry.schema import TERMS
from academics_jupyter.registry.words import resource_words

_DUPLICATE_KEY = 11000


async def publish(database: AsyncDatabase[Document], signed: Signed[Record]) -> bool:
    """Write a record; whether it is now the newest with its key. Raises pymongo's errors."""
    if isinstance(signed.record, Vote):
        return await vote(database, signed.record, signed.payload, signed.signature)
    written, is_new = await _write(database[COLLECTIONS[type(signed.record)]], signed)
    if written and isinstance(signed.record, Resource) and not signed.record.withdrawn:
        await _note_terms(database[TERMS], resource_words(signed.record), is_new)
    return written


async def _write(collection: AsyncCollection[Document], signed: Signed[Record]) -> tuple[bool, bool]:
    """Whether the record is there, and whether its key is new."""
    update = _update(signed)
    while True:
        try:
            result = await collection.update_one(_older(signed.record), update, upsert=True)
        except DuplicateKeyError:
            there = await collection.find_one({"_id": document_id(signed.record)})
        else:
            return True, result.upserted_id is not None
        if there is None:
            continue
        known = opened(type(signed.record), there)
        if known is None:
            await collection.update_one(_exactly(there), update)
        elif known.record.rank >= signed.record.rank:
            return known.payload == signed.payload, False


def _older(record: Record) -> Document:
    lower = [{"epoch": {"$lt": record.epoch}}, {"epoch": record.epoch, "sequence": {"$lt": record.sequence}}]
    return {"_id": document_id(record), "$or": lower}


def _exactly(there: Document) -> Document:
    """A filter for the forged document as it was read, so that an honest one written since is not lost."""
    names = ("_id", "payload", "signature", "epoch", "sequence", "expires", "peer")
    return {name: {"$eq": there[name]} if name in there else {"$exists": False} for name in names}


def _update(signed: Signed[Record]) -> list[dict[str, Any]]:
    """Fields are set one by one, so that those of others, such as votes, stay."""
    fields: Document = {name: {"$literal": value} for name, value in document(signed).items()}
    if not isinstance(signed.record, Presence):
        return [{"$set": fields}]
    return [{"$set": {**fields, "lease_until": lease_until(signed.record), "changed": "$$NOW"}}, *COUNTED]


async def _note_terms(terms: AsyncCollection[Document], words: tuple[str, ...], is_new: bool) -> None:
    """Count the words of a new description; for one that is known, only see to it that the words are there."""
    change = {"$inc": {"n": 1}} if is_new else {"$setOnInsert": {"n": 1}}
    try:
        await terms.bulk_write([UpdateOne({"_id": word}, change, upsert=True) for word in words], ordered=False)
    except BulkWriteError as error:
        if any(each["code"] != _DUPLICATE_KEY for each in error.details["writeErrors"]):
            raise
