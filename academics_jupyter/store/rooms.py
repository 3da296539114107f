"""The rooms of a profile: what it is in each, what people are told of them, and the marks of their members.

May import protocol and errors only. What is told of a room, its name and who is in it, is sealed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
from msgspec import Struct

from academics_jupyter.protocol.preparing import prepared
from academics_jupyter.protocol.records import Envelope
from academics_jupyter.protocol.rooms import Claim, Mark
from academics_jupyter.store.database import Database
from academics_jupyter.store.sealing import Sealing


class Facts(Struct, frozen=True, kw_only=True):
    """What a person is told of a room."""

    name: str
    creator: str
    members: tuple[str, ...] = ()
    host: str = ""
    history: bool = False
    deleted: bool = False
    awaits_host: bool = False
    invitation: Envelope | None = None
    """That was not answered yet."""


@dataclass(frozen=True, slots=True)
class RoomRow:
    """A room as it is kept. `standing` is invited, declined, member, leaving or left."""

    room: str
    standing: str
    claim: Claim
    promised: int
    read: int
    muted: bool
    at_ms: int
    facts: Facts


class Rooms:
    """The rooms of one store."""

    def __init__(self, database: Database, sealing: Sealing) -> None:
        self._database, self._sealing = database, sealing

    def enter(self, room: str, standing: str, claim: Claim, facts: Facts, now_ms: int) -> None:
        """There is a room, or it is another to us than it was. Topic "rooms"."""
        with self._database.transaction():
            self._database.execute(
                "INSERT INTO rooms (room, standing, claim, at_ms, facts) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (room) DO UPDATE SET standing = excluded.standing, facts = excluded.facts",
                (room, standing, msgspec.json.encode(claim).decode(), now_ms, self._sealing.seal_struct(room, facts)),
            )
            self._database.changed("rooms")

    def get(self, room: str) -> RoomRow | None:
        """One room."""
        rows = self._database.read("SELECT * FROM rooms WHERE room = ?", (room,))
        return self._row(rows[0]) if rows else None

    def all(self) -> list[RoomRow]:
        """All rooms, the newest last."""
        return [self._row(row) for row in self._database.read("SELECT * FROM rooms ORDER BY at_ms, room")]

    def set_standing(self, room: str, standing: str) -> None:
        """What we are in a room. Topic "rooms"."""
        self.update(room, "standing", standing)

    def set_muted(self, room: str, *, muted: bool) -> None:
        """Whether what comes counts as unread. Topic "rooms"."""
        self.update(room, "muted", int(muted))

    def set_facts(self, room: str, facts: Facts) -> None:
        """What is told of a room. Topic "rooms"."""
        self.update(room, "facts", self._sealing.seal_struct(room, facts))

    def length(self, room: str) -> int:
        """How long our copy of the log is."""
        return int(self._database.read("SELECT COUNT(*) FROM room_log WHERE room = ?", (room,))[0][0])

    def mark(self, room: str, marks: Iterable[Mark], others: frozenset[str], me: str) -> None:
        """How far members are, of whom `others` are to have our messages. Topic "messages".

        Not lasting by itself: who hosts is told it anew over each link, and tells it on.
        """
        with self._database.transaction(lasting=False):
            self._database.execute_many(
                "INSERT INTO room_marks (room, member, number, read) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (room, member) DO UPDATE SET number = excluded.number, read = excluded.read",
                [(room, mark.member, mark.number, mark.read) for mark in marks],
            )
            self._database.changed("messages")
            known = {mark.member: mark for mark in self.marks(room)}
            if not others or not others <= known.keys():
                return
            for state, number in (
                ("delivered", min(known[other].number for other in others)),
                ("read", min(known[other].read for other in others)),
            ):
                before = {"delivered": ("held", "held"), "read": ("held", "delivered")}[state]
                self._database.execute(
                    "UPDATE messages SET state = ? WHERE conversation = ? AND author = ? AND place <= ?"
                    " AND state IN (?, ?)",
                    (state, room, me, number, *before),
                )

    def marks(self, room: str) -> list[Mark]:
        """How far each member is, as far as is known."""
        rows = self._database.read("SELECT member, number, read FROM room_marks WHERE room = ?", (room,))
        return [Mark(*row) for row in rows]

    def update(self, room: str, column: str, value: str | int | bytes) -> None:
        """Change one column of a room. Topic "rooms"."""
        with self._database.transaction():
            self._database.execute(f"UPDATE rooms SET {column} = ? WHERE room = ?", (value, room))  # noqa: S608 - ours
            self._database.changed("rooms")

    def _row(self, row: sqlite3.Row) -> RoomRow:
        return RoomRow(
            room=row["room"],
            standing=row["standing"],
            claim=msgspec.json.decode(row["claim"], type=prepared(Claim)),
            promised=row["promised"],
            read=row["read"],
            muted=bool(row["muted"]),
            at_ms=row["at_ms"],
            facts=self._sealing.open_struct(row["room"], row["facts"], Facts),
        )
