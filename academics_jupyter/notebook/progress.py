"""Progress bars in cells, drawn by tqdm: as a widget where the front end has them, else as text."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tqdm.auto import tqdm

DELAY_S = 0.5
"""Nothing is shown for what is done sooner."""
REDRAW_S = 0.1


class Progress:
    """How many bytes are done, and in words how it goes; written from any thread, drawn from the loop."""

    def __init__(self) -> None:
        self.done_bytes, self.text = 0, ""

    def set(self, done_bytes: int, text: str = "") -> None:
        """So many are done. `text`, which has no braces, stands in for the rate and time left that tqdm would find."""
        self.done_bytes, self.text = done_bytes, text


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
    started_s, drawn = time.monotonic(), ""
    while True:
        bar.update(progress.done_bytes - bar.n)
        if progress.text != drawn and time.monotonic() >= started_s + DELAY_S:
            drawn = progress.text
            bar.bar_format = "{desc}: {percentage:3.0f}%|{bar}| " + drawn
            # tqdm draws by itself only when the number changes.
            bar.refresh()
        await asyncio.sleep(REDRAW_S)
