from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backends import fail

from academics_jupyter.errors import (
    KeysLockedError,
    ProfileDrivenElsewhereError,
    ProfileExistsError,
    StoreError,
    UnreadableFileError,
    UsageError,
)
from academics_jupyter.protocol.identity import fingerprint
from academics_jupyter.store.folder import ProfileFolder
from academics_jupyter.store.key_files import MAX_BYTES, export_key, import_keys, key_file, open_key_file, read_key_file
from academics_jupyter.store.keys import Keys, Protection, create_keys, load_keys
from academics_jupyter.store.store import Store

PASSPHRASE = "a long journey"


@pytest.fixture(autouse=True)
def no_keyring() -> Iterator[None]:
    before = keyring.get_keyring()
    keyring.set_keyring(fail.Keyring())
    yield
    keyring.set_keyring(before)


@pytest.fixture(scope="module")
def exported() -> tuple[Keys, bytes]:
    keys = Keys.generate()
    return keys, key_file(keys, PASSPHRASE)


def contents(folder: ProfileFolder) -> dict[str, bytes]:
    left = {path.name: path.read_bytes() for path in folder.path.rglob("*") if path.is_file()}
    return {name: content for name, content in left.items() if name in ("keys.json", "store.sqlite3")}


def test_an_exported_key_is_private_readable_and_opens(keys: Keys, tmp_path: Path) -> None:
    target = tmp_path / "ada.key"
    export_key(keys, PASSPHRASE, target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    told = json.loads(target.read_text())
    assert (told["format"], told["version"], told["fingerprint"]) == ("academics/key", 1, fingerprint(keys.peer))
    assert "academics key import" in told["about"]
    for secret in (bytes(keys.signing), keys.data):
        assert secret.hex() not in target.read_text()
    assert open_key_file(read_key_file(target), PASSPHRASE, target) == keys
    before = target.read_bytes()
    with pytest.raises(UsageError, match="not overwritten"):
        export_key(keys, PASSPHRASE, target)
    assert target.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["ada.key"]


def test_the_same_word_typed_elsewhere_opens_it(keys: Keys) -> None:
    composed, decomposed = "caf\u00e9 au lait", "cafe\u0301 au lait"
    assert open_key_file(key_file(keys, composed), decomposed, Path("a.key")) == keys


def test_a_wrong_passphrase_is_told_from_damage(exported: tuple[Keys, bytes]) -> None:
    for wrong in ("", "a long Journey"):
        with pytest.raises(KeysLockedError, match=r"The passphrase does not open ada\.key"):
            open_key_file(exported[1], wrong, Path("ada.key"))


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: content.replace(b'"opslimit": 3', b'"opslimit": 2'),
        lambda content: content.replace(b'"secret": "', b'"secret": "00'),
        lambda content: content.replace(b'"peer": "', b'"peer": "' + b"0" * 64 + b'", "was": "'),
        lambda content: content.replace(b"academics/key", b"academics/lock"),
        lambda content: b"\x89PNG" + bytes(5000),
        lambda content: b"[" * MAX_BYTES,
        lambda content: b" " * MAX_BYTES + content,
    ],
)
def test_a_damaged_key_is_refused(exported: tuple[Keys, bytes], damage: Callable[[bytes], bytes]) -> None:
    damaged = damage(exported[1])
    assert damaged != exported[1]
    with pytest.raises(UnreadableFileError, match=r"ada\.key is damaged"):
        open_key_file(damaged, PASSPHRASE, Path("ada.key"))


def test_every_changed_byte_is_noticed(exported: tuple[Keys, bytes]) -> None:
    content = exported[1]
    values_from = content.index(b'"version"')
    for place in range(values_from, len(content)):
        changed = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        if changed.split() == content.split():
            continue
        with pytest.raises(StoreError):
            open_key_file(changed, "wrong, and never tried", Path("ada.key"))


def test_a_newer_version_is_named(exported: tuple[Keys, bytes]) -> None:
    newer = exported[1].replace(b'"version": 1', b'"version": 2')
    with pytest.raises(StoreError, match="newer version"):
        open_key_file(newer, PASSPHRASE, Path("ada.key"))


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no file"):
        read_key_file(tmp_path / "nowhere")


def test_a_new_profile_takes_a_key_in(folder: ProfileFolder, keys: Keys) -> None:
    assert import_keys(folder, keys, "another one") is Protection.PASSPHRASE
    assert stat.S_IMODE(folder.keys.stat().st_mode) == 0o600
    assert load_keys(folder, "another one") == (keys, Protection.PASSPHRASE)
    with pytest.raises(KeysLockedError):
        load_keys(folder, None)


def test_the_same_identity_is_protected_anew(folder: ProfileFolder) -> None:
    keys, _ = create_keys(folder, "forgotten")
    Store.open(folder, keys).close()
    assert import_keys(folder, keys, None) is Protection.FILE
    assert load_keys(folder, None) == (keys, Protection.FILE)


def test_a_store_without_keys_opens_again(folder: ProfileFolder) -> None:
    keys, _ = create_keys(folder, None)
    store = Store.open(folder, keys)
    store.messages.compose(keys.signing, "0b" * 32, "still here", 1)
    store.close()
    folder.keys.unlink()
    with pytest.raises(ProfileExistsError):
        import_keys(folder, Keys.generate(), None)
    assert not folder.exists
    import_keys(folder, keys, None)
    store = Store.open(folder, load_keys(folder, None)[0])
    assert [message.text for message in store.messages.history("0b" * 32)] == ["still here"]
    store.close()


@pytest.mark.parametrize("with_store", [True, False])
def test_another_identity_is_refused(folder: ProfileFolder, with_store: bool) -> None:
    keys, _ = create_keys(folder, None)
    if with_store:
        Store.open(folder, keys).close()
    before = contents(folder)
    with pytest.raises(ProfileExistsError, match="--profile"):
        import_keys(folder, Keys.generate(), None)
    assert contents(folder) == before


def test_damaged_keys_are_kept_and_mended(folder: ProfileFolder) -> None:
    keys, _ = create_keys(folder, None)
    folder.keys.write_bytes(b"half a fi")
    with pytest.raises(ProfileExistsError, match="nothing else says"):
        import_keys(folder, keys, None)
    assert folder.keys.read_bytes() == b"half a fi"
    Store.open(folder, keys).close()
    with pytest.raises(ProfileExistsError, match="--profile"):
        import_keys(folder, Keys.generate(), None)
    import_keys(folder, keys, None)
    assert load_keys(folder, None)[0] == keys
    (kept,) = folder.path.glob("keys.damaged-*.json")
    assert kept.read_bytes() == b"half a fi"


def test_not_while_the_peer_runs(folder: ProfileFolder) -> None:
    keys, _ = create_keys(folder, None)
    before = folder.keys.read_bytes()
    lock = folder.drive("a notebook kernel")
    with pytest.raises(ProfileDrivenElsewhereError, match="runs in a notebook kernel: stop it there"):
        import_keys(folder, keys, None)
    assert folder.keys.read_bytes() == before
    lock.release()
    import_keys(folder, keys, None)
    assert folder.driver() is None
