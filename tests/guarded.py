"""Processes that a test starts, stops and kills, and that never survive it.

Each has a session of its own, so Ctrl-C reaches the test alone, and a guard: a shell that waits on a pipe which only
the test's process holds, and kills the whole group once that is closed, however the test's process ended. A guard and
no parent-death signal, because the kernel sends that one when the thread ends which started the process.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from tests.forking import Forked

ROOT = Path(__file__).parents[1]
END_TIMEOUT_S = 60.0
LOG_TAIL_BYTES = 4_000
FIRST_PORT, PORTS = 10_000, 20_000
"""Below those that Linux, macOS and Windows give to connections and to whoever listens on any port."""

_GUARD = "read -r _; kill -s KILL -- -$1"


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port of this machine that nobody uses at the moment, and that the system gives to nobody by itself.

    So it stays free for who is to listen there, also while that is not up yet, or killed for a while.
    """
    while True:
        port = FIRST_PORT + secrets.randbelow(PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind((host, port))
            return port


class GuardedProcess:
    """A running command. Its standard error, and its standard output unless that is piped, go to a log."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str] | None = None, *, piped: bool = False
    ) -> None:
        """`piped` is for who talks with it over `stdin` and `stdout`."""
        self._log: IO[bytes] = TemporaryFile()  # noqa: SIM115  it is for as long as we are
        self._process = self._begin(command, environment, piped)
        self.pid = self._process.pid
        try:
            self._guard = subprocess.Popen(
                ["sh", "-c", _GUARD, "guard", str(self.pid)], stdin=subprocess.PIPE, start_new_session=True
            )
        except BaseException:
            self.signal(signal.SIGKILL)
            raise

    def _begin(
        self, command: Sequence[str], environment: Mapping[str, str] | None, piped: bool
    ) -> subprocess.Popen[bytes] | Forked:
        pipe = subprocess.PIPE if piped else None
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=pipe or subprocess.DEVNULL,
            stdout=pipe or self._log,
            stderr=self._log,
            start_new_session=True,
        )

    @property
    def stdin(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def stdout(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended; a stopped one is alive."""
        return self._process.poll() is None

    def log(self, *, whole: bool = False) -> str:
        """What it wrote: the end of it, or all."""
        size_bytes = os.fstat(self._log.fileno()).st_size
        start = 0 if whole else max(size_bytes - LOG_TAIL_BYTES, 0)
        return os.pread(self._log.fileno(), size_bytes - start, start).decode(errors="replace")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it and to what it has started."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def stop(self) -> None:
        """SIGSTOP: it computes nothing, its connections stay open, its operating system answers for it."""
        self.signal(signal.SIGSTOP)

    def cont(self) -> None:
        """SIGCONT."""
        self.signal(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL, to the whole group. Safe to repeat."""
        if self._process.returncode is None:
            self.signal(signal.SIGKILL)
            self._release()

    def wait(self, timeout_s: float = END_TIMEOUT_S) -> int:
        """Wait until it has ended by itself; its exit code. It is killed, and the test fails, if it does not."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the process did not end within {timeout_s} s:\n{self.log()}") from None
        self.signal(signal.SIGKILL)  # for what it may have left behind
        self._release()
        return self._process.returncode

    def _release(self) -> None:
        # The guard goes first: once the process is reaped, its number may become another's.
        self._guard.kill()
        self._guard.communicate()
        self._process.wait()
