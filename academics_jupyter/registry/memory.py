"""The registry's twin in memory: the same rules with no database, for tests and examples.

May import protocol, errors and the registry's pure modules only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from academics_jupyter.errors import RegistryUnreachableError
from academics_jupyter.protocol.records import (
    Holding,
    Presence,
    Profile,
    Record,
    Resource,
    Signed,
    Vote,
    newer,
)
from academics_jupyter.registry.matching import (
    age_order,
    lease_ms,
    page,
    profile_fits,
    profile_order,
    void_from_ms,
)
from academics_jupyter.registry.port import MAX_DESCRIPTIONS, MAX_HOLDINGS, Found, Members, Page, Query

R = TypeVar("R", bound=Record)


@dataclass(slots=True)
class MemoryNetwork:
    """What the registries of several peers have in common. `reachable` false makes every call fail, as an outage."""

    clock_ms: Callable[[], int]
    reachable: bool = True
    records: dict[tuple[str, str], Signed[Record]] = field(default_factory=dict)
    leases: dict[str, int] = field(default_factory=dict)
    written: list[Signed[Record]] = field(default_factory=list)
    """Presences and votes in the order they came: a mark is a place in it."""


class MemoryRegistry:
    """A Registry over a MemoryNetwork."""

    def __init__(self, network: MemoryNetwork) -> None:
        self._network = network

    async def open(self) -> None:
        """Nothing to connect to; raises RegistryUnreachableError in an outage."""
        self._check()

    async def close(self) -> None:
        """Nothing to disconnect from."""

    async def now_ms(self) -> int:
        """The network's clock."""
        self._check()
        return self._network.clock_ms()

    async def publish(self, signed: Signed[Record]) -> bool:
        """Write a record unless a newer one with its key is there."""
        self._check()
        record = signed.record
        if isinstance(record, Vote) and (Presence.LABEL, record.target) not in self._network.records:
            return False
        place = (record.LABEL, record.key)
        known = self._network.records.get(place)
        if known is not None and not newer(record, known.record):
            return known.payload == signed.payload
        self._network.records[place] = signed
        if isinstance(record, Presence):
            self._network.leases[record.peer] = self._network.clock_ms() + lease_ms(record)
        if isinstance(record, Presence | Vote):
            self._network.written.append(signed)
        return True

    async def members(self, since_ms: int = 0) -> Members:
        """The presences and votes written since a mark, or of everybody online."""
        self._check()
        written = self._network.written[since_ms:] if since_ms else [*self._online(), *self._all(Vote)]
        return Members(tuple(_only(Presence, written)), tuple(_only(Vote, written)), len(self._network.written))

    async def search(self, query: Query) -> Page:
        """A page of what fits."""
        self._check()
        described = (signed.record for signed in self._all(Resource) if not signed.record.withdrawn)
        ids = dict.fromkeys(resource.id for resource in described)
        return page((self._found(resource, query.online) for resource in ids), query)

    async def resources(self, start: str, limit: int = 10, online: frozenset[str] = frozenset()) -> list[Found]:
        """The resources whose id begins with `start`."""
        self._check()
        described = (signed.record for signed in self._all(Resource) if not signed.record.withdrawn)
        ids = sorted({resource.id for resource in described if resource.id.startswith(start.lower())})
        return [self._found(resource, online) for resource in ids[: max(limit, 0)]]

    async def holdings(self, resource: str, online: frozenset[str] = frozenset()) -> list[Signed[Holding]]:
        """Who holds a resource, described or not."""
        self._check()
        return self._held(resource, online)

    async def profiles(
        self,
        words: tuple[str, ...] = (),
        limit: int = 100,
        *,
        among: frozenset[str] | None = None,
        after: Signed[Profile] | None = None,
    ) -> list[Signed[Profile]]:
        """Whose name, affiliation or interests begin with all of `words`, by name."""
        self._check()
        fitting = [
            signed
            for signed in self._all(Profile)
            if profile_fits(signed.record, words)
            and (among is None or signed.record.peer in among)
            and (after is None or profile_order(signed.record) > profile_order(after.record))
        ]
        return sorted(fitting, key=lambda signed: profile_order(signed.record))[: max(limit, 0)]

    async def profile(self, peer: str) -> Signed[Profile] | None:
        """What a peer tells of themselves."""
        self._check()
        return next((signed for signed in self._all(Profile) if signed.record.peer == peer), None)

    async def presences(self, peers: frozenset[str]) -> list[Signed[Presence]]:
        """The last presence of each of those peers."""
        self._check()
        return [signed for signed in self._all(Presence) if signed.record.peer in peers]

    def _check(self) -> None:
        if not self._network.reachable:
            raise RegistryUnreachableError("The registry does not answer; what you do now goes out when it is back.")

    def _all(self, kind: type[R]) -> Iterator[Signed[R]]:
        now = self._network.clock_ms()
        for signed in self._network.records.values():
            if void_from_ms(signed.record) > now:
                yield from _only(kind, (signed,))

    def _online(self) -> Iterator[Signed[Presence]]:
        now, leases = self._network.clock_ms(), self._network.leases
        return (each for each in self._all(Presence) if each.record.online and leases[each.record.peer] > now)

    def _found(self, resource: str, online: frozenset[str]) -> Found:
        described = [each for each in self._all(Resource) if each.record.id == resource and not each.record.withdrawn]
        described.sort(key=lambda signed: (age_order(signed.record), signed.record.peer))
        return Found(tuple(described[:MAX_DESCRIPTIONS]), tuple(self._held(resource, online)))

    def _held(self, resource: str, online: frozenset[str]) -> list[Signed[Holding]]:
        held = [each for each in self._all(Holding) if each.record.resource == resource and each.record.held]
        return sorted(held, key=lambda signed: (signed.record.peer not in online, signed.record.peer))[:MAX_HOLDINGS]


def _only(kind: type[R], all_of_them: Iterable[Signed[Record]]) -> Iterator[Signed[R]]:
    for signed in all_of_them:
        if isinstance(signed.record, kind):
            yield Signed(signed.record, signed.payload, signed.signature)
