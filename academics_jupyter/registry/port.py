"""What a registry does, whichever holds it. May import protocol and errors only.

The registry is hints: whatever it returns has been checked against its signature, and its index fields against the
record, and is dropped where they do not hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from academics_jupyter.protocol.records import Holding, Presence, Profile, Record, Resource, Signed

TIMEOUT_S = 5.0
"""Every call ends within this, with an answer or a RegistryUnreachableError."""


MAX_HOLDINGS = 32
"""How many holders a Found names at most, those online first: enough to download from."""

MAX_DESCRIPTIONS = 16
"""How many descriptions a Found carries at most beside the one that fits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What to look for. All given conditions must hold; with no words, the newest resources come.

    Case, accents and punctuation do not matter. Every word must be found, the last may be the start of one; `author`
    are words of one author's name, `keyword` is one of the keywords.
    """

    words: tuple[str, ...] = ()
    available: bool = False
    author: str = ""
    keyword: str = ""
    kind: str = ""
    limit: int = 50


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
        """Write a record unless a newer one with its key is there; whether it is now the newest. Safe to repeat."""

    async def active(self) -> list[Signed[Presence]]:
        """Who is online: presences with `online` true whose lease has not run out."""

    async def search(self, query: Query) -> list[Found]:
        """What fits, best first: all words whole, then the last only begun; newest first in each.

        `available` keeps what an active peer holds.
        """

    async def resources(self, start: str, limit: int = 10) -> list[Found]:
        """The resources whose id begins with `start` (hex), at most `limit`, in the order of their ids."""

    async def profiles(self, words: tuple[str, ...] = (), limit: int = 100) -> list[Signed[Profile]]:
        """Whose name, affiliation or interests have words that begin with each of `words`; by name."""

    async def profile(self, peer: str) -> Signed[Profile] | None:
        """What a peer tells of themselves."""
