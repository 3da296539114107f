"""How the database is opened: looked over, set aside when damaged, put in WAL mode, migrated. May import errors only.

It is looked through unless it lies as its last process closed it (see `closed_mark`), or is open at the driver, which
has done so. Damage is what SQLite calls SQLITE_CORRUPT and SQLITE_NOTADB, and what `quick_check` finds. A lock, a full
disk or an input error is none: those files are left where they are.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from academics_jupyter.errors import StoreDamagedError, StoreError
from academics_jupyter.store.closed_mark import is_as_closed, is_suspect, note_damage, note_looked
from academics_jupyter.store.durable import disk_errors, sync_folder
from academics_jupyter.store.schema import MIGRATIONS

BUSY_TIMEOUT_S = 5.0
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_REASONS = {
    sqlite3.SQLITE_BUSY: "another process has kept it locked for 5 s; try again",
    sqlite3.SQLITE_LOCKED: "another part of this process has kept it locked; try again",
    sqlite3.SQLITE_FULL: "the disk is full; make room and try again",
    sqlite3.SQLITE_IOERR: "the disk failed to read or write it",
    sqlite3.SQLITE_READONLY: "it cannot be written; check the permissions of its folder",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; check the permissions of its folder",
    sqlite3.SQLITE_PERM: "this user may not use it",
    sqlite3.SQLITE_PROTOCOL: "its file system cannot lock it",
}


def primary_code(error: sqlite3.Error) -> int:
    """SQLite's primary result code of an error; -1 where it has none."""
    code = getattr(error, "sqlite_errorcode", None)
    return code & 0xFF if isinstance(code, int) else -1


def is_damage(error: sqlite3.Error) -> bool:
    """Whether an error says that the file itself is wrong."""
    return primary_code(error) in _DAMAGE


@contextmanager
def database_errors(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into one line for the user; what a mistake of ours raised stays as it is."""
    try:
        yield
    except sqlite3.Error as error:
        if is_damage(error):
            note_damage(path)
            raise StoreDamagedError(
                f"The profile's database {path} is damaged: restart the kernel, and it is kept aside."
            ) from error
        reason = _REASONS.get(primary_code(error))
        if reason is None:
            raise
        raise StoreError(f"The profile's database {path.name} cannot be used: {reason}.") from error


def open_database(path: Path, is_driven: Callable[[], bool] = lambda: False) -> sqlite3.Connection:
    """A connection in autocommit mode to a whole database of the newest schema, made if it is not there.

    `is_driven` says whether a process that has opened it already lives.

    Raises StoreDamagedError after setting a damaged file aside, and StoreError.
    """
    with database_errors(path), disk_errors(f"The profile's database {path} cannot be opened"):
        _create(path)
        if not (is_as_closed(path) or (is_driven() and not is_suspect(path))):
            _look_over(path)
        try:
            return _connected(path)
        except sqlite3.Error as error:
            if is_damage(error):
                note_damage(path)
                _look_over(path)
            raise


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    try:
        _configure(connection)
        _migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _create(path: Path) -> None:
    """SQLite would make it readable to everyone; its companions take over the mode of the file."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        path.chmod(0o600)
    else:
        sync_folder(path.parent)


def _look_over(path: Path) -> None:
    """Check the file through a connection that cannot write, so that a damaged one is kept as it was found."""
    before = path.stat()
    if before.st_size == 0:
        return
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_TIMEOUT_S)) as look:
            whole = look.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok"
    except sqlite3.Error as error:
        if primary_code(error) == sqlite3.SQLITE_READONLY:
            return  # a journal is to be rolled back first, which the writing connection does
        if not is_damage(error):
            raise
        whole = False
    note_looked(path)
    if not whole:
        _set_aside(path, before)


def _set_aside(path: Path, found: os.stat_result) -> None:
    kept = _free_name(path)
    # Another process may have found the damage too, and begun a new store by now: leave that one alone.
    if path.stat().st_ino == found.st_ino:
        for ending in ("", "-wal", "-journal", "-shm"):
            companion = path.with_name(path.name + ending)
            if companion.exists():
                companion.rename(kept.with_name(kept.name + ending))
        sync_folder(path.parent)
    raise StoreDamagedError(
        f"The profile's database was damaged and is kept as {kept.name}; starting again begins with an empty store."
    )


def _free_name(path: Path) -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    kept = path.with_name(f"{path.stem}.damaged-{stamp}{path.suffix}")
    count = 2
    while kept.exists():
        kept = path.with_name(f"{path.stem}.damaged-{stamp}-{count}{path.suffix}")
        count += 1
    return kept


def _configure(connection: sqlite3.Connection) -> None:
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA temp_store=MEMORY")
    if not _in_wal_mode(connection):
        connection.execute("PRAGMA journal_mode=DELETE")
    connection.execute("PRAGMA synchronous=FULL")


def _in_wal_mode(connection: sqlite3.Connection) -> bool:
    """Switch to WAL; false where the file system cannot carry it."""
    until = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            return bool(connection.execute("PRAGMA journal_mode=WAL").fetchone()[0] == "wal")
        except sqlite3.OperationalError as error:
            # SQLite does not wait here by itself when two processes open a new store at once.
            if primary_code(error) != sqlite3.SQLITE_BUSY:
                return False
            if time.monotonic() > until:
                raise
            time.sleep(0.01)


def _migrate(connection: sqlite3.Connection) -> None:
    if _version(connection) == len(MIGRATIONS):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _version(connection)
        if version > len(MIGRATIONS):
            raise StoreError(
                f"The profile's store is of version {version}, newer than this software knows:"
                " update academics-jupyter."
            )
        for statements in MIGRATIONS[version:]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version={len(MIGRATIONS):d}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
