"""Carrying something out soon, but not too often."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable


class Repeated:
    """Runs an action when asked to: at once if it has rested for `interval_s`, never twice at a time.

    Any number of requests that come meanwhile become one more run. For the event loop only.
    """

    def __init__(self, action: Callable[[], Awaitable[None]], interval_s: float) -> None:
        self._action = action
        self._interval_s = interval_s
        self._wanted = False
        self._task: asyncio.Task[None] | None = None

    def soon(self) -> None:
        """Ask for a run."""
        self._wanted = True
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Run no more."""
        self._wanted = False
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while self._wanted:
            self._wanted = False
            await self._action()
            await asyncio.sleep(self._interval_s)
