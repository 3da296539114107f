"""A laptop is lost, a keyring is gone, a machine is new: what was talked about comes back, and the talk goes on."""

from __future__ import annotations

import json
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pexpect
import pytest

from tests.command import COMMAND, ROOT, academics, environment_of, fails, succeeds
from tests.keyrings import keyring_in
from tests.lab import Lab, download, failure, meet, share
from tests.processes import PeerProcess

PASSPHRASE = "a long journey"
EnterAt = Callable[..., PeerProcess]


@pytest.fixture
def enter_at(lab: Lab, tmp_path: Path) -> Iterator[EnterAt]:
    """Somebody's process on a machine of their choice: the profile is named like them, the home like the machine."""
    with ExitStack() as stack:

        def enter(machine: str, name: str, *, start: bool = True, **environment: str) -> PeerProcess:
            process = PeerProcess(tmp_path / machine, registry=lab.registry, environment=environment)
            stack.enter_context(process)
            process.open(name, start=start)
            return process

        yield enter


def says(author: PeerProcess, reader: str, *texts: str) -> None:
    for text in texts:
        author.value(f"await peer.chat({reader!r}, {text!r})")


def texts(person: PeerProcess, other: str) -> str:
    return f"(await peer.history({other!r})).text.tolist()"


def talk(ada: PeerProcess, grace: PeerProcess) -> list[str]:
    says(ada, "grace", "first", "second")
    grace.sees(texts(grace, "ada"), ["first", "second"])
    says(grace, "ada", "third")
    ada.sees(texts(ada, "grace"), ["first", "second", "third"])
    return ["first", "second", "third"]


def test_a_lost_laptop_does_not_lose_the_talk(lab: Lab, tmp_path: Path, enter_at: EnterAt) -> None:
    """And what was said after the backup is in nobody's way: the others show all that comes, once and in order."""
    ada, grace = lab.enter("ada"), lab.enter("grace")
    meet(ada, grace)
    before = talk(ada, grace)
    (tmp_path / "paper.txt").write_text("a paper")
    paper = share(ada, tmp_path / "paper.txt")
    backup = tmp_path / "ada.backup"
    said = succeeds(tmp_path / "ada", "backup", backup, passphrase=PASSPHRASE)
    fingerprint = str(ada.value("peer.status().fingerprint"))
    assert fingerprint in said
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    says(ada, "grace", "after the backup", "and later still")
    shown = [*before, "after the backup", "and later still"]
    grace.sees(texts(grace, "ada"), shown)
    ada.kill()
    (tmp_path / "ada").rename(tmp_path / "lost")
    grace.value("await peer.chat('ada', 'where are you?')")

    said = succeeds(tmp_path / "found", "restore", backup, "--profile=ada", passphrase=PASSPHRASE)
    assert fingerprint in said
    assert "1 conversation" in said
    assert "lie unencrypted" in said
    ada = enter_at("found", "ada")
    ada.sees(texts(ada, "grace"), [*before, "where are you?"])
    assert ada.value("peer.status().fingerprint") == fingerprint
    meet(ada, grace)
    says(ada, "grace", "I am back", "with all of it")
    shown += ["where are you?", "I am back", "with all of it"]
    grace.sees(texts(grace, "ada"), shown)
    says(grace, "ada", "good")
    ada.sees(texts(ada, "grace"), [*before, "where are you?", "I am back", "with all of it", "good"])
    assert ada.value("(await peer.repository()).title.tolist()") == []
    assert "Nobody who holds" in failure(grace, f"peer.download({paper!r})")

    # The laptop turns up again, with what it had not sent yet. It is another place, and nothing is taken for another.
    ada.close()
    (tmp_path / "lost").rename(tmp_path / "laptop")
    laptop = enter_at("laptop", "ada")
    meet(laptop, grace)
    says(laptop, "grace", "from the laptop")
    grace.sees(f"sorted({texts(grace, 'ada')})", sorted([*shown, "good", "from the laptop"]))
    assert laptop.value(texts(laptop, "grace"))[:5] == [*before, "after the backup", "and later still"]


def test_the_same_from_a_copy_of_the_folder(lab: Lab, tmp_path: Path, enter_at: EnterAt) -> None:
    """What a backup of the whole disk brings back."""
    ada, grace = lab.enter("ada"), lab.enter("grace")
    meet(ada, grace)
    before = talk(ada, grace)
    ada.close()
    shutil.copytree(tmp_path / "ada", tmp_path / "copied")
    ada = enter_at("ada", "ada")
    meet(ada, grace)
    says(ada, "grace", "after the copy")
    grace.sees(texts(grace, "ada"), [*before, "after the copy"])
    ada.close()
    ada = enter_at("copied", "ada")
    meet(ada, grace)
    says(ada, "grace", "from the copy", "again from the copy")
    grace.sees(texts(grace, "ada"), [*before, "after the copy", "from the copy", "again from the copy"])


