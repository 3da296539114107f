"""The people known, and the links to them. May import errors only."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from academics_jupyter.store.database import Database, Value

_COLUMNS = "peer, name, first_seen_ms, last_seen_ms, online, busy, verified, blocked, direction, rtt_ms, since_ms"


@dataclass(frozen=True, slots=True)
class Contact:
    """A person: one peer, under the name last heard.

    `online` and `busy` are as the driver sees them. Where `linked`, a link to them is up since `since_ms`, dialled in
    `direction`, with the round trip `rtt_ms`. The first and last time seen are 0 for someone only verified or blocked.
    """

    peer: str
    name: str
    first_seen_ms: int
    last_seen_ms: int
    online: bool
    busy: bool
    verified: bool
    blocked: bool
    direction: str
    rtt_ms: float | None
    since_ms: int | None

    @property
    def linked(self) -> bool:
        """Whether a link to them is up."""
        return bool(self.direction)

    @property
    def presence(self) -> str:
        """Online, busy (online, but their kernel computes) or away."""
        if not (self.online or self.linked):
            return "away"
        return "busy" if self.busy else "online"


class Peers:
    """The contacts of one store. Every write has the topic "peers", and makes the contact if it is new."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def seen(self, peer: str, name: str, now_ms: int) -> None:
        """They were heard of or from, under `name`; an empty one keeps the name known."""
        self._write(
            peer,
            "UPDATE peers SET name = COALESCE(NULLIF(?, ''), name),"
            " first_seen_ms = COALESCE(NULLIF(first_seen_ms, 0), ?), last_seen_ms = MAX(last_seen_ms, ?)"
            " WHERE peer = ?",
            (name, now_ms, now_ms),
        )

    def link_up(self, peer: str, direction: str, now_ms: int) -> None:
        """A link to them is up."""
        with self._database.transaction():
            self.seen(peer, "", now_ms)
            self._write(
                peer,
                "UPDATE peers SET online = 1, direction = ?, since_ms = ?, rtt_ms = NULL WHERE peer = ?",
                (direction, now_ms),
            )

    def link_down(self, peer: str, now_ms: int) -> None:
        """The link to them has ended; whether they are online still is another question."""
        self._write(
            peer,
            "UPDATE peers SET direction = '', since_ms = NULL, rtt_ms = NULL,"
            " last_seen_ms = MAX(last_seen_ms, ?) WHERE peer = ?",
            (now_ms,),
            lasting=False,
        )

    def set_online(self, seen: Mapping[str, bool]) -> None:
        """Who is online as the driver sees it, each with whether they are busy; all others are not."""
        known = {str(row["peer"]): bool(row["busy"]) for row in self._online_rows()}
        gone = "UPDATE peers SET online = 0, busy = 0 WHERE peer = ?"
        there = "UPDATE peers SET online = 1, busy = ? WHERE peer = ?"
        with self._database.transaction(lasting=False):
            for peer in known.keys() - seen.keys():
                self._write(peer, gone, (), lasting=False)
            for peer, busy in seen.items():
                if known.get(peer) is not busy:
                    self._write(peer, there, (int(busy),), lasting=False)

    def nobody_online(self) -> None:
        """Nobody is online and no link is up: what the driver knows when it starts and when it has left."""
        with self._database.transaction():
            if self._database.execute(
                "UPDATE peers SET online = 0, busy = 0, direction = '', since_ms = NULL, rtt_ms = NULL"
                " WHERE online = 1 OR direction != '' OR since_ms IS NOT NULL OR rtt_ms IS NOT NULL"
            ):
                self._database.changed("peers")

    def set_rtt(self, peer: str, ms: float) -> None:
        """The last round trip to them took `ms` milliseconds."""
        self._write(peer, "UPDATE peers SET rtt_ms = ? WHERE peer = ?", (ms,), lasting=False)

    def set_verified(self, peer: str, verified: bool = True) -> None:
        """Whether the person has confirmed their fingerprint."""
        self._write(peer, "UPDATE peers SET verified = ? WHERE peer = ?", (verified,))

    def set_blocked(self, peer: str, blocked: bool = True) -> None:
        """Whether the person wants nothing to do with them."""
        self._write(peer, "UPDATE peers SET blocked = ? WHERE peer = ?", (blocked,))

    def get(self, peer: str) -> Contact | None:
        """One contact."""
        rows = self._database.read(f"SELECT {_COLUMNS} FROM peers WHERE peer = ?", (peer,))  # noqa: S608 - a constant
        return _contact(rows[0]) if rows else None

    def linked(self) -> frozenset[str]:
        """Those to whom a link is up."""
        rows = self._database.read("SELECT peer FROM peers WHERE direction != ''")
        return frozenset(str(row["peer"]) for row in rows)

    def online(self) -> frozenset[str]:
        """Those online, as the driver sees it."""
        return frozenset(str(row["peer"]) for row in self._online_rows())

    def blocked(self) -> frozenset[str]:
        """Those the person wants nothing to do with."""
        return frozenset(str(row["peer"]) for row in self._database.read("SELECT peer FROM peers WHERE blocked = 1"))

    def all(self) -> list[Contact]:
        """Every contact: online first, then by name."""
        rows = self._database.read(
            f"SELECT {_COLUMNS} FROM peers ORDER BY online DESC, name COLLATE NOCASE, peer"  # noqa: S608 - a constant
        )
        return [_contact(row) for row in rows]

    def _online_rows(self) -> list[sqlite3.Row]:
        return self._database.read("SELECT peer, busy FROM peers WHERE online = 1")

    def _write(self, peer: str, sql: str, args: tuple[Value, ...], *, lasting: bool = True) -> None:
        with self._database.transaction(lasting=lasting):
            self._database.execute("INSERT INTO peers (peer) VALUES (?) ON CONFLICT DO NOTHING", (peer,))
            self._database.execute(sql, (*args, peer))
            self._database.changed("peers")


def _contact(row: sqlite3.Row) -> Contact:
    values = dict(row)
    for flag in ("online", "busy", "verified", "blocked"):
        values[flag] = bool(values[flag])
    return Contact(**values)
