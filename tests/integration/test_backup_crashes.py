"""A backup, a restored profile and an imported key are there whole or not at all, wherever a kill strikes."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from academics_jupyter.errors import NotRegisteredError
from academics_jupyter.store.backup import write_backup
from academics_jupyter.store.folder import ProfileFolder
from academics_jupyter.store.key_files import import_keys
from academics_jupyter.store.keys import Keys, create_keys, load_keys
from academics_jupyter.store.restoring import STAGED, Backup, read_backup, restore_backup
from academics_jupyter.store.store import Store
from tests.integration.test_store_crashes import FILE_EVENTS, Child, Tell

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL and fork are POSIX's")

BOB = "0b" * 32
EVENTS = FILE_EVENTS | {"os.mkdir", "os.rmdir", "shutil.rmtree", "sqlite3.connect", "os.utime"}
PASSPHRASE = "a long journey"


def killed_at_each(act: Callable[[], object], check: Callable[[bool], None]) -> int:
    """Run `act` in processes of their own, killed at the 1st, the 2nd … file operation, until one survives.

    `check` is told after each whether it did. How many were killed.
    """
    kills, survived = 0, False
    while not survived:
        kills += 1

        def run(tell: Tell, _: int, at: int = kills) -> None:
            events = iter(range(1, 10_000))

            def kill_in_time(event: str, _arguments: tuple[object, ...]) -> None:
                if event in EVENTS and next(events) == at:
                    os.kill(os.getpid(), signal.SIGKILL)

            sys.addaudithook(kill_in_time)
            act()
            tell("done")

        child = Child(run)
        survived = bool(child.rest())
        assert child.process.exitcode == (0 if survived else -signal.SIGKILL)
        check(survived)
    return kills - 1


@pytest.fixture
def folder(tmp_path: Path) -> ProfileFolder:
    return ProfileFolder(tmp_path / "home", "default")


@pytest.fixture
def keys(folder: ProfileFolder) -> Keys:
    keys, _ = create_keys(folder, None)
    store = Store.open(folder, keys)
    for number in range(5):
        store.messages.compose(keys.signing, BOB, f"letter {number}", 1)
    store.close()
    return keys


def history(folder: ProfileFolder) -> list[str]:
    store = Store.open(folder, load_keys(folder, None)[0])
    texts = [message.text for message in store.messages.history(BOB)]
    store.close()
    return texts


def test_a_kill_while_backing_up(folder: ProfileFolder, keys: Keys, tmp_path: Path) -> None:
    target = tmp_path / "ada.backup"

    def check(survived: bool) -> None:
        assert target.exists() or not survived
        if target.exists():
            assert read_backup(target).manifest.peer == keys.peer
            target.unlink()
        assert history(folder) == [f"letter {number}" for number in range(5)]

    assert killed_at_each(lambda: write_backup(folder, target, None, "", with_files=True), check) > 5


def test_a_kill_while_restoring(folder: ProfileFolder, keys: Keys, tmp_path: Path) -> None:
    write_backup(folder, tmp_path / "ada.backup", None, "", with_files=True)
    backup: Backup = read_backup(tmp_path / "ada.backup")
    elsewhere = ProfileFolder(tmp_path / "elsewhere", "default")

    def check(survived: bool) -> None:
        assert elsewhere.exists or not survived
        if elsewhere.exists:
            assert history(elsewhere) == [f"letter {number}" for number in range(5)]
            shutil.rmtree(elsewhere.path)

    assert killed_at_each(lambda: restore_backup(backup, keys, elsewhere, None), check) > 10
    left = list(elsewhere.path.parent.glob(f"{STAGED}*"))
    assert left
    for staged in left:
        os.utime(staged, (0, 0))
    restore_backup(backup, keys, ProfileFolder(elsewhere.home, "second"), None)
    assert sorted(path.name for path in elsewhere.path.parent.iterdir()) == ["second"]


def test_a_kill_while_importing(folder: ProfileFolder, keys: Keys) -> None:
    """Whatever was damaged before, the keys are the old ones or the new ones."""
    original = folder.keys.read_bytes()

    def check(survived: bool) -> None:
        assert load_keys(folder, None)[0] == keys
        assert history(folder) == [f"letter {number}" for number in range(5)]
        assert folder.driver() is None
        folder.keys.write_bytes(original)

    assert killed_at_each(lambda: import_keys(folder, keys, None), check) > 3
    folder.keys.unlink()
    with pytest.raises(NotRegisteredError):
        load_keys(folder, None)
