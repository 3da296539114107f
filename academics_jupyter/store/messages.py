"""The conversations: every message sent and received, its text sealed. May import protocol and errors only.

A conversation is named by the other peer's id. `place` orders it: a message takes the next place when it comes, and
one that comes before an earlier one of its author changes places with those, so the two sides interleave as they came
while each author's messages stand in the order of (series, sequence).

States: ours go queued -> delivered -> read, forward only; theirs are received.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from nacl.signing import SigningKey

from academics_jupyter.errors import RemoteProtocolError, StoreDamagedError, UnknownTargetError
from academics_jupyter.protocol.identity import peer_id
from academics_jupyter.protocol.messages import Message, sign_message
from academics_jupyter.protocol.records import Envelope
from academics_jupyter.store.counters import Counters
from academics_jupyter.store.database import Database
from academics_jupyter.store.outbox import Outbox
from academics_jupyter.store.sealing import Sealing

UNREADABLE = "(This message is damaged on disk and cannot be read.)"
"""Stands for the text of one that does not open, so that the rest of a conversation can be read."""

_FORWARD = {"queued": 0, "delivered": 1, "read": 2}
_PAGE = 200


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message as it is kept; times are milliseconds since 1970, `sent_at_ms` by its author's clock."""

    id: str
    conversation: str
    author: str
    text: str
    sent_at_ms: int
    received_at_ms: int
    state: str
    series: int
    sequence: int
    unread: bool


@dataclass(frozen=True, slots=True)
class ConversationSummary:
    """A conversation in a list of them; `last_at_ms` is when its last message was written or came, by our clock."""

    conversation: str
    last_at_ms: int
    last_text: str
    unread: int


