"""The embedded mongod with real processes: who starts, who kills whom, and what is left."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import pytest
from nacl.signing import SigningKey
from pymongo import MongoClient

from academics_jupyter.errors import MongodMissingError, RegistryError, RegistryUnreachableError
from academics_jupyter.protocol.identity import peer_id
from academics_jupyter.protocol.records import RECORD_LIFETIME_MS, Profile, Signed, sign_record
from academics_jupyter.registry import mongod as finding
from academics_jupyter.registry.embedded import ANOTHER_LIVES, EmbeddedMongod
from academics_jupyter.registry.keeper import ANOTHER_LIVES as KEEPER_SAYS
from academics_jupyter.registry.layout import Layout, answers, uri
from academics_jupyter.registry.mongo import MongoRegistry
from academics_jupyter.registry.mongod import Mongod, bundled_environment, find_mongod, runs
from academics_jupyter.registry.opening import EmbeddedRegistry
from academics_jupyter.registry.port import Page, Query
from tests.waiting import wait_until, wait_until_async

USER = """
import sys
from pathlib import Path
from academics_jupyter.registry.embedded import EmbeddedMongod
print(EmbeddedMongod(Path(sys.argv[1])).acquire(), flush=True)
sys.stdin.read()
"""

T = TypeVar("T")
Start = Callable[..., "User"]


class User:
    """A process that uses the embedded registry until it is told to leave, or killed."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )

    def uri(self) -> str:
        return self.process.stdout.readline().strip()

    def leave(self) -> None:
        self.process.stdin.close()
        self.process.wait(20)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(20)


def processes(folder: Path, what: str) -> list[int]:
    """The numbers of the live processes of a folder: its `keeper`s or its `--dbpath`s."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                words = (entry / "cmdline").read_bytes().decode().split("\0")
            except OSError:
                continue
            mine = str(folder) in words or f"{folder}/db" in words
            if mine and any(what in word for word in words) and "-c" not in words:
                found.append(int(entry.name))
    return found


def mongods(folder: Path) -> list[int]:
    return processes(folder, "--dbpath")


def keepers(folder: Path) -> list[int]:
    return processes(folder, "registry.keeper")


def opened(process: int) -> set[str]:
    """What a process has open; what it closes meanwhile is left out."""
    found = set()
    for each in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.add(str(each.readlink()))
    return found


def record(who: SigningKey, sequence: int = 1) -> Signed[Profile]:
    now = time.time_ns() // 1_000_000
    dated = {"issued_at_ms": now, "expires_at_ms": now + RECORD_LIFETIME_MS}
    return sign_record(who, Profile(peer=peer_id(who), name="Ada", epoch=1, sequence=sequence, **dated))


async def insisted(call: Callable[[], Awaitable[T]], timeout_s: float = 20.0) -> T:
    """What a call answers, made again while the registry does not answer, as a peer's queue does."""
    ends = time.monotonic() + timeout_s
    while True:
        try:
            return await call()
        except RegistryUnreachableError:
            assert time.monotonic() < ends, f"the registry did not answer within {timeout_s} s"


async def asked(uri: str, call: Callable[[MongoRegistry], Awaitable[T]]) -> T:
    registry = MongoRegistry(uri)
    try:
        await insisted(registry.open)
        return await insisted(lambda: call(registry))
    finally:
        await registry.close()


def writes(uri: str) -> bool:
    """Whether a new record is taken, by the registry as peers use it."""
    return asyncio.run(asked(uri, lambda registry: registry.publish(record(SigningKey.generate()))))


def count(uri: str) -> int:
    """How many records were taken."""
    return len(asyncio.run(asked(uri, lambda registry: registry.profiles())))


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="e") as name:
        folder = Path(name) / "registry"
        yield folder
        wait_until(lambda: not keepers(folder), what="the end of the keeper")
        wait_until(lambda: not mongods(folder), what="the end of mongod")


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    users: list[User] = []

    def begin(place: Path = folder, **environment: str) -> User:
        users.append(User(place, **environment))
        return users[-1]

    yield begin
    for user in users:
        user.kill()
        user.process.stdin.close()
        user.process.stdout.close()


