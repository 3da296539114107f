"""The people on the network: who they are, whether they are there, and how much they share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from academics_jupyter.peer.context import Context
from academics_jupyter.peer.sightings import Sightings
from academics_jupyter.protocol.identity import fingerprint
from academics_jupyter.protocol.records import Presence, Profile, Signed

MAX_ONLINE = 500
"""So many of those online come before the others."""

PAGE = 50


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody on the network. `busy` is somebody online whose kernel computes; `resources` counts those known here."""

    peer: str
    name: str
    affiliation: str
    interests: tuple[str, ...]
    online: bool
    resources: int
    busy: bool = False
    last_seen_ms: int = 0
    verified: bool = False
    blocked: bool = False

    @property
    def fingerprint(self) -> str:
        """What people read to each other."""
        return fingerprint(self.peer)

    @property
    def presence(self) -> str:
        """Where they are: online, busy or away."""
        return "away" if not self.online else "busy" if self.busy else "online"


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """People, and what to ask for the next page with; None where nobody follows."""

    people: tuple[Person, ...]
    next: Signed[Profile] | None = None


class People:
    """Reads the registry's profiles; `online` tells who is there."""

    def __init__(
        self, context: Context, sightings: Sightings, online: Callable[[], Awaitable[dict[str, Presence]]]
    ) -> None:
        self._context, self._sightings, self._online = context, sightings, online

    async def found(self, words: tuple[str, ...] = (), limit: int = 100) -> list[Person]:
        """Who works on what, online first. Raises RegistryError."""
        online = await self._online()
        async with self._context.asking() as registry:
            profiles = await registry.profiles(words, limit)
        return await asyncio.to_thread(self._sorted, profiles, words, online)

    async def page(
        self, words: tuple[str, ...] = (), after: Signed[Profile] | None = None, limit: int = PAGE
    ) -> PeoplePage:
        """A page of them: on the first all who are online, then by name those who are not. Raises RegistryError."""
        online = await self._online()
        async with self._context.asking() as registry:
            there = [] if after else await registry.profiles(words, MAX_ONLINE, among=frozenset(online))
            away: list[Signed[Profile]] = []
            last, ended = after, False
            while len(away) <= limit and not ended:
                read = await registry.profiles(words, limit + 1, after=last)
                away += [signed for signed in read if signed.record.peer not in online]
                last, ended = read[-1] if read else last, len(read) <= limit
        shown = away[:limit]
        await self._sightings.look(signed.record.peer for signed in shown)
        arrived = {} if after else online
        people = await asyncio.to_thread(self._sorted, [*there, *shown], words, arrived)
        return PeoplePage(tuple(people), shown[-1] if len(away) > limit else None)

    def known(self, peers: Iterable[str], online: Mapping[str, Presence]) -> list[Person]:
        """Who these are as this profile knows, those online first; a stranger's name is empty. Reads the store."""
        store = self._context.store
        profiles = {peer: store.records.get(Profile, peer) for peer in peers}
        people = [
            self._person(signed.record, online, 0)
            if signed is not None
            else self._marked(Person(peer, "", "", (), peer in online, 0))
            for peer, signed in profiles.items()
        ]
        return sorted(people, key=lambda person: not person.online)

    def _sorted(
        self, profiles: Iterable[Signed[Profile]], words: tuple[str, ...], online: Mapping[str, Presence]
    ) -> list[Person]:
        shared = self._shared_counts()
        people = [self._person(signed.record, online, shared.get(signed.record.peer, 0)) for signed in profiles]
        people += self._just_arrived(words, online, {person.peer for person in people})
        return sorted(people, key=lambda person: (not person.online, person.name.casefold()))

    def _person(self, profile: Profile, online: Mapping[str, Presence], resources: int) -> Person:
        return self._marked(
            Person(
                peer=profile.peer,
                name=profile.name,
                affiliation=profile.affiliation,
                interests=profile.interests,
                online=profile.peer in online,
                resources=resources,
            )
        )

    def _marked(self, person: Person) -> Person:
        """With what this profile itself knows of somebody."""
        contact = self._context.store.peers.get(person.peer)
        return replace(
            person,
            busy=bool(person.online and contact and contact.busy),
            last_seen_ms=self._sightings.last_seen_ms(person.peer),
            verified=bool(contact and contact.verified),
            blocked=bool(contact and contact.blocked),
        )

    def _just_arrived(self, words: tuple[str, ...], online: Mapping[str, Presence], listed: set[str]) -> list[Person]:
        """Those online under a name that fits, whose profile the registry does not have yet."""
        wanted = [word.casefold() for word in words]
        return [
            self._marked(Person(peer, presence.name, "", (), online=True, resources=0))
            for peer, presence in online.items()
            if peer not in listed and all(word in presence.name.casefold() for word in wanted)
        ]

    def _shared_counts(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for signed in self._context.store.records.resources():
            if not signed.record.withdrawn:
                counts[signed.record.peer] = counts.get(signed.record.peer, 0) + 1
        return counts
