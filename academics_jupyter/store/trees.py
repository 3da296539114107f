"""The file trees of folders that are not held: those that were fetched, and the wishes for those that are to be.

A wish is a row without a tree, which any process of the profile writes and the driver carries out. A tree is kept for a
while after that, so that a download goes on without asking for it again. May import errors only.
"""

from __future__ import annotations

from dataclasses import dataclass

from academics_jupyter.store.counters import Clock
from academics_jupyter.store.database import Database

KEPT_MS = 30 * 86_400_000


@dataclass(frozen=True, slots=True)
class WishedTree:
    """What has come of a wish: neither tree nor error while it is being carried out."""

    tree: bytes
    error: str


class Trees:
    """The trees of one store."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def wish(self, resource: str) -> WishedTree:
        """Ask for a folder's tree, unless it is there; what is known of it now. Topic "trees"."""
        with self._database.transaction(lasting=False):
            known = self.get(resource)
            if known is not None and (known.tree or not known.error):
                return known
            self._write(resource, b"", "")
        return WishedTree(b"", "")

    def get(self, resource: str) -> WishedTree | None:
        """What is known of a tree; None where nobody has asked for it."""
        rows = self._database.read("SELECT tree, error FROM trees WHERE resource = ?", (resource,))
        return WishedTree(*rows[0]) if rows else None

    def wished(self) -> list[str]:
        """The folders whose trees are to be fetched, the first asked for first."""
        rows = self._database.read("SELECT resource FROM trees WHERE tree = x'' AND error = '' ORDER BY asked_at_ms")
        return [row[0] for row in rows]

    def put(self, resource: str, tree: bytes) -> None:
        """Keep a tree, which has been verified, and let go of old ones. Topic "trees"."""
        with self._database.transaction(lasting=False):
            self._database.execute("DELETE FROM trees WHERE asked_at_ms < ?", (self._clock() - KEPT_MS,))
            self._write(resource, tree, "")

    def fail(self, resource: str, error: str) -> None:
        """A tree cannot be had now; `error` is the line that says why. Topic "trees"."""
        with self._database.transaction(lasting=False):
            self._write(resource, b"", error)

    def _write(self, resource: str, tree: bytes, error: str) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO trees (resource, tree, error, asked_at_ms) VALUES (?, ?, ?, ?)",
            (resource, tree, error, self._clock()),
        )
        self._database.changed("trees")
