"""How fast the driver sends and fetches, for all processes of the profile to see. May import errors only."""

from __future__ import annotations

from typing import NamedTuple

from academics_jupyter.store.database import Database

FRESH_MS = 5_000
"""What a driver wrote longer ago is no longer so: it was killed, or its loop stands still."""


class Rates(NamedTuple):
    """Bytes per second, of all transfers in each direction together."""

    upload: float
    download: float


NO_RATES = Rates(0.0, 0.0)


class RateRows:
    """One store's rates. Times are this machine's own (`store.wall_clock_ms`), as its processes share that."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, rates: Rates, now_ms: int) -> None:
        """The driver's rates now. Topic "rates"; not lasting."""
        with self._database.transaction(lasting=False):
            for what, bytes_s in rates._asdict().items():
                self._database.execute(
                    "INSERT INTO rates (what, bytes_s, at_ms) VALUES (?, ?, ?)"
                    " ON CONFLICT (what) DO UPDATE SET bytes_s = excluded.bytes_s, at_ms = excluded.at_ms",
                    (what, bytes_s, now_ms),
                )
            self._database.changed("rates")

    def get(self, now_ms: int) -> Rates:
        """What the driver wrote last; nothing where that is too old."""
        rows = self._database.read("SELECT what, bytes_s FROM rates WHERE abs(? - at_ms) <= ?", (now_ms, FRESH_MS))
        return NO_RATES._replace(**{row["what"]: row["bytes_s"] for row in rows})
