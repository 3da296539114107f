"""The downloads asked for, and how far they are. May import errors only.

    waiting -> active -> finished | failed | cancelled

At most one unfinished download (waiting or active) is there for each resource and folder.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, fields, replace
from typing import TypedDict, Unpack

from academics_jupyter.errors import UnknownTargetError
from academics_jupyter.store.counters import Clock
from academics_jupyter.store.database import Database

UNFINISHED = ("waiting", "active")
ENDED = ("finished", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Download:
    """One download. `folder` is where `--to` asked for it, else ""; `path` is where it lies once finished.

    `state` is waiting, active, finished, failed or cancelled; `finished_at_ms` is 0 until it has ended.
    """

    id: int
    resource: str
    name: str
    size_bytes: int
    done_bytes: int
    rate_bytes_s: float
    state: str
    error: str
    holders: tuple[str, ...]
    path: str
    folder: str
    requested_at_ms: int
    finished_at_ms: int


class Changes(TypedDict, total=False):
    """What of a download can change."""

    name: str
    size_bytes: int
    done_bytes: int
    rate_bytes_s: float
    state: str
    error: str
    holders: tuple[str, ...]
    path: str
    finished_at_ms: int


class Downloads:
    """The downloads of one store."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def request(self, resource: str, name: str, size_bytes: int, folder: str, now_ms: int) -> Download:
        """Ask for a resource; the unfinished download of it to the same folder, if there is one. Topic "downloads"."""
        with self._database.transaction():
            rows = self._database.read(
                "SELECT * FROM downloads WHERE resource = ? AND folder = ? AND state IN ('waiting', 'active')",
                (resource, folder),
            )
            if rows:
                return _download(rows[0])
            download_id = self._database.insert(
                "INSERT INTO downloads (resource, name, size_bytes, folder, requested_at_ms) VALUES (?, ?, ?, ?, ?)",
                (resource, name, size_bytes, folder, now_ms),
            )
            self._database.changed("downloads")
            return self._known(download_id)

    def get(self, download_id: int) -> Download | None:
        """One download."""
        rows = self._database.read("SELECT * FROM downloads WHERE id = ?", (download_id,))
        return _download(rows[0]) if rows else None

    def all(self) -> list[Download]:
        """Every download, the one asked for last first."""
        return [_download(row) for row in self._database.read("SELECT * FROM downloads ORDER BY id DESC")]

    def pending(self) -> list[Download]:
        """The unfinished ones, in the order they were asked for."""
        rows = self._database.read("SELECT * FROM downloads WHERE state IN ('waiting', 'active') ORDER BY id")
        return [_download(row) for row in rows]

    def update(self, download_id: int, **changes: Unpack[Changes]) -> Download:
        """Write what changed, as long as it has not ended; the time of the end is filled in. Topic "downloads".

        Raises UnknownTargetError.
        """
        with self._database.transaction():
            known = self._known(download_id)
            if known.state in ENDED:
                # Progress that was on its way while somebody cancelled it must not begin it again.
                return known
            new = self._dated(replace(known, **changes))
            if new != known:
                self._write(new)
                self._database.changed("downloads")
        return new

    def _known(self, download_id: int) -> Download:
        known = self.get(download_id)
        if known is None:
            raise UnknownTargetError(f"There is no download {download_id}.")
        return known

    def _dated(self, new: Download) -> Download:
        if new.state in ENDED and new.finished_at_ms == 0:
            return replace(new, finished_at_ms=self._clock())
        return new

    def _write(self, download: Download) -> None:
        self._database.execute(
            "UPDATE downloads SET name = ?, size_bytes = ?, done_bytes = ?, rate_bytes_s = ?, state = ?, error = ?,"
            " holders = ?, path = ?, finished_at_ms = ? WHERE id = ?",
            (
                download.name,
                download.size_bytes,
                download.done_bytes,
                download.rate_bytes_s,
                download.state,
                download.error,
                json.dumps(download.holders),
                download.path,
                download.finished_at_ms,
                download.id,
            ),
        )


def _download(row: sqlite3.Row) -> Download:
    values = {field.name: row[field.name] for field in fields(Download)}
    values["holders"] = tuple(json.loads(values["holders"]))
    return Download(**values)