def test_files_come_back_by_choice(lab: Lab, tmp_path: Path, enter_at: EnterAt) -> None:
    ada, grace = lab.enter("ada"), lab.enter("grace")
    meet(ada, grace)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "one.csv").write_text("a,b\n1,2\n")
    (tmp_path / "paper.txt").write_text("a paper")
    folder, paper = share(ada, tmp_path / "data"), share(ada, tmp_path / "paper.txt")
    succeeds(tmp_path / "ada", "backup", tmp_path / "ada.backup", "--with-files", passphrase=PASSPHRASE)
    ada.kill()
    succeeds(tmp_path / "found", "restore", tmp_path / "ada.backup", "--profile=ada", passphrase=PASSPHRASE)
    ada = enter_at("found", "ada")
    meet(ada, grace)
    assert download(grace, paper).read_text() == "a paper"
    assert (download(grace, folder) / "one.csv").read_text() == "a,b\n1,2\n"


def test_a_keyring_that_is_gone(lab: Lab, tmp_path: Path, enter_at: EnterAt) -> None:
    keyring = keyring_in(tmp_path / "keyring.json")
    ada, grace = enter_at("ada", "ada", **keyring), lab.enter("grace")
    meet(ada, grace)
    before = talk(ada, grace)
    keys = tmp_path / "ada" / "profiles" / "ada" / "keys.json"
    assert json.loads(keys.read_text())["protection"] == "keyring"
    key = tmp_path / "ada.key"
    assert "Keep it" in succeeds(tmp_path / "ada", "key", "export", key, passphrase=PASSPHRASE, **keyring)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    ada.close()
    (tmp_path / "keyring.json").unlink()
    line = fails(tmp_path / "ada", "status", **keyring)
    assert "no longer has what opens" in line
    assert "academics key import FILE" in line
    # A backup without the key can be made still, and the exported key opens it elsewhere.
    succeeds(tmp_path / "ada", "backup", "--without-key", tmp_path / "ada.backup", **keyring)
    line = fails(tmp_path / "new", "restore", tmp_path / "ada.backup", passphrase=PASSPHRASE)
    assert "--key FILE" in line
    succeeds(tmp_path / "new", "restore", tmp_path / "ada.backup", "--key", key, passphrase=PASSPHRASE)
    assert "passenger" not in succeeds(tmp_path / "new", "status")
    # And it mends the profile where it is, under the new keyring.
    said = succeeds(tmp_path / "ada", "key", "import", key, passphrase=PASSPHRASE, **keyring)
    assert "unencrypted" not in said
    assert json.loads(keys.read_text())["protection"] == "keyring"
    ada = enter_at("ada", "ada", **keyring)
    ada.sees(texts(ada, "grace"), before)
    meet(ada, grace)
    says(ada, "grace", "with a new keyring")
    grace.sees(texts(grace, "ada"), [*before, "with a new keyring"])


def test_a_key_alone_brings_the_identity_back(lab: Lab, tmp_path: Path, enter_at: EnterAt) -> None:
    """No backup: the history is gone, but the others know who writes, and show it."""
    ada, grace = lab.enter("ada"), lab.enter("grace")
    meet(ada, grace)
    before = talk(ada, grace)
    fingerprint = str(ada.value("peer.status().fingerprint"))
    succeeds(tmp_path / "ada", "key", "export", tmp_path / "ada.key", passphrase=PASSPHRASE)
    ada.kill()
    secret = {"ACADEMICS_PASSPHRASE": "of the profile"}
    new = tmp_path / "new"
    succeeds(new, "key", "import", tmp_path / "ada.key", "--profile=ada", passphrase=PASSPHRASE, **secret)
    ada = enter_at("new", "ada", start=False, **secret)
    ada.value("await peer.register('ada')")
    ada.value("await peer.start()")
    assert ada.value("peer.status().fingerprint") == fingerprint
    meet(ada, grace)
    says(ada, "grace", "it is me")
    grace.sees(texts(grace, "ada"), [*before, "it is me"])


