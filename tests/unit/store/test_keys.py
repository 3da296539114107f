from __future__ import annotations

import json
import stat
import threading
from collections.abc import Iterator

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import chainer, fail, null

from academics_jupyter.errors import KeysLockedError, NotRegisteredError, StoreDamagedError, StoreError
from academics_jupyter.store import system_keyring
from academics_jupyter.store.folder import ProfileFolder
from academics_jupyter.store.keys import Keys, Protection, create_keys, load_keys


class MemoryKeyring(KeyringBackend):
    priority = 5  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password


class LockedKeyring(MemoryKeyring):
    def __init__(self, unlock: threading.Event) -> None:
        super().__init__()
        self._unlock = unlock

    def set_password(self, service: str, username: str, password: str) -> None:
        self._unlock.wait()

    def get_password(self, service: str, username: str) -> str | None:
        self._unlock.wait()
        return None


class ForgetfulKeyring(MemoryKeyring):
    def set_password(self, service: str, username: str, password: str) -> None:
        return


class FailingKeyring(MemoryKeyring):
    def set_password(self, service: str, username: str, password: str) -> None:
        raise RuntimeError("no bus")


@pytest.fixture(autouse=True)
def no_keyring() -> Iterator[None]:
    before = keyring.get_keyring()
    keyring.set_keyring(fail.Keyring())
    yield
    keyring.set_keyring(before)


def test_with_nothing_at_hand_the_keys_lie_in_a_file_of_our_own(folder: ProfileFolder) -> None:
    keys, protection = create_keys(folder, None)
    assert protection is Protection.FILE
    assert folder.exists
    assert stat.S_IMODE(folder.keys.stat().st_mode) == 0o600
    assert load_keys(folder, None) == (keys, Protection.FILE)
    assert [path.name for path in folder.path.iterdir() if path.is_file()] == ["keys.json"]


def test_a_passphrase_opens_what_it_closed(folder: ProfileFolder) -> None:
    keys, protection = create_keys(folder, "correct horse")
    assert protection is Protection.PASSPHRASE
    assert bytes(keys.signing).hex() not in folder.keys.read_text()
    assert load_keys(folder, "correct horse") == (keys, Protection.PASSPHRASE)
    for wrong in (None, "", "battery staple"):
        with pytest.raises(KeysLockedError):
            load_keys(folder, wrong)


def test_a_real_keyring_is_used(folder: ProfileFolder) -> None:
    memory = MemoryKeyring()
    keyring.set_keyring(memory)
    keys, protection = create_keys(folder, None)
    assert protection is Protection.KEYRING
    assert load_keys(folder, None) == (keys, Protection.KEYRING)
    assert list(memory.kept) == [("academics", f"{folder.path}/{keys.peer}")]
    keyring.set_keyring(MemoryKeyring())
    with pytest.raises(KeysLockedError, match="no longer"):
        load_keys(folder, None)
    keyring.set_keyring(fail.Keyring())
    with pytest.raises(KeysLockedError, match="there is no keyring"):
        load_keys(folder, None)


@pytest.mark.parametrize("backend", [null.Keyring, fail.Keyring, ForgetfulKeyring, FailingKeyring])
def test_a_keyring_that_keeps_nothing_does_not_count(folder: ProfileFolder, backend: type[KeyringBackend]) -> None:
    keyring.set_keyring(backend())
    assert create_keys(folder, None)[1] is Protection.FILE


def test_a_chain_counts_by_its_links(folder: ProfileFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    chain = chainer.ChainerBackend()
    keyring.set_keyring(chain)
    monkeypatch.setattr(chainer.ChainerBackend, "backends", [])
    assert create_keys(folder, None)[1] is Protection.FILE
    other = ProfileFolder(folder.home, "other")
    monkeypatch.setattr(chainer.ChainerBackend, "backends", [null.Keyring(), MemoryKeyring()])
    assert create_keys(other, None)[1] is Protection.KEYRING


def test_a_locked_keyring_cannot_hang_the_kernel(folder: ProfileFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system_keyring, "TIMEOUT_S", 0.05)
    unlock = threading.Event()
    keyring.set_keyring(LockedKeyring(unlock))
    assert create_keys(folder, None)[1] is Protection.FILE
    unlock.set()


def test_keys_are_never_replaced(folder: ProfileFolder) -> None:
    create_keys(folder, None)
    before = folder.keys.read_bytes()
    with pytest.raises(StoreError):
        create_keys(folder, None)
    assert folder.keys.read_bytes() == before


def test_no_keys_means_not_registered(folder: ProfileFolder) -> None:
    with pytest.raises(NotRegisteredError):
        load_keys(folder, None)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:40],
        lambda text: "",
        lambda text: "\x00" * 100,
        lambda text: json.dumps(json.loads(text) | {"secret": "zz"}),
        lambda text: json.dumps(json.loads(text) | {"secret": "00" * 64}),
        lambda text: json.dumps(json.loads(text) | {"secret": "00"}),
        lambda text: json.dumps(json.loads(text) | {"protection": "magic"}),
        lambda text: json.dumps(json.loads(text) | {"version": 2}),
    ],
)
def test_a_damaged_file_is_left_as_it_is(folder: ProfileFolder, damage: object) -> None:
    create_keys(folder, None)
    folder.keys.write_text(damage(folder.keys.read_text()))  # type: ignore[operator]
    before = folder.keys.read_bytes()
    with pytest.raises(StoreDamagedError):
        load_keys(folder, None)
    assert folder.keys.read_bytes() == before


def test_secrets_are_not_shown() -> None:
    keys = Keys.generate()
    assert repr(keys) == f"Keys(peer={keys.peer!r})"
    assert bytes(keys.signing).hex() not in f"{keys!s}"
