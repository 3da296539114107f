"""Reading conversations: what was said, as it stands after edits, withdrawals and reactions. May import protocol only.

A text is one row; what was said about it later are rows of their own, and are put together when it is read. So it does
not matter in which order they came.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from academics_jupyter.errors import StoreDamagedError
from academics_jupyter.protocol.messages import Kind, Message
from academics_jupyter.protocol.records import Envelope
from academics_jupyter.store.database import Database
from academics_jupyter.store.sealing import Sealing

UNREADABLE = "(This message is damaged on disk and cannot be read.)"
"""Stands for the text of one that does not open, so that the rest of a conversation can be read."""

SHOWN = ("text", "join", "leave", "terms", "deletion")
"""The kinds that have a place of their own in a conversation."""
PENDING_PLACE = 1 << 52
"""The place of what has no number in its room yet, or more."""
_KINDS = ", ".join(f"'{kind}'" for kind in SHOWN)
_IS_PLACED = f"NOT (place >= {PENDING_PLACE} AND state = 'received')"
IS_SHOWN = f"kind IN ({_KINDS}) AND {_IS_PLACED}"
"""What others wrote in a room is shown once it has its number."""
_PAGE = 200
# From name to name through the index, and from the end of each: a GROUP BY would read every message there is.
_LAST_OF_EACH = f"""
    WITH RECURSIVE names (name) AS (
        SELECT MIN(conversation) FROM messages
        UNION ALL
        SELECT (SELECT MIN(conversation) FROM messages WHERE conversation > name) FROM names WHERE name IS NOT NULL
    )
    SELECT messages.* FROM names JOIN messages ON messages.rowid = (
        SELECT rowid FROM messages WHERE conversation = name AND {IS_SHOWN} ORDER BY place DESC LIMIT 1
    ) ORDER BY received_at_ms DESC, conversation
