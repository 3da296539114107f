from __future__ import annotations

import os
import select
import socket
import stat
from pathlib import Path

import pytest

from academics_jupyter.store import doorbell
from academics_jupyter.store.doorbell import TOPICS, Doorbell
from academics_jupyter.store.folder import ProfileFolder
from academics_jupyter.store.keys import Keys
from academics_jupyter.store.store import Store


def readable(bell: Doorbell) -> bool:
    return bool(select.select([bell.fileno()], [], [], 0)[0])


def test_it_rings_at_the_others_only(tmp_path: Path) -> None:
    one, two, stranger = Doorbell(tmp_path / "a"), Doorbell(tmp_path / "a"), Doorbell(tmp_path / "b")
    one.ring({"files", "peers"})
    one.ring({"messages"})
    assert readable(two)
    assert two.receive() == {"files", "peers", "messages"}
    assert two.receive() == frozenset()
    assert not readable(one)
    assert not readable(stranger)
    for bell in (one, two, stranger):
        bell.close()
        bell.close()
        assert bell.fileno() == -1
        assert bell.receive() == frozenset()
        bell.ring({"files"})


def test_who_did_not_look_for_long_is_told_everything(tmp_path: Path) -> None:
    one, two = Doorbell(tmp_path), Doorbell(tmp_path)
    for _ in range(2000):
        one.ring({"files"})
    assert two.receive() == TOPICS
    one.ring({"files"})
    assert two.receive() == {"files"}
    one.close()
    two.close()


def test_one_that_does_not_look_keeps_no_ring_from_the_others(tmp_path: Path) -> None:
    one, computing, looking = Doorbell(tmp_path), Doorbell(tmp_path), Doorbell(tmp_path)
    for _ in range(2000):
        one.ring({"files"})
        assert looking.receive() == {"files"}
    assert computing.receive() == TOPICS
    for bell in (one, computing, looking):
        bell.close()


def test_the_dead_are_forgotten(tmp_path: Path) -> None:
    one, two = Doorbell(tmp_path), Doorbell(tmp_path)
    folder = two._path.parent
    left = folder / "left.sock"
    dead = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    dead.bind(str(left))
    dead.close()
    one.ring({"files"})
    assert not left.exists()
    assert two.receive() == {"files"}
    one.close()
    two.close()
    assert not folder.exists()


def test_kernels_with_other_environments_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = Doorbell(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    two = Doorbell(tmp_path)
    one.ring({"files"})
    assert two.receive() == {"files"}
    assert stat.S_IMODE(two._path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(two._path.parent.parent.stat().st_mode) == 0o700
    one.close()
    two.close()


def test_a_long_profile_path_does_not_matter(tmp_path: Path) -> None:
    bell = Doorbell(tmp_path.joinpath(*["long" * 20] * 3))
    assert bell.fileno() >= 0
    bell.close()


@pytest.mark.parametrize("planted", ["open to all", "a link", "a file"])
def test_a_folder_that_others_could_reach_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, planted: str
) -> None:
    monkeypatch.setattr(doorbell, "Path", lambda *parts: tmp_path if parts == ("/tmp",) else Path(*parts))
    user = tmp_path / f"academics-{os.getuid()}"
    if planted == "open to all":
        user.mkdir()
        user.chmod(0o777)
    elif planted == "a link":
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir(mode=0o700)
        user.symlink_to(elsewhere)
    else:
        user.touch(mode=0o600)
    bell = Doorbell(tmp_path / "profile")
    assert bell.fileno() == -1
    bell.ring({"files"})
    bell.close()


def test_rubbish_is_ignored(tmp_path: Path) -> None:
    one, two = Doorbell(tmp_path), Doorbell(tmp_path)
    for rubbish in (b"", b"\xff\xfe", b"nothing\nfiles", b"x" * 5000):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(rubbish, str(two._path))
    assert two.receive() == {"files"}
    one.close()
    two.close()


def test_without_unix_sockets_there_is_no_bell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "AF_UNIX")
    bell = Doorbell(tmp_path)
    assert bell.fileno() == -1
    bell.ring({"files"})
    assert bell.receive() == frozenset()
    bell.close()


def test_stores_wake_each_other(folder: ProfileFolder, keys: Keys) -> None:
    one, two = Store.open(folder, keys), Store.open(folder, keys)
    two.receive_doorbell()
    told: dict[str, list[frozenset[str]]] = {"one": [], "two": []}
    one.subscribe(told["one"].append)
    two.subscribe(told["two"].append)
    one.peers.seen("ab" * 32, "Ada", 1)
    assert told == {"one": [frozenset({"peers"})], "two": []}
    assert two.receive_doorbell() == {"peers"}
    assert two.receive_doorbell() == frozenset()
    assert told == {"one": [frozenset({"peers"})], "two": [frozenset({"peers"})]}
    assert one.receive_doorbell() == frozenset()
    one.close()
    two.close()
