"""Nothing that lies on the disk shows what was said: while peers run, after a kill, after a clean end, in a backup."""

from __future__ import annotations

import base64
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.command import succeeds
from tests.detached import detached_below
from tests.keyrings import keyring_in
from tests.lab import meet
from tests.processes import PeerProcess
from tests.traces import contents_below, traces
from tests.waiting import wait_until

WORDS = ("Quetzalzunge", "Mondscheinzebra", "Œuvrekatze", "Windhundorchester", "Fliederkanone", "Perlmuttigel")
PASSPHRASE = "Zwielichtbrunnen am Morgen"
TEMPORARY = "temporary"
BOB = "0b" * 32
COMPOSE = f"peer._context.store.messages.compose(peer._context.keys.signing, {BOB!r}, {' '.join(WORDS)!r}, number)"


@pytest.fixture
def people(tmp_path: Path) -> Iterator[tuple[PeerProcess, PeerProcess]]:
    """Two with all that they write below `tmp_path`: profiles, embedded registry, temporary files."""
    (tmp_path / TEMPORARY).mkdir()
    with ExitStack() as stack:
        ada, grace = (
            stack.enter_context(
                PeerProcess(tmp_path / name, name, environment=keyring_in(tmp_path / "keyring") | temporary(tmp_path))
            )
            for name in ("ada", "grace")
        )
        meet(ada, grace)
        yield ada, grace


def temporary(tmp_path: Path) -> dict[str, str]:
    return {"TMPDIR": str(tmp_path / TEMPORARY), "SQLITE_TMPDIR": str(tmp_path / TEMPORARY)}


def talk(one: PeerProcess, other: PeerProcess, times: int = 40) -> None:
    """Both ways; short and as long as can be, searched and read."""
    (one_name,), (other_name,) = one.ids, other.ids
    for author, reader in ((one, other_name), (other, one_name)):
        author.value(
            f"""
for number in range({times}):
    for word in {WORDS!r}:
        await peer.chat({reader!r}, f"{{word}} und noch {{number}} mal {{word}} " * (1 if number % 8 else 500))
"""
        )
    each = 2 * times * len(WORDS)
    for reader, author in ((one, other_name), (other, one_name)):
        reader.sees(f"len(await peer.history({author!r})) >= {each}", timeout_s=60)
        for word in (*WORDS, WORDS[0][:5].lower()):
            reader.sees(f"len(await peer.history({author!r}, search={word!r})) >= {2 * times}")


def secrets_of(person: PeerProcess) -> list[bytes]:
    """The seed and the data key."""
    both = bytes.fromhex(str(person.value("peer._context.keys.secret.hex()")))
    return [both[:32], both[32:]]


def check(tmp_path: Path, secrets: list[bytes]) -> dict[str, bytes]:
    """Find nothing; and the looking itself finds what is there to be found."""
    contents = contents_below(tmp_path)
    assert traces(contents, [*WORDS, PASSPHRASE]) == []
    assert traces(contents, secrets) == []
    assert any(name.endswith("store.sqlite3") for name in contents)
    return contents


def test_the_looking_finds_what_is_there(tmp_path: Path) -> None:
    word = "Œuvrekatze"
    plain, odd = f"und {word} auch", f"undx {word} auch"
    for number, content in enumerate(
        (
            plain.encode(),
            plain.encode("utf-16-le"),
            plain.encode().hex().encode(),
            plain.encode("utf-16-be"),
            b'"und \\u0152uvrekatze auch"',
        )
    ):
        (tmp_path / f".{number}").write_bytes(content)
    for number, text in enumerate((plain, odd, odd + "x", "x" + odd)):
        (tmp_path / f"base64-{number}").write_bytes(base64.b64encode(text.encode()))
    (tmp_path / "nothing").write_bytes(os.urandom(10_000))
    found = {line.partition(": ")[0] for line in traces(contents_below(tmp_path), [word])}
    assert found == {str(path) for path in tmp_path.iterdir() if path.name != "nothing"}


def test_no_file_shows_what_was_said(tmp_path: Path, people: tuple[PeerProcess, PeerProcess]) -> None:
    ada, grace = people
    secrets = secrets_of(ada) + secrets_of(grace)
    talk(ada, grace)
    while_running = check(tmp_path, secrets)
    assert any(name.endswith("store.sqlite3-wal") and content for name, content in while_running.items())
    for person in people:
        assert traces({"log": person.log().encode()}, WORDS) == []
    # With the peer in a process of its own, which has a log in the profile.
    ada.value("await peer.detach()")
    talk(ada, grace, times=1)
    with_a_log = check(tmp_path, secrets)
    assert any(name.endswith("serve.log") for name in with_a_log)
    (serving,) = detached_below(tmp_path)
    os.kill(serving, signal.SIGKILL)
    ada.kill()
    grace.kill()
    killed = check(tmp_path, secrets)
    assert any(name.endswith("store.sqlite3-wal") and content for name, content in killed.items())
    environment = keyring_in(tmp_path / "keyring") | temporary(tmp_path)
    with PeerProcess(tmp_path / "ada", "ada", environment=environment) as ada:
        succeeds(tmp_path / "ada", "backup", tmp_path / "ada.backup", passphrase=PASSPHRASE, **environment)
        succeeds(tmp_path / "ada", "key", "export", tmp_path / "ada.key", passphrase=PASSPHRASE, **environment)
        ada.sees(f"len(await peer.history('grace', search={WORDS[0]!r})) >= 82")
        backed_up = check(tmp_path, secrets)
        assert any(name.endswith("ada.backup!store.sqlite3") for name in backed_up)
    ended = check(tmp_path, secrets)
    assert any(name.endswith("search.sealed") for name in ended)
    succeeds(tmp_path / "new", "restore", tmp_path / "ada.backup", passphrase=PASSPHRASE, **environment)
    check(tmp_path, secrets)


def test_nor_does_a_journal(tmp_path: Path) -> None:
    """Where the file system cannot carry a WAL, a transaction has a journal, which a kill leaves on the disk."""
    (tmp_path / TEMPORARY).mkdir()
    environment = {"ACADEMICS_PASSPHRASE": PASSPHRASE} | temporary(tmp_path)
    with PeerProcess(tmp_path / "ada", environment=environment) as ada:
        ada.value("import academics_jupyter.store.opening as opening\nopening._in_wal_mode = lambda connection: False")
        ada.open("ada", start=False)
        secrets = secrets_of(ada)
        ada.value(f"for number in range(300): {COMPOSE}")
        ada.ask(
            f"""
peer._context.store.database.read("PRAGMA cache_size=1")
with peer._context.store.transaction():
    for number in range(300):
        {COMPOSE}
    Path({str(tmp_path / "written")!r}).touch()
    time.sleep(600)
"""
        )
        wait_until((tmp_path / "written").exists)
        check(tmp_path, secrets)
        ada.kill()
    contents = check(tmp_path, secrets)
    assert any(name.endswith("store.sqlite3-journal") and content for name, content in contents.items())
    with PeerProcess(tmp_path / "ada", environment=environment) as ada:
        ada.open("ada", start=False)
        assert ada.value(f"len(peer._context.store.messages.history({BOB!r}))") == 300
        check(tmp_path, secrets)
