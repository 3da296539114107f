"""Waiting for the store to change, in this process or another one with the same profile."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator

from academics_jupyter.store.store import Store

POLL_INTERVAL_S = 0.25
"""Only where the system has no doorbell."""


class Changes:
    """Turns the store's change notices, which come in any thread, into things a loop can wait for."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._loop = asyncio.get_running_loop()
        self._poller: asyncio.Task[None] | None = None
        if store.doorbell.fileno() >= 0:
            self._loop.add_reader(store.doorbell.fileno(), store.receive_doorbell)
        else:
            self._poller = asyncio.create_task(self._poll(), name="academics-poll")

    def close(self) -> None:
        """Listen no more."""
        if self._poller is not None:
            self._poller.cancel()
        else:
            self._loop.remove_reader(self._store.doorbell.fileno())

    @contextlib.contextmanager
    def watched(self, *topics: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever one of `topics` has changed; the waiter clears it before it looks."""
        changed = asyncio.Event()
        unsubscribe = self.call_on(frozenset(topics), changed.set)
        try:
            yield changed
        finally:
            unsubscribe()

    def call_on(self, topics: frozenset[str], callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` on the loop after each change of one of `topics`, until what is returned is called."""

        def notice(changed: frozenset[str]) -> None:
            if topics & changed and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(callback)

        return self._store.subscribe(notice)

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(POLL_INTERVAL_S)
            self._store.receive_doorbell()


async def either(*events: asyncio.Event, timeout_s: float | None = None) -> None:
    """Return when one of the events is set, or after `timeout_s`."""
    tasks = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(tasks, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
