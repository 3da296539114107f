from __future__ import annotations

import multiprocessing
import os
import shutil
import sqlite3
import stat
import threading
from contextlib import closing, suppress
from pathlib import Path

import pytest

from academics_jupyter.errors import StoreDamagedError, StoreError
from academics_jupyter.store import opening
from academics_jupyter.store.database import Database
from academics_jupyter.store.folder import ProfileFolder
from academics_jupyter.store.keys import Keys
from academics_jupyter.store.store import Store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite3"


def put(database: Database, name: str, value: int) -> None:
    database.execute("INSERT INTO counters (name, value) VALUES (?, ?)", (name, value))


def put_and_fail(database: Database, name: str) -> None:
    with database.transaction():
        put(database, name, 1)
        database.changed("files")
        raise ZeroDivisionError


def put_many(database: Database, count: int) -> None:
    with database.transaction():
        for number in range(count):
            put(database, f"{number:030d}", number)


def names(database: Database) -> list[str]:
    return [row["name"] for row in database.read("SELECT name FROM counters ORDER BY name")]


def test_it_is_durable_and_private(path: Path) -> None:
    before = os.umask(0)
    try:
        database = Database(path)
        with database.transaction():
            put(database, "a", 1)
    finally:
        os.umask(before)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == {"store.sqlite3": 0o600, "store.sqlite3-wal": 0o600, "store.sqlite3-shm": 0o600}
    assert database.read("PRAGMA journal_mode")[0][0] == "wal"
    assert database.read("PRAGMA synchronous")[0][0] == 2
    assert database.read("PRAGMA foreign_keys")[0][0] == 1
    assert database.read("PRAGMA busy_timeout")[0][0] == 5000
    database.close()


def test_all_or_nothing(path: Path) -> None:
    database = Database(path)
    told: list[frozenset[str]] = []
    database.subscribe(told.append)
    with pytest.raises(ZeroDivisionError):
        put_and_fail(database, "a")
    assert names(database) == []
    assert told == []
    database.close()


def test_an_inner_transaction_fails_alone(path: Path) -> None:
    database = Database(path)
    told: list[frozenset[str]] = []
    unsubscribe = database.subscribe(told.append)
    with database.transaction():
        put(database, "a", 1)
        database.changed("files")
        with database.transaction():
            put(database, "b", 1)
            database.changed("peers")
        assert told == []
        with pytest.raises(ZeroDivisionError):
            put_and_fail(database, "c")
    assert names(database) == ["a", "b"]
    assert told == [frozenset({"files", "peers"})]
    unsubscribe()
    unsubscribe()
    with database.transaction():
        database.changed("files")
    assert len(told) == 1
    database.close()


def test_an_inner_transaction_that_fails_at_the_start_leaves_an_empty_outer_one(path: Path) -> None:
    with closing(Database(path)) as database:
        with database.transaction():
            with pytest.raises(ZeroDivisionError), database.transaction():
                put_and_fail(database, "a")
            with pytest.raises(ZeroDivisionError):
                put_and_fail(database, "b")
            put(database, "c", 1)
            with pytest.raises(ZeroDivisionError):
                put_and_fail(database, "d")
        assert names(database) == ["c"]
        with suppress(ZeroDivisionError), database.transaction():
            with pytest.raises(ZeroDivisionError):
                put_and_fail(database, "e")
            put_and_fail(database, "f")
        assert names(database) == ["c"]