def test_many_starting_at_once_meet_at_one_mongod(folder: Path, start: Start) -> None:
    users = [start(XDG_RUNTIME_DIR=f"/nowhere/{number}") for number in range(8)]
    (uri,) = {user.uri() for user in users}
    assert writes(uri)
    # One that has come too late may not have ended yet.
    wait_until(lambda: len(mongods(folder)) == len(keepers(folder)) == 1, what="one of each")


def test_it_outlives_its_starter_and_ends_with_the_last_user(folder: Path, start: Start) -> None:
    first = start()
    uri = first.uri()
    writes(uri)
    (mongod,) = mongods(folder)
    second = start()
    assert second.uri() == uri
    first.leave()
    assert writes(uri)
    assert mongods(folder) == [mongod]
    second.leave()
    wait_until(lambda: not mongods(folder) and not keepers(folder), what="the end after the last user")
    third = start()
    assert count(third.uri()) == 2


def test_a_killed_starter_takes_nothing_with_it(folder: Path, start: Start) -> None:
    first, second = start(), start()
    uri = second.uri()
    first.uri()
    first.kill()
    assert writes(uri)
    second.kill()
    wait_until(lambda: not mongods(folder) and not keepers(folder), what="the end after the last kill")


def test_starters_killed_at_any_moment_leave_a_registry_that_starts(folder: Path, start: Start) -> None:
    layout = Layout(folder)
    moments = [
        layout.users_lock.exists,
        layout.start_lock.exists,
        layout.keeper_lock.exists,
        lambda: bool(keepers(folder)),
        lambda: bool(mongods(folder)),
    ]
    for moment in moments:
        victim = start()
        wait_until(moment)
        victim.kill()
    last = start()
    assert writes(last.uri())
    assert len(mongods(folder)) == 1


@pytest.mark.parametrize("times", [5])
def test_a_killed_mongod_is_brought_back_and_loses_nothing(folder: Path, start: Start, times: int) -> None:
    uri = start().uri()
    for number in range(1, times + 1):
        assert writes(uri)
        (mongod,) = mongods(folder)
        os.kill(mongod, signal.SIGKILL)
        assert count(uri) == number
    assert len(mongods(folder)) == 1


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("times", [5])
async def test_a_call_while_mongod_ends_is_answered_or_unreachable(folder: Path, times: int, how: int) -> None:
    """Another error than RegistryUnreachableError out of a call fails this test."""
    registry = EmbeddedRegistry(folder)
    await registry.open()
    taken: dict[SigningKey, int] = {SigningKey.generate(): 0 for _ in range(3)}
    ended = asyncio.Event()

    async def write(who: SigningKey) -> None:
        while not ended.is_set():
            signed = record(who, taken[who] + 1)
            assert await insisted(lambda signed=signed: registry.publish(signed))
            taken[who] += 1

    async def read(call: Callable[[], Awaitable[object]]) -> None:
        while not ended.is_set():
            await insisted(call)

    reads = (registry.profiles, registry.members, registry.now_ms, lambda: registry.search(Query(words=("ada",))))
    calls = asyncio.gather(*map(write, taken), *map(read, reads))
    for _ in range(times):
        await wait_until_async(lambda: len(mongods(folder)) == 1 or calls.done())
        goals = {who: number + 2 for who, number in taken.items()}
        if not calls.done():
            os.kill(mongods(folder)[0], how)
        await wait_until_async(
            lambda goals=goals: calls.done() or all(taken[who] >= goal for who, goal in goals.items())
        )
    ended.set()
    await calls
    for who, number in taken.items():
        known = await registry.profile(peer_id(who))
        assert known is not None
        assert known.record.sequence == number
    await registry.close()


