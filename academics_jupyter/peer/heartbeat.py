"""Keeping the presence lease from a thread of its own, so that a cell that computes never looks like death.

A computing cell starves the kernel's loop, and with it everything of the peer that runs there. This thread goes on: it
renews the lease through a registry connection of its own, and says `busy` while the loop has not turned for some
seconds, and that it is over as soon as it turns again.
"""

from __future__ import annotations

import asyncio
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
    """Runs from `start` to `stop`; `sign` makes a fresh presence, busy or not, and is called in the thread."""

    def __init__(self, settings: Settings, sign: Callable[[bool], Signed[Presence]]) -> None:
        self._settings, self._sign = settings, sign
        self._turned_s = time.monotonic()
        self._busy = False
        self._next_s = time.monotonic() + RENEW_INTERVAL_S
        self._soon = threading.Event()
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
        """What the presence says has changed."""
        self._soon.set()

    async def stop(self) -> None:
        """Announce nothing more; returns once the thread has ended."""
        self._stopping.set()
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        # Not asyncio.run: a kernel's nested loops have it patched, and then it serves the main thread only.
        loop = asyncio.new_event_loop()
        try:
            loop.run_until_complete(self._beat())
        except Exception:
            log.exception("the heartbeat ended in a fault of this program")
        finally:
            loop.close()

    async def _beat(self) -> None:
        registry = open_registry(self._settings.registry or None, self._settings.registry_folder)
        opened = False
        try:
            while not self._stopping.is_set():
                if self._is_due():
                    opened = await self._renew(registry, opened)
                await asyncio.sleep(LOOK_INTERVAL_S)
        finally:
            if opened:
                await registry.close()

    def _is_due(self) -> bool:
        now_s = time.monotonic()
        busy = now_s - self._turned_s > BUSY_AFTER_S
        changed, self._busy = busy != self._busy, busy
        return changed or self._soon.is_set() or now_s >= self._next_s

    async def _renew(self, registry: Registry, opened: bool) -> bool:
        """Whether the registry is open now."""
        self._soon.clear()
        try:
            if not opened:
                await registry.open()
                opened = True
            await registry.publish(self._sign(self._busy))
        except AcademicsError as error:
            log.info("the presence was not renewed: %s", error)
            self._next_s = time.monotonic() + RETRY_INTERVAL_S
        else:
            self._next_s = time.monotonic() + RENEW_INTERVAL_S
        return opened
