"""How far the two in a conversation have read what the other one wrote. May import protocol and errors only.

A mark is the (series, sequence) of the last message that was read; it never goes back. There are two in a conversation
with one peer: ours, which goes to the other where the person lets it, and theirs, which makes our messages "read". Who
has read how much in a room is the room's to know (see `rooms`).
"""

from __future__ import annotations

from typing import NamedTuple

from academics_jupyter.errors import StoreDamagedError
from academics_jupyter.protocol.messages import is_room
from academics_jupyter.store.database import Database
from academics_jupyter.store.history import PENDING_PLACE
from academics_jupyter.store.messages import Messages
from academics_jupyter.store.outbox import Outbox
from academics_jupyter.store.sealing import Sealing


class ReadMark(NamedTuple):
    """The last message that was read."""

    series: int
    sequence: int


NOTHING_READ = ReadMark(0, 0)


class ReadMarks:
    """The marks of one store, and what the unread messages are to its person, whose peer is `me`."""

    def __init__(self, database: Database, sealing: Sealing, messages: Messages, outbox: Outbox, me: str) -> None:
        self._database, self._sealing = database, sealing
        self._messages, self._outbox, self._me = messages, outbox, me
        self._mentions: dict[str, bool] = {}

    def newest(self, conversation: str) -> int:
        """The place of the last message of a conversation: what a reader who looks now can see."""
        rows = self._database.read(
            "SELECT COALESCE(MAX(place), 0) FROM messages WHERE conversation = ? AND place < ?",
            (conversation, PENDING_PLACE),
        )
        return int(rows[0][0])

    def mark_read(self, conversation: str, place: int, *, tell: bool) -> None:
        """The person has read a conversation up to a place; with `tell`, its other side is to know.

        Once for each message, whichever of a profile's processes it is read in. Topics "messages" and "outbox".
        """
        mark = None if is_room(conversation) else self._last_by(conversation, conversation, place)
        if conversation not in self._messages.unread() and (mark is None or not self._is_news(conversation, mark)):
            # Every panel that shows it comes here on every change, and would wait for all that write.
            return
        with self._database.transaction():
            self._messages.mark_read(conversation, place)
            if mark is not None and self._advance(conversation, self._me, mark) and tell:
                self._outbox.add(conversation, "read", conversation)

    def ours(self, peer: str) -> ReadMark | None:
        """How far we have read what a peer wrote to us."""
        return self._get(peer, self._me)

    def seen(self, peer: str, mark: ReadMark) -> bool:
        """A peer says how far it has read; false where that is not news. Topic "messages".

        What we have not written yet cannot have been read, and what is not delivered is read once it is.
        """
        written = self._last_by(peer, self._me, PENDING_PLACE, mark)
        if written is None:
            return False
        with self._database.transaction():
            if not self._advance(peer, peer, written):
                return False
            self._settle(peer, written)
        return True

    def delivered(self, message_id: str, peer: str) -> None:
        """A message of ours is there, and read too, if its recipient has said so before. Topic "messages".

        Not lasting by itself, as `Outbox.done`, which comes with it.
        """
        with self._database.transaction(lasting=False):
            self._messages.set_state(message_id, "delivered")
            if (mark := self._get(peer, peer)) is not None:
                self._settle(peer, mark)

    def settle_withdrawn(self, message_id: str) -> None:
        """Where a message was withdrawn before it was read, it is not unread any more. Topic "messages"."""
        if not self._messages.may_be_withdrawn(message_id):
            return
        with self._database.transaction():
            message = self._messages.get(message_id)
            if (
                message is not None
                and message.withdrawn
                and message.unread
                and self._database.execute("UPDATE messages SET unread = 0 WHERE id = ?", (message_id,))
            ):
                self._database.changed("messages")

    def mentions(self) -> dict[str, int]:
        """How many unread messages mention us, for each conversation with any."""
        unread = self._database.read("SELECT id, conversation FROM messages WHERE unread = 1")
        edits = self._database.read(
            "SELECT said.about, said.id FROM messages AS text JOIN messages AS said"
            " ON said.about = text.id AND said.about != '' AND said.kind = 'edit' AND said.author = text.author"
            " AND said.conversation = text.conversation WHERE text.unread = 1 ORDER BY said.series, said.sequence"
        )
        # Of a text and its edits, the last one counts.
        last = {str(row["id"]): str(row["id"]) for row in unread} | {str(row[0]): str(row[1]) for row in edits}
        mention = self._looked_into(list(last.values()))
        texts = [(str(row["conversation"]), mention[last[row["id"]]]) for row in unread]
        counts: dict[str, int] = {}
        for conversation, mentioned in texts:
            if mentioned:
                counts[conversation] = counts.get(conversation, 0) + 1
        return counts

    def _looked_into(self, messages: list[str]) -> dict[str, bool]:
        """Remember whether each mentions us, so that what stays unread is opened once; and of nothing else."""
        known = self._mentions
        looked = {each: known[each] if each in known else self._mention(each) for each in messages}
        self._mentions = looked
        return looked

    def _mention(self, message_id: str) -> bool:
        rows = self._database.read("SELECT sealed FROM messages WHERE id = ?", (message_id,))
        try:
            return bool(rows) and self._me in self._sealing.read(message_id, rows[0]["sealed"]).mentions
        except StoreDamagedError:
            return False

    def _get(self, conversation: str, reader: str) -> ReadMark | None:
        rows = self._database.read(
            "SELECT series, sequence FROM read_marks WHERE conversation = ? AND reader = ?", (conversation, reader)
        )
        return ReadMark(*rows[0]) if rows else None

    def _is_news(self, conversation: str, mark: ReadMark) -> bool:
        known = self._get(conversation, self._me)
        return known is None or mark > known

    def _last_by(self, conversation: str, author: str, place: int, mark: ReadMark | None = None) -> ReadMark | None:
        """The last message of an author up to a place, and up to a mark."""
        rows = self._database.read(
            "SELECT series, sequence FROM messages WHERE conversation = ? AND author = ? AND place <= ?"
            " AND (series, sequence) <= (?, ?) ORDER BY series DESC, sequence DESC LIMIT 1",
            (conversation, author, place, *(mark or ReadMark(1 << 53, 0))),
        )
        return ReadMark(*rows[0]) if rows else None

    def _advance(self, conversation: str, reader: str, mark: ReadMark) -> bool:
        return bool(
            self._database.execute(
                "INSERT INTO read_marks (conversation, reader, series, sequence) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (conversation, reader) DO UPDATE SET series = excluded.series,"
                " sequence = excluded.sequence"
                " WHERE (excluded.series, excluded.sequence) > (read_marks.series, read_marks.sequence)",
                (conversation, reader, *mark),
            )
        )

    def _settle(self, peer: str, mark: ReadMark) -> None:
        """What is delivered, up to a peer's mark, is read."""
        if self._database.execute(
            "UPDATE messages SET state = 'read' WHERE conversation = ? AND author = ? AND state = 'delivered'"
            " AND (series, sequence) <= (?, ?)",
            (peer, self._me, *mark),
        ):
            self._database.changed("messages")
