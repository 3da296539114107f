from __future__ import annotations

import random
import shutil
import sqlite3
import stat
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backends import fail

from academics_jupyter.errors import (
    AcademicsError,
    KeysLockedError,
    NotRegisteredError,
    ProfileExistsError,
    StoreError,
    UnreadableFileError,
    UsageError,
)
from academics_jupyter.store.backup import FILES, MANIFEST, STORE, write_backup
from academics_jupyter.store.folder import ProfileFolder
from academics_jupyter.store.folders import take_in_folder
from academics_jupyter.store.key_files import export_key
from academics_jupyter.store.keys import Keys, Protection, create_keys, load_keys
from academics_jupyter.store.repository import Repository
from academics_jupyter.store.restoring import read_backup, restore_backup
from academics_jupyter.store.store import Store
from academics_jupyter.store.surveying import survey

BOB = "0b" * 32
PASSPHRASE = "a long journey"
SEED = 20261123


@pytest.fixture(autouse=True)
def no_keyring() -> Iterator[None]:
    before = keyring.get_keyring()
    keyring.set_keyring(fail.Keyring())
    yield
    keyring.set_keyring(before)


@pytest.fixture
def keys(folder: ProfileFolder) -> Keys:
    return create_keys(folder, None)[0]


@pytest.fixture
def elsewhere(tmp_path: Path) -> ProfileFolder:
    return ProfileFolder(tmp_path / "elsewhere", "default")


@pytest.fixture
def backup(store: Store, folder: ProfileFolder, keys: Keys, tmp_path: Path) -> Path:
    for number in range(20):
        store.messages.compose(keys.signing, BOB, f"letter {number}", 1)
    write_backup(folder, tmp_path / "ada.backup", keys, PASSPHRASE, with_files=False)
    return tmp_path / "ada.backup"


def restored(path: Path, folder: ProfileFolder, key: Path | None = None) -> Store:
    backup = read_backup(path)
    keys = backup.open_key(PASSPHRASE, key)
    assert restore_backup(backup, keys, folder, None) is Protection.FILE
    return Store.open(folder, load_keys(folder, None)[0])


def nothing_left(folder: ProfileFolder) -> bool:
    return not folder.path.exists() and not list(folder.home.rglob("*.*"))


def test_a_backup_of_a_store_in_use_brings_everything_back(
    store: Store, folder: ProfileFolder, keys: Keys, elsewhere: ProfileFolder, tmp_path: Path
) -> None:
    """Messages go on being written meanwhile: the copy is that of one moment, with no gap before it."""
    stop = threading.Event()

    def write_on() -> None:
        while not stop.is_set():
            store.messages.compose(keys.signing, BOB, "and on", 1)

    writer = threading.Thread(target=write_on)
    writer.start()
    try:
        for number in range(3):
            write_backup(folder, tmp_path / f"{number}.backup", keys, PASSPHRASE, with_files=False)
    finally:
        stop.set()
        writer.join()
    written = [message.id for message in store.messages.history(BOB)]
    copy = restored(tmp_path / "2.backup", elsewhere)
    kept = [message.id for message in copy.messages.history(BOB)]
    assert 0 < len(kept) <= len(written)
    assert kept == written[: len(kept)]
    assert [entry.reference for entry in copy.outbox.waiting(BOB)] == kept
    assert copy.counters.series() > store.counters.series()
    copy.close()
    assert {path.name for path in tmp_path.iterdir()} == {"home", "elsewhere", "0.backup", "1.backup", "2.backup"}


def test_it_is_private_replaces_nothing_and_is_a_zip(backup: Path, folder: ProfileFolder, keys: Keys) -> None:
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    before = backup.read_bytes()
    with pytest.raises(UsageError, match="not overwritten"):
        write_backup(folder, backup, keys, PASSPHRASE, with_files=False)
    assert backup.read_bytes() == before
    with zipfile.ZipFile(backup) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["README.txt", "key.json", "store.sqlite3", "manifest.json"]
        assert "academics restore ada.backup" in archive.read("README.txt").decode()


def test_nothing_to_back_up(folder: ProfileFolder, keys: Keys, tmp_path: Path) -> None:
    with pytest.raises(NotRegisteredError):
        write_backup(folder, tmp_path / "ada.backup", keys, PASSPHRASE, with_files=False)
    assert not folder.database.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_a_backup_without_its_key_wants_the_right_one(
    store: Store, folder: ProfileFolder, keys: Keys, elsewhere: ProfileFolder, tmp_path: Path
) -> None:
    store.messages.compose(keys.signing, BOB, "hello", 1)
    write_backup(folder, tmp_path / "ada.backup", None, "", with_files=False)
    export_key(keys, PASSPHRASE, tmp_path / "ada.key")
    export_key(Keys.generate(), PASSPHRASE, tmp_path / "other.key")
    backup = read_backup(tmp_path / "ada.backup")
    assert backup.key == b""
    with pytest.raises(ProfileExistsError, match="same identity"):
        backup.open_key(PASSPHRASE, tmp_path / "other.key")
    copy = restored(tmp_path / "ada.backup", elsewhere, tmp_path / "ada.key")
    assert [message.text for message in copy.messages.history(BOB)] == ["hello"]
    copy.close()


def test_a_wrong_passphrase(backup: Path) -> None:
    with pytest.raises(KeysLockedError, match=r"does not open ada\.backup"):
        read_backup(backup).open_key("another one")


def test_no_profile_is_restored_over(backup: Path, folder: ProfileFolder, elsewhere: ProfileFolder) -> None:
    read = read_backup(backup)
    keys = read.open_key(PASSPHRASE)
    for there in (folder, elsewhere):
        there.create()
        before = sorted(path.name for path in there.path.iterdir())
        with pytest.raises(ProfileExistsError, match=r"--profile NAME, or move that folder away"):
            restore_backup(read, keys, there, None)
        assert sorted(path.name for path in there.path.iterdir()) == before
        assert [path.name for path in there.path.parent.iterdir()] == ["default"]


