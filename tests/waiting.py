"""Waiting on a condition instead of for a time."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable

POLL_S = 0.01
TIMEOUT_S = 60.0
"""So long that only what never comes about fails, however busy the machine."""


def wait_until(condition: Callable[[], object], timeout_s: float = TIMEOUT_S, what: str = "the condition") -> None:
    """Return once `condition` is true; fail the test if it is not within `timeout_s`."""
    ends = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < ends, f"{what} did not come about within {timeout_s} s"
        time.sleep(POLL_S)


async def wait_until_async(
    condition: Callable[[], Awaitable[object] | object], timeout_s: float = TIMEOUT_S, what: str = "the condition"
) -> None:
    """As `wait_until`, without holding up the loop; the condition may be awaitable."""
    ends = time.monotonic() + timeout_s
    while not (await found if inspect.isawaitable(found := condition()) else found):
        assert time.monotonic() < ends, f"{what} did not come about within {timeout_s} s"
        await asyncio.sleep(POLL_S)
