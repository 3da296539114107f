"""What the person wants to share and has not published yet: where it lies, and what is to be said of it.

A draft is of this profile alone: nothing of it leaves the machine until it is published. May import errors only.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, fields

from academics_jupyter.errors import UnknownTargetError
from academics_jupyter.store.counters import Clock
from academics_jupyter.store.database import Database


@dataclass(frozen=True, slots=True)
class Draft:
    """One draft. `files` is how many files a folder has, 0 for a file.

    `brought` says that the bytes came from the browser: they lie in a folder of their own, which goes with the draft.
    `said` is the description in JSON, `notice` what the person is to know before publishing.
    """

    id: int
    path: str
    name: str
    size_bytes: int
    files: int
    brought: bool
    said: str
    notice: str
    made_at_ms: int


class Drafts:
    """The drafts of one store."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def add(
        self, *, path: str, name: str, size_bytes: int, files: int, brought: bool, said: str, notice: str = ""
    ) -> Draft:
        """Keep a new draft; of a path that has one already, that one, as the person has left it. Topic "drafts"."""
        with self._database.transaction():
            rows = self._database.read("SELECT * FROM drafts WHERE path = ?", (path,))
            if rows:
                return _draft(rows[0])
            draft_id = self._database.insert(
                "INSERT INTO drafts (path, name, size_bytes, files, brought, said, notice, made_at_ms)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (path, name, size_bytes, files, brought, said, notice, self._clock()),
            )
            self._database.changed("drafts")
            return self.get(draft_id)

    def get(self, draft_id: int) -> Draft:
        """One draft. Raises UnknownTargetError where it is published or discarded."""
        rows = self._database.read("SELECT * FROM drafts WHERE id = ?", (draft_id,))
        if not rows:
            raise UnknownTargetError("That has been published or discarded meanwhile.")
        return _draft(rows[0])

    def all(self) -> list[Draft]:
        """Every draft, in the order they were made."""
        return [_draft(row) for row in self._database.read("SELECT * FROM drafts ORDER BY id")]

    def revise(self, draft_id: int, said: str) -> None:
        """Change what is to be said. Topic "drafts"."""
        with self._database.transaction():
            if self._database.execute("UPDATE drafts SET said = ? WHERE id = ?", (said, draft_id)):
                self._database.changed("drafts")

    def remove(self, draft_id: int) -> None:
        """It is published, or not to be. Safe to repeat. Topic "drafts"."""
        with self._database.transaction():
            if self._database.execute("DELETE FROM drafts WHERE id = ?", (draft_id,)):
                self._database.changed("drafts")


def _draft(row: sqlite3.Row) -> Draft:
    values = {field.name: row[field.name] for field in fields(Draft)}
    return Draft(**values | {"brought": bool(values["brought"])})
