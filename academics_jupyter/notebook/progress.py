"""Progress bars in cells, drawn by tqdm: as a widget where the front end has them, else as text."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tqdm.auto import tqdm

DELAY_S = 0.5
"""Nothing is shown for what is done sooner."""
REDRAW_S = 0.1


class Progress:
    """How many bytes are done; written from any thread, drawn from the loop."""

    def __init__(self) -> None:
        self.done_bytes = 0

    def set(self, done_bytes: int) -> None:
        """So many are done."""
        self.done_bytes = done_bytes


@asynccontextmanager
async def progress_bar(what: str, size_bytes: int) -> AsyncIterator[Progress]:
    """A bar for as long as the context lasts."""
    progress = Progress()
    bar = tqdm(total=size_bytes, desc=what, unit="B", unit_scale=True, unit_divisor=1000, delay=DELAY_S, leave=False)
    drawing = asyncio.create_task(_draw(bar, progress), name="academics-progress")
    try:
        yield progress
    finally:
        drawing.cancel()
        bar.update(progress.done_bytes - bar.n)
        bar.close()


async def _draw(bar: tqdm[None], progress: Progress) -> None:
    while True:
        bar.update(progress.done_bytes - bar.n)
        await asyncio.sleep(REDRAW_S)
