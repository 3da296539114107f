"""The conversations: every message sent and received, its text sealed. May import protocol and errors only.

A conversation is named by the other peer's id, or by a room's. `place` orders it. In a conversation with one peer, a
message takes the next place when it comes, and one that comes before an earlier one of its author changes places with
those, so the two sides interleave as they came while each author's messages stand in the order of (series, sequence).
In a room, the place is the number that the host gave; what has none yet comes behind (see `room_copies`).

States: ours go queued -> held -> delivered -> read, forward only, `held` in rooms only, where the host has it; one that
can never be sent is refused. Theirs are received.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TypedDict, Unpack

from nacl.signing import SigningKey

from academics_jupyter.errors import RemoteProtocolError, UnknownTargetError
from academics_jupyter.protocol.identity import peer_id
from academics_jupyter.protocol.messages import ROOM_KINDS, Kind, Message, Terms, is_room, sign_message
from academics_jupyter.protocol.records import Envelope
from academics_jupyter.store.counters import Counters
from academics_jupyter.store.database import Database
from academics_jupyter.store.history import PENDING_PLACE, History, StoredMessage, stored
from academics_jupyter.store.outbox import Outbox
from academics_jupyter.store.sealing import Sealing

_FORWARD = {"queued": 0, "held": 1, "delivered": 2, "read": 3}


Composed = Callable[[int, Message, Envelope], None]
"""Takes the outbox entry's id, in rooms 0, the message, and the message as it travels; in the thread that wrote it."""


class Content(TypedDict, total=False):
    """What a message says beside its text; the fields are those of `Message`."""

    id: str
    kind: Kind
    about: str
    mentions: tuple[str, ...]
    resources: tuple[str, ...]
    cell: str
    terms: Terms
    invitation: Envelope


