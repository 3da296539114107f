"""A resource as the browser draws it: a row of the list, and what is told of the one that is open."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from academics_jupyter.metadata.bibtex import bibtex
from academics_jupyter.peer.exploring import Listing
from academics_jupyter.peer.peer import Peer
from academics_jupyter.peer.people import Person
from academics_jupyter.protocol.identity import fingerprint
from academics_jupyter.protocol.records import Resource

NAMED_HOLDERS = 5
LISTED_HOLDERS = 20
LISTED_VERSIONS = 20

NameOf = Callable[[str], str]


def resource_rows(peer: Peer, listings: Iterable[Listing]) -> list[dict[str, Any]]:
    """A row for each listing. Reads the store."""
    name_of = _names(peer)
    return [_row(listing, name_of, peer.id) for listing in listings]


def detail(peer: Peer, listing: Listing, people: Sequence[Person], versions: Sequence[Resource]) -> dict[str, Any]:
    """What is told of an open resource beside its row: how to cite it, its holders, versions, other descriptions.

    `people` are its holders and its sharer. Reads the store.
    """
    name_of, resource = _names(peer), listing.resource
    known = {person.peer: person_row(person, peer) for person in people}
    return {
        "id": resource.id,
        "bibtex": bibtex(resource),
        "sharer": known.get(resource.peer),
        "holders": [known[holder] for holder in _online_first(listing) if holder in known],
        "versions": [
            {"id": each.id, "version": each.version, "title": each.title or each.file_name, "at_ms": each.created_at_ms}
            for each in versions[:LISTED_VERSIONS]
        ],
        "others": [{"sharer": name_of(each.peer), "title": each.title} for each in listing.others],
    }


def person_row(person: Person, peer: Peer) -> dict[str, Any]:
    """Somebody, with whether they are there. Reads the store."""
    mine = person.peer == peer.id
    return {
        "peer": person.peer,
        "name": person.name or peer.exploring.name_of(person.peer),
        "mine": mine,
        "affiliation": person.affiliation,
        "interests": list(person.interests),
        "fingerprint": person.fingerprint,
        "presence": person.presence,
        "last_seen_ms": 0 if person.online else person.last_seen_ms,
        "verified": person.verified,
        "blocked": person.blocked,
        "resources": person.resources,
    }


def _names(peer: Peer) -> NameOf:
    names: dict[str, str] = {peer.id: "you"}

    def name_of(other: str) -> str:
        if other not in names:
            names[other] = peer.exploring.name_of(other)
        return names[other]

    return name_of


def _online_first(listing: Listing) -> list[str]:
    return sorted(listing.holders, key=lambda holder: holder not in listing.online_holders)


def _row(listing: Listing, name_of: NameOf, me: str) -> dict[str, Any]:
    resource = listing.resource
    return {
        "id": resource.id,
        "title": resource.title,
        "authors": [str(author) for author in resource.authors],
        "year": resource.year,
        "kind": resource.kind,
        "size_bytes": resource.size_bytes,
        "files": resource.files,
        "version": resource.version,
        "previous": resource.previous,
        "newer": listing.newer,
        "file_name": resource.file_name,
        "abstract": resource.abstract,
        "keywords": list(resource.keywords),
        "doi": resource.doi,
        "license": resource.license,
        "shared_at_ms": resource.created_at_ms,
        "sharer": name_of(resource.peer),
        "sharer_id": resource.peer,
        "sharer_fingerprint": fingerprint(resource.peer),
        "mine": resource.peer == me,
        "holders": [name_of(holder) for holder in _online_first(listing)[:NAMED_HOLDERS]],
        "more_holders": max(len(listing.holders) - NAMED_HOLDERS, 0),
        "available": listing.available,
        "last_seen_ms": listing.last_seen_ms,
    }
