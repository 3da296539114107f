"""Keeping the presence lease, also while a cell computes, so that it never looks like death.

As long as the kernel's loop turns, the lease is renewed on it. A computing cell starves the loop, and with it
everything of the peer that runs there. A thread goes on: while the loop has not turned for some seconds, it renews the
lease through a registry connection of its own, with `busy` set, and says that this is over once the loop turns again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable

from academics_jupyter.errors import AcademicsError
from academics_jupyter.peer.settings import Settings
from academics_jupyter.protocol.records import Presence, Signed
from academics_jupyter.registry.opening import open_registry
from academics_jupyter.registry.port import Registry

BUSY_AFTER_S = 5.0
RENEW_INTERVAL_S = 30.0
RETRY_INTERVAL_S = 5.0
LOOK_INTERVAL_S = 0.25

log = logging.getLogger(__name__)


class Heartbeat:
    """Its thread runs from `start` to `stop`; in it, `sign` is called for a fresh presence, busy or not."""

    def __init__(self, settings: Settings, sign: Callable[[bool], Signed[Presence]]) -> None:
        self._settings, self._sign = settings, sign
        self._turned_s = time.monotonic()
        self._next_s = time.monotonic() + RENEW_INTERVAL_S
        self._sooner = asyncio.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="academics-heartbeat", daemon=True)

    def start(self) -> None:
        """Begin, if it has not begun; the presence is being announced."""
        if not self._thread.is_alive():
            self._thread.start()

    def turned(self) -> float:
        """The kernel's loop has turned; how many seconds it had not."""
        now_s = time.monotonic()
        still_s, self._turned_s = now_s - self._turned_s, now_s
        return still_s

    def renew_soon(self) -> None:
        """What the presence says has changed. For the loop only."""
        self._next_s = 0.0
        self._sooner.set()

    async def is_due(self) -> bool:
        """Wait until the lease is to be renewed on the loop; false once it is to be renewed no more."""
        while not self._stopping.is_set() and (left_s := self._next_s - time.monotonic()) > 0:
            self._sooner.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._sooner.wait(), min(left_s, RETRY_INTERVAL_S))
        return not self._stopping.is_set()

    def renewed(self, *, done: bool) -> None:
        """The lease was renewed or, where the registry did not answer, was not."""
        self._next_s = time.monotonic() + (RENEW_INTERVAL_S if done else RETRY_INTERVAL_S)

    async def stop(self) -> None:
        """Announce nothing more; returns once the thread has ended."""
        self._stopping.set()
        self._sooner.set()
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_INTERVAL_S):
            if self._is_starved():
                self._stand_in()

    def _stand_in(self) -> None:
        # Not asyncio.run: a kernel's nested loops have it patched, and then it serves the main thread only.
        loop = asyncio.new_event_loop()
        try:
            loop.run_until_complete(self._beat())
        except Exception:
            log.exception("the heartbeat stumbled over a fault of this program")
        finally:
            loop.close()

    def _is_starved(self) -> bool:
        return time.monotonic() - self._turned_s > BUSY_AFTER_S

    async def _beat(self) -> None:
        """Say that the peer is busy for as long as it is, and then that it is so no more."""
        registry = open_registry(self._settings.registry or None, self._settings.registry_folder)
        opened, busy, next_s = False, False, 0.0
        try:
            while not self._stopping.is_set():
                starved = self._is_starved()
                if starved is not busy or time.monotonic() >= next_s:
                    busy = starved
                    opened = await self._renew(registry, busy, opened)
                    next_s = self._next_s
                if not starved:
                    return
                await asyncio.sleep(LOOK_INTERVAL_S)
        finally:
            if opened:
                await registry.close()

    async def _renew(self, registry: Registry, busy: bool, opened: bool) -> bool:
        """Whether the registry is open now."""
        try:
            if not opened:
                await registry.open()
                opened = True
            await registry.publish(self._sign(busy))
        except AcademicsError as error:
            log.info("the presence was not renewed: %s", error)
            self.renewed(done=False)
        else:
            self.renewed(done=True)
        return opened
