"""One limit for the loop and for threads."""

from __future__ import annotations

import asyncio
import threading

from academics_jupyter.network.limiter import Limiter


async def test_what_goes_is_counted_whichever_way_it_goes() -> None:
    limiter = Limiter()
    await limiter.take(1000)
    assert await asyncio.to_thread(limiter.take_blocking, 234, threading.Event())
    assert limiter.total_bytes == 1234
    assert limiter.rate_bytes_s > 0


async def test_who_waits_in_a_thread_can_be_stopped() -> None:
    limiter, stop = Limiter(1), threading.Event()
    waiting = asyncio.create_task(asyncio.to_thread(limiter.take_blocking, 1 << 40, stop))
    stop.set()
    assert await waiting is False
    assert limiter.total_bytes == 0


async def test_the_loop_and_threads_share_one_limit() -> None:
    limiter = Limiter(1000)
    # Reserved and never waited for: what comes after it waits behind it.
    stop = threading.Event()
    stop.set()
    assert not limiter.take_blocking(1 << 40, stop)
    taking = asyncio.create_task(limiter.take(1))
    await asyncio.sleep(0)
    assert not taking.done()
    taking.cancel()
