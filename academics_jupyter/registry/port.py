"""What a registry does, whichever holds it. May import protocol and errors only.

The registry is hints: whatever it returns has been checked against its signature, and its index fields against the
record, and is dropped where they do not hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from academics_jupyter.protocol.records import Holding, Presence, Profile, Record, Resource, Signed, Vote

TIMEOUT_S = 5.0
"""Every call ends within this, with an answer or a RegistryUnreachableError."""


MAX_VOTES = 512
"""How many votes on one peer are read at most."""

MAX_HOLDINGS = 32
"""How many holders a Found names at most, those online first: enough to download from."""

MAX_DESCRIPTIONS = 16
"""How many descriptions a Found carries at most beside the one that fits."""


class Order(StrEnum):
    """In which order resources come. Of those that stand alike, the newest comes first."""

    BEST = "best"
    """What has all words whole, then what has the last only begun."""
    NEWEST = "newest"
    TITLE = "title"
    """By the words of the title."""
    YEAR = "year"
    """The latest first; those without one at the end."""
    SIZE = "size"
    """The largest first."""


Standing = tuple[int, int | str, int]
"""Where a description stands in an order: what is less comes before."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of an answer ends. The next one has what stands behind, or there and is not among those `shown`."""

    standing: Standing
    shown: frozenset[str] = frozenset()

    def is_before(self, standing: Standing, resource: str) -> bool:
        """Whether a resource that stands there comes after this place."""
        return standing > self.standing or (standing == self.standing and resource not in self.shown)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What to look for. All given conditions must hold; with no words, the newest resources come.

    Case, accents and punctuation do not matter. Every word must be found, the last may be the start of one; `author`
    are words of one author's name, the last of which may be begun, and `keyword` is the beginning of a keyword. The
    years are those that count, 0 for no bound. `sharer` is the peer who describes it. `online` is who is online as the
    asker knows it: `available` keeps what one of them holds, and their holdings come first. `after` is where a former
    page of the same query ended.
    """

    words: tuple[str, ...] = ()
    available: bool = False
    author: str = ""
    keyword: str = ""
    kind: str = ""
    year_from: int = 0
    year_to: int = 0
    sharer: str = ""
    order: Order = Order.BEST
    limit: int = 50
    online: frozenset[str] = frozenset()
    after: Place | None = None


@dataclass(frozen=True, slots=True)
class Members:
    """Presences and votes, each verified; `mark_ms` is what to ask for next, to hear only what is written after."""

    presences: tuple[Signed[Presence], ...]
    votes: tuple[Signed[Vote], ...]
    mark_ms: int


@dataclass(frozen=True, slots=True)
class Found:
    """A resource: its descriptions, oldest first and not withdrawn, and who holds it, those online first."""

    descriptions: tuple[Signed[Resource], ...]
    holdings: tuple[Signed[Holding], ...]


@dataclass(frozen=True, slots=True)
class Page:
    """What fits a query, in its order, and where to go on; None where nothing follows."""

    found: tuple[Found, ...] = ()
    next: Place | None = None


class Registry(Protocol):
    """Who is online, what exists, who holds it. A call that cannot be answered raises RegistryUnreachableError."""

    async def open(self) -> None:
        """Connect, and start the embedded server if it is that one."""

    async def close(self) -> None:
        """Disconnect."""

    async def now_ms(self) -> int:
        """The registry's clock, by which records are dated."""

    async def publish(self, signed: Signed[Record]) -> bool:
        """Write a record unless a newer one with its key is there; whether it is now the newest. Safe to repeat.

        A vote is written beside its target's presence, and is lost where there is none.
        """

    async def members(self, since_ms: int = 0) -> Members:
        """The presences and votes written since a former answer's mark, and perhaps a little before it.

        From 0, those of everybody who says that they are online and whose lease has not run out.
        """

    async def search(self, query: Query) -> Page:
        """A page of what fits. It may be short, or empty, although more follows, where that took long to look for."""

    async def resources(self, start: str, limit: int = 10, online: frozenset[str] = frozenset()) -> list[Found]:
        """The resources whose id begins with `start` (hex), at most `limit`, in the order of their ids.

        The holdings of those `online` come first.
        """

    async def holdings(self, resource: str, online: frozenset[str] = frozenset()) -> list[Signed[Holding]]:
        """Who holds the resource with that id, whether anyone describes it or not; those `online` first."""

    async def profiles(
        self,
        words: tuple[str, ...] = (),
        limit: int = 100,
        *,
        among: frozenset[str] | None = None,
        after: Signed[Profile] | None = None,
    ) -> list[Signed[Profile]]:
        """Whose name, affiliation or interests have words that begin with each of `words`; by name.

        Of those peers alone that are `among` them, if given; and from behind the last one of a former answer.
        """

    async def profile(self, peer: str) -> Signed[Profile] | None:
        """What a peer tells of themselves."""

    async def presences(self, peers: frozenset[str]) -> list[Signed[Presence]]:
        """The last presence of each of those peers that has one still, whether they are online or not."""
