"""A limit that all transfers in one direction share, on the event loop and in threads alike. May import protocol."""

from __future__ import annotations

import asyncio
import threading
import time

from academics_jupyter.protocol.limits import Bucket
from academics_jupyter.protocol.meter import Meter


class Limiter:
    """Lets bytes through at no more than `bytes_per_s` in all, in the order asked for, and counts them; 0 is no limit.

    Its methods may be called from any thread.
    """

    def __init__(self, bytes_per_s: float = 0) -> None:
        self._bucket, self._meter = Bucket(bytes_per_s), Meter()
        self._lock = threading.Lock()

    def portion(self, most_bytes: int) -> int:
        """How many of `most_bytes` to take at once, so that they flow rather than come in lumps."""
        return self._bucket.portion(most_bytes)

    async def take(self, count: int) -> None:
        """Wait until `count` bytes may go."""
        if wait_s := self._reserve(count):
            await asyncio.sleep(wait_s)
        self._count(count)

    def take_blocking(self, count: int, stop: threading.Event) -> bool:
        """Wait in this thread until `count` bytes may go; false, and at once, where `stop` is set."""
        wait_s = self._reserve(count)
        if stop.wait(wait_s) if wait_s else stop.is_set():
            return False
        self._count(count)
        return True

    @property
    def total_bytes(self) -> int:
        """All that has gone."""
        return self._meter.total_bytes

    @property
    def rate_bytes_s(self) -> float:
        """Bytes per second over the last few seconds."""
        with self._lock:
            return self._meter.rate_bytes_s(time.monotonic())

    def _reserve(self, count: int) -> float:
        with self._lock:
            return self._bucket.reserve(count, time.monotonic())

    def _count(self, count: int) -> None:
        with self._lock:
            self._meter.add(count, time.monotonic())
