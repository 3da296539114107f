"""The downloads asked for, and how far they are. May import errors only.

| state                       | may become                                                   |
| --------------------------- | ------------------------------------------------------------ |
| waiting                     | active, paused, finished, failed, cancelled                  |
| active                      | waiting, paused, finished, failed, cancelled; active anew, with its progress |
| paused                      | waiting, finished (where it was whole by then), cancelled     |
| finished, failed, cancelled | nothing: asked for again, it is a new download               |

At most one unfinished download (waiting, active or paused) is there for each resource and folder.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import NamedTuple, TypedDict, Unpack

from academics_jupyter.errors import UnknownTargetError
from academics_jupyter.store.counters import Clock
from academics_jupyter.store.database import Database

UNFINISHED = ("waiting", "active", "paused")
ENDED = ("finished", "failed", "cancelled")
_FROM = {
    "waiting": ("active", "paused"),
    "active": ("waiting", "active"),
    "paused": ("waiting", "active"),
    "finished": UNFINISHED,
    "failed": ("waiting", "active"),
    "cancelled": UNFINISHED,
}


class Share(NamedTuple):
    """What one holder has given to a download, and how fast it gives now."""

    peer: str
    given_bytes: int
    rate_bytes_s: float


def added_shares(former: tuple[Share, ...], now: tuple[Share, ...]) -> tuple[Share, ...]:
    """The shares of `now` with what was given before, when the download was paused or its process ended."""
    given = {share.peer: share.given_bytes for share in former}
    added = [share._replace(given_bytes=share.given_bytes + given.pop(share.peer, 0)) for share in now]
    return (*added, *(Share(peer, given_bytes, 0.0) for peer, given_bytes in given.items()))


@dataclass(frozen=True, slots=True)
class Download:
    """One download. `folder` is where `--to` asked for it, else ""; `path` is where it lies once finished.

    `state` is waiting, active, paused, finished, failed or cancelled; `finished_at_ms` is 0 until it has ended.
    `pieces` maps what is verified: a digit for each stretch of the resource, from 0, nothing of it, to 9, all of it.
    `inside` is the folder that a file was chosen from, whose holders have it too; else "".
    """

    id: int
    resource: str
    name: str
    size_bytes: int
    done_bytes: int
    rate_bytes_s: float
    state: str
    error: str
    holders: tuple[Share, ...]
    pieces: str
    inside: str
    path: str
    folder: str
    requested_at_ms: int
    finished_at_ms: int

    @property
    def left_s(self) -> float | None:
        """How long it will take still, at the present rate; None while nothing comes."""
        return (self.size_bytes - self.done_bytes) / self.rate_bytes_s if self.rate_bytes_s > 0 else None


class Changes(TypedDict, total=False):
    """What of a download can change."""

    done_bytes: int
    rate_bytes_s: float
    error: str
    holders: tuple[Share, ...]
    pieces: str
    path: str


class Downloads:
    """The downloads of one store."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def request(
        self, resource: str, name: str, size_bytes: int, folder: str, now_ms: int, inside: str = ""
    ) -> Download:
        """Ask for a resource; the same unfinished download, if there is one, which goes on. Topic "downloads"."""
        with self._database.transaction():
            rows = self._database.read(
                "SELECT * FROM downloads WHERE resource = ? AND folder = ?"
                " AND state IN ('waiting', 'active', 'paused')",
                (resource, folder),
            )
            if rows:
                known = _download(rows[0])
                return self.turn(known.id, "waiting") if known.state == "paused" else known
            download_id = self._database.insert(
                "INSERT INTO downloads (resource, name, size_bytes, folder, requested_at_ms, inside)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (resource, name, size_bytes, folder, now_ms, inside),
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
        """Those to be carried out, in the order they were asked for."""
        rows = self._database.read("SELECT * FROM downloads WHERE state IN ('waiting', 'active') ORDER BY id")
        return [_download(row) for row in rows]

    def unfinished(self) -> list[Download]:
        """Those that have not ended, paused ones too, in the order they were asked for."""
        rows = self._database.read("SELECT * FROM downloads WHERE state IN ('waiting', 'active', 'paused') ORDER BY id")
        return [_download(row) for row in rows]

    def turn(self, download_id: int, state: str, **changes: Unpack[Changes]) -> Download:
        """Bring a download into a state, with what else changes, and return it. Topic "downloads".

        Where its present state does not allow that, nothing changes: what was on its way while somebody paused or
        cancelled it comes too late. Raises UnknownTargetError.
        """
        with self._database.transaction():
            known = self._known(download_id)
            if known.state not in _FROM[state]:
                return known
            new = replace(known, state=state, **changes)
            if state != "active":
                new = replace(
                    new, rate_bytes_s=0.0, holders=tuple(each._replace(rate_bytes_s=0.0) for each in new.holders)
                )
            if state in ENDED:
                new = replace(new, finished_at_ms=self._clock())
            if new != known:
                self._write(new)
                self._database.changed("downloads")
        return new

    def settle(self, download_id: int, *, done_bytes: int, holders: tuple[Share, ...], pieces: str) -> None:
        """What had come in all when a download was held, the last pieces verified too. Topic "downloads".

        It may have been told to go on meanwhile, but has not before this.
        """
        with self._database.transaction():
            known = self._known(download_id)
            if known.state in ("active", "paused", "waiting"):
                at_rest = tuple(each._replace(rate_bytes_s=0.0) for each in holders)
                self._write(replace(known, done_bytes=done_bytes, rate_bytes_s=0.0, holders=at_rest, pieces=pieces))
                self._database.changed("downloads")

    def clear(self, states: Iterable[str]) -> None:
        """Forget the downloads in these states, of those that have ended; no file is removed. Topic "downloads"."""
        with self._database.transaction():
            touched = [
                self._database.execute("DELETE FROM downloads WHERE state = ?", (state,))
                for state in states
                if state in ENDED
            ]
            if any(touched):
                self._database.changed("downloads")

    def forget(self, download_id: int) -> None:
        """Forget one that has ended; no file is removed. Safe to repeat. Topic "downloads"."""
        with self._database.transaction():
            if self._database.execute(
                "DELETE FROM downloads WHERE id = ? AND state IN ('finished', 'failed', 'cancelled')", (download_id,)
            ):
                self._database.changed("downloads")

    def _known(self, download_id: int) -> Download:
        known = self.get(download_id)
        if known is None:
            raise UnknownTargetError(f"There is no download {download_id}.")
        return known

    def _write(self, download: Download) -> None:
        self._database.execute(
            "UPDATE downloads SET done_bytes = ?, rate_bytes_s = ?, state = ?, error = ?,"
            " holders = ?, pieces = ?, path = ?, finished_at_ms = ? WHERE id = ?",
            (
                download.done_bytes,
                download.rate_bytes_s,
                download.state,
                download.error,
                json.dumps(download.holders),
                download.pieces,
                download.path,
                download.finished_at_ms,
                download.id,
            ),
        )


def _download(row: sqlite3.Row) -> Download:
    values = {field.name: row[field.name] for field in fields(Download)}
    values["holders"] = tuple(Share(*each) for each in json.loads(values["holders"]))
    return Download(**values)
