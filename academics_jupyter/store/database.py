"""The profile's SQLite database: transactions, reads and notices of change. May import errors only.

One connection is shared by the threads of a process, one after the other. A transaction is re-entrant in its thread (an
inner one is a savepoint, where anything was done in the outer one before), and nothing may be awaited inside it. Topics
named with `changed` go out once the outermost transaction is on disk: first to the other processes of the profile, then
to this one's subscribers, in the thread that committed.
"""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from academics_jupyter.errors import StoreError
from academics_jupyter.store.closed_mark import note_closed
from academics_jupyter.store.opening import database_errors, open_database

Value = str | int | float | bytes | None
Subscriber = Callable[[frozenset[str]], None]

LOG_BYTES = 4_000_000
"""About as long as SQLite lets the log get before it begins it anew."""
MIN_FREE_BYTES = 100_000_000
"""With less, what is left of the disk is for what the person does."""
_CACHE_KIB, _SMALL_CACHE_PAGES = 2_000, 8

log = logging.getLogger(__name__)


class Database:
    """An open database. `ring` is told what changed, for the other processes; for `is_driven` see `open_database`.

    Raises StoreDamagedError after setting a damaged file aside, and StoreError.
    """

    def __init__(
        self,
        path: Path,
        ring: Callable[[frozenset[str]], None] | None = None,
        is_driven: Callable[[], bool] = lambda: False,
    ) -> None:
        self.path = path
        self._connection = open_database(path, is_driven)
        self._ring = ring
        self._lock = threading.RLock()
        self._depth = 0
        self._in_wal_mode = self._connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        self._lasting = True
        self._topics: set[str] = set()
        self._once_kept: list[Callable[[], None]] = []
        self._marks: list[int] = []
        self._savepoints: list[bool] = []
        """Of each transaction that is open, whether it is one; where not, rolling it back begins the outermost anew."""
        self._untouched = False
        """Whether nothing has been read or written since the outermost transaction began."""
        self._subscribers: dict[object, Subscriber] = {}
        self._pid = os.getpid()
        self._closed = False

    def close(self) -> None:
        """Close the file. Safe to repeat; does nothing in a forked child, whose parent owns the connection."""
        if self._pid != os.getpid():
            return
        with self._lock:
            if not self._closed:
                self._closed = True
                self._connection.close()
                note_closed(self.path)

    @contextmanager
    def transaction(self, *, lasting: bool = True) -> Iterator[None]:
        """All or nothing. On leaving the outermost one without an exception, everything in it is on disk.

        One that is not `lasting` survives the process too, but the machine only once a lasting one has followed: for
        what is no loss then, such as which links are up. Nothing waits for the disk there.

        Raises StoreError where SQLite cannot write (locked, full, failed); then nothing was written.
        """
        with self._lock:
            self._check()
            self._enter(lasting)
            try:
                yield
            except BaseException:
                self._roll_back()
                raise
            topics, kept = self._commit()
        for callback in kept:
            callback()
        if topics:
            self._announce(topics)

    def execute(self, sql: str, args: Sequence[Value] = ()) -> int:
        """Write within a transaction; how many rows it touched."""
        with self._lock, database_errors(self.path):
            self._check_inside()
            self._untouched = False
            return self._connection.execute(sql, args).rowcount

    def execute_many(self, sql: str, rows: Iterable[Sequence[Value]]) -> None:
        """Write many rows within a transaction."""
        with self._lock, database_errors(self.path):
            self._check_inside()
            self._untouched = False
            self._connection.executemany(sql, rows)

    def insert(self, sql: str, args: Sequence[Value] = ()) -> int:
        """Insert one row within a transaction; its row id."""
        with self._lock, database_errors(self.path):
            self._check_inside()
            self._untouched = False
            return self._connection.execute(sql, args).lastrowid or 0

    def read(self, sql: str, args: Sequence[Value] = ()) -> list[sqlite3.Row]:
        """All rows of a query; within a transaction of this thread, with what it has written so far."""
        with self._lock, database_errors(self.path):
            self._check()
            self._untouched = False
            return self._connection.execute(sql, args).fetchall()

    def changed(self, topic: str) -> None:
        """Within a transaction: name what it changes."""
        with self._lock:
            self._check_inside()
            self._topics.add(topic)

    def once_kept(self, callback: Callable[[], None]) -> None:
        """Within a transaction: have `callback` called as soon as it is on disk, before anybody is told what changed.

        In the thread that committed, and only if this transaction and all around it are kept. It must not raise.
        """
        with self._lock:
            self._check_inside()
            self._once_kept.append(callback)

    def subscribe(self, callback: Subscriber) -> Callable[[], None]:
        """Have `callback` told the topics of every change, here or in another process; returns what ends that."""
        token = object()
        self._subscribers[token] = callback

        def unsubscribe() -> None:
            self._subscribers.pop(token, None)

        return unsubscribe

    def notify(self, topics: frozenset[str]) -> None:
        """Tell this process's subscribers. One that fails is logged and keeps nothing from the others."""
        for callback in list(self._subscribers.values()):
            try:
                callback(topics)
            except Exception:
                log.exception("A subscriber to the store's changes failed")

    def version(self) -> int:
        """A number that differs from the last one asked for when another process has committed since."""
        return int(self.read("PRAGMA data_version")[0][0])

    def grow_log(self) -> None:
        """Have the log on disk as long as it will get: a lasting write takes half as long where the file need not grow.

        What is written for it is rolled back, and too much for the cache, so that SQLite puts it into the log before.
        Does nothing where there is no log, where it cannot grow just now, and on a disk that is nearly full.
        """
        with self._lock:
            self._check()
            if not self._in_wal_mode or self._log_bytes() >= LOG_BYTES or self._free_bytes() < MIN_FREE_BYTES:
                return
            try:
                self._connection.execute(f"PRAGMA cache_size={_SMALL_CACHE_PAGES:d}")
                self._connection.execute("BEGIN IMMEDIATE")
                self._connection.execute("CREATE TABLE grown (bytes)")
                self._connection.execute("INSERT INTO grown VALUES (zeroblob(?))", (LOG_BYTES,))
            except sqlite3.Error as error:
                log.info("the database's log could not grow: %s", error)
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                self._connection.execute(f"PRAGMA cache_size=-{_CACHE_KIB:d}")

    def _free_bytes(self) -> int:
        return shutil.disk_usage(self.path.parent).free

    def _log_bytes(self) -> int:
        try:
            return self.path.with_name(f"{self.path.name}-wal").stat().st_size
        except FileNotFoundError:
            return 0

    def _enter(self, lasting: bool) -> None:
        with database_errors(self.path):
            if self._depth:
                if lasting and not self._lasting:
                    raise RuntimeError("a lasting write within a transaction that is not")
                is_savepoint = not self._untouched
                if is_savepoint:
                    self._connection.execute(f"SAVEPOINT inner_{self._depth:d}")
            else:
                if self._connection.in_transaction:
                    # An interrupt struck between a BEGIN and its bookkeeping.
                    self._connection.execute("ROLLBACK")
                self._topics.clear()
                self._once_kept.clear()
                self._marks.clear()
                self._savepoints.clear()
                is_savepoint = False
                self._make_lasting(lasting)
                self._connection.execute("BEGIN IMMEDIATE")
                self._untouched = True
        self._depth += 1
        self._marks.append(len(self._once_kept))
        self._savepoints.append(is_savepoint)

    def _make_lasting(self, lasting: bool) -> None:
        if lasting is self._lasting:
            return
        self._lasting = False  # until it is certain, whatever interrupts this
        # Without a WAL, a file that SQLite did not wait for could be damaged.
        if self._in_wal_mode:
            self._connection.execute(f"PRAGMA synchronous={'FULL' if lasting else 'NORMAL'}")
        self._lasting = lasting

    def _roll_back(self) -> None:
        self._depth -= 1
        del self._once_kept[self._marks.pop() :]
        is_savepoint = self._savepoints.pop()
        # A full or failing disk makes SQLite roll back by itself.
        if not self._connection.in_transaction:
            return
        with database_errors(self.path):
            if is_savepoint:
                self._connection.execute(f"ROLLBACK TO inner_{self._depth:d}")
                self._connection.execute(f"RELEASE inner_{self._depth:d}")
                return
            self._connection.execute("ROLLBACK")
            if self._depth:
                self._connection.execute("BEGIN IMMEDIATE")
                self._untouched = True

    def _commit(self) -> tuple[frozenset[str], list[Callable[[], None]]]:
        """Ends this transaction; the topics to announce and what to call, none while it is an inner one."""
        self._depth -= 1
        self._marks.pop()
        is_savepoint = self._savepoints.pop()
        with database_errors(self.path):
            if self._depth:
                if is_savepoint:
                    self._connection.execute(f"RELEASE inner_{self._depth:d}")
                return frozenset(), []
            try:
                self._connection.execute("COMMIT")
            except sqlite3.Error:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        kept, self._once_kept = self._once_kept, []
        return frozenset(self._topics), kept

    def _announce(self, topics: frozenset[str]) -> None:
        if self._ring is not None:
            self._ring(topics)
        self.notify(topics)

    def _check(self) -> None:
        if self._pid != os.getpid():
            raise StoreError("A forked process cannot use its parent's store: open the profile anew.")
        if self._closed:
            raise StoreError("The profile's store is closed.")

    def _check_inside(self) -> None:
        self._check()
        if not self._depth:
            raise RuntimeError("a write outside a transaction")
