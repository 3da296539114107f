"""What is still to be sent, to the registry or to a peer, in order. May import errors only.

An entry names what to send, it does not copy it: whoever sends reads the newest state of it then.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from academics_jupyter.store.counters import Clock
from academics_jupyter.store.database import Database

REGISTRY = "registry"
"""The destination that is not a peer."""

_COLUMNS = "id, destination, kind, reference, created_at_ms, attempts, error, failing_since_ms"


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """Something to send to "registry" or a peer's id.

    `kind` is "record", with "LABEL\\nKEY" as reference, "message", with the message's id, "invitation" or "declined",
    with the room's, or "read", for how far we have read what the recipient wrote, with its id. `error` says why the
    last attempt failed, and `failing_since_ms` since when attempts have failed for that reason; "" and 0 if none has.
    """

    id: int
    destination: str
    kind: str
    reference: str
    created_at_ms: int
    attempts: int
    error: str
    failing_since_ms: int


class Outbox:
    """The queue of one store."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def add(self, destination: str, kind: str, reference: str, handed: Callable[[int], None] | None = None) -> int:
        """Queue something, behind all that waits; what waits already goes there too. Returns its id.

        Topic "outbox"; and for those who send, "registry" or "queued". If nothing waits before it, `handed` is called
        with its id in place of the last, as soon as it is on disk and in the thread that wrote it.

        So what is sent goes out in the order in which its newest state came about. The id is new each time, so that
        `done` for a sending that had begun before does not take the newer state away.
        """
        with self._database.transaction():
            created_at_ms, attempts, error, failing_since_ms = self._take_out(destination, kind, reference)
            entry_id = self._database.insert(
                "INSERT INTO outbox (destination, kind, reference, created_at_ms, attempts, error, failing_since_ms)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (destination, kind, reference, created_at_ms, attempts, error, failing_since_ms),
            )
            self._database.changed("outbox")
            if destination == REGISTRY:
                self._database.changed("registry")
            elif handed is not None and self._is_first(entry_id, destination):
                self._database.once_kept(partial(handed, entry_id))
            else:
                self._database.changed("queued")
        return entry_id

    def _is_first(self, entry_id: int, destination: str) -> bool:
        return not self._database.read(
            "SELECT 1 FROM outbox WHERE destination = ? AND id < ? LIMIT 1", (destination, entry_id)
        )

    def _take_out(self, destination: str, kind: str, reference: str) -> tuple[int, int, str, int]:
        """What is known of an entry's waiting so far."""
        rows = self._database.read(
            "SELECT id, created_at_ms, attempts, error, failing_since_ms FROM outbox"
            " WHERE destination = ? AND kind = ? AND reference = ?",
            (destination, kind, reference),
        )
        if not rows:
            return self._clock(), 0, "", 0
        self._database.execute("DELETE FROM outbox WHERE id = ?", (rows[0]["id"],))
        return tuple(rows[0])[1:]

    def waiting(self, destination: str | None = None) -> list[OutboxEntry]:
        """What waits, in the order in which it is to go out, for one destination or for all."""
        rows = self._database.read(
            f"SELECT {_COLUMNS} FROM outbox WHERE ? IS NULL OR destination = ? ORDER BY id",  # noqa: S608 - a constant
            (destination, destination),
        )
        return [_entry(row) for row in rows]

    def next(self, destination: str, after: int = 0) -> OutboxEntry | None:
        """What goes there next, after an entry with that id."""
        rows = self._database.read(
            f"SELECT {_COLUMNS} FROM outbox WHERE destination = ? AND id > ? ORDER BY id LIMIT 1",  # noqa: S608 - a constant
            (destination, after),
        )
        return _entry(rows[0]) if rows else None

    def recipients(self) -> frozenset[str]:
        """The peers for whom something waits."""
        rows = self._database.read("SELECT DISTINCT destination FROM outbox WHERE destination != ?", (REGISTRY,))
        return frozenset(str(row[0]) for row in rows)

    def done(self, entry_id: int) -> None:
        """It has been sent and acknowledged. Topic "outbox".

        Not lasting by itself, and nor is `failed`: what is sent once more is known there.
        """
        self._write("DELETE FROM outbox WHERE id = ?", (entry_id,))

    def failed(self, entry_id: int, error: str) -> None:
        """It could not be sent this time; `error` says why. Topic "outbox"."""
        self._write(
            "UPDATE outbox SET attempts = attempts + 1, error = ?,"
            " failing_since_ms = CASE WHEN error = ? AND failing_since_ms > 0 THEN failing_since_ms ELSE ? END"
            " WHERE id = ?",
            (error, error, self._clock(), entry_id),
        )

    def count(self) -> int:
        """How much waits."""
        return int(self._database.read("SELECT COUNT(*) FROM outbox")[0][0])

    def _write(self, sql: str, args: tuple[str | int, ...]) -> None:
        with self._database.transaction(lasting=False):
            if self._database.execute(sql, args):
                self._database.changed("outbox")


def _entry(row: sqlite3.Row) -> OutboxEntry:
    return OutboxEntry(*row)
