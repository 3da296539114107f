"""The thread that writes what somebody waits for: one write after the other, each told of as soon as it is on disk."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar

from academics_jupyter.errors import StoreError
from academics_jupyter.store.store import Store

T = TypeVar("T")


class Keeper:
    """One store's. For the loop that runs while it is made.

    `asyncio.to_thread` would do too, but takes twice as long to wake a thread and be woken by it, and returns only when
    all who watch the store have been told.
    """

    def __init__(self, store: Store) -> None:
        self._store, self._loop = store, asyncio.get_running_loop()
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="academics-keeper", daemon=True)
        self._thread.start()

    async def kept(self, write: Callable[..., T], *args: Any, lasting: bool = True, **options: Any) -> T:
        """Call `write` in one transaction; what it returns, once that is on disk. Writes follow in the order of calls.

        Nobody has been told of the change yet then. For what is not `lasting`, see `Database.transaction`. Raises what
        `write` raises, and StoreError; then nothing was written.
        """
        if self._closed:
            raise StoreError("The profile's store is closed.")
        done: asyncio.Future[T] = self._loop.create_future()
        self._jobs.put(partial(self._write, partial(write, *args, **options), done, lasting))
        return await done

    def close(self) -> None:
        """Finish what was asked for, and end. Safe to repeat."""
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
            self._thread.join()

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()

    def _write(self, write: Callable[[], T], done: asyncio.Future[T], lasting: bool) -> None:
        try:
            with self._store.transaction(lasting=lasting):
                written = write()
                self._store.database.once_kept(lambda: self._answer(done, written, None))
        except BaseException as error:
            self._answer(done, None, error)

    def _answer(self, done: asyncio.Future[Any], written: object, error: BaseException | None) -> None:
        with suppress(RuntimeError):  # of a loop that has ended
            self._loop.call_soon_threadsafe(_settle, done, written, error)


def _settle(done: asyncio.Future[Any], written: object, error: BaseException | None) -> None:
    if done.done():
        return  # nobody waits any more
    if error is None:
        done.set_result(written)
    else:
        done.set_exception(error)