class Messages(History):
    """The conversations of one store."""

    def __init__(self, database: Database, sealing: Sealing, counters: Counters, outbox: Outbox) -> None:
        super().__init__(database, sealing)
        self._counters = counters
        self._outbox = outbox
        self.composed: Composed | None = None
        """Is told of a message as soon as it is on disk: of talk in a room, and of all that nothing waits before."""

    def compose(
        self, signing: SigningKey, recipient: str, text: str, now_ms: int, **content: Unpack[Content]
    ) -> StoredMessage:
        """Number, sign, keep and queue a message of ours, all or nothing. Topics "messages" and "outbox".

        Raises LocalProtocolError if it is empty or too long.
        """
        author = peer_id(signing)
        with self._database.transaction():
            series = self._counters.series()
            fields = Content(id=secrets.token_hex(16)) | content
            message = Message(
                author=author,
                recipient=recipient,
                series=series,
                sequence=self._last_sequence(author, recipient, series) + 1,
                sent_at_ms=now_ms,
                text=text,
                **fields,
            )
            envelope = sign_message(signing, message)
            self.insert(message, envelope, recipient, now_ms, "queued", unread=False)
            take = self.composed
            if not is_room(recipient):
                handed = (lambda entry_id: take(entry_id, message, envelope)) if take is not None else None
                self._outbox.add(recipient, "message", message.id, handed)
            elif take is not None and message.kind not in ROOM_KINDS:
                self._database.once_kept(lambda: take(0, message, envelope))
            else:
                self._database.changed("rooms")
            row = self._database.read("SELECT * FROM messages WHERE id = ?", (message.id,))[0]
        return stored(message, row)

    def receive(self, envelope: Envelope, message: Message, now_ms: int) -> bool:
        """Keep a message whose signature and author were checked; false if it is a repetition. Topic "messages".

        Raises RemoteProtocolError where its id is that of another author's message.
        """
        with self._database.transaction():
            if self.holds(message):
                return False
            self.insert(message, envelope, message.author, now_ms, "received", unread=message.kind == "text")
            self._put_in_order(message)
        return True

    def holds(self, message: Message) -> bool:
        """Whether a message is there, or another one in its place.

        Raises RemoteProtocolError where its id is that of another author's message.
        """
        # A room's messages are numbered apart from those to a peer, which are filed under whoever the other one is.
        elsewhere = message.recipient if is_room(message.recipient) else message.author
        known = self._database.read(
            "SELECT author FROM messages WHERE id = ?"
            " OR (author = ? AND conversation IN (?, ?) AND series = ? AND sequence = ?)",
            (message.id, message.author, elsewhere, message.recipient, message.series, message.sequence),
        )
        if any(row["author"] != message.author for row in known):
            raise RemoteProtocolError("a message under the id of somebody else's")
        return bool(known)

    def envelope(self, message_id: str) -> Envelope:
        """A message as it travels. Raises UnknownTargetError and StoreDamagedError."""
        rows = self._database.read("SELECT sealed FROM messages WHERE id = ?", (message_id,))
        if not rows:
            raise UnknownTargetError(f"There is no message {message_id[:8]}.")
        return self._sealing.open(message_id, rows[0]["sealed"])

    def set_state(self, message_id: str, state: str) -> bool:
        """Move a message of ours forward to "delivered" or "read"; false if it is there or beyond. Topic "messages".

        Not lasting by itself, as `Outbox.done`.
        """
        earlier = [known for known, rank in _FORWARD.items() if rank < _FORWARD[state]]
        marks = ", ".join("?" * len(earlier))
        with self._database.transaction(lasting=False):
            moved = self._database.execute(
                f"UPDATE messages SET state = ? WHERE id = ? AND state IN ({marks})",  # noqa: S608 - question marks
                (state, message_id, *earlier),
            )
            if moved:
                self._database.changed("messages")
        return bool(moved)

    def mark_read(self, conversation: str, place: int = PENDING_PLACE) -> None:
        """The person has seen it up to a place, without one all of it. Topic "messages"."""
        if conversation not in self.unread():
            # Every panel that shows it comes here on every change, and would wait for all that write.
            return
        with self._database.transaction():
            if self._database.execute(
                "UPDATE messages SET unread = 0 WHERE conversation = ? AND unread = 1 AND place <= ?",
                (conversation, place),
            ):
                self._database.changed("messages")
            self._database.execute(
                "UPDATE rooms SET read = MAX(read, MIN(?, (SELECT COUNT(*) FROM room_log WHERE room = rooms.room)))"
                " WHERE room = ?",
                (place, conversation),
            )
            if is_room(conversation):
                self._database.changed("rooms")

    def insert(
        self,
        message: Message,
        envelope: Envelope,
        conversation: str,
        now_ms: int,
        state: str,
        *,
        unread: bool,
        place: int | None = None,
    ) -> None:
        """Within a transaction: a new row, in the last place if no other is given. Topic "messages"."""
        self._database.execute(
            "INSERT INTO messages (id, conversation, author, series, sequence, sent_at_ms, received_at_ms, state,"
            " unread, kind, about, sealed, place) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
            " COALESCE(?, (SELECT MAX(COALESCE(MAX(place), 0), ?) + 1 FROM messages WHERE conversation = ?)))",
            (
                message.id,
                conversation,
                message.author,
                message.series,
                message.sequence,
                message.sent_at_ms,
                now_ms,
                state,
                unread,
                message.kind,
                message.about,
                self._sealing.seal(message.id, envelope),
                place,
                PENDING_PLACE if is_room(conversation) else 0,
                conversation,
            ),
        )
        self._database.changed("messages")

    def _last_sequence(self, author: str, conversation: str, series: int) -> int:
        rows = self._database.read(
            "SELECT COALESCE(MAX(sequence), 0) FROM messages WHERE author = ? AND conversation = ? AND series = ?",
            (author, conversation, series),
        )
        return int(rows[0][0])

    def _put_in_order(self, message: Message) -> None:
        """Where later messages of its author came first, deal their places and its own out again, in order."""
        rows = self._database.read(
            "SELECT id, place FROM messages WHERE author = ? AND conversation = ? AND (series, sequence) >= (?, ?)"
            " ORDER BY series, sequence",
            (message.author, message.author, message.series, message.sequence),
        )
        places = sorted(int(row["place"]) for row in rows)
        for row, place in zip(rows, places, strict=True):
            if row["place"] != place:
                self._database.execute("UPDATE messages SET place = ? WHERE id = ?", (place, row["id"]))
