"""Exploring: what the network shares, who holds it, who is there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Container, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from academics_jupyter.errors import RegistryError
from academics_jupyter.peer.context import Context
from academics_jupyter.peer.membership import new_membership
from academics_jupyter.peer.people import People, Person
from academics_jupyter.peer.sightings import Sightings
from academics_jupyter.peer.versions import Newer, all_versions, newest_after, outdated
from academics_jupyter.protocol.identity import fingerprint
from academics_jupyter.protocol.records import Presence, Profile, Resource, Signed
from academics_jupyter.registry.matching import page
from academics_jupyter.registry.port import Found, Page, Place, Query
from academics_jupyter.store.peers import Contact

log = logging.getLogger(__name__)

MAX_MET = 50
"""How many unknown people are asked for at a time."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A resource as one finds it: the description to show, the others, its holders and which of them are online.

    `newer` is the id of the newest version of it that is known here, where it is one of those that were explored; else,
    or if it is that itself, "".
    """

    resource: Resource
    others: tuple[Resource, ...]
    sharer: str
    holders: tuple[str, ...]
    online_holders: tuple[str, ...]
    newer: str = ""
    last_seen_ms: int = 0
    """When one of its holders was last seen, if none is online; 0 where that is not known."""

    @property
    def available(self) -> bool:
        """Whether it can be downloaded now."""
        return bool(self.online_holders)


@dataclass(frozen=True, slots=True)
class Explored:
    """A page of listings in the query's order; `notice` says, in one line, what is wrong with the view, if anything.

    `next` is where the following page begins; None where nothing follows.
    """

    listings: tuple[Listing, ...]
    notice: str = ""
    next: Place | None = None


class ExploringService:
    """Reads the registry; without it, what this profile knows."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._asked_for: set[str] = set()
        self._sightings = Sightings(context)
        self.everybody = People(context, self._sightings, self.online)

    async def explore(self, query: Query) -> Explored:
        """A page of what fits the query."""
        online, notice = dict[str, Presence](), ""
        try:
            online = await self.online()
            async with self._context.asking() as registry:
                answer = await registry.search(replace(query, online=frozenset(online)))
            found = answer.found
            await asyncio.to_thread(self._remember, found)
            await self._meet(signed.record.peer for each in found for signed in (*each.descriptions, *each.holdings))
            await self._sightings.look(_away(found, online))
        except RegistryError as error:
            answer = await asyncio.to_thread(self._explore_store, query, online)
            found, notice = answer.found, f"{error} Shown is what this profile knows."
        return Explored(tuple(await asyncio.to_thread(self._listings, found, online)), notice, answer.next)

    async def online(self) -> dict[str, Presence]:
        """Who is online, by peer id; ourselves too: as the driver sees it, else as the registry's records say.

        Raises RegistryError, where nobody drives.
        """
        context = self._context
        if context.driving or await asyncio.to_thread(context.folder.driver) is not None:
            return await asyncio.to_thread(self._seen_by_driver)
        async with context.asking() as registry:
            members = await registry.members()
        known, now_ms = new_membership(context.settings), context.clock.now_ms()
        for presence in members.presences:
            known.hear(presence.record, now_ms)
        for vote in members.votes:
            known.hear_vote(vote.record, now_ms)
        return known.active(now_ms)

    async def listing(self, resource: str) -> Listing | None:
        """One resource by its whole id; None where nobody has described it."""
        found, online = [], dict[str, Presence]()
        try:
            online = await self.online()
            async with self._context.asking() as registry:
                found = await registry.resources(resource, 1, frozenset(online))
            await asyncio.to_thread(self._remember, found)
        except RegistryError as error:
            log.debug("what is known here is shown: %s", error)
        # News is faster than the registry, and here when that is not.
        found = found or self._found_in_store(resource)
        return self._listing(found[0], online) if found else None

    async def versions(self, resource: Resource) -> list[Resource]:
        """What its sharer has made of a resource, newest first; itself among them."""
        return await all_versions(self._context.store.records, resource, self.listing)

    async def remembered(self, resources: Iterable[str]) -> dict[str, Listing]:
        """Those of them that somebody describes, by what this profile knows, without asking the network."""
        online: dict[str, Presence] = {}
        with suppress(RegistryError):
            online = await self.online()
        return await asyncio.to_thread(self._remembered, resources, online)

    def _remembered(self, resources: Iterable[str], online: dict[str, Presence]) -> dict[str, Listing]:
        found = [each for resource in resources for each in self._found_in_store(resource)]
        return {each.resource.id: each for each in self._listings(found, online)}

    async def holders(self, resource: str) -> tuple[str, ...]:
        """Who is said to hold a resource, described or not: nobody describes a file chosen from a folder."""
        listing = await self.listing(resource)
        if listing is not None:
            return listing.holders
        held = [signed for signed in self._context.store.records.holdings(resource) if signed.record.held]
        try:
            async with self._context.asking() as registry:
                held += await registry.holdings(resource)
        except RegistryError as error:
            log.debug("who holds it is what is known here: %s", error)
        return tuple(dict.fromkeys(signed.record.peer for signed in held))

    async def people(self, words: tuple[str, ...] = ()) -> list[Person]:
        """Who works on what, online first. Raises RegistryError."""
        return await self.everybody.found(words)

    async def known(self, peers: Collection[str]) -> list[Person]:
        """Who those peers are, those online first; without the registry, as far as this profile knows."""
        online: dict[str, Presence] = {}
        with suppress(RegistryError):
            online = await self.online()
            await self._meet(peers)
            await self._sightings.look(peer for peer in peers if peer not in online)
        return await asyncio.to_thread(self.everybody.known, peers, online)

    async def _meet(self, peers: Iterable[str]) -> None:
        """Learn from the registry, once, who those are whose profile has not been heard of, so that they can be named.

        Raises RegistryError.
        """
        known = {signed.record.peer for signed in await asyncio.to_thread(self._context.store.records.profiles)}
        unknown = [peer for peer in dict.fromkeys(peers) if peer not in known | self._asked_for][:MAX_MET]
        if not unknown:
            return
        self._asked_for.update(unknown)
        async with self._context.asking() as registry:
            profiles = await asyncio.gather(*(registry.profile(peer) for peer in unknown))
        await asyncio.to_thread(self._remember_profiles, [signed for signed in profiles if signed is not None])

    async def contacts(self) -> list[Contact]:
        """Everybody this profile has met, online first; `online` says that there is a link with them."""
        return await asyncio.to_thread(self._context.store.peers.all)

    def name_of(self, peer: str) -> str:
        """The name that a peer goes by."""
        if peer == self._context.me and (details := self._context.store.profile.get()) is not None:
            return details.name
        profile = self._context.store.records.get(Profile, peer)
        contact = self._context.store.peers.get(peer)
        known = profile.record.name if profile else contact.name if contact else ""
        return known or fingerprint(peer)[:9]

    def _seen_by_driver(self) -> dict[str, Presence]:
        store = self._context.store
        peers = store.peers.online() | {self._context.me}
        return {peer: signed.record for peer in peers if (signed := store.records.get(Presence, peer)) is not None}

    def _listings(self, found: Iterable[Found], online: dict[str, Presence]) -> list[Listing]:
        newer = outdated(self._context.store.records)
        return [self._listing(each, online, newer) for each in found]

    def _listing(self, found: Found, online: dict[str, Presence], newer: Newer | None = None) -> Listing:
        shown = self._preferred(found.descriptions)
        newest = newest_after(newer or {}, shown)
        holders = tuple(dict.fromkeys(signed.record.peer for signed in found.holdings))
        return Listing(
            resource=shown,
            others=tuple(signed.record for signed in found.descriptions if signed.record is not shown),
            sharer=self.name_of(shown.peer),
            holders=holders,
            online_holders=tuple(peer for peer in holders if peer in online),
            newer=newest.id if newest else "",
            last_seen_ms=self._last_seen_ms(holders, online),
        )

    def _last_seen_ms(self, holders: Iterable[str], online: dict[str, Presence]) -> int:
        if any(peer in online for peer in holders):
            return 0
        return max((self._sightings.last_seen_ms(peer) for peer in holders), default=0)

    def _preferred(self, descriptions: tuple[Signed[Resource], ...]) -> Resource:
        """Our own description, else that of somebody we know, else the first."""
        for signed in descriptions:
            if signed.record.peer == self._context.me:
                return signed.record
        for signed in descriptions:
            contact = self._context.store.peers.get(signed.record.peer)
            if contact is not None and contact.verified:
                return signed.record
        return descriptions[0].record

    def _remember(self, found: Iterable[Found]) -> None:
        """Keep what was found, so that it can be named, and explored when the registry is away."""
        with self._context.store.transaction():
            for each in found:
                for signed in (*each.descriptions, *each.holdings):
                    self._context.store.records.put(signed)

    def _remember_profiles(self, profiles: list[Signed[Profile]]) -> None:
        with self._context.store.transaction():
            for signed in profiles:
                self._context.store.records.put(signed)

    def _explore_store(self, query: Query, online: dict[str, Presence]) -> Page:
        groups: dict[str, list[Signed[Resource]]] = {}
        for signed in self._context.store.records.resources():
            if not signed.record.withdrawn:
                groups.setdefault(signed.record.id, []).append(signed)
        return page((self._found(group) for group in groups.values()), replace(query, online=frozenset(online)))

    def _found_in_store(self, resource: str) -> list[Found]:
        group = [signed for signed in self._context.store.records.resources(resource) if not signed.record.withdrawn]
        return [self._found(group)] if group else []

    def _found(self, group: list[Signed[Resource]]) -> Found:
        holdings = self._context.store.records.holdings(group[0].record.id)
        return Found(tuple(group), tuple(signed for signed in holdings if signed.record.held))


def _away(found: Iterable[Found], online: Container[str]) -> Iterator[str]:
    """The holders of what nobody online holds."""
    for each in found:
        holders = [signed.record.peer for signed in each.holdings]
        if not any(peer in online for peer in holders):
            yield from holders
