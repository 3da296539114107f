"""The search of a store: its messages as the index reads them, and what is found as messages. May import errors only.

What the index knows a message by is the row's number in the table, SQLite's own rowid: rows are only ever added, so a
later row has a higher number. (Nothing may run VACUUM on the store: it could number them anew.) Edits and withdrawals
are rows too, so reading on from a number misses nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from academics_jupyter.store.database import Database
from academics_jupyter.store.history import IS_SHOWN, History, StoredMessage
from academics_jupyter.store.search_snapshot import SearchSnapshot
from academics_jupyter.store.searching import Searching, SearchRow

_CHANGES = ("edit", "withdrawal")
_ALL = 1 << 40
_AT_ONCE = 500
"""How many rows one statement names."""


@dataclass(frozen=True, slots=True)
class FoundMessages:
    """What was found, oldest first; about `missing` messages, the older ones, are not in the index yet."""

    messages: list[StoredMessage]
    missing: int = 0


class MessageSearch:
    """The search of one store. Any thread may use it, but not the event loop, and nobody within a transaction.

    (The thread that makes the index waits for the database, and whoever searches for that thread.)
    """

    def __init__(self, snapshot: SearchSnapshot, database: Database, history: History) -> None:
        self._database = database
        self._history = history
        self._searching = Searching(snapshot, _Rows(database, history))

    def find(self, words: str, conversation: str | None = None, limit: int | None = None) -> FoundMessages:
        """The newest `limit` messages with all of `words`, in one conversation or in all, as they came.

        A word in the end may be the start of one; words in quotation marks stand one after the other; case and accents
        do not matter. Nothing that is typed is an error. Raises StoreError.
        """
        most = _ALL if limit is None else limit
        asked = most
        while True:
            found = self._searching.find(words, conversation, asked)
            shown = self._shown(found.numbers)[-most:]
            if len(shown) >= most or len(found.numbers) < asked:
                return FoundMessages(list(self._history.told(shown)), found.missing)
            asked *= 2  # some of them are not to be shown yet

    def keep_up(self) -> None:
        """Have the index follow what has come (see `Searching.keep_up`)."""
        self._searching.keep_up()

    def close(self) -> None:
        """Save the index where it is worth it. Safe to repeat."""
        self._searching.close()

    def _shown(self, numbers: Sequence[int]) -> list[sqlite3.Row]:
        """The rows of these numbers that a conversation shows, in order of number."""
        rows: list[sqlite3.Row] = []
        for start in range(0, len(numbers), _AT_ONCE):
            portion = numbers[start : start + _AT_ONCE]
            rows += self._database.read(
                f"SELECT rowid AS number, * FROM messages WHERE rowid IN ({_marks(portion)}) AND {IS_SHOWN}",  # noqa: S608
                portion,
            )
        return sorted(rows, key=lambda row: int(row["number"]))


class _Rows:
    """The table of messages as the index reads it; see `SearchSource`."""

    def __init__(self, database: Database, history: History) -> None:
        self._database = database
        self._history = history

    def rows_after(self, number: int, limit: int) -> list[SearchRow]:
        return self._read("rowid > ? ORDER BY rowid LIMIT ?", number, limit)

    def rows_before(self, number: int, limit: int) -> list[SearchRow]:
        return self._read("rowid < ? ORDER BY rowid DESC LIMIT ?", number, limit)[::-1]

    def newest(self) -> int:
        return int(self._database.read("SELECT COALESCE(MAX(rowid), 0) FROM messages")[0][0])

    def id_of(self, number: int) -> str:
        rows = self._database.read("SELECT id FROM messages WHERE rowid = ?", (number,))
        return str(rows[0]["id"]) if rows else ""

    def _read(self, which: str, number: int, limit: int) -> list[SearchRow]:
        rows = self._database.read(
            f"SELECT rowid AS number, * FROM messages WHERE {which}",  # noqa: S608 - ours
            (number, limit),
        )
        about = {row["about"] for row in rows if row["kind"] in _CHANGES}
        texts = [row for row in rows if row["kind"] == "text"]
        texts += self._texts(sorted(about - {row["id"] for row in texts}))
        subjects = {
            text["id"]: (text["number"], message)
            for text, message in zip(texts, self._history.told(texts), strict=True)
        }
        return [_search_row(row, subjects) for row in rows]

    def _texts(self, ids: Sequence[str]) -> list[sqlite3.Row]:
        rows: list[sqlite3.Row] = []
        for start in range(0, len(ids), _AT_ONCE):
            portion = ids[start : start + _AT_ONCE]
            rows += self._database.read(
                f"SELECT rowid AS number, * FROM messages WHERE id IN ({_marks(portion)}) AND kind = 'text'",  # noqa: S608
                portion,
            )
        return rows


def _search_row(row: sqlite3.Row, subjects: Mapping[str, tuple[int, StoredMessage]]) -> SearchRow:
    about = row["about"] if row["kind"] in _CHANGES else row["id"]
    if about not in subjects:
        return SearchRow(row["number"], row["id"])
    number, message = subjects[about]
    return SearchRow(row["number"], row["id"], number, message.conversation, message.text)


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))
