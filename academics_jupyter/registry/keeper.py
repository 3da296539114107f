"""The process that owns the embedded mongod: `python -m …registry.keeper FOLDER RUN MONGOD [LIBRARIES]`.

It imports no more than it must, for it lives as long as any kernel of the user. Its life:

| state | what happens | next |
| --- | --- | --- |
| begun | takes `keeper.lock`, or ends with ANOTHER_LIVES; then forks away from its starter | starting |
| starting | mongod is started on a socket in RUN, which the folder's record names | watching |
| watching | mongod ended, or its socket is gone: restarted | starting |
| watching | `users.lock` can be had exclusively: nobody uses mongod any more | stopping |
| starting | mongod ended twice without ever having answered: the reason is left in `failure` | ended |
| stopping | mongod is stopped while `users.lock` is held, so nobody can join meanwhile | ended |

mongod dies with its keeper (on Linux the kernel sees to it, elsewhere the next keeper), so that there are never two.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from academics_jupyter.errors import AcademicsError
from academics_jupyter.registry.layout import Layout, answers, failure_line
from academics_jupyter.registry.locks import lock_file, private_folder, try_lock

ANOTHER_LIVES = 3
"""What this process returns where the folder has a keeper already."""

WATCH_S = 0.25
STOP_TIMEOUT_S = 20
MAX_FAILURES = 2
MAX_LOG_BYTES = 4 * 1024 * 1024
LISTENING = b'"Waiting for connections"'
"""What mongod writes to its log once its socket is there."""

_PR_SET_PDEATHSIG = 1


class Keeper:
    """Owns one mongod at a time, as the module's table says."""

    def __init__(self, layout: Layout, mongod: Path, libraries: str) -> None:
        self._layout = layout
        self._mongod = mongod
        self._libraries = libraries
        self._log_began = 0
        self._asked_to_stop = False

    def keep(self) -> None:
        """Run mongod until nobody uses it."""
        users = lock_file(self._layout.users_lock)
        failures = 0
        while failures < MAX_FAILURES:
            if self._end_stray():
                continue
            process, answered, wanted = self._started(), False, True
            while wanted and process.poll() is None:
                time.sleep(WATCH_S)
                answered = answered or self._has_listened()
                wanted = not self._asked_to_stop and not try_lock(users)
                if answered and not self._layout.socket().exists():
                    break
                if answered:
                    self._trim_log()
            _stop(process)
            if not wanted:
                return
            failures = failures + 1 if not answered and _gave_up(process.returncode) else 0
        self._layout.failure.write_text(failure_line(self._layout.log))

    def ask_to_stop(self, _signal: int, _frame: FrameType | None) -> None:
        """Stop mongod in order when the machine or the user ends this process."""
        self._asked_to_stop = True

    def _started(self) -> subprocess.Popen[bytes]:
        socket = self._layout.socket()
        private_folder(socket.parent)
        private_folder(self._layout.database)
        environment = {**os.environ, **({"LD_LIBRARY_PATH": self._libraries} if self._libraries else {})}
        with self._layout.log.open("ab") as log:
            self._log_began = log.tell()
            return subprocess.Popen(
                [self._mongod, *_options(socket, self._layout.database)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                preexec_fn=_die_with_parent,
            )

    def _has_listened(self) -> bool:
        """Whether the mongod of now had its socket, which may be gone already; only the log tells of that as well."""
        with self._layout.log.open("rb") as log:
            log.seek(self._log_began)
            return LISTENING in log.read() or answers(self._layout.socket())

    def _end_stray(self) -> bool:
        """Kill a mongod that a killed keeper left behind; whether one was there.

        mongod holds a lock on the file its number is in, so the number cannot be another program's.
        """
        number = self._layout.stray()
        if number:
            os.kill(number, signal.SIGKILL)
            time.sleep(WATCH_S)
        return bool(number)

    def _trim_log(self) -> None:
        if self._layout.log.stat().st_size > MAX_LOG_BYTES:
            os.truncate(self._layout.log, 0)


def _options(socket: Path, database: Path) -> list[str]:
    """A path alone to bind to opens no TCP port; `--nounixsocket` keeps mongod from a second, public socket."""
    options = (
        f"--bind_ip {socket} --nounixsocket --filePermissions 0600 --replSet rs0 --oplogSize 64 --quiet --noscripting "
        "--wiredTigerCacheSizeGB 0.25 --wiredTigerEngineConfigString log=(file_max=8MB,prealloc=false) "
        "--setParameter diagnosticDataCollectionEnabled=false --setParameter ttlMonitorSleepSecs=5"
    )
    return [*options.split(), "--dbpath", str(database)]


def _die_with_parent() -> None:
    """Ask Linux to kill this process when its parent ends."""
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def _gave_up(code: int) -> bool:
    """Whether mongod ended by its own decision; one that was killed from outside may well start the next time."""
    return code > 0 or -code == signal.SIGABRT


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def main(arguments: list[str]) -> int:
    """Become the keeper of a folder, or say that another is; the caller returns once that is decided."""
    folder, run, mongod = (Path(argument) for argument in arguments[:3])
    layout = Layout(folder)
    keeping = lock_file(layout.keeper_lock)
    if not try_lock(keeping):
        return ANOTHER_LIVES
    layout.record(run)
    if os.fork():
        os._exit(0)
    keeper = Keeper(layout, mongod, "".join(arguments[3:]))
    signal.signal(signal.SIGTERM, keeper.ask_to_stop)
    try:
        keeper.keep()
    except (OSError, AcademicsError) as error:
        layout.failure.write_text(str(error))
    os.close(keeping)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
