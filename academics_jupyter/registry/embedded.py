"""The embedded registry: a real mongod that all kernels of a user share, on a unix socket. POSIX only.

Every user of it holds `users.lock` shared; whoever finds no mongod starts a keeper (see `keeper`) under `start.lock`.
Nobody probes `keeper.lock`: a second keeper finds out by itself and ends, so starting one too many does no harm.
May import pymongo, errors and the registry's modules for files, locks and mongod.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from academics_jupyter.errors import RegistryError
from academics_jupyter.registry.layout import Layout, answers, uri
from academics_jupyter.registry.locks import POLL_S, lock_file, lock_until, locked, private_folder
from academics_jupyter.registry.mongod import Mongod, find_mongod
from academics_jupyter.registry.replica import prepared

START_TIMEOUT_S = 40.0
KEEPER_AGAIN_S = 1.5
"""How long to wait for mongod before another keeper is tried, in case the first was killed or was just ending."""

KEEPER_MODULE = "academics_jupyter.registry.keeper"
ANOTHER_LIVES = 3
"""What a second keeper's process returns."""


class EmbeddedMongod:
    """One user's share in the mongod of `folder`. Its methods block: call them in a thread."""

    def __init__(self, folder: Path, run_folder: Path | None = None) -> None:
        """`run_folder` is where the socket goes, if not where the rule in `layout` puts it."""
        self._layout = Layout(folder.absolute())
        self._run_folder = run_folder
        self._users: int | None = None
        self._mongod: Mongod | None = None

    def acquire(self) -> str:
        """Join, start mongod if need be, and return its URI.

        Raises MongodMissingError, or RegistryError with the reason why mongod does not start.
        """
        ends = time.monotonic() + START_TIMEOUT_S
        private_folder(self._layout.folder)
        if self._users is None:
            self._users = self._joined(ends)
        try:
            return self._ready(ends)
        except (OSError, subprocess.SubprocessError) as error:
            self.release()
            raise RegistryError(f"The embedded registry could not be started ({type(error).__name__}).") from error
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Leave; the keeper ends mongod when nobody is left. Safe to repeat."""
        users, self._users = self._users, None
        if users is not None:
            os.close(users)

    def alive(self) -> bool:
        """Whether mongod listens; returns at once."""
        try:
            return answers(self._layout.socket())
        except RegistryError:
            return False

    def _joined(self, ends: float) -> int:
        users = lock_file(self._layout.users_lock)
        try:
            if not lock_until(users, ends, shared=True):
                raise RegistryError("The embedded registry is still being stopped; try again.")
        except RegistryError:
            os.close(users)
            raise
        return users

    def _ready(self, ends: float) -> str:
        if self.alive() and prepared(self._layout.socket()):
            return uri(self._layout.socket())
        with locked(self._layout.start_lock, ends):
            return uri(self._started(ends))

    def _started(self, ends: float) -> Path:
        """Have a keeper start mongod, and wait until it takes writes."""
        self._layout.failure.unlink(missing_ok=True)
        again = 0.0
        while time.monotonic() < ends:
            if self.alive():
                socket = self._layout.socket()
                if prepared(socket):
                    return socket
            elif time.monotonic() > again:
                self._have_keeper()
                again = time.monotonic() + KEEPER_AGAIN_S
            self._raise_failure()
            time.sleep(POLL_S)
        raise RegistryError(f"The embedded registry's mongod does not answer; its log is {self._layout.log}.")

    def _have_keeper(self) -> None:
        """Start a keeper that outlives us; returns when it is the keeper, or has found that another is."""
        mongod = self._mongod = self._mongod or find_mongod(self._layout.links)
        run = self._layout.run_folder(self._run_folder)
        command = [sys.executable, "-m", KEEPER_MODULE, str(self._layout.folder), str(run), str(mongod.path)]
        begun = subprocess.run(
            [*command, *mongod.environment.values()],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            timeout=START_TIMEOUT_S,
            check=False,
        )
        machine = self._layout.elsewhere()
        if begun.returncode == ANOTHER_LIVES and machine:
            raise RegistryError(f"Your embedded registry is in use on {machine}; set ACADEMICS_REGISTRY to share one.")

    def _raise_failure(self) -> None:
        with suppress(OSError):
            reason = self._layout.failure.read_text()
            raise RegistryError(f"The embedded registry's mongod does not start: {reason}")
