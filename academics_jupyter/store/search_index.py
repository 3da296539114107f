"""The words of all messages, in memory only: an SQLite FTS5 index without the texts. May import `search_words` only.

A message is its number, which orders it: newer ones have higher numbers. The index says which numbers it has looked
at, an unbroken span `first` to `last`, so that whoever fills it goes on at either end.

FTS5 without the texts cannot take words back. A message that was edited therefore gets an entry of its own, above all
numbers, and `changed` says which entry counts for it now; that of one that was withdrawn has no words.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from academics_jupyter.store.search_words import folded, match

IMAGES = hasattr(sqlite3.Connection, "serialize")
"""Whether this SQLite can give an image of what is in memory: from 3.36 on, unless it was built without."""
_CHANGED = 1 << 40
"""Entries from here on are of messages that were edited."""
_TABLES = (
    "CREATE VIRTUAL TABLE words USING fts5(text, conversation, content = '', columnsize = 0, prefix = '1',"
    """ tokenize = "unicode61 remove_diacritics 2 categories 'L* M* N* Co So'")""",
    # Autoincrement, as the words of a former entry must never be those of another message.
    "CREATE TABLE changed (entry INTEGER PRIMARY KEY AUTOINCREMENT, number INTEGER NOT NULL UNIQUE)",
    f"INSERT INTO sqlite_sequence VALUES ('changed', {_CHANGED:d})",  # noqa: S608 - a constant
    "CREATE TABLE span (first INTEGER NOT NULL, last INTEGER NOT NULL, last_id TEXT NOT NULL)",
    "INSERT INTO span VALUES (0, 0, '')",
)


@dataclass(frozen=True, slots=True)
class Span:
    """The numbers that were looked at, both ends included; 0 to 0 where none was. `last_id` is the last one's id."""

    first: int = 0
    last: int = 0
    last_id: str = ""


class SearchIndex:
    """The index of one profile. For one thread at a time.

    `image` is what `image()` gave; without one it is empty. Raises ValueError where it is none.
    """

    def __init__(self, image: bytes = b"") -> None:
        self._memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._memory.execute("PRAGMA temp_store=MEMORY")
        if not image:
            for statement in _TABLES:
                self._memory.execute(statement)
            return
        try:
            self._memory.deserialize(image)
            self._memory.execute("SELECT 1 FROM span, changed").fetchone()
            self._memory.execute("SELECT 1 FROM words WHERE words MATCH 'a' LIMIT 1").fetchone()
        except sqlite3.DatabaseError as error:
            self._memory.close()
            raise ValueError("not an image of a search index") from error

    @property
    def span(self) -> Span:
        """The numbers that were looked at."""
        return Span(*self._memory.execute("SELECT * FROM span").fetchone())

    def close(self) -> None:
        """Forget all."""
        self._memory.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Many changes at once, which is faster by far; all or nothing."""
        self._memory.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._memory.execute("ROLLBACK")
            raise
        self._memory.execute("COMMIT")

    def add(self, number: int, conversation: str, text: str) -> None:
        """Have a message found by `text`. Once for each number: from then on it is `change`."""
        self._enter(number, conversation, text)

    def change(self, number: int, conversation: str, text: str) -> None:
        """Have a message found by `text`, and no more by what it said before."""
        self._enter(self._new_entry(number), conversation, text)

    def remove(self, number: int) -> None:
        """Have a message found no more."""
        self._new_entry(number)

    def cover(self, span: Span) -> None:
        """Say which numbers have been looked at by now."""
        self._memory.execute("UPDATE span SET first = ?, last = ?, last_id = ?", (span.first, span.last, span.last_id))

    def find(self, words: str, conversation: str | None = None, limit: int = 50) -> list[int]:
        """The numbers of the newest `limit` messages with all of `words` (see `search_words`), newest first.

        In one conversation, or in all. Nothing that is typed is an error; where no word is in it, nothing is found.
        """
        wanted = match(words)
        if not wanted:
            return []
        query = f"text : ({wanted})"
        if conversation is not None:
            query += f' AND conversation : "{_name(conversation)}"'
        as_written = self._numbers(
            "SELECT rowid FROM words WHERE words MATCH ? AND rowid < ? AND rowid NOT IN (SELECT number FROM changed)"
            " ORDER BY rowid DESC LIMIT ?",
            (query, _CHANGED, limit),
        )
        edited = self._numbers(
            "SELECT number FROM words JOIN changed ON entry = words.rowid WHERE words MATCH ? AND words.rowid > ?",
            (query, _CHANGED),
        )
        return sorted((*as_written, *edited), reverse=True)[:limit]

    def tidy(self) -> None:
        """Make it smaller and faster once much was added; takes about a tenth of the time that took."""
        self._memory.execute("INSERT INTO words (words) VALUES ('optimize')")
        self._memory.execute("VACUUM")

    def image(self) -> bytes:
        """All of it, to be made into an index again."""
        return self._memory.serialize()

    def _new_entry(self, number: int) -> int:
        """What counts for a message from now on; without words until they are entered."""
        return self._memory.execute("INSERT OR REPLACE INTO changed (number) VALUES (?)", (number,)).lastrowid or 0

    def _enter(self, entry: int, conversation: str, text: str) -> None:
        self._memory.execute(
            "INSERT INTO words (rowid, text, conversation) VALUES (?, ?, ?)", (entry, folded(text), _name(conversation))
        )

    def _numbers(self, sql: str, args: Iterable[str | int]) -> list[int]:
        return [number for (number,) in self._memory.execute(sql, tuple(args))]


def _name(conversation: str) -> str:
    """A conversation as one word of the index, whatever it is called."""
    return hashlib.sha256(conversation.encode()).hexdigest()[:16]
