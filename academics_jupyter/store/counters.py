"""The numbers that must never go back, whatever happens to the process. May import errors only.

Invariants: each epoch is higher than all before it, and so is each sequence number; the series stays what it was when
the store was made, so a store that was lost and made anew has a higher one. A copy of a store does not know what was
numbered since it was made, here or wherever else the identity writes, and readers take a number for a repetition: so it
begins a series and an epoch of its own.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from academics_jupyter.store.database import Database

Clock = Callable[[], int]
"""The time in milliseconds since 1970."""

PLACE = "place"
SERIES_SPREAD = 60_000
"""A minute of milliseconds, so that what is later stays higher."""


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
        if series := self._get("series"):
            return series
        with self._database.transaction():
            return self._get("series") or self._put("series", max(1, self._clock()))

    def lie_at(self, place: int) -> None:
        """Called at each opening with the inode of the store's file, which no copy has in common with its original.

        Where it is not that of the last opening, a new series and epoch begin.
        """
        with self._database.transaction():
            if self._get(PLACE) == place:
                return
            series = self._get("series")
            if series:
                # By chance too, as two copies of one store may open at the same time, or by clocks that are behind.
                self._put("series", max(series, self._clock()) + 1 + secrets.randbelow(SERIES_SPREAD))
                self.begin_epoch(self._clock())
            self._put(PLACE, place)

    def _get(self, name: str) -> int:
        rows = self._database.read("SELECT value FROM counters WHERE name = ?", (name,))
        return int(rows[0]["value"]) if rows else 0

    def _put(self, name: str, value: int) -> int:
        self._database.execute(
            "INSERT INTO counters (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, value),
        )
        return value