@pytest.mark.expects_errors("A subscriber to the store's changes failed")
def test_a_subscriber_that_fails_keeps_nothing_from_the_others(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    database = Database(path)
    told: list[frozenset[str]] = []
    database.subscribe(lambda topics: 1 / 0)
    database.subscribe(told.append)
    with database.transaction():
        database.changed("files")
    assert told == [frozenset({"files"})]
    assert "subscriber" in caplog.text
    caplog.clear()
    database.close()


def test_threads_take_turns(path: Path) -> None:
    database = Database(path)

    def count() -> None:
        for _ in range(50):
            with database.transaction():
                value = database.read("SELECT COUNT(*) FROM counters")[0][0]
                put(database, f"{value:04d}", value)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names(database) == [f"{number:04d}" for number in range(200)]
    database.close()


def test_writes_belong_in_a_transaction(path: Path) -> None:
    database = Database(path)
    for write in (lambda: put(database, "a", 1), lambda: database.changed("files")):
        with pytest.raises(RuntimeError):
            write()
    database.close()
    database.close()
    with pytest.raises(StoreError, match="closed"):
        database.read("SELECT 1")


def test_a_forked_child_may_not_use_it(path: Path) -> None:
    database = Database(path)

    def use() -> None:
        database.close()
        try:
            database.read("SELECT 1")
        except StoreError:
            os._exit(7)

    child = multiprocessing.get_context("fork").Process(target=use)
    child.start()
    child.join()
    assert child.exitcode == 7
    assert database.read("SELECT 1")[0][0] == 1
    database.close()


def test_a_newer_store_is_refused_and_kept(path: Path) -> None:
    Database(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version=99")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="newer"):
        Database(path)
    assert path.read_bytes() == before


def test_version_tells_of_other_connections(path: Path) -> None:
    first, second = Database(path), Database(path)
    before = first.version()
    with first.transaction():
        put(first, "a", 1)
    assert first.version() == before
    with second.transaction():
        put(second, "b", 1)
    assert first.version() != before
    first.close()
    second.close()


def test_what_is_kept_is_told_of_before_what_changed(path: Path) -> None:
    database = Database(path)
    told: list[object] = []
    database.subscribe(told.append)
    with database.transaction():
        put(database, "a", 1)
        database.changed("outbox")
        with suppress(ZeroDivisionError), database.transaction():
            database.once_kept(lambda: told.append("taken back"))
            raise ZeroDivisionError
        with database.transaction():
            database.once_kept(lambda: told.append("kept"))
        assert told == []
    assert told[0] == "kept"
    assert len(told) == 2
    with suppress(ZeroDivisionError), database.transaction():
        with database.transaction():
            database.once_kept(lambda: told.append("taken back"))
        raise ZeroDivisionError
    with database.transaction():
        put(database, "b", 1)
    assert "taken back" not in told
    database.close()


def grown(path: Path) -> bytes:
    database = Database(path)
    put_many(database, 3000)
    database.close()
    return path.read_bytes()


@pytest.mark.parametrize("kind", ["not a database", "torn page", "cut short", "header"])
def test_a_damaged_file_is_kept_byte_for_byte(path: Path, kind: str) -> None:
    whole = grown(path)
    middle = len(whole) // 2 // 4096 * 4096
    damaged = {
        "not a database": b"this is a text\n" * 1000,
        "torn page": whole[:middle] + os.urandom(8192) + whole[middle + 8192 :],
        "cut short": whole[:middle],
        "header": b"\xff" * 16 + whole[16:],
    }[kind]
    path.write_bytes(damaged)
    with pytest.raises(StoreDamagedError) as told:
        Database(path)
    (kept,) = path.parent.glob("store.damaged-*.sqlite3")
    assert kept.name in str(told.value)
    assert "\n" not in str(told.value)
    assert kept.read_bytes() == damaged
    assert not path.exists()
    path.write_bytes(damaged)
    with pytest.raises(StoreDamagedError):
        Database(path)
    assert len(list(path.parent.glob("store.damaged-*.sqlite3"))) == 2
    database = Database(path)
    assert names(database) == []
    database.close()


def test_damage_that_nobody_wrote_is_found_once_it_is_met(path: Path) -> None:
    whole, before = grown(path), path.stat()
    middle = len(whole) // 2 // 4096 * 4096
    damaged = whole[:middle] + os.urandom(len(whole) - middle)
    path.write_bytes(damaged)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    database = Database(path)
    with pytest.raises(StoreDamagedError):
        names(database)
    database.close()
    with pytest.raises(StoreDamagedError, match="kept as"):
        Database(path)
    (kept,) = path.parent.glob("store.damaged-*.sqlite3")
    assert kept.stat().st_size == len(damaged)
    database = Database(path)
    assert names(database) == []
    database.close()


def test_damage_after_a_kill_is_found_whatever_the_file_looks_like(path: Path) -> None:
    whole, before = grown(path), path.stat()
    path.with_name(path.name + "-wal").touch()
    path.write_bytes(whole[:8192] + os.urandom(len(whole) - 8192))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(StoreDamagedError):
        Database(path)


def test_the_log_beside_a_damaged_file_is_kept_too(path: Path) -> None:
    grown(path)
    log = path.with_name(path.name + "-wal")
    database = Database(path)
    with database.transaction():
        put(database, "only in the log", 1)
    kept_log = log.read_bytes()
    whole = path.read_bytes()
    database.close()
    damaged = whole[:8192] + os.urandom(len(whole) - 8192)
    path.write_bytes(damaged)
    log.write_bytes(kept_log)
    with pytest.raises(StoreDamagedError):
        Database(path)
    (kept,) = path.parent.glob("store.damaged-*.sqlite3")
    assert kept.read_bytes() == damaged
    assert kept.with_name(kept.name + "-wal").read_bytes() == kept_log


def test_a_lock_is_no_damage(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "BUSY_TIMEOUT_S", 0.01)
    first = Database(path)
    second = Database(path)
    with first.transaction():
        put(first, "a", 1)
        with pytest.raises(StoreError, match="locked") as told, second.transaction():
            pass
        assert not isinstance(told.value, StoreDamagedError)
        Database(path).close()
    assert names(second) == ["a"]
    first.close()
    second.close()


def test_an_exclusively_locked_file_is_no_damage(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "BUSY_TIMEOUT_S", 0.01)
    Database(path).close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA journal_mode=DELETE")
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreError, match="locked") as told:
        Database(path)
    assert not isinstance(told.value, StoreDamagedError)
    other.close()
    assert path.exists()


def test_a_full_database_keeps_what_was_there(path: Path) -> None:
    database = Database(path)
    pages = database.read("PRAGMA page_count")[0][0]
    database.read(f"PRAGMA max_page_count={pages + 2}")
    with pytest.raises(StoreError, match="full"):
        put_many(database, 5000)
    database.read("PRAGMA max_page_count=100000")
    with database.transaction():
        put(database, "a", 1)
    assert names(database) == ["a"]
    database.close()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as told:
        Database(tmp_path / "missing" / "store.sqlite3")
    assert not isinstance(told.value, StoreDamagedError)


def test_a_store_of_other_keys_is_refused(folder: ProfileFolder, keys: Keys) -> None:
    Store.open(folder, keys).close()
    with pytest.raises(StoreError, match="other keys"):
        Store.open(folder, Keys.generate())
    Store.open(folder, keys).close()


def test_where_wal_does_not_work_a_journal_is_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "_in_wal_mode", lambda connection: False)
    database = Database(path)
    assert database.read("PRAGMA journal_mode")[0][0] == "delete"
    assert database.read("PRAGMA synchronous")[0][0] == 2
    with database.transaction():
        put(database, "a", 1)
    assert [file.name for file in path.parent.iterdir()] == ["store.sqlite3"]
    database.close()