class Messages:
    """The conversations of one store."""

    def __init__(self, database: Database, sealing: Sealing, counters: Counters, outbox: Outbox) -> None:
        self._database = database
        self._sealing = sealing
        self._counters = counters
        self._outbox = outbox

    def compose(self, signing: SigningKey, recipient: str, text: str, now_ms: int) -> StoredMessage:
        """Number, sign, keep and queue a message of ours, all or nothing. Topics "messages" and "outbox".

        Raises LocalProtocolError if it is empty or too long.
        """
        author = peer_id(signing)
        with self._database.transaction():
            series = self._counters.series()
            message = Message(
                id=secrets.token_hex(16),
                author=author,
                recipient=recipient,
                series=series,
                sequence=self._last_sequence(author, recipient, series) + 1,
                sent_at_ms=now_ms,
                text=text,
            )
            stored = _stored(message, recipient, now_ms, "queued", unread=False)
            self._insert(stored, sign_message(signing, message))
            self._outbox.add(recipient, "message", message.id)
        return stored

    def receive(self, envelope: Envelope, message: Message, now_ms: int) -> bool:
        """Keep a message whose signature and author were checked; false if it is a repetition. Topic "messages".

        Raises RemoteProtocolError where its id is that of another author's message.
        """
        stored = _stored(message, message.author, now_ms, "received", unread=True)
        with self._database.transaction():
            known = self._database.read(
                "SELECT author FROM messages WHERE id = ?"
                " OR (author = ? AND conversation = ? AND series = ? AND sequence = ?)",
                (message.id, message.author, message.author, message.series, message.sequence),
            )
            if any(row["author"] != message.author for row in known):
                raise RemoteProtocolError("a message under the id of somebody else's")
            if known:
                return False
            self._insert(stored, envelope)
            self._put_in_order(stored)
        return True

    def get(self, message_id: str) -> StoredMessage | None:
        """One message."""
        rows = self._database.read("SELECT * FROM messages WHERE id = ?", (message_id,))
        return self._open(rows[0]) if rows else None

    def envelope(self, message_id: str) -> Envelope:
        """A message as it travels. Raises UnknownTargetError and StoreDamagedError."""
        rows = self._database.read("SELECT sealed FROM messages WHERE id = ?", (message_id,))
        if not rows:
            raise UnknownTargetError(f"There is no message {message_id[:8]}.")
        return self._sealing.open(message_id, rows[0]["sealed"])

    def set_state(self, message_id: str, state: str) -> bool:
        """Move a message of ours forward to "delivered" or "read"; false if it is there or beyond. Topic "messages"."""
        earlier = [known for known, rank in _FORWARD.items() if rank < _FORWARD[state]] + ["", ""]
        with self._database.transaction():
            moved = self._database.execute(
                "UPDATE messages SET state = ? WHERE id = ? AND state IN (?, ?)", (state, message_id, *earlier[:2])
            )
            if moved:
                self._database.changed("messages")
        return bool(moved)

    def history(self, conversation: str, limit: int | None = None, search: str = "") -> list[StoredMessage]:
        """The last `limit` messages that contain `search` (case does not matter), oldest first."""
        wanted = search.casefold()
        found = (message for message in self._backwards(conversation) if wanted in message.text.casefold())
        return list(islice(found, limit))[::-1]

    def mark_read(self, conversation: str) -> None:
        """The person has seen all of it. Topic "messages"."""
        if conversation not in self.unread():
            # Every panel that shows it comes here on every change, and would wait for all that write.
            return
        with self._database.transaction():
            if self._database.execute(
                "UPDATE messages SET unread = 0 WHERE conversation = ? AND unread = 1", (conversation,)
            ):
                self._database.changed("messages")

    def unread(self) -> dict[str, int]:
        """How many messages are unread, for each conversation with any."""
        rows = self._database.read(
            "SELECT conversation, COUNT(*) AS number FROM messages WHERE unread = 1 GROUP BY conversation"
        )
        return {str(row["conversation"]): int(row["number"]) for row in rows}

    def conversations(self) -> list[ConversationSummary]:
        """Every conversation, the one with the newest message first."""
        unread = self.unread()
        rows = self._database.read(
            "SELECT messages.* FROM messages JOIN"
            " (SELECT conversation AS name, MAX(place) AS last FROM messages GROUP BY conversation)"
            " ON conversation = name AND place = last ORDER BY received_at_ms DESC, conversation"
        )
        last = (self._open(row) for row in rows)
        return [
            ConversationSummary(one.conversation, one.received_at_ms, one.text, unread.get(one.conversation, 0))
            for one in last
        ]

    def _last_sequence(self, author: str, conversation: str, series: int) -> int:
        rows = self._database.read(
            "SELECT COALESCE(MAX(sequence), 0) FROM messages WHERE author = ? AND conversation = ? AND series = ?",
            (author, conversation, series),
        )
        return int(rows[0][0])

    def _insert(self, stored: StoredMessage, envelope: Envelope) -> None:
        self._database.execute(
            "INSERT INTO messages (id, conversation, author, series, sequence, sent_at_ms, received_at_ms, state,"
            " unread, sealed, place) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
            " (SELECT COALESCE(MAX(place), 0) + 1 FROM messages WHERE conversation = ?))",
            (
                stored.id,
                stored.conversation,
                stored.author,
                stored.series,
                stored.sequence,
                stored.sent_at_ms,
                stored.received_at_ms,
                stored.state,
                stored.unread,
                self._sealing.seal(stored.id, envelope),
                stored.conversation,
            ),
        )
        self._database.changed("messages")

    def _put_in_order(self, stored: StoredMessage) -> None:
        """Where later messages of its author came first, deal their places and its own out again, in order."""
        rows = self._database.read(
            "SELECT id, place FROM messages WHERE author = ? AND conversation = ? AND (series, sequence) >= (?, ?)"
            " ORDER BY series, sequence",
            (stored.author, stored.conversation, stored.series, stored.sequence),
        )
        places = sorted(int(row["place"]) for row in rows)
        for row, place in zip(rows, places, strict=True):
            if row["place"] != place:
                self._database.execute("UPDATE messages SET place = ? WHERE id = ?", (place, row["id"]))

    def _backwards(self, conversation: str) -> Iterator[StoredMessage]:
        """Newest first, a page at a time, so that the last few need not open all."""
        before = 1 << 62
        while rows := self._database.read(
            "SELECT * FROM messages WHERE conversation = ? AND place < ? ORDER BY place DESC LIMIT ?",
            (conversation, before, _PAGE),
        ):
            yield from map(self._open, rows)
            before = int(rows[-1]["place"])

    def _open(self, row: sqlite3.Row) -> StoredMessage:
        try:
            text = self._sealing.read(row["id"], row["sealed"]).text
        except StoreDamagedError:
            text = UNREADABLE
        return StoredMessage(
            id=row["id"],
            conversation=row["conversation"],
            author=row["author"],
            text=text,
            sent_at_ms=row["sent_at_ms"],
            received_at_ms=row["received_at_ms"],
            state=row["state"],
            series=row["series"],
            sequence=row["sequence"],
            unread=bool(row["unread"]),
        )


def _stored(message: Message, conversation: str, now_ms: int, state: str, *, unread: bool) -> StoredMessage:
    return StoredMessage(
        id=message.id,
        conversation=conversation,
        author=message.author,
        text=message.text,
        sent_at_ms=message.sent_at_ms,
        received_at_ms=now_ms,
        state=state,
        series=message.series,
        sequence=message.sequence,
        unread=unread,
    )
