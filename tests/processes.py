"""Peers in processes of their own, for tests and benchmarks, told what to do over a pipe; see `peer_process`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.forking import Forked, forked_peer, forks_are_used
from tests.guarded import GuardedProcess
from tests.waiting import TIMEOUT_S, wait_until

ANSWER_TIMEOUT_S = 60.0


class ProcessError(Exception):
    """What the code raised in the process, as `Type: message` and traceback; or that the process has ended."""


class PeerProcess(GuardedProcess):
    """A process for peers; leaving its context closes them, and fails the test on errors that were logged there."""

    def __init__(
        self,
        home: Path,
        *profiles: str,
        registry: str = "",
        namespace: str = "",
        environment: Mapping[str, str] | None = None,
        faults: Sequence[str] = (),
    ) -> None:
        """Start it with `home` as ACADEMICS_HOME, and open `profiles` as `open` does; with none, it is not waited for.

        With no `registry` URI they share the embedded one of `home`'s parent. `namespace` is a network namespace's
        name. `faults` are parts of the errors that are expected in its log.
        """
        own = {"ACADEMICS_HOME": str(home), "XDG_DATA_HOME": str(home.parent / "data"), "ACADEMICS_REGISTRY": registry}
        within = ["ip", "netns", "exec", namespace] if namespace else []
        self._forks = forks_are_used() and not namespace
        command = [*within, sys.executable, "-m", "tests.peer_process"]
        super().__init__(command, {**os.environ, **own, **(environment or {})}, piped=True)
        self.ids: dict[str, str] = {}
        self.faults: list[str] = []
        self._expected = tuple(faults)
        self._asked: dict[int, Future[Any]] = {}
        self._asking = threading.Lock()
        self._count = 0
        self._reader = threading.Thread(target=self._read, name="peer-process-answers", daemon=True)
        self._reader.start()
        try:
            if profiles:
                self.open(*profiles)
        except BaseException as error:
            error.add_note(self.log())
            self.kill()
            raise

    def _begin(
        self, command: Sequence[str], environment: Mapping[str, str] | None, piped: bool
    ) -> subprocess.Popen[bytes] | Forked:
        if self._forks and environment is not None:
            return forked_peer(environment, self._log)
        return super()._begin(command, environment, piped)

    def open(self, *profiles: str, register: bool = True, start: bool = True, **settings: Any) -> None:
        """Open profiles, all at once, registered under their names and online; their ids are in `ids`.

        `settings` are those of `Settings` that the environment does not give.
        """
        opened = f"asyncio.gather(*(open_profile(name, {register}, {start}, **{settings!r}) for name in {profiles!r}))"
        self.ids.update(zip(profiles, self.value(opened), strict=True))

    def ask(self, code: str) -> Future[Any]:
        """Have code run, without waiting for its end."""
        answer: Future[Any] = Future()
        with self._asking:
            self._count += 1
            self._asked[self._count] = answer
            line = json.dumps({"id": self._count, "code": code}) + "\n"
            try:
                self.stdin.write(line.encode())
                self.stdin.flush()
            except (OSError, ValueError):
                answer.set_exception(ProcessError("the process has ended"))
        return answer

    def value(self, code: str, timeout_s: float = ANSWER_TIMEOUT_S) -> Any:
        """What an expression is in the process, as JSON has it; None for statements. Raises ProcessError."""
        try:
            return self.ask(code).result(timeout_s)
        except TimeoutError:
            raise AssertionError(f"{code} was not answered within {timeout_s} s:\n{self.log()}") from None

    def sees(self, expression: str, wanted: Any = True, timeout_s: float = TIMEOUT_S) -> None:
        """Wait until an expression has a value in the process."""
        seen: list[Any] = [None]

        def look() -> bool:
            try:
                seen[0] = self.value(expression, timeout_s)
            except ProcessError as error:
                if not self.is_alive:
                    raise
                seen[0] = str(error)
            return bool(seen[0] == wanted)

        try:
            wait_until(look, timeout_s, expression)
        except AssertionError as error:
            raise AssertionError(f"{expression} stayed {seen[0]!r}, not {wanted!r}:\n{self.log()}") from error

    def kill(self) -> None:
        """SIGKILL, as when the machine dies. Safe to repeat."""
        super().kill()
        self._close_pipes()

    def close(self) -> None:
        """Have the peers leave, and the process end. Safe to repeat, and after `kill`."""
        if self.stdin.closed:
            return
        self.cont()
        with suppress(OSError):
            self.stdin.close()
        code = self.wait()
        self._close_pipes()
        assert code == 0, f"the process of {', '.join(self.ids)} ended with {code}:\n{self.log()}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            error.add_note(f"the log of {', '.join(self.ids)}:\n{self.log()}")
            self.kill()
            return
        self.close()
        unexpected = [fault for fault in self.faults if not any(part in fault for part in self._expected)]
        assert not unexpected, f"errors in the log of {', '.join(self.ids)}:\n" + "\n".join(unexpected)

    def _close_pipes(self) -> None:
        self._reader.join()
        with suppress(OSError):
            self.stdin.close()
        self.stdout.close()

    def _read(self) -> None:
        for line in self.stdout:
            answer = json.loads(line)
            if "fault" in answer:
                self.faults.append(answer["fault"])
                continue
            with self._asking:
                future = self._asked.pop(answer["id"])
            if "error" in answer:
                future.set_exception(ProcessError(answer["error"]))
            else:
                future.set_result(answer["value"])
        with self._asking:
            for future in self._asked.values():
                if not future.done():
                    future.set_exception(ProcessError("the process has ended"))
