"""Real Jupyter kernels for tests: run cells, see what they print, interrupt, restart, kill."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from tempfile import TemporaryDirectory
from typing import Any

from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import KernelManager

CELL_TIMEOUT_S = 60


@dataclass
class Ran:
    """What a cell did: its streams and results as text, its error, its displayed data."""

    status: str
    text: str = ""
    error: str = ""
    traceback: list[str] = field(default_factory=list)
    data: list[dict[str, Any]] = field(default_factory=list)


class Kernel:
    """One running kernel."""

    def __init__(self, env: dict[str, str]) -> None:
        # Ports would be looked for here and taken there, a second later; another process may have them by then.
        self._sockets = TemporaryDirectory(prefix="academics-kernel-")
        self.manager = KernelManager(kernel_name="python3", transport="ipc", ip=f"{self._sockets.name}/socket")
        self.manager.start_kernel(env=env)
        self.client: BlockingKernelClient = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=CELL_TIMEOUT_S)

    def send(self, code: str) -> str:
        """Queue a cell; `collect` waits for it."""
        return str(self.client.execute(code))

    def run(self, code: str, *, timeout_s: float = CELL_TIMEOUT_S, check: bool = True) -> Ran:
        """Run a cell to its end; with `check`, an error in it fails the test."""
        ran = self.collect(self.send(code), timeout_s)
        if check:
            assert ran.status == "ok", f"{code}\n{ran.text}\n" + "\n".join(ran.traceback)
        return ran

    def collect(self, message: str, timeout_s: float = CELL_TIMEOUT_S) -> Ran:
        """Wait until a queued cell has ended."""
        ran = Ran("pending")
        while True:
            try:
                out = self.client.get_iopub_msg(timeout=timeout_s)
            except queue.Empty:
                raise AssertionError(f"the cell did not end; so far: {ran}") from None
            if out["parent_header"].get("msg_id") != message:
                continue
            content = out["content"]
            match out["msg_type"]:
                case "stream":
                    ran.text += content["text"]
                case "execute_result" | "display_data":
                    ran.data.append(content["data"])
                    ran.text += content["data"].get("text/plain", "") + "\n"
                case "error":
                    ran.error, ran.traceback = content["ename"], content["traceback"]
                case "status" if content["execution_state"] == "idle":
                    break
        ran.status = "error" if ran.error else "ok"
        return ran

    def wait_for_output(self, message: str) -> None:
        """Return once a queued cell has printed something, which `collect` will not see any more."""
        while True:
            out = self.client.get_iopub_msg(timeout=CELL_TIMEOUT_S)
            if out["parent_header"].get("msg_id") == message and out["msg_type"] == "stream":
                return

    def interrupt(self) -> None:
        self.manager.interrupt_kernel()

    def kill(self) -> None:
        """`kill -9`, as when a machine dies."""
        self.manager.shutdown_kernel(now=True)

    def restart(self) -> None:
        """As the menu does: shut down cleanly, start again."""
        self.manager.restart_kernel(now=False)
        self.client.wait_for_ready(timeout=CELL_TIMEOUT_S)

    def shut_down(self) -> None:
        """As the menu does."""
        self.manager.shutdown_kernel(now=False)

    def close(self) -> None:
        self.client.stop_channels()
        if self.manager.is_alive():
            self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()
        self._sockets.cleanup()


@contextmanager
def running_kernel(env: dict[str, str]) -> Iterator[Kernel]:
    """A kernel for as long as the context lasts."""
    kernel = Kernel(env)
    try:
        yield kernel
    finally:
        kernel.close()
