"""The numbers that must never go back, whatever happens to the process. May import errors only.

Invariants: each epoch is higher than all before it, and so is each sequence number; the series stays what it was when
the store was made, so a store that was lost and made anew has a higher one.
"""

from __future__ import annotations

from collections.abc import Callable

from academics_jupyter.store.database import Database

Clock = Callable[[], int]
"""The time in milliseconds since 1970."""


class Counters:
    """The counters of one store."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def begin_epoch(self, now_ms: int) -> int:
        """A new epoch, higher than the last one; called by the driver when it starts."""
        with self._database.transaction():
            return self._put("epoch", max(self._get("epoch") + 1, now_ms))

    def epoch(self) -> int:
        """The epoch that has begun; the first one begins if none has."""
        with self._database.transaction():
            return self._get("epoch") or self.begin_epoch(self._clock())

    def next_sequence(self) -> int:
        """The next sequence number for a record of ours."""
        with self._database.transaction():
            return self._put("sequence", self._get("sequence") + 1)

    def series(self) -> int:
        """When this store was made, in milliseconds; the series of its messages."""
        with self._database.transaction():
            return self._get("series") or self._put("series", max(1, self._clock()))

    def _get(self, name: str) -> int:
        rows = self._database.read("SELECT value FROM counters WHERE name = ?", (name,))
        return int(rows[0]["value"]) if rows else 0

    def _put(self, name: str, value: int) -> int:
        self._database.execute(
            "INSERT INTO counters (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, value),
        )
        return value
