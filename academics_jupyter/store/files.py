"""What this profile holds: which file has which resource's bytes. May import errors only."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, fields

from academics_jupyter.store.database import Database


@dataclass(frozen=True, slots=True)
class HeldFile:
    """A resource's file. `path` is relative to the repository folder, or absolute where it lies elsewhere.

    `pieces` is its BEP 52 piece layer; size and modification time tell later whether it has been changed.
    """

    resource: str
    path: str
    size_bytes: int
    pieces: bytes
    added_at_ms: int
    mtime_ns: int


class Files:
    """The files of one store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, held: HeldFile) -> None:
        """Keep, or replace, what is held for a resource. Topic "files"."""
        with self._database.transaction():
            self._database.execute(
                "INSERT OR REPLACE INTO files (resource, path, size_bytes, pieces, added_at_ms, mtime_ns)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (held.resource, held.path, held.size_bytes, held.pieces, held.added_at_ms, held.mtime_ns),
            )
            self._database.changed("files")

    def get(self, resource: str) -> HeldFile | None:
        """The file of a resource; None if it is not held."""
        rows = self._database.read("SELECT * FROM files WHERE resource = ?", (resource,))
        return _held(rows[0]) if rows else None

    def all(self) -> list[HeldFile]:
        """Everything held, what came last first."""
        return [_held(row) for row in self._database.read("SELECT * FROM files ORDER BY added_at_ms DESC, resource")]

    def remove(self, resource: str) -> None:
        """It is held no longer; the file itself is the repository's to remove. Topic "files"."""
        with self._database.transaction():
            if self._database.execute("DELETE FROM files WHERE resource = ?", (resource,)):
                self._database.changed("files")


def _held(row: sqlite3.Row) -> HeldFile:
    return HeldFile(**{field.name: row[field.name] for field in fields(HeldFile)})
