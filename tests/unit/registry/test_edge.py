"""What stands between the registry's callers and pymongo."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from academics_jupyter.registry.edge import answered


async def test_what_is_given_up_is_left_to_end_by_itself() -> None:
    """Cancelled in the middle, pymongo keeps a lock for good, and nobody is answered any more."""
    began, go_on, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def call(_database: Any) -> None:
        began.set()
        await go_on.wait()
        ended.set()
        raise AutoReconnect("nobody sees this any more")

    asking = asyncio.create_task(answered("The registry", lambda: Any, call))
    await began.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    go_on.set()
    await asyncio.wait_for(ended.wait(), 20)
