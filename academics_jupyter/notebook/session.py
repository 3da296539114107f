"""One kernel's peer, and the ways to reach it from cells, widget callbacks and the kernel's end.

The peer lives on the kernel's own event loop. A cell waits for it through a nested run of that loop; anything that may
run on another thread, as widget callbacks do in some kernels, hands its coroutine over to the loop.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import contextlib
import signal
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

import nest_asyncio2

from academics_jupyter.errors import NotStartedError, UsageError
from academics_jupyter.peer.peer import Peer
from academics_jupyter.peer.settings import Settings

T = TypeVar("T")
LEAVE_TIMEOUT_S = 5.0
"""Jupyter kills a kernel that takes longer to end."""


class Session:
    """Opens the peer on first use, with the settings in force then."""

    def __init__(self, settings: Callable[[], Settings], label: str) -> None:
        self.settings = settings
        self.label = label
        self._loop: asyncio.AbstractEventLoop | None = None
        self._peer: Peer | None = None
        self._opening = asyncio.Lock()

    @property
    def current(self) -> Peer | None:
        """The peer, if it has been opened."""
        return self._peer

    async def peer(self) -> Peer:
        """The peer; reopened where the settings have changed and this one is not online.

        Raises UsageError where it is: its settings cannot change under it.
        """
        async with self._opening:
            settings = self.settings()
            if self._peer is not None and self._peer.settings != settings:
                if self._peer.is_driver:
                    raise UsageError(
                        f"Your settings have changed, and profile {self._peer.settings.profile} is still online with"
                        " the former ones: change them back, or reload the extension with %reload_ext academics."
                    )
                await self.close()
            if self._peer is not None and not self._peer.is_registered and self._peer.folder.exists:
                # Another kernel has registered since this one looked.
                await self.close()
            if self._peer is None:
                self._peer = await Peer.open(settings)
                atexit.register(self.close_at_exit)
            return self._peer

    async def close(self) -> None:
        """Leave the network and close the profile."""
        atexit.unregister(self.close_at_exit)
        peer, self._peer = self._peer, None
        if peer is not None:
            await peer.close()

    def wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """From a cell: run `coroutine` on the kernel's loop to its end. An interrupt cancels it, and nothing else."""
        loop = self._find_loop(coroutine)
        nest_asyncio2.apply(loop)
        task = loop.create_task(coroutine)
        with _interrupt_cancels(task, loop) as interrupted:
            try:
                return loop.run_until_complete(task)
            except asyncio.CancelledError:
                if interrupted.is_set():
                    raise KeyboardInterrupt from None
                raise

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """From any thread: have the kernel's loop run `coroutine`."""
        if self._loop is None:
            coroutine.close()
            raise NotStartedError("The peer has not been started in this kernel: %academics start.")
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def close_at_exit(self) -> None:
        """At the kernel's end: leave cleanly.

        The loop has been told to stop, and a nested one stays so: each run of it makes one turn and raises.
        """
        if self._peer is None or self._loop is None or self._loop.is_closed():
            return
        self._loop.set_default_executor(_InlineExecutor())
        closing = self._loop.create_task(self.close())
        ends_s = time.monotonic() + LEAVE_TIMEOUT_S
        while not closing.done() and time.monotonic() < ends_s:
            with contextlib.suppress(RuntimeError):
                self._loop.run_until_complete(closing)

    def _find_loop(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.AbstractEventLoop:
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:
            coroutine.close()
            raise UsageError("Academics needs a Jupyter kernel; in a script, use academics.open_peer().") from None
        return self._loop


class _InlineExecutor(concurrent.futures.ThreadPoolExecutor):
    """Runs what it is given at once: when atexit functions run, the interpreter starts no more threads."""

    def submit(self, function: Callable[..., T], /, *args: Any, **kwargs: Any) -> concurrent.futures.Future[T]:
        future: concurrent.futures.Future[T] = concurrent.futures.Future()
        try:
            future.set_result(function(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@contextlib.contextmanager
def _interrupt_cancels(task: asyncio.Task[Any], loop: asyncio.AbstractEventLoop) -> Iterator[threading.Event]:
    """While a cell waits, an interrupt must cancel what it waits for, not strike whichever task happens to run."""
    interrupted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield interrupted
        return

    def cancel(_signal: int, _frame: Any) -> None:
        interrupted.set()
        loop.call_soon_threadsafe(task.cancel)

    former = signal.signal(signal.SIGINT, cancel)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, former)
