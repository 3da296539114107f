"""How much to ask of a holder at a time over a link, so that what else goes over the link does not wait behind it.

A read that takes longer than the quickest of late has waited in some queue, and so has everything that was sent behind
it. The window is what may be under way: it grows while reads wait for less than TARGET_S, and shrinks when they wait
for longer.

Invariants
- No more than the window is under way, but for a read of the smallest size when nothing else is.
- A reader that asks for less than it may does not widen the window.
"""

from __future__ import annotations

from academics_jupyter.protocol.wire import MAX_READ_BYTES

SMALLEST_READ_BYTES = 16 << 10
FIRST_BYTES = 64 << 10
LEAST_BYTES = 2 * SMALLEST_READ_BYTES
MOST_BYTES = 16 * MAX_READ_BYTES
READS_IN_WINDOW = 4
TARGET_S = 0.025
MEMORY_S = 10.0
"""For how long the quickest read counts: the way to the holder may have become a longer one."""


class Window:
    """What may be under way to one holder over a link."""

    def __init__(self) -> None:
        self.size_bytes = FIRST_BYTES
        self.under_way_bytes = 0
        self._is_opening = True
        self._quickest_s = self._quickest_before_s = float("inf")
        self._since_s = self._shrunk_s = float("-inf")

    def take(self, most: int) -> int:
        """How many of `most` bytes to ask for now; 0 is to wait for an answer."""
        share = self.size_bytes // READS_IN_WINDOW // SMALLEST_READ_BYTES * SMALLEST_READ_BYTES
        length = min(most, max(SMALLEST_READ_BYTES, min(share, MAX_READ_BYTES)))
        if self.under_way_bytes and self.under_way_bytes + length > self.size_bytes:
            return 0
        self.under_way_bytes += length
        return length

    def answered(self, length: int, took_s: float, now_s: float) -> None:
        """A read of `length` bytes has been answered, `took_s` after it was asked for."""
        was_used = 2 * self.under_way_bytes >= self.size_bytes
        self.under_way_bytes -= length
        waited_s = self._waited_s(took_s, now_s)
        if waited_s < TARGET_S:
            if was_used:
                self.size_bytes = min(MOST_BYTES, self.size_bytes + (length if self._is_opening else length // 4))
        elif now_s - self._shrunk_s > took_s:
            # What was under way when it shrank says nothing of the smaller window.
            self._is_opening, self._shrunk_s = False, now_s
            meant_s = took_s - waited_s + TARGET_S
            self.size_bytes = max(LEAST_BYTES, int(self.size_bytes * meant_s / took_s))

    def gave_up(self, length: int) -> None:
        """A read of `length` bytes is waited for no more."""
        self.under_way_bytes -= length

    def _waited_s(self, took_s: float, now_s: float) -> float:
        if now_s - self._since_s > MEMORY_S:
            self._quickest_before_s, self._quickest_s = self._quickest_s, took_s
            self._since_s = now_s
        self._quickest_s = min(self._quickest_s, took_s)
        return took_s - min(self._quickest_s, self._quickest_before_s)
