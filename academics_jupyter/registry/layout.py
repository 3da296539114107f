"""The files of an embedded registry, and how all kernels of a user meet. May import errors and locks only.

    FOLDER/                  0700, in the user's data folder
        users.lock           every user holds it shared
        start.lock           orders those who start
        keeper.lock          the keeper holds it
        run.json             where the keeper put the socket, and on which machine
        failure              why mongod could not be started
        mongod.log  db/  lib/
    RUN/m.sock               0700, on a path short enough for a socket

The socket's place is written beside the locks, because kernels of one user need not agree on $XDG_RUNTIME_DIR or /tmp.
It is the folder itself where that is short enough and can hold a socket, for nobody cleans up there and every kernel
sees it; else $XDG_RUNTIME_DIR, else /tmp.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket as sockets
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from academics_jupyter.errors import RegistryError
from academics_jupyter.registry.locks import private_folder, try_lock

SOCKET_NAME = "m.sock"
MAX_SOCKET_PATH_BYTES = 95
"""macOS ends socket paths at 104 bytes, Linux at 108; the trial of a folder takes a few more."""

MAX_LINE_LENGTH = 300

_PLAIN_PATH = re.compile(r"[A-Za-z0-9_./-]+")
"""What mongod's list of addresses takes without a doubt."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the files of one embedded registry are."""

    folder: Path

    @property
    def users_lock(self) -> Path:
        """Held shared by every user."""
        return self.folder / "users.lock"

    @property
    def start_lock(self) -> Path:
        """Held by the one who starts."""
        return self.folder / "start.lock"

    @property
    def keeper_lock(self) -> Path:
        """Held by the keeper."""
        return self.folder / "keeper.lock"

    @property
    def failure(self) -> Path:
        """Why mongod could not be started."""
        return self.folder / "failure"

    @property
    def log(self) -> Path:
        """What mongod says."""
        return self.folder / "mongod.log"

    @property
    def database(self) -> Path:
        """What mongod keeps."""
        return self.folder / "db"

    @property
    def links(self) -> Path:
        """Links to libraries the system lacks."""
        return self.folder / "lib"

    def socket(self) -> Path:
        """Where the socket is on this machine, as recorded. Raises RegistryError if nothing is."""
        run, _ = self._record()
        if run is None or self.elsewhere():
            raise RegistryError("The embedded registry has not been started yet.")
        return run / SOCKET_NAME

    def elsewhere(self) -> str:
        """The machine that the socket is on, if it is another one than this."""
        _, machine = self._record()
        return "" if machine == os.uname().nodename else machine

    def run_folder(self, preferred: Path | None) -> Path:
        """Where a keeper is to put the socket: where it was if that can still be used. Raises RegistryError."""
        former, _ = self._record()
        places = [preferred] if preferred else [*([former] if former else []), *self._places()]
        for place in places:
            if _usable(place):
                return place
        raise RegistryError("No folder was found for the embedded registry's socket; set ACADEMICS_REGISTRY.")

    def record(self, run: Path) -> None:
        """Say where the socket is. For the keeper, while it holds its lock."""
        fresh = self.folder / "run.json.new"
        fresh.write_text(json.dumps({"run": str(run), "machine": os.uname().nodename}))
        fresh.replace(self.folder / "run.json")

    def stray(self) -> int:
        """The number of a mongod that holds the database, or 0."""
        try:
            with (self.database / "mongod.lock").open("r+") as lock:
                number = lock.read().strip()
                held = not try_lock(lock.fileno())
        except OSError:
            return 0
        return int(number) if held and number.isdecimal() else 0

    def _record(self) -> tuple[Path | None, str]:
        try:
            record = json.loads((self.folder / "run.json").read_text())
            return Path(record["run"]), str(record["machine"])
        except (OSError, ValueError, KeyError, TypeError):
            return None, ""

    def _places(self) -> Iterator[Path]:
        name = hashlib.sha256(bytes(self.folder.resolve())).hexdigest()[:12]
        yield self.folder
        for parent in (os.environ.get("XDG_RUNTIME_DIR"), "/tmp"):  # noqa: S108 - checked to be ours before use
            if parent:
                yield Path(parent) / f"academics-{os.getuid()}" / name


def uri(socket: Path) -> str:
    """The MongoDB address of a socket."""
    return f"mongodb://{quote(str(socket), safe='')}/academics?directConnection=true"


def answers(socket: Path) -> bool:
    """Whether something listens there; returns at once."""
    with sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(socket))
        except OSError as error:
            return isinstance(error, BlockingIOError)
        return True


def failure_line(log: Path) -> str:
    """The last error in mongod's log, else the last fatal line, which says less, else its last line."""
    with log.open("rb") as file:
        file.seek(max(log.stat().st_size - 64_000, 0))
        lines = [line for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    faults = [fault for severity in "FE" for line in lines if (fault := _fault(line, severity))]
    return " ".join((faults or lines or ["mongod said nothing"])[-1].split())[:MAX_LINE_LENGTH]


def _fault(line: str, severity: str) -> str:
    try:
        said = json.loads(line)
        details = said.get("attr", {})
        reason = details.get("message") or details.get("error") or ""
        return f"{said['msg']}: {reason}" if said["s"] == severity else ""
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""


def _usable(run: Path) -> bool:
    """Whether a socket can be made there, in a folder that only we can enter."""
    if len(bytes(run / SOCKET_NAME)) > MAX_SOCKET_PATH_BYTES or not _PLAIN_PATH.fullmatch(str(run)):
        return False
    try:
        if run.parent.name == f"academics-{os.getuid()}":
            private_folder(run.parent)
        private_folder(run)
        with tempfile.TemporaryDirectory(dir=run, prefix="s") as probe, sockets.socket(sockets.AF_UNIX) as trial:
            trial.bind(f"{probe}/s")
    except (OSError, RegistryError):
        return False
    return True