async def test_a_call_while_there_is_no_primary_waits_for_it(folder: Path) -> None:
    """As for a moment after mongod has started; here for as long as it takes to see it."""
    registry = EmbeddedRegistry(folder)
    await registry.open()
    with MongoClient(uri(Layout(folder).socket())) as client:
        client.admin.command("replSetStepDown", 1, force=True)
        assert not client.admin.command("hello")["isWritablePrimary"]
        assert await registry.publish(record(SigningKey.generate()))
    await registry.close()


async def test_closing_under_calls_ends_them_as_unreachable(folder: Path) -> None:
    registry = EmbeddedRegistry(folder)
    await registry.open()
    calls = [asyncio.create_task(registry.publish(record(SigningKey.generate()))) for _ in range(10)]
    calls += [asyncio.create_task(registry.search(Query())) for _ in range(10)]
    await asyncio.sleep(0)
    await registry.close()
    ended = await asyncio.gather(*calls, return_exceptions=True)
    failed = [each for each in ended if isinstance(each, BaseException)]
    assert all(isinstance(each, RegistryUnreachableError) for each in failed)


async def test_a_killed_keeper_is_replaced_on_the_next_call(folder: Path) -> None:
    registry = EmbeddedRegistry(folder)
    await registry.open()
    for _ in range(3):
        (keeper,), (mongod,) = keepers(folder), mongods(folder)
        os.kill(keeper, signal.SIGKILL)
        await asyncio.to_thread(wait_until, lambda gone=mongod: gone not in mongods(folder))
        assert await registry.search(Query()) == Page()
        await wait_until_async(lambda: len(mongods(folder)) == len(keepers(folder)) == 1, what="one of each")
    await registry.close()


async def test_calls_at_once_after_a_kill_of_the_keeper_all_hold(folder: Path) -> None:
    registry = EmbeddedRegistry(folder)
    await registry.open()
    os.kill(keepers(folder)[0], signal.SIGKILL)
    await asyncio.to_thread(wait_until, lambda: not mongods(folder))
    assert await asyncio.gather(*(registry.search(Query()) for _ in range(10))) == [Page()] * 10
    await wait_until_async(lambda: len(mongods(folder)) == len(keepers(folder)) == 1, what="one of each")
    await registry.close()


def test_a_stray_mongod_is_ended_by_the_next_keeper(folder: Path, start: Start) -> None:
    """As where the system does not end mongod with its keeper."""
    first = start()
    first.uri()
    layout = Layout(folder)
    (keeper,), (stray,) = keepers(folder), mongods(folder)
    assert layout.stray() == stray
    os.kill(keeper, signal.SIGSTOP)
    first.kill()
    os.kill(keeper, signal.SIGKILL)
    second = start()
    assert writes(second.uri())
    assert stray not in mongods(folder)


def test_a_vanished_socket_is_made_anew(folder: Path, start: Start) -> None:
    uri = start().uri()
    assert writes(uri)
    socket = Layout(folder).socket()
    socket.unlink()
    wait_until(socket.exists)
    assert writes(uri)


def test_a_socket_that_vanished_before_the_keeper_saw_it_is_made_anew(folder: Path, start: Start) -> None:
    uri = start().uri()
    socket = Layout(folder).socket()
    (keeper,), (former,) = keepers(folder), mongods(folder)
    os.kill(former, signal.SIGKILL)
    wait_until(lambda: mongods(folder) not in ([], [former]))
    os.kill(keeper, signal.SIGSTOP)
    try:
        wait_until(lambda: answers(socket))
        socket.unlink()
    finally:
        os.kill(keeper, signal.SIGCONT)
    wait_until(socket.exists)
    assert writes(uri)


def test_a_keeper_that_is_ended_stops_mongod_in_order(folder: Path, start: Start) -> None:
    start().uri()
    os.kill(keepers(folder)[0], signal.SIGTERM)
    wait_until(lambda: not mongods(folder) and not keepers(folder))
    assert "Now exiting" in Layout(folder).log.read_text()


def test_two_folders_have_two_mongods(folder: Path, start: Start) -> None:
    other = folder.with_name("other")
    first, second = start(), start(other)
    assert first.uri() != second.uri()
    assert len(mongods(folder)) == len(mongods(other)) == 1
    second.leave()
    wait_until(lambda: not mongods(other) and not keepers(other))
    assert len(mongods(folder)) == 1


