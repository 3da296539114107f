"""The `academics` command, run as a person or a script runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.forking import forked_command, forks_are_used

ROOT = Path(__file__).parents[1]
COMMAND = [sys.executable, "-m", "academics_jupyter.command_line"]
TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    error: str


def academics(home: Path, *arguments: object, passphrase: str | None = None, **environment: str) -> Done:
    """Run a command for the profile named like its home, with no terminal; `passphrase` is that of keys and backups."""
    own = environment_of(home, **environment)
    if passphrase is not None:
        own["ACADEMICS_EXPORT_PASSPHRASE"] = passphrase
    done = run(*map(str, arguments), folder=ROOT, environment=own)
    return Done(done.returncode, done.stdout, done.stderr)


def run(*arguments: str, folder: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command with no terminal in a folder, to its end."""
    if forks_are_used():
        return forked_command(arguments, folder, environment, TIMEOUT_S)
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def succeeds(home: Path, *arguments: object, **more: str) -> str:
    """What a command says that must not fail."""
    done = academics(home, *arguments, **more)
    assert done.code == 0, done.error
    return done.out + done.error


def fails(home: Path, *arguments: object, **more: str) -> str:
    """The one line of a command that must fail."""
    done = academics(home, *arguments, **more)
    assert done.code == 1, done
    assert done.out == ""
    assert done.error.count("\n") == 1, done.error
    return done.error


def environment_of(home: Path, **environment: str) -> dict[str, str]:
    """What a command is to find around it."""
    own = {"ACADEMICS_HOME": str(home), "ACADEMICS_PROFILE": home.name, "XDG_DATA_HOME": str(home.parent / "data")}
    return os.environ | own | environment