"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class Reaction:
    """Somebody's reaction to a message; of each author's, the last one counts."""

    author: str
    text: str


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message as it is kept; times are milliseconds since 1970, `sent_at_ms` by its author's clock.

    `text` is how it reads now, and "" where it was withdrawn.
    """

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
    place: int = 0
    kind: Kind = "text"
    about: str = ""
    """What it replies to."""
    mentions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    cell: str = ""
    name: str = ""
    """What the room is called from here on."""
    edited: bool = False
    withdrawn: bool = False
    reactions: tuple[Reaction, ...] = ()


@dataclass(frozen=True, slots=True)
class ConversationSummary:
    """A conversation in a list of them; `last_at_ms` is when its last message was written or came, by our clock."""

    conversation: str
    last_at_ms: int
    last_text: str
    unread: int
    mentioned: int = 0
    """How many of the unread ones mention us."""


class History:
    """The conversations of one store, to be read."""

    def __init__(self, database: Database, sealing: Sealing) -> None:
        self._database = database
        self._sealing = sealing

    def get(self, message_id: str) -> StoredMessage | None:
        """One message, of any kind, as it reads now."""
        rows = self._database.read("SELECT * FROM messages WHERE id = ?", (message_id,))
        return next(self.told(rows), None)

    def history(self, conversation: str, limit: int | None = None) -> list[StoredMessage]:
        """The last `limit` messages, oldest first; `message_search` finds some of them."""
        return list(islice(self.backwards(conversation), limit))[::-1]

    def around(self, conversation: str, message_id: str, size: int) -> tuple[list[StoredMessage], bool, bool]:
        """`size` messages with one of them in the middle, oldest first; whether there are earlier and later ones.

        None at all where it is not in the conversation.
        """
        rows = self._database.read("SELECT place FROM messages WHERE id = ?", (message_id,))
        if not rows:
            return [], False, False
        place = int(rows[0]["place"])
        before = self._beside(conversation, "place <= ?", "DESC", place, size + 1)
        after = self._beside(conversation, "place > ?", "ASC", place, size + 1)
        first = min(len(before), max(size // 2, size - len(after)))
        last = min(len(after), size - first)
        messages = list(self.told([*before[:first][::-1], *after[:last]]))
        if not any(each.id == message_id for each in messages):
            return [], False, False
        return messages, len(before) > first, len(after) > last

    def _beside(self, conversation: str, side: str, order: str, place: int, limit: int) -> list[sqlite3.Row]:
        return self._database.read(
            f"SELECT * FROM messages WHERE conversation = ? AND {side} AND {IS_SHOWN}"  # noqa: S608 - constants
            f" ORDER BY place {order} LIMIT ?",
            (conversation, place, limit),
        )

    def beginning(self, start: str) -> list[str]:
        """The ids of messages that begin so, some of them where there are many."""
        rows = self._database.read("SELECT id FROM messages WHERE id >= ? AND id < ? LIMIT 10", (start, f"{start}g"))
        return [row["id"] for row in rows]

    def edits_of(self, message_id: str) -> list[str]:
        """The ids of what says otherwise how a message reads."""
        rows = self._database.read("SELECT id FROM messages WHERE about = ? AND kind = 'edit'", (message_id,))
        return [row["id"] for row in rows]

    def may_be_withdrawn(self, message_id: str) -> bool:
        """Whether somebody says so, who may or may not have written it."""
        return bool(
            self._database.read(
                "SELECT 1 FROM messages WHERE about = ? AND about != '' AND kind = 'withdrawal' LIMIT 1", (message_id,)
            )
        )

    def backwards(self, conversation: str) -> Iterator[StoredMessage]:
        """Newest first, a page at a time, so that the last few need not open all."""
        before = 1 << 62
        while rows := self._database.read(
            f"SELECT * FROM messages WHERE conversation = ? AND place < ? AND {IS_SHOWN}"  # noqa: S608
            " ORDER BY place DESC LIMIT ?",
            (conversation, before, _PAGE),
        ):
            yield from self.told(rows)
            before = int(rows[-1]["place"])

    def everything(self, conversation: str) -> Iterator[tuple[StoredMessage, Envelope | None]]:
        """All that was said there, of whatever kind, as it reads now and as it was signed, oldest first.

        None stands for what is damaged on disk.
        """
        after = -1
        while rows := self._database.read(
            f"SELECT * FROM messages WHERE conversation = ? AND place > ? AND {_IS_PLACED} ORDER BY place LIMIT ?",  # noqa: S608
            (conversation, after, _PAGE),
        ):
            for message, row in zip(self.told(rows), rows, strict=True):
                yield message, self._signed(row)
            after = int(rows[-1]["place"])

    def _signed(self, row: sqlite3.Row) -> Envelope | None:
        try:
            return self._sealing.open(row["id"], row["sealed"])
        except StoreDamagedError:
            return None

    def unread(self) -> dict[str, int]:
        """How many messages are unread, for each conversation with any."""
        rows = self._database.read(
            "SELECT conversation, COUNT(*) AS number FROM messages WHERE unread = 1 GROUP BY conversation"
        )
        return {str(row["conversation"]): int(row["number"]) for row in rows}

    def conversations(self) -> list[ConversationSummary]:
        """Every conversation, the one with the newest message first."""
        unread = self.unread()
        rows = self._database.read(_LAST_OF_EACH)
        return [
            ConversationSummary(one.conversation, one.received_at_ms, one.text, unread.get(one.conversation, 0))
            for one in self.told(rows)
        ]

    def told(self, rows: list[sqlite3.Row]) -> Iterator[StoredMessage]:
        """Rows as messages, with what was said about them."""
        about = self._about([row["id"] for row in rows])
        for row in rows:
            yield _amended(self._opened(row), about.get(row["id"], ()))

    def _about(self, messages: list[str]) -> dict[str, list[StoredMessage]]:
        """Edits, withdrawals and reactions of messages, each author's in their order."""
        marks = ", ".join("?" * len(messages))
        rows = self._database.read(
            f"SELECT * FROM messages WHERE about IN ({marks})"  # noqa: S608 - question marks
            " AND kind IN ('edit', 'withdrawal', 'reaction') AND about != '' ORDER BY series, sequence",
            messages,
        )
        about: dict[str, list[StoredMessage]] = {}
        for row in rows:
            about.setdefault(row["about"], []).append(self._opened(row))
        return about

    def _opened(self, row: sqlite3.Row) -> StoredMessage:
        try:
            message = self._sealing.read(row["id"], row["sealed"])
        except StoreDamagedError:
            message = None
        return stored(message, row)


def stored(message: Message | None, row: sqlite3.Row) -> StoredMessage:
    """A row with what its message says; None where it does not open."""
    return StoredMessage(
        id=row["id"],
        conversation=row["conversation"],
        author=row["author"],
        text=message.text if message else UNREADABLE,
        sent_at_ms=row["sent_at_ms"],
        received_at_ms=row["received_at_ms"],
        state=row["state"],
        series=row["series"],
        sequence=row["sequence"],
        unread=bool(row["unread"]),
        place=row["place"],
        kind=row["kind"],
        about=row["about"],
        mentions=message.mentions if message else (),
        resources=message.resources if message else (),
        cell=message.cell if message else "",
        name=message.terms.name if message and message.terms else "",
    )


def _amended(message: StoredMessage, about: Iterable[StoredMessage]) -> StoredMessage:
    """A message as it reads after what was said about it in its conversation; only its author edits and withdraws it.

    Its state is that of what it reads like now.
    """
    reactions: dict[str, str] = {}
    for later in about:
        if later.conversation != message.conversation:
            continue
        if later.kind == "reaction":
            reactions[later.author] = later.text
        elif later.author != message.author or message.withdrawn or message.kind != "text":
            continue
        elif later.kind == "edit":
            message = replace(message, text=later.text, mentions=later.mentions, state=later.state, edited=True)
        else:
            message = replace(message, text="", mentions=(), resources=(), cell="", state=later.state, withdrawn=True)
    if message.withdrawn:
        return message
    kept = tuple(Reaction(author, text) for author, text in reactions.items() if text)
    return replace(message, reactions=kept) if kept else message
