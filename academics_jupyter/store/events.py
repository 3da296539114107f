"""What has lately happened at the peer, told to all processes of the profile. May import errors only.

The events lie in the order in which they were told, the last KEPT of them; each process remembers how far it has read.
What a message says is never in here: an event names the message, and its reader looks the text up.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from academics_jupyter.store.database import Database

KEPT = 1_000
"""A process that has not looked for longer than this many events loses the oldest."""


@dataclass(frozen=True, slots=True)
class ToldEvent:
    """An event of a `kind`, with its JSON as `body`, told by the process `origin`.

    `told_at_ns` is on the machine's monotonic clock, which all its processes share until it restarts.
    """

    origin: str
    told_at_ns: int
    kind: str
    body: str


class Events:
    """The recent events of one store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, told: Iterable[ToldEvent]) -> None:
        """Tell the other processes of what has happened, all or nothing. Topic "events"."""
        last = 0
        with self._database.transaction(lasting=False):
            for event in told:
                last = self._database.insert(
                    "INSERT INTO events (origin, told_at_ns, kind, body) VALUES (?, ?, ?, ?)",
                    (event.origin, event.told_at_ns, event.kind, event.body),
                )
            if last:
                self._database.execute("DELETE FROM events WHERE id <= ?", (last - KEPT,))
                self._database.changed("events")

    def last(self) -> int:
        """The position after the newest event; what is told later comes after it."""
        return int(self._database.read("SELECT COALESCE(MAX(id), 0) FROM events")[0][0])

    def after(self, position: int) -> tuple[int, list[ToldEvent]]:
        """The events after a position, oldest first, and the position after them."""
        rows = self._database.read(
            "SELECT id, origin, told_at_ns, kind, body FROM events WHERE id > ? ORDER BY id", (position,)
        )
        return int(rows[-1]["id"]) if rows else position, [ToldEvent(*tuple(row)[1:]) for row in rows]