@pytest.mark.parametrize("with_files", [True, False])
def test_files_come_along_by_choice(
    store: Store,
    folder: ProfileFolder,
    repository: Repository,
    keys: Keys,
    elsewhere: ProfileFolder,
    tmp_path: Path,
    with_files: bool,
) -> None:
    (tmp_path / "paper.txt").write_bytes(b"a paper" * 1000)
    (tmp_path / "data" / "raw").mkdir(parents=True)
    (tmp_path / "data" / "raw" / "one.csv").write_text("a,b\n1,2\n")
    (tmp_path / "edited.txt").write_text("as it was hashed")
    paper = repository.take_in(tmp_path / "paper.txt", "päper.txt").held(1)
    edited = repository.take_in(tmp_path / "edited.txt", "edited.txt").held(1)
    data = take_in_folder(repository, survey(tmp_path / "data"), "data").held(1)
    for held in (paper, edited, data):
        store.files.put(held)
    repository.path_of(edited).write_text("something else!!")
    (folder.repository / "strange.txt").symlink_to("/etc/hostname")
    write_backup(folder, tmp_path / "ada.backup", keys, PASSPHRASE, with_files=with_files)
    copy = restored(tmp_path / "ada.backup", elsewhere)
    there = Repository(elsewhere.repository, elsewhere.parts)
    assert there.still_held(paper) is with_files
    assert (there.path_of(data) / "raw" / "one.csv").exists() is with_files
    if with_files:
        assert there.path_of(paper).read_bytes() == b"a paper" * 1000
        assert stat.S_IMODE(there.path_of(paper).stat().st_mode) == 0o600
    assert not there.still_held(edited)
    assert not (elsewhere.repository / "strange.txt").exists()
    copy.close()


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: b"PK\x05\x06" + bytes(18),
        lambda content: content[: len(content) // 2],
        lambda content: content[:-30],
        lambda content: b"\x89PNG" + bytes(5000),
        lambda content: content[:1500] + bytes(200) + content[1700:],
    ],
)
def test_a_damaged_backup_leaves_nothing(
    backup: Path, elsewhere: ProfileFolder, damage: Callable[[bytes], bytes]
) -> None:
    backup.write_bytes(damage(backup.read_bytes()))
    with pytest.raises(UnreadableFileError, match=r"^ada\.backup is damaged"):
        restored(backup, elsewhere)
    assert nothing_left(elsewhere)


def test_random_damage_gives_one_line_and_nothing_else(
    backup: Path, folder: ProfileFolder, elsewhere: ProfileFolder, keys: Keys
) -> None:
    chance, whole = random.Random(SEED), backup.read_bytes()
    refused = 0
    for _ in range(150):
        content = bytearray(whole)
        for _ in range(chance.randrange(1, 4)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        backup.write_bytes(content)
        line = ""
        try:
            restore_backup(read_backup(backup), keys, elsewhere, None)
        except AcademicsError as error:
            line = str(error)
        assert "\n" not in line
        if line:
            assert nothing_left(elsewhere)
            refused += 1
        else:
            store = Store.open(elsewhere, keys)
            assert len(store.messages.history(BOB)) == 20
            store.close()
            shutil.rmtree(elsewhere.path)
    assert refused > 50


def rewritten(backup: Path, change: Callable[[str, bytes], tuple[str, bytes]]) -> None:
    with zipfile.ZipFile(backup) as archive:
        members = [change(name, archive.read(name)) for name in archive.namelist()]
    with zipfile.ZipFile(backup, "w") as archive:
        for name, content in members:
            archive.writestr(name, content)


@pytest.mark.parametrize("path", ["../../escaped", "/tmp/escaped", "a/../../escaped", "", "a//b", "nul\\u0000"])
def test_no_file_leaves_the_repository(backup: Path, elsewhere: ProfileFolder, path: str) -> None:
    def change(name: str, content: bytes) -> tuple[str, bytes]:
        if name == MANIFEST:
            content = content.replace(b'"files": []', b'"files": ["%s"]' % path.encode())
        return (f"{FILES}/{path}", content) if name == "README.txt" else (name, content)

    rewritten(backup, change)
    with pytest.raises(UnreadableFileError):
        restored(backup, elsewhere)
    assert nothing_left(elsewhere)
    assert not list(elsewhere.home.parent.rglob("escaped"))


def test_a_store_that_is_not_the_keys_own_is_refused(backup: Path, elsewhere: ProfileFolder, tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite3"

    def change(name: str, content: bytes) -> tuple[str, bytes]:
        if name == STORE:
            other.write_bytes(content)
            with sqlite3.connect(other) as connection:
                connection.execute("UPDATE identity SET peer = ?", (BOB,))
            connection.close()
            content = other.read_bytes()
        return name, content

    rewritten(backup, change)
    with pytest.raises(UnreadableFileError, match="somebody else's"):
        restored(backup, elsewhere)
    assert nothing_left(elsewhere)


def test_a_newer_version_is_named(backup: Path) -> None:
    rewritten(backup, lambda name, content: (name, content.replace(b'"version": 1', b'"version": 9, "more": [1]')))
    with pytest.raises(StoreError, match="newer version"):
        read_backup(backup)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no file"):
        read_backup(tmp_path / "nowhere")


def test_a_folder_that_is_not_there(store: Store, folder: ProfileFolder, keys: Keys, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        write_backup(folder, tmp_path / "nowhere" / "ada.backup", keys, PASSPHRASE, with_files=False)