def test_many_processes_may_make_a_new_store_at_once(path: Path) -> None:
    def make() -> None:
        database = Database(path)
        with database.transaction():
            put(database, str(os.getpid()), 1)
        database.close()

    children = [multiprocessing.get_context("fork").Process(target=make) for _ in range(8)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0] * 8
    database = Database(path)
    assert len(names(database)) == 8
    database.close()


def test_its_log_grows_at_once_and_holds_nothing_by_that(path: Path, tmp_path: Path) -> None:
    log = path.with_name("store.sqlite3-wal")
    with closing(Database(path)) as database, closing(Database(path)) as another:
        put_many(database, 10)
        before = len(names(database)), path.stat().st_size
        database.grow_log()
        grown = log.stat().st_size
        assert grown > 4_000_000
        assert (len(names(database)), path.stat().st_size) == before
        with another.transaction():
            put(another, "b", 1)
        database.grow_log()
        with database.transaction():
            put(database, "c", 1)
        assert log.stat().st_size == grown
        killed = tmp_path / "killed" / path.name
        killed.parent.mkdir()
        for file in (path, log):
            shutil.copy(file, killed.parent)
    for each in (path, killed):
        with closing(Database(each)) as database:
            assert names(database)[-2:] == ["b", "c"]
            assert database.read("PRAGMA integrity_check")[0][0] == "ok"
            assert not database.read("SELECT 1 FROM sqlite_schema WHERE name = 'grown'")


def test_its_log_takes_no_room_on_a_disk_that_is_nearly_full(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(path.parent)._replace(free=99_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with closing(Database(path)) as database:
        database.grow_log()
        assert path.with_name("store.sqlite3-wal").stat().st_size < 1_000_000


def test_its_log_does_not_grow_while_another_process_writes(
    path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "BUSY_TIMEOUT_S", 0)
    with closing(Database(path)) as database, closing(sqlite3.connect(path)) as another:
        another.execute("BEGIN IMMEDIATE")
        with caplog.at_level("INFO"):
            database.grow_log()
        assert "could not grow: database is locked" in caplog.text
        another.rollback()
        put_many(database, 1)
        assert len(names(database)) == 1
