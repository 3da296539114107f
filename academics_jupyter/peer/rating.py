"""How fast the peer sends and fetches: the driver keeps it in the store, where every process of the profile sees it."""

from __future__ import annotations

import asyncio
import logging

from academics_jupyter.errors import StoreError
from academics_jupyter.peer.context import Context
from academics_jupyter.store.rates import Rates
from academics_jupyter.store.store import wall_clock_ms

INTERVAL_S = 1.0

log = logging.getLogger(__name__)


async def keep_rates(context: Context) -> None:
    """Write the rates down about once a second while bytes go, and once when they have ceased to; for ever."""
    written: Rates | None = None
    while True:
        rates = Rates(context.upload_limiter.rate_bytes_s, context.download_limiter.rate_bytes_s)
        if any(rates) or rates != written:
            try:
                await asyncio.to_thread(context.store.rates.put, rates, wall_clock_ms())
            except StoreError as error:
                # A full disk, say; what was written before is out of date in a moment.
                log.info("the rates were not written: %s", error)
            else:
                written = rates
        await asyncio.sleep(INTERVAL_S)
