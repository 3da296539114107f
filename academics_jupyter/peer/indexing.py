"""Keeps the search index near what has come, at the driver: a first search after a long time has little to read."""

from __future__ import annotations

import asyncio
import logging

from academics_jupyter.errors import StoreError
from academics_jupyter.peer.context import Context

INTERVAL_S = 10.0
"""At the least, between two looks."""

log = logging.getLogger(__name__)


async def keep_index(context: Context) -> None:
    """See to the index whenever messages have come; for ever."""
    with context.changes.watched("messages") as changed:
        while True:
            changed.clear()
            try:
                await asyncio.to_thread(context.store.search.keep_up)
            except StoreError as error:
                log.info("the search index was not brought up to date: %s", error)
            await asyncio.sleep(INTERVAL_S)
            await changed.wait()
