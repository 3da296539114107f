"""A member's copies of the logs of its rooms, on disk. May import protocol and errors only.

What `protocol.room` decides is carried out here, all effects of one step in one transaction. The messages themselves
are rows of `messages`; one that the log has is in the place of its number, and one that is pending behind all of those.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import msgspec

from academics_jupyter.errors import RemoteProtocolError, StoreDamagedError
from academics_jupyter.protocol.messages import ROOM_KINDS, Kind, Message, digest, open_message
from academics_jupyter.protocol.records import Envelope
from academics_jupyter.protocol.room_copy import RoomCopy
from academics_jupyter.protocol.room_effects import Adopt, Cut, Effect, Fill, Hold, Keep, Promise, Reject
from academics_jupyter.protocol.room_log import Post, RoomLog, post_of
from academics_jupyter.protocol.rooms import Head, open_invitation
from academics_jupyter.store.database import Database
from academics_jupyter.store.history import PENDING_PLACE
from academics_jupyter.store.messages import Messages
from academics_jupyter.store.rooms import Rooms
from academics_jupyter.store.sealing import Sealing

_CONTROL = ("founding", "join", "terms", "deletion")
"""The kinds of which the log needs to know what they say."""

log = logging.getLogger(__name__)


class RoomCopies:
    """The copies of one store."""

    def __init__(self, database: Database, sealing: Sealing, messages: Messages, rooms: Rooms) -> None:
        self._database, self._sealing, self._messages, self._rooms = database, sealing, messages, rooms

    def load(self, room: str) -> RoomCopy:
        """The log and what is pending. Raises StoreDamagedError."""
        rows = self._database.read(
            "SELECT room_log.*, messages.sealed FROM room_log LEFT JOIN messages ON messages.id = message"
            " AND conversation = room WHERE room = ? ORDER BY number",
            (room,),
        )
        log = RoomLog(room, (self._post(row) for row in rows))
        heads = [row["message"] for row in rows if row["sealed"] is None]
        return RoomCopy(log, heads=heads, pending=self.pending(room))

    def pending(self, room: str) -> list[Post]:
        """The messages that are held and not in the log, in order."""
        rows = self._database.read(
            "SELECT id, sealed FROM messages WHERE conversation = ? AND place >= ? AND state != 'refused'"
            " AND id NOT IN (SELECT message FROM room_log WHERE room = ?) ORDER BY place",
            (room, PENDING_PLACE, room),
        )
        return [opened(self._sealing.open(row["id"], row["sealed"])).post for row in rows]

    def with_queued(self) -> list[str]:
        """The rooms that we have written something for which has no number yet."""
        rows = self._database.read(
            "SELECT DISTINCT conversation FROM messages WHERE state = 'queued' AND place >= ?", (PENDING_PLACE,)
        )
        return [row["conversation"] for row in rows]

    def entries(self, room: str, after: int, to: int) -> list[tuple[Head, Envelope | None]]:
        """What is in the log after a number, up to and with another: each message's head, and itself where it is held.

        Raises StoreDamagedError.
        """
        rows = self._database.read(
            "SELECT room_log.*, messages.sealed FROM room_log LEFT JOIN messages ON messages.id = message"
            " AND conversation = room WHERE room = ? AND number > ? AND number <= ? ORDER BY number",
            (room, after, to),
        )
        return [
            (_head(row), None if row["sealed"] is None else self._sealing.open(row["message"], row["sealed"]))
            for row in rows
        ]

    def held(self, messages: Iterable[str]) -> list[Envelope]:
        """Those of some messages that are held, in their order."""
        found = (self._database.read("SELECT sealed FROM messages WHERE id = ?", (each,)) for each in messages)
        return [self._sealing.open(each, rows[0][0]) for each, rows in zip(messages, found, strict=False) if rows]

    def carry_out(
        self, room: str, effects: Iterable[Effect], came: Mapping[str, Opened], me: str, now_ms: int
    ) -> list[Message]:
        """What a machine wants on disk, in one transaction; the messages that are new here. Topics "rooms", "messages".

        `came` are the messages that have come with what the machine has heard, by their ids.
        """
        new: list[Message] = []
        with self._database.transaction():
            for effect in effects:
                match effect:
                    case Hold(messages) | Fill(messages):
                        new += self._insert(room, messages, came, now_ms)
                        self._place(room, messages)
                    case Keep():
                        numbers = {
                            post.id: number
                            for number, post in enumerate(effect.posts, effect.number)
                            if post.id not in effect.void
                        }
                        inserted = self._insert(room, [post.id for post in effect.posts], came, now_ms, numbers)
                        new += inserted
                        self._keep(room, effect, me, numbers.keys() - {message.id for message in inserted})
                    case Cut(number):
                        self._cut(room, number)
                    case Adopt(claim):
                        self._rooms.update(room, "claim", msgspec.json.encode(claim).decode())
                        self._database.execute("DELETE FROM room_marks WHERE room = ?", (room,))
                    case Promise(round_):
                        self._rooms.update(room, "promised", round_)
                    case Reject(message, _):
                        self._database.execute(
                            "UPDATE messages SET state = 'refused' WHERE id = ? AND author = ? AND conversation = ?",
                            (message, me, room),
                        )
                        self._database.execute(
                            "DELETE FROM messages WHERE id = ? AND author != ? AND conversation = ?",
                            (message, me, room),
                        )
                        self._database.changed("messages")
        return new

    # How

    def _insert(
        self,
        room: str,
        messages: Iterable[str],
        came: Mapping[str, Opened],
        now_ms: int,
        numbers: Mapping[str, int] = MappingProxyType({}),
    ) -> list[Message]:
        """Keep what has come, unless it is there, or talk in a room that we are leaving; in its place if it has one."""
        new = []
        mutes, ignores = self._manners(room)
        for each in (came[message] for message in messages if message in came):
            message = each.message
            if (message.kind in ROOM_KINDS or not ignores) and not self._holds(message):
                unread = message.kind == "text" and not mutes
                place = numbers.get(message.id)
                self._messages.insert(message, each.envelope, room, now_ms, "received", unread=unread, place=place)
                new.append(message)
                if message.kind == "withdrawal":
                    self._database.execute(
                        "UPDATE messages SET unread = 0 WHERE id = ? AND author = ? AND conversation = ?",
                        (message.about, message.author, room),
                    )
        return new

    def _holds(self, message: Message) -> bool:
        """Whether a message is there; and so that nothing more comes of it, one under whose id there is another."""
        try:
            return self._messages.holds(message)
        except RemoteProtocolError:
            log.warning("a message in a room has the id of one that somebody else has written, and is not shown")
            return True

    def _manners(self, room: str) -> tuple[bool, bool]:
        """Whether it is muted; and whether we are leaving, and what is said does not concern us any more."""
        rows = self._database.read("SELECT muted, standing != 'member' FROM rooms WHERE room = ?", (room,))
        return (bool(rows[0][0]), bool(rows[0][1])) if rows else (False, False)

    def _keep(self, room: str, keep: Keep, me: str, held: Iterable[str]) -> None:
        """Put posts into the log; `held` are messages among them that were there before and get their places now."""
        self._database.execute_many(
            "INSERT INTO room_log (room, number, message, author, series, sequence, sent_at_ms, kind, digest)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    room,
                    number,
                    post.id,
                    post.author,
                    post.series,
                    post.sequence,
                    post.sent_at_ms,
                    post.kind,
                    post.digest,
                )
                for number, post in enumerate(keep.posts, keep.number)
            ],
        )
        self._place(room, held)
        self._database.execute_many(
            "UPDATE messages SET state = 'refused' WHERE id = ? AND author = ?", [(each, me) for each in keep.void]
        )

    def _place(self, room: str, messages: Iterable[str]) -> None:
        """Put messages in the places of their numbers, where they have some."""
        self._database.execute_many(
            "UPDATE messages SET place = room_log.number, state = CASE state WHEN 'queued' THEN 'held' ELSE state END"
            " FROM room_log WHERE messages.id = ? AND room_log.room = ? AND room_log.message = messages.id",
            [(each, room) for each in messages],
        )
        self._database.changed("messages")

    def _cut(self, room: str, number: int) -> None:
        """What is held of what is cut off is pending, before all that was."""
        cut = self._rooms.length(room) - number
        self._database.execute(
            "UPDATE messages SET place = place + ? WHERE conversation = ? AND place >= ?", (cut, room, PENDING_PLACE)
        )
        self._database.execute(
            "UPDATE messages SET place = place - ? + ?, state = CASE state WHEN 'held' THEN 'queued' ELSE state END"
            " WHERE conversation = ? AND place > ? AND place < ?",
            (number + 1, PENDING_PLACE, room, number, PENDING_PLACE),
        )
        self._database.execute("DELETE FROM room_log WHERE room = ? AND number > ?", (room, number))
        self._database.execute("UPDATE rooms SET read = MIN(read, ?) WHERE room = ?", (number, room))
        self._database.changed("messages")

    def _post(self, row: sqlite3.Row) -> Post:
        if row["kind"] in _CONTROL:
            if row["sealed"] is None:
                raise StoreDamagedError(f"The room {row['room'][:8]} lacks a message that says who is in it.")
            return opened(self._sealing.open(row["message"], row["sealed"])).post
        return post_from(_head(row))


@dataclass(frozen=True, slots=True)
class Opened:
    """A message that has been checked whole: as it came, what it says, and what a log looks at of it."""

    envelope: Envelope
    message: Message
    post: Post


def opened(envelope: Envelope) -> Opened:
    """Check a message of a room. Raises RemoteProtocolError."""
    message = open_message(envelope)
    inviter = ""
    if message.invitation is not None:
        invitation = open_invitation(message.invitation)
        if (invitation.room, invitation.invitee) == (message.recipient, message.author):
            inviter = invitation.inviter
    return Opened(envelope, message, post_of(message, digest(envelope), inviter))


def post_from(head: Head) -> Post:
    """The same of a message of which there is only the head."""
    return Post(
        head.id, head.author, head.series, head.sequence, head.sent_at_ms, head.kind, bytes.fromhex(head.digest)
    )


def _head(row: sqlite3.Row) -> Head:
    kind: Kind = row["kind"]
    return Head(
        id=row["message"],
        author=row["author"],
        series=row["series"],
        sequence=row["sequence"],
        sent_at_ms=row["sent_at_ms"],
        kind=kind,
        digest=row["digest"].hex(),
    )
