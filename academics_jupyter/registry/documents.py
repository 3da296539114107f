"""Records as MongoDB documents and back. May import protocol, bson and the registry's pure modules.

A document holds the signed bytes (`payload`, `signature`) and fields to find it by. Anyone who may write to the
registry may have written any of them, so a reader checks the signature and that the fields which are plain copies
agree; what is derived (`kw`, `authors`, `topics`, `order`) is not compared, for `matching` decides from the record
itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from bson.datetime_ms import DatetimeMS

from academics_jupyter.errors import RemoteProtocolError
from academics_jupyter.protocol.records import (
    Envelope,
    Holding,
    Presence,
    Profile,
    Record,
    Resource,
    Signed,
    convert,
    open_as,
)
from academics_jupyter.registry.matching import age_order, lease_ms, profile_order, title_order
from academics_jupyter.registry.words import author_words, profile_words, resource_words, topics

Document = dict[str, Any]
R = TypeVar("R", bound=Record)

COLLECTIONS: dict[type[Record], str] = {
    Presence: "active_users",
    Profile: "profiles",
    Resource: "resources",
    Holding: "holdings",
}
MAX_AUTHOR_WORDS = 600


def document_id(record: Record) -> str:
    """The `_id` of a record: its key; for a holding with half of the resource's id, which is telling enough."""
    return f"{record.resource[:32]}{record.peer}" if isinstance(record, Holding) else record.key


def document(signed: Signed[Record]) -> Document:
    """All fields of a document but its `_id` and those the server's clock fills in."""
    record = signed.record
    return {"payload": signed.payload, "signature": signed.signature, **_copies(record), **_derived(record)}


def lease_until(presence: Presence) -> Document:
    """An expression for when a presence runs out, by the server's clock."""
    return {"$add": ["$$NOW", lease_ms(presence)]}


def opened(kind: type[R], found: Document) -> Signed[R] | None:
    """The record in a document, or None where its signature does not hold or a copied field differs."""
    try:
        envelope = convert({name: found.get(name) for name in ("payload", "signature")}, Envelope)
        signed = open_as(kind, envelope)
    except RemoteProtocolError:
        return None
    expected = {"_id": document_id(signed.record), **_copies(signed.record)}
    return signed if all(found.get(name) == value for name, value in expected.items()) else None


def opened_all(kind: type[R], documents: Iterable[Document]) -> list[Signed[R]]:
    """The records of those documents that hold, in their order."""
    return [signed for each in documents if (signed := opened(kind, each)) is not None]


def _copies(record: Record) -> Document:
    common: Document = {
        "peer": record.peer,
        "epoch": record.epoch,
        "sequence": record.sequence,
        "expires": DatetimeMS(record.expires_at_ms),
    }
    match record:
        case Presence():
            return {**common, "online": record.online}
        case Resource():
            shown: Document = {"kind": record.kind, "withdrawn": record.withdrawn, "k": age_order(record)}
            return {**common, "id": record.id, **shown, "year": record.year or 0, "size_bytes": record.size_bytes}
        case Holding():
            return {**common, "resource": record.resource, "held": record.held}
        case _:
            return common


def _derived(record: Record) -> Document:
    match record:
        case Resource():
            authors = {word for name in author_words(record) for word in name}
            listed = sorted(authors)[:MAX_AUTHOR_WORDS]
            words: Document = {"kw": list(resource_words(record)), "authors": listed, "topics": list(topics(record))}
            return {**words, "order": title_order(record)}
        case Profile():
            return {"kw": list(profile_words(record)), "order": profile_order(record)[0]}
        case _:
            return {}
