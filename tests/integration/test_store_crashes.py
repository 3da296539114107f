"""What the store promises when processes end at the worst moment. Each test kills real processes with SIGKILL."""

from __future__ import annotations

import multiprocessing
import os
import random
import select
import signal
import sys
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from academics_jupyter.errors import ProfileDrivenElsewhereError, StoreDamagedError
from academics_jupyter.protocol.identity import peer_id
from academics_jupyter.protocol.merkle import FileHasher
from academics_jupyter.store import opening
from academics_jupyter.store.folder import ProfileFolder
from academics_jupyter.store.keys import Keys, create_keys, load_keys
from academics_jupyter.store.repository import Repository
from academics_jupyter.store.store import Store

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL and fork are POSIX's")

BOB = "0b" * 32
SECRET_TEXT = "the eagle lands at noon"
RANDOM_KILLS = int(os.environ.get("ACADEMICS_TEST_KILLS", "100"))
Tell = Callable[[str], None]


@pytest.fixture
def folder(tmp_path: Path) -> ProfileFolder:
    return ProfileFolder(tmp_path / "home", "default")


@pytest.fixture
def keys(folder: ProfileFolder) -> Keys:
    return create_keys(folder, None)[0]


class Child:
    """A forked process that tells lines through a pipe, and listens to one."""

    def __init__(self, run: Callable[[Tell, int], None]) -> None:
        self._told, tell = os.pipe()
        listen, self._say = os.pipe()

        def body() -> None:
            run(lambda line: os.write(tell, f"{line}\n".encode()) and None, listen)  # type: ignore[func-returns-value]

        self.process: BaseProcess = multiprocessing.get_context("fork").Process(target=body)
        self.process.start()
        os.close(tell)
        os.close(listen)
        self._lines = os.fdopen(self._told, "r")

    @property
    def pid(self) -> int:
        return self.process.pid or 0

    def line(self) -> str:
        return self._lines.readline().rstrip("\n")

    def go(self) -> None:
        os.write(self._say, b"\n")

    def kill(self) -> list[str]:
        """End it at once; what it had told before."""
        self.process.kill()
        return self.rest()

    def rest(self) -> list[str]:
        """Wait for its end; what it told."""
        lines = self._lines.read().split()
        self.process.join()
        self._lines.close()
        os.close(self._say)
        return lines


def compose_for_ever(folder: ProfileFolder, keys: Keys, tell: Tell) -> None:
    store = Store.open(folder, keys)
    while True:
        tell(store.messages.compose(keys.signing, BOB, SECRET_TEXT, 1).id)


def check_conversation(folder: ProfileFolder, keys: Keys, promised: list[str]) -> list[str]:
    """Nothing promised is lost, nothing is doubled, and what is kept is queued; the ids that are kept."""
    store = Store.open(folder, keys)
    history = store.messages.history(BOB)
    kept = [message.id for message in history]
    assert [message.sequence for message in history] == list(range(1, len(history) + 1))
    assert kept[: len(promised)] == promised
    assert [entry.reference for entry in store.outbox.waiting(BOB)] == kept
    assert {message.text for message in history} <= {SECRET_TEXT}
    store.close()
    return kept


def test_random_kills_lose_and_double_nothing(folder: ProfileFolder, keys: Keys) -> None:
    chance = random.Random(7)
    promised: list[str] = []
    for _ in range(RANDOM_KILLS):
        child = Child(lambda tell, _: compose_for_ever(folder, keys, tell))
        told = [child.line() for _ in range(chance.randrange(4))]
        told += [line for line in child.kill() if len(line) == 32]
        kept = check_conversation(folder, keys, promised + told)
        assert len(kept) - len(promised) - len(told) <= 1, "more than the one in flight was kept untold"
        promised = kept
    assert len(promised) >= RANDOM_KILLS // 2


def test_a_kill_at_each_statement_of_a_compose(folder: ProfileFolder, keys: Keys) -> None:
    promised: list[str] = []
    kills, survived = 0, False
    while not survived:
        kills += 1

        def compose(tell: Tell, _: int, at: int = kills) -> None:
            store = Store.open(folder, keys)
            statements = iter(range(1, 1000))
            store.database._connection.set_trace_callback(
                lambda statement: os.kill(os.getpid(), signal.SIGKILL) if next(statements) == at else None
            )
            tell(store.messages.compose(keys.signing, BOB, SECRET_TEXT, 1).id)

        child = Child(compose)
        told = child.rest()
        survived = bool(told)
        promised = check_conversation(folder, keys, promised + told)
    assert kills > 8


FILE_EVENTS = {"open", "os.link", "os.rename", "os.remove", "os.truncate", "os.chmod", "shutil.move"}


@pytest.mark.parametrize("way", ["take in", "finish part"])
def test_a_kill_at_each_file_operation(folder: ProfileFolder, tmp_path: Path, way: str) -> None:
    folder.create()
    content = os.urandom(100_000)
    hasher = FileHasher(len(content))
    hasher.update(content)
    root = hasher.finish().root
    (tmp_path / "source").write_bytes(content)
    repository = Repository(folder.repository, folder.parts)
    kills, survived = 0, False
    while not survived:
        kills += 1

        def put(tell: Tell, _: int, at: int = kills) -> None:
            events = iter(range(1, 1000))

            def kill_in_time(event: str, args: tuple[object, ...]) -> None:
                if event in FILE_EVENTS and next(events) == at:
                    os.kill(os.getpid(), signal.SIGKILL)

            sys.addaudithook(kill_in_time)
            if way == "take in":
                repository.take_in(tmp_path / "source", "name.bin")
            else:
                with repository.open_part(root, len(content)) as part:
                    part.write(content)
                repository.finish_part(root, "name.bin")
            tell("done")

        survived = bool(Child(put).rest())
        for path in folder.repository.iterdir():
            assert path.read_bytes() == content
    assert kills > 5
    assert not repository.part_path(root).exists()


