"""Whether and how well a record fits a query: the one rule of all registries. Pure; may import protocol, port, words.

MongoDB finds candidates by index fields that anyone may have written; this rule decides over what was signed.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from academics_jupyter.protocol.records import PRESENCE_LEASE_MS, Presence, Profile, Record, Resource
from academics_jupyter.registry.port import Query
from academics_jupyter.registry.words import (
    author_words,
    joined,
    profile_words,
    query_words,
    resource_words,
    searched,
    split,
    topics,
)

CLOCK_GRACE_MS = 25 * 3_600_000
"""A presence counts for this long past its signed expiry while its lease is renewed: peers' clocks may be a day off."""


class Fit(IntEnum):
    """How a resource fits the words of a query."""

    NONE = 0
    BEGINNING = 1
    """The last word is the start of one of the resource's."""
    WHOLE = 2


def fit(resource: Resource, query: Query) -> Fit:
    """How well a description fits; NONE where any condition fails or it is withdrawn."""
    if resource.withdrawn or not _passes(resource, query):
        return Fit.NONE
    wanted, words = searched(query.words), set(resource_words(resource))
    if words.issuperset(wanted.all):
        return Fit.WHOLE
    begun = any(word.startswith(wanted.last) for word in words)
    return Fit.BEGINNING if begun and words.issuperset(wanted.whole) else Fit.NONE


def _passes(resource: Resource, query: Query) -> bool:
    author = frozenset(split(query.author))
    return (
        (not query.kind or resource.kind == query.kind)
        and (not query.keyword or joined(query.keyword) in topics(resource))
        and (not author or any(author <= name for name in author_words(resource)))
    )


def profile_fits(profile: Profile, texts: Iterable[str]) -> bool:
    """Whether each word is the start of a word of the name, affiliation or interests."""
    words = profile_words(profile)
    return all(any(word.startswith(start) for word in words) for start in query_words(texts))


def profile_order(profile: Profile) -> tuple[str, str]:
    """Profiles are listed by name."""
    return (joined(profile.name), profile.peer)


def age_order(resource: Resource) -> int:
    """The sort key of pages: 53 bits of the time of creation, and 10 that tell equals apart."""
    return (resource.created_at_ms or resource.issued_at_ms) << 10 | int(resource.sha256[:4], 16) >> 6


def lease_ms(presence: Presence) -> int:
    """How long a presence holds from when the registry took it, whatever the peer's clock says."""
    asked = presence.expires_at_ms - presence.issued_at_ms
    return min(max(asked, 0), PRESENCE_LEASE_MS) if presence.online else 0


def void_from_ms(record: Record) -> int:
    """From when on, by the registry's clock, a record no longer counts."""
    return record.expires_at_ms + (CLOCK_GRACE_MS if isinstance(record, Presence) else 0)
