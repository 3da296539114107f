"""Whether and how well a record fits a query: the one rule of all registries. Pure; may import protocol, port, words.

MongoDB finds candidates by index fields that anyone may have written; this rule decides over what was signed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum

from academics_jupyter.protocol.records import PRESENCE_LEASE_MS, Presence, Profile, Record, Resource
from academics_jupyter.registry.port import Found, Order, Page, Place, Query, Standing
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


MAX_TITLE_ORDER = 100


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


def standing(resource: Resource, query: Query) -> Standing | None:
    """Where a description stands in the query's order; None where it does not fit."""
    fits = fit(resource, query)
    if not fits:
        return None
    return (-fits if query.order is Order.BEST else 0, _value(resource, query.order), -age_order(resource))


def page(founds: Iterable[Found], query: Query) -> Page:
    """The page that a query asks for, of all resources there are: each stands where its best description does."""
    standings: dict[str, tuple[Standing, Found]] = {}
    for found in founds:
        fitting = [place for signed in found.descriptions if (place := standing(signed.record, query)) is not None]
        resource = found.descriptions[0].record.id
        if fitting and (query.after is None or query.after.is_before(min(fitting), resource)):
            standings[resource] = (min(fitting), found)
    kept = [
        (place, resource, found)
        for resource, (place, found) in standings.items()
        if not query.available or any(held.record.peer in query.online for held in found.holdings)
    ]
    kept.sort(key=lambda each: each[:2])
    shown, limit = kept[: max(query.limit, 0)], max(query.limit, 0)
    end = place_after([(place, resource) for place, resource, _ in shown], query.after) if len(kept) > limit else None
    return Page(tuple(found for _, _, found in shown), end)


def place_after(shown: Sequence[tuple[Standing, str]], former: Place | None) -> Place | None:
    """Where a page ends of which these resources are shown, in their order; `former` is where it began."""
    if not shown:
        return None
    last = shown[-1][0]
    tied = former.shown if former is not None and former.standing == last else frozenset[str]()
    return Place(last, tied | {resource for place, resource in shown if place == last})


def title_order(resource: Resource) -> str:
    """Resources are listed by the words of their title, else of their file's name."""
    return joined(resource.title or resource.file_name)[:MAX_TITLE_ORDER]


def _value(resource: Resource, order: Order) -> int | str:
    match order:
        case Order.TITLE:
            return title_order(resource)
        case Order.YEAR:
            return -(resource.year or 0)
        case Order.SIZE:
            return -resource.size_bytes
        case _:
            return 0


def _passes(resource: Resource, query: Query) -> bool:
    *whole, begun = split(query.author) or [""]
    return (
        (not query.kind or resource.kind == query.kind)
        and (not query.sharer or resource.peer == query.sharer)
        and _is_of_years(resource.year or 0, query)
        and (not query.keyword or any(each.startswith(joined(query.keyword)) for each in topics(resource)))
        and (not begun or any(_is_named(name, whole, begun) for name in author_words(resource)))
    )


def _is_of_years(year: int, query: Query) -> bool:
    return (not query.year_from or year >= query.year_from) and (not query.year_to or 0 < year <= query.year_to)


def _is_named(name: frozenset[str], whole: list[str], begun: str) -> bool:
    return name.issuperset(whole) and any(word.startswith(begun) for word in name)


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