def test_a_lock_ends_with_its_holder(folder: ProfileFolder) -> None:
    def drive(tell: Tell, listen: int) -> None:
        lock = folder.drive("the driver")
        # A child that the driver forked outlives it, and must not keep the lock.
        orphan = os.fork()
        if not orphan:
            os.read(listen, 1)
            os._exit(0)
        tell(str(orphan))
        os.read(listen, 1)
        lock.release()

    child = Child(drive)
    orphan = int(child.line())
    driver = folder.driver()
    assert driver is not None
    assert (driver.pid, driver.label) == (child.pid, "the driver")
    with pytest.raises(ProfileDrivenElsewhereError, match=f"process {child.pid}"):
        folder.drive()
    os.kill(child.pid, signal.SIGKILL)
    child.process.join()
    os.kill(orphan, 0)
    assert folder.driver() is None
    folder.drive().release()
    child.go()
    child.rest()


def test_processes_of_a_profile_wake_each_other(folder: ProfileFolder, keys: Keys) -> None:
    def listen_and_answer(tell: Tell, _: int) -> None:
        store = Store.open(folder, keys)
        store.subscribe(lambda topics: tell(" ".join(sorted(topics))))
        tell("ready")
        select.select([store.doorbell.fileno()], [], [], 10)
        store.receive_doorbell()
        store.peers.seen(BOB, "Bob", 1)

    child = Child(listen_and_answer)
    assert child.line() == "ready"
    store = Store.open(folder, keys)
    message = store.messages.compose(keys.signing, BOB, "hello", 1)
    assert child.line() == "messages outbox queued"
    assert select.select([store.doorbell.fileno()], [], [], 10)[0]
    assert store.receive_doorbell() == {"peers"}
    assert child.line() == "peers"
    child.rest()
    store.messages.set_state(message.id, "delivered")
    bells = list(store.doorbell._path.parent.glob("*.sock"))
    assert bells == [store.doorbell._path], "the bell of a process that ended is still there"
    store.close()


def test_two_processes_compose_at_once(folder: ProfileFolder, keys: Keys) -> None:
    def compose(tell: Tell, listen: int) -> None:
        store = Store.open(folder, keys)
        tell("ready")
        os.read(listen, 1)
        for _ in range(40):
            store.messages.compose(keys.signing, BOB, SECRET_TEXT, 1)

    children = [Child(compose) for _ in range(3)]
    assert [child.line() for child in children] == ["ready"] * 3
    for child in children:
        child.go()
    for child in children:
        child.rest()
        assert child.process.exitcode == 0
    assert len(check_conversation(folder, keys, [])) == 120


def test_only_one_of_two_registrations_counts(folder: ProfileFolder) -> None:
    def register(tell: Tell, listen: int) -> None:
        os.read(listen, 1)
        tell(create_keys(folder, None)[0].peer)

    children = [Child(register) for _ in range(4)]
    for child in children:
        child.go()
    told = [line for child in children for line in child.rest()]
    assert told == [load_keys(folder, None)[0].peer]


def test_a_store_damaged_after_a_kill_is_kept(folder: ProfileFolder, keys: Keys) -> None:
    child = Child(lambda tell, _: compose_for_ever(folder, keys, tell))
    for _ in range(50):
        child.line()
    child.kill()
    log = folder.database.with_name("store.sqlite3-wal")
    assert log.stat().st_size > 0
    # The log must be wrong too: from a whole one SQLite rightly restores every page.
    log.write_bytes(os.urandom(log.stat().st_size))
    folder.database.write_bytes(os.urandom(20_000))
    before = (folder.database.read_bytes(), log.read_bytes())
    with pytest.raises(StoreDamagedError):
        Store.open(folder, keys)
    (kept,) = folder.path.glob("store.damaged-*.sqlite3")
    assert (kept.read_bytes(), kept.with_name(kept.name + "-wal").read_bytes()) == before
    assert check_conversation(folder, keys, []) == []


def test_no_file_holds_the_text_of_a_message(folder: ProfileFolder, keys: Keys) -> None:
    child = Child(lambda tell, _: compose_for_ever(folder, keys, tell))
    for _ in range(30):
        child.line()
    files = [path for path in folder.path.rglob("*") if path.is_file()]
    while_open = {path.name: path.read_bytes() for path in files}
    child.kill()
    Store.open(folder, keys).close()
    after = {path.name: path.read_bytes() for path in folder.path.rglob("*") if path.is_file()}
    assert "store.sqlite3-wal" in while_open
    for content in [*while_open.values(), *after.values()]:
        for word in SECRET_TEXT.split():
            if len(word) > 3:
                assert word.encode() not in content
    assert peer_id(keys.signing).encode() in after["store.sqlite3"]


def test_a_kill_where_the_file_system_cannot_carry_wal(
    folder: ProfileFolder, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "_in_wal_mode", lambda connection: False)
    with_journal = folder.database.with_name("store.sqlite3-journal")

    def die_half_written(tell: Tell, listen: int) -> None:
        store = Store.open(folder, keys)
        store.messages.compose(keys.signing, BOB, SECRET_TEXT, 1)
        store.database.read("PRAGMA cache_size=1")
        with store.transaction():
            for _ in range(200):
                store.messages.compose(keys.signing, BOB, SECRET_TEXT, 1)
            tell("written")
            os.read(listen, 1)

    child = Child(die_half_written)
    assert child.line() == "written"
    child.kill()
    assert with_journal.stat().st_size > 0
    assert len(check_conversation(folder, keys, [])) == 1
    assert not with_journal.exists()