def test_a_run_folder_that_moved_keeps_the_data(folder: Path) -> None:
    for run in ("run1", "run2"):
        embedded = EmbeddedMongod(folder, folder.with_name(run))
        uri = embedded.acquire()
        assert run in uri
        assert writes(uri)
        found = count(uri)
        embedded.release()
        wait_until(lambda: not keepers(folder))
    assert found == 2


def test_a_deep_folder_has_its_socket_on_a_short_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = folder.with_name("xdg")
    runtime.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    deep = folder / ("d" * 120)
    layout = Layout(deep)
    run = layout.run_folder(None)
    assert run.is_relative_to(runtime)
    assert [each.stat().st_mode & 0o777 for each in (run, run.parent)] == [0o700, 0o700]
    assert run != Layout(folder / ("e" * 120)).run_folder(None)


def test_a_run_folder_that_is_a_link_or_open_to_others_is_not_trusted(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = folder.with_name("xdg")
    runtime.mkdir()
    elsewhere = folder.with_name("elsewhere")
    elsewhere.mkdir()
    (runtime / f"academics-{os.getuid()}").symlink_to(elsewhere)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    run = Layout(folder / ("d" * 120)).run_folder(None)
    assert not run.is_relative_to(runtime)
    assert not any(elsewhere.iterdir())
    run.rmdir()


def test_nobody_else_can_enter_and_nothing_listens_on_tcp(folder: Path, start: Start) -> None:
    start().uri()
    socket = Layout(folder).socket()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert socket.stat().st_mode & 0o777 == 0o600
    (mongod,) = mongods(folder)
    inodes = opened(mongod)
    listening = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
    tcp = {f"socket:[{line.split()[9]}]" for line in listening.splitlines() if line.split()[3] == "0A"}
    assert not inodes & tcp


def test_the_keeper_shares_no_open_file_and_no_session_with_its_starter(folder: Path, start: Start) -> None:
    user = start()
    user.uri()
    (keeper,) = keepers(folder)
    assert os.getsid(keeper) != os.getsid(user.process.pid)
    assert not [each for each in opened(keeper) if each.startswith(("pipe:", "socket:"))]
    assert not [each for each in opened(keeper) if each.endswith("start.lock")]


def test_with_no_mongod_the_line_says_what_to_do(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(finding, "_fiftyone_folder", lambda: None)
    with pytest.raises(MongodMissingError, match="ACADEMICS_REGISTRY") as caught:
        EmbeddedMongod(folder).acquire()
    assert "\n" not in str(caught.value)


def test_the_reason_is_told_when_mongod_does_not_start(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    database = folder / "db"
    database.mkdir()
    (database / "WiredTiger").write_text("spoilt")
    (database / "WiredTiger.wt").write_text("spoilt")
    (database / "storage.bson").write_text("spoilt")
    with pytest.raises(RegistryError, match="mongod does not start") as caught:
        EmbeddedMongod(folder).acquire()
    assert "\n" not in str(caught.value)


def test_a_mongod_on_the_path_that_does_not_run_is_passed_over(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir()
    for script in ("#!/bin/sh\nexit 1\n", "#!/bin/sh\necho db version v4.4.0\n", "not a program"):
        impostor = folder / "mongod"
        impostor.write_text(script)
        impostor.chmod(0o755)
        monkeypatch.setenv("PATH", str(folder))
        assert find_mongod(folder / "lib").path != impostor


def test_the_wheel_s_libraries_are_enough_for_mongod(folder: Path) -> None:
    folder.mkdir()
    environment = bundled_environment(folder / "lib")
    mongod = find_mongod(folder / "lib")
    assert runs(Mongod(mongod.path, environment))
    used = subprocess.run(
        ["ldd", mongod.path], env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    assert used.stdout.count(f"=> {folder}/lib/") == 3


def test_the_keeper_and_its_starter_agree() -> None:
    assert ANOTHER_LIVES == KEEPER_SAYS