def test_what_cannot_be_done_is_said_in_one_line_and_changes_nothing(lab: Lab, tmp_path: Path) -> None:
    ada, grace = lab.enter("ada"), lab.enter("grace")
    meet(ada, grace)
    key, backup = tmp_path / "ada.key", tmp_path / "ada.backup"
    succeeds(tmp_path / "ada", "key", "export", key, passphrase=PASSPHRASE)
    succeeds(tmp_path / "ada", "backup", backup, passphrase=PASSPHRASE)
    whole = {path: path.read_bytes() for path in (key, backup)}
    new = tmp_path / "new"
    assert "not overwritten" in fails(tmp_path / "ada", "key", "export", key, passphrase=PASSPHRASE)
    assert "not overwritten" in fails(tmp_path / "ada", "backup", backup, passphrase=PASSPHRASE)
    assert "is a folder" in fails(tmp_path / "ada", "backup", tmp_path, passphrase=PASSPHRASE)
    assert "There is no folder" in fails(tmp_path / "ada", "backup", new / "x", passphrase=PASSPHRASE)
    assert "too short" in fails(tmp_path / "ada", "key", "export", tmp_path / "b.key", passphrase="short")
    assert "ACADEMICS_EXPORT_PASSPHRASE" in fails(tmp_path / "ada", "key", "export", tmp_path / "b.key")
    assert "no profile yet" in fails(new, "key", "export", tmp_path / "b.key", passphrase=PASSPHRASE)
    assert "nothing to back up" in fails(new, "backup", "--without-key", tmp_path / "b.backup")
    assert "There is no file" in fails(new, "key", "import", tmp_path / "nowhere", passphrase=PASSPHRASE)
    assert "There is no file" in fails(new, "restore", tmp_path / "nowhere", passphrase=PASSPHRASE)
    assert "does not open ada.key" in fails(new, "key", "import", key, passphrase="another one")
    assert "does not open ada.backup" in fails(new, "restore", backup, passphrase="another one")
    assert "is damaged" in fails(new, "restore", key, passphrase=PASSPHRASE)
    assert "is damaged" in fails(new, "key", "import", backup, passphrase=PASSPHRASE)
    for path in (key, backup):
        path.write_bytes(whole[path][:-200])
    assert "is damaged" in fails(new, "key", "import", key, passphrase=PASSPHRASE)
    assert "is damaged" in fails(new, "restore", backup, passphrase=PASSPHRASE)
    for path in (key, backup):
        path.write_bytes(whole[path])
    assert not list(new.rglob("*.json"))
    kept = (tmp_path / "ada" / "profiles" / "ada" / "keys.json").read_bytes()
    assert "stop it there" in fails(tmp_path / "ada", "key", "import", key, passphrase=PASSPHRASE)
    assert "already" in fails(tmp_path / "ada", "restore", backup, passphrase=PASSPHRASE)
    grace.value("await peer.stop()")
    assert "another name" in fails(tmp_path / "grace", "key", "import", key, passphrase=PASSPHRASE)
    assert (tmp_path / "ada" / "profiles" / "ada" / "keys.json").read_bytes() == kept
    assert ada.value("peer.status().role") == "driver"
    assert not list(tmp_path.glob("b.*"))
    assert not list(tmp_path.glob(".*"))


@pytest.mark.skipif(sys.platform == "win32", reason="a terminal of POSIX")
def test_on_a_terminal_the_passphrase_is_asked_for_twice_and_not_shown(lab: Lab, tmp_path: Path) -> None:
    lab.enter("ada")
    home, key = tmp_path / "ada", tmp_path / "ada.key"

    def at_terminal(*arguments: str, answers: tuple[str, ...]) -> tuple[int, str]:
        environment = environment_of(home)
        with pexpect.spawn(
            COMMAND[0], [*COMMAND[1:], *arguments], cwd=str(ROOT), env=environment, timeout=30, encoding="utf-8"
        ) as child:
            said = ""
            for answer in answers:
                child.expect(": $")
                said += child.before
                child.sendline(answer)
            child.expect(pexpect.EOF)
            said += child.before
            child.close()
            return child.exitstatus, said

    code, said = at_terminal("key", "export", str(key), answers=(PASSPHRASE, "something else"))
    assert (code, key.exists()) == (1, False)
    assert "differ" in said
    code, said = at_terminal("key", "export", str(key), answers=("short",))
    assert (code, key.exists()) == (1, False)
    assert "too short" in said
    code, said = at_terminal("key", "export", str(key), answers=(PASSPHRASE, PASSPHRASE))
    assert (code, key.exists()) == (0, True)
    assert "journey" not in said
    code, said = at_terminal("key", "import", "--profile=other", str(key), answers=(PASSPHRASE,))
    assert code == 0
    assert "has the key of" in said
    assert academics(home, "status").code == 0
