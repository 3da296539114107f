"""Peers and commands as forks of a process that has imported everything, which is most of what starting one costs.

The first of a pytest process starts the server, and every one asks it for a fork. A fork is a process like any other,
with a session, a folder, an environment and standard streams of its own; only what it has imported is shared. The
server has one thread, so nothing that it forks is in the middle of something.

A request is a `_Wanted` as JSON, with four descriptors: the fork's standard input, output and error, and a pipe on
which the server tells, once the fork has ended, how. The fork itself answers, with its number, when it has its session.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import msgspec

MAX_REQUEST_BYTES = 1 << 17
ROOT = Path(__file__).parents[1]


class _Wanted(msgspec.Struct):
    """What a fork is to be: a `tests.peer_process`, or the `academics` command with arguments."""

    environment: dict[str, str]
    folder: str
    arguments: list[str] | None


def use_forks() -> None:
    """Have peers and commands be forks from now on, where the system has what that needs."""
    _used[:] = [sys.platform == "linux"]


def forks_are_used() -> bool:
    """Whether they are. Benchmarks do not: they measure processes as people start them."""
    return any(_used)


class Forked:
    """A fork, as `subprocess.Popen` has a child, in as much as is asked of one here."""

    def __init__(self, wanted: _Wanted, *streams: int) -> None:
        """`streams` are what it has for its standard input, output and error."""
        self.returncode: int | None = None
        self.stdin: IO[bytes] | None = None
        self.stdout: IO[bytes] | None = None
        self._ended, tell = os.pipe()
        try:
            self.pid = _server().fork(wanted, *streams, tell)
        finally:
            os.close(tell)

    def poll(self) -> int | None:
        """Its exit code, as `Popen` has it, or None while it runs."""
        return self._look(0)

    def wait(self, timeout_s: float | None = None) -> int:
        """Wait for its end. Raises subprocess.TimeoutExpired."""
        code = self._look(timeout_s)
        if code is None:
            raise subprocess.TimeoutExpired("a fork", timeout_s or 0.0)
        return code

    def _look(self, timeout_s: float | None) -> int | None:
        if self.returncode is None and self._has_ended(timeout_s):
            told = os.read(self._ended, 16)
            os.close(self._ended)
            assert told, "the server of forks has ended"
            self.returncode = int(told)
        return self.returncode

    def _has_ended(self, timeout_s: float | None) -> bool:
        waiting = select.poll()
        waiting.register(self._ended, select.POLLIN)
        return bool(waiting.poll(None if timeout_s is None else timeout_s * 1_000))


class _Server:
    """This process's way to its server, which ends with it."""

    def __init__(self) -> None:
        self._asking = threading.Lock()
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.forking", str(theirs.fileno())],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    def fork(self, wanted: _Wanted, *descriptors: int) -> int:
        """The number of a new fork."""
        with self._asking:
            socket.send_fds(self._socket, [msgspec.json.encode(wanted)], descriptors)
            return int(self._socket.recv(16))


def forked_peer(environment: Mapping[str, str], log: IO[bytes]) -> Forked:
    """A `tests.peer_process` with pipes for `stdin` and `stdout`."""
    input_end, write_end = os.pipe()
    read_end, output_end = os.pipe()
    try:
        forked = Forked(_Wanted(dict(environment), str(ROOT), None), input_end, output_end, log.fileno())
    finally:
        os.close(input_end)
        os.close(output_end)
    forked.stdin, forked.stdout = os.fdopen(write_end, "wb"), os.fdopen(read_end, "rb")
    return forked


def forked_command(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], timeout_s: float
) -> subprocess.CompletedProcess[str]:
    """Run `academics` with no terminal in a folder. Raises subprocess.TimeoutExpired, after a kill."""
    with Path(os.devnull).open("rb") as nothing, TemporaryFile("w+") as out, TemporaryFile("w+") as error:
        wanted = _Wanted(dict(environment), str(folder), list(arguments))
        forked = Forked(wanted, nothing.fileno(), out.fileno(), error.fileno())
        try:
            code = forked.wait(timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(forked.pid, signal.SIGKILL)
            forked.wait()
            raise
        said = [file.seek(0) or file.read() for file in (out, error)]
    return subprocess.CompletedProcess(arguments, code, *map(str, said))


_used: list[bool] = []
_starting = threading.Lock()
_servers: list[_Server] = []


def _server() -> _Server:
    with _starting:
        if not _servers:
            _servers.append(_Server())
        return _servers[0]


def _serve(requests: socket.socket) -> _Wanted:
    """Fork for each request until the other side has ended, and end then; returns, in the forks, what they are."""
    living: dict[int, tuple[int, int]] = {}
    while True:
        ready, _, _ = select.select([requests, *living], [], [])
        for ended in living.keys() & set(ready):
            pid, tell = living.pop(ended)
            _, status = os.waitpid(pid, 0)
            os.close(ended)
            with suppress(BrokenPipeError):
                os.write(tell, str(os.waitstatus_to_exitcode(status)).encode())
            os.close(tell)
        if requests not in ready:
            continue
        asked, descriptors, _, _ = socket.recv_fds(requests, MAX_REQUEST_BYTES, 4)
        if not asked:
            sys.exit()
        *streams, tell = descriptors
        pid = os.fork()
        if not pid:
            for each in (tell, *(descriptor for pair in living.items() for descriptor in (pair[0], pair[1][1]))):
                os.close(each)
            return _become(msgspec.json.decode(asked, type=_Wanted), streams, requests)
        for each in streams:
            os.close(each)
        living[os.pidfd_open(pid)] = pid, tell


def _become(wanted: _Wanted, streams: list[int], requests: socket.socket) -> _Wanted:
    os.setsid()
    os.chdir(wanted.folder)
    os.environ.clear()
    os.environ.update(wanted.environment)
    for place, stream in enumerate(streams):
        os.dup2(stream, place)
        os.close(stream)
    with requests:
        requests.send(str(os.getpid()).encode())
    return wanted


if __name__ == "__main__":
    from academics_jupyter.command_line import main as command
    from tests.peer_process import main

    gc.collect()
    gc.freeze()
    fork = _serve(socket.socket(fileno=int(sys.argv[1])))
    sys.exit(main() if fork.arguments is None else command(fork.arguments))
