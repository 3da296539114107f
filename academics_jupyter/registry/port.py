"""What a registry does, whichever holds it. May import protocol and errors only.

The registry is hints: whatever it returns has been checked against its signature, and its index fields against the
record, and is dropped where they do not hold.
"""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What to look for. All given conditions must hold; with no words, the newest resources come.

    Case, accents and punctuation do not matter. Every word must be found, the last may be the start of one; `author`
    are words of one author's name, `keyword` is one of the keywords. `online` is who is online as the asker knows it:
    `available` keeps what one of them holds, and their holdings come first.
    """

    words: tuple[str, ...] = ()
    available: bool = False
    author: str = ""
    keyword: str = ""
    kind: str = ""
    limit: int = 50
    online: frozenset[str] = frozenset()


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

    async def search(self, query: Query) -> list[Found]:
        """What fits, best first: all words whole, then the last only begun; newest first in each."""

    async def resources(self, start: str, limit: int = 10, online: frozenset[str] = frozenset()) -> list[Found]:
        """The resources whose id begins with `start` (hex), at most `limit`, in the order of their ids.

        The holdings of those `online` come first.
        """

    async def holdings(self, resource: str, online: frozenset[str] = frozenset()) -> list[Signed[Holding]]:
        """Who holds the resource with that id, whether anyone describes it or not; those `online` first."""

    async def profiles(self, words: tuple[str, ...] = (), limit: int = 100) -> list[Signed[Profile]]:
        """Whose name, affiliation or interests have words that begin with each of `words`; by name."""

    async def profile(self, peer: str) -> Signed[Profile] | None:
        """What a peer tells of themselves."""
